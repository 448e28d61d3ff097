//! The CloudFormation registry: the schemas of all resource types.
//!
//! The schemas are embedded in compressed form. The first query for a type decompresses the schemas of its service
//! and parses the schema of that type; later queries use the parsed schema.
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

/// Returns the names of all types, sorted.
pub fn type_names() -> impl Iterator<Item = &'static str> {
    index::TYPES.iter().map(|entry| entry.0)
}

/// Returns the regions whose resource types are known, sorted.
pub fn regions() -> &'static [&'static str] {
    index::REGIONS
}

/// Returns the schema of a type such as `AWS::SageMaker::Endpoint`; `None` for a type that is not in the registry.
pub fn resource_type(name: &str) -> Option<&'static ResourceType> {
    static LOADED: OnceLock<Vec<OnceLock<ResourceType>>> = OnceLock::new();
    let at = index::TYPES.binary_search_by(|entry| entry.0.cmp(name)).ok()?;
    let loaded = LOADED.get_or_init(|| index::TYPES.iter().map(|_| OnceLock::new()).collect());
    Some(loaded[at].get_or_init(|| ResourceType::load(at)))
}

/// Returns the decompressed schemas of one service.
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

/// A resource type of the registry.
#[derive(Debug)]
pub struct ResourceType {
    name: &'static str,
    /// A bit set with one bit per region of the index.
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

    /// Returns the name of the type, in the form `AWS::Service::Type`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the whole schema as the registry publishes it, with patches and without descriptions.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Returns the schema of the type's properties.
    pub fn schema(&self) -> Schema<'_> {
        Schema { root: &self.document, node: &self.document }
    }

    /// Returns all properties with their schemas, including read-only ones.
    pub fn properties(&self) -> impl Iterator<Item = (&str, Schema<'_>)> {
        self.schema().properties()
    }

    /// Returns the schema of a property; `None` if there is no such property.
    pub fn property(&self, name: &str) -> Option<Schema<'_>> {
        self.schema().property(name)
    }

    /// Returns the definitions to which properties refer.
    pub fn definitions(&self) -> impl Iterator<Item = (&str, Schema<'_>)> {
        named(&self.document, &self.document, "definitions")
    }

    /// Returns the names of the required properties.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.schema().required()
    }

    /// Returns whether a change of a property, or of the object that contains it, replaces the resource. `property`
    /// has the form `A` or `A/B`.
    pub fn is_create_only(&self, property: &str) -> bool {
        self.covers("createOnlyProperties", property)
    }

    /// Returns whether a change of a property replaces the resource under conditions that the service decides.
    pub fn is_conditionally_create_only(&self, property: &str) -> bool {
        self.covers("conditionalCreateOnlyProperties", property)
    }

    /// Returns whether a property is read-only.
    pub fn is_read_only(&self, property: &str) -> bool {
        self.covers("readOnlyProperties", property)
    }

    /// Returns whether a property is write-only: it can be set and not read.
    pub fn is_write_only(&self, property: &str) -> bool {
        self.covers("writeOnlyProperties", property)
    }

    /// Returns whether a property is deprecated.
    pub fn is_deprecated(&self, property: &str) -> bool {
        self.covers("deprecatedProperties", property)
    }

    fn covers(&self, list: &str, property: &str) -> bool {
        self.pointers(list).any(|path| {
            property == path || property.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// Returns the property paths in a list such as `readOnlyProperties`, without the prefix `/properties/`.
    fn pointers(&self, list: &str) -> impl Iterator<Item = &str> {
        strings(&self.document[list]).filter_map(|path| path.strip_prefix("/properties/"))
    }

    /// Returns the properties of the primary identifier, which `Ref` returns for most types.
    pub fn primary_identifier(&self) -> impl Iterator<Item = &str> {
        self.pointers("primaryIdentifier")
    }

    /// Returns the attributes of `Fn::GetAtt`, such as `Arn` or `Endpoint.Address`, sorted.
    pub fn attributes(&self) -> &[String] {
        self.attributes.get_or_init(|| self.all_attributes())
    }

    fn all_attributes(&self) -> Vec<String> {
        let more = attribute_exceptions();
        let mut found: BTreeSet<String> = self
            .pointers("readOnlyProperties")
            // The elements of a list have no attribute name.
            .filter(|path| !path.split('/').any(|step| step == "*"))
            .map(|path| path.replace("/properties/", ".").replace('/', "."))
            .collect();
        found.extend(strings(&more["named"][self.name]).map(str::to_owned));
        if strings(&more["one_for_each_property"]).any(|name| name == self.name) {
            found.extend(self.properties().map(|(name, _)| name.to_owned()));
        }
        found.into_iter().collect()
    }

    /// Returns the schema of an attribute's value; `None` if the registry does not contain it.
    pub fn attribute(&self, name: &str) -> Option<Schema<'_>> {
        name.split('.').try_fold(self.schema(), |schema, step| schema.property(step))
    }

    /// Returns the property that holds tags; `None` for a type that does not support tags.
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

    /// Returns whether the type is available in a region such as `eu-west-1`; `None` if the types of the region are not known
    /// ([`regions`]).
    pub fn is_in(&self, region: &str) -> Option<bool> {
        let at = index::REGIONS.binary_search(&region).ok()?;
        Some(self.regions >> at & 1 == 1)
    }
}

/// A bound of the values that a schema allows, as a keyword of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// The smallest number (`minimum`).
    Minimum,
    /// The largest number (`maximum`).
    Maximum,
    /// The smallest number of characters (`minLength`).
    MinLength,
    /// The largest number of characters (`maxLength`).
    MaxLength,
    /// The smallest number of elements (`minItems`).
    MinItems,
    /// The largest number of elements (`maxItems`).
    MaxItems,
}

