//! The language extensions (`AWS::LanguageExtensions`): loops, and functions in places where otherwise only a string is
//! allowed. They are expanded before a template is used in any other way.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::evaluate::Scope;
use super::{StackTemplate, scalar_text, single};
use crate::api::error::ServiceError;

/// The prefix of the name of a loop.
const LOOP: &str = "Fn::ForEach";

/// The sections that may contain loops.
const SECTIONS: [&str; 3] = ["Conditions", "Resources", "Outputs"];

/// The attributes of a resource that may be functions.
const POLICIES: [&str; 2] = ["DeletionPolicy", "UpdateReplacePolicy"];

/// The maximum nesting depth of loops, and the maximum number of values in a template after its loops are expanded.
const MAX_DEPTH: usize = 200;
const MAX_VALUES: usize = 300_000;

/// The maximum number of bytes in the strings of a template after its loops are expanded.
const MAX_TEXTS: usize = 16 * 1024 * 1024;

/// Returns whether a template has loops anywhere.
pub(crate) fn has_loops(template: &StackTemplate) -> bool {
    fn inside(value: &Json) -> bool {
        match value {
            Json::Object(map) => map.iter().any(|(name, value)| name.starts_with(LOOP) || inside(value)),
            Json::Array(items) => items.iter().any(inside),
            _ => false,
        }
    }
    SECTIONS.iter().filter_map(|name| template.top(name)).any(inside)
}

/// Returns the text of the template with its language extensions expanded.
pub(crate) fn expand(template: &StackTemplate, scope: &Scope<'_>) -> Result<String, ServiceError> {
    let expander = Expander { scope, values: Cell::new(0), bytes: Cell::new(0) };
    let mut sections = template.sections().clone();
    for name in SECTIONS {
        if let Some(section) = sections.get_mut(name) {
            *section = expander.value(section, &BTreeMap::new(), 0).map_err(ServiceError::validation)?;
        }
    }
    if let Some(Json::Object(resources)) = sections.get_mut("Resources") {
        for resource in resources.values_mut() {
            expander.policies(resource).map_err(ServiceError::validation)?;
        }
    }
    sections.remove("Transform");
    Ok(Json::Object(sections).to_string())
}

/// The names of loops, and their values.
type Names = BTreeMap<String, String>;

struct Expander<'a> {
    scope: &'a Scope<'a>,
    /// The number of values that were written.
    values: Cell<usize>,
    /// The number of bytes in the strings.
    bytes: Cell<usize>,
}

