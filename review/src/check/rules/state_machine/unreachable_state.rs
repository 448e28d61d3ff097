//! `unreachable-state`

use std::collections::HashSet;

use crate::check::asl::{Part, STATE_MACHINES, definitions, next_states, visit};
use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{entries, is_unresolved, string};
use crate::check::view::View;

rule! {
    /// A state of a state machine cannot be reached, because no other state leads to it.
    ///
    /// # Why it matters
    ///
    /// Step Functions refuses the definition: "State is not reachable" (`MISSING_TRANSITION_TARGET`).
    ///
    /// # How to fix
    ///
    /// Remove the state, or name it in `Next`, `Default`, `Choices` or `Catch` of another one.
    ///
    /// # Limitations
    ///
    /// The rule does not check a list of states that has a name known only at deployment.
    Error "unreachable-state",
    source: "Amazon States Language; AWS Step Functions API Reference, ValidateStateMachineDefinition; message of the API in the issue 4073 of aws-cloudformation/cfn-lint: \"State … is not reachable\"",
    applies_to: STATE_MACHINES,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, definition) in definitions(view) {
        visit(definition, &mut |part| {
            let Part::Machine(machine) = part else { return };
            for (name, state) in unreachable(machine.value).unwrap_or_default() {
                let message = format!("no state leads to the state `{name}`");
                findings.add(resource, state, message, "name it in `Next` of another state, or remove it");
            }
        });
    }
}

/// Returns the states to which nothing leads; `None` if a name is not known.
fn unreachable<'c, 'v>(machine: &'c Cursor<'v>) -> Option<Vec<(&'c str, &'c Cursor<'v>)>> {
    let states = &machine["States"];
    let start = string(&machine["StartAt"]).filter(|name| states.get(name).is_some())?;
    if entries(states).any(|(_, state)| is_unresolved(state)) {
        return None;
    }
    let mut reached = HashSet::from([start]);
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        for next in next_states(&states[name])? {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    // A name that is not known may lead anywhere, from a state that is not reached too.
    let is_known = entries(states).all(|(_, state)| next_states(state).is_some());
    is_known.then(|| entries(states).filter(|(name, _)| !reached.contains(name)).collect())
}
