//! Jobs of the inference optimization toolkit.

mod compilation_with_speculative_decoding;
mod nothing_to_optimize;
mod sharding_with_other_optimization;
mod unsupported_optimization_instance;
mod unsupported_optimization_technique;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &unsupported_optimization_instance::RULE,
    &compilation_with_speculative_decoding::RULE,
    &unsupported_optimization_technique::RULE,
    &sharding_with_other_optimization::RULE,
    &nothing_to_optimize::RULE,
];
