//! State machines.

mod malformed_state_machine;
mod state_machine_role_without_events;
mod state_machine_role_without_tags;
mod unknown_state;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &state_machine_role_without_events::RULE,
    &unknown_state::RULE,
    &malformed_state_machine::RULE,
    &state_machine_role_without_tags::RULE,
];
