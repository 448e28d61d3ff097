//! Fills in the formats of identifiers and attributes: `arn:aws:sqs:{region}:{account}:{name}`.

use serde_json::{Map, Value as Json};

use super::ResourceContext;
use crate::template::scalar_text;

/// The maximum nesting depth of forms.
const MAX_DEPTH: usize = 4;

/// The values of the placeholders in the formats of a type's return values.
pub(super) struct Forms<'a> {
    pub context: &'a ResourceContext<'a>,
    pub name: &'a str,
    pub properties: &'a Map<String, Json>,
    /// The form of an attribute, by its name.
    pub attribute: &'a dyn Fn(&str) -> Option<&'static str>,
}

impl Forms<'_> {
    /// Fills in a form.
    pub fn fill(&self, form: &str) -> String {
        self.fill_at(form, 0)
    }

    fn fill_at(&self, form: &str, depth: usize) -> String {
        let mut filled = String::new();
        let mut rest = form;
        while let Some((literal, after)) = rest.split_once('{') {
            filled.push_str(literal);
            let Some((placeholder, after)) = after.split_once('}') else { break };
            filled.push_str(&self.value(placeholder, depth));
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn value(&self, placeholder: &str, depth: usize) -> String {
        let context = self.context;
        match placeholder {
            "region" => context.region.to_owned(),
            "account" => context.account.to_owned(),
            "stack" => context.stack_name.to_owned(),
            "logical-id" => context.logical_id.to_owned(),
            "name" => self.name.to_owned(),
            "lower-name" => self.name.to_lowercase(),
            "uuid" => context.unique_uuid(),
            "random6" => context.unique("random6", 6),
            "digits" => context.unique_number(10_000_000_000).to_string(),
            "octet" => (context.unique_number(253) + 1).to_string(),
            "Path" => self.property("Path").unwrap_or_else(|| "/".to_owned()),
            other => match other.split_once('|') {
                Some((name, "name")) => self.property(name).unwrap_or_else(|| self.name.to_owned()),
                Some((name, absent)) => self.property(name).unwrap_or_else(|| absent.to_owned()),
                None => generated(context, other).unwrap_or_else(|| self.member(other, depth)),
            },
        }
    }

    fn property(&self, name: &str) -> Option<String> {
        self.properties.get(name).map(scalar_text)
    }

    /// Returns a property, or an attribute by its own form.
    fn member(&self, name: &str, depth: usize) -> String {
        let of_form = || (self.attribute)(name).filter(|_| depth < MAX_DEPTH);
        let given = self.property(name);
        given.or_else(|| Some(self.fill_at(of_form()?, depth + 1))).unwrap_or_else(|| self.name.to_owned())
    }
}

/// Returns a part that the service generates: `id`, `id6`, `ID17`.
fn generated(context: &ResourceContext<'_>, placeholder: &str) -> Option<String> {
    let (is_upper, digits) = match (placeholder.strip_prefix("id"), placeholder.strip_prefix("ID")) {
        (Some(digits), _) => (false, digits),
        (_, Some(digits)) => (true, digits),
        _ => return None,
    };
    let length = if digits.is_empty() { 17 } else { digits.parse().ok()? };
    let id = context.unique(placeholder, length);
    Some(if is_upper { id.to_uppercase() } else { id })
}
