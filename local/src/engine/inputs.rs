//! The inputs of stacks: templates as the caller passes them, and with the language extensions expanded.

use std::cell::RefCell;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{Environment, Inputs};
use crate::template::evaluate::{Progress, Scope, pseudo_parameters_of};
use crate::template::extensions::{self, has_loops};
use crate::template::{StackTemplate, scalar_text};

/// Values of parameters as requests contain them.
pub(crate) fn given<'a>(values: impl Iterator<Item = (&'a str, String)>) -> Vec<Json> {
    values.map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": value })).collect()
}

/// Tags as requests and resources contain them.
pub(crate) fn tags(given: &[Json]) -> IndexMap<String, String> {
    given.iter().map(|tag| (scalar_text(&tag["Key"]), scalar_text(&tag["Value"]))).collect()
}

/// Reads and checks a template for an account and region. The value of a parameter is that of the request, the previous value,
/// or the default. All other inputs do not change.
pub(crate) fn resolve_inputs(
    engine: &Engine,
    environment: Environment<'_>,
    text: String,
    given: &[Json],
    before: &Inputs,
) -> Result<(Inputs, StackTemplate), ServiceError> {
    let template = StackTemplate::read(&text)?;
    template.check_transforms()?;
    if !template.has_extensions() {
        if has_loops(&template) {
            return Err(ServiceError::validation(
                "Template format error: Fn::ForEach needs the transform AWS::LanguageExtensions",
            ));
        }
        template.check()?;
    }
    let parameters = template.parameters(given, &before.parameters)?;
    let resolved = template.resolve_ssm(&parameters, &engine.state, environment)?;
    for name in resolved.keys() {
        let parameter = &parameters[name];
        if engine.state.parameter(environment, parameter).is_none() {
            engine.assume(format!("the SSM parameter {parameter} of CDK's bootstrap stack"));
        }
    }
    let inputs = Inputs { template: text, original: None, parameters, resolved, ..before.clone() };
    let mut values = template.parameter_values(&inputs);
    values
        .extend(pseudo_parameters_of(environment).into_iter().map(|(name, value)| (name.to_owned(), value)));
    for rule in template.check_rules(&values)? {
        engine.assume(format!(
            "the rule {rule} is true, because local mode has no data about resources of the account"
        ));
    }
    if !template.has_extensions() {
        return Ok((inputs, template));
    }
    let expanded = expanded(&template, &inputs, environment)?;
    let template = StackTemplate::read(&expanded)?;
    template.check()?;
    Ok((Inputs { original: Some(inputs.template), template: expanded, ..inputs }, template))
}

/// Returns the text of a template with the language extensions expanded.
fn expanded(
    template: &StackTemplate,
    inputs: &Inputs,
    environment: Environment<'_>,
) -> Result<String, ServiceError> {
    let nothing = |name: &str, _: Option<&str>| {
        Err(format!("Template error: a function that the language extensions resolve cannot refer to {name}"))
    };
    let scope = Scope {
        template,
        parameters: &template.parameter_values(inputs),
        pseudo: pseudo_parameters_of(environment),
        exports: &BTreeMap::new(),
        resource: &nothing,
        imported: RefCell::default(),
        progress: Progress::default(),
    };
    extensions::expand(template, &scope)
}
