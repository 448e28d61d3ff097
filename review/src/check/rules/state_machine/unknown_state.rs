//! `unknown-state`

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{boolean, entries, is_set, is_unresolved, items, string};
use crate::check::view::{Resource, View};

rule! {
    /// A state machine names a state that it does not have, or a state has neither `Next` nor `End`.
    ///
    /// # Why it matters
    ///
    /// Step Functions refuses the definition.
    ///
    /// # How to fix
    ///
    /// Use the name of an existing state, or set `End: true`.
    Error "unknown-state",
    source: "Amazon States Language",
    applies_to: ["AWS::StepFunctions::StateMachine"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for machine in view.of_type("AWS::StepFunctions::StateMachine") {
        for document in &machine.documents {
            if let Ok(definition) = &document.value {
                check_machine(machine, definition, findings);
            }
        }
    }
}

/// Checks one machine: the whole, a branch, or what is done for each item.
fn check_machine(machine: &Resource<'_>, definition: &Cursor<'_>, findings: &mut Findings<'_, '_, '_>) {
    let states = &definition["States"];
    if !states.is_object() || is_unresolved(states) {
        return;
    }
    let mut leads_to = |place: &Cursor<'_>| {
        let missing = string(place).filter(|name| states.get(name).is_none());
        if let Some(name) = missing {
            let names: Vec<_> = entries(states).map(|(name, _)| name).collect();
            findings.add(
                machine,
                place,
                format!("the state {name} does not exist"),
                format!("the states are {}", names.join(", ")),
            );
        }
    };
    leads_to(&definition["StartAt"]);
    for (_, state) in entries(states) {
        leads_to(&state["Next"]);
        leads_to(&state["Default"]);
        for branch in items(&state["Choices"]).chain(items(&state["Catch"])) {
            leads_to(&branch["Next"]);
        }
    }
    for (name, state) in entries(states) {
        let ends = matches!(string(&state["Type"]), Some("Succeed" | "Fail" | "Choice"))
            || !is_set(&state["Type"])
            || is_unresolved(&state["Type"]);
        let goes_on =
            is_set(&state["Next"]) || boolean(&state["End"]) == Some(true) || is_unresolved(&state["End"]);
        if !ends && !goes_on {
            findings.add(
                machine,
                state,
                format!("the state {name} has neither `Next` nor `End`"),
                "set `Next`, or `End: true`",
            );
        }
        for inner in items(&state["Branches"]).chain([&state["ItemProcessor"], &state["Iterator"]]) {
            check_machine(machine, inner, findings);
        }
    }
}
