//! `continuous-provisioning-settings`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// A HyperPod cluster without continuous provisioning uses a setting that exists only with it.
    ///
    /// # Why it matters
    ///
    /// The API refuses `MinInstanceCount` and `InstanceRequirements` of a group, and an `AccountingDatabase` of Slurm, without
    /// it.
    ///
    /// # How to fix
    ///
    /// Set `NodeProvisioningMode: Continuous`, or remove the setting.
    Error "continuous-provisioning-settings",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-scaling-eks.md and sagemaker-hyperpod-scaling-slurm.md; botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterOrchestratorSlurmConfig.AccountingDatabase",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        if is_set(&cluster.properties["NodeProvisioningMode"]) {
            continue;
        }
        let of_groups = groups(cluster)
            .flat_map(|group| ["MinInstanceCount", "InstanceRequirements"].map(|name| (name, &group[name])));
        let database = &cluster.properties["Orchestrator"]["Slurm"]["AccountingDatabase"];
        for (name, value) in of_groups.chain([("AccountingDatabase", database)]) {
            if is_set(value) {
                findings.add(
                    cluster,
                    value,
                    format!("`{name}` needs continuous provisioning"),
                    "set `NodeProvisioningMode: Continuous`",
                );
            }
        }
    }
}
