//! Values against JSON Schemas: those of resource types, and those of requests to SageMaker.
//!
//! A value that CloudFormation resolves later is held against its schema by the type that it yields and by what is
//! known of its text; what it could still make right is never reported.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, Keyword, ValidationError, ValidationOptions, Validator};
use serde_json::{Map, Value as JsonValue};
use stackwright_schemas::{api, constraints, formats, registry, sam};

use super::findings::{Findings, Found, nearest_name};
use super::resolve::Resolver;
use super::rules::Rule;
use super::rules::schema as rules;
use super::rules::schema::packaged_property;
use super::text::{Piece, Text};
use super::value::{function, holds_unresolved, is_unresolved, shown};
use super::view::{Resource, View};
use crate::diagnostic::Fix;
use stackwright_schemas::nearest;
use stackwright_synth::pointer;

/// Checks the properties of every resource, and the requests that its documents make. What was checked in the first
/// scenario and is the same in this one is not checked again.
pub(super) fn check(view: &View<'_>, first: Option<&View<'_>>, found: &mut Found) {
    for resource in &view.resources {
        let before = first.and_then(|first| first.resource(resource.id));
        if before.is_some_and(|before| before.properties == resource.properties) {
            continue;
        }
        let mut problems = of_properties(resource, view);
        problems.retain(|problem| !is_empty_default(view, resource, problem));
        for problem in problems {
            let mut findings = Findings { view, rule: problem.rule, found };
            findings.add_at(resource, Some(&problem.path), problem.message, problem.help);
            findings.fix_last(problem.fix);
        }
        for problem in requests(resource, view) {
            let mut findings = Findings { view, rule: problem.rule, found };
            findings.add_at(resource, Some(&problem.path), problem.message, problem.help);
            findings.fix_last(problem.fix);
        }
    }
}

/// The problems of a resource's properties: against the schema of its type, and against what its service requires.
fn of_properties(resource: &Resource<'_>, view: &View<'_>) -> Vec<Problem> {
    let empty = JsonValue::Object(Map::new());
    let properties: &JsonValue = if resource.properties.is_null() { &empty } else { &resource.properties };
    let mut problems = Vec::new();
    if is_unresolved(properties) || !properties.is_object() {
        return problems;
    }
    if let Some(schema) = registry::resource_type(resource.type_name) {
        if let Some(compiled) = of_type(schema).get() {
            problems = look(&compiled.validator, properties, schema.schema(), view, Trust::Registry);
        }
        problems.extend(set_by_aws(schema, properties));
    } else if let Some(schema) = sam::properties(resource.type_name).filter(|_| view.is_sam()) {
        let compiled = compiled(resource.type_name, || (schema.clone(), false));
        if let Some(compiled) = compiled.get() {
            problems =
                look(&compiled.validator, properties, registry::Schema::of(schema), view, Trust::Registry);
        }
    }
    problems.extend(of_constraints(resource.type_name, properties, view));
    problems.retain(|problem| !is_packaged(resource.type_name, &problem.path, properties));
    problems
}

/// What a service requires beyond the schema of the type.
fn of_constraints(type_name: &str, properties: &JsonValue, view: &View<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, constraint) in constraints::of(type_name).iter().enumerate() {
        let kind = if type_name.starts_with("Custom::") { "Custom::" } else { type_name };
        let compiled = compiled(&format!("{kind} {number}"), || (constraint.schema.clone(), false));
        let Some(compiled) = compiled.get() else { continue };
        let schema = registry::Schema::of(&constraint.schema);
        for mut problem in look(&compiled.validator, properties, schema, view, Trust::Constraint) {
            if !constraint.why.is_empty() {
                problem.help = constraint.why.clone();
            }
            problems.push(problem);
        }
    }
    problems
}

/// What is wrong with any value by a schema of the project's data, each with the steps that lead to it.
pub(super) fn faults(
    name: &str,
    schema: &JsonValue,
    value: &JsonValue,
    view: &View<'_>,
) -> Vec<(Vec<String>, String, String)> {
    let compiled = compiled(name, || (schema.clone(), false));
    let Some(compiled) = compiled.get() else { return Vec::new() };
    let found = look(&compiled.validator, value, registry::Schema::of(schema), view, Trust::Registry);
    found.into_iter().map(|problem| (problem.path, problem.message, problem.help)).collect()
}

