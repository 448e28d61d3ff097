//! Multi-model endpoints.

mod multi_model_archive;
mod multi_model_gpu_instance;
mod multi_model_prefix_without_slash;
mod multi_model_without_triton;
mod several_multi_model_containers;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &multi_model_gpu_instance::RULE,
    &multi_model_without_triton::RULE,
    &multi_model_archive::RULE,
    &multi_model_prefix_without_slash::RULE,
    &several_multi_model_containers::RULE,
];
