//! Renders one stack as a template, and records the line of the program that set each value.

use std::borrow::Cow;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as JsonValue, json};

use crate::app::State;
use crate::assembly::{DEFAULT_ASSET_BUCKET, DocumentFile};
use crate::condition::Condition;
use crate::construct::Acknowledgement;
use crate::error::{Error, ErrorKind};
use crate::for_each::Loop;
use crate::function::{escape, unescape};
use crate::json_tree::{JsonObject, JsonTree};
use crate::mapping::Mapping;
use crate::output::Output;
use crate::parallel;
use crate::parameter::ParameterParts;
use crate::pointer;
use crate::provenance::Provenance;
use crate::resource::Resource;
use crate::stack::{Contents, Entry, StackKey};
use crate::template::{Template, canonical};
use crate::value::{CallerLocation, Expression, Property, Reference};

/// A value that comes from another stack.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Import {
    pub stack: StackKey,
    pub logical_id: Arc<str>,
    pub attribute: Option<Cow<'static, str>>,
    pub list: bool,
}

/// The result of rendering a stack.
pub(crate) struct Rendered {
    pub template: Template,
    pub provenance: Provenance,
    /// The values from other stacks: the parameter of each, and the first location that uses it.
    pub imports: IndexMap<Import, (String, CallerLocation)>,
    /// Stacks that must be deployed before this one, in addition to those from which values are imported.
    pub after: Vec<(StackKey, CallerLocation)>,
    /// Readable copies of the documents that the template contains as strings, by resource and property.
    pub documents: Vec<DocumentFile>,
}

/// The parts of a template that are kept in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The sections and the text.
    Sections,
    /// The text. The sections are parsed from it if they are needed.
    Text,
}

/// The parts of an app that rendering reads. Threads can share them, which is not possible with customizations and
/// defaults.
struct Input<'a> {
    key: usize,
    asset_bucket: Option<&'a str>,
    stacks: Vec<Elements<'a>>,
}

/// The parts of a stack that rendering reads.
struct Elements<'a> {
    id: &'a str,
    description: Option<&'a str>,
    source: CallerLocation,
    parameters: &'a IndexMap<String, Entry<ParameterParts>>,
    mappings: &'a IndexMap<String, Entry<Mapping>>,
    conditions: &'a IndexMap<String, Entry<Condition>>,
    resources: &'a IndexMap<String, Entry<Resource>>,
    loops: &'a IndexMap<String, Entry<Loop>>,
    outputs: &'a IndexMap<String, Entry<Output>>,
    documents: &'a [DocumentFile],
    depends_on: &'a [(StackKey, CallerLocation)],
    logical_ids: &'a IndexMap<String, CallerLocation>,
}

impl<'a> Elements<'a> {
    fn of(contents: &'a Contents) -> Self {
        Self {
            id: &contents.id,
            description: contents.description.as_deref(),
            source: contents.source,
            parameters: &contents.parameters,
            mappings: &contents.mappings,
            conditions: &contents.conditions,
            resources: &contents.resources,
            loops: &contents.loops,
            outputs: &contents.outputs,
            documents: &contents.documents,
            depends_on: &contents.depends_on,
            logical_ids: &contents.logical_ids,
        }
    }
}

/// Renders all stacks, many of them on two threads.
pub(crate) fn render(state: &State, keep: Keep, errors: &mut Vec<Error>) -> Vec<Rendered> {
    let input = Input {
        key: state.key,
        asset_bucket: state.asset_bucket.as_deref(),
        stacks: state.stacks.iter().map(Elements::of).collect(),
    };
    let rendered = parallel::map(0..input.stacks.len(), |index| input.render(index, keep));
    let mut templates = Vec::with_capacity(rendered.len());
    for (template, found) in rendered {
        templates.push(template);
        for error in found {
            // A value that several stacks use is reported once.
            if !errors.iter().any(|known| is_same_report(known, &error)) {
                errors.push(error);
            }
        }
    }
    templates
}

