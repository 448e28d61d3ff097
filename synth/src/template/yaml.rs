//! YAML, with the short forms of intrinsic functions.

mod repair;

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Number, Value as JsonValue};
use serde_saphyr::Tagged;

use super::{Position, TemplateError};
use crate::pointer;
use stackwright_schemas::nearest;

/// The short forms: the name after the `!`, and the key of the long form.
const SHORT_FORMS: [(&str, &str); 20] = [
    ("And", "Fn::And"),
    ("Base64", "Fn::Base64"),
    ("Cidr", "Fn::Cidr"),
    ("Condition", "Condition"),
    ("Equals", "Fn::Equals"),
    ("FindInMap", "Fn::FindInMap"),
    ("GetAZs", "Fn::GetAZs"),
    ("GetAtt", "Fn::GetAtt"),
    ("GetStackOutput", "Fn::GetStackOutput"),
    ("If", "Fn::If"),
    ("ImportValue", "Fn::ImportValue"),
    ("Join", "Fn::Join"),
    ("Length", "Fn::Length"),
    ("Not", "Fn::Not"),
    ("Or", "Fn::Or"),
    ("Ref", "Ref"),
    ("Select", "Fn::Select"),
    ("Split", "Fn::Split"),
    ("Sub", "Fn::Sub"),
    ("ToJsonString", "Fn::ToJsonString"),
];

/// The short forms of `Fn::Transform` and of the functions of the section `Rules`. They are read but not written,
/// because they are rarely used.
const READ_ONLY: [(&str, &str); 7] = [
    ("Contains", "Fn::Contains"),
    ("EachMemberEquals", "Fn::EachMemberEquals"),
    ("EachMemberIn", "Fn::EachMemberIn"),
    ("RefAll", "Fn::RefAll"),
    ("Transform", "Fn::Transform"),
    ("ValueOf", "Fn::ValueOf"),
    ("ValueOfAll", "Fn::ValueOfAll"),
];

/// The limit for nodes that aliases repeat, which prevents documents from expanding without bound.
const ALIASED_NODES: usize = 100_000;

pub(super) fn read(text: &str) -> Result<JsonValue, TemplateError> {
    Reader::new(text).document()
}

/// Reads a text and continues after errors that do not affect its structure. After other errors, it continues without
/// the entry that cannot be read. Returns the first error if that is not possible.
pub(super) fn read_with_errors(original: &str) -> Result<(JsonValue, Vec<TemplateError>), TemplateError> {
    let (text, mut errors) = repair::readable(original)?;
    let mut reader = Reader::new(&text);
    reader.errors = Some(Vec::new());
    let value = reader.document()?;
    // Without resources there is nothing to check, so the errors of the omitted entries are not reported.
    if let (None, Some(first)) = (value.get("Resources"), fatal(original)) {
        return Err(first);
    }
    errors.extend(reader.errors.unwrap_or_default());
    Ok((value, errors))
}

/// Returns the line and column of every value by the JSON pointer in the long form, for the part of the text that can be read.
pub(super) fn locations(text: &str) -> Vec<(String, Position)> {
    let text = repair::readable(text).map_or(Cow::Borrowed(text), |(text, _)| text);
    let mut reader = Reader::new(&text);
    reader.locations = Some(Vec::new());
    reader.errors = Some(Vec::new());
    let _ = reader.document();
    reader.locations.unwrap_or_default()
}

/// Returns the error that ends the reading of a text; `None` if it can be read to its end.
fn fatal(text: &str) -> Option<TemplateError> {
    let mut reader = Reader::new(text);
    reader.errors = Some(Vec::new());
    reader.document().err()
}

fn error(at: Marker, message: impl Into<String>) -> TemplateError {
    TemplateError { message: message.into(), line: at.line(), column: at.col() + 1 }
}

