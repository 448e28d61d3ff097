//! Strings with unknown parts (holes): the known parts of a string that is resolved at deployment.

use std::borrow::Cow;

use serde_json::{Map, Value as JsonValue, json};
pub(crate) use stackwright_synth::function::{Part, parts};

use super::value;

/// Returns the reference of a variable of an `Fn::Sub`.
pub(crate) fn reference(variable: &str) -> JsonValue {
    match variable.split_once('.') {
        Some((resource, attribute)) => json!({ "Fn::GetAtt": [resource, attribute] }),
        None => json!({ "Ref": variable }),
    }
}

/// A part of a string: known, or a value that is known only at deployment (a hole).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece<'a> {
    Known(Cow<'a, str>),
    Hole(Cow<'a, JsonValue>),
}

/// A string with unknown parts (holes).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Text<'a>(pub Vec<Piece<'a>>);

impl<'a> Text<'a> {
    /// Returns the known parts of a string; a value of which nothing is known is one unknown part.
    pub fn of(value: &'a JsonValue) -> Self {
        let mut text = Self::default();
        text.push_value(value);
        text
    }

    fn push_value(&mut self, value: &'a JsonValue) {
        match value {
            JsonValue::String(known) if !value::is_dynamic(known) => self.push(Cow::Borrowed(known)),
            JsonValue::Number(_) | JsonValue::Bool(_) => self.push(Cow::Owned(value.to_string())),
            _ => match value::function(value) {
                Some(("Fn::Sub", JsonValue::String(format))) => self.push_format(format, None),
                Some(("Fn::Sub", JsonValue::Array(arguments))) => {
                    let format = arguments.first().and_then(JsonValue::as_str).unwrap_or_default();
                    self.push_format(format, arguments.get(1).and_then(JsonValue::as_object));
                }
                Some(("Fn::Join", JsonValue::Array(arguments))) => {
                    match (arguments.first().and_then(JsonValue::as_str), arguments.get(1)) {
                        (Some(delimiter), Some(JsonValue::Array(items))) => {
                            for (number, item) in items.iter().enumerate() {
                                if number > 0 {
                                    self.push(Cow::Borrowed(delimiter));
                                }
                                self.push_value(item);
                            }
                        }
                        _ => self.0.push(Piece::Hole(Cow::Borrowed(value))),
                    }
                }
                _ => self.0.push(Piece::Hole(Cow::Borrowed(value))),
            },
        }
    }

    fn push_format(&mut self, format: &'a str, variables: Option<&'a Map<String, JsonValue>>) {
        for part in parts(format) {
            match part {
                Part::Literal(literal) => self.push(Cow::Borrowed(literal)),
                Part::Variable(name) => match variables.and_then(|variables| variables.get(name)) {
                    Some(value) => self.push_value(value),
                    None => self.0.push(Piece::Hole(Cow::Owned(reference(name)))),
                },
            }
        }
    }

    fn push(&mut self, known: Cow<'a, str>) {
        match self.0.last_mut() {
            _ if known.is_empty() => {}
            Some(Piece::Known(before)) => before.to_mut().push_str(&known),
            _ => self.0.push(Piece::Known(known)),
        }
    }

    /// Returns the string; `None` if a part of it is not known.
    pub fn known(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Known(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the unknown value (hole) of which the whole string consists; `None` if the string has other parts.
    pub fn hole(&self) -> Option<&JsonValue> {
        match self.0.as_slice() {
            [Piece::Hole(value)] => Some(value),
            _ => None,
        }
    }

    /// Returns the known start of the string; empty if the start is not known.
    pub fn start(&self) -> &str {
        match self.0.first() {
            Some(Piece::Known(text)) => text,
            _ => "",
        }
    }

    /// Returns the known end of the string; empty if the end is not known.
    pub fn end(&self) -> &str {
        match self.0.last() {
            Some(Piece::Known(text)) => text,
            _ => "",
        }
    }

    /// Returns the known parts.
    pub fn fragments(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Known(text) => Some(text.as_ref()),
            Piece::Hole(_) => None,
        })
    }

    /// Returns the parts between the separators that are known.
    pub fn split(&self, separator: char) -> Vec<Text<'a>> {
        let mut found = vec![Text::default()];
        for piece in &self.0 {
            match piece {
                Piece::Known(text) => {
                    for (number, part) in text.split(separator).enumerate() {
                        if number > 0 {
                            found.push(Text::default());
                        }
                        if let Some(last) = found.last_mut() {
                            last.push(Cow::Owned(part.to_owned()));
                        }
                    }
                }
                Piece::Hole(value) => {
                    if let Some(last) = found.last_mut() {
                        last.0.push(Piece::Hole(value.clone()));
                    }
                }
            }
        }
        found
    }

    /// Returns whether the string can be equal to another one at deployment: the other one contains all known parts in this
    /// order.
    pub fn can_be(&self, other: &str) -> bool {
        if let Some(known) = self.known() {
            return known == other;
        }
        let Some(rest) = other.strip_prefix(self.start()) else { return false };
        let Some(mut rest) = rest.strip_suffix(self.end()) else { return false };
        let inner = self.0.len().saturating_sub(1);
        for piece in self.0.get(1..inner).unwrap_or_default() {
            if let Piece::Known(known) = piece {
                let Some(at) = rest.find(known.as_ref()) else { return false };
                rest = &rest[at + known.len()..];
            }
        }
        true
    }

    /// Returns the minimum number of characters of the string.
    pub fn least_characters(&self) -> usize {
        self.fragments().map(|known| known.chars().count()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_and_join_are_taken_apart() {
        let value = json!({ "Fn::Join": ["/", ["endpoint", { "Fn::GetAtt": ["E", "EndpointName"] }, { "Fn::Sub": ["variant/${V}", { "V": "A" }] }]] });
        let text = Text::of(&value);
        let parts = text.split('/');
        assert_eq!(parts.len(), 4);
        assert_eq!(parts[0].known(), Some("endpoint"));
        assert_eq!(parts[1].hole(), Some(&json!({ "Fn::GetAtt": ["E", "EndpointName"] })));
        assert_eq!((parts[2].known(), parts[3].known()), (Some("variant"), Some("A")));
    }

    #[test]
    fn the_strings_that_a_text_can_become_are_recognized() {
        let value = json!({ "Fn::Sub": "s3://${B}/models/${!x}.gz" });
        let text = Text::of(&value);
        assert!(text.can_be("s3://bucket/models/${x}.gz"));
        assert!(!text.can_be("s3://bucket/models/x.gz") && !text.can_be("s3:/.gz"));
        assert_eq!((text.start(), text.end()), ("s3://", "/models/${x}.gz"));
        assert!(Text::of(&json!("a")).can_be("a") && !Text::of(&json!("a")).can_be("b"));
        assert_eq!(parts("${A.B}-${"), [Part::Variable("A.B"), Part::Literal("-${")]);
    }
}
