//! The names of a stack, and values with their intrinsic functions resolved.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::check::named_conditions;
use super::{StackTemplate, single};
use crate::engine::resource::placeholder;
use crate::state::{Resource, Stack};
use crate::template::is_custom;

/// The text in a change set for a value that is known only after its execution.
pub(crate) const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// The maximum nesting of values: more than in any template that can be read.
pub(super) const MAX_DEPTH: usize = 250;

/// The maximum number of values that one evaluation may visit, and the maximum length of a string.
const MAX_STEPS: usize = 2_000_000;
pub(super) const MAX_TEXT: usize = 1024 * 1024;

/// The maximum number of bytes in the results of all functions of one evaluation.
const MAX_RESULTS: usize = 64 * 1024 * 1024;

/// What `Ref` (without an attribute) and `Fn::GetAtt` of a resource return.
pub(crate) type Lookup<'a> = dyn Fn(&str, Option<&str>) -> Result<Json, String> + 'a;

/// Returns whether a value is known only after a change set was executed, in part or as a whole.
pub(crate) fn is_unknown(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.contains(KNOWN_AFTER_APPLY))
}

/// Returns the value of `Ref`, or of `Fn::GetAtt` for an attribute, of a resource.
pub(crate) fn reference_value(
    resource: Option<&Resource>,
    name: &str,
    attribute: Option<&str>,
) -> Result<Json, String> {
    let resource = resource.ok_or_else(|| format!("The resource {name} does not exist"))?;
    if let Some(value) = resource.value(attribute) {
        return Ok(value);
    }
    let attribute = attribute.unwrap_or_default();
    if is_custom(&resource.type_name) {
        return Ok(placeholder(name, attribute));
    }
    Err(format!("Attribute '{attribute}' does not exist"))
}

/// The values of the names in a stack: parameters, resources, conditions and exports.
pub(crate) struct Scope<'a> {
    pub template: &'a StackTemplate,
    pub parameters: &'a IndexMap<String, Json>,
    pub pseudo: BTreeMap<&'static str, Json>,
    /// The value and the exporting stack of each export, by its name.
    pub exports: &'a BTreeMap<String, (String, String)>,
    pub resource: &'a Lookup<'a>,
    /// The names of exports that were read.
    pub imported: RefCell<Vec<String>>,
    pub progress: Progress,
}

/// The state of an evaluation.
#[derive(Default)]
pub(crate) struct Progress {
    steps: Cell<usize>,
    /// The bytes of the results of functions.
    bytes: Cell<usize>,
    /// The conditions that were evaluated; nothing for one that is being evaluated.
    conditions: RefCell<BTreeMap<String, Option<bool>>>,
}

/// Pseudo parameters that have the same value in every stack of an account and region.
pub(crate) fn pseudo_parameters_of(
    environment: crate::state::Environment<'_>,
) -> BTreeMap<&'static str, Json> {
    let known =
        stackwright_synth::Environment::default().account(environment.account).region(environment.region);
    known.pseudo_parameters().into_iter().map(|one| (one.name, one.value.into())).collect()
}

/// Returns the pseudo parameters of a stack.
pub(crate) fn pseudo_parameters(stack: &Stack) -> BTreeMap<&'static str, Json> {
    let topics = stack.inputs.notification_arns.iter().map(|topic| Json::from(topic.as_str()));
    let mut names = pseudo_parameters_of(stack.environment());
    names.extend([
        ("AWS::NotificationARNs", topics.collect()),
        ("AWS::StackId", stack.id.as_str().into()),
        ("AWS::StackName", stack.name.as_str().into()),
    ]);
    names
}

