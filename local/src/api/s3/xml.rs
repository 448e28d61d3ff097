//! The XML of S3's requests and responses.

use std::fmt::Write as _;

use quick_xml::events::Event;
use serde_json::{Map, Value as Json};

use crate::api::query::xml_text;

/// A document with elements, each with text or with nested elements that are XML already.
#[derive(Debug, Default)]
pub(super) struct Elements(String);

impl Elements {
    /// Adds an element with text.
    pub fn text(mut self, name: &str, text: impl AsRef<str>) -> Self {
        let _ = write!(self.0, "<{name}>{}</{name}>", xml_text(text.as_ref()));
        self
    }

    /// Adds an element with text if there is one.
    pub fn optional(self, name: &str, text: Option<impl AsRef<str>>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// Adds an element that contains other elements.
    pub fn nested(mut self, name: &str, inner: Self) -> Self {
        let _ = write!(self.0, "<{name}>{}</{name}>", inner.0);
        self
    }

    /// Returns the document with these elements in its root.
    pub fn document(self, root: &str) -> Vec<u8> {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}</{root}>",
            self.0
        )
        .into_bytes()
    }
}

/// The maximum number of elements in the document of a request, and their maximum nesting depth.
const MAX_ELEMENTS: usize = 50_000;
const MAX_DEPTH: usize = 16;

/// Reads a document: each element is an object of its children's lists, or its text. `None` if it is not well-formed.
pub(super) fn read(body: &[u8]) -> Option<Json> {
    let mut reader = quick_xml::Reader::from_reader(body);
    let mut open: Vec<(String, Map<String, Json>, String)> = vec![(String::new(), Map::new(), String::new())];
    let mut elements = 0;
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                elements += 1;
                if elements > MAX_ELEMENTS || open.len() > MAX_DEPTH {
                    return None;
                }
                let name = String::from_utf8(tag.local_name().as_ref().to_vec()).ok()?;
                open.push((name, Map::new(), String::new()));
            }
            Event::Empty(tag) => {
                elements += 1;
                if elements > MAX_ELEMENTS {
                    return None;
                }
                let name = String::from_utf8(tag.local_name().as_ref().to_vec()).ok()?;
                add(&mut open.last_mut()?.1, name, Json::String(String::new()));
            }
            Event::Text(text) => open.last_mut()?.2.push_str(&text.decode().ok()?),
            Event::CData(text) => open.last_mut()?.2.push_str(&text.decode().ok()?),
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => {
                        quick_xml::escape::resolve_predefined_entity(&reference.decode().ok()?)?.to_owned()
                    }
                };
                open.last_mut()?.2.push_str(&text);
            }
            Event::End(_) => {
                let (name, children, text) = open.pop()?;
                let value = if children.is_empty() { Json::String(text) } else { Json::Object(children) };
                add(&mut open.last_mut()?.1, name, value);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let (_, root, _) = open.pop()?;
    open.is_empty().then_some(Json::Object(root))
}

pub(crate) fn add(children: &mut Map<String, Json>, name: String, value: Json) {
    if let Some(all) = children.entry(name).or_insert_with(|| Json::Array(Vec::new())).as_array_mut() {
        all.push(value);
    }
}

/// Returns the children of an element with a name.
pub(super) fn children<'j>(element: &'j Json, name: &str) -> &'j [Json] {
    element[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Returns the text of the first child with a name.
pub(super) fn child_text<'j>(element: &'j Json, name: &str) -> Option<&'j str> {
    children(element, name).first()?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_its_references() {
        let body = b"<Delete xmlns=\"x\"><Object><Key>a &amp; b &#33;</Key></Object><Object><Key>c</Key></Object><Quiet>true</Quiet></Delete>";
        let root = read(body).unwrap();
        let delete = &children(&root, "Delete")[0];
        let keys: Vec<_> =
            children(delete, "Object").iter().filter_map(|one| child_text(one, "Key")).collect();
        assert_eq!((keys, child_text(delete, "Quiet")), (vec!["a & b !", "c"], Some("true")));
    }

    #[test]
    fn xml_that_is_malformed_or_nested_too_deeply_is_refused() {
        assert!(read(b"<a><b></a>").is_none());
        assert!(read("<a>".repeat(100).as_bytes()).is_none());
        assert!(read(format!("<b>{}</b>", "<a/>".repeat(MAX_ELEMENTS)).as_bytes()).is_none());
    }
}
