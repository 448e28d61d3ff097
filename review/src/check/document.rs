//! Documents inside properties, parsed: pipeline definitions, state machines, and the input of schedules.
//!
//! CloudFormation accepts them as strings and does not evaluate their content; the jobs that they start are requests to
//! SageMaker.

use serde_json::{Map, Value as JsonValue, json};

use stackwright_synth::function::escape;

use super::text::{Part, Piece, Text, parts};
use super::value::{entries, items};

/// Mark a hole of the text until the text is read. No template contains these characters.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

/// A document that is a property's value.
pub(crate) struct Document {
    /// The steps from the properties to the document.
    pub path: Vec<String>,
    /// The content of the document, or the reason why it cannot be read.
    pub value: Result<JsonValue, String>,
    /// The requests that the document contains.
    pub requests: Vec<Request>,
}

/// A request to SageMaker's API.
pub(crate) struct Request {
    /// The operation, such as `CreateTrainingJob`.
    pub operation: String,
    /// The arguments of the request, as far as they are known.
    pub arguments: JsonValue,
    /// The steps from the properties to the arguments.
    pub path: Vec<String>,
    /// Whether SageMaker Pipelines sends the request, and generates the name of the job.
    pub of_pipeline: bool,
}

/// Opens what a resource's properties hold.
pub(crate) fn open(type_name: &str, properties: &JsonValue) -> Vec<Document> {
    let path = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
    match type_name {
        "AWS::SageMaker::Pipeline" => {
            let body = &properties["PipelineDefinition"]["PipelineDefinitionBody"];
            let Some(mut document) = read(body, path(&["PipelineDefinition", "PipelineDefinitionBody"]))
            else {
                return Vec::new();
            };
            if let Ok(definition) = &mut document.value {
                put_defaults_in(definition);
                let definition = definition.clone();
                let mut at = document.path.clone();
                at.push("Steps".to_owned());
                pipeline_steps(&definition["Steps"], &at, &mut document.requests);
            }
            vec![document]
        }
        "AWS::StepFunctions::StateMachine" | "AWS::Serverless::StateMachine" => {
            let found = match &properties["Definition"] {
                JsonValue::Null => match plain_definition(properties) {
                    Some(definition) => {
                        let path = path(&["DefinitionString"]);
                        Some(Document { path, value: Ok(definition), requests: Vec::new() })
                    }
                    None => read(&with_substitutions(properties), path(&["DefinitionString"])),
                },
                definition => {
                    let mut definition = definition.clone();
                    if let Some(known) = properties["DefinitionSubstitutions"].as_object() {
                        put_substitutions_in(&mut definition, known);
                    }
                    let path = path(&["Definition"]);
                    Some(Document { path, value: Ok(definition), requests: Vec::new() })
                }
            };
            let Some(mut document) = found else { return Vec::new() };
            if let Ok(definition) = &document.value {
                let mut requests = Vec::new();
                states(definition, &document.path, &mut requests);
                document.requests = requests;
            }
            vec![document]
        }
        "AWS::Scheduler::Schedule" => {
            let arn = Text::of(&properties["Target"]["Arn"]);
            let Some(operation) =
                arn.end().rsplit(":aws-sdk:sagemaker:").next().filter(|it| *it != arn.end())
            else {
                return Vec::new();
            };
            let at = path(&["Target", "Input"]);
            let Some(mut document) = read(&properties["Target"]["Input"], at.clone()) else {
                return Vec::new();
            };
            if let Ok(arguments) = &document.value {
                let mut arguments = arguments.clone();
                hide_context(&mut arguments);
                document.requests.push(Request {
                    operation: capitalised(operation),
                    arguments,
                    path: at,
                    of_pipeline: false,
                });
            }
            vec![document]
        }
        _ => Vec::new(),
    }
}

/// Returns the definition of a state machine whose string is JSON before its substitutions are inserted.
fn plain_definition(properties: &JsonValue) -> Option<JsonValue> {
    let known = properties["DefinitionSubstitutions"].as_object()?;
    let mut definition = serde_json::from_str(properties["DefinitionString"].as_str()?).ok()?;
    put_substitutions_in(&mut definition, known);
    Some(definition)
}