/// Whether a value is a path of this machine that `aws cloudformation package` or SAM replaces; a rule of its own
/// reports it.
fn is_packaged(type_name: &str, path: &[String], properties: &JsonValue) -> bool {
    packaged_property(type_name).is_some_and(|packaged| {
        let steps: Vec<&str> = path.iter().map(String::as_str).collect();
        steps == packaged && super::value::at(properties, packaged).is_string()
    })
}

/// Whether a value is the empty default of a parameter: who writes that means that every deployment gives it.
fn is_empty_default(view: &View<'_>, resource: &Resource<'_>, problem: &Problem) -> bool {
    let value = problem.path.iter().try_fold(resource.properties.as_ref(), |at, step| step_into(at, step));
    let written = resource.body.get("Properties").filter(|_| value.is_some_and(|value| value == ""));
    let resolver = Resolver::new(view.template(), view.scenario);
    written.is_some_and(|written| resolver.origin(written, &problem.path).1.is_some())
}

/// What is wrong with a value, by the steps that lead to it.
struct Problem {
    rule: &'static Rule,
    path: Vec<String>,
    message: String,
    help: String,
    fix: Option<Fix>,
}

fn requests(resource: &Resource<'_>, view: &View<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for request in resource.documents.iter().flat_map(|document| &document.requests) {
        let known = api::operations().any(|operation| operation == request.operation);
        if !known || is_unresolved(&request.arguments) || !request.arguments.is_object() {
            continue;
        }
        // SageMaker Pipelines names what its steps make.
        let operation =
            format!("{}{}", request.operation, if request.of_pipeline { " of a step" } else { "" });
        let compiled =
            compiled(&operation, || (request_schema(&request.operation, request.of_pipeline), true));
        let Some(compiled) = compiled.get() else { continue };
        let schema = registry::Schema::of(compiled.document.as_ref().unwrap_or(&JsonValue::Null));
        let found = look(&compiled.validator, &request.arguments, schema, view, Trust::Registry);
        problems.extend(found.into_iter().map(|mut problem| {
            problem.path.splice(0..0, request.path.iter().cloned());
            problem
        }));
    }
    problems
}

fn request_schema(operation: &str, of_pipeline: bool) -> JsonValue {
    let mut schema = api::request(operation).unwrap_or(JsonValue::Bool(true));
    if of_pipeline {
        let name =
            schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')).unwrap_or_default().to_owned();
        if let Some(JsonValue::Array(required)) = schema.pointer_mut(&format!("{name}/required")) {
            let named_by_pipeline = ["ModelName", "ProcessingJobName", "TrainingJobName", "TransformJobName"];
            required.retain(|name| {
                let name = name.as_str().unwrap_or_default();
                !named_by_pipeline.contains(&name) && name != "HyperParameterTuningJobName"
            });
        }
    }
    schema
}

mod keywords;

/// A schema that was compiled, kept for the names in it.
struct Compiled {
    document: Option<JsonValue>,
    validator: Validator,
}

/// The validator of a schema by name, compiled once.
fn compiled(name: &str, document: impl FnOnce() -> (JsonValue, bool)) -> Arc<OnceLock<Compiled>> {
    type All = BTreeMap<String, Arc<OnceLock<Compiled>>>;
    static ALL: Mutex<All> = Mutex::new(BTreeMap::new());
    let slot = {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(name) {
            Some(slot) => Arc::clone(slot),
            None => Arc::clone(all.entry(name.to_owned()).or_default()),
        }
    };
    slot.get_or_init(|| {
        let (document, keep) = document();
        let kept = keep.then(|| document.clone());
        Compiled { document: kept, validator: compile(document) }
    });
    slot
}

/// The validator of a resource type.
fn of_type(schema: &registry::ResourceType) -> Arc<OnceLock<Compiled>> {
    compiled(schema.name(), || (schema.document().clone(), false))
}

/// Compiles the validators of some types, which takes longer than to use them, on two threads.
pub(super) fn prepare<'a>(types: impl Iterator<Item = &'a str>) {
    let types: BTreeSet<&str> = types.collect();
    let known: Vec<_> = types.into_iter().filter_map(registry::resource_type).collect();
    let (one, other) = known.split_at(known.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(move || one.iter().for_each(|schema| drop(of_type(schema))));
        other.iter().for_each(|schema| drop(of_type(schema)));
    });
}

