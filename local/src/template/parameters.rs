//! The values of a template's parameters.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::evaluate::KNOWN_AFTER_APPLY;
use super::{StackTemplate, scalar_text};
use crate::api::error::ServiceError;
use crate::state::{Environment, Inputs, Parameter, State};

impl StackTemplate {
    /// Returns the values of the parameters: those of the request, the previous values, or the defaults.
    pub fn parameters(
        &self,
        given: &[Json],
        before: &IndexMap<String, String>,
    ) -> Result<IndexMap<String, String>, ServiceError> {
        let mut asked: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for one in given {
            let name = one["ParameterKey"].as_str().unwrap_or_default();
            let keeps = one["UsePreviousValue"].as_str() == Some("true");
            let wrong = match one["ParameterValue"].as_str() {
                _ if !keeps => None,
                Some(value) if !value.is_empty() => Some("true and non empty value for a parameter"),
                _ if !before.contains_key(name) => {
                    Some("true for a parameter key not in the previous template")
                }
                _ => None,
            };
            if let Some(wrong) = wrong {
                return Err(ServiceError::validation(format!(
                    "Invalid input for parameter key {name}. Cannot specify usePreviousValue as {wrong}"
                )));
            }
            asked.insert(name, if keeps { None } else { one["ParameterValue"].as_str() });
        }
        let declared: BTreeSet<&str> = self.section("Parameters").map(|(name, _)| name).collect();
        let unknown: Vec<&str> = asked.keys().copied().filter(|name| !declared.contains(name)).collect();
        if !unknown.is_empty() {
            return Err(ServiceError::validation(format!(
                "Parameters: [{}] do not exist in the template",
                unknown.join(", ")
            )));
        }
        let (mut values, mut missing) = (IndexMap::new(), Vec::new());
        for (name, parameter) in self.section("Parameters") {
            let value = match asked.get(name) {
                Some(Some(value)) => Some((*value).to_owned()),
                Some(None) => before.get(name).cloned(),
                None => parameter.get("Default").map(scalar_text),
            };
            match value {
                Some(value) => {
                    // A value that is not known yet is checked later.
                    if !value.contains(KNOWN_AFTER_APPLY) {
                        check_parameter(name, parameter, &value)?;
                    }
                    values.insert(name.to_owned(), value);
                }
                None => missing.push(name),
            }
        }
        if missing.is_empty() {
            return Ok(values);
        }
        Err(ServiceError::validation(format!("Parameters: [{}] must have values", missing.join(", "))))
    }
}

/// The maximum number of bytes in the value of a parameter (CloudFormation User Guide, page on quotas).
const MAX_VALUE_BYTES: usize = 4096;

fn check_parameter(name: &str, parameter: &Json, value: &str) -> Result<(), ServiceError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(ServiceError::validation(format!(
            "Parameter '{name}' has a value of {} bytes; a value has at most {MAX_VALUE_BYTES} bytes",
            value.len()
        )));
    }
    // The constraints of a list parameter apply to each of its items.
    let items: Vec<&str> = match type_of(parameter) {
        "CommaDelimitedList" | "List<Number>" => value.split(',').map(str::trim).collect(),
        _ => vec![value],
    };
    items.into_iter().try_for_each(|item| check_value(name, parameter, item))
}

fn check_value(name: &str, parameter: &Json, value: &str) -> Result<(), ServiceError> {
    let allowed: Vec<String> =
        parameter["AllowedValues"].as_array().into_iter().flatten().map(scalar_text).collect();
    if !allowed.is_empty() && !allowed.iter().any(|one| one == value) {
        return Err(ServiceError::validation(format!("Parameter '{name}' must be one of AllowedValues")));
    }
    let fails = |what: &str| {
        let text = parameter["ConstraintDescription"].as_str().map_or_else(|| what.to_owned(), str::to_owned);
        ServiceError::validation(format!("Parameter {name} failed to satisfy constraint: {text}"))
    };
    if matches!(type_of(parameter), "Number" | "List<Number>") {
        let Some(number) = value.parse::<f64>().ok().filter(|number| number.is_finite()) else {
            return Err(ServiceError::validation(format!("Parameter '{name}' must be a number.")));
        };
        let bound = |key: &str| scalar_text(&parameter[key]).parse::<f64>().ok();
        if bound("MinValue").is_some_and(|least| number < least) {
            return Err(fails(&format!(
                "must be greater than or equal to {}",
                scalar_text(&parameter["MinValue"])
            )));
        }
        if bound("MaxValue").is_some_and(|most| number > most) {
            return Err(fails(&format!(
                "must be less than or equal to {}",
                scalar_text(&parameter["MaxValue"])
            )));
        }
    }
    let pattern = parameter["AllowedPattern"].as_str();
    // A pattern with a syntax that the engine does not support is not applied.
    let validator = pattern.and_then(|pattern| {
        jsonschema::draft7::new(&serde_json::json!({ "pattern": format!("^(?:{pattern})$") })).ok()
    });
    if let Some(pattern) = pattern
        && validator.is_some_and(|validator| !validator.is_valid(&value.into()))
    {
        return Err(fails(&format!("must match pattern {pattern}")));
    }
    let length = value.chars().count();
    let bound = |key: &str| scalar_text(&parameter[key]).parse::<usize>().ok();
    if bound("MinLength").is_some_and(|least| length < least) {
        return Err(fails(&format!("must have length at least {}", scalar_text(&parameter["MinLength"]))));
    }
    if bound("MaxLength").is_some_and(|most| length > most) {
        return Err(fails(&format!("must have length at most {}", scalar_text(&parameter["MaxLength"]))));
    }
    Ok(())
}

