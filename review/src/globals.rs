//! The section `Globals` of the AWS Serverless Application Model (SAM): the defaults that it gives to resources, and where a
//! value was written that a resource has after SAM has merged both.
//!
//! See "Globals section of the AWS SAM template" in the AWS SAM Developer Guide.

use std::borrow::Cow;

use serde_json::Value as JsonValue;
use stackwright_synth::function::function;
use stackwright_synth::{Template, pointer};

/// The types of SAM, before their names.
pub(crate) const PREFIX: &str = "AWS::Serverless::";

/// Returns the part of `Globals` for resources of a type, with its name.
pub(crate) fn part<'t>(template: &'t Template, resource_type: &str) -> Option<(&'t str, &'t JsonValue)> {
    let short = resource_type.strip_prefix(PREFIX)?;
    template.section("Globals").find(|(name, _)| *name == short)
}

/// Returns the defaults of a resource: the part of `Globals` for its type, without the properties that its attribute
/// `IgnoreGlobals` names.
pub(crate) fn defaults<'t>(template: &'t Template, body: &JsonValue) -> Option<Cow<'t, JsonValue>> {
    let (_, part) = part(template, body["Type"].as_str()?)?;
    match &body["IgnoreGlobals"] {
        JsonValue::String(all) if all == "*" => None,
        JsonValue::Array(names) => {
            let mut part = part.clone();
            if let Some(members) = part.as_object_mut() {
                members.retain(|member, _| !names.iter().any(|name| name == member));
            }
            Some(Cow::Owned(part))
        }
        _ => Some(Cow::Borrowed(part)),
    }
}

/// Returns the properties of a resource as they are written, or merged with its defaults as SAM does before CloudFormation
/// evaluates functions: maps are merged at every level, the list of a resource is appended to that of `Globals`, and any other
/// value of the resource, such as a function, overrides the default.
pub(crate) fn properties<'t>(template: &Template, body: &'t JsonValue) -> Cow<'t, JsonValue> {
    let own = &body["Properties"];
    match defaults(template, body) {
        Some(defaults) if own.is_null() => Cow::Owned(defaults.into_owned()),
        Some(defaults) => Cow::Owned(merged(&defaults, own)),
        None => Cow::Borrowed(own),
    }
}

/// Returns the pointer in the template to the value of the merged properties to which a pointer from the properties leads.
pub(crate) fn origin(template: &Template, id: &str, body: &JsonValue, pointer: &str) -> String {
    let of_resource = pointer::of(["Resources", id, "Properties"]);
    let part = body["Type"].as_str().and_then(|name| part(template, name));
    let (Some((name, _)), Some(defaults)) = (part, defaults(template, body)) else {
        return of_resource + pointer;
    };
    let mut sides = (Some(&*defaults), Some(&body["Properties"]).filter(|it| !it.is_null()));
    let mut is_default = sides.1.is_none();
    let mut written = String::new();
    for step in pointer::steps(pointer) {
        let (sides_below, own_index) = below(sides, &step);
        sides = sides_below;
        is_default = sides.1.is_none() && (sides.0.is_some() || is_default);
        pointer::push(&mut written, &own_index.map_or(step, |index| index.to_string().into()));
    }
    if is_default { pointer::of(["Globals", name]) + &written } else { of_resource + &written }
}

/// A default and a value of a resource that together are one value of the merged properties.
type Sides<'v> = (Option<&'v JsonValue>, Option<&'v JsonValue>);

/// Returns what one step from a merged value leads to, and the index in the list of the resource, if the step leads into it.
fn below<'v>(sides: Sides<'v>, step: &str) -> (Sides<'v>, Option<usize>) {
    let member = |value: &'v JsonValue| match value {
        JsonValue::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
        _ => value.get(step),
    };
    match sides {
        (Some(JsonValue::Array(defaults)), Some(JsonValue::Array(items))) => {
            let index = step.parse::<usize>().unwrap_or(usize::MAX);
            match index.checked_sub(defaults.len()) {
                Some(index) => ((None, items.get(index)), Some(index)),
                None => ((defaults.get(index), None), None),
            }
        }
        (Some(default), Some(own)) if are_merged(default, own) => ((member(default), member(own)), None),
        (_, Some(own)) => ((None, member(own)), None),
        (default, None) => ((default.and_then(member), None), None),
    }
}