/// Compiles a schema. Names that are patterns for other engines are dropped, each by itself.
fn compile(mut document: JsonValue) -> Validator {
    loop {
        let at = match options().build(&document) {
            Ok(validator) => return validator,
            Err(error) => error.instance_path().as_str().to_owned(),
        };
        let Some((holder, keyword)) = at.rsplit_once('/') else {
            // Nothing to blame: a validator that says nothing is better than one that lies. A test finds it.
            document = JsonValue::Bool(true);
            continue;
        };
        let removed = match document.pointer_mut(holder) {
            Some(JsonValue::Object(holder)) => {
                let removed = holder.shift_remove(keyword).is_some();
                if keyword == "patternProperties" {
                    // What the names would have let in must not be refused now.
                    holder.shift_remove("additionalProperties");
                }
                removed
            }
            _ => false,
        };
        if !removed {
            // The error does not name what causes it: without this, the loop would not end.
            document = JsonValue::Bool(true);
        }
    }
}

fn draft7() -> ValidationOptions<'static> {
    jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(false)
}

/// How schemas are read: with the keywords of the registry that JSON Schema does not have.
fn options() -> ValidationOptions<'static> {
    let mut options = draft7();
    // Most patterns of a schema meet no text, and compiling them takes longer than all the rest.
    options = options.with_keyword("pattern", |_, pattern, _| {
        Ok(Box::new(Pattern { pattern: pattern.clone(), compiled: OnceLock::new() }))
    });
    options = options.with_keyword("format", |_, format, _| {
        let pattern = format.as_str().and_then(formats::pattern);
        // A format that is not known here lets everything through.
        let pattern = pattern.map_or(JsonValue::Null, JsonValue::from);
        Ok(Box::new(Pattern { pattern, compiled: OnceLock::new() }))
    });
    for (name, holds) in COMBINATIONS.iter().chain(keywords::KEYWORDS) {
        options = options.with_keyword(*name, move |_, value, _| {
            Ok(Box::new(Combination { value: value.clone(), holds: *holds }))
        });
    }
    options
}

/// Separates the name of a property below from the message of a keyword.
const BELOW: char = '\u{1f}';

type Holds = fn(&JsonValue, &JsonValue) -> Result<(), String>;

/// Keywords about which properties go together.
const COMBINATIONS: &[(&str, Holds)] = &[
    ("requiredXor", |names, object| {
        if !object.is_object() {
            return Ok(());
        }
        let given = given(names, object);
        match given.len() {
            1 => Ok(()),
            0 => Err(format!("one of {} is missing", listed(&strings(names)))),
            _ => Err(format!("{} exclude each other", listed(&given))),
        }
    }),
    ("requiredOr", |names, object| {
        if object.is_object() && given(names, object).is_empty() {
            return Err(format!("one of {} is missing", listed(&strings(names))));
        }
        Ok(())
    }),
    ("dependentExcluded", |rules, object| {
        for (name, excluded) in rules.as_object().into_iter().flatten() {
            let given = given(excluded, object);
            if object.get(name).is_some() && !given.is_empty() {
                return Err(format!("`{name}` excludes {}", listed(&given)));
            }
        }
        Ok(())
    }),
    ("dependentRequired", |rules, object| {
        for (name, needed) in rules.as_object().into_iter().flatten() {
            let missing: Vec<_> =
                strings(needed).into_iter().filter(|needed| object.get(needed).is_none()).collect();
            if object.get(name).is_some() && !missing.is_empty() {
                return Err(format!("`{name}` needs {}", listed(&missing)));
            }
        }
        Ok(())
    }),
    ("enumCaseInsensitive", |allowed, value| {
        let Some(text) = value.as_str() else { return Ok(()) };
        let allowed = strings(allowed);
        if allowed.iter().any(|known| known.eq_ignore_ascii_case(text)) {
            return Ok(());
        }
        Err(format!("{text} is not allowed here: use {}", listed(&allowed)))
    }),
];

/// A pattern that is compiled when the first text is held against it. One that is written for another engine says
/// nothing.
struct Pattern {
    pattern: JsonValue,
    compiled: OnceLock<Option<Validator>>,
}

/// Whether a string matches a pattern of a schema; `None` for a pattern that is written for another engine.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> Option<bool> {
    static COMPILED: Mutex<BTreeMap<String, Option<Arc<Validator>>>> = Mutex::new(BTreeMap::new());
    let mut all = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compiled = all
        .entry(pattern.to_owned())
        .or_insert_with(|| draft7().build(&serde_json::json!({ "pattern": pattern })).ok().map(Arc::new));
    let compiled = compiled.clone();
    drop(all);
    compiled.map(|compiled| compiled.is_valid(&JsonValue::from(text)))
}

