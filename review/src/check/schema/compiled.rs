//! Validators of schemas, each compiled once, with the keywords of the registry that JSON Schema does not have.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, Keyword, ValidationError, ValidationOptions, Validator};
use serde_json::{Map, Value as JsonValue};
use stackwright_schemas::{formats, registry};
use stackwright_synth::pointer;

use super::keywords::{COMBINATIONS, Combination, KEYWORDS};
use super::source::Source;

/// A schema whose definitions are compiled when the first value is compared with them: compiling a definition takes longer than
/// using it, and a template uses few of them.
pub(super) struct Compiled {
    parts: Arc<Parts>,
    validator: Validator,
    document: OnceLock<Cow<'static, JsonValue>>,
}

/// Receives an error with the steps that lead to its value.
type Visit<'v> = dyn FnMut(Vec<String>, &ValidationError<'_>) + 'v;

impl Compiled {
    fn new(source: Source) -> Self {
        let parts = Arc::new(Parts { source, compiled: Mutex::default() });
        let validator = parts.compile(source.root());
        Self { parts, validator, document: OnceLock::new() }
    }

    /// Returns the whole schema.
    pub fn document(&self) -> &JsonValue {
        self.document.get_or_init(|| self.parts.source.document())
    }

    /// Visits the errors of a value, in the order of the schema.
    pub fn errors(&self, instance: &JsonValue, visit: &mut Visit<'_>) {
        // Most values are valid, which takes less time to find than errors.
        if !self.validator.is_valid(instance) {
            self.parts.errors(&self.validator, instance, &[], visit);
        }
    }
}

/// The parts of a schema that references name, each compiled when the first value is compared with it.
struct Parts {
    source: Source,
    compiled: Mutex<BTreeMap<String, Arc<OnceLock<Validator>>>>,
}

/// The keyword that takes the place of `$ref`.
const REFERENCE: &str = "stackwright:reference";

impl Parts {
    fn compile(self: &Arc<Self>, mut document: JsonValue) -> Validator {
        if replace_references(&mut document)
            && let JsonValue::Object(document) = &mut document
            && let Some(definitions) = self.source.document().get("definitions")
        {
            document.insert("definitions".to_owned(), definitions.clone());
        }
        let parts = Arc::clone(self);
        let options = options().with_keyword(REFERENCE, move |_, pointer, _| {
            let pointer = pointer.as_str().unwrap_or_default().to_owned();
            Ok(Box::new(Reference { parts: Arc::clone(&parts), pointer }))
        });
        compile(document, &options)
    }

    /// Calls a function with the validator of a part.
    fn with<T>(self: &Arc<Self>, pointer: &str, work: impl FnOnce(&Validator) -> T) -> T {
        let slot = {
            let mut all = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
            match all.get(pointer) {
                Some(slot) => Arc::clone(slot),
                None => Arc::clone(all.entry(pointer.to_owned()).or_default()),
            }
        };
        work(slot.get_or_init(|| {
            // A reference whose target does not exist allows every value.
            self.compile(self.source.part(pointer).unwrap_or(JsonValue::Bool(true)))
        }))
    }

    fn errors(
        self: &Arc<Self>,
        validator: &Validator,
        instance: &JsonValue,
        at: &[String],
        visit: &mut Visit<'_>,
    ) {
        for error in validator.iter_errors(instance) {
            let below = error.instance_path().as_str();
            let steps = pointer::steps(below).map(Cow::into_owned);
            let path: Vec<String> = at.iter().cloned().chain(steps).collect();
            match (error.kind(), instance.pointer(below)) {
                (ValidationErrorKind::Custom { keyword, message }, Some(value)) if keyword == REFERENCE => {
                    self.with(message, |part| self.errors(part, value, &path, visit));
                }
                _ => visit(path, &error),
            }
        }
    }
}