impl Scope<'_> {
    /// Returns the value, or `None` where it is `AWS::NoValue`.
    pub fn value(&self, value: &Json) -> Result<Option<Json>, String> {
        self.at(value, 0)
    }

    /// Returns the properties of a resource.
    pub fn properties(&self, resource: &Json) -> Result<Map<String, Json>, String> {
        let written = resource.get("Properties").map_or(Ok(None), |written| self.value(written))?;
        Ok(match written {
            Some(Json::Object(properties)) => properties,
            _ => Map::new(),
        })
    }

    /// Returns the value at a depth of nesting.
    pub(super) fn at(&self, value: &Json, depth: usize) -> Result<Option<Json>, String> {
        self.count(depth)?;
        Ok(Some(match value {
            Json::Object(map) => {
                if let Some((name, argument)) = single(map)
                    && is_function(name, argument)
                {
                    let result = self.function(name, argument, depth)?;
                    self.count_bytes(result.as_ref())?;
                    return Ok(result);
                }
                let mut resolved = Map::new();
                for (name, inner) in map {
                    if let Some(inner) = self.at(inner, depth + 1)? {
                        resolved.insert(name.clone(), inner);
                    }
                }
                Json::Object(resolved)
            }
            Json::Array(items) => {
                let mut resolved = Vec::new();
                for item in items {
                    resolved.extend(self.at(item, depth + 1)?);
                }
                Json::Array(resolved)
            }
            other => other.clone(),
        }))
    }

    /// Rejects an evaluation that is nested too deeply, or visits too many values.
    fn count(&self, depth: usize) -> Result<(), String> {
        let steps = self.progress.steps.get() + 1;
        self.progress.steps.set(steps);
        if depth > MAX_DEPTH {
            return Err("Template error: functions are nested too deeply".into());
        }
        if steps > MAX_STEPS {
            return Err(format!(
                "Template error: the template needs more than {MAX_STEPS} steps to be evaluated"
            ));
        }
        Ok(())
    }

    /// Rejects an evaluation whose results need too much memory.
    fn count_bytes(&self, result: Option<&Json>) -> Result<(), String> {
        let bytes = self.progress.bytes.get() + result.map_or(0, size);
        self.progress.bytes.set(bytes);
        if bytes > MAX_RESULTS {
            return Err(format!(
                "Template error: the results of the functions are longer than {MAX_RESULTS} bytes in all"
            ));
        }
        Ok(())
    }

    /// Returns the value of a name, or of an attribute of it.
    pub(super) fn name(&self, name: &str, attribute: Option<&str>) -> Result<Option<Json>, String> {
        if attribute.is_none() {
            if name == "AWS::NoValue" {
                return Ok(None);
            }
            if let Some(value) = self.pseudo.get(name).or_else(|| self.parameters.get(name)) {
                return Ok(Some(value.clone()));
            }
        }
        (self.resource)(name, attribute).map(Some)
    }

    /// Returns whether a condition of the template is true. The conditions that it names are evaluated before it, so that a long
    /// chain of conditions needs no deep recursion.
    pub fn condition(&self, name: &str) -> Result<bool, String> {
        if let Some(None) = self.progress.conditions.borrow().get(name) {
            return Err(format!("Template format error: Circular dependency in conditions: [{name}]"));
        }
        let holds = self.condition_after_others(name);
        if holds.is_err() {
            self.progress.conditions.borrow_mut().retain(|_, known| known.is_some());
        }
        holds
    }

    fn condition_after_others(&self, name: &str) -> Result<bool, String> {
        let mut path = vec![name.to_owned()];
        while let Some(name) = path.last().cloned() {
            let known = self.progress.conditions.borrow().get(&name).copied();
            if let Some(Some(holds)) = known {
                path.pop();
                if path.is_empty() {
                    return Ok(holds);
                }
                continue;
            }
            let condition =
                self.template.top("Conditions").and_then(|all| all.get(&name)).ok_or_else(|| {
                    format!("Template format error: Unresolved condition dependency {name}")
                })?;
            if known.is_none() {
                self.progress.conditions.borrow_mut().insert(name, None);
                let conditions = self.progress.conditions.borrow();
                for needed in named_conditions(condition) {
                    match conditions.get(&needed) {
                        Some(Some(_)) => {}
                        Some(None) => {
                            return Err(format!(
                                "Template format error: Circular dependency in conditions: [{needed}]"
                            ));
                        }
                        None => path.push(needed),
                    }
                }
                continue;
            }
            let holds = self.holds(condition, 0)?;
            self.progress.conditions.borrow_mut().insert(name, Some(holds));
        }
        Err(format!("Template format error: Unresolved condition dependency {name}"))
    }

    pub(super) fn holds(&self, value: &Json, depth: usize) -> Result<bool, String> {
        Ok(self.at(value, depth + 1)?.is_some_and(|value| value == true || value == "true"))
    }

    /// Returns whether the condition of a resource or an output is true, if it has one.
    pub fn is_wanted(&self, value: &Json) -> Result<bool, String> {
        match value.get("Condition").and_then(Json::as_str) {
            Some(name) => self.condition(name),
            None => Ok(true),
        }
    }
}

/// Returns the approximate size of a value in bytes.
fn size(value: &Json) -> usize {
    match value {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(|item| size(item) + size_of::<Json>()).sum(),
        Json::Object(map) => {
            map.iter().map(|(name, value)| name.len() + size(value) + size_of::<Json>()).sum()
        }
        _ => 0,
    }
}