impl Pattern {
    fn matches(&self, instance: &JsonValue) -> bool {
        if !instance.is_string() || self.pattern.is_null() {
            return true;
        }
        let compiled = self.compiled.get_or_init(|| {
            let schema = serde_json::json!({ "pattern": self.pattern });
            draft7().build(&schema).ok()
        });
        compiled.as_ref().is_none_or(|compiled| compiled.is_valid(instance))
    }
}

impl<'i> Keyword<'i> for Pattern {
    fn validate(&self, instance: &'i JsonValue) -> Result<(), ValidationError<'i>> {
        if self.matches(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(self.pattern.as_str().unwrap_or_default()))
    }

    fn is_valid(&self, instance: &'i JsonValue) -> bool {
        self.matches(instance)
    }
}

struct Combination {
    value: JsonValue,
    holds: Holds,
}

impl<'i> Keyword<'i> for Combination {
    fn validate(&self, instance: &'i JsonValue) -> Result<(), ValidationError<'i>> {
        (self.holds)(&self.value, instance).map_err(ValidationError::custom)
    }

    fn is_valid(&self, instance: &'i JsonValue) -> bool {
        (self.holds)(&self.value, instance).is_ok()
    }
}

fn strings(list: &JsonValue) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(JsonValue::as_str).collect()
}

/// Which of some properties an object has.
fn given<'n>(names: &'n JsonValue, object: &JsonValue) -> Vec<&'n str> {
    strings(names).into_iter().filter(|name| object.get(name).is_some()).collect()
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Where a schema comes from, and so how its conditions treat values that are not known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// AWS's: a condition may take a value that is not known for a wrong one.
    Registry,
    /// The project's own: conditions are written so that a value that is not known passes.
    Constraint,
}

fn look(
    validator: &Validator,
    instance: &JsonValue,
    schema: registry::Schema<'_>,
    view: &View<'_>,
    trust: Trust,
) -> Vec<Problem> {
    if validator.is_valid(instance) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for error in validator.iter_errors(instance) {
        let path: Vec<String> = pointer::steps(error.instance_path().as_str()).map(Cow::into_owned).collect();
        let at = schema_at(schema, &path);
        if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
            if unresolved_on_the_way(instance, &path).is_none() {
                problems.extend(unexpected.iter().filter_map(|name| unknown(name, at, &path)));
            }
            continue;
        }
        if matches!(error.kind(), ValidationErrorKind::UniqueItems) {
            problems.extend(duplicate(error.instance(), &path));
            continue;
        }
        let problem = match unresolved_on_the_way(instance, &path) {
            Some((value, whole)) if whole == path.len() => unresolved(&error, value, at, view),
            Some(_) => None,
            None if trust == Trust::Registry && is_undecided(&error, instance) => None,
            None => known(&error, at, instance),
        };
        if let Some((rule, message, help)) = problem {
            let mut path = path;
            // A keyword of the project's own may name the property below.
            let message = match message.split_once(BELOW) {
                Some((step, message)) => {
                    path.push(step.to_owned());
                    message.to_owned()
                }
                None => message,
            };
            let fix = renamed(&error, &help);
            problems.push(Problem { rule, path, message, help: help.unwrap_or_default(), fix });
        }
    }
    problems
}

/// The change to the nearest allowed value, where one is near.
fn renamed(error: &ValidationError<'_>, help: &Option<String>) -> Option<Fix> {
    let ValidationErrorKind::Enum { options } = error.kind() else { return None };
    let given = error.instance().as_str().filter(|_| help.is_some())?;
    let to = nearest(given, strings(options).into_iter())?.to_owned();
    Some(Fix::Rename { from: given.to_owned(), to })
}

/// Whether a branch of a condition reports an error about an object in which something is not known.
fn is_undecided(error: &ValidationError<'_>, instance: &JsonValue) -> bool {
    let decided_elsewhere = ["/then/", "/else/", "/not", "/if/"];
    decided_elsewhere.iter().any(|step| error.schema_path().as_str().contains(step))
        && holds_unresolved(instance)
}

