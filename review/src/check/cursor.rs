//! Values of a view with their paths, so that a finding is reported at the location of its value.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::{Deref, Index};
use std::rc::Rc;

use serde_json::Value as JsonValue;

use super::value::children;

/// A value of a resource, and the steps that lead to it from the properties.
///
/// A cursor is used like the value. Indexing returns the values below with their paths. A value that does not exist is null
/// and has no path.
pub(crate) struct Cursor<'v> {
    value: &'v JsonValue,
    location: Option<Location<'v>>,
    /// The values below in their order, and at the end the one for everything that does not exist. Built when a value below
    /// is needed.
    below: OnceCell<Box<[Cursor<'v>]>>,
}

#[derive(Clone)]
struct Location<'v> {
    holder: Option<Rc<Location<'v>>>,
    step: Step<'v>,
}

#[derive(Clone)]
enum Step<'v> {
    /// The steps to the outermost value: none for the properties, those to the document for the values in it.
    Outermost(&'v [String]),
    Key(&'v str),
    Item(usize),
}

impl<'v> Cursor<'v> {
    /// Creates the cursor of an outermost value, to which `steps` lead from the properties.
    pub fn new(value: &'v JsonValue, steps: &'v [String]) -> Self {
        let location = Location { holder: None, step: Step::Outermost(steps) };
        Self { value, location: Some(location), below: OnceCell::new() }
    }

    fn missing() -> Self {
        Self { value: &JsonValue::Null, location: None, below: OnceCell::new() }
    }

    /// Returns the value, which may be used longer than the cursor.
    pub fn json(&self) -> &'v JsonValue {
        self.value
    }

    /// Returns the steps from the properties to the value; `None` if it does not exist.
    pub fn path(&self) -> Option<Vec<String>> {
        let mut location = self.location.as_ref()?;
        let mut path = Vec::new();
        loop {
            match location.step {
                Step::Outermost(steps) => path.extend(steps.iter().rev().cloned()),
                Step::Key(name) => path.push(name.to_owned()),
                Step::Item(index) => path.push(index.to_string()),
            }
            match &location.holder {
                Some(holder) => location = holder,
                None => break,
            }
        }
        path.reverse();
        Some(path)
    }

    fn below(&self) -> &[Cursor<'v>] {
        self.below.get_or_init(|| {
            let holder = self.location.clone().map(Rc::new);
            let cursor = |step: Step<'v>, value: &'v JsonValue| Cursor {
                value,
                location: holder.clone().map(|holder| Location { holder: Some(holder), step }),
                below: OnceCell::new(),
            };
            let mut below: Vec<Cursor<'v>> = match self.value {
                JsonValue::Object(map) => {
                    map.iter().map(|(name, value)| cursor(Step::Key(name), value)).collect()
                }
                JsonValue::Array(items) => {
                    items.iter().enumerate().map(|(index, value)| cursor(Step::Item(index), value)).collect()
                }
                _ => Vec::new(),
            };
            below.push(Cursor::missing());
            below.into()
        })
    }
}

impl Deref for Cursor<'_> {
    type Target = JsonValue;

    fn deref(&self) -> &JsonValue {
        self.value
    }
}

impl<T: ?Sized> PartialEq<T> for Cursor<'_>
where
    JsonValue: PartialEq<T>,
{
    fn eq(&self, other: &T) -> bool {
        *self.value == *other
    }
}

impl<'v> Index<&str> for Cursor<'v> {
    type Output = Cursor<'v>;

    fn index(&self, name: &str) -> &Cursor<'v> {
        let below = self.below();
        let number = self.value.as_object().and_then(|map| map.keys().position(|key| key == name));
        &below[number.unwrap_or(below.len() - 1)]
    }
}

impl<'v> Index<String> for Cursor<'v> {
    type Output = Cursor<'v>;

    fn index(&self, name: String) -> &Cursor<'v> {
        &self[name.as_str()]
    }
}

