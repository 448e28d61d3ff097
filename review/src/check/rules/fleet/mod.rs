//! GPU fleets on EC2.

mod capacity_block_fleet;
mod capacity_block_market_type;
mod cluster_placement_across_zones;
mod cluster_placement_without_efa;
mod efa_group_closed_to_itself;
mod efa_of_mixed_types;
mod p4d_with_other_types;
mod reservation_in_other_zone;
mod reservation_target_not_used;
mod subnet_associated_twice;
mod subnet_outside_vpc;
mod too_many_efa_interfaces;
mod unknown_allocation_strategy;
mod volume_key_closed_to_auto_scaling;

use crate::check::cursor::Cursor;
use crate::check::rules::Rule;
use crate::check::value::string;
use crate::check::view::{Resource, View};

pub(super) const RULES: &[&Rule] = &[
    &capacity_block_market_type::RULE,
    &capacity_block_fleet::RULE,
    &too_many_efa_interfaces::RULE,
    &cluster_placement_across_zones::RULE,
    &unknown_allocation_strategy::RULE,
    &subnet_outside_vpc::RULE,
    &subnet_associated_twice::RULE,
    &efa_group_closed_to_itself::RULE,
    &reservation_target_not_used::RULE,
    &reservation_in_other_zone::RULE,
    &cluster_placement_without_efa::RULE,
    &efa_of_mixed_types::RULE,
    &p4d_with_other_types::RULE,
    &volume_key_closed_to_auto_scaling::RULE,
];

/// Returns the launch template of an Auto Scaling group, if it is in the template.
fn launch_template<'v, 'a>(view: &'v View<'a>, group: &Resource<'a>) -> Option<&'v Resource<'a>> {
    let by_policy =
        &group.properties["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"];
    [&group.properties["LaunchTemplate"], by_policy]
        .into_iter()
        .find_map(|specification| view.target(&specification["LaunchTemplateId"]))
}

/// Returns whether a network interface of a launch template is one of Elastic Fabric Adapter.
fn is_efa(interface: &&Cursor<'_>) -> bool {
    string(&interface["InterfaceType"]).is_some_and(|kind| kind.starts_with("efa"))
}
