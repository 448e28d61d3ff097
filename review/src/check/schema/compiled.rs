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

/// All validators by the names of their schemas.
static ALL: Mutex<BTreeMap<String, Arc<OnceLock<Compiled>>>> = Mutex::new(BTreeMap::new());

/// Returns the validator of a schema by name, compiled once.
pub(super) fn compiled(name: &str, document: impl FnOnce() -> (JsonValue, bool)) -> Arc<OnceLock<Compiled>> {
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

/// Returns the validator of a resource type.
pub(super) fn of_type(schema: &registry::ResourceType) -> Arc<OnceLock<Compiled>> {
    compiled(schema.name(), || (schema.document().clone(), false))
}

/// Compiles the validators of some types, which takes longer than to use them, on two threads.
pub(in crate::check) fn prepare<'a>(types: impl Iterator<Item = &'a str>) {
    let types: BTreeSet<&str> = types.collect();
    let new: Vec<&str> = {
        let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        types.into_iter().filter(|name| !all.contains_key(*name)).collect()
    };
    let compile = |names: &[&str]| {
        names
            .iter()
            .filter_map(|name| registry::resource_type(name))
            .for_each(|schema| drop(of_type(schema)));
    };
    if new.len() < 2 {
        return compile(&new);
    }
    let (one, other) = new.split_at(new.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(move || compile(one));
        compile(other);
    });
}

/// Compiles a schema. Each property name that is a pattern for another engine is removed.
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
