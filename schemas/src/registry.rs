//! The CloudFormation registry: what each resource type is made of.
//!
//! The schemas are embedded compressed. The first question about a type inflates its service and parses
//! that type alone; later ones are a look-up.
//!
//! ```
//! let config = stackwright_schemas::registry::resource_type("AWS::SageMaker::EndpointConfig").unwrap();
//! assert!(config.is_create_only("ProductionVariants"));
//! assert_eq!(config.required().collect::<Vec<_>>(), ["ProductionVariants"]);
//! ```

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::OnceLock;

use serde_json::Value;

mod index {
    include!(concat!(env!("OUT_DIR"), "/registry.rs"));
    pub(super) static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/registry.bin"));
}

/// The names of all types, sorted.
pub fn type_names() -> impl Iterator<Item = &'static str> {
    index::TYPES.iter().map(|entry| entry.0)
}

/// The regions of which it is known what types they have, sorted.
pub fn regions() -> &'static [&'static str] {
    index::REGIONS
}

/// The schema of a type such as `AWS::SageMaker::Endpoint`; `None` for a type that is not in the registry.
pub fn resource_type(name: &str) -> Option<&'static ResourceType> {
    static LOADED: OnceLock<Vec<OnceLock<ResourceType>>> = OnceLock::new();
    let at = index::TYPES.binary_search_by(|entry| entry.0.cmp(name)).ok()?;
    let loaded = LOADED.get_or_init(|| index::TYPES.iter().map(|_| OnceLock::new()).collect());
    Some(loaded[at].get_or_init(|| ResourceType::load(at)))
}

/// The inflated schemas of one service.
fn service(number: usize) -> &'static [u8] {
    static INFLATED: OnceLock<Vec<OnceLock<Vec<u8>>>> = OnceLock::new();
    let inflated = INFLATED.get_or_init(|| index::SERVICES.iter().map(|_| OnceLock::new()).collect());
    inflated[number].get_or_init(|| {
        let (start, end, size) = index::SERVICES[number];
        let mut raw = Vec::with_capacity(size);
        flate2::read::DeflateDecoder::new(&index::PACKED[start..end])
            .read_to_end(&mut raw)
            .expect("the build script packed this");
        raw
    })
}

/// One resource type of the registry.
#[derive(Debug)]
pub struct ResourceType {
    name: &'static str,
    /// One bit for each region of the index.
    regions: u128,
    document: Value,
    attributes: OnceLock<Vec<String>>,
}

impl ResourceType {
    fn load(at: usize) -> Self {
        let (name, number, start, end, regions) = index::TYPES[at];
        let raw = &service(number.into())[start as usize..end as usize];
        let mut document = serde_json::from_slice(raw).expect("the build script packed JSON");
        for (_, patch) in index::PATCHES.iter().filter(|(patched, _)| *patched == name) {
            let patch: Value = serde_json::from_str(patch).expect("a test reads every patch");
            merge(&mut document, &patch["merge"]);
        }
        Self { name, regions, document, attributes: OnceLock::new() }
    }

