//! The validation of a template before an operation starts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use stackwright_schemas::limits::limits;
use stackwright_schemas::registry;
use stackwright_synth::Template;
use stackwright_synth::intrinsic::PSEUDO_PARAMETERS;

use super::functions::check_conditions;
use super::references::{depends_on, references};
use super::{NESTED, StackTemplate, format_error, is_custom, scalar_text, single};
use crate::api::error::ServiceError;

/// The macros that CloudFormation itself provides and that this module names.
const EXTENSIONS: &str = "AWS::LanguageExtensions";
const SERVERLESS: &str = "AWS::Serverless-2016-10-31";

/// The maximum length of the description of a template.
const MAX_DESCRIPTION: usize = 1024;

impl StackTemplate {
    /// Rejects a template from which no stack can be created.
    pub fn check(&self) -> Result<(), ServiceError> {
        if self.section("Resources").next().is_none() {
            return Err(format_error("At least one Resources member must be defined."));
        }
        if self.top("Description").is_some_and(|text| scalar_text(text).chars().count() > MAX_DESCRIPTION) {
            return Err(format_error(format!("'Description' length is greater than {MAX_DESCRIPTION}.")));
        }
        self.check_counts()?;
        self.check_names()?;
        self.check_transforms()?;
        self.check_types()?;
        self.check_conditions()?;
        self.check_references()?;
        self.order().map(drop)
    }

    /// Rejects a template that exceeds a quota of CloudFormation.
    fn check_counts(&self) -> Result<(), ServiceError> {
        let limits = limits();
        for (name, max) in [
            ("Resources", limits.resources),
            ("Parameters", limits.parameters),
            ("Outputs", limits.outputs),
            ("Mappings", limits.mappings),
        ] {
            let number = self.section(name).count();
            if number > max {
                let name = name.to_lowercase();
                return Err(format_error(format!(
                    "Number of {name}, {number}, is greater than maximum allowed, {max}"
                )));
            }
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), ServiceError> {
        for (name, what) in [("Resources", "Resource"), ("Parameters", "Parameter"), ("Outputs", "Output")] {
            let is_plain = |id: &str| id.chars().all(|one| one.is_ascii_alphanumeric());
            if let Some((id, _)) = self.section(name).find(|(id, _)| !is_plain(id)) {
                return Err(format_error(format!("{what} name {id} is non alphanumeric.")));
            }
        }
        for name in self.sections().keys() {
            if !Template::SECTIONS.contains(&name.as_str()) {
                return Err(ServiceError::validation(format!(
                    "Invalid template property or properties [{name}]"
                )));
            }
        }
        Ok(())
    }

    /// Rejects macros, because local mode does not run them.
    pub fn check_transforms(&self) -> Result<(), ServiceError> {
        for name in self.transforms() {
            if name == EXTENSIONS {
                continue;
            }
            return Err(ServiceError::validation(match name.as_str() {
                SERVERLESS => format!(
                    "Local mode does not run the macro {SERVERLESS}, and `sam build` and `sam package` do not expand it either. \
                     Expand the template first, for instance with bin/sam-translate.py of the Python package \
                     aws-sam-translator, and deploy the result"
                ),
                _ if name.starts_with("AWS::") => format!(
                    "Local mode does not run the macro {name}. Expand the template first, and deploy the result"
                ),
                _ => format!("No transform named {name} found."),
            }));
        }
        Ok(())
    }

    /// Returns the names of the transforms that the template declares.
    pub fn transforms(&self) -> Vec<String> {
        match self.top("Transform") {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(all)) => all.iter().map(transform_name).collect(),
            Some(one) => vec![transform_name(one)],
        }
    }

    /// Returns whether the template uses the language extensions.
    pub fn has_extensions(&self) -> bool {
        self.transforms().iter().any(|name| name == EXTENSIONS)
    }

