//! The input of rules: the resources of one stack in one deployment, with all known values inserted.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use serde_json::Value as JsonValue;
use stackwright_schemas::registry::{ResourceType, resource_type};
use stackwright_schemas::sam;
pub(crate) use stackwright_synth::function::references;
use stackwright_synth::{StackArtifact, Template};

use super::cursor::Cursor;
use super::document;
use super::relations::{HostsByModel, Relations};
use super::resolve::Resolver;
use super::scenario::Scenario;
use super::text::Text;
use super::value::{children, function, one_or_many, string};
use super::written::Written;
use crate::globals;

static EMPTY: JsonValue = JsonValue::Null;

/// The resources of a type by the string that one of their properties has, for each type and property that a rule has searched.
/// If several resources have equal strings, the map contains the first one.
type Names<'a> = HashMap<(&'static str, &'static str), HashMap<&'a str, usize>>;

/// The resources that are there in one scenario.
pub(crate) struct View<'a> {
    pub stack: &'a StackArtifact,
    pub region: Option<&'a str>,
    pub scenario: &'a Scenario<'a>,
    pub resources: Vec<Resource<'a>>,
    index: HashMap<&'a str, usize>,
    by_type: HashMap<&'a str, Vec<usize>>,
    written: OnceCell<Written<'a>>,
    relations: OnceCell<Relations<'a>>,
    hosts: OnceCell<HostsByModel<'a>>,
    by_name: RefCell<Names<'a>>,
}

/// The resources of a template with the known values of one deployment inserted. A [`View`] refers to them.
pub(crate) struct Resolved<'a> {
    resources: Vec<ResolvedResource<'a>>,
}

struct ResolvedResource<'a> {
    id: &'a str,
    type_name: &'a str,
    schema: Option<&'static ResourceType>,
    body: &'a JsonValue,
    written: Cow<'a, JsonValue>,
    properties: Cow<'a, JsonValue>,
    documents: Vec<document::Document>,
}

impl<'a> Resolved<'a> {
    pub fn new(template: &'a Template, scenario: &Scenario<'a>) -> Self {
        let resolver = Resolver::new(template, scenario);
        let mut resources = Vec::new();
        for (id, body) in template.resources() {
            // Resources that a loop creates are known only at deployment.
            let Some(type_name) = body["Type"].as_str().filter(|_| !id.starts_with("Fn::")) else { continue };
            let condition = body["Condition"].as_str();
            if condition.and_then(|name| scenario.conditions.get(name)) == Some(&false) {
                continue;
            }
            let written = globals::properties(template, body);
            let properties = match &written {
                Cow::Borrowed(written) => resolver.resolve(written),
                Cow::Owned(written) => Cow::Owned(resolver.resolve(written).into_owned()),
            };
            let documents = document::open(type_name, &properties);
            let schema = resource_type(type_name);
            resources.push(ResolvedResource { id, type_name, schema, body, written, properties, documents });
        }
        Self { resources }
    }
}

/// A resource with its properties as far as they are known.
pub(crate) struct Resource<'a> {
    pub id: &'a str,
    pub type_name: &'a str,
    /// The type in the registry.
    pub schema: Option<&'static ResourceType>,
    /// The resource as it is written in the template.
    pub body: &'a JsonValue,
    /// The properties as they were written, with the defaults that SAM gives them.
    pub written: &'a JsonValue,
    pub properties: Cursor<'a>,
    /// Strings of the properties that are documents themselves.
    pub documents: Vec<Document<'a>>,
}

/// A document that is the value of a property.
pub(crate) struct Document<'a> {
    /// The steps from the properties to the document.
    pub path: &'a [String],
    /// The content of the document, or the reason why it cannot be read.
    pub value: Result<Cursor<'a>, &'a str>,
    /// The requests that the document contains.
    pub requests: Vec<Request<'a>>,
}

