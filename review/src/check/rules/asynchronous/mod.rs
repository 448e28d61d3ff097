//! Asynchronous endpoints.

mod asynchronous_with_serverless;
mod sleeping_without_wake_up;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[&asynchronous_with_serverless::RULE, &sleeping_without_wake_up::RULE];
