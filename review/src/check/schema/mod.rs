//! The validation of values against JSON Schemas: those of resource types, and those of requests to SageMaker.
//!
//! A value that CloudFormation resolves later is compared with its schema by the type that it returns and by the part of
//! its text that is known. A value that may turn out to be valid is never reported.

mod compiled;
mod keywords;
mod kind;
mod message;
mod problem;
mod source;

use std::collections::HashSet;
use std::sync::OnceLock;

use serde_json::{Map, Value as JsonValue};
use stackwright_schemas::{api, constraints, registry, sam};

use super::findings::{Findings, Found};
use super::resolve::Resolver;
use super::rules::schema as rules;
use super::rules::schema::packaged_property;
use super::value::{is_set, is_unresolved};
use super::view::{Request, Resource, View};
use compiled::{compiled, of_type};
pub(super) use compiled::{matches_pattern, prepare};
pub(super) use kind::{Kind, kind};
pub(super) use message::is_yaml_boolean;
use problem::{Problem, Trust, step_into, validate};
use source::Source;

/// Checks the properties of every resource, and the requests that its documents make. What was checked in the first
/// scenario and is the same in this one is not checked again.
pub(super) fn check(view: &View<'_>, first: Option<&View<'_>>, found: &mut Found) {
    for resource in &view.resources {
        let before = first.and_then(|first| first.resource(resource.id));
        if before.is_some_and(|before| *before.properties == *resource.properties) {
            continue;
        }
        let mut problems = of_properties(resource, view);
        problems.retain(|problem| !is_empty_default(view, resource, problem));
        problems.extend(requests(resource, view));
        for problem in problems {
            let mut findings = Findings { view, rule: problem.rule, found };
            findings.add_at(resource, Some(&problem.path), problem.message, problem.help);
            findings.fix_last(problem.fix);
            if !problem.is_confirmed {
                findings.doubt_last();
            }
        }
    }
}

/// Returns the problems of a resource's properties: against the schema of its type, and against what its service requires.
fn of_properties(resource: &Resource<'_>, view: &View<'_>) -> Vec<Problem> {
    let empty = JsonValue::Object(Map::new());
    let properties: &JsonValue = if resource.properties.is_null() { &empty } else { &resource.properties };
    let mut problems = Vec::new();
    if is_unresolved(properties) || !properties.is_object() {
        return problems;
    }
    let compiled = match resource.schema {
        Some(schema) => Some(of_type(schema)),
        None => sam::properties(resource.type_name)
            .filter(|_| view.is_sam())
            .map(|schema| compiled(resource.type_name, Source::Document(schema))),
    };
    if let Some(compiled) = compiled.as_deref().and_then(OnceLock::get) {
        problems = validate(compiled, properties, view, Trust::Registry);
    }
    if let Some(schema) = resource.schema {
        problems.extend(set_by_aws(schema, properties));
    }
    problems.extend(of_constraints(resource.type_name, properties, view));
    problems.retain(|problem| !is_packaged(resource.type_name, &problem.path, properties));
    // One message about the form of a value is enough, although the registry and the constraints state it.
    let mut formed = HashSet::new();
    let is_about_form = |problem: &Problem| {
        [rules::PATTERN_MISMATCH.name, rules::OUT_OF_RANGE.name].contains(&problem.rule.name)
    };
    problems.retain(|problem| !is_about_form(problem) || formed.insert(problem.path.clone()));
    problems
}

/// Returns the violations of what the service requires in addition to the schema of the type.
fn of_constraints(type_name: &str, properties: &JsonValue, view: &View<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, constraint) in constraints::of(type_name).iter().enumerate() {
        let kind = if type_name.starts_with("Custom::") { "Custom::" } else { type_name };
        let compiled = compiled(&format!("{kind} {number}"), Source::Document(&constraint.schema));
        let Some(compiled) = compiled.get() else { continue };
        for mut problem in validate(compiled, properties, view, Trust::Constraint) {
            if !constraint.why.is_empty() {
                problem.help = constraint.why.clone();
            }
            problem.is_confirmed = constraint.is_confirmed;
            problems.push(problem);
        }
    }
    problems
}