/// Returns whether two errors report the same unusable value.
fn is_same_report(one: &Error, other: &Error) -> bool {
    matches!(
        (&one.kind, &other.kind),
        (ErrorKind::Construct { message: one, .. }, ErrorKind::Construct { message: other, .. }) if one == other
    ) && one.location == other.location
}

impl Input<'_> {
    fn render(&self, index: usize, keep: Keep) -> (Rendered, Vec<Error>) {
        let contents = &self.stacks[index];
        let mut renderer = Renderer {
            app: self,
            contents,
            key: StackKey { app: self.key, index },
            errors: Vec::new(),
            imports: IndexMap::new(),
            after: contents.depends_on.to_vec(),
            provenance: Provenance::for_resources(contents.resources.len()),
            pointer: String::new(),
            source: contents.source,
            holder: None,
            language_extensions: false,
            documents: contents.documents.to_vec(),
        };
        let sections = renderer.template();
        let Renderer { imports, after, mut provenance, documents, errors, .. } = renderer;
        let template = match keep {
            // Elements for references between stacks are added later, to the templates of both stacks.
            _ if !imports.is_empty() => Template::from_sections(sections.into_map()),
            Keep::Sections => Template::of_text_and_sections(canonical(&sections), sections.into_map()),
            Keep::Text => Template::of_text(canonical(&sections)),
        };
        provenance.shrink_to_fit();
        (Rendered { template, provenance, imports, after, documents }, errors)
    }
}

struct Renderer<'a> {
    app: &'a Input<'a>,
    contents: &'a Elements<'a>,
    key: StackKey,
    errors: Vec<Error>,
    imports: IndexMap<Import, (String, CallerLocation)>,
    after: Vec<(StackKey, CallerLocation)>,
    provenance: Provenance,
    /// The JSON pointer of the value that is being written.
    pointer: String,
    /// The location that set it.
    source: CallerLocation,
    /// The location that added the element, if its inner locations are hidden.
    holder: Option<CallerLocation>,
    language_extensions: bool,
    documents: Vec<DocumentFile>,
}

impl<'a> Renderer<'a> {
    /// Returns a name for a variable of an `Fn::Sub` that no element of the stack has: a variable hides the element.
    fn unused_name(&self, number: usize) -> String {
        let mut name = format!("Part{number}");
        while self.contents.logical_ids.contains_key(&name) {
            name.push('_');
        }
        name
    }

    /// Writes the sections in the order of [`Template::SECTIONS`].
    fn template(&mut self) -> JsonObject<'a> {
        let contents = self.contents;
        let parameters =
            self.section("Parameters", contents.parameters, |_, parameter| object_of(&parameter.0).into());
        let mappings = self.section("Mappings", contents.mappings, |_, mapping| json!(mapping.rows).into());
        let conditions = self
            .section("Conditions", contents.conditions, |this, condition| this.expression(&condition.0.0));
        let mut resources =
            self.section("Resources", contents.resources, |this, resource| this.resource(resource).into());
        for (id, entry) in contents.loops {
            let key = format!("Fn::ForEach::{id}");
            let value = self.within(&format!("/Resources/{}", pointer::escape(&key)), entry, |this| {
                this.for_each(id, &entry.value).into()
            });
            resources.push(key, value);
        }
        let outputs = self.section("Outputs", contents.outputs, |this, output| {
            let mut written = JsonObject::with_capacity(2);
            if let Some(description) = &output.description {
                written.push("Description", description.as_str());
            }
            if let Some(condition) = &output.condition {
                written.push("Condition", condition.0.as_ref());
            }
            this.entry(&mut written, &output.value);
            if let Some(export) = &output.export {
                written.push("Export", this.object(std::slice::from_ref(export)));
            }
            written.into()
        });