/// Replaces the references of a schema whose errors are errors of the whole value. Returns whether it has others: each
/// alternative of `anyOf` has errors of its own.
fn replace_references(schema: &mut JsonValue) -> bool {
    let JsonValue::Object(map) = schema else { return false };
    let pointer = map.get("$ref").and_then(JsonValue::as_str).and_then(|uri| uri.strip_prefix('#'));
    if let Some(pointer) = pointer {
        // The other keywords beside `$ref` have no effect in this draft.
        *map = Map::from_iter([(REFERENCE.to_owned(), pointer.into())]);
        return false;
    }
    let mut others = false;
    for (keyword, value) in map {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties", JsonValue::Object(inner)) => {
                for schema in inner.values_mut() {
                    others |= replace_references(schema);
                }
            }
            ("items" | "allOf", JsonValue::Array(inner)) => {
                for schema in inner {
                    others |= replace_references(schema);
                }
            }
            ("items" | "additionalProperties", inner) => others |= replace_references(inner),
            ("definitions", _) => {}
            (_, other) => others |= has_reference(other),
        }
    }
    others
}

fn has_reference(value: &JsonValue) -> bool {
    match value {
        JsonValue::Object(map) => map.contains_key("$ref") || map.values().any(has_reference),
        JsonValue::Array(items) => items.iter().any(has_reference),
        _ => false,
    }
}

/// A reference to a part of a schema. Its error contains the pointer of the part.
struct Reference {
    parts: Arc<Parts>,
    pointer: String,
}

impl<'i> Keyword<'i> for Reference {
    fn validate(&self, instance: &'i JsonValue) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) { Ok(()) } else { Err(ValidationError::custom(self.pointer.as_str())) }
    }

    fn is_valid(&self, instance: &'i JsonValue) -> bool {
        self.parts.with(&self.pointer, |part| part.is_valid(instance))
    }
}

/// All schemas by their names.
static ALL: Mutex<BTreeMap<String, Arc<OnceLock<Compiled>>>> = Mutex::new(BTreeMap::new());

/// Returns a schema by name, compiled once.
pub(super) fn compiled(name: &str, source: Source) -> Arc<OnceLock<Compiled>> {
    let slot = {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(name) {
            Some(slot) => Arc::clone(slot),
            None => Arc::clone(all.entry(name.to_owned()).or_default()),
        }
    };
    slot.get_or_init(|| Compiled::new(source));
    slot
}

/// Returns the schema of a resource type.
pub(super) fn of_type(schema: &'static registry::ResourceType) -> Arc<OnceLock<Compiled>> {
    compiled(schema.name(), Source::Document(schema.document()))
}

/// Loads and compiles the schemas of some types on two threads.
pub(in crate::check) fn prepare<'a>(types: impl Iterator<Item = &'a str>) {
    let types: BTreeSet<&str> = types.collect();
    let new: Vec<&str> = {
        let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        types.into_iter().filter(|name| !all.contains_key(*name)).collect()
    };
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(name) = new.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(schema) = registry::resource_type(name) {
                drop(of_type(schema));
            }
        }
    };
    if new.len() < 2 {
        return work();
    }
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
}