/// The item of a list that repeats one before it. Empty texts are defaults of optional parameters.
fn duplicate(list: &JsonValue, path: &[String]) -> Option<Problem> {
    let mut seen = std::collections::HashSet::new();
    let items = super::value::items(list).enumerate();
    let mut comparable = items.filter(|(_, item)| !item.is_null() && *item != "");
    let (number, item) = comparable.find(|(_, item)| !seen.insert(item.to_string()))?;
    let path = path.iter().cloned().chain([number.to_string()]).collect();
    let message = format!("{} is in this list twice", brief_or_function(item));
    Some(Problem {
        rule: &rules::WRONG_COMBINATION,
        path,
        message,
        help: "remove one of the two".into(),
        fix: None,
    })
}

fn brief_or_function(value: &JsonValue) -> String {
    if function(value).is_some() { format!("`{value}`") } else { brief(value) }
}

/// A property that the schema does not have. A macro or a loop is none.
fn unknown(name: &str, schema: Option<registry::Schema<'_>>, path: &[String]) -> Option<Problem> {
    let is_property = !name.starts_with("Fn::");
    let names = schema.into_iter().flat_map(|at| at.properties().map(|(name, _)| name));
    let (help, fix) = nearest_name(name, names);
    is_property.then(|| Problem {
        rule: &rules::UNKNOWN_PROPERTY,
        path: path.iter().cloned().chain([name.to_owned()]).collect(),
        message: format!("there is no property `{name}`"),
        help,
        fix,
    })
}

type Said = (&'static Rule, String, Option<String>);

/// The first value on the way that is known only later, and how many steps lead to it.
fn unresolved_on_the_way<'v>(instance: &'v JsonValue, path: &[String]) -> Option<(&'v JsonValue, usize)> {
    let mut value = instance;
    for number in 0..=path.len() {
        if is_unresolved(value) {
            return Some((value, number));
        }
        value = step_into(value, path.get(number)?)?;
    }
    None
}

fn step_into<'v>(value: &'v JsonValue, step: &str) -> Option<&'v JsonValue> {
    match value {
        JsonValue::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    }
}

/// The schema that a path leads to.
fn schema_at<'s>(schema: registry::Schema<'s>, path: &[String]) -> Option<registry::Schema<'s>> {
    path.iter().try_fold(schema.resolved(), |at, step| {
        let next = at.property(step).or_else(|| at.items()).or_else(|| at.map_values())?;
        Some(next.resolved())
    })
}

/// What is wrong with a value that is known only later: its type, its length, or that it can be none of the values
/// that are allowed.
fn unresolved(
    error: &ValidationError<'_>,
    value: &JsonValue,
    schema: Option<registry::Schema<'_>>,
    view: &View<'_>,
) -> Option<Said> {
    let ValidationErrorKind::Type { kind: wanted } = error.kind() else {
        let ValidationErrorKind::Enum { options } = error.kind() else { return None };
        let text = Text::of(value);
        let known = text.0.iter().any(|piece| matches!(piece, Piece::Known(_)));
        let allowed = strings(options);
        if !known || allowed.iter().any(|option| text.can_be(option)) {
            return None;
        }
        let help = (allowed.len() <= 12).then(|| format!("use {}", allowed.join(", ")));
        return Some((&rules::VALUE_NOT_ALLOWED, "this text can be none of the allowed values".into(), help));
    };
    let scalar = ["string", "integer", "number", "boolean"].iter().any(|name| wants(wanted, name));
    let given = kind(value, view);
    let fits = match given {
        Kind::Any => true,
        Kind::Text => scalar,
        Kind::List => wants(wanted, "array"),
        Kind::Object => wants(wanted, "object"),
    };
    if !fits {
        let (name, argument) = function(value)?;
        let message = format!(
            "`{name}` of {} gives {}, and {} is wanted",
            shown(argument),
            given.name(),
            wanted_name(wanted)
        );
        return Some((&rules::WRONG_TYPE, message, None));
    }
    let most = schema?.bound("maxLength")?.as_u64()?;
    let least = Text::of(value).least_characters();
    (given == Kind::Text && least as u64 > most).then(|| {
        let message = format!("this text has {least} characters or more");
        (&rules::OUT_OF_RANGE, message, Some(format!("at most {most} characters")))
    })
}

/// What an intrinsic function yields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    List,
    Object,
    Any,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "one value",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Any => "anything",
        }
    }
}