fn merged(default: &JsonValue, own: &JsonValue) -> JsonValue {
    match (default, own) {
        (JsonValue::Array(defaults), JsonValue::Array(items)) => {
            defaults.iter().chain(items).cloned().collect()
        }
        (JsonValue::Object(defaults), JsonValue::Object(members)) if are_merged(default, own) => {
            let mut all = defaults.clone();
            for (name, value) in members {
                let value =
                    defaults.get(name).map_or_else(|| value.clone(), |default| merged(default, value));
                all.insert(name.clone(), value);
            }
            JsonValue::Object(all)
        }
        (_, own) => own.clone(),
    }
}

/// Returns whether both values are maps, and none of them is a function.
fn are_merged(default: &JsonValue, own: &JsonValue) -> bool {
    let is_map = |value: &JsonValue| value.is_object() && function(value).is_none();
    is_map(default) && is_map(own)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Template {
        Template::read(
            "
Globals:
  Function:
    Layers: [a, b]
    Timeout: 3
    Environment: {Variables: {A: {x: 1}, B: !Ref B}}
    Tags: !Ref Tags
Resources:
  Plain:
    Type: AWS::Serverless::Function
    Properties: {Layers: [c], Environment: {Variables: {A: {y: 2}, B: {C: 1}}}, Tags: {k: v}}
  Without: {Type: AWS::Serverless::Function, IgnoreGlobals: [Layers, Environment], Properties: {Layers: [c]}}
  Alone: {Type: AWS::Serverless::Function, IgnoreGlobals: '*', Properties: {Layers: [c]}}
  Empty: {Type: AWS::Serverless::Function}
  Other: {Type: AWS::Serverless::Api, Properties: {StageName: v1}}
",
        )
        .unwrap()
    }

    fn body<'t>(template: &'t Template, id: &str) -> &'t JsonValue {
        &template.sections()["Resources"][id]
    }

    #[test]
    fn maps_are_merged_at_every_level_and_lists_are_concatenated() {
        let template = template();
        let of = |id: &str| properties(&template, body(&template, id)).into_owned();
        assert_eq!(
            of("Plain"),
            json!({
                "Layers": ["a", "b", "c"],
                "Timeout": 3,
                "Environment": { "Variables": { "A": { "x": 1, "y": 2 }, "B": { "C": 1 } } },
                "Tags": { "k": "v" },
            })
        );
        assert_eq!(of("Without"), json!({ "Timeout": 3, "Tags": { "Ref": "Tags" }, "Layers": ["c"] }));
        assert_eq!(of("Alone"), json!({ "Layers": ["c"] }));
        assert_eq!(of("Empty"), template.sections()["Globals"]["Function"]);
        assert_eq!(of("Other"), json!({ "StageName": "v1" }));
    }

    #[test]
    fn a_merged_value_leads_back_to_the_part_of_the_template_that_sets_it() {
        let template = template();
        let of = |id: &str, pointer: &str| origin(&template, id, body(&template, id), pointer);
        let own = |rest: &str| format!("/Resources/Plain/Properties{rest}");
        assert_eq!(of("Plain", "/Layers/1"), "/Globals/Function/Layers/1");
        assert_eq!(of("Plain", "/Layers/2"), own("/Layers/0"));
        assert_eq!(of("Plain", "/Layers"), own("/Layers"));
        assert_eq!(of("Plain", "/Timeout"), "/Globals/Function/Timeout");
        assert_eq!(of("Plain", "/Environment/Variables/A/x"), "/Globals/Function/Environment/Variables/A/x");
        assert_eq!(of("Plain", "/Environment/Variables/A/y"), own("/Environment/Variables/A/y"));
        assert_eq!(of("Plain", "/Tags/k"), own("/Tags/k"));
        assert_eq!(of("Plain", "/Handler"), own("/Handler"));
        assert_eq!(of("Empty", "/Timeout"), "/Globals/Function/Timeout");
        assert_eq!(of("Alone", "/Layers/0"), "/Resources/Alone/Properties/Layers/0");
        assert_eq!(of("Other", "/StageName"), "/Resources/Other/Properties/StageName");
    }
}