/// Returns the violations of a schema in a value, each with the steps that lead to it.
pub(super) fn faults(
    name: &str,
    schema: &'static JsonValue,
    value: &JsonValue,
    view: &View<'_>,
) -> Vec<(Vec<String>, String, String)> {
    let compiled = compiled(name, Source::Document(schema));
    let Some(compiled) = compiled.get() else { return Vec::new() };
    let found = validate(compiled, value, view, Trust::Registry);
    found.into_iter().map(|problem| (problem.path, problem.message, problem.help)).collect()
}

/// Returns whether a value is a path of this machine that `aws cloudformation package` or SAM replaces; a rule of its own reports
/// it.
fn is_packaged(type_name: &str, path: &[String], properties: &JsonValue) -> bool {
    packaged_property(type_name).is_some_and(|packaged| {
        let steps: Vec<&str> = path.iter().map(String::as_str).collect();
        steps == packaged && super::value::at(properties, packaged).is_string()
    })
}

/// Returns whether a value is the empty default of a parameter: who writes that means that every deployment gives it.
fn is_empty_default(view: &View<'_>, resource: &Resource<'_>, problem: &Problem) -> bool {
    let value = problem.path.iter().try_fold(&*resource.properties, |at, step| step_into(at, step));
    let resolver = Resolver::new(view.template(), view.scenario);
    value.is_some_and(|value| value == "") && resolver.origin(resource.written, &problem.path).1.is_some()
}

fn requests(resource: &Resource<'_>, view: &View<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for request in resource.documents.iter().flat_map(|document| &document.requests) {
        let of_pipeline = request.of_pipeline;
        let Some(operation) = api::operations().find(|operation| *operation == request.operation) else {
            continue;
        };
        if is_unresolved(&request.arguments) || !request.arguments.is_object() {
            continue;
        }
        let name = format!("{operation}{}", if of_pipeline { " of a step" } else { "" });
        let compiled = compiled(&name, Source::Request { operation, of_pipeline });
        let Some(compiled) = compiled.get() else { continue };
        let found = validate(compiled, &request.arguments, view, Trust::Registry);
        problems.extend(found.into_iter().chain(missing_of_training(request)).map(|mut problem| {
            problem.path.splice(0..0, request.path.iter().cloned());
            problem
        }));
    }
    problems
}

/// Returns the violations of the requirements on training jobs. The API model required all three until serverless jobs were
/// added, which have other settings (botocore 1.35.99 has no `ServerlessJobConfig`); the definitions of tuning jobs still require
/// `StoppingCondition`.
fn missing_of_training(request: &Request<'_>) -> Vec<Problem> {
    let is_serverless = is_set(&request.arguments["ServerlessJobConfig"]);
    if request.operation != "CreateTrainingJob" || is_serverless {
        return Vec::new();
    }
    let missing = |name: &&str| !is_set(&request.arguments[*name]);
    let names = ["AlgorithmSpecification", "ResourceConfig", "StoppingCondition"];
    let problem = |name: &str| Problem {
        rule: &rules::MISSING_PROPERTY,
        path: Vec::new(),
        message: format!("the property `{name}` is missing"),
        help: "a training job needs it, unless it is serverless".to_owned(),
        fix: None,
        is_confirmed: true,
    };
    names.into_iter().filter(missing).map(problem).collect()
}

/// Properties that only AWS sets, and deprecated properties. CloudFormation ignores nested ones.
fn set_by_aws(schema: &registry::ResourceType, properties: &JsonValue) -> Vec<Problem> {
    let problem = |name: &str| {
        let (rule, message, help) = if schema.is_read_only(name) {
            let help = "leave it out; read it with `Fn::GetAtt`";
            (&rules::READ_ONLY_PROPERTY, format!("only AWS sets `{name}`"), help)
        } else if schema.is_deprecated(name) {
            let help = "see the reference of the type for the replacement";
            (&rules::DEPRECATED_PROPERTY, format!("`{name}` is deprecated"), help)
        } else {
            return None;
        };
        Some(Problem {
            rule,
            path: vec![name.to_owned()],
            message,
            help: help.to_owned(),
            fix: None,
            is_confirmed: true,
        })
    };
    super::value::entries(properties).filter_map(|(name, _)| problem(name)).collect()
}
