//! Changes logical IDs of resources in a template.

use std::collections::BTreeMap;

use serde_json::{Map, Value as JsonValue, json};

use crate::function::{Part, escape, function, parts};
use crate::template::Template;

/// Returns a copy of a value in which every `Ref`, `Fn::GetAtt` and `Fn::Sub` of a renamed resource contains its new
/// logical ID. The keys of `new_ids` are the old IDs, and its values are the new ones.
///
/// ```
/// use serde_json::json;
/// use stackwright_synth::rename_references;
///
/// let new_ids = [("Old".to_owned(), "New".to_owned())].into();
/// let value = json!([{ "Fn::Sub": "${Old.Arn}/*" }, { "Ref": "Old" }, "Old"]);
/// assert_eq!(rename_references(&value, &new_ids), json!([{ "Fn::Sub": "${New.Arn}/*" }, { "Ref": "New" }, "Old"]));
/// ```
pub fn rename_references(value: &JsonValue, new_ids: &BTreeMap<String, String>) -> JsonValue {
    if new_ids.is_empty() {
        return value.clone();
    }
    let inner = |value: &JsonValue| rename_references(value, new_ids);
    match function(value) {
        Some(("Ref", JsonValue::String(id))) => match new_ids.get(id) {
            Some(new) => json!({ "Ref": new }),
            None => value.clone(),
        },
        Some(("Fn::GetAtt", JsonValue::Array(arguments))) => {
            let mut arguments: Vec<JsonValue> = arguments.iter().map(inner).collect();
            if let Some(first) = arguments.first_mut()
                && let Some(new) = first.as_str().and_then(|id| new_ids.get(id))
            {
                *first = new.as_str().into();
            }
            json!({ "Fn::GetAtt": arguments })
        }
        Some(("Fn::GetAtt", JsonValue::String(path))) => match path.split_once('.') {
            Some((id, attribute)) if new_ids.contains_key(id) => {
                json!({ "Fn::GetAtt": format!("{}.{attribute}", new_ids[id]) })
            }
            _ => value.clone(),
        },
        Some(("Fn::Sub", JsonValue::String(format))) => {
            json!({ "Fn::Sub": renamed_format(format, &Map::new(), new_ids) })
        }
        Some(("Fn::Sub", JsonValue::Array(arguments))) => {
            let none = Map::new();
            let variables = arguments.get(1).and_then(JsonValue::as_object).unwrap_or(&none);
            let mut renamed: Vec<JsonValue> = arguments.iter().map(inner).collect();
            if let Some(JsonValue::String(format)) = renamed.first_mut() {
                *format = renamed_format(format, variables, new_ids);
            }
            json!({ "Fn::Sub": renamed })
        }
        _ => match value {
            JsonValue::Object(map) => {
                JsonValue::Object(map.iter().map(|(name, value)| (name.clone(), inner(value))).collect())
            }
            JsonValue::Array(items) => items.iter().map(inner).collect(),
            other => other.clone(),
        },
    }
}

/// The string of an `Fn::Sub` with new IDs. A string without any of the old IDs is returned unchanged.
fn renamed_format(
    format: &str,
    variables: &Map<String, JsonValue>,
    new_ids: &BTreeMap<String, String>,
) -> String {
    let id_of = |variable: &str| -> Option<&String> {
        let id = variable.split('.').next().unwrap_or_default();
        new_ids.get(id).filter(|_| !variables.contains_key(variable))
    };
    let parts = parts(format);
    let is_renamed = |part: &Part<'_>| matches!(part, Part::Variable(name) if id_of(name).is_some());
    if !parts.iter().any(is_renamed) {
        return format.to_owned();
    }
    let written = parts.into_iter().map(|part| match part {
        Part::Literal(literal) => escape(literal),
        Part::Variable(name) => match (id_of(name), name.split_once('.')) {
            (Some(new), Some((_, attribute))) => format!("${{{new}.{attribute}}}"),
            (Some(new), None) => format!("${{{new}}}"),
            (None, _) => format!("${{{name}}}"),
        },
    });
    written.collect()
}

impl Template {
    /// Returns a copy of the template with other logical IDs of resources, which are also replaced in every reference
    /// and `DependsOn` of resources and outputs. The keys of `new_ids` are the old IDs, and its values are the new
    /// ones. Everything else is unchanged.
    #[must_use]
    pub fn with_renamed_resources(&self, new_ids: &BTreeMap<String, String>) -> Self {
        if new_ids.is_empty() {
            return self.clone();
        }
        let mut sections = self.sections().clone();
        if let Some(JsonValue::Object(resources)) = sections.get_mut("Resources") {
            let renamed = std::mem::take(resources).into_iter().map(|(id, body)| {
                let mut body = rename_references(&body, new_ids);
                if let Some(dependencies) = body.get_mut("DependsOn") {
                    rename_dependencies(dependencies, new_ids);
                }
                (new_ids.get(&id).cloned().unwrap_or(id), body)
            });
            *resources = renamed.collect();
        }
        if let Some(outputs) = sections.get_mut("Outputs") {
            *outputs = rename_references(outputs, new_ids);
        }
        Self::from_sections(sections)
    }
}

fn rename_dependencies(dependencies: &mut JsonValue, new_ids: &BTreeMap<String, String>) {
    match dependencies {
        JsonValue::String(id) => {
            if let Some(new) = new_ids.get(id.as_str()) {
                new.clone_into(id);
            }
        }
        JsonValue::Array(items) => items.iter_mut().for_each(|item| rename_dependencies(item, new_ids)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_references_and_dependencies_have_the_new_id_and_nothing_else_changes() {
        let before = r#"
Parameters: {OldName: {Type: String}}
Resources:
  Old: {Type: AWS::SNS::Topic}
  Older: {Type: AWS::SNS::Topic, DependsOn: Old, Properties: {TopicName: !Sub "${!Old}-${OldName}-${Old.TopicName}"}}
  User:
    Type: AWS::SQS::Queue
    DependsOn: [Older, Old]
    Properties:
      QueueName: !Sub ["${Old}-${Older}", {Old: !GetAtt Old.TopicName}]
      Tags: [{Key: Old, Value: !Ref Old}]
Outputs: {Old: {Value: !GetAtt Old.TopicArn}}
"#;
        let after = r#"
Parameters: {OldName: {Type: String}}
Resources:
  New: {Type: AWS::SNS::Topic}
  Older: {Type: AWS::SNS::Topic, DependsOn: New, Properties: {TopicName: !Sub "${!Old}-${OldName}-${New.TopicName}"}}
  User:
    Type: AWS::SQS::Queue
    DependsOn: [Older, New]
    Properties:
      QueueName: !Sub ["${Old}-${Older}", {Old: !GetAtt New.TopicName}]
      Tags: [{Key: Old, Value: !Ref New}]
Outputs: {Old: {Value: !GetAtt New.TopicArn}}
"#;
        let new_ids = [("Old".to_owned(), "New".to_owned())].into();
        let renamed = Template::read(before).unwrap().with_renamed_resources(&new_ids);
        assert_eq!(renamed.json(), Template::read(after).unwrap().json());
    }
}
