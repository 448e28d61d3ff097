//! Templates: read as JSON or YAML, and written in one canonical form.

mod json;
mod yaml;

use std::cell::RefCell;
use std::fmt;
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::{Map, Value as JsonValue};

/// A CloudFormation template, synthesized or read from text. `Display` writes it as [`json`](Self::json).
///
/// ```
/// use stackwright_synth::Template;
///
/// let template = Template::read("Resources: {Topic: {Type: AWS::SNS::Topic}}\nOutputs: {Arn: {Value: !Ref Topic}}")?;
/// assert_eq!(template.resources().next().unwrap().0, "Topic");
/// assert_eq!(Template::read(template.json())?, template);
/// assert_eq!(Template::read(&template.to_yaml())?, template);
/// # Ok::<(), stackwright_synth::TemplateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    /// At least one of the sections and the JSON exists.
    sections: OnceLock<Map<String, JsonValue>>,
    /// The canonical JSON. It is serialized once, and then measured, hashed, written and deployed.
    json: OnceLock<String>,
}

impl Default for Template {
    fn default() -> Self {
        Self::from_sections(Map::new())
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.sections() == other.sections()
    }
}

/// Line and column, which start at 1.
pub(crate) type Position = (usize, usize);

/// Returns the line and column of every value of a text by JSON pointer, for the part of the text that can be read.
pub(crate) fn locations(text: &str) -> Vec<(String, Position)> {
    // Removing the byte order mark does not change positions, because it has no width.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') { json::locations(text) } else { yaml::locations(text) }
}

/// A value that was read from a text with errors, and these errors.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recovered<T> {
    /// The value, without the parts that could not be read.
    pub value: T,
    /// The errors, in the order of the text; empty if everything was read.
    pub errors: Vec<TemplateError>,
}

/// The reason why a text is not a template, with the position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct TemplateError {
    /// The message, which states the problem without its position.
    pub message: String,
    /// The line of the problem, starting at 1; 0 if the error has no position.
    pub line: usize,
    /// The column of the problem, starting at 1; 0 if the error has no position.
    pub column: usize,
}

impl TemplateError {
    /// Creates an error with a message and without a position, such as one about a file that cannot be read.
    ///
    /// ```
    /// use stackwright_synth::TemplateError;
    ///
    /// let error = TemplateError::new("the file cannot be read").at(3, 14);
    /// assert_eq!((error.line, error.column), (3, 14));
    /// ```
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: 0, column: 0 }
    }

    /// Sets the line and the column of the problem, both starting at 1.
    #[must_use]
    pub fn at(self, line: usize, column: usize) -> Self {
        Self { line, column, ..self }
    }
}

impl Template {
    /// The names of the sections of a template, in the order in which they are written.
    pub const SECTIONS: [&str; 11] = [
        "AWSTemplateFormatVersion",
        "Description",
        "Transform",
        "Metadata",
        "Parameters",
        "Rules",
        "Mappings",
        "Conditions",
        "Resources",
        "Outputs",
        "Hooks",
    ];

    pub(crate) fn from_sections(sections: Map<String, JsonValue>) -> Self {
        let rank = |name: &str| {
            let known = Self::SECTIONS.iter().position(|section| *section == name);
            known.unwrap_or(Self::SECTIONS.len())
        };
        let mut ordered: Vec<_> = sections.into_iter().collect();
        // Unknown sections come last, in their own order.
        ordered.sort_by_key(|(name, _)| rank(name));
        Self { sections: OnceLock::from(Map::from_iter(ordered)), json: OnceLock::new() }
    }

    /// Creates a template from its canonical JSON. The sections are parsed from it when they are needed.
    pub(crate) fn of_text(json: String) -> Self {
        Self { sections: OnceLock::new(), json: OnceLock::from(json) }
    }

    /// Creates a template from its sections in their order, with the canonical JSON of them.
    pub(crate) fn of_text_and_sections(json: String, sections: Map<String, JsonValue>) -> Self {
        Self { sections: OnceLock::from(sections), json: OnceLock::from(json) }
    }

    /// Adds an element to a section, which is created if it is missing. Returns `false` if another element has this ID.
    pub(crate) fn insert(&mut self, section: &str, id: &str, value: JsonValue) -> bool {
        // Two stacks that use one value share its parameter.
        if let Some(existing) = self.sections().get(section).and_then(|elements| elements.get(id)) {
            return *existing == value;
        }
        let mut sections = std::mem::take(self).into_sections();
        let entry = sections.entry(section).or_insert_with(|| JsonValue::Object(Map::new()));
        if let JsonValue::Object(elements) = entry {
            elements.insert(id.to_owned(), value);
        }
        *self = Self::from_sections(sections);
        true
    }

    fn into_sections(self) -> Map<String, JsonValue> {
        self.sections();
        self.sections.into_inner().unwrap_or_default()
    }

