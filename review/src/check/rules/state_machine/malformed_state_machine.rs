//! `malformed-state-machine`

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{entries, is_set, is_unresolved, items, string};
use crate::check::view::{Resource, View};
use stackwright_schemas::nearest;

rule! {
    /// The definition of a state machine does not follow the Amazon States Language.
    ///
    /// The rule finds states of an unknown type, fields that a type of state does not have or needs, `Next` and `End`
    /// together or both missing, retriers and catchers without errors, and fields of JSONPath in JSONata and the reverse.
    ///
    /// # Why it matters
    ///
    /// Step Functions refuses the definition with `InvalidDefinition`.
    ///
    /// # How to fix
    ///
    /// Correct the field that the message names.
    ///
    /// # Limitations
    ///
    /// Paths and expressions in JSONPath and JSONata are not parsed.
    Error "malformed-state-machine",
    source: "Amazon States Language specification; AWS Step Functions Developer Guide, \"State machine structure\"",
    applies_to: ["AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine"],
    check: Each(check),
}

const TYPES: [&str; 8] = ["Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"];
const OF_JSON_PATH: [&str; 7] =
    ["InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "ItemsPath", "SecondsPath"];
const OF_JSONATA: [&str; 3] = ["Arguments", "Output", "Items"];

fn fields(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "Task" => &[
            "Resource",
            "Parameters",
            "Arguments",
            "Credentials",
            "ResultSelector",
            "ResultPath",
            "Retry",
            "Catch",
            "TimeoutSeconds",
            "TimeoutSecondsPath",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "InputPath",
            "OutputPath",
            "Output",
            "Next",
            "End",
            "Assign",
        ],
        "Pass" => &[
            "Result",
            "Parameters",
            "ResultPath",
            "InputPath",
            "OutputPath",
            "Output",
            "Next",
            "End",
            "Assign",
        ],
        "Choice" => &["Choices", "Default", "InputPath", "OutputPath", "Output", "Assign"],
        "Wait" => &[
            "Seconds",
            "SecondsPath",
            "Timestamp",
            "TimestampPath",
            "InputPath",
            "OutputPath",
            "Output",
            "Next",
            "End",
            "Assign",
        ],
        "Succeed" => &["InputPath", "OutputPath", "Output"],
        "Fail" => &["Error", "ErrorPath", "Cause", "CausePath"],
        "Parallel" => &[
            "Branches",
            "Parameters",
            "Arguments",
            "ResultSelector",
            "ResultPath",
            "Retry",
            "Catch",
            "InputPath",
            "OutputPath",
            "Output",
            "Next",
            "End",
            "Assign",
        ],
        "Map" => &[
            "ItemProcessor",
            "Iterator",
            "ItemsPath",
            "Items",
            "ItemSelector",
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "MaxConcurrency",
            "MaxConcurrencyPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "Label",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "Retry",
            "Catch",
            "InputPath",
            "OutputPath",
            "Output",
            "Next",
            "End",
            "Assign",
        ],
        _ => &[],
    }
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let types = ["AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine"];
    for resource in types.into_iter().flat_map(|name| view.of_type(name)) {
        for document in &resource.documents {
            if let Ok(definition) = &document.value {
                let mut grammar = Grammar { resource, findings };
                grammar.machine(definition, "JSONPath");
            }
        }
    }
}

struct Grammar<'g, 'r, 'f, 'v, 'a> {
    resource: &'g Resource<'r>,
    findings: &'g mut Findings<'f, 'v, 'a>,
}

