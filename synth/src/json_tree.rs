//! JSON that borrows its names and strings from the elements of a stack. Rendering creates it: most templates are only
//! written as text, for which copies and the indexes of [`JsonValue`]'s objects are not needed.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as JsonValue};

#[derive(Debug)]
pub(crate) enum JsonTree<'a> {
    Text(Cow<'a, str>),
    List(Vec<JsonTree<'a>>),
    Object(JsonObject<'a>),
    Borrowed(&'a JsonValue),
    /// In a box, because it is rare and larger than the others.
    Owned(Box<JsonValue>),
}

/// The entries of an object, in order.
#[derive(Debug, Default)]
pub(crate) struct JsonObject<'a>(Vec<(Cow<'a, str>, JsonTree<'a>)>);

/// The number of entries up to which repeated names are found by comparing all of them.
const FEW: usize = 16;

impl<'a> JsonObject<'a> {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Returns an object with one entry, such as an intrinsic function.
    pub(crate) fn of(name: impl Into<Cow<'a, str>>, value: impl Into<JsonTree<'a>>) -> Self {
        Self(vec![(name.into(), value.into())])
    }

    /// Adds an entry, whose name must be new.
    pub(crate) fn push(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<JsonTree<'a>>) {
        self.0.push((name.into(), value.into()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps one entry of each name: the last value, in the place of the first.
    pub(crate) fn without_repeated_names(mut self) -> Self {
        let entries = &mut self.0;
        let is_repeated = |index: usize| entries[..index].iter().any(|(name, _)| *name == entries[index].0);
        if entries.len() <= FEW && !(1..entries.len()).any(is_repeated) {
            return self;
        }
        let mut positions: HashMap<Cow<'a, str>, usize> = HashMap::with_capacity(entries.len());
        let mut kept: Vec<(Cow<'a, str>, JsonTree<'a>)> = Vec::with_capacity(entries.len());
        for (name, value) in entries.drain(..) {
            match positions.get(&name) {
                Some(position) => kept[*position].1 = value,
                None => {
                    positions.insert(name.clone(), kept.len());
                    kept.push((name, value));
                }
            }
        }
        Self(kept)
    }

    pub(crate) fn into_map(self) -> Map<String, JsonValue> {
        self.0.into_iter().map(|(name, value)| (name.into_owned(), value.into_json())).collect()
    }
}

impl JsonTree<'_> {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Borrowed(json) => json.as_str(),
            Self::Owned(json) => json.as_str(),
            Self::List(_) | Self::Object(_) => None,
        }
    }

    pub(crate) fn into_json(self) -> JsonValue {
        match self {
            Self::Text(text) => JsonValue::String(text.into_owned()),
            Self::List(items) => items.into_iter().map(JsonTree::into_json).collect(),
            Self::Object(object) => JsonValue::Object(object.into_map()),
            Self::Borrowed(json) => json.clone(),
            Self::Owned(json) => *json,
        }
    }
}

impl<'a> From<&'a str> for JsonTree<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for JsonTree<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<Cow<'a, str>> for JsonTree<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Vec<JsonTree<'a>>> for JsonTree<'a> {
    fn from(items: Vec<JsonTree<'a>>) -> Self {
        Self::List(items)
    }
}

impl<'a> From<JsonObject<'a>> for JsonTree<'a> {
    fn from(object: JsonObject<'a>) -> Self {
        Self::Object(object)
    }
}

impl<'a> From<&'a JsonValue> for JsonTree<'a> {
    fn from(json: &'a JsonValue) -> Self {
        Self::Borrowed(json)
    }
}

impl From<JsonValue> for JsonTree<'_> {
    fn from(json: JsonValue) -> Self {
        Self::Owned(Box::new(json))
    }
}

impl Serialize for JsonTree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(object) => object.serialize(serializer),
            Self::Borrowed(json) => json.serialize(serializer),
            Self::Owned(json) => json.serialize(serializer),
        }
    }
}

impl Serialize for JsonObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_is_that_of_the_json() {
        let literal = json!({ "a": [1, 2.5, null], "b": {}, "c": [] });
        let mut object = JsonObject::of("Literal", &literal);
        object.push("Text", "with \"quotes\"");
        object
            .push("List", vec![JsonTree::from("a"), JsonTree::from(json!(true)), JsonTree::from(Vec::new())]);
        object.push("Empty", JsonObject::default());
        let text = serde_json::to_string_pretty(&object).unwrap();
        assert_eq!(text, serde_json::to_string_pretty(&JsonTree::from(object).into_json()).unwrap());
        assert!(text.contains(r#""with \"quotes\"""#), "{text}");
    }

    #[test]
    fn the_last_value_of_a_name_takes_the_place_of_the_first() {
        for count in [3, FEW + 3] {
            let mut object = JsonObject::default();
            for number in 0..count {
                object.push(format!("Name{number}"), json!(number));
            }
            object.push("Name1", json!("again"));
            let map = object.without_repeated_names().into_map();
            let names: Vec<_> = map.keys().cloned().collect();
            assert_eq!(names, (0..count).map(|number| format!("Name{number}")).collect::<Vec<_>>());
            assert_eq!((&map["Name0"], &map["Name1"]), (&json!(0), &json!("again")));
        }
    }
}