/// Returns the definition of a state machine with its substitutions as the variables of an `Fn::Sub`.
fn with_substitutions(properties: &JsonValue) -> JsonValue {
    let (text, substitutions) = (&properties["DefinitionString"], &properties["DefinitionSubstitutions"]);
    match text {
        JsonValue::String(_) if !substitutions.is_null() => {
            let known = substitutions.as_object().cloned().unwrap_or_default();
            json!({ "Fn::Sub": [text, known] })
        }
        other => other.clone(),
    }
}

/// Writes the strings of a definition that have substitutions as `Fn::Sub`.
fn put_substitutions_in(value: &mut JsonValue, known: &Map<String, JsonValue>) {
    match value {
        JsonValue::Object(map) => map.values_mut().for_each(|inner| put_substitutions_in(inner, known)),
        JsonValue::Array(items) => items.iter_mut().for_each(|inner| put_substitutions_in(inner, known)),
        JsonValue::String(text) if text.contains("${") => {
            let used: Map<String, JsonValue> = parts(text)
                .into_iter()
                .filter_map(|part| match part {
                    Part::Variable(name) => Some((name.to_owned(), known.get(name)?.clone())),
                    Part::Literal(_) => None,
                })
                .collect();
            if !used.is_empty() {
                let substituted = json!({ "Fn::Sub": [text, used] });
                let known = Text::of(&substituted).known().map(JsonValue::from);
                *value = known.unwrap_or(substituted);
            }
        }
        _ => {}
    }
}

/// Reads a text that is JSON; values that are resolved later may be inside of strings or in place of values.
fn read(value: &JsonValue, path: Vec<String>) -> Option<Document> {
    if value.is_null() {
        return None;
    }
    let text = Text::of(value);
    if text.hole().is_some() {
        return None;
    }
    let mut json = String::new();
    let mut holes = Vec::new();
    let mut in_string = false;
    for piece in &text.0 {
        match piece {
            Piece::Known(known) => {
                let mut escaped = false;
                for letter in known.chars() {
                    match letter {
                        _ if escaped => escaped = false,
                        '\\' if in_string => escaped = true,
                        '"' => in_string = !in_string,
                        _ => {}
                    }
                }
                json.push_str(known);
            }
            Piece::Hole(value) => {
                let mark = format!("{OPEN}{}{CLOSE}", holes.len());
                json.push_str(&if in_string { mark } else { format!("\"{mark}\"") });
                holes.push(value.clone().into_owned());
            }
        }
    }
    let value = serde_json::from_str(&json).map_err(|error| error.to_string()).map(|mut value| {
        put_holes_back(&mut value, &holes);
        value
    });
    Some(Document { path, value, requests: Vec::new() })
}

fn put_holes_back(value: &mut JsonValue, holes: &[JsonValue]) {
    match value {
        JsonValue::Object(map) => map.values_mut().for_each(|inner| put_holes_back(inner, holes)),
        JsonValue::Array(items) => items.iter_mut().for_each(|inner| put_holes_back(inner, holes)),
        JsonValue::String(text) if text.contains(OPEN) => {
            let whole = text.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE));
            if let Some(hole) = whole.and_then(|number| holes.get(number.parse::<usize>().ok()?)) {
                *value = hole.clone();
                return;
            }
            let format = escape(text).replace(OPEN, "${Hole").replace(CLOSE, "}");
            let variables: Map<_, _> = holes
                .iter()
                .enumerate()
                .map(|(number, hole)| (format!("Hole{number}"), hole.clone()))
                .collect();
            *value = json!({ "Fn::Sub": [format, variables] });
        }
        _ => {}
    }
}