        let mut template = JsonObject::of("AWSTemplateFormatVersion", "2010-09-09");
        if let Some(description) = contents.description {
            template.push("Description", description);
        }
        if self.language_extensions {
            template.push("Transform", "AWS::LanguageExtensions");
        }
        for (name, section) in [
            ("Parameters", parameters),
            ("Mappings", mappings),
            ("Conditions", conditions),
            ("Resources", resources),
            ("Outputs", outputs),
        ] {
            if !section.is_empty() || name == "Resources" {
                template.push(name, section);
            }
        }
        template
    }

    fn section<'v, T>(
        &mut self,
        name: &str,
        entries: &'v IndexMap<String, Entry<T>>,
        mut write: impl FnMut(&mut Self, &'v T) -> JsonTree<'v>,
    ) -> JsonObject<'v> {
        let mut section = JsonObject::with_capacity(entries.len());
        for (id, entry) in entries {
            let value = self.within(&format!("/{name}/{id}"), entry, |this| write(this, &entry.value));
            section.push(id.as_str(), value);
        }
        section
    }

    /// Writes one element, and records its location.
    fn within<'v, T>(
        &mut self,
        pointer: &str,
        entry: &Entry<T>,
        write: impl FnOnce(&mut Self) -> JsonTree<'v>,
    ) -> JsonTree<'v> {
        self.pointer.clear();
        self.pointer.push_str(pointer);
        self.source = entry.source;
        self.holder = entry.hides_locations.then_some(entry.source);
        self.provenance.insert(&self.pointer, entry.source.into());
        write(self)
    }

    fn resource<'v>(&mut self, resource: &'v Resource) -> JsonObject<'v> {
        let options = &resource.options;
        let mut written = JsonObject::of("Type", resource.type_name.as_ref());
        if let Some(condition) = &options.condition {
            written.push("Condition", condition.0.as_ref());
        }
        let mut depends_on: Vec<JsonTree<'v>> = Vec::new();
        for handle in &options.depends_on {
            if handle.stack == self.key {
                depends_on.push(handle.logical_id().into());
            } else if self.is_of_this_app(handle.stack, handle.logical_id()) {
                self.after.push((handle.stack, self.source));
            }
        }
        if !depends_on.is_empty() {
            written.push("DependsOn", depends_on);
        }
        for (name, policy) in [
            ("CreationPolicy", options.creation_policy.clone().map(crate::Literal::into_expression)),
            ("UpdatePolicy", options.update_policy.clone().map(crate::Literal::into_expression)),
        ] {
            if let Some(policy) = policy {
                let value = self.at(name, |this| this.expression(&policy).into_json());
                written.push(name, value);
            }
        }
        for (name, policy) in [
            ("DeletionPolicy", options.deletion_policy),
            ("UpdateReplacePolicy", options.update_replace_policy),
        ] {
            if let Some(policy) = policy {
                written.push(name, policy.name());
            }
        }
        if !resource.properties.0.is_empty() {
            written.push("Properties", self.at("Properties", |this| this.object(&resource.properties.0)));
        }
        let acknowledged = acknowledged(&options.acknowledgements);
        if !options.metadata.0.is_empty() || acknowledged.is_some() {
            let value = self.at("Metadata", |this| {
                let mut metadata = JsonObject::with_capacity(options.metadata.0.len() + 1);
                for property in &options.metadata.0 {
                    this.entry(&mut metadata, property);
                }
                if let Some(property) = acknowledged {
                    let value =
                        this.within_property(&property, |this| this.expression(&property.value).into_json());
                    metadata.push(property.name, value);
                }
                metadata.without_repeated_names()
            });
            written.push("Metadata", value);
        }
        written
    }

    fn for_each<'v>(&mut self, id: &str, each: &'v Loop) -> Vec<JsonTree<'v>> {
        self.language_extensions = true;
        let collection = self.expression(&each.collection.value);
        let resource = self.resource(&each.resource);
        let body = JsonObject::of(format!("{id}${{{}}}", each.variable), resource);
        vec![each.variable.as_str().into(), collection, body.into()]
    }

    fn object<'v>(&mut self, properties: &'v [Property]) -> JsonObject<'v> {
        let mut written = JsonObject::with_capacity(properties.len());
        for property in properties {
            self.entry(&mut written, property);
        }
        written.without_repeated_names()
    }

    fn entry<'v>(&mut self, written: &mut JsonObject<'v>, property: &'v Property) {
        let value = self.within_property(property, |this| this.expression(&property.value));
        written.push(property.name.as_ref(), value);
    }

    /// Writes the value of a property, and records the location that set it.
    fn within_property<R>(&mut self, property: &Property, write: impl FnOnce(&mut Self) -> R) -> R {
        let outer = self.source;
        self.source = match self.holder {
            Some(holder) if !property.from_value => holder,
            _ => property.source,
        };
        let result = self.at(&property.name, |this| {
            this.provenance.insert(&this.pointer, this.source.into());
            write(this)
        });
        self.source = outer;
        result
    }

    fn at<R>(&mut self, step: &str, write: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.pointer.len();
        pointer::push(&mut self.pointer, step);
        let result = write(self);
        self.pointer.truncate(length);
        result
    }

    fn expression<'v>(&mut self, expression: &'v Expression) -> JsonTree<'v> {
        match expression {
            Expression::Literal(literal) => literal.into(),
            Expression::List(items) => {
                let write = |(index, item): (usize, &'v Expression)| {
                    self.at(&index.to_string(), |this| this.expression(item))
                };
                JsonTree::List(items.iter().enumerate().map(write).collect())
            }
            Expression::Object(properties) => self.object(properties).into(),
            Expression::Text(pieces) => self.text(pieces),
            Expression::Reference(reference) => match (self.own_name(reference), &reference.attribute) {
                (Some(name), _) => function("Ref", name),
                (None, None) => function("Ref", reference.logical_id.as_ref()),
                (None, Some(attribute)) => {
                    let steps: [JsonTree<'v>; 2] =
                        [reference.logical_id.as_ref().into(), attribute.as_ref().into()];
                    function("Fn::GetAtt", Vec::from(steps))
                }
            },
            Expression::Name(name) => function("Ref", name.as_ref()),
            Expression::Function(name, argument) => {
                self.language_extensions |= matches!(*name, "Fn::Length" | "Fn::ToJsonString");
                if *name == "Fn::FindInMap"
                    && matches!(argument.as_ref(), Expression::List(arguments) if arguments.len() > 3)
                {
                    self.language_extensions = true;
                }
                function(name, self.expression(argument))
            }
            Expression::Document(document) => self.document(document),
            Expression::Unquoted(inner) => self.expression(inner),
            Expression::Digest(inner) => self.digest(inner).into(),
            Expression::Invalid(invalid) => {
                self.report(invalid);
                JsonValue::Null.into()
            }
            Expression::AssetBucket => match self.app.asset_bucket {
                Some(bucket) => bucket.to_owned().into(),
                None => function("Fn::Sub", DEFAULT_ASSET_BUCKET),
            },
        }
    }

    /// The hash of an expression as it is written into this template.
    fn digest(&mut self, expression: &Expression) -> String {
        let recorded = self.provenance.len();
        let written = self.expression(expression).into_json().to_string();
        self.provenance.truncate(recorded);
        let mut digest = crate::asset::sha256(written);
        digest.truncate(16);
        digest
    }

    /// Reports a value that cannot be used, once for each line that set one.
    fn report(&mut self, invalid: &crate::InvalidValue) {
        let crate::InvalidValue { name, message, help, location } = invalid.clone();
        let element = self.pointer.split('/').nth(2).unwrap_or_default();
        let path = format!("{}/{element}", self.contents.id);
        let kind = ErrorKind::Construct { name, message, help };
        let error = Error { kind, path, location: Some(location.into()), related: None };
        if !self.errors.iter().any(|known| is_same_report(known, &error)) {
            self.errors.push(error);
        }
    }

    /// Returns the name of the parameter for a value of another stack, or `None` for a reference within the stack.
    fn own_name(&mut self, reference: &Reference) -> Option<String> {
        if reference.stack == self.key || !self.is_of_this_app(reference.stack, &reference.logical_id) {
            return None;
        }
        let import = Import {
            stack: reference.stack,
            logical_id: Arc::clone(&reference.logical_id),
            attribute: reference.attribute.clone(),
            list: reference.list,
        };
        let producer = self.app.stacks[reference.stack.index].id;
        let attribute = reference.attribute.as_deref().unwrap_or("Ref");
        let name = format!("{producer}{}{attribute}", reference.logical_id)
            .replace(|c: char| !c.is_alphanumeric(), "");
        let source = self.source;
        Some(self.imports.entry(import).or_insert((name, source)).0.clone())
    }

    fn text<'v>(&mut self, pieces: &'v [Expression]) -> JsonTree<'v> {
        let mut format = String::new();
        let mut variables = JsonObject::default();
        let mut resolved = true;
        for piece in pieces {
            let name = match piece {
                Expression::Literal(JsonValue::String(text)) => {
                    format.push_str(&escape(text));
                    continue;
                }
                Expression::AssetBucket => {
                    resolved &= self.app.asset_bucket.is_some();
                    format.push_str(self.app.asset_bucket.unwrap_or(DEFAULT_ASSET_BUCKET));
                    continue;
                }
                Expression::Name(name) => name.to_string(),
                Expression::Reference(reference) => match (self.own_name(reference), &reference.attribute) {
                    (Some(name), _) => name,
                    (None, None) => reference.logical_id.to_string(),
                    (None, Some(attribute)) => format!("{}.{attribute}", reference.logical_id),
                },
                other => {
                    let value = self.expression(other);
                    if let Some(text) = value.as_str() {
                        format.push_str(&escape(text));
                        continue;
                    }
                    let variable = self.unused_name(variables.len() + 1);
                    variables.push(variable.clone(), value);
                    variable
                }
            };
            resolved = false;
            format.push_str(&format!("${{{name}}}"));
        }
        if resolved {
            return unescape(&format).into();
        }
        if variables.is_empty() {
            function("Fn::Sub", format)
        } else {
            function("Fn::Sub", vec![format.into(), variables.into()])
        }
    }

    /// Writes a document as a string, and keeps a readable copy.
    fn document<'v>(&mut self, document: &'v Expression) -> JsonTree<'v> {
        let mut pieces = Vec::new();
        self.write_json(document, &mut pieces);
        let marked = self.text(&pieces).into_json();
        let steps: Vec<&str> = self.pointer.split('/').skip(2).collect();
        let name = [steps.first(), steps.last()].map(|step| step.copied().unwrap_or_default()).join(".");
        self.documents.push(DocumentFile { name: format!("{name}.json"), text: for_people(&marked) });
        without_marks(marked).into()
    }

    /// Writes a document as JSON. Literals become text, and values that CloudFormation resolves become separate
    /// parts.
    fn write_json(&mut self, expression: &Expression, pieces: &mut Vec<Expression>) {
        fn literal(pieces: &mut Vec<Expression>, text: &str) {
            match pieces.last_mut() {
                Some(Expression::Literal(JsonValue::String(last))) => last.push_str(text),
                _ => pieces.push(Expression::Literal(text.into())),
            }
        }
        match expression {
            Expression::Literal(value) => literal(pieces, &value.to_string()),
            Expression::List(items) => {
                literal(pieces, "[");
                for (index, item) in items.iter().enumerate() {
                    literal(pieces, if index > 0 { "," } else { "" });
                    self.at(&index.to_string(), |this| this.write_json(item, pieces));
                }
                literal(pieces, "]");
            }
            Expression::Object(properties) => {
                literal(pieces, "{");
                for (index, property) in properties.iter().enumerate() {
                    literal(pieces, if index > 0 { "," } else { "" });
                    literal(pieces, &format!("{}:", JsonValue::from(property.name.as_ref())));
                    self.within_property(property, |this| this.write_json(&property.value, pieces));
                }
                literal(pieces, "}");
            }
            Expression::Text(parts) => {
                literal(pieces, "\"");
                for part in parts {
                    match part {
                        Expression::Literal(JsonValue::String(text)) => {
                            let written = JsonValue::from(text.as_str()).to_string();
                            literal(pieces, &written[1..written.len() - 1]);
                        }
                        other => pieces.push(other.clone()),
                    }
                }
                literal(pieces, "\"");
            }
            Expression::Unquoted(inner) => {
                literal(pieces, BARE);
                pieces.push((**inner).clone());
                literal(pieces, BARE);
            }
            Expression::Reference(Reference { list: true, .. }) => {
                let joined = vec![Expression::Literal("\",\"".into()), expression.clone()];
                literal(pieces, "[\"");
                pieces.push(Expression::Function("Fn::Join", Box::new(Expression::List(joined))));
                literal(pieces, "\"]");
            }
            other => {
                literal(pieces, "\"");
                pieces.push(other.clone());
                literal(pieces, "\"");
            }
        }
    }

    /// Returns whether a handle belongs to a stack of this app, and reports an error if it does not.
    fn is_of_this_app(&mut self, stack: StackKey, logical_id: &str) -> bool {
        if stack.app == self.app.key {
            return true;
        }
        let element = self.pointer.split('/').nth(2).unwrap_or_default();
        self.errors.push(Error {
            kind: ErrorKind::ForeignHandle(logical_id.to_owned()),
            path: format!("{}/{element}", self.contents.id),
            location: Some(self.source.into()),
            related: None,
        });
        false
    }
}