/// Returns the type of a parameter.
fn type_of(parameter: &Json) -> &str {
    parameter.get("Type").and_then(Json::as_str).unwrap_or("String")
}

/// Returns the type of the value behind a parameter that names an SSM parameter.
fn ssm_type(kind: &str) -> Option<&str> {
    kind.strip_prefix("AWS::SSM::Parameter::Value<")?.strip_suffix('>')
}

impl StackTemplate {
    /// Returns the values of the SSM parameters that parameters name.
    pub fn resolve_ssm(
        &self,
        values: &IndexMap<String, String>,
        state: &State,
        environment: Environment<'_>,
    ) -> Result<IndexMap<String, String>, ServiceError> {
        let mut resolved = IndexMap::new();
        for (name, parameter) in self.section("Parameters") {
            let Some(value) = values.get(name).filter(|_| ssm_type(type_of(parameter)).is_some()) else {
                continue;
            };
            if value.contains(KNOWN_AFTER_APPLY) {
                continue;
            }
            let found = state.parameter(environment, value).or_else(|| assumed_parameter(value));
            let found = found.ok_or_else(|| {
                ServiceError::validation(format!(
                    "Unable to fetch parameters [{value}] from parameter store for this account."
                ))
            })?;
            if found.kind == "SecureString" {
                return Err(ServiceError::validation(format!(
                    "Parameters [{value}] referenced by template have types not supported by CloudFormation."
                )));
            }
            resolved.insert(name.to_owned(), found.value);
        }
        Ok(resolved)
    }

    /// Returns the value of `Ref` for each parameter: lists are split, and SSM parameters have their values.
    pub fn parameter_values(&self, inputs: &Inputs) -> IndexMap<String, Json> {
        let mut values = IndexMap::new();
        for (name, value) in &inputs.parameters {
            let declared = self.top("Parameters").and_then(|all| all.get(name));
            let kind = declared.map_or("String", type_of);
            let value = inputs.resolved.get(name).unwrap_or(value);
            let kind = ssm_type(kind).unwrap_or(kind);
            let is_list = kind.starts_with("List<") || kind == "CommaDelimitedList";
            let value = match is_list {
                true => value.split(',').map(|part| Json::from(part.trim())).collect(),
                false => Json::from(value.as_str()),
            };
            values.insert(name.clone(), value);
        }
        values
    }
}

/// The version of CDK's bootstrap stack that local mode assumes if there is none: the newest version that templates of the CDK
/// require.
const BOOTSTRAP_VERSION: &str = "30";

/// Returns the SSM parameter of CDK's bootstrap stack, `/cdk-bootstrap/QUALIFIER/version`, which every template of CDK names.
pub(crate) fn assumed_parameter(name: &str) -> Option<Parameter> {
    let is_bootstrap = name.strip_prefix("/cdk-bootstrap/")?.strip_suffix("/version").is_some();
    is_bootstrap.then(|| Parameter {
        kind: "String".to_owned(),
        value: BOOTSTRAP_VERSION.to_owned(),
        version: 1,
        time: 0,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_checked_as_their_types_require() {
        let checked = |parameter: Json, value: &str| {
            check_parameter("P", &parameter, value).map_or_else(|error| error.message, |()| "accepted".into())
        };
        let list =
            json!({ "Type": "CommaDelimitedList", "AllowedValues": ["a", "b"], "AllowedPattern": "[a-z]" });
        let numbers = json!({ "Type": "List<Number>", "MaxValue": 9 });
        let number = json!({ "Type": "Number" });
        let text = json!({ "Type": "String" });
        for (parameter, value, words) in [
            (&list, "a, b", "accepted"),
            (&list, "a,c", "one of AllowedValues"),
            (&numbers, "1,2.5", "accepted"),
            (&numbers, "1,x", "must be a number"),
            (&numbers, "1,10", "less than or equal to 9"),
            (&number, "-1.5", "accepted"),
            (&number, "NaN", "must be a number"),
            (&number, "inf", "must be a number"),
            (&text, &"x".repeat(4096), "accepted"),
            (&text, &"x".repeat(4097), "at most 4096 bytes"),
        ] {
            let found = checked(parameter.clone(), value);
            assert!(found.contains(words), "{parameter} {value:.10}: {found}");
        }
    }
}
