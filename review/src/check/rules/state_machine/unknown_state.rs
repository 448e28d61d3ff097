//! `unknown-state`

use crate::check::asl::{Part, STATE_MACHINES, definitions, visit};
use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{entries, is_unresolved, items, string};
use crate::check::view::{Resource, View};

rule! {
    /// A state machine names a state that it does not have.
    ///
    /// # Why it matters
    ///
    /// Step Functions refuses the definition. A state of a branch or of a map state leads to states of the same branch only.
    ///
    /// # How to fix
    ///
    /// Use the name of an existing state, or set `End: true`.
    Error "unknown-state",
    source: "Amazon States Language",
    applies_to: STATE_MACHINES,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, definition) in definitions(view) {
        visit(definition, &mut |part| {
            if let Part::Machine(machine) = part {
                names(resource, machine.value, findings);
            }
        });
    }
}

/// Checks the names in one machine: the whole, a branch, or what is done for each item.
fn names(resource: &Resource<'_>, machine: &Cursor<'_>, findings: &mut Findings<'_, '_, '_>) {
    let states = &machine["States"];
    if !states.is_object() || is_unresolved(states) {
        return;
    }
    let mut leads_to = |location: &Cursor<'_>| {
        let missing = string(location).filter(|name| states.get(name).is_none());
        if let Some(name) = missing {
            let names: Vec<_> = entries(states).map(|(name, _)| name).take(MAX_NAMES + 1).collect();
            let more = if names.len() > MAX_NAMES { ", …" } else { "" };
            let help = format!("the states are {}{more}", names[..names.len().min(MAX_NAMES)].join(", "));
            findings.add(resource, location, format!("the state {name} does not exist"), help);
        }
    };
    leads_to(&machine["StartAt"]);
    for (_, state) in entries(states) {
        leads_to(&state["Next"]);
        leads_to(&state["Default"]);
        for branch in items(&state["Choices"]).chain(items(&state["Catch"])) {
            leads_to(&branch["Next"]);
        }
    }
}

/// The maximum number of states that a message names.
const MAX_NAMES: usize = 20;