    /// Rejects types that no region has. The lists of single regions are incomplete; the rule `type-not-in-region` warns.
    fn check_types(&self) -> Result<(), ServiceError> {
        let mut unknown = Vec::new();
        for (id, resource) in self.section("Resources") {
            let Some(kind) = resource.get("Type").and_then(Json::as_str) else {
                return Err(format_error(format!(
                    "[/Resources/{id}] Every Resources object must contain a Type member."
                )));
            };
            if registry::resource_type(kind).is_none() && !is_custom(kind) {
                unknown.push(kind);
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        Err(format_error(format!("Unrecognized resource types: [{}]", unknown.join(", "))))
    }

    /// Rejects conditions that refer to missing conditions, or that depend on each other.
    fn check_conditions(&self) -> Result<(), ServiceError> {
        let conditions: BTreeMap<&str, &Json> = self.section("Conditions").collect();
        let mut resources = BTreeSet::new();
        // For each condition, the number of unresolved conditions to which it refers, and the conditions that refer to it.
        let mut needs: BTreeMap<&str, usize> = BTreeMap::new();
        let mut named_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, condition) in &conditions {
            check_functions_of(condition).map_err(ServiceError::validation)?;
            let named = named_conditions(condition);
            needs.insert(name, named.len());
            for one in named {
                let Some((known, _)) = conditions.get_key_value(one.as_str()) else {
                    return Err(format_error(format!(
                        "Unresolved condition dependency {one} in the Conditions block of the template"
                    )));
                };
                named_by.entry(known).or_default().push(name);
            }
            let found = references(condition).into_iter().map(|found| found.name);
            resources.extend(found.filter(|name| self.resource(name).is_some()));
        }
        if !resources.is_empty() {
            let names: Vec<String> = resources.into_iter().collect();
            return Err(format_error(format!(
                "Unresolved dependencies [{}]. Cannot reference resources in the Conditions block of the template",
                names.join(", ")
            )));
        }
        let mut ready: Vec<&str> =
            needs.iter().filter(|(_, left)| **left == 0).map(|(name, _)| *name).collect();
        while let Some(name) = ready.pop() {
            needs.remove(name);
            for user in named_by.get(name).into_iter().flatten() {
                if let Some(left) = needs.get_mut(user) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(user);
                    }
                }
            }
        }
        if needs.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = needs.into_keys().collect();
        Err(format_error(format!("Circular dependency in conditions: [{}]", names.join(", "))))
    }

    fn has_condition(&self, name: &str) -> bool {
        self.top("Conditions").is_some_and(|all| all.get(name).is_some())
    }

    fn check_references(&self) -> Result<(), ServiceError> {
        let known: BTreeSet<&str> =
            self.section("Parameters").chain(self.section("Resources")).map(|(id, _)| id).collect();
        for block in ["Resources", "Outputs"] {
            let mut missing = BTreeSet::new();
            for (id, value) in self.section(block) {
                for found in references(value) {
                    if !known.contains(found.name.as_str())
                        && !PSEUDO_PARAMETERS.contains(&found.name.as_str())
                    {
                        missing.insert(found.name);
                    } else if let Some(attribute) = found.attribute.as_ref().filter(|one| !one.is_empty()) {
                        self.check_attribute(&found.name, attribute)?;
                    }
                }
                for other in depends_on(value) {
                    if self.resource(other).is_none() {
                        missing.insert(other.to_owned());
                    }
                }
                if let Some(condition) = value.get("Condition").and_then(Json::as_str)
                    && !self.has_condition(condition)
                {
                    return Err(format_error(format!("Unresolved condition {condition} in {id}")));
                }
            }
            if !missing.is_empty() {
                let names: Vec<_> = missing.into_iter().collect();
                return Err(format_error(format!(
                    "Unresolved resource dependencies [{}] in the {block} block of the template",
                    names.join(", ")
                )));
            }
        }
        Ok(())
    }

    fn check_attribute(&self, id: &str, attribute: &str) -> Result<(), ServiceError> {
        let kind = self.resource(id).and_then(|resource| resource.get("Type")?.as_str()).unwrap_or_default();
        if is_custom(kind) || (kind == NESTED && attribute.starts_with("Outputs.")) {
            return Ok(());
        }
        let is_known = registry::resource_type(kind)
            .is_none_or(|kind| kind.attributes().iter().any(|name| name == attribute));
        if is_known {
            return Ok(());
        }
        Err(ServiceError::validation(format!(
            "Template error: resource {id} does not support attribute type {attribute} in Fn::GetAtt"
        )))
    }
}

