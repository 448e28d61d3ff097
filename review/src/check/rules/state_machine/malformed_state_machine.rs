//! `malformed-state-machine`

use std::collections::HashSet;

use serde_json::Value as JsonValue;

use crate::check::asl::fields::{self, Operand};
use crate::check::asl::{Language, Machine, Part, STATE_MACHINES, State, definitions, next_states, visit};
use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::text::Text;
use crate::check::value::{entries, is_set, is_unresolved, items, string};
use crate::check::view::{Resource, View};
use stackwright_schemas::nearest;
use stackwright_synth::function;

rule! {
    /// The definition of a state machine does not follow the Amazon States Language.
    ///
    /// The rule finds states of an unknown type, fields that the type of a state does not have or that it needs, `Next`
    /// and `End` together, and states with neither of them. It finds wrong entries of `Retry`, `Catch` and `Choices`,
    /// fields of JSONPath in JSONata and the reverse, and settings of distributed maps in other maps. It also finds
    /// names that are not unique, and service integrations that express workflows do not have.
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
    /// `malformed-expression` reads paths and expressions. The parameters of service integrations are checked for
    /// SageMaker only.
    Error "malformed-state-machine",
    source: "Amazon States Language specification; AWS Step Functions Developer Guide, \"State machine structure\"",
    applies_to: STATE_MACHINES,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, definition) in definitions(view) {
        let kind = &resource.properties["StateMachineType"];
        let kind = if is_set(kind) { kind } else { &resource.properties["Type"] };
        let is_express = string(kind) == Some("EXPRESS");
        let mut grammar = Grammar { resource, findings, is_express, names: HashSet::new() };
        visit(definition, &mut |part| match part {
            Part::Machine(machine) => grammar.machine(&machine),
            Part::State(state) => grammar.state(&state),
        });
    }
}

/// Returns whether every state leads to another one of the state machine, so that none of them ends it.
fn has_no_end(machine: &Cursor<'_>) -> bool {
    let states = &machine["States"];
    let leads_on = |state: &Cursor<'_>| {
        let is_known = !is_unresolved(state) && !is_unresolved(&state["End"]);
        let ends = is_set(&state["End"]) && state["End"] != false;
        let exists = |name: &&str| states.get(*name).is_some();
        let next = next_states(state).filter(|next| !next.is_empty());
        is_known && !ends && next.is_some_and(|next| next.iter().all(exists))
    };
    let mut all = entries(states).peekable();
    all.peek().is_some() && all.all(|(name, state)| !name.starts_with("Fn::") && leads_on(state))
}

/// Two fields that set the same value in two forms.
const EXCLUSIVE: [(&str, &str); 11] = [
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    ("ToleratedFailureCount", "ToleratedFailureCountPath"),
    ("ItemProcessor", "Iterator"),
    ("ItemSelector", "Parameters"),
    ("Items", "ItemReader"),
    ("Next", "End"),
];

/// Fields of distributed maps.
const OF_DISTRIBUTED_MAPS: [&str; 8] = [
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
];

struct Grammar<'g, 'r, 'f, 'v, 'a> {
    resource: &'g Resource<'r>,
    findings: &'g mut Findings<'f, 'v, 'a>,
    is_express: bool,
    /// The names of the states so far.
    names: HashSet<String>,
}