    /// `AWS::Service::Type`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The whole schema as the registry publishes it, patched, without descriptions.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The schema of the type's properties.
    pub fn schema(&self) -> Schema<'_> {
        Schema { root: &self.document, node: &self.document }
    }

    /// Every property with its schema, those only AWS sets among them.
    pub fn properties(&self) -> impl Iterator<Item = (&str, Schema<'_>)> {
        self.schema().properties()
    }

    /// The schema of one property.
    pub fn property(&self, name: &str) -> Option<Schema<'_>> {
        self.schema().property(name)
    }

    /// The shared schemas that properties refer to.
    pub fn definitions(&self) -> impl Iterator<Item = (&str, Schema<'_>)> {
        named(&self.document, &self.document, "definitions")
    }

    /// Properties without which the type is refused.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.schema().required()
    }

    /// Whether changing a property, or what holds it, replaces the resource. `property` is `A` or `A/B`.
    pub fn is_create_only(&self, property: &str) -> bool {
        self.covers("createOnlyProperties", property)
    }

    /// Whether changing a property may replace the resource, as the service decides.
    pub fn is_conditionally_create_only(&self, property: &str) -> bool {
        self.covers("conditionalCreateOnlyProperties", property)
    }

    /// Whether only AWS sets a property.
    pub fn is_read_only(&self, property: &str) -> bool {
        self.covers("readOnlyProperties", property)
    }

    /// Whether a property can be set and never read back.
    pub fn is_write_only(&self, property: &str) -> bool {
        self.covers("writeOnlyProperties", property)
    }

    /// Whether AWS advises against a property.
    pub fn is_deprecated(&self, property: &str) -> bool {
        self.covers("deprecatedProperties", property)
    }

    fn covers(&self, list: &str, property: &str) -> bool {
        self.pointers(list).any(|path| {
            property == path || property.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// The property paths of a list such as `readOnlyProperties`, without their `/properties/`.
    fn pointers(&self, list: &str) -> impl Iterator<Item = &str> {
        strings(&self.document[list]).filter_map(|path| path.strip_prefix("/properties/"))
    }

    /// The properties that identify a resource: mostly what `Ref` gives.
    pub fn primary_identifier(&self) -> impl Iterator<Item = &str> {
        self.pointers("primaryIdentifier")
    }

    /// What `Fn::GetAtt` gives, such as `Arn` or `Endpoint.Address`, sorted.
    pub fn attributes(&self) -> &[String] {
        self.attributes.get_or_init(|| self.all_attributes())
    }

    fn all_attributes(&self) -> Vec<String> {
        let more = attribute_exceptions();
        let mut found: BTreeSet<String> = self
            .pointers("readOnlyProperties")
            // Below a list there is no attribute to name.
            .filter(|path| !path.split('/').any(|step| step == "*"))
            .map(|path| path.replace("/properties/", ".").replace('/', "."))
            .collect();
        found.extend(strings(&more["named"][self.name]).map(str::to_owned));
        if strings(&more["one_for_each_property"]).any(|name| name == self.name) {
            found.extend(self.properties().map(|(name, _)| name.to_owned()));
        }
        found.into_iter().collect()
    }

    /// The schema of what an attribute gives, where the registry tells.
    pub fn attribute(&self, name: &str) -> Option<Schema<'_>> {
        name.split('.').try_fold(self.schema(), |schema, step| schema.property(step))
    }

    /// The property that holds tags, where the type takes tags.
    pub fn tag_property(&self) -> Option<&str> {
        let tagging = &self.document["tagging"];
        if tagging["taggable"] == false {
            return None;
        }
        let name = tagging["tagProperty"]
            .as_str()
            .and_then(|path| path.strip_prefix("/properties/"))
            .unwrap_or("Tags");
        self.property(name).map(|_| name)
    }

    /// Whether a region has the type; `None` for a region of which that is not known.
    pub fn is_in(&self, region: &str) -> Option<bool> {
        let at = index::REGIONS.binary_search(&region).ok()?;
        Some(self.regions >> at & 1 == 1)
    }

    /// The permissions that CloudFormation needs for an operation: `create`, `read`, `update`, `delete`, `list`.
    pub fn permissions(&self, operation: &str) -> impl Iterator<Item = &str> {
        strings(&self.document["handlers"][operation]["permissions"])
    }
}

/// A schema inside a resource type, able to follow references into the type's definitions.
#[derive(Clone, Copy, Debug)]
pub struct Schema<'a> {
    root: &'a Value,
    node: &'a Value,
}

impl<'a> Schema<'a> {
    /// A JSON Schema whose references lead into itself.
    pub fn of(document: &'a Value) -> Self {
        Self { root: document, node: document }
    }

