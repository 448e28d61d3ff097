//! What rules look at: the resources of one stack in one scenario, with everything put in that is known.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::Value as JsonValue;
pub(crate) use stackwright_synth::function::references;
use stackwright_synth::{StackArtifact, Template};

use super::document::{Document, Request, open};
use super::resolve::Resolver;
use super::scenario::Scenario;
use super::text::Text;
use super::value::{function, text};
use super::written::Written;

pub(crate) static EMPTY: JsonValue = JsonValue::Null;

/// The resources that are there in one scenario.
pub(crate) struct View<'a> {
    pub stack: &'a StackArtifact,
    pub region: Option<&'a str>,
    pub scenario: &'a Scenario<'a>,
    pub resources: Vec<Resource<'a>>,
    index: HashMap<&'a str, usize>,
    written: OnceCell<Written<'a>>,
}

/// A resource with its properties as far as they are known.
pub(crate) struct Resource<'a> {
    pub id: &'a str,
    pub type_name: &'a str,
    /// As it was written.
    pub body: &'a JsonValue,
    pub properties: Cow<'a, JsonValue>,
    /// Texts of the properties that are documents themselves.
    pub documents: Vec<Document>,
}

impl<'a> View<'a> {
    pub fn new(stack: &'a StackArtifact, region: Option<&'a str>, scenario: &'a Scenario<'a>) -> Self {
        let resolver = Resolver::new(&stack.template, scenario);
        let mut resources = Vec::new();
        let mut index = HashMap::new();
        for (id, body) in stack.template.resources() {
            // What a loop makes is known only when it is deployed.
            let Some(type_name) = body["Type"].as_str().filter(|_| !id.starts_with("Fn::")) else { continue };
            let condition = body["Condition"].as_str();
            if condition.and_then(|name| scenario.conditions.get(name)) == Some(&false) {
                continue;
            }
            let properties = body.get("Properties").map_or(Cow::Borrowed(&EMPTY), |it| resolver.resolve(it));
            let documents = open(type_name, &properties);
            index.insert(id, resources.len());
            resources.push(Resource { id, type_name, body, properties, documents });
        }
        Self { stack, region, scenario, resources, index, written: OnceCell::new() }
    }

    pub fn template(&self) -> &'a Template {
        &self.stack.template
    }

    pub fn resource(&self, id: &str) -> Option<&Resource<'a>> {
        self.index.get(id).map(|at| &self.resources[*at])
    }

    /// What the template uses by name.
    pub fn written(&self) -> &Written<'a> {
        self.written.get_or_init(|| Written::of(self.template()))
    }

    /// The resources of a type.
    pub fn of_type(&self, type_name: &str) -> impl Iterator<Item = &Resource<'a>> {
        self.resources.iter().filter(move |resource| resource.type_name == type_name)
    }

    /// Whether a template may have more resources than it shows.
    pub fn is_transformed(&self) -> bool {
        is_transformed(self.template())
    }

    /// The resource that a value refers to, as a whole or as the one hole of a text.
    pub fn target(&self, value: &JsonValue) -> Option<&Resource<'a>> {
        self.resource(&referred(value)?)
    }

    /// The resource of a type that a value means: one that it refers to, or one whose name it is. The name is
    /// in the property `name`.
    pub fn meant(&self, type_name: &str, name: &str, value: &JsonValue) -> Option<&Resource<'a>> {
        if let Some(target) = self.target(value) {
            return (target.type_name == type_name).then_some(target);
        }
        let given = text(value)?;
        self.of_type(type_name).find(|resource| resource.properties[name].as_str() == Some(given))
    }

    /// The requests of a SageMaker operation that pipelines, state machines and schedules make.
    pub fn requests<'v>(
        &'v self,
        operation: &'v str,
    ) -> impl Iterator<Item = (&'v Resource<'a>, &'v Request)> {
        self.resources.iter().flat_map(move |resource| {
            let documents = resource.documents.iter();
            documents
                .flat_map(|document| &document.requests)
                .filter(move |request| request.operation == operation)
                .map(move |request| (resource, request))
        })
    }
}

/// The logical id that a value refers to, as a whole or as the one hole of a text that is nothing else.
pub(crate) fn referred(value: &JsonValue) -> Option<String> {
    match function(value)? {
        ("Ref", JsonValue::String(id)) => Some(id.clone()),
        ("Fn::GetAtt", JsonValue::Array(arguments)) => arguments.first()?.as_str().map(str::to_owned),
        ("Fn::GetAtt", JsonValue::String(path)) => path.split('.').next().map(str::to_owned),
        ("Fn::Sub" | "Fn::Join", _) => {
            let text = Text::of(value);
            let hole = text.hole()?;
            (hole != value).then(|| referred(hole))?
        }
        _ => None,
    }
}

/// Whether macros may change or add resources of a template.
pub(crate) fn is_transformed(template: &Template) -> bool {
    let is_macro = |name: &JsonValue| name.as_str() != Some("AWS::LanguageExtensions");
    match template.sections().get("Transform") {
        None => false,
        Some(JsonValue::Array(names)) => names.iter().any(is_macro),
        Some(name) => is_macro(name),
    }
}

/// Whether a template repeats elements in a way that makes logical ids.
pub(crate) fn loops(template: &Template) -> bool {
    ["Resources", "Conditions", "Outputs"]
        .iter()
        .any(|section| template.section(section).any(|(id, _)| id.starts_with("Fn::ForEach")))
}