impl Grammar<'_, '_, '_, '_, '_> {
    fn add(&mut self, at: &Cursor<'_>, message: impl Into<String>, help: impl Into<String>) {
        self.findings.add(self.resource, at, message, help);
    }

    fn machine(&mut self, machine: &Cursor<'_>, language: &str) {
        if is_unresolved(machine) || machine.get("Fn::Transform").is_some() {
            return;
        }
        if !machine.is_object() {
            return self.add(machine, "the definition is not an object", "");
        }
        let language = string(&machine["QueryLanguage"]).unwrap_or(language);
        if !is_set(&machine["StartAt"]) {
            self.add(machine, "the definition has no `StartAt`", "name the first state");
        }
        let states = &machine["States"];
        if !is_unresolved(states) && entries(states).next().is_none() {
            return self.add(machine, "the definition has no `States`", "");
        }
        for (name, state) in entries(states) {
            if !is_unresolved(state) {
                self.state(name, state, language);
            }
        }
    }

    fn state(&mut self, name: &str, state: &Cursor<'_>, language: &str) {
        if !state.is_object() {
            return self.add(state, format!("the state `{name}` is not an object"), "");
        }
        let language = string(&state["QueryLanguage"]).unwrap_or(language);
        let Some(type_name) = string(&state["Type"]) else {
            if !is_set(&state["Type"]) {
                self.add(state, format!("the state `{name}` has no `Type`"), "");
            }
            return;
        };
        if !TYPES.contains(&type_name) {
            let near = nearest(type_name, TYPES.into_iter());
            let help = near.map_or_else(
                || format!("use {}", TYPES.join(", ")),
                |near| format!("the nearest is `{near}`"),
            );
            return self.add(&state["Type"], format!("the state type `{type_name}` does not exist"), help);
        }
        self.fields(type_name, state, language);
        self.transitions(type_name, state);
        self.required(type_name, state);
        self.errors(state);
        for branch in items(&state["Branches"]) {
            self.machine(branch, language);
        }
        for inner in ["ItemProcessor", "Iterator"].into_iter().filter(|name| is_set(&state[*name])) {
            self.machine(&state[inner], language);
        }
    }

    fn fields(&mut self, type_name: &str, state: &Cursor<'_>, language: &str) {
        let known = fields(type_name);
        for (field, value) in entries(state) {
            let plain = field.strip_suffix(".$").unwrap_or(field);
            let is_common = ["Type", "Comment", "QueryLanguage"].contains(&field);
            if !is_common && !known.contains(&plain) && !field.starts_with("Fn::") {
                let near = nearest(field, known.iter().copied());
                let help = near.map_or_else(String::new, |near| format!("the nearest is `{near}`"));
                self.add(value, format!("a state of the type {type_name} has no field `{field}`"), help);
            } else if language == "JSONata" && (OF_JSON_PATH.contains(&field) || field.ends_with("Path")) {
                let message = format!("`{field}` is a field of JSONPath, and the state uses JSONata");
                self.add(value, message, "use `Arguments`, `Output` and `Assign`");
            } else if language != "JSONata" && OF_JSONATA.contains(&field) {
                let message = format!("`{field}` is a field of JSONata, and the state uses JSONPath");
                self.add(value, message, "use `Parameters`, or set `QueryLanguage: JSONata`");
            }
        }
    }

    fn transitions(&mut self, type_name: &str, state: &Cursor<'_>) {
        if matches!(type_name, "Choice" | "Succeed" | "Fail") {
            return;
        }
        match (is_set(&state["Next"]), is_set(&state["End"])) {
            (false, false) => {
                self.add(state, "the state has neither `Next` nor `End`", "name the next state")
            }
            (true, true) if state["End"] == true => {
                self.add(state, "`Next` and `End` exclude each other", "remove one of the two");
            }
            _ => {}
        }
    }

    fn required(&mut self, type_name: &str, state: &Cursor<'_>) {
        let is_empty = |name: &str| {
            let value = &state[name];
            value.is_null() || value.as_array().is_some_and(Vec::is_empty)
        };
        match type_name {
            "Task" if !is_set(&state["Resource"]) => self.add(state, "the task has no `Resource`", ""),
            "Choice" if is_empty("Choices") => self.add(state, "the choice has no `Choices`", ""),
            "Choice" => {
                for choice in
                    items(&state["Choices"]).filter(|one| !is_unresolved(one) && !is_set(&one["Next"]))
                {
                    self.add(choice, "the choice has no `Next`", "");
                }
            }
            "Parallel" if is_empty("Branches") => self.add(state, "the parallel state has no `Branches`", ""),
            "Map" if !is_set(&state["ItemProcessor"]) && !is_set(&state["Iterator"]) => {
                self.add(state, "the map state has no `ItemProcessor`", "");
            }
            "Wait" => {
                let names = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
                if names.iter().filter(|name| is_set(&state[**name])).count() != 1 {
                    self.add(state, format!("the wait state needs exactly one of {}", names.join(", ")), "");
                }
            }
            _ => {}
        }
    }

    fn errors(&mut self, state: &Cursor<'_>) {
        for (field, needs_next) in [("Retry", false), ("Catch", true)] {
            if is_set(&state[field]) && !state[field].is_array() && !is_unresolved(&state[field]) {
                self.add(&state[field], format!("`{field}` is a list"), "");
            }
            for one in items(&state[field]).filter(|one| !is_unresolved(one)) {
                let errors = &one["ErrorEquals"];
                if errors.is_null() || errors.as_array().is_some_and(Vec::is_empty) {
                    self.add(
                        one,
                        format!("an entry of `{field}` has no `ErrorEquals`"),
                        "use `States.ALL` for every error",
                    );
                } else if errors.is_string() {
                    self.add(errors, "`ErrorEquals` is a list", "");
                }
                if needs_next && !is_set(&one["Next"]) {
                    self.add(one, "an entry of `Catch` has no `Next`", "");
                }
            }
        }
    }
}