/// Replaces references to parameters of a pipeline by their defaults.
fn put_defaults_in(definition: &mut JsonValue) {
    let defaults: Vec<(String, JsonValue)> = items(&definition["Parameters"])
        .filter_map(|parameter| {
            let name = parameter["Name"].as_str()?;
            Some((format!("Parameters.{name}"), parameter.get("DefaultValue")?.clone()))
        })
        .collect();
    fn walk(value: &mut JsonValue, defaults: &[(String, JsonValue)]) {
        match value {
            JsonValue::Object(map) => {
                let asked = map.get("Get").and_then(JsonValue::as_str).filter(|_| map.len() == 1);
                let default = asked.and_then(|asked| defaults.iter().find(|(name, _)| name == asked));
                if let Some((_, default)) = default {
                    *value = default.clone();
                    return;
                }
                map.values_mut().for_each(|inner| walk(inner, defaults));
            }
            JsonValue::Array(items) => items.iter_mut().for_each(|inner| walk(inner, defaults)),
            _ => {}
        }
    }
    if let Some(steps) = definition.get_mut("Steps") {
        walk(steps, &defaults);
    }
}

fn pipeline_steps(steps: &JsonValue, path: &[String], requests: &mut Vec<Request>) {
    for (number, step) in items(steps).enumerate() {
        let at = |more: &[&str]| {
            let mut at = path.to_vec();
            at.push(number.to_string());
            at.extend(more.iter().map(|step| (*step).to_owned()));
            at
        };
        let arguments = &step["Arguments"];
        let operation = match step["Type"].as_str().unwrap_or_default() {
            "Training" => "CreateTrainingJob",
            "Processing" => "CreateProcessingJob",
            "Transform" => "CreateTransformJob",
            "Tuning" => "CreateHyperParameterTuningJob",
            "Model" => "CreateModel",
            "Condition" => {
                for branch in ["IfSteps", "ElseSteps"] {
                    pipeline_steps(&arguments[branch], &at(&["Arguments", branch]), requests);
                }
                continue;
            }
            _ => continue,
        };
        requests.push(Request {
            operation: operation.to_owned(),
            arguments: arguments.clone(),
            path: at(&["Arguments"]),
            of_pipeline: true,
        });
    }
}

/// Collects the requests of the states of a state machine, also those of its branches and iterations.
fn states(machine: &JsonValue, path: &[String], requests: &mut Vec<Request>) {
    for (name, state) in entries(&machine["States"]) {
        let at = |more: &[&str]| {
            let mut at = path.to_vec();
            at.extend(["States", name].into_iter().chain(more.iter().copied()).map(str::to_owned));
            at
        };
        for (number, branch) in items(&state["Branches"]).enumerate() {
            states(branch, &at(&["Branches", &number.to_string()]), requests);
        }
        for inner in ["ItemProcessor", "Iterator"] {
            states(&state[inner], &at(&[inner]), requests);
        }
        let resource = Text::of(&state["Resource"]);
        let Some(action) = operation(resource.end()) else { continue };
        let key = if state["Arguments"].is_null() { "Parameters" } else { "Arguments" };
        let mut arguments = state[key].clone();
        hide_expressions(&mut arguments);
        requests.push(Request { operation: action, arguments, path: at(&[key]), of_pipeline: false });
    }
}

