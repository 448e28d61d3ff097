//! Training jobs, wherever a template starts them.

mod file_system_without_vpc;
mod image_with_algorithm;
mod instances_given_twice;
mod long_warm_pool;
mod pending_time_without_accelerator;
mod spot_wait_below_run;
mod spot_without_checkpoint;
mod training_memory_exceeded;
mod training_plan_instance;
mod training_plan_with_spot;
mod training_too_long;
mod volume_key_on_local_storage;
mod wait_without_spot;
mod warm_pool_with_instance_groups;
mod warm_pool_with_spot;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &spot_wait_below_run::RULE,
    &wait_without_spot::RULE,
    &spot_without_checkpoint::RULE,
    &training_too_long::RULE,
    &pending_time_without_accelerator::RULE,
    &warm_pool_with_spot::RULE,
    &warm_pool_with_instance_groups::RULE,
    &long_warm_pool::RULE,
    &instances_given_twice::RULE,
    &volume_key_on_local_storage::RULE,
    &file_system_without_vpc::RULE,
    &image_with_algorithm::RULE,
    &training_memory_exceeded::RULE,
    &training_plan_instance::RULE,
    &training_plan_with_spot::RULE,
];
