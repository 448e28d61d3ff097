//! Schedules, event patterns and the targets of events.

mod event_topic_policy_with_condition;
mod malformed_event_pattern;
mod malformed_schedule;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] =
    &[&malformed_schedule::RULE, &malformed_event_pattern::RULE, &event_topic_policy_with_condition::RULE];