/// Returns the operation that a state's resource names: `…:states:::sagemaker:createTrainingJob.sync`.
fn operation(resource: &str) -> Option<String> {
    let rest = resource.split_once(":::")?.1;
    let rest = rest.strip_prefix("aws-sdk:").unwrap_or(rest).strip_prefix("sagemaker:")?;
    rest.split(['.', ':']).next().map(capitalised)
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// Replaces values that a state machine computes when it runs with unknown values: `"Name.$": "$.x"` and `"{% … %}"`.
fn hide_expressions(value: &mut JsonValue) {
    match value {
        JsonValue::Object(map) => {
            let renamed: Map<_, _> = std::mem::take(map)
                .into_iter()
                .map(|(name, mut inner)| match name.strip_suffix(".$") {
                    // An expression with a substitution of CloudFormation is not a string.
                    Some(name) => (name.to_owned(), json!({ "Get": inner.as_str().unwrap_or_default() })),
                    None => {
                        hide_expressions(&mut inner);
                        (name, inner)
                    }
                })
                .collect();
            *map = renamed;
        }
        JsonValue::Array(items) => items.iter_mut().for_each(hide_expressions),
        JsonValue::String(text) if text.trim_start().starts_with("{%") => *value = json!({ "Get": text }),
        _ => {}
    }
}

/// Replaces values that a schedule inserts when it runs with unknown values: `<aws.scheduler.execution-id>`.
fn hide_context(value: &mut JsonValue) {
    match value {
        JsonValue::Object(map) => map.values_mut().for_each(hide_context),
        JsonValue::Array(items) => items.iter_mut().for_each(hide_context),
        JsonValue::String(text) if text.contains("<aws.scheduler.") => *value = json!({ "Get": text }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_pipeline_are_requests() {
        let body = json!({ "Fn::Sub": r#"{"Parameters":[{"Name":"T","DefaultValue":"ml.g5.xlarge"}],"Steps":[{"Type":"Condition","Arguments":{"IfSteps":[{"Type":"Training","Arguments":{"RoleArn":"${R.Arn}","N":${N},"S":"s3://${B}/x","I":{"Get":"Parameters.T"}}}]}}]}"# });
        let properties = json!({ "PipelineDefinition": { "PipelineDefinitionBody": body } });
        let documents = open("AWS::SageMaker::Pipeline", &properties);
        let request = &documents[0].requests[0];
        assert_eq!(request.operation, "CreateTrainingJob");
        assert_eq!(request.path[2..].join("/"), "Steps/0/Arguments/IfSteps/0/Arguments");
        assert_eq!(request.arguments["RoleArn"], json!({ "Fn::GetAtt": ["R", "Arn"] }));
        assert_eq!(request.arguments["N"], json!({ "Ref": "N" }));
        assert_eq!(request.arguments["I"], "ml.g5.xlarge");
        assert_eq!(Text::of(&request.arguments["S"]).start(), "s3://");
        let broken = json!({ "PipelineDefinition": { "PipelineDefinitionBody": "{\"Steps\": [" } });
        assert!(open("AWS::SageMaker::Pipeline", &broken)[0].value.is_err());
    }

    #[test]
    fn states_are_requests_wherever_they_stand() {
        let state = json!({ "Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync", "Parameters": { "TrainingJobName.$": "$.name", "RoleArn": "{% $r %}", "S3Uri.$": { "Fn::Sub": "States.Format('s3://${B}/{}', $.id)" } } });
        let machine =
            json!({ "States": { "P": { "Type": "Parallel", "Branches": [{ "States": { "T": state } }] } } });
        let properties = json!({ "DefinitionString": machine.to_string() });
        let documents = open("AWS::StepFunctions::StateMachine", &properties);
        let request = &documents[0].requests[0];
        assert_eq!(request.operation, "CreateTrainingJob");
        assert_eq!(request.arguments["TrainingJobName"], json!({ "Get": "$.name" }));
        assert_eq!(request.arguments["RoleArn"], json!({ "Get": "{% $r %}" }));
        assert!(crate::check::value::is_unresolved(&request.arguments["S3Uri"]));
    }

    #[test]
    fn a_schedule_calls_an_operation() {
        let input = r#"{"RoleArn": "r", "TrainingJobName": "t-<aws.scheduler.execution-id>"}"#;
        let target =
            json!({ "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:createTrainingJob", "Input": input });
        let documents = open("AWS::Scheduler::Schedule", &json!({ "Target": target }));
        assert!(documents[0].requests[0].arguments["TrainingJobName"]["Get"].is_string());
        assert_eq!(documents[0].requests[0].operation, "CreateTrainingJob");
        let other = json!({ "Target": { "Arn": "arn:aws:lambda:x:y:function:f", "Input": "{}" } });
        assert!(open("AWS::Scheduler::Schedule", &other).is_empty());
    }
}
