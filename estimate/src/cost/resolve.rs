//! Resolves the values of a template that the defaults of its parameters determine.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use stackwright_synth::function::{Part, function, parts, scalar_text};
use stackwright_synth::{Environment, Template};

/// The maximum depth to which nested functions are resolved.
const DEPTH: u32 = 32;

/// A template as it is deployed with the default of every parameter.
pub(crate) struct Resolver<'a> {
    template: &'a Template,
    values: BTreeMap<&'a str, Json>,
    conditions: BTreeMap<&'a str, &'a Json>,
}

impl<'a> Resolver<'a> {
    pub fn new(template: &'a Template, region: &str) -> Self {
        let known = Environment::default().region(region).pseudo_parameters();
        let mut values: BTreeMap<&str, Json> =
            known.into_iter().map(|one| (one.name, one.value.into())).collect();
        for (name, parameter) in template.section("Parameters") {
            let is_ssm = parameter["Type"].as_str().is_some_and(|kind| kind.starts_with("AWS::SSM::"));
            if let Some(default) = parameter.get("Default").filter(|_| !is_ssm) {
                values.insert(name, default.clone());
            }
        }
        Self { template, values, conditions: template.section("Conditions").collect() }
    }

    /// Returns every resource that exists in this deployment, with its logical ID, type and properties.
    pub fn resources(&self) -> Vec<(&'a str, &'a str, Json)> {
        let exists = |resource: &Json| match resource["Condition"].as_str() {
            Some(name) => self.condition(name, DEPTH) != Some(false),
            None => true,
        };
        let resources = self.template.resources().filter(|(_, resource)| exists(resource));
        resources
            .filter_map(|(id, resource)| {
                Some((id, resource["Type"].as_str()?, self.resolve(&resource["Properties"], DEPTH)))
            })
            .collect()
    }

    fn condition(&self, name: &str, depth: u32) -> Option<bool> {
        self.boolean(self.conditions.get(name)?, depth.checked_sub(1)?)
    }

    fn boolean(&self, value: &Json, depth: u32) -> Option<bool> {
        let depth = depth.checked_sub(1)?;
        let map = value.as_object().filter(|map| map.len() == 1)?;
        let (name, argument) = map.iter().next()?;
        let all = || argument.as_array().into_iter().flatten().map(|one| self.boolean(one, depth));
        match name.as_str() {
            "Condition" => self.condition(argument.as_str()?, depth),
            "Fn::Not" => all().next()?.map(|value| !value),
            "Fn::And" => {
                let values: Vec<_> = all().collect();
                if values.contains(&Some(false)) {
                    Some(false)
                } else {
                    values.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
                }
            }
            "Fn::Or" => {
                let values: Vec<_> = all().collect();
                if values.contains(&Some(true)) {
                    Some(true)
                } else {
                    values.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
                }
            }
            "Fn::Equals" => match argument.as_array()?.as_slice() {
                [a, b] => {
                    let (a, b) = (self.resolve(a, depth), self.resolve(b, depth));
                    let known = |value: &Json| !value.is_object();
                    (known(&a) && known(&b)).then(|| text(&a) == text(&b))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn resolve(&self, value: &Json, depth: u32) -> Json {
        let Some(depth) = depth.checked_sub(1) else { return value.clone() };
        match function(value) {
            Some(("Ref", Json::String(name))) => {
                self.values.get(name.as_str()).cloned().unwrap_or_else(|| value.clone())
            }
            Some(("Fn::If", Json::Array(arguments))) => match arguments.as_slice() {
                [Json::String(name), yes, no] => match self.condition(name, depth) {
                    Some(false) => self.resolve(no, depth),
                    _ => self.resolve(yes, depth),
                },
                _ => value.clone(),
            },
            Some(("Fn::FindInMap", Json::Array(arguments))) => {
                self.mapped(arguments, depth).unwrap_or_else(|| value.clone())
            }
            Some(("Fn::Sub", argument)) => Json::String(self.substituted(argument, depth)),
            Some(("Fn::Join", Json::Array(arguments))) => {
                self.joined(arguments, depth).unwrap_or_else(|| value.clone())
            }
            _ => match value {
                Json::Array(items) => items.iter().map(|item| self.resolve(item, depth)).collect(),
                Json::Object(map) => Json::Object(
                    map.iter().map(|(name, value)| (name.clone(), self.resolve(value, depth))).collect(),
                ),
                other => other.clone(),
            },
        }
    }

    fn mapped(&self, arguments: &[Json], depth: u32) -> Option<Json> {
        let name = |value: &Json| self.resolve(value, depth).as_str().map(str::to_owned);
        let [map, first, second, ..] = arguments else { return None };
        let (map, first, second) = (name(map)?, name(first)?, name(second)?);
        let found = self.template.sections().get("Mappings")?.get(&map)?.get(&first)?.get(&second)?;
        Some(found.clone())
    }

    /// Returns the text of an `Fn::Sub`; a variable that is not known is kept as `${…}`.
    fn substituted(&self, argument: &Json, depth: u32) -> String {
        let (format, variables) = match argument {
            Json::Array(arguments) => (arguments.first().and_then(Json::as_str), arguments.get(1)),
            other => (other.as_str(), None),
        };
        let piece = |part: Part<'_>| match part {
            Part::Literal(text) => text.to_owned(),
            Part::Variable(name) => {
                let given = variables
                    .and_then(|variables| variables.get(name))
                    .map(|value| self.resolve(value, depth));
                match given.as_ref().or_else(|| self.values.get(name)).filter(|value| !value.is_object()) {
                    Some(value) => text(value),
                    None => match given.as_ref().and_then(reference) {
                        Some(id) => format!("${{{id}}}"),
                        None => format!("${{{name}}}"),
                    },
                }
            }
        };
        parts(format.unwrap_or_default()).into_iter().map(piece).collect()
    }

    fn joined(&self, arguments: &[Json], depth: u32) -> Option<Json> {
        let [separator, Json::Array(items)] = arguments else { return None };
        let piece = |item: &Json| {
            let item = self.resolve(item, depth);
            reference(&item).map_or_else(|| text(&item), |id| format!("${{{id}}}"))
        };
        Some(Json::String(items.iter().map(piece).collect::<Vec<_>>().join(separator.as_str()?)))
    }
}

/// Returns the logical ID that a value refers to.
pub(crate) fn reference(value: &Json) -> Option<&str> {
    match function(value)? {
        ("Ref", Json::String(id)) => Some(id),
        ("Fn::GetAtt", Json::Array(arguments)) => arguments.first()?.as_str(),
        ("Fn::GetAtt", Json::String(path)) => path.split('.').next(),
        _ => None,
    }
}

/// Returns a scalar as a string.
pub(crate) fn text(value: &Json) -> String {
    scalar_text(value).into_owned()
}

/// Returns a number, which may be written as a string.
pub(crate) fn number(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Returns a boolean, which may be written as a string.
pub(crate) fn boolean(value: &Json) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.trim().parse().ok())
}
