//! Inserts known values: parameters, conditions, mappings, and the functions that use them.
//!
//! Values that are not known remain intrinsic functions.

use std::borrow::Cow;

use serde_json::{Map, Value as JsonValue, json};
use stackwright_synth::Template;
use stackwright_synth::function::{escape, references, unescape};
use stackwright_synth::pointer;

use super::scenario::{Given, Scenario};
use super::text::{Part, Text, parts, reference};
use super::value::{function, holds_unresolved, shown};
use super::work;

/// The maximum nesting of values; the parsers reject deeper ones.
const DEEPEST: usize = 512;

/// Returns whether no value was inserted, so that the result is the value itself.
fn is_same(value: &JsonValue, resolved: Option<&Cow<'_, JsonValue>>) -> bool {
    matches!(resolved, Some(Cow::Borrowed(resolved)) if std::ptr::eq(*resolved, value))
}

pub(crate) struct Resolver<'t, 's> {
    template: &'t Template,
    scenario: &'s Scenario<'t>,
}

impl<'t, 's> Resolver<'t, 's> {
    pub fn new(template: &'t Template, scenario: &'s Scenario<'t>) -> Self {
        Self { template, scenario }
    }

    /// Returns the value with all known values inserted; `Null` where it is `AWS::NoValue`.
    pub fn resolve<'a>(&self, value: &'a JsonValue) -> Cow<'a, JsonValue> {
        self.value(value, 0).unwrap_or(Cow::Owned(JsonValue::Null))
    }

    /// Returns the value, or `None` if it is `AWS::NoValue`.
    fn value<'a>(&self, value: &'a JsonValue, depth: usize) -> Option<Cow<'a, JsonValue>> {
        if depth > DEEPEST {
            return Some(Cow::Borrowed(value));
        }
        work::step();
        match value {
            JsonValue::Object(map) => {
                if let Some((name, argument)) = function(value) {
                    return self.function(value, name, argument, depth);
                }
                let mut changed: Option<Map<String, JsonValue>> = None;
                for (number, (name, inner)) in map.iter().enumerate() {
                    let resolved = self.value(inner, depth + 1);
                    if changed.is_none() && is_same(inner, resolved.as_ref()) {
                        continue;
                    }
                    let changed = changed.get_or_insert_with(|| {
                        map.iter().take(number).map(|(name, value)| (name.clone(), value.clone())).collect()
                    });
                    if let Some(resolved) = resolved {
                        changed.insert(name.clone(), resolved.into_owned());
                    }
                }
                Some(changed.map_or(Cow::Borrowed(value), |map| Cow::Owned(JsonValue::Object(map))))
            }
            JsonValue::Array(items) => {
                let mut changed: Option<Vec<JsonValue>> = None;
                for (number, inner) in items.iter().enumerate() {
                    let resolved = self.value(inner, depth + 1);
                    if changed.is_none() && is_same(inner, resolved.as_ref()) {
                        continue;
                    }
                    let changed = changed.get_or_insert_with(|| items[..number].to_vec());
                    changed.extend(resolved.map(Cow::into_owned));
                }
                Some(changed.map_or(Cow::Borrowed(value), |items| Cow::Owned(JsonValue::Array(items))))
            }
            _ => Some(Cow::Borrowed(value)),
        }
    }

    fn function<'a>(
        &self,
        whole: &'a JsonValue,
        name: &str,
        argument: &'a JsonValue,
        depth: usize,
    ) -> Option<Cow<'a, JsonValue>> {
        match (name, argument) {
            ("Ref", JsonValue::String(name)) if name == "AWS::NoValue" => return None,
            ("Ref", JsonValue::String(name)) => {
                return Some(match self.scenario.values.get(name.as_str()) {
                    Some(Given::Value(value)) => Cow::Owned(value.clone()),
                    _ => Cow::Borrowed(whole),
                });
            }
            ("Fn::GetAtt" | "Condition" | "Fn::Transform", _) => return Some(Cow::Borrowed(whole)),
            ("Fn::If", JsonValue::Array(branches)) => {
                let condition = branches.first().and_then(JsonValue::as_str);
                return match condition.and_then(|name| self.scenario.conditions.get(name)) {
                    Some(holds) => branches
                        .get(if *holds { 1 } else { 2 })
                        .and_then(|branch| self.value(branch, depth + 1)),
                    None => Some(Cow::Borrowed(whole)),
                };
            }
            ("Fn::Sub", _) => return Some(self.sub(whole, argument, depth)),
            _ => {}
        }
        let resolved = self.value(argument, depth + 1)?;
        let known = match (name, resolved.as_ref()) {
            ("Fn::FindInMap", JsonValue::Array(keys)) => self.find_in_map(keys),
            ("Fn::Join", _) => {
                let join = json!({ "Fn::Join": resolved.as_ref() });
                Text::of(&join).known().map(JsonValue::from)
            }
            ("Fn::Select", JsonValue::Array(arguments)) => match arguments.as_slice() {
                [index, JsonValue::Array(items)] => {
                    shown(index).parse::<usize>().ok().and_then(|index| items.get(index)).cloned()
                }
                _ => None,
            },
            ("Fn::Split", JsonValue::Array(arguments)) => match arguments.as_slice() {
                [JsonValue::String(separator), JsonValue::String(text)] if !separator.is_empty() => {
                    Some(text.split(separator.as_str()).map(JsonValue::from).collect())
                }
                _ => None,
            },
            ("Fn::Length", JsonValue::Array(items)) => Some(items.len().into()),
            ("Fn::ToJsonString", value) if !holds_unresolved(value) => Some(value.to_string().into()),
            _ => None,
        };
        Some(match (known, resolved) {
            (Some(known), _) => Cow::Owned(known),
            (None, resolved) if is_same(argument, Some(&resolved)) => Cow::Borrowed(whole),
            (None, resolved) => {
                let argument = resolved.into_owned();
                Cow::Owned(JsonValue::Object(Map::from_iter([(name.to_owned(), argument)])))
            }
        })
    }

    fn find_in_map(&self, keys: &[JsonValue]) -> Option<JsonValue> {
        let [map, top, second, ..] = keys else { return None };
        let map = self.template.sections().get("Mappings")?.get(map.as_str()?)?;
        // `malformed-mapping` reports an object as the value.
        map.get(shown(top))?.get(shown(second)).filter(|value| !value.is_object()).cloned()
    }

    /// Returns a string with all known values inserted; it remains an `Fn::Sub` if some values are not known.
    fn sub<'a>(&self, whole: &'a JsonValue, argument: &'a JsonValue, depth: usize) -> Cow<'a, JsonValue> {
        let (format, variables) = match argument {
            JsonValue::String(format) => (format.as_str(), None),
            JsonValue::Array(arguments) => match arguments.as_slice() {
                [JsonValue::String(format), JsonValue::Object(variables)] => {
                    (format.as_str(), Some(variables))
                }
                _ => return Cow::Borrowed(whole),
            },
            _ => return Cow::Borrowed(whole),
        };
        let mut text = String::new();
        let mut left = Map::new();
        let mut changed = false;
        let mut is_known = true;
        for part in parts(format) {
            let name = match part {
                Part::Literal(known) => {
                    text.push_str(&escape(known));
                    continue;
                }
                Part::Variable(name) => name,
            };
            let given = variables.and_then(|variables| variables.get(name));
            let value = match given {
                Some(value) => self.value(value, depth + 1).unwrap_or(Cow::Owned(JsonValue::Null)),
                None => {
                    let value = reference(name);
                    Cow::Owned(self.value(&value, depth + 1).map_or(JsonValue::Null, Cow::into_owned))
                }
            };
            match Text::of(&value).known() {
                Some(known) => {
                    text.push_str(&escape(known));
                    changed = true;
                }
                None => {
                    is_known = false;
                    text.push_str(&format!("${{{name}}}"));
                    if given.is_some() {
                        left.insert(name.to_owned(), value.into_owned());
                    }
                }
            }
        }
        if is_known {
            Cow::Owned(unescape(&text).into())
        } else if !changed && variables.is_none() {
            Cow::Borrowed(whole)
        } else if left.is_empty() {
            Cow::Owned(json!({ "Fn::Sub": text }))
        } else {
            Cow::Owned(json!({ "Fn::Sub": [text, left] }))
        }
    }

    /// Returns a parameter that has another value than its default and of which a member of an object is made, so that what is
    /// wrong with the object is the choice of a deployment.
    pub fn chosen_member(&self, properties: &JsonValue, pointer: &str) -> Option<&'t str> {
        let members = properties.pointer(pointer)?.as_object()?;
        members.values().filter_map(function).find_map(|(name, argument)| {
            let parameter = match (name, argument) {
                ("Ref", JsonValue::String(name)) => self.parameter(name),
                ("Fn::If", _) => None,
                _ => self.parameter_in(argument),
            };
            parameter.filter(|name| self.scenario.changed.contains(name))
        })
    }

    /// Returns a parameter that a function puts together a value from.
    fn parameter_in(&self, argument: &JsonValue) -> Option<&'t str> {
        let mut names = Vec::new();
        let whole = JsonValue::Object(Map::from_iter([("Fn::Sub".to_owned(), argument.clone())]));
        let mut pointer = String::new();
        references(argument, &mut pointer, &mut |name, _, _| names.push(name.to_owned()));
        references(&whole, &mut pointer, &mut |name, _, _| names.push(name.to_owned()));
        names.iter().find_map(|name| self.parameter(name))
    }

    /// Returns the name of a parameter, if there is one of this name.
    fn parameter(&self, name: &str) -> Option<&'t str> {
        let parameters = self.template.sections().get("Parameters")?.as_object()?;
        parameters.get_key_value(name).map(|(known, _)| known.as_str())
    }

    /// Returns the pointer into the template of the value at a path of the resolved value, and the parameter whose value it is.
    pub fn origin(&self, value: &JsonValue, path: &[String]) -> (String, Option<&'t str>) {
        let mut pointer = String::new();
        let mut value = value;
        let mut path = path;
        loop {
            match function(value) {
                Some(("Fn::If", JsonValue::Array(branches))) => {
                    let condition = branches.first().and_then(JsonValue::as_str);
                    let holds = condition.and_then(|name| self.scenario.conditions.get(name));
                    let branch = if holds == Some(&false) { 2 } else { 1 };
                    let Some(next) = branches.get(branch) else { return (pointer, None) };
                    pointer.push_str(&format!("/Fn::If/{branch}"));
                    value = next;
                    continue;
                }
                Some(("Ref", JsonValue::String(name))) => {
                    return (pointer, self.parameter(name));
                }
                // A mapping's value is the template's, but which one is taken may be the choice of a deployment.
                Some(("Fn::FindInMap", argument)) => {
                    let chosen = self.scenario.when.as_ref().and_then(|_| self.parameter_in(argument));
                    return (pointer, chosen);
                }
                Some((_, argument)) => return (pointer, self.parameter_in(argument)),
                None => {}
            }
            let Some((step, rest)) = path.split_first() else { return (pointer, None) };
            let (step, next) = match value {
                JsonValue::Array(items) => {
                    let Ok(index) = step.parse() else { return (pointer, None) };
                    // Only a function may return nothing.
                    let is_there =
                        |item: &JsonValue| function(item).is_none() || self.value(item, 0).is_some();
                    let mut there = items.iter().enumerate().filter(|(_, item)| is_there(item));
                    let Some((index, item)) = there.nth(index) else { return (pointer, None) };
                    (Cow::Owned(index.to_string()), item)
                }
                JsonValue::Object(map) => match map.get(step.as_str()) {
                    Some(next) => (Cow::Borrowed(step.as_str()), next),
                    None => return (pointer, None),
                },
                _ => return (pointer, None),
            };
            pointer::push(&mut pointer, &step);
            value = next;
            path = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use stackwright_synth::Environment;

    use super::super::scenario::scenarios;
    use super::*;

    #[test]
    fn known_values_are_inserted() {
        let template = Template::read(
            "
Parameters: {Stage: {Type: String, Default: prod}, Names: {Type: CommaDelimitedList, Default: 'a, b'}}
Mappings: {Sizes: {prod: {Memory: 4096}}}
Conditions: {P: !Equals [!Ref Stage, prod]}
Resources: {}
",
        )
        .unwrap();
        let scenarios = scenarios(&template, &Environment::default(), Some("eu-west-1")).all;
        let resolver = Resolver::new(&template, &scenarios[0]);
        let known = |value: JsonValue| resolver.resolve(&value).into_owned();
        assert_eq!(known(json!({ "Fn::FindInMap": ["Sizes", { "Ref": "Stage" }, "Memory"] })), 4096);
        assert_eq!(known(json!({ "Fn::Sub": "${Stage}-${AWS::Region}-${!x}" })), "prod-eu-west-1-${x}");
        assert_eq!(known(json!({ "Fn::Select": [1, { "Ref": "Names" }] })), "b");
        assert_eq!(known(json!([{ "Fn::If": ["P", { "Ref": "AWS::NoValue" }, 1] }, 2])), json!([2]));
        assert_eq!(known(json!({ "Fn::Sub": "${Stage}-${B.Arn}" })), json!({ "Fn::Sub": "prod-${B.Arn}" }));
        assert_eq!(
            known(json!({ "Fn::Join": ["-", ["a", { "Ref": "B" }, { "Ref": "Stage" }]] })),
            json!({ "Fn::Join": ["-", ["a", { "Ref": "B" }, "prod"]] })
        );
        let unchanged = json!({ "a": [{ "Fn::GetAtt": ["A", "B"] }] });
        assert!(matches!(resolver.resolve(&unchanged), Cow::Borrowed(_)));
    }

    #[test]
    fn a_path_leads_back_to_what_was_written() {
        let text = "
Parameters: {M: {Type: Number, Default: 1}}
Conditions: {P: !Equals [a, b]}
Resources: {A: {Properties: {L: [!If [P, 1, !Ref 'AWS::NoValue'], !If [P, 1, {M: !Ref M}]]}}}
";
        let template = Template::read(text).unwrap();
        let scenarios = scenarios(&template, &Environment::default(), None).all;
        let resolver = Resolver::new(&template, &scenarios[0]);
        let properties = &template.sections()["Resources"]["A"]["Properties"];
        assert_eq!(resolver.resolve(properties).as_ref(), &json!({ "L": [{ "M": 1 }] }));
        let path = ["L", "0", "M"].map(str::to_owned);
        assert_eq!(resolver.origin(properties, &path), ("/L/1/Fn::If/2/M".to_owned(), Some("M")));
    }
}
