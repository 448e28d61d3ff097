//! Strict JSON: a duplicate key is an error, because CloudFormation would silently drop one of the values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value as JsonValue};

use super::{Position, TemplateError};
use crate::pointer;

pub(super) fn read(text: &str) -> Result<JsonValue, TemplateError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Strict.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value)).map_err(
        |error| {
            let message = error.to_string();
            let location = format!(" at line {} column {}", error.line(), error.column());
            TemplateError {
                message: message.strip_suffix(&location).unwrap_or(&message).to_owned(),
                line: error.line(),
                column: error.column(),
            }
        },
    )
}

/// Returns the line and column of every value by JSON pointer, for the part of the text that can be read.
pub(super) fn locations(text: &str) -> Vec<(String, Position)> {
    let lines: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    // Where the characters before the last position were counted: a file may be one line, and counting each column from its
    // start would take the square of its length.
    let mut counted = (0, 0);
    let mut position = |part: &str| {
        // Parts are borrowed from the text: the difference of the start addresses is the offset.
        let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let line = lines.partition_point(|start| *start <= offset);
        let start = lines[line - 1];
        let (from, before) = if (start..=offset).contains(&counted.0) { counted } else { (start, 0) };
        let column = before + text.get(from..offset).map_or(0, |between| between.chars().count());
        counted = (offset, column);
        (line, column + 1)
    };
    let mut locations = Vec::new();
    walk(text.trim(), &mut String::new(), &mut |pointer, part| {
        locations.push((pointer.to_owned(), position(part)));
    });
    locations
}

/// Visits every value below one. The location of a scalar is its start, and that of a list or an object is its key.
fn walk<'a>(text: &'a str, pointer: &mut String, found: &mut impl FnMut(&str, &'a str)) {
    let mut below = |step: &str, key: Option<&'a str>, value: &'a RawValue| {
        let length = pointer.len();
        pointer::push(pointer, step);
        let is_scalar = !value.get().starts_with(['{', '[']);
        found(pointer, key.filter(|_| !is_scalar).unwrap_or(value.get()));
        walk(value.get(), pointer, found);
        pointer.truncate(length);
    };
    if text.starts_with('{') {
        let Ok(Entries(entries)) = serde_json::from_str(text) else { return };
        for (key, value) in entries {
            let quoted = key.get();
            let Ok(step) = serde_json::from_str::<String>(quoted) else { continue };
            below(&step, Some(quoted), value);
        }
    } else if text.starts_with('[') {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) else { return };
        for (index, item) in items.into_iter().enumerate() {
            below(&index.to_string(), None, item);
        }
    }
}

/// The entries of an object, with their raw text.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = JsonValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<JsonValue, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = JsonValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsonValue, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<JsonValue, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<JsonValue, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<JsonValue, E> {
        Ok(Number::from_f64(value).map_or(JsonValue::Null, JsonValue::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<JsonValue, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<JsonValue, E> {
        Ok(JsonValue::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<JsonValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<JsonValue, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` is used twice in one object")));
            }
            map.insert(key, entries.next_value_seed(Strict)?);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_count_characters_from_the_start_of_the_line() {
        let text = "{\"é\": {\"a\": 1, \"b\": [2,\n \"ü\", 3]}, \"c\": 4}";
        let found = super::locations(text);
        let found: Vec<_> = found.iter().map(|(pointer, place)| (pointer.as_str(), *place)).collect();
        let expected = [
            ("/é", (1, 2)),
            ("/é/a", (1, 13)),
            ("/é/b", (1, 16)),
            ("/é/b/0", (1, 22)),
            ("/é/b/1", (2, 2)),
            ("/é/b/2", (2, 7)),
            ("/c", (2, 17)),
        ];
        assert_eq!(found, expected);
    }
}