struct Reader<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    /// The value of each anchor, and its number of nodes.
    anchors: HashMap<usize, (JsonValue, usize)>,
    aliased: usize,
    at: Position,
    /// The JSON pointer of the value that is being read.
    pointer: String,
    /// The positions of values, if they are needed.
    locations: Option<Vec<(String, Position)>>,
    /// The errors after which reading has continued, if it does.
    errors: Option<Vec<TemplateError>>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            events: Parser::new_from_str(text),
            anchors: HashMap::new(),
            aliased: 0,
            at: (1, 1),
            pointer: String::new(),
            locations: None,
            errors: None,
        }
    }

    /// Records an error and continues, if the caller has enabled that; otherwise the error ends the reading.
    fn recover(&mut self, error: TemplateError) -> Result<(), TemplateError> {
        match &mut self.errors {
            Some(errors) => {
                errors.push(error);
                Ok(())
            }
            None => Err(error),
        }
    }

    fn document(&mut self) -> Result<JsonValue, TemplateError> {
        let mut document = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(document.unwrap_or(JsonValue::Null)),
                (Event::StreamStart | Event::DocumentEnd, _) => {}
                (Event::DocumentStart(..), span) if document.is_some() => {
                    return Err(error(
                        span.start,
                        "a template is one YAML document, but a second one starts here",
                    ));
                }
                (Event::DocumentStart(..), _) => {}
                (event, span) => document = Some(self.node(event, &span)?),
            }
        }
    }

    /// Reads the value of a key or an index. The position of a scalar is its start, and that of a list or an object
    /// is its key.
    fn entry(
        &mut self,
        step: &str,
        key: Option<Marker>,
        event: Event<'a>,
        span: &Span,
    ) -> Result<JsonValue, TemplateError> {
        if self.locations.is_none() {
            return self.node(event, span);
        }
        let length = self.pointer.len();
        pointer::push(&mut self.pointer, step);
        let at = match &event {
            Event::Scalar(..) => span.start,
            _ => key.unwrap_or(span.start),
        };
        if let Some(locations) = &mut self.locations {
            locations.push((self.pointer.clone(), (at.line(), at.col() + 1)));
        }
        let value = self.node(event, span);
        self.pointer.truncate(length);
        value
    }

    /// Values below a short form have the name of the long form in their pointer.
    fn below(&mut self, tag: Option<&Tag>) -> usize {
        let length = self.pointer.len();
        if let Some(name) = tag.and_then(function).filter(|_| self.locations.is_some()) {
            pointer::push(&mut self.pointer, name);
        }
        length
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), TemplateError> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                self.at = (span.start.line(), span.start.col() + 1);
                Ok((event, span))
            }
            Some(Err(problem)) => Err(error(*problem.marker(), problem.info())),
            None => Err(TemplateError {
                message: "the document is incomplete".into(),
                line: self.at.0,
                column: self.at.1,
            }),
        }
    }

    /// Reads the value that starts with an event. The parser limits the nesting depth.
    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<JsonValue, TemplateError> {
        let (value, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let value = if plain { scalar(&text) } else { text.into_owned().into() };
                (value, anchor, tag)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let outer = self.below(tag.as_deref());
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => {
                            self.pointer.truncate(outer);
                            break (items.into(), anchor, tag);
                        }
                        (event, span) => {
                            items.push(self.entry(&items.len().to_string(), None, event, &span)?);
                        }
                    }
                }
            }
            Event::MappingStart(_, anchor, tag) => {
                let outer = self.below(tag.as_deref());
                let mut map = Map::new();
                loop {
                    let (key, style, span) = match self.next()? {
                        (Event::MappingEnd, _) => {
                            self.pointer.truncate(outer);
                            break (map.into(), anchor, tag);
                        }
                        (Event::Scalar(key, style, ..), span) => (key.into_owned(), style, span),
                        (_, span) => return Err(error(span.start, "a key has to be a string")),
                    };
                    let at = span.start;
                    let problem = if style == ScalarStyle::Plain && key == "<<" {
                        Some("CloudFormation does not merge with `<<`: write the keys out".to_owned())
                    } else {
                        map.contains_key(&key).then(|| format!("the key `{key}` is used twice in one object"))
                    };
                    if let Some(message) = problem {
                        self.recover(error(at, message))?;
                        // The value is read and discarded, because its positions would replace those of the first
                        // one.
                        let locations = self.locations.take();
                        let (event, span) = self.next()?;
                        self.node(event, &span)?;
                        self.locations = locations;
                        continue;
                    }
                    let (event, span) = self.next()?;
                    let value = self.entry(&key, Some(at), event, &span)?;
                    map.insert(key, value);
                }
            }
            Event::Alias(anchor) => {
                let Some((value, nodes)) = self.anchors.get(&anchor) else {
                    return Err(error(span.start, "this alias refers to a value that contains it"));
                };
                self.aliased += nodes;
                if self.aliased > ALIASED_NODES {
                    return Err(error(
                        span.start,
                        format!("aliases repeat more than {ALIASED_NODES} values of the document"),
                    ));
                }
                return Ok(value.clone());
            }
            _ => return Err(error(span.start, "a value is missing here")),
        };
        let value = match tag {
            Some(tag) => match tagged(&tag, value, span) {
                Ok(value) => value,
                Err(error) => {
                    self.recover(error)?;
                    // The value is unknown, as if a macro computed it.
                    serde_json::json!({ "Fn::Transform": { "Name": tag.original() } })
                }
            },
            None => value,
        };
        if anchor != 0 {
            let nodes = count(&value);
            self.anchors.insert(anchor, (value.clone(), nodes));
        }
        Ok(value)
    }
}

