//! Schedules and event patterns.

mod malformed_event_pattern;
mod malformed_schedule;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[&malformed_schedule::RULE, &malformed_event_pattern::RULE];