/// Returns the name of a transform, which is a name, or an object with a name and parameters.
fn transform_name(transform: &Json) -> String {
    let name = transform.as_str().or_else(|| transform["Name"].as_str());
    name.map_or_else(|| transform.to_string(), str::to_owned)
}

/// Rejects a condition if one of its functions has a wrong number of arguments.
fn check_functions_of(condition: &Json) -> Result<(), String> {
    match condition {
        Json::Object(map) => map.iter().try_for_each(|(name, argument)| {
            check_conditions(name, argument.as_array().map(Vec::as_slice).unwrap_or_default())?;
            check_functions_of(argument)
        }),
        Json::Array(items) => items.iter().try_for_each(check_functions_of),
        _ => Ok(()),
    }
}

/// Returns the conditions to which a condition refers.
pub(super) fn named_conditions(condition: &Json) -> BTreeSet<String> {
    match condition {
        Json::Object(map) => match single(map) {
            Some(("Condition", Json::String(name))) => BTreeSet::from([name.clone()]),
            Some(("Fn::If", Json::Array(arguments))) => {
                let name = arguments.first().and_then(Json::as_str).map(str::to_owned);
                name.into_iter().chain(arguments.iter().flat_map(named_conditions)).collect()
            }
            _ => map.values().flat_map(named_conditions).collect(),
        },
        Json::Array(items) => items.iter().flat_map(named_conditions).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(more: Json) -> String {
        let mut template = json!({ "Resources": { "Topic": { "Type": "AWS::SNS::Topic" } } });
        for (name, value) in more.as_object().unwrap() {
            template[name] = value.clone();
        }
        let template = StackTemplate::read(&template.to_string()).unwrap();
        template.check().map_or_else(|error| error.message, |()| String::new())
    }

    #[test]
    fn macros_are_refused_with_what_to_do() {
        let message = refusal(json!({ "Transform": SERVERLESS }));
        assert!(message.contains("aws-sam-translator") && message.contains("sam build"), "{message}");
        assert!(
            refusal(json!({ "Transform": ["AWS::Include"] })).contains("does not run the macro AWS::Include")
        );
        assert_eq!(refusal(json!({ "Transform": "Other" })), "No transform named Other found.");
        assert_eq!(refusal(json!({ "Transform": EXTENSIONS })), "");
    }

    #[test]
    fn conditions_that_name_each_other_are_refused() {
        let conditions =
            json!({ "A": { "Fn::Not": [{ "Condition": "B" }] }, "B": { "Fn::Not": [{ "Condition": "A" }] } });
        assert!(
            refusal(json!({ "Conditions": conditions }))
                .contains("Circular dependency in conditions: [A, B]")
        );
        let alone = json!({ "A": { "Fn::Not": [{ "Fn::Or": [{ "Fn::Equals": [1, 1] }] }] } });
        assert!(refusal(json!({ "Conditions": alone })).contains("every Fn::Or object requires"));
        let resource = json!({ "A": { "Fn::Equals": [{ "Ref": "Topic" }, "x"] } });
        assert!(
            refusal(json!({ "Conditions": resource }))
                .contains("Cannot reference resources in the Conditions")
        );
        let missing = json!({ "A": { "Fn::Not": [{ "Condition": "C" }] } });
        assert!(refusal(json!({ "Conditions": missing })).contains("Unresolved condition dependency C"));
    }
}