pub(super) fn kind(value: &JsonValue, view: &View<'_>) -> Kind {
    let Some((name, argument)) = function(value) else { return Kind::Any };
    match name {
        "Ref" => {
            let name = argument.as_str().unwrap_or_default();
            if name == "AWS::NotificationARNs" {
                return Kind::List;
            }
            let parameter = view.template().sections().get("Parameters").and_then(|all| all.get(name));
            match parameter.and_then(|parameter| parameter["Type"].as_str()) {
                Some(kind) if super::scenario::is_list(kind) => Kind::List,
                Some(_) => Kind::Text,
                None if name.starts_with("AWS::") || view.resource(name).is_some() => Kind::Text,
                None => Kind::Any,
            }
        }
        "Fn::Sub" | "Fn::Join" | "Fn::Base64" | "Fn::ImportValue" => Kind::Text,
        "Fn::GetAZs" | "Fn::Cidr" | "Fn::Split" => Kind::List,
        "Fn::GetAtt" => {
            let attribute = match argument {
                JsonValue::Array(arguments) => arguments.get(1).and_then(JsonValue::as_str),
                JsonValue::String(path) => path.split_once('.').map(|(_, attribute)| attribute),
                _ => None,
            };
            let of = super::view::referred(value).and_then(|id| view.resource(&id).map(|it| it.type_name));
            let schema = of.and_then(registry::resource_type);
            let Some(attribute) = attribute.and_then(|name| schema?.attribute(name)) else {
                return Kind::Any;
            };
            match attribute.types().as_slice() {
                ["array"] => Kind::List,
                ["object"] => Kind::Object,
                ["string" | "integer" | "number" | "boolean"] => Kind::Text,
                _ => Kind::Any,
            }
        }
        _ => Kind::Any,
    }
}

/// What is wrong with a value that is known.
fn known(
    error: &ValidationError<'_>,
    schema: Option<registry::Schema<'_>>,
    instance: &JsonValue,
) -> Option<Said> {
    let value: &JsonValue = error.instance();
    let has_macro = value.as_object().is_some_and(|map| map.keys().any(|key| key.starts_with("Fn::")));
    Some(match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let first = unexpected.iter().find(|name| !name.starts_with("Fn::"))?;
            (&rules::UNKNOWN_PROPERTY, format!("there is no property `{first}`"), None)
        }
        ValidationErrorKind::Required { .. } if has_macro => return None,
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            (&rules::MISSING_PROPERTY, format!("the property `{name}` is missing"), None)
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> = options.as_array().into_iter().flatten().map(shown).collect();
            let given = shown(value);
            if options.contains(&given) {
                return None;
            }
            let help = if value.is_boolean() && options.iter().any(|option| is_yaml_boolean(option)) {
                Some(format!("quote the value: YAML reads a word such as `OFF` without quotes as {given}"))
            } else if options.len() <= 12 {
                Some(format!("use {}", options.join(", ")))
            } else {
                nearest(&given, options.iter().map(String::as_str)).map(|one| format!("the nearest is {one}"))
            };
            (&rules::VALUE_NOT_ALLOWED, format!("{given} is not allowed here"), help)
        }
        ValidationErrorKind::Constant { expected_value } if !holds_unresolved(value) => {
            let message = format!("{} is not allowed here", shown(value));
            (&rules::VALUE_NOT_ALLOWED, message, Some(format!("use {}", shown(expected_value))))
        }
        ValidationErrorKind::Custom { keyword, message: pattern }
            if keyword == "pattern" || keyword == "format" =>
        {
            (
                &rules::PATTERN_MISMATCH,
                format!("{} does not have the form that is wanted", brief(value)),
                Some(format!("it has to match `{pattern}`")),
            )
        }
        // A null is reported as such.
        ValidationErrorKind::Type { .. } if value.is_null() => return None,
        ValidationErrorKind::Type { kind } => {
            if converts(value, kind) {
                return out_of_range(value, schema?);
            }
            (&rules::WRONG_TYPE, format!("{} is no {}", brief(value), wanted_name(kind)), None)
        }
        ValidationErrorKind::Maximum { limit } => range(value, "too large", format!("at most {limit}")),
        ValidationErrorKind::Minimum { limit } => range(value, "too small", format!("at least {limit}")),
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            range(value, "too large", format!("below {limit}"))
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            range(value, "too small", format!("above {limit}"))
        }
        ValidationErrorKind::MaxLength { limit } => {
            let at = error.instance_path().as_str();
            let way_out = if at.contains("HyperParameters/") {
                ": ship a longer one as a file, beside the script or in an input"
            } else {
                ""
            };
            range(value, "too long", format!("at most {limit} characters{way_out}"))
        }
        ValidationErrorKind::MinLength { limit } => {
            range(value, "too short", format!("at least {limit} characters"))
        }
        ValidationErrorKind::MaxItems { limit } => count("list", "long", format!("at most {limit} items")),
        ValidationErrorKind::MinItems { limit } => count("list", "short", format!("at least {limit} items")),
        ValidationErrorKind::MaxProperties { limit } => {
            count("object", "large", format!("at most {limit} entries"))
        }
        ValidationErrorKind::MinProperties { .. } if has_macro => return None,
        ValidationErrorKind::MinProperties { limit } => {
            count("object", "small", format!("at least {limit} entries"))
        }
        ValidationErrorKind::Custom { keyword, message } if !has_macro => {
            let rule = match keyword.as_str() {
                "atLeast" | "atMost" | "numberIn" | "notAbove" | "entriesBytes" => &rules::OUT_OF_RANGE,
                "requiredOr" => &rules::MISSING_PROPERTY,
                _ => &rules::WRONG_COMBINATION,
            };
            (rule, message.clone(), None)
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }
            if !holds_unresolved(value) =>
        {
            return alternatives(context, schema, instance);
        }
        ValidationErrorKind::OneOfMultipleValid { .. } if !holds_unresolved(value) => {
            let message = "these properties exclude each other: more than one of the alternatives is given";
            (&rules::WRONG_COMBINATION, message.into(), None)
        }
        ValidationErrorKind::Not { .. } | ValidationErrorKind::Contains if !holds_unresolved(value) => {
            (&rules::WRONG_COMBINATION, "this combination is not allowed".into(), None)
        }
        ValidationErrorKind::PropertyNames { error } => {
            (&rules::UNKNOWN_PROPERTY, format!("a name is not allowed here: {error}"), None)
        }
        _ => return None,
    })
}

