//! The resources that a template deploys with the default of every parameter.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as JsonValue;
use stackwright_synth::function::{function, references};
use stackwright_synth::{PseudoParameter, StackArtifact, Template};

use super::stack::Parameters;
use crate::check::resolve::Resolver;
use crate::check::scenario::{Given, Scenario, is_list, is_read_from_ssm, pseudo_parameters};
use crate::check::value::holds_unresolved;
use crate::globals;

/// Conditions that refer to each other more often than this are circular.
const MAX_DEPTH: usize = 64;

/// A template in the deployment in which every parameter has its default. A parameter without a default is not known.
pub(crate) struct Effective<'a> {
    pub template: &'a Template,
    scenario: Scenario<'a>,
    /// The names of the SSM parameters that parameters read, where they are known.
    ssm: BTreeMap<&'a str, String>,
}

impl<'a> Effective<'a> {
    /// `parameters` has the values of parameters where they are known; every other one has its default.
    pub fn new(stack: &'a StackArtifact, parameters: Option<&Parameters>) -> Self {
        let template = &stack.template;
        let mut scenario = Scenario::default();
        for PseudoParameter { name, value, .. } in pseudo_parameters(&stack.environment, None) {
            scenario.values.insert(name, Given::Value(value.into()));
        }
        let mut ssm = BTreeMap::new();
        for (name, parameter) in template.section("Parameters") {
            if is_read_from_ssm(parameter) {
                let given = parameters.and_then(|values| values.get(name).cloned().flatten());
                let default = || parameter.get("Default").and_then(JsonValue::as_str).map(str::to_owned);
                ssm.extend(given.or_else(default).map(|value| (name, value)));
            }
            match parameters.and_then(|values| values.get(name)) {
                Some(Some(value)) if !is_read_from_ssm(parameter) => {
                    let value = typed(parameter, &JsonValue::from(value.as_str()));
                    scenario.values.insert(name, Given::Value(value));
                    continue;
                }
                Some(None) => continue,
                _ => {}
            }
            if let Some(default) = parameter.get("Default").filter(|_| !is_read_from_ssm(parameter)) {
                scenario.values.insert(name, Given::Value(typed(parameter, default)));
            }
        }
        let mut effective = Self { template, scenario, ssm };
        for (name, _) in template.section("Conditions") {
            if let Some(holds) = effective.condition(name, 0) {
                effective.scenario.conditions.insert(name, holds);
            }
        }
        effective
    }

    /// Returns the value with all known values inserted.
    pub fn value<'v>(&self, value: &'v JsonValue) -> Cow<'v, JsonValue> {
        Resolver::new(self.template, &self.scenario).resolve(value)
    }

    /// Returns the properties of a resource with all known values inserted, and with the defaults of SAM for its type.
    pub fn properties<'v>(&self, body: &'v JsonValue) -> Cow<'v, JsonValue> {
        match globals::properties(self.template, body) {
            Cow::Borrowed(written) => self.value(written),
            Cow::Owned(written) => Cow::Owned(self.value(&written).into_owned()),
        }
    }

    /// Returns whether a resource or output is deployed; `None` where that depends on a parameter without a default.
    pub fn is_deployed(&self, body: &JsonValue) -> Option<bool> {
        match body.get("Condition").and_then(JsonValue::as_str) {
            Some(name) => self.scenario.conditions.get(name).copied(),
            None => Some(true),
        }
    }

    fn condition(&self, name: &str, depth: usize) -> Option<bool> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (_, expression) = self.template.section("Conditions").find(|(known, _)| *known == name)?;
        self.holds(expression, depth)
    }

    fn holds(&self, expression: &JsonValue, depth: usize) -> Option<bool> {
        if depth > MAX_DEPTH {
            return None;
        }
        if let Some(name) = expression.get("Condition").and_then(JsonValue::as_str) {
            return self.condition(name, depth + 1);
        }
        let (name, argument) = function(expression)?;
        let parts = argument.as_array()?;
        let mut inner = parts.iter().map(|part| self.holds(part, depth + 1));
        match name {
            "Fn::Equals" => {
                let [one, other] = parts.as_slice() else { return None };
                let (one, other) = (self.value(one), self.value(other));
                let is_known = !holds_unresolved(&one) && !holds_unresolved(&other);
                is_known.then(|| super::node::scalar_text(&one) == super::node::scalar_text(&other))
            }
            "Fn::Not" => inner.next().flatten().map(|holds| !holds),
            "Fn::And" => fold(inner, false),
            "Fn::Or" => fold(inner, true),
            _ => None,
        }
    }

    /// Returns the names of the parameters, mappings and conditions that a value uses.
    pub fn inputs(&self, value: &JsonValue) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.collect(value, &mut found, 0);
        found
    }

    fn collect(&self, value: &JsonValue, found: &mut BTreeSet<String>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        references(value, &mut String::new(), &mut |name, attribute, _| {
            if attribute.is_none() {
                found.insert(name.to_owned());
            }
        });
        self.named(value, found, depth);
    }

    fn named(&self, value: &JsonValue, found: &mut BTreeSet<String>, depth: usize) {
        match function(value) {
            Some(("Fn::If", JsonValue::Array(parts))) => {
                if let Some(name) = parts.first().and_then(JsonValue::as_str) {
                    found.insert(name.to_owned());
                    let condition = self.template.section("Conditions").find(|(known, _)| *known == name);
                    if let Some((_, expression)) = condition {
                        self.collect(expression, found, depth + 1);
                    }
                }
            }
            Some(("Fn::FindInMap", JsonValue::Array(parts))) => {
                found.extend(parts.first().and_then(JsonValue::as_str).map(str::to_owned));
            }
            _ => {}
        }
        if depth <= MAX_DEPTH {
            for (_, inner) in stackwright_synth::function::children(value) {
                self.named(inner, found, depth + 1);
            }
        }
    }
}

