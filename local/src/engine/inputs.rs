//! What stacks are made from: templates as they are given, and as they are when everything in them is written out.

use std::cell::RefCell;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::plan::pseudo_of;
use crate::state::{Environment, Inputs};
use crate::template::evaluate::Scope;
use crate::template::for_each::{expand_loops, has_loops};
use crate::template::{StackTemplate, scalar_text};

/// Values of parameters as requests give them.
pub(crate) fn given<'a>(values: impl Iterator<Item = (&'a str, String)>) -> Vec<Json> {
    values.map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": value })).collect()
}

/// Tags as requests and resources give them.
pub(crate) fn tags(given: &[Json]) -> IndexMap<String, String> {
    given.iter().map(|tag| (scalar_text(&tag["Key"]), scalar_text(&tag["Value"]))).collect()
}

/// Reads and checks a template for an account and region, with values for its parameters: given, kept, or by default.
/// Whatever else a stack is made from stays as it was before.
pub(crate) fn resolve_inputs(
    engine: &Engine,
    environment: Environment<'_>,
    text: String,
    given: &[Json],
    before: &Inputs,
) -> Result<(Inputs, StackTemplate), ServiceError> {
    let template = StackTemplate::read(&text)?;
    if !has_loops(&template) {
        template.check(environment.region)?;
        let parameters = template.parameters(given, &before.parameters)?;
        return Ok((Inputs { template: text, original: None, parameters, ..before.clone() }, template));
    }
    template.check_transform()?;
    let parameters = template.parameters(given, &before.parameters)?;
    let values = template.parameter_values(&parameters, &engine.state, environment)?;
    let nothing = |name: &str, _: Option<&str>| {
        Err(format!("Template error: a collection of Fn::ForEach cannot refer to {name}"))
    };
    let scope = Scope {
        template: &template,
        parameters: &values,
        pseudo: pseudo_of(environment),
        exports: &BTreeMap::new(),
        resource: &nothing,
        imported: RefCell::default(),
    };
    let written = expand_loops(&template, &scope)?;
    let template = StackTemplate::read(&written)?;
    template.check(environment.region)?;
    let inputs = Inputs { template: written, original: Some(text), parameters, ..before.clone() };
    Ok((inputs, template))
}
