//! `cluster-subnet-too-small`

use stackwright_schemas::ec2_network::network_facts;

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{is_set, items, number, string};
use crate::check::view::View;

rule! {
    /// The instance groups of a HyperPod cluster need more IP addresses than its largest subnet has.
    ///
    /// # Why it matters
    ///
    /// By default, HyperPod puts all groups into one subnet of the list. A `p5.48xlarge` takes 32 addresses on Slurm and 81 on
    /// Amazon EKS. Instances that find no address are not started, and the address block of a subnet cannot be changed.
    ///
    /// # How to fix
    ///
    /// Use a larger address block, or put groups into subnets of their own with `OverrideVpcConfig`.
    ///
    /// # Limitations
    ///
    /// The number of addresses is documented for `p5.48xlarge`; for other types it follows from their network cards, so
    /// this is a warning. Subnets outside of the template are not checked.
    Warning "cluster-subnet-too-small",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-prerequisites.md; network cards of moto 5.2.5 (describe-instance-types)",
    applies_to: ["AWS::SageMaker::Cluster", "AWS::EC2::Subnet"],
    check: Each(check),
}

/// Addresses that Amazon VPC keeps of each subnet.
const RESERVED: u64 = 5;

/// Addresses of a node of Amazon EKS for its pods.
const POD_ADDRESSES: u64 = 50;

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let is_eks = is_set(&cluster.properties["Orchestrator"]["Eks"]);
        let subnets = &cluster.properties["VpcConfig"]["Subnets"];
        let sizes: Option<Vec<u64>> = items(subnets)
            .map(|subnet| size(string(&view.target(subnet)?.properties["CidrBlock"])?))
            .collect();
        let Some(largest) = sizes.and_then(|sizes| sizes.into_iter().max()) else { continue };
        let needed: u64 = groups(cluster)
            .filter(|group| !is_set(&group["OverrideVpcConfig"]))
            .filter_map(|group| {
                let facts = network_facts(string(&group["InstanceType"])?)?;
                let cards = u64::from(facts.efa_max_interfaces.max(1));
                let each = if is_eks { cards - 1 + POD_ADDRESSES } else { cards };
                number(&group["InstanceCount"])?.to_string().parse::<u64>().ok().map(|count| count * each)
            })
            .sum();
        if needed > largest {
            findings.add(
                cluster,
                subnets,
                format!("the instances need {needed} IP addresses, and the largest subnet has {largest}"),
                "use a larger address block, or put groups into other subnets with `OverrideVpcConfig`",
            );
        }
    }
}

/// Returns the number of addresses that instances can have in an IPv4 block.
fn size(block: &str) -> Option<u64> {
    let prefix: u32 = block.rsplit_once('/')?.1.parse().ok().filter(|prefix| *prefix <= 32)?;
    Some((1_u64 << (32 - prefix)).saturating_sub(RESERVED))
}
