//! HyperPod clusters.

mod accounting_database_without_name;
mod borrow_limit;
mod cluster_addon_version;
mod cluster_autoscaling_requirements;
mod cluster_group_closed_outward;
mod cluster_group_closed_to_itself;
mod cluster_plan_with_spot;
mod cluster_subnet_too_small;
mod cluster_without_vpc;
mod compute_group_without_partition;
mod compute_quota_exceeds_cluster;
mod continuous_provisioning_settings;
mod continuous_slurm_without_slurm_config;
mod deep_health_check_without_accelerator;
mod eks_authentication_mode;
mod ended_kubernetes_version;
mod extended_kubernetes_version;
mod instance_type_with_requirements;
mod lifecycle_scripts_elsewhere;
mod public_cluster_subnet;
mod restricted_groups_with_others;
mod root_volume_settings;
mod second_cluster_policy;
mod shared_storage_settings;
mod slurm_controller_count;
mod slurm_partition_of_service_nodes;
mod spot_group_requirements;
mod strategy_with_continuous_provisioning;
mod unsupported_kubernetes_version;

use stackwright_schemas::instances::instance;

use crate::check::cursor::Cursor;
use crate::check::rules::Rule;
use crate::check::value::{is_set, items, string};
use crate::check::view::{Resource, View};

pub(super) const RULES: &[&Rule] = &[
    &lifecycle_scripts_elsewhere::RULE,
    &root_volume_settings::RULE,
    &instance_type_with_requirements::RULE,
    &deep_health_check_without_accelerator::RULE,
    &strategy_with_continuous_provisioning::RULE,
    &continuous_provisioning_settings::RULE,
    &slurm_partition_of_service_nodes::RULE,
    &compute_group_without_partition::RULE,
    &borrow_limit::RULE,
    &cluster_autoscaling_requirements::RULE,
    &eks_authentication_mode::RULE,
    &public_cluster_subnet::RULE,
    &cluster_group_closed_to_itself::RULE,
    &cluster_group_closed_outward::RULE,
    &slurm_controller_count::RULE,
    &cluster_plan_with_spot::RULE,
    &accounting_database_without_name::RULE,
    &cluster_addon_version::RULE,
    &cluster_without_vpc::RULE,
    &cluster_subnet_too_small::RULE,
    &compute_quota_exceeds_cluster::RULE,
    &continuous_slurm_without_slurm_config::RULE,
    &restricted_groups_with_others::RULE,
    &second_cluster_policy::RULE,
    &shared_storage_settings::RULE,
    &spot_group_requirements::RULE,
    &ended_kubernetes_version::RULE,
    &extended_kubernetes_version::RULE,
    &unsupported_kubernetes_version::RULE,
];

const CLUSTER: &str = "AWS::SageMaker::Cluster";

/// Returns the instance groups of a cluster, restricted ones last.
fn groups<'v, 'a>(cluster: &'v Resource<'a>) -> impl Iterator<Item = &'v Cursor<'a>> {
    let lists = [&cluster.properties["InstanceGroups"], &cluster.properties["RestrictedInstanceGroups"]];
    lists.into_iter().flat_map(items)
}

/// Returns the security groups of each instance group whose instances have Elastic Fabric Adapter: those of its
/// `OverrideVpcConfig`, or else those of the cluster.
fn security_groups_with_efa<'v, 'a>(cluster: &'v Resource<'a>) -> impl Iterator<Item = &'v Cursor<'a>> {
    let has_efa = |group: &&Cursor<'_>| {
        let facts = string(&group["InstanceType"]).and_then(instance);
        facts.and_then(|facts| facts.efa_interfaces).is_some_and(|number| number > 0)
    };
    groups(cluster).filter(has_efa).map(|group| {
        let own = &group["OverrideVpcConfig"]["SecurityGroupIds"];
        if is_set(own) { own } else { &cluster.properties["VpcConfig"]["SecurityGroupIds"] }
    })
}

/// Members of a storage configuration that mount a shared file system.
const MOUNTS: [&str; 2] = ["FsxLustreConfig", "FsxOpenZfsConfig"];

/// Returns whether a storage configuration mounts a shared file system.
fn is_mount(storage: &Cursor<'_>) -> bool {
    MOUNTS.iter().any(|kind| is_set(&storage[*kind]))
}

/// Returns whether nodes are added while others are still missing, or whether that is not known.
fn is_continuous(cluster: &Resource<'_>) -> bool {
    is_set(&cluster.properties["NodeProvisioningMode"])
}

/// Returns the EKS clusters that set a version of Kubernetes, with the version.
fn kubernetes_versions<'v, 'a>(
    view: &'v View<'a>,
) -> impl Iterator<Item = (&'v Resource<'a>, &'v Cursor<'a>)> {
    let clusters = view.of_type("AWS::EKS::Cluster").map(|cluster| (cluster, &cluster.properties["Version"]));
    clusters.filter(|(_, version)| is_set(version))
}

/// Returns the minor number of a version of Kubernetes: 30 for `1.30`.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.parse().ok()
}
