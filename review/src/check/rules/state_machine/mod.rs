//! State machines.

mod state_machine_role_without_events;
mod unknown_state;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[&state_machine_role_without_events::RULE, &unknown_state::RULE];
