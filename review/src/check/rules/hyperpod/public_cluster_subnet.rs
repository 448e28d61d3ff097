//! `public-cluster-subnet`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{boolean, items};
use crate::check::view::View;

rule! {
    /// A HyperPod cluster is in a subnet that assigns public addresses.
    ///
    /// # Why it matters
    ///
    /// Instances with several network cards cannot have a public address, so they are not started.
    ///
    /// # How to fix
    ///
    /// Use a subnet with `MapPublicIpOnLaunch: false`.
    Error "public-cluster-subnet",
    source: "awsome-distributed-training@7217859f validate-config.py; Amazon SageMaker Developer Guide, sagemaker-hyperpod-prerequisites.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let of_groups = groups(cluster).flat_map(|group| items(&group["OverrideVpcConfig"]["Subnets"]));
        for location in items(&cluster.properties["VpcConfig"]["Subnets"]).chain(of_groups) {
            let Some(subnet) = view.target(location).filter(|target| target.type_name == "AWS::EC2::Subnet")
            else {
                continue;
            };
            let public = &subnet.properties["MapPublicIpOnLaunch"];
            if boolean(public) == Some(true) {
                findings.add(
                    subnet,
                    public,
                    format!(
                        "`{}` assigns public IP addresses, and `{}` needs a private subnet",
                        subnet.id, cluster.id
                    ),
                    "use a private subnet",
                );
            }
        }
    }
}
