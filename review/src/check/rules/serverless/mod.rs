//! Serverless endpoints.

mod gpu_image_on_serverless;
mod instance_with_serverless;
mod provisioned_above_max_concurrency;
mod unsupported_model_data_source;
mod unsupported_on_serverless;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &instance_with_serverless::RULE,
    &provisioned_above_max_concurrency::RULE,
    &unsupported_on_serverless::RULE,
    &unsupported_model_data_source::RULE,
    &gpu_image_on_serverless::RULE,
];