    /// Reads a template from JSON or YAML, with the short forms of intrinsic functions such as `!Ref`. A text that begins
    /// with `{` is JSON, and any other is YAML.
    ///
    /// # Errors
    /// Returns an error if the text is neither JSON nor YAML, if an object has a key twice, if YAML has an unknown tag
    /// or a merge key, or if the top level is not an object.
    pub fn read(text: &str) -> Result<Self, TemplateError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self::of_value(if text.trim_start().starts_with('{') { json::read(text) } else { yaml::read(text) }?)
    }

    /// Reads JSON or YAML like [`read`](Self::read), and continues after errors in YAML: unknown tags, repeated keys,
    /// merge keys, and errors of syntax inside of an entry of a section. A value that cannot be read is treated as if a
    /// macro computed it.
    ///
    /// ```
    /// use stackwright_synth::Template;
    ///
    /// let found = Template::read_with_errors("Resources:\n  A: {Type: !Rain::Embed a}\n  B: {Type: AWS::SNS::Topic}")?;
    /// assert_eq!((found.value.resources().count(), found.errors.len()), (2, 1));
    /// # Ok::<(), stackwright_synth::TemplateError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the top level is not an object, and the first error if reading cannot continue: after an error
    /// in JSON, or an error of syntax that is not in an entry of a section.
    pub fn read_with_errors(text: &str) -> Result<Recovered<Self>, TemplateError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (value, errors) = if text.trim_start().starts_with('{') {
            (json::read(text)?, Vec::new())
        } else {
            yaml::read_with_errors(text)?
        };
        Ok(Recovered { value: Self::of_value(value)?, errors })
    }

    fn of_value(value: JsonValue) -> Result<Self, TemplateError> {
        match value {
            JsonValue::Object(sections) => Ok(Self::from_sections(sections)),
            _ => Err(TemplateError {
                message: "a template must be an object with the section `Resources`".into(),
                line: 1,
                column: 1,
            }),
        }
    }

    /// Returns the template as canonical JSON: sections in the order of [`SECTIONS`](Self::SECTIONS), two spaces of
    /// indentation, and a final line break.
    pub fn json(&self) -> &str {
        self.json.get_or_init(|| canonical(self.sections()))
    }

    /// Returns the template as YAML with the short forms of intrinsic functions, such as `!Ref`.
    pub fn to_yaml(&self) -> String {
        yaml::write(self.sections())
    }

    /// Returns the template as a JSON object, whose keys are the names of its sections, such as `Resources`.
    pub fn sections(&self) -> &Map<String, JsonValue> {
        self.sections.get_or_init(|| {
            let json = self.json.get().map(String::as_str).unwrap_or("{}");
            serde_json::from_str(json).expect("the text was serialized from sections")
        })
    }

    /// Returns the entries of a section, such as `Parameters`, each with its logical ID. There are none if the template
    /// does not have the section, or if it is not an object.
    pub fn section(&self, name: &str) -> impl Iterator<Item = (&str, &JsonValue)> {
        let section = self.sections().get(name).and_then(JsonValue::as_object);
        section.into_iter().flatten().map(|(id, value)| (id.as_str(), value))
    }

    /// Returns the resource with a logical ID: an object with `Type` and `Properties`. `None` if there is none.
    pub fn resource(&self, id: &str) -> Option<&JsonValue> {
        self.sections().get("Resources")?.as_object()?.get(id)
    }

    /// Returns every resource with its logical ID, like [`section`](Self::section).
    pub fn resources(&self) -> impl Iterator<Item = (&str, &JsonValue)> {
        self.section("Resources")
    }
}

impl From<Map<String, JsonValue>> for Template {
    /// Creates a template from its sections, which are ordered as in [`Template::SECTIONS`]; others come last.
    fn from(sections: Map<String, JsonValue>) -> Self {
        Self::from_sections(sections)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.json())
    }
}

