//! `malformed-pipeline`

use std::collections::HashSet;

use super::{definitions, steps};
use crate::check::cursor::{Cursor, steps_below};
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items, string};
use crate::check::view::{Resource, View};
use stackwright_schemas::nearest;

rule! {
    /// The definition of a SageMaker pipeline has steps without a name or of an unknown type, or refers to parameters, steps
    /// or property files that it does not define.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the definition when the stack is deployed.
    ///
    /// # How to fix
    ///
    /// Correct the name that the message shows, or define what it refers to.
    ///
    /// # Limitations
    ///
    /// The properties of a step that `Get` reads are not checked.
    Error "malformed-pipeline",
    source: "Amazon SageMaker AI, pipeline definition JSON schema 2020-12-01",
    applies_to: ["AWS::SageMaker::Pipeline"],
    check: Each(check),
}

const TYPES: [&str; 20] = [
    "Training",
    "Processing",
    "Transform",
    "Tuning",
    "AutoML",
    "Model",
    "RegisterModel",
    "CreateModelPackage",
    "Condition",
    "Callback",
    "Lambda",
    "Fail",
    "EMR",
    "EMRServerless",
    "QualityCheck",
    "ClarifyCheck",
    "NotebookJob",
    "EndpointConfig",
    "Endpoint",
    "InferenceComponent",
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (pipeline, definition) in definitions(view) {
        let all: Vec<&Cursor<'_>> =
            steps(view).filter(|(of, _)| of.id == pipeline.id).map(|(_, step)| step).collect();
        for step in all.iter().filter(|step| !is_unresolved(step)) {
            if !is_set(&step["Name"]) {
                findings.add(pipeline, step, "the step has no `Name`", "");
            }
            match string(&step["Type"]) {
                Some(name) if !TYPES.contains(&name) => {
                    let near = nearest(name, TYPES.into_iter());
                    let help = near.map_or_else(
                        || format!("use {}", TYPES.join(", ")),
                        |near| format!("the nearest is `{near}`"),
                    );
                    findings.add(
                        pipeline,
                        &step["Type"],
                        format!("the step type `{name}` does not exist"),
                        help,
                    );
                }
                None if !is_set(&step["Type"]) => findings.add(pipeline, step, "the step has no `Type`", ""),
                _ => {}
            }
        }
        let names = Names::of(definition, &all);
        names.search(pipeline, definition, findings);
    }
}

/// What a definition defines.
struct Names<'v> {
    parameters: HashSet<&'v str>,
    steps: HashSet<&'v str>,
    /// Steps with each of their property files.
    files: HashSet<(&'v str, &'v str)>,
    /// Whether each of them has a name that is known.
    is_complete: bool,
}

impl<'v> Names<'v> {
    fn of<'a>(definition: &'v Cursor<'a>, all: &[&'v Cursor<'a>]) -> Self {
        let named = |list: &'v Cursor<'a>| items(list).filter_map(|one| string(&one["Name"]));
        let files = all.iter().flat_map(|step| {
            let step_name = string(&step["Name"]).unwrap_or_default();
            items(&step["PropertyFiles"])
                .filter_map(move |file| Some((step_name, string(&file["PropertyFileName"])?)))
        });
        let steps: HashSet<&str> = all.iter().filter_map(|step| string(&step["Name"])).collect();
        Self {
            parameters: named(&definition["Parameters"]).collect(),
            files: files.collect(),
            is_complete: steps.len() == all.len() && !is_unresolved(&definition["Parameters"]),
            steps,
        }
    }

    fn search(&self, pipeline: &Resource<'_>, value: &Cursor<'_>, findings: &mut Findings<'_, '_, '_>) {
        let get = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("Get")?.as_str());
        if let Some(path) = get.filter(|_| self.is_complete) {
            let mut parts = path.split('.');
            let (kind, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let name = name.split('[').next().unwrap_or_default();
            match kind {
                "Parameters" if !self.parameters.contains(name) => {
                    let near = nearest(name, self.parameters.iter().copied());
                    let help = near.map_or_else(String::new, |near| format!("the nearest is `{near}`"));
                    findings.add(pipeline, value, format!("the pipeline has no parameter `{name}`"), help);
                }
                "Steps" if !self.steps.contains(name) => {
                    let near = nearest(name, self.steps.iter().copied());
                    let help = near.map_or_else(String::new, |near| format!("the nearest is `{near}`"));
                    findings.add(pipeline, value, format!("the pipeline has no step `{name}`"), help);
                }
                "Steps" if parts.next() == Some("PropertyFiles") => {
                    let file = parts.next().unwrap_or_default();
                    if !self.files.contains(&(name, file)) {
                        let message = format!("the step `{name}` has no property file `{file}`");
                        findings.add(pipeline, value, message, "add it to `PropertyFiles` of the step");
                    }
                }
                "Parameters" | "Steps" | "Execution" => {}
                _ => {
                    let message = format!("`Get` reads `{kind}`, which does not exist");
                    findings.add(pipeline, value, message, "read from `Parameters`, `Steps` or `Execution`");
                }
            }
        }
        for (_, inner) in steps_below(value) {
            self.search(pipeline, inner, findings);
        }
    }
}
