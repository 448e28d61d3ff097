//! HyperPod clusters.

mod borrow_limit;
mod cluster_autoscaling_requirements;
mod cluster_group_closed_to_itself;
mod cluster_plan_with_spot;
mod continuous_provisioning_settings;
mod deep_health_check_without_accelerator;
mod eks_authentication_mode;
mod instance_type_with_requirements;
mod lifecycle_scripts_elsewhere;
mod public_cluster_subnet;
mod root_volume_settings;
mod slurm_controller_count;
mod slurm_partition_of_service_nodes;
mod strategy_with_continuous_provisioning;

use crate::check::cursor::Cursor;
use crate::check::rules::Rule;
use crate::check::value::items;
use crate::check::view::Resource;

pub(super) const RULES: &[&Rule] = &[
    &lifecycle_scripts_elsewhere::RULE,
    &root_volume_settings::RULE,
    &instance_type_with_requirements::RULE,
    &deep_health_check_without_accelerator::RULE,
    &strategy_with_continuous_provisioning::RULE,
    &continuous_provisioning_settings::RULE,
    &slurm_partition_of_service_nodes::RULE,
    &borrow_limit::RULE,
    &cluster_autoscaling_requirements::RULE,
    &eks_authentication_mode::RULE,
    &public_cluster_subnet::RULE,
    &cluster_group_closed_to_itself::RULE,
    &slurm_controller_count::RULE,
    &cluster_plan_with_spot::RULE,
];

const CLUSTER: &str = "AWS::SageMaker::Cluster";

/// The instance groups of a cluster, restricted ones last.
fn groups<'v, 'a>(cluster: &'v Resource<'a>) -> impl Iterator<Item = &'v Cursor<'a>> {
    let lists = [&cluster.properties["InstanceGroups"], &cluster.properties["RestrictedInstanceGroups"]];
    lists.into_iter().flat_map(items)
}