/// A request to SageMaker's API.
pub(crate) struct Request<'a> {
    /// The operation, such as `CreateTrainingJob`.
    pub operation: &'a str,
    /// The arguments, as far as they are known.
    pub arguments: Cursor<'a>,
    /// The steps from the properties to the arguments.
    pub path: &'a [String],
    /// Whether SageMaker Pipelines sends the request, and generates the name of the job.
    pub of_pipeline: bool,
}

impl<'a> Resource<'a> {
    fn of(resolved: &'a ResolvedResource<'a>) -> Self {
        let request = |request: &'a document::Request| Request {
            operation: &request.operation,
            arguments: Cursor::new(&request.arguments, &request.path),
            path: &request.path,
            of_pipeline: request.of_pipeline,
        };
        let document = |document: &'a document::Document| Document {
            path: &document.path,
            value: document
                .value
                .as_ref()
                .map(|value| Cursor::new(value, &document.path))
                .map_err(String::as_str),
            requests: document.requests.iter().map(request).collect(),
        };
        Self {
            id: resolved.id,
            type_name: resolved.type_name,
            schema: resolved.schema,
            body: resolved.body,
            written: &resolved.written,
            properties: Cursor::new(&resolved.properties, &[]),
            documents: resolved.documents.iter().map(document).collect(),
        }
    }
}

impl<'a> View<'a> {
    pub fn new(
        stack: &'a StackArtifact,
        region: Option<&'a str>,
        scenario: &'a Scenario<'a>,
        resolved: &'a Resolved<'a>,
    ) -> Self {
        let resources: Vec<_> = resolved.resources.iter().map(Resource::of).collect();
        let index = resources.iter().enumerate().map(|(number, resource)| (resource.id, number)).collect();
        let mut by_type: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, resource) in resources.iter().enumerate() {
            by_type.entry(resource.type_name).or_default().push(number);
        }
        Self {
            stack,
            region,
            scenario,
            resources,
            index,
            by_type,
            written: OnceCell::new(),
            relations: OnceCell::new(),
            hosts: OnceCell::new(),
            by_name: RefCell::default(),
        }
    }

    pub fn template(&self) -> &'a Template {
        &self.stack.template
    }

    pub fn resource(&self, id: &str) -> Option<&Resource<'a>> {
        self.index.get(id).map(|at| &self.resources[*at])
    }

    /// Returns the names that the template refers to.
    pub fn written(&self) -> &Written<'a> {
        self.written.get_or_init(|| Written::of(self.template()))
    }

    /// Returns the relations among the resources.
    pub fn relations(&self) -> &Relations<'a> {
        self.relations.get_or_init(|| Relations::of(self))
    }

    /// Returns the instance types that serve each model.
    pub fn hosts(&self) -> &HostsByModel<'a> {
        self.hosts.get_or_init(|| HostsByModel::of(self))
    }

    /// Returns the resources of a type.
    pub fn of_type(&self, type_name: &str) -> impl Iterator<Item = &Resource<'a>> {
        self.by_type.get(type_name).into_iter().flatten().map(|number| &self.resources[*number])
    }

    /// Returns whether a transform may add or change resources: a macro, or a file that `AWS::Include` inserts.
    pub fn is_transformed(&self) -> bool {
        is_transformed(self.template())
    }

    /// Returns whether a macro of the account may change resources.
    pub fn has_macro(&self) -> bool {
        transforms(self.template()).any(|name| !KNOWN_TRANSFORMS.contains(&name) && name != INCLUDE)
    }

    /// Returns the name of a macro of the account that may change the whole template.
    pub fn macro_name(&self) -> Option<&'a str> {
        let names = transforms(&self.stack.template);
        names
            .into_iter()
            .find(|name| !name.is_empty() && !KNOWN_TRANSFORMS.contains(name) && *name != INCLUDE)
    }

    /// Returns whether the template uses the SAM transform.
    pub fn is_sam(&self) -> bool {
        transforms(self.template()).any(|name| name == sam::TRANSFORM)
    }

    /// Returns the resource to which a value refers: the value is a reference, or a string that consists of one reference.
    pub fn target(&self, value: &JsonValue) -> Option<&Resource<'a>> {
        self.resource(&referred(value)?)
    }

    /// Returns the resource of a type that a value identifies: by a reference, or by a name that equals the resource's property
    /// `name`.
    pub fn named_or_referred(
        &self,
        type_name: &'static str,
        name: &'static str,
        value: &JsonValue,
    ) -> Option<&Resource<'a>> {
        if let Some(target) = self.target(value) {
            return (target.type_name == type_name).then_some(target);
        }
        let given = string(value)?;
        let mut by_name = self.by_name.borrow_mut();
        let names = by_name.entry((type_name, name)).or_insert_with(|| {
            let numbers = self.by_type.get(type_name).into_iter().flatten().rev();
            let name_of = |number: &usize| self.resources[*number].properties[name].json().as_str();
            numbers.filter_map(|number| Some((name_of(number)?, *number))).collect()
        });
        names.get(given).map(|number| &self.resources[*number])
    }

    /// Returns the requests of a SageMaker operation that pipelines, state machines and schedules make.
    pub fn requests<'v>(
        &'v self,
        operation: &'v str,
    ) -> impl Iterator<Item = (&'v Resource<'a>, &'v Request<'a>)> {
        self.resources.iter().flat_map(move |resource| {
            let documents = resource.documents.iter();
            documents
                .flat_map(|document| &document.requests)
                .filter(move |request| request.operation == operation)
                .map(move |request| (resource, request))
        })
    }
}