impl Expander<'_> {
    fn value(&self, value: &Json, names: &Names, depth: usize) -> Result<Json, String> {
        self.values.set(self.values.get() + 1);
        if depth > MAX_DEPTH {
            return Err("Template error: it is nested too deeply".into());
        }
        if self.values.get() > MAX_VALUES {
            return Err(format!("Template error: its loops create more than {MAX_VALUES} values"));
        }
        Ok(match value {
            Json::Object(map) => match single(map) {
                Some(("Ref", argument)) => self.reference(argument, names, depth)?,
                Some(("Fn::GetAtt", Json::Array(arguments))) => self.attribute(arguments, names, depth)?,
                _ => self.object(map, names, depth)?,
            },
            Json::Array(items) => {
                let items: Result<Vec<Json>, String> =
                    items.iter().map(|item| self.value(item, names, depth + 1)).collect();
                items?.into()
            }
            Json::String(text) => self.replaced(text, names)?.into(),
            other => other.clone(),
        })
    }

    fn object(&self, map: &Map<String, Json>, names: &Names, depth: usize) -> Result<Json, String> {
        let mut written = Map::new();
        for (name, value) in map {
            if !name.starts_with(LOOP) {
                written.insert(self.replaced(name, names)?, self.value(value, names, depth + 1)?);
                continue;
            }
            for (name, value) in self.iterations(name, value, names, depth)? {
                if written.insert(name.clone(), value).is_some() {
                    return Err(format!("Template error: {LOOP} creates {name} twice"));
                }
            }
        }
        Ok(written.into())
    }

    /// `Ref` of a loop's name, of a name, or of a function that returns a name.
    fn reference(&self, argument: &Json, names: &Names, depth: usize) -> Result<Json, String> {
        if let Some(item) = argument.as_str().and_then(|name| names.get(name)) {
            return Ok(item.clone().into());
        }
        Ok(serde_json::json!({ "Ref": self.text_or_function(argument, names, depth)? }))
    }

    /// `Fn::GetAtt` with functions as the name or the attribute.
    fn attribute(&self, arguments: &[Json], names: &Names, depth: usize) -> Result<Json, String> {
        let arguments: Result<Vec<Json>, String> =
            arguments.iter().map(|one| self.text_or_function(one, names, depth)).collect();
        Ok(serde_json::json!({ "Fn::GetAtt": arguments? }))
    }

    /// Returns a string, or the string that a function of parameters returns.
    fn text_or_function(&self, argument: &Json, names: &Names, depth: usize) -> Result<Json, String> {
        let argument = self.value(argument, names, depth + 1)?;
        if !argument.is_object() {
            return Ok(argument);
        }
        Ok(self.scope.value(&argument)?.map(|value| scalar_text(&value)).unwrap_or_default().into())
    }

    /// Resolves functions in the policies of a resource.
    fn policies(&self, resource: &mut Json) -> Result<(), String> {
        for name in POLICIES {
            if resource.get(name).is_some_and(Json::is_object) {
                let value = self.scope.value(&resource[name])?;
                if let Some(resource) = resource.as_object_mut() {
                    match value {
                        Some(value) => resource.insert(name.to_owned(), value),
                        None => resource.shift_remove(name),
                    };
                }
            }
        }
        Ok(())
    }

    /// Returns a string with the names of loops replaced: `${Name}` by the item, `&{Name}` by its letters and digits.
    fn replaced(&self, text: &str, names: &Names) -> Result<String, String> {
        let mut text = text.to_owned();
        self.count_bytes(text.len())?;
        for (name, item) in names {
            text = self.replaced_one(text, &format!("${{{name}}}"), item)?;
            if text.contains("&{") {
                let plain: String = item.chars().filter(char::is_ascii_alphanumeric).collect();
                text = self.replaced_one(text, &format!("&{{{name}}}"), &plain)?;
            }
        }
        Ok(text)
    }

    /// Returns a string with a placeholder replaced; its new length is counted before the replacement.
    fn replaced_one(&self, text: String, placeholder: &str, item: &str) -> Result<String, String> {
        let number = text.matches(placeholder).count();
        if number == 0 {
            return Ok(text);
        }
        self.count_bytes(number.saturating_mul(item.len()))?;
        Ok(text.replace(placeholder, item))
    }

    fn count_bytes(&self, bytes: usize) -> Result<(), String> {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        if self.bytes.get() > MAX_TEXTS {
            return Err(format!("Template error: its loops create more than {MAX_TEXTS} bytes of text"));
        }
        Ok(())
    }

    /// Returns the members that the iterations of a loop create.
    fn iterations(
        &self,
        name: &str,
        written: &Json,
        names: &Names,
        depth: usize,
    ) -> Result<Vec<(String, Json)>, String> {
        let wrong = || {
            format!(
                "Template error: {name} has to be a list of an identifier, a collection and an object to repeat"
            )
        };
        let [Json::String(identifier), collection, body @ Json::Object(_)] =
            written.as_array().map(Vec::as_slice).ok_or_else(wrong)?
        else {
            return Err(wrong());
        };
        // A collection may depend on the loop around it.
        let collection = self.value(collection, names, depth + 1)?;
        let items = match self.scope.value(&collection)? {
            Some(Json::Array(items)) => items,
            Some(Json::String(text)) => text.split(',').map(|item| item.trim().into()).collect(),
            _ => return Err(wrong()),
        };
        let mut created = Vec::new();
        for item in &items {
            let mut inside = names.clone();
            inside.insert(identifier.clone(), scalar_text(item));
            self.count_bytes(inside.values().map(String::len).sum())?;
            if let Json::Object(body) = self.value(body, &inside, depth + 1)? {
                created.extend(body);
            }
        }
        Ok(created)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use indexmap::IndexMap;
    use serde_json::json;

    use super::*;

    fn expanded(resources: Json) -> Result<Json, String> {
        let text = json!({ "Transform": "AWS::LanguageExtensions", "Resources": resources });
        let template = StackTemplate::read(&text.to_string()).unwrap();
        let parameters = IndexMap::from([
            ("Attribute".to_owned(), Json::from("TopicArn")),
            ("Policy".to_owned(), Json::from("Retain")),
        ]);
        let nothing = |name: &str, _: Option<&str>| Err(format!("cannot refer to {name}"));
        let scope = Scope {
            template: &template,
            parameters: &parameters,
            pseudo: BTreeMap::new(),
            exports: &BTreeMap::new(),
            resource: &nothing,
            imported: RefCell::default(),
            progress: Default::default(),
        };
        let text = expand(&template, &scope).map_err(|error| error.message)?;
        Ok(serde_json::from_str::<Json>(&text).unwrap()["Resources"].clone())
    }

    #[test]
    fn functions_are_resolved_where_a_text_is_required() {
        let user = json!({
            "Type": "AWS::SNS::Topic",
            "DeletionPolicy": { "Ref": "Policy" },
            "Properties": {
                "DisplayName": { "Fn::GetAtt": [{ "Fn::Join": ["", ["To", "pic"]] }, { "Ref": "Attribute" }] },
                "TopicName": { "Ref": { "Fn::Sub": "To${Nothing}" } },
            },
        });
        let error = expanded(json!({ "User": user.clone() })).unwrap_err();
        assert!(error.contains("cannot refer to Nothing"), "{error}");
        let mut user = user;
        user["Properties"]["TopicName"] = json!({ "Ref": { "Fn::Sub": "Other" } });
        let found = expanded(json!({ "User": user })).unwrap();
        assert_eq!(found["User"]["DeletionPolicy"], "Retain");
        assert_eq!(
            found["User"]["Properties"]["DisplayName"],
            json!({ "Fn::GetAtt": ["Topic", "TopicArn"] })
        );
        assert_eq!(found["User"]["Properties"]["TopicName"], json!({ "Ref": "Other" }));
    }

    #[test]
    fn loops_that_create_too_long_texts_are_refused() {
        let topic =
            json!({ "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": "${A}".repeat(100_000) } });
        let body = json!({ "Fn::ForEach::L": ["A", ["x".repeat(400_000)], { "T": topic }] });
        assert!(expanded(body).unwrap_err().contains("bytes of text"));
        // A long item that inner loops repeat.
        let items: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
        let inner = json!({ "Fn::ForEach::I": ["B", items, { "T${B}": { "Type": "AWS::SNS::Topic" } }] });
        let body = json!({ "Fn::ForEach::L": ["A", ["x".repeat(400_000)], inner] });
        assert!(expanded(body).unwrap_err().contains("bytes of text"));
    }

    #[test]
    fn loops_that_create_too_much_are_refused() {
        let items: Vec<String> = (0..100).map(|number| format!("i{number}")).collect();
        let mut body = json!({ "T${A}${B}${C}${D}": { "Type": "AWS::SNS::Topic" } });
        for name in ["A", "B", "C", "D"] {
            body = json!({ format!("Fn::ForEach::{name}"): [name, items, body] });
        }
        assert!(expanded(body).unwrap_err().contains("more than 300000 values"));
    }
}