/// `And` and `Or` of what may not be known: one part may decide it.
fn fold(parts: impl Iterator<Item = Option<bool>>, decides: bool) -> Option<bool> {
    let mut outcome = Some(!decides);
    for part in parts {
        match part {
            Some(holds) if holds == decides => return Some(decides),
            Some(_) => {}
            None => outcome = None,
        }
    }
    outcome
}

/// Returns a parameter's default as a template sees it: lists are written with commas.
fn typed(parameter: &JsonValue, default: &JsonValue) -> JsonValue {
    let is_list = parameter["Type"].as_str().is_some_and(is_list);
    match default {
        JsonValue::String(text) if is_list => {
            text.split(',').map(|item| JsonValue::from(item.trim())).collect()
        }
        other => other.clone(),
    }
}

/// Names of parameters, mappings and conditions that differ between two templates.
pub(crate) fn changed_inputs<'a>(
    before: &Effective<'a>,
    after: &Effective<'a>,
) -> BTreeMap<&'a str, ValueInput> {
    let (old, new) = (before.template, after.template);
    let (old_values, new_values) = (&before.scenario.values, &after.scenario.values);
    let (ssm_before, ssm_after) = (&before.ssm, &after.ssm);
    let mut changed = BTreeMap::new();
    for (section, input) in [
        ("Parameters", ValueInput::Parameter),
        ("Mappings", ValueInput::Mapping),
        ("Conditions", ValueInput::Condition),
    ] {
        let before: BTreeMap<&'a str, &JsonValue> = old.section(section).collect();
        let after: BTreeMap<&'a str, &JsonValue> = new.section(section).collect();
        for name in before.keys().chain(after.keys()) {
            let sides = (before.get(name), after.get(name));
            let differs = match (sides, input) {
                ((Some(one), Some(other)), ValueInput::Parameter) => {
                    let is_same_value = match (old_values.get(name), new_values.get(name)) {
                        (Some(one), Some(other)) => one == other,
                        _ if is_read_from_ssm(other) => ssm_before.get(name) == ssm_after.get(name),
                        _ => one.get("Default") == other.get("Default"),
                    };
                    !is_same_value || one.get("Type") != other.get("Type")
                }
                ((one, other), _) => one != other,
            };
            if differs {
                changed.insert(*name, input);
            }
        }
    }
    changed
}

/// An input of a template from which a property can get its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueInput {
    /// The default of a parameter.
    Parameter,
    /// A mapping.
    Mapping,
    /// A condition.
    Condition,
    /// The section `Globals` of SAM.
    Globals,
}

impl ValueInput {
    /// Returns the name for programs: `parameter`, `mapping`, `condition` or `globals`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::Mapping => "mapping",
            Self::Condition => "condition",
            Self::Globals => "globals",
        }
    }
}
