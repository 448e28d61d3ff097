//! `malformed-pipeline`

use std::collections::{BTreeMap, HashSet};

use super::{definitions, steps_of};
use crate::check::cursor::{Cursor, steps_below};
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items, string};
use crate::check::view::{Resource, View};
use stackwright_schemas::nearest;
use stackwright_synth::cycle::cycle_from;

rule! {
    /// The definition of a SageMaker pipeline has an unknown type, a missing name, a cycle of steps, or a reference to
    /// something that it does not define.
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
        let all = steps_of(definition);
        parameters(pipeline, definition, findings);
        for step in all.iter().filter(|step| !is_unresolved(step)) {
            if !is_set(&step["Name"]) {
                findings.add(pipeline, step, "the step has no `Name`", "");
            }
            if is_set(&step["Type"]) {
                known(pipeline, &step["Type"], "step type", &TYPES, findings);
            } else {
                findings.add(pipeline, step, "the step has no `Type`", "");
            }
            conditions(pipeline, &step["Arguments"]["Conditions"], findings);
            property_files(pipeline, step, findings);
        }
        cycle(pipeline, definition, &all, findings);
        Names::of(definition, &all).search(pipeline, definition, findings);
    }
}

/// Reports a string that is not one of the names of the service.
fn known(
    pipeline: &Resource<'_>,
    value: &Cursor<'_>,
    what: &str,
    names: &[&str],
    findings: &mut Findings<'_, '_, '_>,
) {
    let Some(name) = string(value).filter(|name| !names.contains(name)) else { return };
    let near = nearest(name, names.iter().copied());
    let help = near.map_or_else(
        || format!("use {}", names.join(", ")),
        |near| format!("the most similar name is `{near}`"),
    );
    findings.add(pipeline, value, format!("the {what} `{name}` does not exist"), help);
}

fn parameters(pipeline: &Resource<'_>, definition: &Cursor<'_>, findings: &mut Findings<'_, '_, '_>) {
    let mut names = HashSet::new();
    for parameter in items(&definition["Parameters"]).filter(|it| !is_unresolved(it)) {
        match string(&parameter["Name"]) {
            Some(name) if !names.insert(name) => {
                let message = format!("two parameters have the name `{name}`");
                findings.add(pipeline, &parameter["Name"], message, "give each parameter its own name");
            }
            None if !is_set(&parameter["Name"]) => {
                findings.add(pipeline, parameter, "the parameter has no `Name`", "");
            }
            _ => {}
        }
        known(pipeline, &parameter["Type"], "parameter type", &PARAMETER_TYPES, findings);
    }
}

/// Collects the conditions of a step, also those inside of `Or` and `Not`.
fn conditions(pipeline: &Resource<'_>, list: &Cursor<'_>, findings: &mut Findings<'_, '_, '_>) {
    for condition in items(list).filter(|it| !is_unresolved(it)) {
        known(pipeline, &condition["Type"], "condition type", &CONDITION_TYPES, findings);
        conditions(pipeline, &condition["Conditions"], findings);
        let inner = &condition["Expression"];
        if inner.is_object() && !is_unresolved(inner) {
            known(pipeline, &inner["Type"], "condition type", &CONDITION_TYPES, findings);
        }
    }
}

/// Checks that each property file is in an output of its processing step.
fn property_files(pipeline: &Resource<'_>, step: &Cursor<'_>, findings: &mut Findings<'_, '_, '_>) {
    let outputs = &step["Arguments"]["ProcessingOutputConfig"]["Outputs"];
    let names: Option<Vec<&str>> = items(outputs).map(|output| string(&output["OutputName"])).collect();
    let names = names.filter(|names| !names.is_empty() && string(&step["Type"]) == Some("Processing"));
    let Some(names) = names.filter(|_| !is_unresolved(outputs)) else { return };
    for file in items(&step["PropertyFiles"]) {
        let output = &file["OutputName"];
        if let Some(name) = string(output).filter(|name| !names.contains(name)) {
            let message = format!("the step has no output `{name}` with the property file");
            findings.add(pipeline, output, message, format!("the outputs are {}", names.join(", ")));
        }
    }
}