/// Returns the logical ID to which a value refers: the value is a reference, or a string that consists of one reference.
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

/// The transform that inserts a file from S3.
const INCLUDE: &str = "AWS::Include";
/// Transforms that add no resources with unpredictable IDs.
const KNOWN_TRANSFORMS: [&str; 5] = [
    "AWS::LanguageExtensions",
    sam::TRANSFORM,
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::CodeDeployBlueGreen",
];

/// Returns the names of a template's transforms; an empty one for what has no name that can be read.
pub(crate) fn transforms(template: &Template) -> impl Iterator<Item = &str> {
    let transform = template.sections().get("Transform").unwrap_or(&EMPTY);
    one_or_many(transform).map(|one| one.as_str().or(one["Name"].as_str()).unwrap_or_default())
}

/// Returns whether transforms may change or add resources of a template: a macro, or a file that is inserted.
pub(crate) fn is_transformed(template: &Template) -> bool {
    fn includes(value: &JsonValue) -> bool {
        value.get("Fn::Transform").is_some() || children(value).any(|(_, inner)| includes(inner))
    }
    let has_unknown_type = || template.resources().any(|(_, body)| includes(&body["Type"]));
    transforms(template).any(|name| !KNOWN_TRANSFORMS.contains(&name))
        || has_unknown_type()
        || Template::SECTIONS.iter().filter(|name| **name != "Metadata").any(|name| {
            let Some(section) = template.sections().get(*name) else { return false };
            section.get("Fn::Transform").is_some() || *name == "Mappings" && includes(section)
        })
}

/// Returns whether SAM may create a resource with this logical ID: it starts with the logical ID of a SAM resource, or with
/// `Serverless`.
pub(crate) fn may_be_generated(template: &Template, id: &str) -> bool {
    transforms(template).any(|name| name == sam::TRANSFORM)
        && (id.starts_with("Serverless")
            || template.resources().any(|(known, body)| {
                id.starts_with(known)
                    && body["Type"].as_str().is_some_and(|name| name.starts_with("AWS::Serverless::"))
            }))
}

/// Whether a template repeats elements in a way that makes logical ids.
pub(crate) fn loops(template: &Template) -> bool {
    ["Resources", "Conditions", "Outputs"]
        .iter()
        .any(|section| template.section(section).any(|(id, _)| id.starts_with("Fn::ForEach")))
}