impl<'v> Index<usize> for Cursor<'v> {
    type Output = Cursor<'v>;

    fn index(&self, index: usize) -> &Cursor<'v> {
        let below = self.below();
        let number = self.value.as_array().filter(|items| index < items.len()).map(|_| index);
        &below[number.unwrap_or(below.len() - 1)]
    }
}

/// A value that contains other values: a plain value, or a cursor.
pub(crate) trait Tree<'x>: Copy {
    /// Returns the value itself.
    fn json(self) -> &'x JsonValue;

    /// Returns the value that one step leads to; null where there is none.
    fn member(self, name: &str) -> Self;

    /// Returns the items of a list.
    fn items(self) -> impl Iterator<Item = Self>;

    /// Returns the values of an object.
    fn members(self) -> impl Iterator<Item = (&'x str, Self)>;
}

impl<'x> Tree<'x> for &'x JsonValue {
    fn json(self) -> &'x JsonValue {
        self
    }

    fn member(self, step: &str) -> Self {
        match self {
            JsonValue::Array(_) => step.parse::<usize>().map_or(&JsonValue::Null, |index| &self[index]),
            _ => &self[step],
        }
    }

    fn items(self) -> impl Iterator<Item = Self> {
        self.as_array().into_iter().flatten()
    }

    fn members(self) -> impl Iterator<Item = (&'x str, Self)> {
        self.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }
}

impl<'x, 'v> Tree<'x> for &'x Cursor<'v> {
    fn json(self) -> &'x JsonValue {
        self.value
    }

    fn member(self, step: &str) -> Self {
        match (self.value, step.parse::<usize>()) {
            (JsonValue::Array(_), Ok(index)) => &self[index],
            _ => &self[step],
        }
    }

    fn items(self) -> impl Iterator<Item = Self> {
        let count = self.value.as_array().map_or(0, Vec::len);
        // A value without items needs no cursors below.
        let below = if count == 0 { &[][..] } else { self.below() };
        below.iter().take(count)
    }

    fn members(self) -> impl Iterator<Item = (&'x str, Self)> {
        let map = self.value.as_object().filter(|map| !map.is_empty());
        let below = if map.is_none() { &[][..] } else { self.below() };
        map.into_iter().flat_map(|map| map.keys()).map(String::as_str).zip(below)
    }
}

/// Returns the values directly below a value, each with its step.
pub(crate) fn steps_below<'x, 'v>(
    value: &'x Cursor<'v>,
) -> impl Iterator<Item = (Cow<'x, str>, &'x Cursor<'v>)> {
    let steps: Vec<Cow<'x, str>> = children(value).map(|(step, _)| step).collect();
    let below = if steps.is_empty() { &[][..] } else { value.below() };
    steps.into_iter().zip(below)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::value::{entries, values};

    #[test]
    fn values_have_their_paths() {
        let value = json!({ "Variants": [{ "Name": "a" }, { "Name": "b/c" }], "Empty": {} });
        let steps = ["Definition".to_owned()];
        let root = Cursor::new(&value, &steps);
        let path = |cursor: &Cursor<'_>| cursor.path().map(|steps| steps.join(" "));
        assert_eq!(path(&root["Variants"][1]["Name"]).as_deref(), Some("Definition Variants 1 Name"));
        assert!(root["Variants"][1]["Name"] == "b/c");
        let names: Vec<_> = values(&root, &["Variants", "*", "Name"]).into_iter().filter_map(path).collect();
        assert_eq!(names, ["Definition Variants 0 Name", "Definition Variants 1 Name"]);
        assert_eq!(path(&root).as_deref(), Some("Definition"));
        for missing in [&root["Other"], &root["Variants"][2], &root["Variants"]["0"], &root["Other"]["More"]]
        {
            assert!(missing.is_null() && missing.path().is_none());
        }
        let below: Vec<_> = entries(&root).map(|(name, value)| (name, path(value))).collect();
        assert_eq!(below[1], ("Empty", Some("Definition Empty".to_owned())));
    }
}
