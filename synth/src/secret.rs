//! Secrets: parameters with `NoEcho`, and texts with their known values masked.

use serde_json::Value as JsonValue;

use crate::template::Template;

/// The string that is shown instead of a secret. CloudFormation uses the same string.
pub const MASK: &str = "****";

/// The length from which a secret is replaced at any position. A shorter secret is replaced only as a whole word.
const MIN_UNIQUE_CHARS: usize = 5;

/// Returns whether the declaration of a parameter, an entry of the section `Parameters`, has `NoEcho`.
pub fn is_no_echo(parameter: &JsonValue) -> bool {
    parameter["NoEcho"] == true || parameter["NoEcho"] == "true"
}

/// Returns the default value in the declaration of a parameter as a string: numbers and booleans as JSON. `None` if
/// there is no default value.
pub fn default_text(parameter: &JsonValue) -> Option<String> {
    match parameter.get("Default")? {
        JsonValue::String(text) => Some(text.clone()),
        JsonValue::Null => None,
        other => Some(other.to_string()),
    }
}

/// A set of known values that must not be shown, and that it masks in texts.
///
/// A value with fewer than five characters is masked only where it is not part of a longer word.
///
/// ```
/// use stackwright_synth::secret::SecretValues;
///
/// let secrets = SecretValues::new(["hunter2".to_owned()]);
/// assert_eq!(secrets.mask("the token hunter2 is wrong"), "the token **** is wrong");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SecretValues {
    /// The values, the longest first, so that a secret that contains another one is replaced as a whole.
    values: Vec<String>,
}

impl SecretValues {
    /// Creates a set of values. Values without visible characters are left out.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().filter(|value| !value.trim().is_empty()).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self { values }
    }

    /// Creates a set of the default values of the parameters of a template that are declared with `NoEcho`.
    ///
    /// ```
    /// use stackwright_synth::{Template, secret::SecretValues};
    ///
    /// let template = Template::read("Parameters: {Token: {Type: String, NoEcho: true, Default: hunter2}}")?;
    /// assert_eq!(SecretValues::of_defaults(&template).mask("hunter2"), "****");
    /// # Ok::<(), stackwright_synth::TemplateError>(())
    /// ```
    pub fn of_defaults(template: &Template) -> Self {
        let declared = template.section("Parameters").filter(|(_, one)| is_no_echo(one));
        Self::new(declared.filter_map(|(_, one)| default_text(one)))
    }

    /// Returns the union of both sets.
    pub fn and(self, other: Self) -> Self {
        Self::new(self.values.into_iter().chain(other.values))
    }

    /// Returns whether the set has no values.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns a text in which the values are replaced with [`MASK`], including values that are escaped as in JSON.
    pub fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            text = replace(&text, value);
            let escaped = JsonValue::from(value.as_str()).to_string();
            let escaped = &escaped[1..escaped.len() - 1];
            if escaped != value {
                text = replace(&text, escaped);
            }
        }
        text
    }

    /// Replaces the values in the strings and numbers of a JSON value in place with [`MASK`]. A number is replaced if it
    /// is one of the values. Names of members are not changed.
    pub fn mask_json(&self, value: &mut JsonValue) {
        match value {
            JsonValue::String(text) => *text = self.mask(text),
            JsonValue::Number(number) => {
                let number = number.to_string();
                if self.values.contains(&number) {
                    *value = MASK.into();
                }
            }
            JsonValue::Array(items) => items.iter_mut().for_each(|item| self.mask_json(item)),
            JsonValue::Object(fields) => fields.values_mut().for_each(|field| self.mask_json(field)),
            JsonValue::Null | JsonValue::Bool(_) => {}
        }
    }

    /// Returns an HTML page in whose texts the values are replaced with [`MASK`]. Tags, styles and scripts are not
    /// changed.
    pub fn mask_html(&self, page: &str) -> String {
        let escaped = |value: &String| {
            let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            value.replace('"', "&quot;").replace('\'', "&#39;")
        };
        let secrets = Self::new(self.values.iter().map(escaped));
        let mut masked = String::with_capacity(page.len());
        let mut is_text = true;
        for part in page.split_inclusive('>') {
            let (text, tag) = part.split_at(part.find('<').unwrap_or(part.len()));
            masked.push_str(&if is_text { secrets.mask(text) } else { text.to_owned() });
            masked.push_str(tag);
            if !tag.is_empty() {
                is_text = !tag.starts_with("<style") && !tag.starts_with("<script");
            }
        }
        masked
    }
}

/// Replaces a secret in a text; a short secret only if it is not part of a longer word.
fn replace(text: &str, secret: &str) -> String {
    if secret.chars().count() >= MIN_UNIQUE_CHARS {
        return text.replace(secret, MASK);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(secret) {
        let (before, after) = (&rest[..start], &rest[start + secret.len()..]);
        let is_word = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        masked.push_str(before);
        masked.push_str(if is_word { MASK } else { secret });
        rest = after;
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_secret_is_masked_in_every_text() {
        let secrets = SecretValues::new(["hunter\"2".to_owned(), "123".to_owned(), " ".to_owned()]);
        assert_eq!(secrets.mask("the token hunter\"2 is wrong"), "the token **** is wrong");
        assert_eq!(secrets.mask(r#"{"token":"hunter\"2"}"#), r#"{"token":"****"}"#);
        // A short secret does not make other texts unreadable.
        assert_eq!(secrets.mask("pin 123, id 41235"), "pin ****, id 41235");
    }

    #[test]
    fn the_form_of_a_document_stays() {
        let secrets =
            SecretValues::new(["true".to_owned(), "17".to_owned(), "style".to_owned(), "a<b&c".to_owned()]);
        let mut document = serde_json::json!({ "style": true, "text": ["it is true", 17, 171] });
        secrets.mask_json(&mut document);
        assert_eq!(document, serde_json::json!({ "style": true, "text": ["it is ****", "****", 171] }));
        assert_eq!(
            secrets.mask_html("<style>.style > a {}</style><b class=\"style\">style a&lt;b&amp;c</b> style"),
            "<style>.style > a {}</style><b class=\"style\">**** ****</b> ****"
        );
    }

    #[test]
    fn the_defaults_of_secret_parameters_are_secrets() {
        let text = r#"{"Parameters":{"A":{"Default":"hidden1","NoEcho":"true"},"B":{"Default":12345,"NoEcho":true},"C":{"Default":"shown"}}}"#;
        let secrets = SecretValues::of_defaults(&Template::read(text).unwrap());
        assert_eq!(secrets.mask("hidden1 12345 shown"), "**** **** shown");
    }
}