fn count(value: &JsonValue) -> usize {
    1 + match value {
        JsonValue::Array(items) => items.iter().map(count).sum(),
        JsonValue::Object(map) => map.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// Reads a plain scalar as CloudFormation does, with the booleans of YAML 1.1. A number with a leading zero stays a
/// string, because account IDs can start with 0.
fn scalar(text: &str) -> JsonValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return JsonValue::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return true.into(),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return false.into(),
        _ => {}
    }
    let digits = text.trim_start_matches(['-', '+']);
    let numeric = text.len() - digits.len() <= 1
        && digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && !(digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit());
    if !numeric {
        return text.into();
    }
    let text_without_plus = text.trim_start_matches('+');
    if let Ok(number) = text_without_plus.parse::<i64>() {
        return number.into();
    }
    if let Ok(number) = text_without_plus.parse::<u64>() {
        return number.into();
    }
    match text_without_plus.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => JsonValue::Number(number),
        None => text.into(),
    }
}

/// Returns the long form of a tag.
fn function(tag: &Tag) -> Option<&'static str> {
    let mut known = SHORT_FORMS.iter().chain(&READ_ONLY);
    known.find(|(short, _)| *short == tag.suffix() && tag.handle() == "!").map(|(_, long)| *long)
}

fn tagged(tag: &Tag, value: JsonValue, span: &Span) -> Result<JsonValue, TemplateError> {
    let at = span.tag_start().unwrap_or(span.start);
    if let Some(core) = tag.core_suffix() {
        return match (core, &value) {
            ("str", JsonValue::String(_)) | ("map", JsonValue::Object(_)) | ("seq", JsonValue::Array(_)) => {
                Ok(value)
            }
            ("int" | "float" | "bool" | "null", JsonValue::String(text)) => Ok(scalar(text)),
            _ => Err(error(at, format!("the tag `{}` does not fit this value", tag.original()))),
        };
    }
    let name = tag.suffix();
    let Some(function) = function(tag) else {
        let known = SHORT_FORMS.iter().chain(&READ_ONLY);
        let similar = nearest(name, known.map(|(short, _)| *short))
            .map_or_else(String::new, |short| format!("; a similar one is `!{short}`"));
        return Err(error(at, format!("`!{name}` is not an intrinsic function{similar}")));
    };
    let argument = match (function, &value) {
        ("Fn::GetAtt", JsonValue::String(text)) => match text.split_once('.') {
            Some((resource, attribute)) => vec![resource, attribute].into(),
            None => {
                return Err(error(
                    at,
                    "`!GetAtt` takes a logical id and an attribute: `!GetAtt Topic.TopicArn`",
                ));
            }
        },
        _ => value,
    };
    Ok(JsonValue::Object(Map::from_iter([(function.to_owned(), argument)])))
}

pub(super) fn write(sections: &Map<String, JsonValue>) -> String {
    let options = serde_saphyr::ser_options! {
        // A folded string is hard to read and has no advantage over a quoted one.
        prefer_block_scalars: false,
    };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, &Object(sections), options)
        .expect("texts, numbers, lists and maps can be written as YAML");
    text
}

struct Object<'a>(&'a Map<String, JsonValue>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, &Node(value))?;
        }
        map.end()
    }
}

struct Node<'a>(&'a JsonValue);

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            JsonValue::Object(map) => match short_form(map) {
                Some((name, argument)) => match argument {
                    Argument::Text(text) => Tagged(text, Some(format!("!{name}"))).serialize(serializer),
                    Argument::Items(items) => {
                        Tagged(Items(items), Some(format!("!{name}"))).serialize(serializer)
                    }
                },
                None => Object(map).serialize(serializer),
            },
            JsonValue::Array(items) => Items(items).serialize(serializer),
            scalar => scalar.serialize(serializer),
        }
    }
}

struct Items<'a>(&'a [JsonValue]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            sequence.serialize_element(&Node(item))?;
        }
        sequence.end()
    }
}

enum Argument<'a> {
    Text(String),
    Items(&'a [JsonValue]),
}

/// Returns the short form of an intrinsic function. If the argument is an object, such as another function, the long
/// form is kept, because one value cannot have two tags.
fn short_form(map: &Map<String, JsonValue>) -> Option<(&'static str, Argument<'_>)> {
    let (key, argument) = map.iter().next().filter(|_| map.len() == 1)?;
    let (name, function) = SHORT_FORMS.iter().find(|(_, function)| function == key)?;
    let argument = match (*function, argument) {
        ("Fn::GetAtt", JsonValue::Array(items)) => match items.as_slice() {
            [JsonValue::String(resource), JsonValue::String(attribute)] if !resource.contains('.') => {
                Argument::Text(format!("{resource}.{attribute}"))
            }
            _ => Argument::Items(items),
        },
        ("Fn::GetAtt", _) => return None,
        (_, JsonValue::String(text)) => Argument::Text(text.clone()),
        (_, JsonValue::Array(items)) => Argument::Items(items),
        _ => return None,
    };
    Some((*name, argument))
}