impl Bound {
    fn keyword(self) -> &'static str {
        match self {
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::MinLength => "minLength",
            Self::MaxLength => "maxLength",
            Self::MinItems => "minItems",
            Self::MaxItems => "maxItems",
        }
    }
}

/// A schema within a resource type. It resolves references to the definitions of the type.
///
/// ```
/// use stackwright_schemas::registry::Schema;
///
/// let document = serde_json::json!({ "properties": { "Name": { "type": "string" } } });
/// assert_eq!(Schema::of(&document).properties().count(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Schema<'a> {
    root: &'a Value,
    node: &'a Value,
}

impl<'a> Schema<'a> {
    /// Wraps a JSON Schema whose references refer to itself.
    pub fn of(document: &'a Value) -> Self {
        Self { root: document, node: document }
    }

    /// Returns the schema as JSON.
    pub fn node(&self) -> &'a Value {
        self.node
    }

    /// Returns the name of the definition to which this schema refers (`$ref`); `None` if it is not a reference.
    pub fn reference(&self) -> Option<&'a str> {
        self.node["$ref"].as_str()?.strip_prefix("#/definitions/")
    }

    /// Returns the schema, or the definition to which it refers.
    pub fn resolved(self) -> Self {
        let mut schema = self;
        // A longer chain of references is a cycle.
        for _ in 0..16 {
            let Some(path) = schema.node["$ref"].as_str().and_then(|path| path.strip_prefix('#')) else {
                break;
            };
            let Some(node) = schema.root.pointer(path) else { break };
            schema = Self { root: self.root, node };
        }
        schema
    }

    /// Returns the types that the schema allows: `string`, `integer`, `number`, `boolean`, `array`, `object`; empty
    /// if any type is allowed.
    pub fn types(&self) -> Vec<&'a str> {
        match &self.resolved().node["type"] {
            Value::String(one) => vec![one],
            list => strings(list).collect(),
        }
    }

    /// Returns the values of the `enum` keyword.
    pub fn enumeration(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.resolved().node["enum"].as_array().into_iter().flatten()
    }

    /// Returns the regular expression that a string must match; `None` without one.
    pub fn pattern(&self) -> Option<&'a str> {
        self.resolved().node["pattern"].as_str()
    }

    /// Returns a bound of the values; `None` if the schema does not have it.
    pub fn bound(&self, bound: Bound) -> Option<&'a Value> {
        self.resolved().node.get(bound.keyword()).filter(|value| value.is_number())
    }

    /// Returns the schema of a list's elements; `None` if the schema is not one of a list.
    pub fn items(&self) -> Option<Self> {
        let resolved = self.resolved();
        resolved.node.get("items").filter(|node| node.is_object()).map(|node| Self { root: self.root, node })
    }

    /// Returns the schema of the values of a map (an object with arbitrary keys); `None` for other schemas.
    pub fn map_values(&self) -> Option<Self> {
        let resolved = self.resolved();
        let named =
            resolved.node["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
        let node = named.or(resolved.node.get("additionalProperties"))?;
        node.is_object().then_some(Self { root: self.root, node })
    }

    /// Returns all properties with their schemas.
    pub fn properties(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        named(self.root, self.resolved().node, "properties")
    }

    /// Returns the schema of a property; `None` if there is no such property.
    pub fn property(&self, name: &str) -> Option<Self> {
        let node = self.resolved().node["properties"].get(name)?;
        Some(Self { root: self.root, node })
    }

    /// Returns the subschemas of `oneOf`, `anyOf` or `allOf`.
    pub fn alternatives(&self) -> impl Iterator<Item = Self> + use<'a> {
        let (root, node) = (self.root, self.resolved().node);
        let lists = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|keyword| node[keyword].as_array());
        lists.flatten().map(move |node| Self { root, node })
    }

    /// Returns the names of the required properties.
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

/// Applies a JSON Merge Patch (RFC 7396): objects are merged by key, `null` removes a key, and any other value
/// replaces the old one.
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
    fn patches_are_applied_to_their_types() {
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
        assert!(memory.bound(Bound::Minimum).is_none());
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
    fn types_depend_on_the_region_and_are_unknown_for_other_regions() {
        let cluster = resource_type("AWS::SageMaker::Cluster").unwrap();
        assert_eq!(cluster.is_in("us-east-1"), Some(true));
        assert_eq!(cluster.is_in("mars-north-1"), None);
        assert!(type_names().any(|name| resource_type(name).unwrap().is_in("eu-south-2") == Some(false)));
    }
}
