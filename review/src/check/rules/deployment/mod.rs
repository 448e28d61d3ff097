//! Rules about updates of endpoints: deployment guardrails.

mod batch_size_out_of_range;
mod blue_green_with_rolling;
mod deployment_timeout_below_waits;
mod unsupported_rolling_update;
mod wrong_traffic_routing;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &blue_green_with_rolling::RULE,
    &wrong_traffic_routing::RULE,
    &deployment_timeout_below_waits::RULE,
    &batch_size_out_of_range::RULE,
    &unsupported_rolling_update::RULE,
];