    /// The schema as JSON.
    pub fn node(&self) -> &'a Value {
        self.node
    }

    /// The name of the definition that this schema refers to.
    pub fn reference(&self) -> Option<&'a str> {
        self.node["$ref"].as_str()?.strip_prefix("#/definitions/")
    }

    /// The schema itself, or what it refers to.
    pub fn resolved(self) -> Self {
        let mut schema = self;
        // A chain longer than this is a circle.
        for _ in 0..16 {
            let Some(path) = schema.node["$ref"].as_str().and_then(|path| path.strip_prefix('#')) else {
                break;
            };
            let Some(node) = schema.root.pointer(path) else { break };
            schema = Self { root: self.root, node };
        }
        schema
    }

    /// The types it allows: `string`, `integer`, `number`, `boolean`, `array`, `object`; none where any is.
    pub fn types(&self) -> Vec<&'a str> {
        match &self.resolved().node["type"] {
            Value::String(one) => vec![one],
            list => strings(list).collect(),
        }
    }

    /// The values it allows, where they are listed.
    pub fn enumeration(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.resolved().node["enum"].as_array().into_iter().flatten()
    }

    /// The regular expression that a string has to match.
    pub fn pattern(&self) -> Option<&'a str> {
        self.resolved().node["pattern"].as_str()
    }

    /// A bound such as `minimum`, `maxLength` or `maxItems`.
    pub fn bound(&self, keyword: &str) -> Option<&'a Value> {
        self.resolved().node.get(keyword).filter(|value| value.is_number())
    }

    /// The schema of a list's elements.
    pub fn items(&self) -> Option<Self> {
        let resolved = self.resolved();
        resolved.node.get("items").filter(|node| node.is_object()).map(|node| Self { root: self.root, node })
    }

    /// The schema of a map's values, for an object that maps free names.
    pub fn map_values(&self) -> Option<Self> {
        let resolved = self.resolved();
        let named =
            resolved.node["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
        let node = named.or(resolved.node.get("additionalProperties"))?;
        node.is_object().then_some(Self { root: self.root, node })
    }

    /// Every property with its schema.
    pub fn properties(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        named(self.root, self.resolved().node, "properties")
    }

    /// One property.
    pub fn property(&self, name: &str) -> Option<Self> {
        let node = self.resolved().node["properties"].get(name)?;
        Some(Self { root: self.root, node })
    }

    /// The schemas of which an object fits one, some or all: `oneOf`, `anyOf`, `allOf`.
    pub fn alternatives(&self) -> impl Iterator<Item = Self> + use<'a> {
        let (root, node) = (self.root, self.resolved().node);
        let lists = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|keyword| node[keyword].as_array());
        lists.flatten().map(move |node| Self { root, node })
    }

    /// Properties that have to be there.
    pub fn required(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        strings(&self.resolved().node["required"])
    }
}

fn named<'a>(
    root: &'a Value,
    holder: &'a Value,
    key: &str,
) -> impl Iterator<Item = (&'a str, Schema<'a>)> + use<'a> {
    let map = holder.get(key).and_then(Value::as_object);
    map.into_iter().flatten().map(move |(name, node)| (name.as_str(), Schema { root, node }))
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn attribute_exceptions() -> &'static Value {
    static EXCEPTIONS: OnceLock<Value> = OnceLock::new();
    EXCEPTIONS.get_or_init(|| crate::api::embedded(include_str!("../data/attributes.json")))
}

/// RFC 7396: an object is merged by key, `null` removes, anything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(map) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            map.shift_remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_every_type_and_parses_each() {
        assert!(type_names().filter(|name| name.starts_with("AWS::")).count() >= 1_854);
        for name in type_names() {
            let found = resource_type(name).unwrap();
            assert_eq!(found.document()["typeName"], name);
            assert!(found.properties().count() > 0, "{name} has no properties");
            for required in found.required() {
                // Aurora and other types require one of several; a required name is always a property.
                assert!(found.property(required).is_some(), "{name} requires the unknown {required}");
            }
        }
    }

    #[test]
    fn patches_change_what_they_say() {
        for (name, patch) in index::PATCHES {
            let patch: Value = serde_json::from_str(patch).unwrap();
            assert!(patch["why"].is_string() && patch["source"].is_string(), "{name}");
            let mut again = resource_type(name).unwrap().document().clone();
            merge(&mut again, &patch["merge"]);
            assert_eq!(&again, resource_type(name).unwrap().document(), "{name}");
        }
        let memory = resource_type("AWS::SageMaker::EndpointConfig").unwrap().definitions();
        let (_, serverless) = memory.into_iter().find(|(name, _)| *name == "ServerlessConfig").unwrap();
        let memory = serverless.property("MemorySizeInMB").unwrap();
        assert_eq!(memory.enumeration().count(), 6);
        assert!(memory.bound("minimum").is_none());
    }

    #[test]
    fn endpoint_attributes_include_those_that_no_schema_lists() {
        let endpoint = resource_type("AWS::SageMaker::Endpoint").unwrap();
        assert_eq!(endpoint.attributes(), ["EndpointArn", "EndpointName"]);
        assert_eq!(endpoint.tag_property(), Some("Tags"));
        assert!(endpoint.is_create_only("EndpointName"));
        assert!(endpoint.is_write_only("RetainAllVariantProperties"));
        assert!(endpoint.is_read_only("EndpointArn") && !endpoint.is_read_only("EndpointConfigName"));
    }

    #[test]
    fn regions_differ_and_unknown_ones_say_so() {
        let cluster = resource_type("AWS::SageMaker::Cluster").unwrap();
        assert_eq!(cluster.is_in("us-east-1"), Some(true));
        assert_eq!(cluster.is_in("mars-north-1"), None);
        assert!(type_names().any(|name| resource_type(name).unwrap().is_in("eu-south-2") == Some(false)));
    }
}