/// Serializes into a buffer that the thread reuses, so that the string does not allocate more memory than it needs.
pub(crate) fn canonical(sections: &impl Serialize) -> String {
    const KEPT: usize = 1 << 20;
    thread_local!(static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        serde_json::to_writer_pretty(&mut *buffer, sections).expect("every key is text");
        buffer.push(b'\n');
        let text = str::from_utf8(buffer).expect("JSON is UTF-8").to_owned();
        buffer.shrink_to(KEPT);
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = JsonValue> {
        let text = prop_oneof![
            any::<String>(),
            "[a-zA-Z0-9:#!&*?|>%@`'\" {}\\[\\],~.-]{0,12}",
            Just("yes".to_owned()),
            Just("012345678901".to_owned()),
            Just("1e3".to_owned()),
            Just("2012-10-17".to_owned()),
            Just("line\nbreak\n".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(JsonValue::Null),
            any::<bool>().prop_map(JsonValue::from),
            any::<i64>().prop_map(JsonValue::from),
            any::<u64>().prop_map(JsonValue::from),
            any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(JsonValue::from),
            text.clone().prop_map(JsonValue::from),
        ];
        let functions = prop_oneof![
            Just("Ref"),
            Just("Fn::GetAtt"),
            Just("Fn::Sub"),
            Just("Fn::Join"),
            Just("Condition"),
            Just("Fn::Base64"),
            Just("Fn::Transform")
        ];
        leaf.prop_recursive(5, 48, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(JsonValue::from),
                prop::collection::vec((text.clone(), inner.clone()), 0..5)
                    .prop_map(|entries| JsonValue::Object(entries.into_iter().collect())),
                (functions.clone(), inner)
                    .prop_map(|(name, value)| JsonValue::Object(Map::from_iter([(name.to_owned(), value)]))),
                ("[A-Z][a-z]{2}", "[A-Z][a-z]{2}(\\.[A-Z])?")
                    .prop_map(|(id, attribute)| serde_json::json!({ "Fn::GetAtt": [id, attribute] })),
            ]
        })
    }

    fn template() -> impl Strategy<Value = Template> {
        let section = prop::sample::select(Template::SECTIONS.to_vec());
        prop::collection::vec((section, json()), 0..5).prop_map(|sections| {
            Template::from_sections(
                sections.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            )
        })
    }

    proptest! {
        #[test]
        fn reading_what_was_written_gives_the_template_back(template in template()) {
            let json = template.json();
            let again = Template::read(json).unwrap();
            prop_assert_eq!(&again, &template);
            // Canonical: what is read and written again is the same bytes.
            prop_assert_eq!(again.json(), json);
            let yaml = template.to_yaml();
            let again = Template::read(&yaml);
            prop_assert!(again.is_ok(), "{:?}\n{}", again, yaml);
            prop_assert_eq!(&again.unwrap(), &template, "{}", yaml);
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = Template::read(&text);
            let _ = locations(&text);
        }
    }

    #[test]
    fn short_forms_are_read_and_written() {
        let text = "\
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: !Sub ${AWS::StackName}-topic
      DisplayName: !Join [\"-\", [a, !Ref Name]]
      KmsMasterKeyId: !GetAtt Key.Arn
      Count: 012345678901
Conditions:
  Both: !And [!Condition One, !Not [!Equals [a, b]]]
";
        let template = Template::read(text).unwrap();
        let properties = &template.sections()["Resources"]["Topic"]["Properties"];
        assert_eq!(properties["TopicName"], serde_json::json!({ "Fn::Sub": "${AWS::StackName}-topic" }));
        assert_eq!(properties["KmsMasterKeyId"], serde_json::json!({ "Fn::GetAtt": ["Key", "Arn"] }));
        assert_eq!(properties["Count"], "012345678901");
        let both = serde_json::json!({ "Fn::And": [{ "Condition": "One" }, { "Fn::Not": [{ "Fn::Equals": ["a", "b"] }] }] });
        assert_eq!(template.sections()["Conditions"]["Both"], both);
        let yaml = template.to_yaml();
        for short in ["!Sub ", "!GetAtt Key.Arn", "!Condition One", "!Ref Name"] {
            assert!(yaml.contains(short), "{short} is not in\n{yaml}");
        }
    }

    #[test]
    fn every_value_has_its_place_in_json_and_in_yaml() {
        let json = "{\n  \"Resources\": {\n    \"A\": {\"Type\": \"T\", \"a/b\": [1, {\"x\": 2}]}\n  }\n}";
        let yaml = "Resources:\n  A:\n    Type: T\n    P: !If [C, !Sub x, 1]\n    Q:\n      - N: 1\n";
        let at = |text: &str, pointer: &str| {
            locations(text).into_iter().find(|(known, _)| known == pointer).map(|(_, at)| at)
        };
        assert_eq!(at(json, "/Resources"), Some((2, 3)));
        assert_eq!(at(json, "/Resources/A/Type"), Some((3, 19)));
        assert_eq!(at(json, "/Resources/A/a~1b/1/x"), Some((3, 41)));
        assert_eq!(at(yaml, "/Resources/A"), Some((2, 3)));
        assert_eq!(at(yaml, "/Resources/A/Type"), Some((3, 11)));
        assert_eq!(at(yaml, "/Resources/A/P/Fn::If/2"), Some((4, 24)));
        assert_eq!(at(yaml, "/Resources/A/Q/0/N"), Some((6, 12)));
    }

    #[test]
    fn an_unreadable_template_is_an_error_with_its_location() {
        let at = |text: &str| {
            let error = Template::read(text).unwrap_err();
            (error.line, error.message)
        };
        assert_eq!(at("{\"Resources\": {\"A\": 1,\n \"A\": 2}}").0, 2);
        assert!(at("{\"A\": 1,\n \"A\": 2}").1.contains("`A`"));
        assert_eq!(at("Resources:\n  A: 1\n  A: 2\n").0, 3);
        assert_eq!(at("Resources:\n  A: !Reff B\n").0, 2);
        assert!(at("Resources:\n  A: !Reff B\n").1.contains("!Ref"));
        assert_eq!(at("[1]").0, 1);
        assert!(at("").1.contains("object"));
        // Nested aliases, ten on each level: a few bytes that would expand until the memory is full.
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
        assert!(at(bomb).1.contains("alias"), "{:?}", at(bomb));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Template::read(&deep).is_err());
        let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
        assert!(Template::read(&deep).is_err());
    }
}