impl Grammar<'_, '_, '_, '_, '_> {
    fn add(&mut self, at: &Cursor<'_>, message: impl Into<String>, help: impl Into<String>) {
        self.findings.add(self.resource, at, message, help);
    }

    fn machine(&mut self, machine: &Machine<'_, '_>) {
        let value = machine.value;
        if !value.is_object() {
            return self.add(value, "the definition is not an object", "");
        }
        self.query_language(value);
        for (name, inner) in entries(value).filter(|(name, _)| !fields::OF_MACHINES.contains(name)) {
            if !name.starts_with("Fn::") {
                let near = nearest(name, fields::OF_MACHINES.into_iter());
                let help = near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
                self.add(inner, format!("a state machine has no field `{name}`"), help);
            }
        }
        if !is_set(&value["StartAt"]) {
            self.add(value, "the definition has no `StartAt`", "name the first state");
        }
        let states = &value["States"];
        if !is_unresolved(states) && entries(states).next().is_none() {
            self.add(value, "the definition has no `States`", "");
        }
        if !machine.is_inner && has_no_end(value) {
            let help = "set `End: true` in a state, or add a state of the type Succeed or Fail";
            self.add(value, "no state ends the state machine", help);
        }
        if machine.is_inner {
            self.processor(&value["ProcessorConfig"]);
        } else {
            self.count(&value["TimeoutSeconds"], 1, "`TimeoutSeconds`");
        }
    }

    fn query_language(&mut self, value: &Cursor<'_>) {
        let language = &value["QueryLanguage"];
        if string(language).is_some() && Language::of(value).is_none() {
            self.add(language, "the query language does not exist", "use JSONPath or JSONata");
        }
    }

    fn processor(&mut self, config: &Cursor<'_>) {
        let mode = &config["Mode"];
        if string(mode).is_some_and(|mode| mode != "INLINE" && mode != "DISTRIBUTED") {
            self.add(mode, "the mode of a map is INLINE or DISTRIBUTED", "");
        }
        let kind = &config["ExecutionType"];
        if string(kind).is_some_and(|kind| kind != "STANDARD" && kind != "EXPRESS") {
            self.add(kind, "the execution type is STANDARD or EXPRESS", "");
        } else if string(mode) == Some("DISTRIBUTED") && !is_set(kind) {
            self.add(config, "a distributed map has no `ExecutionType`", "set STANDARD or EXPRESS");
        }
        if string(mode) == Some("DISTRIBUTED") && self.is_express {
            self.add(mode, "an express workflow has no distributed map", "use a standard workflow");
        }
    }

    fn state(&mut self, of: &State<'_, '_>) {
        let (name, state) = (of.name, of.value);
        if !state.is_object() {
            return self.add(state, format!("the state `{name}` is not an object"), "");
        }
        if name.chars().count() > 80 {
            self.add(state, "the name of a state has at most 80 characters", "shorten the name");
        }
        if !self.names.insert(name.to_owned()) {
            let message = format!("more than one state has the name `{name}`");
            self.add(state, message, "a name is unique in the whole state machine, in branches too");
        }
        self.query_language(state);
        if of.outer == Language::Jsonata && of.language == Language::JsonPath {
            let message = "the state uses JSONPath in a state machine that uses JSONata";
            self.add(&state["QueryLanguage"], message, "use JSONata, or set JSONPath for the state machine");
            // The guide describes only the reverse, and no source confirms that the service refuses this.
            self.findings.doubt_last();
        }
        let Some(type_name) = string(&state["Type"]) else {
            if !is_set(&state["Type"]) {
                self.add(state, format!("the state `{name}` has no `Type`"), "");
            }
            return;
        };
        if !fields::TYPES.contains(&type_name) {
            let near = nearest(type_name, fields::TYPES.into_iter());
            let help = near.map_or_else(
                || format!("use {}", fields::TYPES.join(", ")),
                |near| format!("the most similar name is `{near}`"),
            );
            return self.add(&state["Type"], format!("the state type `{type_name}` does not exist"), help);
        }
        self.fields(type_name, state, of.language);
        self.transitions(type_name, state);
        self.required(type_name, state, of.language);
        self.handlers(state, of.language);
    }

    fn fields(&mut self, type_name: &str, state: &Cursor<'_>, language: Language) {
        for (field, value) in entries(state).filter(|(name, _)| !name.starts_with("Fn::")) {
            if !fields::names(type_name).any(|known| known == field) {
                let near = nearest(field, fields::names(type_name));
                let help = near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
                self.add(value, format!("a state of the type {type_name} has no field `{field}`"), help);
            } else {
                self.language(field, value, language);
            }
        }
        for part in ["ItemReader", "ResultWriter"] {
            for field in ["Parameters", "Arguments"].into_iter().filter(|name| is_set(&state[part][*name])) {
                self.language(field, &state[part][field], language);
            }
        }
        for (one, other) in EXCLUSIVE {
            let is_both = is_set(&state[one]) && is_set(&state[other]);
            if is_both && (other != "End" || state[other] == true) {
                let message = format!("`{one}` and `{other}` exclude each other");
                self.add(state, message, "remove one of the two");
            }
        }
        self.integration(&state["Resource"]);
    }

    /// Checks for fields that belong to the other query language only.
    fn language(&mut self, field: &str, value: &Cursor<'_>, language: Language) {
        let Some(wanted) = fields::language(field).filter(|wanted| *wanted != language) else { return };
        let message =
            format!("`{field}` is a field of {}, and the state uses {}", wanted.name(), language.name());
        let help = match wanted {
            Language::JsonPath => {
                "use `Arguments`, `Output` and `Assign` with expressions between `{%` and `%}`"
            }
            Language::Jsonata => "use `Parameters` and paths, or set `QueryLanguage: JSONata`",
        };
        self.add(value, message, help);
    }

    fn integration(&mut self, resource: &Cursor<'_>) {
        let text = Text::of(resource);
        let known = string(resource);
        if let Some(name) = known.and_then(|known| self.unknown_substitution(known)) {
            let message = format!("`DefinitionSubstitutions` does not set `{name}`");
            return self.add(resource, message, "add it, or write the ARN of the resource");
        }
        if known.is_some_and(|known| !known.starts_with("arn:") && !known.contains("${")) {
            let message = "the resource of a task is not an ARN";
            return self.add(resource, message, "write `arn:aws:states:::service:operation` or another ARN");
        }
        let pattern = [".sync", ".sync:2", ".waitForTaskToken"]
            .into_iter()
            .find(|pattern| text.end().ends_with(pattern))
            .filter(|_| self.is_express && text.fragments().any(|known| known.contains(":states:")));
        if let Some(pattern) = pattern {
            let message = format!("an express workflow does not wait for jobs and callbacks (`{pattern}`)");
            self.add(resource, message, "use a standard workflow, or the integration without the suffix");
        }
    }

    /// Returns the name of a substitution in the resource of a task that nothing replaces, so that no ARN results.
    fn unknown_substitution<'t>(&self, text: &'t str) -> Option<&'t str> {
        let given = &self.resource.properties["DefinitionSubstitutions"];
        if is_unresolved(given) || given.get("Fn::Transform").is_some() {
            return None;
        }
        function::parts(text).into_iter().find_map(|part| match part {
            function::Part::Variable(name) if given.get(name).is_none() => Some(name),
            _ => None,
        })
    }

    fn transitions(&mut self, type_name: &str, state: &Cursor<'_>) {
        if matches!(type_name, "Choice" | "Succeed" | "Fail") {
            return;
        }
        let is_end = is_set(&state["End"]) && state["End"] != false;
        if !is_set(&state["Next"]) && !is_end {
            self.add(state, "the state has neither `Next` nor `End`", "set `Next`, or `End: true`");
        }
    }

    fn required(&mut self, type_name: &str, state: &Cursor<'_>, language: Language) {
        let is_empty = |name: &str| {
            let value = &state[name];
            value.is_null() || value.as_array().is_some_and(Vec::is_empty)
        };
        match type_name {
            "Task" => self.task(state),
            "Choice" if is_empty("Choices") => self.add(state, "the choice has no `Choices`", ""),
            "Choice" => {
                for choice in items(&state["Choices"]).filter(|one| !is_unresolved(one)) {
                    self.choice(choice, language, true);
                }
            }
            "Parallel" if is_empty("Branches") => self.add(state, "the parallel state has no `Branches`", ""),
            "Map" => self.map(state),
            "Wait" => self.wait(state, language),
            _ => {}
        }
    }

    fn task(&mut self, state: &Cursor<'_>) {
        if !is_set(&state["Resource"]) {
            self.add(state, "the task has no `Resource`", "");
        }
        self.count(&state["TimeoutSeconds"], 1, "`TimeoutSeconds`");
        self.count(&state["HeartbeatSeconds"], 1, "`HeartbeatSeconds`");
        if let (Some(beat), Some(timeout)) =
            (state["HeartbeatSeconds"].as_f64(), state["TimeoutSeconds"].as_f64())
            && beat >= timeout
        {
            let message = "`HeartbeatSeconds` is not below `TimeoutSeconds`";
            self.add(&state["HeartbeatSeconds"], message, "set a shorter time");
        }
    }

    fn wait(&mut self, state: &Cursor<'_>, language: Language) {
        let names = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
        if names.iter().filter(|name| is_set(&state[**name])).count() != 1 {
            self.add(state, format!("the wait state needs exactly one of {}", names.join(", ")), "");
        }
        self.count(&state["Seconds"], 0, "`Seconds`");
        let timestamp = &state["Timestamp"];
        let is_right =
            |text: &str| is_timestamp(text) || language == Language::Jsonata && text.starts_with("{%");
        if string(timestamp).is_some_and(|text| !is_right(text)) {
            self.add(
                timestamp,
                "the time is not a timestamp of ISO 8601",
                "write a time such as 2027-01-31T08:00:00Z",
            );
        }
    }

    fn map(&mut self, state: &Cursor<'_>) {
        if !is_set(&state["ItemProcessor"]) && !is_set(&state["Iterator"]) {
            return self.add(state, "the map state has no `ItemProcessor`", "");
        }
        self.count(&state["MaxConcurrency"], 0, "`MaxConcurrency`");
        let mode = &state["ItemProcessor"]["ProcessorConfig"]["Mode"];
        if is_unresolved(&state["ItemProcessor"]) || is_set(mode) && string(mode) != Some("INLINE") {
            return;
        }
        for field in OF_DISTRIBUTED_MAPS.into_iter().filter(|name| is_set(&state[*name])) {
            let message = format!("`{field}` is a field of distributed maps, and this map runs inline");
            let help = "set `Mode: DISTRIBUTED` in `ItemProcessor.ProcessorConfig`, or remove the field";
            self.add(&state[field], message, help);
        }
    }

    /// Checks that a value is a whole number of at least `least`, or an expression in JSONata.
    fn count(&mut self, value: &Cursor<'_>, least: i64, what: &str) {
        let is_expression = string(value).is_some_and(|text| text.starts_with("{%"));
        if !is_set(value) || is_unresolved(value) || is_expression {
            return;
        }
        let is_right = |value: &JsonValue| value.as_i64().is_some_and(|number| number >= least);
        // CloudFormation passes on numbers in strings where the definition is an object.
        let as_number = string(value).and_then(|text| text.parse::<i64>().ok());
        if !is_right(value) && as_number.is_none_or(|number| number < least) {
            self.add(value, format!("{what} is not a whole number of at least {least}"), "");
        }
    }

    fn choice(&mut self, choice: &Cursor<'_>, language: Language, is_outer: bool) {
        if !choice.is_object() {
            return self.add(choice, "a choice is an object", "");
        }
        if is_outer && !is_set(&choice["Next"]) {
            self.add(choice, "the choice has no `Next`", "");
        } else if !is_outer && is_set(&choice["Next"]) {
            self.add(&choice["Next"], "only the outer choice has `Next`", "remove it from the inner choice");
        }
        if language == Language::Jsonata {
            return self.condition(choice);
        }
        if is_set(&choice["Condition"]) {
            self.add(
                &choice["Condition"],
                "`Condition` is a field of JSONata, and the state uses JSONPath",
                "compare a `Variable`, or set `QueryLanguage: JSONata`",
            );
            return;
        }
        let other = ["Variable", "Next", "Comment", "Assign", "And", "Or", "Not"];
        let comparisons: Vec<(&str, &Cursor<'_>)> =
            entries(choice).filter(|(name, _)| !other.contains(name) && !name.starts_with("Fn::")).collect();
        let nested = ["And", "Or", "Not"].into_iter().filter(|name| is_set(&choice[*name])).count();
        match (nested, comparisons.len()) {
            (0, 0) => {
                let help = "add a comparison such as `StringEquals`";
                self.add(choice, "the choice has no comparison", help);
            }
            (0, 1) | (1, 0) => {}
            _ => self.add(choice, "a choice has one comparison", "combine several with `And` or `Or`"),
        }
        if nested == 0 && !is_set(&choice["Variable"]) {
            self.add(choice, "the choice has no `Variable`", "name the value to compare, such as `$.status`");
        }
        for (name, operand) in comparisons {
            self.comparison(name, operand);
        }
        for name in ["And", "Or"].into_iter().filter(|name| is_set(&choice[*name])) {
            let list = &choice[name];
            if !is_unresolved(list) && list.as_array().is_none_or(Vec::is_empty) {
                self.add(list, format!("`{name}` is a list of choices"), "");
            }
            for inner in items(list).filter(|inner| !is_unresolved(inner)) {
                self.choice(inner, language, false);
            }
        }
        if is_set(&choice["Not"]) && !is_unresolved(&choice["Not"]) {
            self.choice(&choice["Not"], language, false);
        }
    }

    /// Checks a choice in JSONata.
    fn condition(&mut self, choice: &Cursor<'_>) {
        if !is_set(&choice["Condition"]) {
            self.add(choice, "the choice has no `Condition`", "write an expression between `{%` and `%}`");
        }
        let known = ["Condition", "Next", "Comment", "Assign", "Output"];
        for (name, value) in entries(choice).filter(|(name, _)| !known.contains(name)) {
            if !name.starts_with("Fn::") {
                let message = format!("`{name}` is a field of JSONPath, and the state uses JSONata");
                self.add(value, message, "write the comparison into `Condition`");
            }
        }
    }

    fn comparison(&mut self, name: &str, operand: &Cursor<'_>) {
        let Some(wanted) = fields::comparison(name) else {
            let known: Vec<String> = fields::comparisons().collect();
            let near = nearest(name, known.iter().map(String::as_str));
            let help = near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
            return self.add(operand, format!("the comparison `{name}` does not exist"), help);
        };
        if is_unresolved(operand) {
            return;
        }
        // If the definition is an object, CloudFormation may convert a boolean or a number to a string.
        let text = operand.as_str();
        let (fits, what) = match wanted {
            Operand::String => (operand.is_string(), "a string"),
            Operand::Path => (operand.is_string(), "a path"),
            Operand::Number => {
                (operand.is_number() || text.is_some_and(|text| text.parse::<f64>().is_ok()), "a number")
            }
            Operand::Boolean => (operand.is_boolean() || matches!(text, Some("true" | "false")), "a boolean"),
            Operand::Timestamp => (text.is_some_and(is_timestamp), "a timestamp of ISO 8601"),
        };
        if !fits {
            self.add(operand, format!("`{name}` takes {what}"), "");
        }
    }

    fn handlers(&mut self, state: &Cursor<'_>, language: Language) {
        for list in ["Retry", "Catch"] {
            let handlers = &state[list];
            if is_set(handlers) && !handlers.is_array() && !is_unresolved(handlers) {
                self.add(handlers, format!("`{list}` is a list"), "");
            }
            let count = handlers.as_array().map_or(0, Vec::len);
            for (number, one) in items(handlers).enumerate().filter(|(_, one)| !is_unresolved(one)) {
                self.handler(list, one, number + 1 == count, language);
            }
        }
    }

    fn handler(&mut self, list: &str, one: &Cursor<'_>, is_last: bool, language: Language) {
        if !one.is_object() {
            return self.add(one, format!("an entry of `{list}` is an object"), "");
        }
        let known = fields::of_handlers(list);
        for (name, value) in entries(one).filter(|(name, _)| !name.starts_with("Fn::")) {
            if !known.contains(&name) {
                let near = nearest(name, known.iter().copied());
                let help = near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
                self.add(value, format!("an entry of `{list}` has no field `{name}`"), help);
            } else {
                self.language(name, value, language);
            }
        }
        let errors = &one["ErrorEquals"];
        if errors.is_null() || errors.as_array().is_some_and(Vec::is_empty) {
            let message = format!("an entry of `{list}` has no `ErrorEquals`");
            self.add(one, message, "use `States.ALL` for every error");
        } else if errors.is_string() {
            self.add(errors, "`ErrorEquals` is a list", "");
        }
        let has_all = items(errors).any(|error| string(error) == Some("States.ALL"));
        if has_all && (!is_last || errors.as_array().is_some_and(|errors| errors.len() > 1)) {
            let message = format!("`States.ALL` stands alone and in the last entry of `{list}`");
            self.add(errors, message, "move it into a separate entry at the end");
        }
        if list == "Catch" {
            if !is_set(&one["Next"]) {
                self.add(one, "an entry of `Catch` has no `Next`", "");
            }
            return;
        }
        self.count(&one["IntervalSeconds"], 1, "`IntervalSeconds`");
        self.count(&one["MaxAttempts"], 0, "`MaxAttempts`");
        self.count(&one["MaxDelaySeconds"], 1, "`MaxDelaySeconds`");
        let rate = &one["BackoffRate"];
        if rate.as_f64().is_some_and(|rate| rate < 1.0) {
            self.add(rate, "`BackoffRate` is below 1", "set at least 1.0");
        }
        let jitter = &one["JitterStrategy"];
        if string(jitter).is_some_and(|jitter| jitter != "FULL" && jitter != "NONE") {
            self.add(jitter, "`JitterStrategy` is FULL or NONE", "");
        }
    }
}

/// Returns whether a text has the form of a timestamp, such as `2027-01-31T08:00:00Z`.
fn is_timestamp(text: &str) -> bool {
    let shape: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '9' } else { letter }).collect();
    let Some(rest) = shape.strip_prefix("9999-99-99T99:99:99") else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches('9'),
        None => rest,
    };
    matches!(rest, "Z" | "+99:99" | "-99:99")
}