/// Compiles a schema. Each property name that is a pattern for another engine is removed.
fn compile(mut document: JsonValue, options: &ValidationOptions<'static>) -> Validator {
    loop {
        let at = match options.build(&document) {
            Ok(validator) => return validator,
            Err(error) => error.instance_path().as_str().to_owned(),
        };
        let Some((holder, keyword)) = at.rsplit_once('/') else {
            // The error names no keyword. A validator without requirements causes no false findings. A test finds this case.
            document = JsonValue::Bool(true);
            continue;
        };
        let removed = match document.pointer_mut(holder) {
            Some(JsonValue::Object(holder)) => {
                let removed = holder.shift_remove(keyword).is_some();
                if keyword == "patternProperties" {
                    // Properties that these names would have allowed must not be rejected now.
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

/// Returns the options of the validator: with the keywords of the registry that JSON Schema does not have.
fn options() -> ValidationOptions<'static> {
    let mut options = draft7();
    // Most patterns of a schema meet no text, and compiling them takes longer than all the rest.
    options = options.with_keyword("pattern", |_, pattern, _| Ok(Box::new(Pattern::new(pattern.as_str()))));
    options = options.with_keyword("format", |_, format, _| {
        // A format that is not known here lets everything through.
        Ok(Box::new(Pattern::new(format.as_str().and_then(formats::pattern))))
    });
    for (name, holds) in COMBINATIONS.iter().chain(KEYWORDS) {
        options =
            options.with_keyword(*name, move |_, value, _| Ok(Box::new(Combination::new(value, *holds))));
    }
    options
}

/// Returns whether a string matches a pattern of a schema; `None` for a pattern that is written for another engine.
pub(in crate::check) fn matches_pattern(pattern: &str, text: &str) -> Option<bool> {
    compiled_pattern(pattern).map(|compiled| compiled.is_valid(&JsonValue::from(text)))
}

/// Returns the validator of a pattern, compiled once: types share many patterns. `None` for a pattern that is written for another
/// engine.
fn compiled_pattern(pattern: &str) -> Option<Arc<Validator>> {
    static COMPILED: Mutex<BTreeMap<String, Option<Arc<Validator>>>> = Mutex::new(BTreeMap::new());
    let mut all = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = all.get(pattern) {
        return compiled.clone();
    }
    let compiled = draft7().build(&serde_json::json!({ "pattern": pattern })).ok().map(Arc::new);
    all.insert(pattern.to_owned(), compiled.clone());
    compiled
}

/// A pattern that is compiled when the first string is matched. A pattern that this engine cannot compile matches every
/// string.
struct Pattern {
    /// `None` for what is no pattern.
    pattern: Option<String>,
    compiled: OnceLock<Option<Arc<Validator>>>,
}

impl Pattern {
    fn new(pattern: Option<&str>) -> Self {
        Self { pattern: pattern.map(str::to_owned), compiled: OnceLock::new() }
    }

    fn matches(&self, instance: &JsonValue) -> bool {
        let Some(pattern) = self.pattern.as_deref().filter(|_| instance.is_string()) else { return true };
        let compiled = self.compiled.get_or_init(|| compiled_pattern(pattern));
        compiled.as_ref().is_none_or(|compiled| compiled.is_valid(instance))
    }
}

impl<'i> Keyword<'i> for Pattern {
    fn validate(&self, instance: &'i JsonValue) -> Result<(), ValidationError<'i>> {
        if self.matches(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(self.pattern.as_deref().unwrap_or_default()))
    }

    fn is_valid(&self, instance: &'i JsonValue) -> bool {
        self.matches(instance)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stackwright_schemas::api;

    use super::*;

    #[test]
    fn compiling_ends_for_schemas_that_name_nothing_to_remove() {
        for document in [
            json!({ "type": 5 }),
            json!("x"),
            json!({ "required": [1] }),
            json!({ "properties": { "a": { "$ref": "#/nowhere" } } }),
            json!({ "patternProperties": { "(?=a": {}, "/~": { "type": [] } } }),
        ] {
            compile(document, &options());
        }
    }

    /// All schemas of the registry and of requests, by name.
    fn sources() -> impl Iterator<Item = (&'static str, Source)> {
        let of_types = registry::type_names()
            .map(|name| (name, Source::Document(registry::resource_type(name).unwrap().document())));
        let of_requests = api::operations().flat_map(|operation| {
            [false, true].map(|of_pipeline| (operation, Source::Request { operation, of_pipeline }))
        });
        of_types.chain(of_requests)
    }

    /// Returns a value that has every property of a schema, down to some depth. Many strings do not match their pattern.
    fn sample(root: &JsonValue, schema: &JsonValue, depth: usize) -> JsonValue {
        if let Some(pointer) = schema["$ref"].as_str() {
            let target = root.pointer(&pointer[1..]).filter(|_| depth > 0);
            return target.map_or(JsonValue::Null, |target| sample(root, target, depth - 1));
        }
        if let Some(allowed) = schema["enum"].as_array() {
            return allowed[0].clone();
        }
        let kind = schema["type"].as_str().or(schema["type"][0].as_str());
        match kind.unwrap_or(if schema["properties"].is_object() { "object" } else { "string" }) {
            "object" => {
                let properties = schema["properties"].as_object().into_iter().flatten();
                properties.map(|(name, inner)| (name.clone(), sample(root, inner, depth))).collect()
            }
            "array" => json!([sample(root, &schema["items"], depth)]),
            "boolean" => json!(true),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            _ => json!("a".repeat(schema["minLength"].as_u64().unwrap_or(1).min(100) as usize)),
        }
    }

    /// Returns the JSON pointers of all values in a value.
    fn pointers(value: &JsonValue, at: &str, all: &mut Vec<String>) {
        all.push(at.to_owned());
        let mut below = |step: &str, inner| pointers(inner, &format!("{at}/{step}"), all);
        match value {
            JsonValue::Object(map) => {
                for (name, inner) in map {
                    below(&pointer::escape(name), inner);
                }
            }
            JsonValue::Array(items) => {
                for (index, inner) in items.iter().enumerate() {
                    below(&index.to_string(), inner);
                }
            }
            _ => {}
        }
    }

    /// The kinds of errors and the paths of their values, as the compiled schema and as one validator of the whole schema return them.
    fn both(compiled: &Compiled, whole: &Validator, value: &JsonValue) -> [Vec<(String, String)>; 2] {
        let kind = |error: &ValidationError<'_>| {
            let kind = format!("{:?}", error.kind());
            kind.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
        };
        let path = |path: &[String]| path.iter().map(|step| format!("/{}", pointer::escape(step))).collect();
        let mut located = Vec::new();
        compiled.errors(value, &mut |steps, error| located.push((path(&steps), kind(error))));
        let errors = whole.iter_errors(value);
        [located, errors.map(|error| (error.instance_path().as_str().to_owned(), kind(&error))).collect()]
    }

    #[test]
    fn every_schema_has_the_errors_that_one_validator_of_the_whole_schema_has() {
        /// The number of values of each sample that are replaced.
        const REPLACED: usize = 2;
        let mut valid = 0;
        for (name, source) in sources() {
            let compiled = Compiled::new(source);
            let document = compiled.document();
            let whole = compile(document.clone(), &options());
            let start = document["$ref"]
                .as_str()
                .map_or(document, |pointer| document.pointer(&pointer[1..]).unwrap());
            // A validator that accepts every value would accept this value.
            let no_object = json!("no object");
            assert!(!whole.is_valid(&no_object) || start["type"].is_null(), "{name}");
            let closed = start["additionalProperties"] == false;
            assert!(!closed || !whole.is_valid(&json!({ "NoSuchProperty": 1 })), "{name}");

            let sample = sample(document, start, 4);
            let mut all = Vec::new();
            pointers(&sample, "", &mut all);
            let mut values = vec![no_object, json!({}), sample.clone()];
            for pointer in all.iter().skip(1).step_by(all.len().div_ceil(REPLACED)) {
                for wrong in [json!([{}]), json!("?"), json!(-1)] {
                    let mut changed = sample.clone();
                    *changed.pointer_mut(pointer).unwrap() = wrong;
                    values.push(changed);
                }
            }
            for value in values {
                let [found, expected] = both(&compiled, &whole, &value);
                assert_eq!(found, expected, "{name}: {value}");
                valid += usize::from(expected.is_empty());
            }
        }
        assert!(valid > 1000, "only {valid} values were valid");
    }
}
