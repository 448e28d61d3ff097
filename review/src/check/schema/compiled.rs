//! Validators of schemas, each compiled once, with the keywords of the registry that JSON Schema does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::{Draft, Keyword, ValidationError, ValidationOptions, Validator};
use serde_json::Value as JsonValue;
use stackwright_schemas::{formats, registry};

use super::keywords::{COMBINATIONS, Combination, KEYWORDS};

/// A schema that was compiled, kept for the names in it.
pub(super) struct Compiled {
    pub document: Option<JsonValue>,
    pub validator: Validator,
}

/// The validator of a schema by name, compiled once.
pub(super) fn compiled(name: &str, document: impl FnOnce() -> (JsonValue, bool)) -> Arc<OnceLock<Compiled>> {
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
pub(super) fn of_type(schema: &registry::ResourceType) -> Arc<OnceLock<Compiled>> {
    compiled(schema.name(), || (schema.document().clone(), false))
}

/// Compiles the validators of some types, which takes longer than to use them, on two threads.
pub(in crate::check) fn prepare<'a>(types: impl Iterator<Item = &'a str>) {
    let types: BTreeSet<&str> = types.collect();
    let known: Vec<_> = types.into_iter().filter_map(registry::resource_type).collect();
    let (one, other) = known.split_at(known.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(move || one.iter().for_each(|schema| drop(of_type(schema))));
        other.iter().for_each(|schema| drop(of_type(schema)));
    });
}

/// Compiles a schema. Names that are patterns for other engines are dropped, each by itself.
pub(super) fn compile(mut document: JsonValue) -> Validator {
    loop {
        let at = match options().build(&document) {
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
    for (name, holds) in COMBINATIONS.iter().chain(KEYWORDS) {
        options =
            options.with_keyword(*name, move |_, value, _| Ok(Box::new(Combination::new(value, *holds))));
    }
    options
}

/// A pattern that is compiled when the first string is matched. A pattern that this engine cannot compile matches every
/// string.
struct Pattern {
    pattern: JsonValue,
    compiled: OnceLock<Option<Validator>>,
}

/// Whether a string matches a pattern of a schema; `None` for a pattern that is written for another engine.
pub(in crate::check) fn matches_pattern(pattern: &str, text: &str) -> Option<bool> {
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
