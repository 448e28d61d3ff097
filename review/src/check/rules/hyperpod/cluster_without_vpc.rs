//! `cluster-without-vpc`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups, is_mount};
use crate::check::rules::rule;
use crate::check::value::{is_set, items};
use crate::check::view::View;

rule! {
    /// A HyperPod cluster without `VpcConfig` uses Amazon EKS, mounts an FSx file system, or has a group with a VPC of its own.
    ///
    /// # Why it matters
    ///
    /// SageMaker requires the VPC of the cluster for all of them.
    ///
    /// # How to fix
    ///
    /// Set `VpcConfig` with private subnets.
    Error "cluster-without-vpc",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-ref-slurm.md and sagemaker-hyperpod-eks-prerequisites.md; botocore 1.44.5 sagemaker/2017-07-24/service-2.json CreateClusterRequest.VpcConfig",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        if is_set(&cluster.properties["VpcConfig"]) {
            continue;
        }
        let eks = &cluster.properties["Orchestrator"]["Eks"];
        let of_groups = groups(cluster).flat_map(|group| {
            let mount = items(&group["InstanceStorageConfigs"]).find(|storage| is_mount(storage));
            let own = &group["OverrideVpcConfig"];
            [(mount, "a file system that nodes mount"), (Some(own), "`OverrideVpcConfig`")]
        });
        let first = [(Some(eks), "`Orchestrator.Eks`")].into_iter().chain(of_groups);
        let found =
            first.filter_map(|(value, what)| Some((value.filter(|value| is_set(value))?, what))).next();
        if let Some((value, what)) = found {
            findings.add(
                cluster,
                value,
                format!("{what} needs the `VpcConfig` of the cluster, which is not set"),
                "set `VpcConfig` with private subnets",
            );
        }
    }
}