/// Steps that depend on each other, by `DependsOn` and by what they read.
fn cycle(
    pipeline: &Resource<'_>,
    definition: &Cursor<'_>,
    all: &[&Cursor<'_>],
    findings: &mut Findings<'_, '_, '_>,
) {
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for step in all {
        let Some(name) = string(&step["Name"]) else { continue };
        let named = uses.entry(name).or_default();
        named.extend(items(&step["DependsOn"]).filter_map(|place| string(place)));
        for (key, inner) in steps_below(&step["Arguments"]) {
            if !["IfSteps", "ElseSteps"].contains(&key.as_ref()) {
                reads(inner, named);
            }
        }
    }
    let after = |name: &str| uses.get(name).map_or(&[][..], Vec::as_slice);
    let mut done = HashSet::new();
    if let Some(cycle) = uses.keys().find_map(|name| cycle_from(*name, &mut done, after)) {
        let shown: Vec<String> = cycle.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("steps depend on each other: {}", shown.join(" → "));
        findings.add(pipeline, &definition["Steps"], message, "remove one of the dependencies");
    }
}

/// Collects the names of the steps from which a value reads.
fn reads<'v>(value: &'v Cursor<'_>, named: &mut Vec<&'v str>) {
    let path = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("Get")?.as_str());
    if let Some(rest) = path.and_then(|path| path.strip_prefix("Steps.")) {
        named.extend(rest.split(['.', '[']).next());
    }
    for (_, inner) in steps_below(value) {
        reads(inner, named);
    }
}

const PARAMETER_TYPES: [&str; 4] = ["String", "Integer", "Boolean", "Float"];
const CONDITION_TYPES: [&str; 8] =
    ["Equals", "GreaterThan", "GreaterThanOrEqualTo", "In", "LessThan", "LessThanOrEqualTo", "Not", "Or"];
/// What `Get` reads of an execution.
const OF_EXECUTION: [&str; 8] = [
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
];

/// The names that a pipeline definition defines.
struct Names<'v> {
    parameters: HashSet<&'v str>,
    steps: HashSet<&'v str>,
    /// Steps with each of their property files.
    files: HashSet<(&'v str, &'v str)>,
    /// Training steps that define metrics, with the names of them.
    metrics: BTreeMap<&'v str, Vec<&'v str>>,
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
        let metrics = all.iter().filter_map(|step| {
            let defined = &step["Arguments"]["AlgorithmSpecification"]["MetricDefinitions"];
            let names: Option<Vec<&str>> = items(defined).map(|metric| string(&metric["Name"])).collect();
            Some((string(&step["Name"])?, names.filter(|names| !names.is_empty())?))
        });
        let steps: HashSet<&str> = all.iter().filter_map(|step| string(&step["Name"])).collect();
        Self {
            parameters: named(&definition["Parameters"]).collect(),
            files: files.collect(),
            metrics: metrics.collect(),
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
                    let help =
                        near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
                    findings.add(pipeline, value, format!("the pipeline has no parameter `{name}`"), help);
                }
                "Steps" if !self.steps.contains(name) => {
                    let near = nearest(name, self.steps.iter().copied());
                    let help =
                        near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
                    findings.add(pipeline, value, format!("the pipeline has no step `{name}`"), help);
                }
                "Steps" if parts.next() == Some("PropertyFiles") => {
                    let file = parts.next().unwrap_or_default();
                    if !self.files.contains(&(name, file)) {
                        let message = format!("the step `{name}` has no property file `{file}`");
                        findings.add(pipeline, value, message, "add it to `PropertyFiles` of the step");
                    }
                }
                "Steps" => self.metric(pipeline, value, (name, path), findings),
                "Execution" if !OF_EXECUTION.contains(&name) => {
                    let near = nearest(name, OF_EXECUTION.into_iter());
                    let help =
                        near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
                    findings.add(pipeline, value, format!("an execution has no `{name}`"), help);
                }
                "Parameters" | "Execution" => {}
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

    /// Checks that a final metric is one of those that the training step defines. Algorithms of SageMaker define metrics
    /// themselves.
    fn metric(
        &self,
        pipeline: &Resource<'_>,
        value: &Cursor<'_>,
        (step, path): (&str, &str),
        findings: &mut Findings<'_, '_, '_>,
    ) {
        let Some((_, rest)) = path.split_once(".FinalMetricDataList[") else { return };
        let Some(name) = rest.split(['\'', '"']).nth(1) else { return };
        if let Some(defined) = self.metrics.get(step).filter(|defined| !defined.contains(&name)) {
            let message = format!("the step `{step}` does not define the metric `{name}`");
            findings.add(pipeline, value, message, format!("the metrics are {}", defined.join(", ")));
        }
    }
}
