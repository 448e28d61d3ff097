//! The Amazon States Language: the states of a definition, their fields, and the expressions in them.

pub(super) mod fields;
pub(super) mod json_path;
pub(super) mod jsonata;

use super::cursor::Cursor;
use super::value::{entries, is_set, is_unresolved, items, string};
use super::view::{Resource, View};
pub(super) use fields::Language;

/// The types of resources that have a definition.
pub(super) const STATE_MACHINES: [&str; 2] =
    ["AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine"];

/// Returns the definitions that can be read.
pub(super) fn definitions<'v, 'a>(
    view: &'v View<'a>,
) -> impl Iterator<Item = (&'v Resource<'a>, &'v Cursor<'a>)> {
    STATE_MACHINES.into_iter().flat_map(|name| view.of_type(name)).flat_map(|resource| {
        let documents = resource.documents.iter();
        documents.filter_map(move |document| Some((resource, document.value.as_ref().ok()?)))
    })
}

/// A part of a definition.
pub(super) enum Part<'c, 'v> {
    /// A list of states with its start: the whole definition, a branch, or what is done for each item.
    Machine(Machine<'c, 'v>),
    /// A state.
    State(State<'c, 'v>),
}

/// A list of states with its start.
pub(super) struct Machine<'c, 'v> {
    pub value: &'c Cursor<'v>,
    pub is_inner: bool,
}

/// A state of a known type or not.
pub(super) struct State<'c, 'v> {
    pub name: &'c str,
    pub value: &'c Cursor<'v>,
    pub language: Language,
    /// The language of the state machine that the state is part of.
    pub outer: Language,
}

/// Visits every part of a definition, from the outside in. What is known only when it is deployed is left out.
pub(super) fn visit<'c, 'v>(definition: &'c Cursor<'v>, visitor: &mut dyn FnMut(Part<'c, 'v>)) {
    machine(definition, Language::JsonPath, false, visitor);
}

fn machine<'c, 'v>(
    value: &'c Cursor<'v>,
    outer: Language,
    is_inner: bool,
    visitor: &mut dyn FnMut(Part<'c, 'v>),
) {
    // Parts that a transform inserts are not known.
    if is_unresolved(value) || value.get("Fn::Transform").is_some() {
        return;
    }
    let language = Language::of(value).unwrap_or(outer);
    visitor(Part::Machine(Machine { value, is_inner }));
    for (name, state) in entries(&value["States"]).filter(|(_, state)| !is_unresolved(state)) {
        let own = Language::of(state).unwrap_or(language);
        visitor(Part::State(State { name, value: state, language: own, outer: language }));
        let inner = ["ItemProcessor", "Iterator"].map(|name| &state[name]);
        for inner in items(&state["Branches"]).chain(inner).filter(|inner| is_set(inner)) {
            machine(inner, own, true, visitor);
        }
    }
}

/// Returns the names of states that follow a state; `None` if one of them is known only when it is deployed.
pub(super) fn next_states<'c>(state: &'c Cursor<'_>) -> Option<Vec<&'c str>> {
    let branches = items(&state["Choices"]).chain(items(&state["Catch"])).map(|branch| {
        // An entry that a function returns may name any state.
        if is_unresolved(branch) { branch } else { &branch["Next"] }
    });
    let all = [&state["Next"], &state["Default"]].into_iter().chain(branches);
    let is_known = ["Choices", "Catch"].iter().all(|name| !is_unresolved(&state[*name]));
    all.filter(|name| is_set(name)).map(|name| string(name)).collect::<Option<_>>().filter(|_| is_known)
}
