//! State machines.

mod malformed_expression;
mod malformed_state_machine;
mod state_machine_role_without_events;
mod state_machine_role_without_tags;
mod unknown_state;
mod unreachable_state;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &state_machine_role_without_events::RULE,
    &unknown_state::RULE,
    &unreachable_state::RULE,
    &malformed_state_machine::RULE,
    &malformed_expression::RULE,
    &state_machine_role_without_tags::RULE,
];
