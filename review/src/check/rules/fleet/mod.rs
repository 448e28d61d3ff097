//! GPU fleets on EC2.

mod capacity_block_fleet;
mod capacity_block_market_type;
mod cluster_placement_across_zones;
mod cluster_placement_without_efa;
mod efa_group_closed_to_itself;
mod reservation_in_other_zone;
mod reservation_target_not_used;
mod subnet_outside_vpc;
mod too_many_efa_interfaces;
mod unknown_allocation_strategy;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &capacity_block_market_type::RULE,
    &capacity_block_fleet::RULE,
    &too_many_efa_interfaces::RULE,
    &cluster_placement_across_zones::RULE,
    &unknown_allocation_strategy::RULE,
    &subnet_outside_vpc::RULE,
    &efa_group_closed_to_itself::RULE,
    &reservation_target_not_used::RULE,
    &reservation_in_other_zone::RULE,
    &cluster_placement_without_efa::RULE,
];
