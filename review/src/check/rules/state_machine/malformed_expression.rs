//! `malformed-expression`

use crate::check::asl::{Language, Part, STATE_MACHINES, State, definitions, json_path, jsonata, visit};
use crate::check::cursor::{Cursor, steps_below};
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{entries, is_set, is_unresolved, items, string};
use crate::check::view::{Resource, View};

rule! {
    /// A path, an intrinsic function or a JSONata expression of a state machine cannot be read.
    ///
    /// The rule reads the fields whose names end in `Path`, the members whose names end in `.$`, and strings between `{%` and
    /// `%}`. It finds functions that do not exist and wrong numbers of arguments, brackets and quotes that are not closed, and
    /// paths of results that lead to several values.
    ///
    /// # Why it matters
    ///
    /// Step Functions refuses the definition, or the execution fails when it evaluates the expression.
    ///
    /// # How to fix
    ///
    /// Correct the expression that the message shows.
    ///
    /// # Limitations
    ///
    /// Whether the functions of JSONata exist is not checked. Filters in JSONPath are not read.
    Error "malformed-expression",
    source: "Amazon States Language; AWS Step Functions Developer Guide, \"Transforming data with JSONata\" and \"Intrinsic functions\"",
    applies_to: STATE_MACHINES,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, definition) in definitions(view) {
        visit(definition, &mut |part| {
            if let Part::State(state) = part {
                Expressions { resource, findings }.state(&state);
            }
        });
    }
}

/// Fields in which paths to one value are written.
const OF_RESULTS: [&str; 1] = ["ResultPath"];

/// Fields of states that have states of their own, which are visited by themselves.
const WITH_STATES: [&str; 3] = ["Branches", "ItemProcessor", "Iterator"];

struct Expressions<'e, 'r, 'f, 'v, 'a> {
    resource: &'e Resource<'r>,
    findings: &'e mut Findings<'f, 'v, 'a>,
}

impl Expressions<'_, '_, '_, '_, '_> {
    fn add(&mut self, at: &Cursor<'_>, text: &str, problem: &str, help: &str) {
        let shown: String = text.chars().take(80).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        let message = format!("the expression `{shown}{more}` cannot be read: {problem}");
        self.findings.add(self.resource, at, message, help);
    }

    fn state(&mut self, state: &State<'_, '_>) {
        if state.language == Language::Jsonata {
            for (name, value) in entries(state.value).filter(|(name, _)| !WITH_STATES.contains(name)) {
                if name != "Comment" {
                    self.jsonata(value);
                }
            }
            return;
        }
        let fields = entries(state.value).filter(|(name, _)| name.ends_with("Path"));
        for (name, value) in fields {
            let Some(text) = string(value) else { continue };
            let problem = if OF_RESULTS.contains(&name) {
                json_path::reference_problem(text)
            } else {
                json_path::problem(text, true)
            };
            if let Some(problem) = problem {
                self.add(value, text, &problem, "write a path such as `$.name`");
            }
        }
        for catcher in items(&state.value["Catch"]) {
            let value = &catcher["ResultPath"];
            if let Some((text, problem)) =
                string(value).and_then(|text| Some((text, json_path::reference_problem(text)?)))
            {
                self.add(value, text, &problem, "write a path such as `$.error`");
            }
        }
        for choice in items(&state.value["Choices"]) {
            self.choice(choice);
        }
        let payloads = ["Parameters", "ResultSelector", "ItemSelector", "ItemReader", "ItemBatcher"];
        let more = ["ResultWriter", "Credentials", "Assign"];
        for name in payloads.into_iter().chain(more) {
            self.payload(&state.value[name]);
        }
    }

    /// Checks the variable of a choice and the paths with which it is compared, also in nested choices.
    fn choice(&mut self, choice: &Cursor<'_>) {
        for (name, value) in entries(choice) {
            let is_path = name == "Variable" || name.ends_with("Path");
            if let Some(text) = string(value).filter(|_| is_path)
                && let Some(problem) = json_path::problem(text, false)
            {
                self.add(value, text, &problem, "write a path such as `$.name`");
            }
        }
        for inner in items(&choice["And"]).chain(items(&choice["Or"])).chain([&choice["Not"]]) {
            if inner.is_object() {
                self.choice(inner);
            }
        }
        self.payload(&choice["Assign"]);
    }

    /// Members whose names end in `.$` are paths or functions.
    fn payload(&mut self, value: &Cursor<'_>) {
        if is_unresolved(value) {
            return;
        }
        for (name, inner) in entries(value).filter(|_| value.is_object()) {
            if !name.ends_with(".$") {
                continue;
            }
            match string(inner) {
                Some(text) => {
                    if let Some(problem) = json_path::problem(text, true) {
                        let help = "write a path, an intrinsic function, or a name without `.$`";
                        self.add(inner, text, &problem, help);
                    }
                }
                None if is_unresolved(inner) || inner.is_string() => {}
                None => {
                    let message =
                        format!("the value of `{name}` is not a path and not an intrinsic function");
                    self.findings.add(self.resource, inner, message, "write a path, or a name without `.$`");
                }
            }
        }
        for (step, inner) in steps_below(value) {
            if !step.ends_with(".$") && is_set(inner) {
                self.payload(inner);
            }
        }
    }

    fn jsonata(&mut self, value: &Cursor<'_>) {
        if is_unresolved(value) {
            return;
        }
        if let Some(text) = string(value) {
            let problem = match jsonata::expression(text) {
                Some(Ok(expression)) => jsonata::problem(expression),
                Some(Err(problem)) => Some(problem.to_owned()),
                None => None,
            };
            if let Some(problem) = problem {
                self.add(value, text, &problem, "write the expression between `{%` and `%}`");
            }
        }
        for (_, inner) in steps_below(value) {
            self.jsonata(inner);
        }
    }
}