/// Returns whether an object's only member is an intrinsic function, and not a property with a similar name.
fn is_function(name: &str, argument: &Json) -> bool {
    match name {
        "Ref" => true,
        "Condition" => argument.is_string(),
        _ => name.starts_with("Fn::"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Calls a function with the scope of a template whose parameter `Stage` is `test`. `Ref` of the resource `Topic` is
    /// resolved.
    fn in_scope<T>(template: &Json, test: impl FnOnce(&Scope<'_>) -> T) -> T {
        let mut text = json!({ "Resources": { "Topic": { "Type": "AWS::SNS::Topic" } } });
        text.as_object_mut().unwrap().extend(template.as_object().unwrap().clone());
        let template = StackTemplate::read(&text.to_string()).unwrap();
        let lookup = |name: &str, attribute: Option<&str>| match (name, attribute) {
            ("Topic", None) => Ok(json!("arn:topic")),
            _ => reference_value(None, name, attribute),
        };
        let environment = crate::state::Environment { account: "111122223333", region: "cn-north-1" };
        test(&Scope {
            template: &template,
            parameters: &IndexMap::from([("Stage".to_owned(), "test".into())]),
            pseudo: pseudo_parameters_of(environment),
            exports: &BTreeMap::new(),
            resource: &lookup,
            imported: RefCell::default(),
            progress: Progress::default(),
        })
    }

    #[test]
    fn names_are_parameters_pseudo_parameters_and_resources() {
        in_scope(&json!({}), |scope| {
            let value = json!(
                ["Stage", "AWS::Partition", "AWS::URLSuffix", "Topic"].map(|name| json!({ "Ref": name }))
            );
            assert_eq!(
                scope.value(&value),
                Ok(Some(json!(["test", "aws-cn", "amazonaws.com.cn", "arn:topic"])))
            );
            let error = scope.value(&json!({ "Ref": "Other" })).unwrap_err();
            assert_eq!(error, "The resource Other does not exist");
        });
    }

    #[test]
    fn a_value_that_is_no_value_is_left_out() {
        let nothing = json!({ "Ref": "AWS::NoValue" });
        let written = json!({ "Properties": { "A": nothing, "B": ["x", nothing], "C": { "D": nothing } } });
        in_scope(&json!({}), |scope| {
            let properties = Json::from(scope.properties(&written).unwrap());
            assert_eq!(properties, json!({ "B": ["x"], "C": {} }));
            assert_eq!(scope.properties(&json!({})), Ok(Map::new()));
            // A property with the name of a function is not a function if its value has another form.
            assert_eq!(
                scope.value(&json!({ "Condition": { "a": 1 } })),
                Ok(Some(json!({ "Condition": { "a": 1 } })))
            );
        });
    }

    #[test]
    fn conditions_use_other_conditions_in_any_order() {
        let conditions = json!({ "Conditions": {
            "C": { "Fn::Or": [{ "Condition": "B" }, { "Condition": "A" }] },
            "B": { "Fn::Not": [{ "Condition": "A" }] },
            "A": { "Fn::Equals": [{ "Ref": "Stage" }, "test"] },
        } });
        in_scope(&conditions, |scope| {
            let all = ["A", "B", "C"].map(|name| scope.condition(name).unwrap());
            assert_eq!(all, [true, false, true]);
            assert_eq!(scope.is_wanted(&json!({ "Condition": "B" })), Ok(false));
            assert_eq!(scope.is_wanted(&json!({})), Ok(true));
            let error = scope.condition("D").unwrap_err();
            assert_eq!(error, "Template format error: Unresolved condition dependency D");
        });
    }

    #[test]
    fn a_cycle_of_conditions_is_an_error_each_time() {
        let conditions = json!({ "Conditions": {
            "A": { "Fn::Not": [{ "Condition": "B" }] },
            "B": { "Fn::Not": [{ "Condition": "A" }] },
        } });
        in_scope(&conditions, |scope| {
            for _ in 0..2 {
                let error = scope.condition("A").unwrap_err();
                assert_eq!(error, "Template format error: Circular dependency in conditions: [A]");
            }
        });
    }

    #[test]
    fn the_size_of_an_evaluation_is_limited() {
        in_scope(&json!({}), |scope| {
            let long = json!({ "Fn::Join": ["", ["x".repeat(MAX_TEXT - 1)]] });
            let error = scope.value(&Json::Array(vec![long; MAX_RESULTS / MAX_TEXT + 1])).unwrap_err();
            assert!(error.contains("the results of the functions are longer than"), "{error}");
        });
        let nested = (0..=MAX_DEPTH).fold(json!("x"), |inner, _| json!([inner]));
        in_scope(&json!({}), |scope| {
            assert_eq!(scope.value(&nested).unwrap_err(), "Template error: functions are nested too deeply");
        });
    }
}
