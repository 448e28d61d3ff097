//! Models, endpoint configurations and their variants.

mod duplicate_instance_pool_priority;
mod duplicate_variant_name;
mod endpoint_key_on_local_storage;
mod fixed_name_on_replaced_resource;
mod image_for_another_processor;
mod model_data_prefix;
mod model_without_policy;
mod prefix_routing_strategy;
mod primary_container_with_containers;
mod unsupported_shadow_variant;
mod variant_without_capacity;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &duplicate_variant_name::RULE,
    &fixed_name_on_replaced_resource::RULE,
    &variant_without_capacity::RULE,
    &prefix_routing_strategy::RULE,
    &duplicate_instance_pool_priority::RULE,
    &primary_container_with_containers::RULE,
    &unsupported_shadow_variant::RULE,
    &model_data_prefix::RULE,
    &model_without_policy::RULE,
    &endpoint_key_on_local_storage::RULE,
    &image_for_another_processor::RULE,
];