fn function<'a>(name: &'a str, argument: impl Into<JsonTree<'a>>) -> JsonTree<'a> {
    JsonObject::of(name, argument).into()
}

fn object_of(map: &Map<String, JsonValue>) -> JsonObject<'_> {
    let mut object = JsonObject::with_capacity(map.len());
    for (name, value) in map {
        object.push(name.as_str(), value);
    }
    object
}

/// Marks an unquoted value until the document is written. No template contains this character.
const BARE: &str = "\u{E000}";

/// The readable copy of a document: indented, with variables as in `Fn::Sub`.
fn for_people(marked: &JsonValue) -> String {
    let nothing = Map::new();
    let (format, variables) = match marked {
        JsonValue::String(whole) => (whole.as_str(), &nothing),
        sub => match &sub["Fn::Sub"] {
            JsonValue::String(format) => (format.as_str(), &nothing),
            parts => (parts[0].as_str().unwrap_or_default(), parts[1].as_object().unwrap_or(&nothing)),
        },
    };
    // A number that is resolved later is not valid JSON, so the readable copy contains it in quotes.
    let mut text = format.replace(BARE, "\"");
    for (name, value) in variables {
        let joined = &value["Fn::Join"][1];
        let named = match (joined["Ref"].as_str(), &joined["Fn::GetAtt"]) {
            (Some(name), _) => Some(name.to_owned()),
            (None, JsonValue::Array(steps)) => {
                Some(steps.iter().filter_map(JsonValue::as_str).collect::<Vec<_>>().join("."))
            }
            _ => None,
        };
        if let Some(named) = named {
            text = text.replace(&format!("${{{name}}}"), &format!("${{{named}}}"));
        }
    }
    let document: JsonValue = serde_json::from_str(&text).unwrap_or(JsonValue::String(text));
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// The document in the form in which CloudFormation receives it.
fn without_marks(mut text: JsonValue) -> JsonValue {
    match &mut text {
        JsonValue::String(whole) => *whole = whole.replace(BARE, ""),
        JsonValue::Array(parts) => {
            if let Some(format) = parts.first_mut() {
                *format = without_marks(format.take());
            }
        }
        JsonValue::Object(sub) => {
            for value in sub.values_mut() {
                *value = without_marks(value.take());
            }
        }
        _ => {}
    }
    text
}

/// The acknowledgements as an entry of a resource's `Metadata`.
fn acknowledged(acknowledgements: &[Acknowledgement]) -> Option<Property> {
    let source = acknowledgements.first()?.source;
    let entry = |name: Cow<'static, str>, value, source| Property { name, value, source, from_value: true };
    let reasons = acknowledgements
        .iter()
        .map(|one| {
            entry(one.rule.clone().into(), Expression::Literal(one.reason.as_str().into()), one.source)
        })
        .collect();
    let reasons = entry("acknowledge".into(), Expression::Object(reasons), source);
    Some(entry("stackwright".into(), Expression::Object(vec![reasons]), source))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::intrinsic::{json_text, region, unquoted};
    use crate::value::{Json, Property};
    use crate::{App, Parameter, Resource, sub};

    #[test]
    fn a_variable_of_a_sub_does_not_hide_an_element_of_the_stack() {
        let app = App::new("shop");
        let stack = app.stack("Work");
        let part = stack.add("Part1", Parameter::string());
        let subnets = stack.add("Subnets", Parameter::comma_delimited_list());
        let joined = crate::intrinsic::join(",", subnets);
        stack.add("Topic", Resource::of("X::Y::Z").set("Name", sub!("{}-{}", part, joined)));
        let assembly = app.synth().unwrap();
        let sub =
            &assembly.stacks[0].template.sections()["Resources"]["Topic"]["Properties"]["Name"]["Fn::Sub"];
        assert_eq!(sub[0], "${Part1}-${Part1_}");
        assert!(sub[1].get("Part1").is_none() && sub[1].get("Part1_").is_some(), "{sub}");
    }

    #[test]
    fn a_document_is_a_text_with_references_and_a_file_for_people() {
        let app = App::new("shop");
        let stack = app.stack("Work");
        let count = stack.add("Count", Parameter::number());
        let subnets = stack.add("Subnets", Parameter::comma_delimited_list());
        let definition = Json::object([
            Property::new("Comment", sub!("a \"quoted\" ${{x}} in {}", region())),
            Property::new("Count", unquoted(count.clone())),
            Property::new("Quoted", count),
            Property::new("Subnets", subnets),
            Property::new("Literal", json!({ "a": [1, "b"] })),
        ]);
        stack.add("Machine", Resource::of("X::Y::Z").set("Definition", json_text(definition)));
        let assembly = app.synth().unwrap();
        let template = &assembly.stacks[0].template;
        let sub = &template.sections()["Resources"]["Machine"]["Properties"]["Definition"]["Fn::Sub"];
        assert_eq!(
            sub[0],
            r#"{"Comment":"a \"quoted\" ${!x} in ${AWS::Region}","Count":${Count},"Quoted":"${Count}","Subnets":["${Part1}"],"Literal":{"a":[1,"b"]}}"#
        );
        assert_eq!(sub[1]["Part1"], json!({ "Fn::Join": ["\",\"", { "Ref": "Subnets" }] }));
        let files = assembly.files();
        let readable: serde_json::Value =
            serde_json::from_str(&files["Work.Machine.Definition.json"]).unwrap();
        assert_eq!(readable["Subnets"], json!(["${Subnets}"]));
        assert_eq!((&readable["Count"], &readable["Literal"]["a"][0]), (&json!("${Count}"), &json!(1)));
        let location =
            assembly.stacks[0].provenance.find("/Resources/Machine/Properties/Definition/Subnets").unwrap();
        let comment =
            assembly.stacks[0].provenance.find("/Resources/Machine/Properties/Definition/Comment").unwrap();
        assert_eq!(location.line, comment.line + 3);
    }
}