/// Whether YAML 1.1 reads a word without quotes as a boolean.
pub(super) fn is_yaml_boolean(word: &str) -> bool {
    ["on", "off", "yes", "no", "true", "false"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn range(value: &JsonValue, how: &str, help: String) -> Said {
    (&rules::OUT_OF_RANGE, format!("{} is {how}", brief(value)), Some(help))
}

fn count(what: &str, how: &str, help: String) -> Said {
    (&rules::OUT_OF_RANGE, format!("the {what} is too {how}"), Some(help))
}

/// Of alternatives of which none fits: what is missing if each only wants something, or else what is wrong with the
/// one that comes nearest.
fn alternatives(
    context: &[Vec<ValidationError<'_>>],
    schema: Option<registry::Schema<'_>>,
    instance: &JsonValue,
) -> Option<Said> {
    let missing: Vec<&str> = context
        .iter()
        .flatten()
        .filter_map(|error| match error.kind() {
            ValidationErrorKind::Required { property } => property.as_str(),
            _ => None,
        })
        .collect();
    if missing.len() == context.iter().flatten().count() {
        let message = format!("one of {} is missing", listed(&missing));
        return Some((&rules::MISSING_PROPERTY, message, None));
    }
    if let Some(given) = split_over(context) {
        let names: Vec<&str> = given.iter().map(String::as_str).collect();
        return Some((&rules::WRONG_COMBINATION, format!("{} exclude each other", listed(&names)), None));
    }
    let depth = |errors: &&Vec<ValidationError<'_>>| {
        let deepest = errors.iter().map(|error| error.instance_path().as_str().len()).max();
        (deepest, std::cmp::Reverse(errors.len()))
    };
    let said: Vec<Said> =
        context.iter().max_by_key(depth)?.iter().filter_map(|error| known(error, schema, instance)).collect();
    // If what comes nearest is excused, so is the whole.
    said.into_iter().next()
}

/// Properties each of which one of the alternatives has, and no alternative has all of them.
fn split_over(context: &[Vec<ValidationError<'_>>]) -> Option<BTreeSet<String>> {
    let mut refused = Vec::new();
    for errors in context {
        let [error] = errors.as_slice() else { return None };
        let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() else { return None };
        refused.push(unexpected);
    }
    let all: BTreeSet<String> = refused.iter().copied().flatten().cloned().collect();
    let somebody_has = |name: &String| refused.iter().any(|unexpected| !unexpected.contains(name));
    (all.len() > 1 && all.iter().all(somebody_has)).then_some(all)
}

/// Compares a number or a boolean that is written as a string with bounds and allowed values, because the schema only
/// reports that it is a string.
fn out_of_range(value: &JsonValue, schema: registry::Schema<'_>) -> Option<Said> {
    let given = super::value::number(value)?;
    let most = schema.bound("maximum").and_then(JsonValue::as_f64);
    let least = schema.bound("minimum").and_then(JsonValue::as_f64);
    let allowed: Vec<String> = schema.enumeration().map(shown).collect();
    if let Some(most) = most.filter(|most| given > *most) {
        return Some(range(value, "too large", format!("at most {most}")));
    }
    if let Some(least) = least.filter(|least| given < *least) {
        return Some(range(value, "too small", format!("at least {least}")));
    }
    let is_text = value.is_string();
    (is_text && !allowed.is_empty() && !allowed.contains(&shown(value))).then(|| {
        let help = (allowed.len() <= 12).then(|| format!("use {}", allowed.join(", ")));
        (&rules::VALUE_NOT_ALLOWED, format!("{} is not allowed here", shown(value)), help)
    })
}

/// Whether CloudFormation turns the value into what is wanted.
fn converts(value: &JsonValue, wanted: &TypeKind) -> bool {
    match value {
        JsonValue::String(text) => {
            wants(wanted, "boolean") && matches!(text.as_str(), "true" | "false" | "True" | "False")
                || wants(wanted, "integer") && text.parse::<i64>().is_ok()
                || wants(wanted, "number") && text.parse::<f64>().is_ok()
        }
        JsonValue::Number(_) | JsonValue::Bool(_) => wants(wanted, "string"),
        _ => false,
    }
}

fn wants(wanted: &TypeKind, name: &str) -> bool {
    match wanted {
        TypeKind::Single(kind) => kind.to_string() == name,
        TypeKind::Multiple(kinds) => kinds.iter().any(|kind| kind.to_string() == name),
    }
}

fn wanted_name(kind: &TypeKind) -> String {
    let name = |name: String| match name.as_str() {
        "array" => "list".to_owned(),
        _ => name,
    };
    match kind {
        TypeKind::Single(kind) => name(kind.to_string()),
        TypeKind::Multiple(kinds) => {
            kinds.iter().map(|kind| name(kind.to_string())).collect::<Vec<_>>().join(" or ")
        }
    }
}

/// A value in a message: what is long is named only.
fn brief(value: &JsonValue) -> String {
    match value {
        JsonValue::Object(_) => "an object".to_owned(),
        JsonValue::Array(_) => "a list".to_owned(),
        JsonValue::String(text) if text.chars().count() > 60 => {
            format!("\"{}…\"", text.chars().take(60).collect::<String>())
        }
        other => other.to_string(),
    }
}

/// Properties that only AWS sets, and those that AWS advises against. What lies deeper CloudFormation ignores.
fn set_by_aws(schema: &registry::ResourceType, properties: &JsonValue) -> Vec<Problem> {
    let problem = |name: &str| {
        let (rule, message, help) = if schema.is_read_only(name) {
            let help = "leave it out; read it with `Fn::GetAtt`";
            (&rules::READ_ONLY_PROPERTY, format!("only AWS sets `{name}`"), help)
        } else if schema.is_deprecated(name) {
            let help = "see the type's reference for what took its place";
            (&rules::DEPRECATED_PROPERTY, format!("AWS advises against `{name}`"), help)
        } else {
            return None;
        };
        Some(Problem { rule, path: vec![name.to_owned()], message, help: help.to_owned(), fix: None })
    };
    super::value::entries(properties).filter_map(|(name, _)| problem(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_of_the_registry_compiles() {
        for name in registry::type_names() {
            let schema = registry::resource_type(name).unwrap();
            let validator = compile(schema.document().clone());
            // A validator that lets everything in would let this in.
            assert!(
                !validator.is_valid(&JsonValue::from("no object")) || schema.document()["type"].is_null(),
                "{name}"
            );
            let closed = schema.document()["additionalProperties"] == false;
            assert!(!closed || !validator.is_valid(&serde_json::json!({ "NoSuchProperty": 1 })), "{name}");
        }
        for operation in api::operations() {
            let validator = compile(request_schema(operation, true));
            assert!(!validator.is_valid(&serde_json::json!({ "NoSuchProperty": 1 })), "{operation}");
        }
    }
}
