//! Which Rust types the properties of a resource get.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stackwright_schemas::registry::{ResourceType, Schema};

use super::documentation;
use super::names::{snake, unique, upper_camel, variant};

/// The property types of one resource.
#[derive(Default)]
pub struct Module<'a> {
    structures: Vec<Structure>,
    enumerations: BTreeMap<String, Enumeration>,
    /// Rust names of definitions that became structures.
    named: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    waiting: VecDeque<(String, String, Schema<'a>, String)>,
    path: String,
}

/// A resource's own properties, or a property type.
pub struct Structure {
    pub name: String,
    pub rust_name: String,
    pub required: Vec<Property>,
    pub optional: Vec<Property>,
}

pub struct Property {
    pub name: String,
    pub rust_name: String,
    pub rust_type: String,
    pub documentation: Vec<String>,
    pub deprecated: bool,
}

pub struct Enumeration {
    pub rust_name: String,
    pub property: String,
    pub variants: Vec<(String, String)>,
}

impl<'a> Module<'a> {
    /// The structure of the resource itself; the property types that it reaches are kept here.
    pub fn resource(&mut self, resource: &'a ResourceType, path: &str) -> Structure {
        self.path = format!("{path}::");
        let top = self.structure(resource, "", "", resource.schema(), "");
        self.path = String::new();
        while let Some((name, rust_name, schema, pointer)) = self.waiting.pop_front() {
            let structure = self.structure(resource, &name, &rust_name, schema, &pointer);
            self.structures.push(structure);
        }
        self.structures.sort_by(|one, other| one.rust_name.cmp(&other.rust_name));
        top
    }

    pub fn is_empty(&self) -> bool {
        self.structures.is_empty() && self.enumerations.is_empty()
    }

    pub fn structures(&self) -> impl Iterator<Item = &Structure> {
        self.structures.iter()
    }

    pub fn enumerations(&self) -> impl Iterator<Item = &Enumeration> {
        self.enumerations.values()
    }

    fn structure(
        &mut self,
        resource: &ResourceType,
        name: &str,
        rust_name: &str,
        schema: Schema<'a>,
        pointer: &str,
    ) -> Structure {
        let mut structure = Structure {
            name: name.into(),
            rust_name: rust_name.into(),
            required: Vec::new(),
            optional: Vec::new(),
        };
        let required: Vec<_> = schema.required().collect();
        let mut taken = BTreeSet::new();
        for (name, schema) in all_properties(schema) {
            let pointer = if pointer.is_empty() { name.to_owned() } else { format!("{pointer}/{name}") };
            // What only AWS sets is an attribute, not a property.
            if resource.is_read_only(&pointer) {
                continue;
            }
            let property = Property {
                name: name.into(),
                rust_name: unique(snake(name), &mut taken),
                rust_type: self.rust_type(schema, name, rust_name, &pointer),
                documentation: documentation::property(resource, name, schema, &pointer),
                deprecated: resource.is_deprecated(&pointer),
            };
            match required.iter().position(|required| *required == name) {
                Some(_) => structure.required.push(property),
                None => structure.optional.push(property),
            }
        }
        // The registry's order of what is required is the order of `new`'s arguments.
        structure
            .required
            .sort_by_key(|property| required.iter().position(|required| *required == property.name));
        structure
    }

    fn rust_type(&mut self, schema: Schema<'a>, property: &str, owner: &str, pointer: &str) -> String {
        let resolved = schema.resolved();
        let structured = all_properties(resolved).next().is_some();
        // A list that may also be given as JSON, such as the key schema of a DynamoDB table, is a list.
        let is_array = |schema: &Schema<'a>| schema.types() == ["array"];
        if resolved.types().is_empty()
            && let Some(list) = schema.alternatives().find(is_array)
        {
            return self.rust_type(list, property, owner, pointer);
        }
        match resolved.types().as_slice() {
            ["string"] => {
                let values: Vec<_> = resolved.enumeration().filter_map(|value| value.as_str()).collect();
                if values.is_empty() {
                    "String".into()
                } else {
                    self.enumeration(schema, property, owner, &values)
                }
            }
            ["integer"] => "i64".into(),
            ["number"] => "f64".into(),
            ["boolean"] => "bool".into(),
            ["array"] => match resolved.items() {
                Some(items) => {
                    format!("Vec<{}>", self.rust_type(items, property, owner, &format!("{pointer}/*")))
                }
                None => "Vec<s::Json>".into(),
            },
            ["object"] | [] if structured => self.structure_type(schema, property, owner, pointer),
            ["object"] | [] if resolved.node().get("enum").is_some() => "String".into(),
            ["object"] => match resolved.map_values() {
                Some(values) => {
                    format!("s::Map<{}>", self.rust_type(values, property, owner, &format!("{pointer}/*")))
                }
                None => "s::Json".into(),
            },
            _ => "s::Json".into(),
        }
    }

    /// The name of the structure for an object, which is written later if it was not met before.
    fn structure_type(&mut self, schema: Schema<'a>, property: &str, owner: &str, pointer: &str) -> String {
        let resolved = schema.resolved();
        let definition = schema.reference().map(str::to_owned);
        if is_tag(definition.as_deref().unwrap_or(property), resolved) {
            return "s::Tag".into();
        }
        if let Some(known) = definition.as_ref().and_then(|name| self.named.get(name)) {
            return format!("{}{known}", self.path);
        }
        let name = definition.clone().unwrap_or_else(|| format!("{owner}{}", upper_camel(property)));
        let rust_name = self.free(upper_camel(&name));
        if let Some(definition) = definition {
            self.named.insert(definition, rust_name.clone());
        }
        self.waiting.push_back((name, rust_name.clone(), resolved, pointer.to_owned()));
        format!("{}{rust_name}", self.path)
    }

    fn enumeration(&mut self, schema: Schema<'a>, property: &str, owner: &str, values: &[&str]) -> String {
        let mut taken = BTreeSet::new();
        let variants: Vec<_> =
            values.iter().map(|value| (unique(variant(value), &mut taken), (*value).to_owned())).collect();
        let name = upper_camel(schema.reference().unwrap_or(property));
        for candidate in [name.clone(), format!("{owner}{name}")] {
            if let Some(known) = self.enumerations.get(&candidate)
                && known.variants == variants
            {
                return format!("{}{candidate}", self.path);
            }
        }
        let rust_name =
            if self.taken.contains(&name) { self.free(format!("{owner}{name}")) } else { self.free(name) };
        let enumeration = Enumeration { rust_name: rust_name.clone(), property: property.into(), variants };
        self.enumerations.insert(rust_name.clone(), enumeration);
        format!("{}{rust_name}", self.path)
    }

    /// A name that neither another type here nor anything in scope has.
    fn free(&mut self, name: String) -> String {
        const IN_SCOPE: [&str; 7] = ["Clone", "Debug", "Default", "Into", "Self", "String", "Vec"];
        let name = if IN_SCOPE.contains(&name.as_str()) { format!("{name}Property") } else { name };
        unique(name, &mut self.taken)
    }
}

/// The properties of an object, those of its alternatives among them.
fn all_properties<'a>(schema: Schema<'a>) -> impl Iterator<Item = (&'a str, Schema<'a>)> {
    let mut found: Vec<(&'a str, Schema<'a>)> = schema.properties().collect();
    for alternative in schema.alternatives() {
        for (name, schema) in alternative.properties() {
            if !found.iter().any(|(known, _)| *known == name) {
                found.push((name, schema));
            }
        }
    }
    found.into_iter()
}

/// Whether a definition is the pair that all services call a tag.
fn is_tag(name: &str, schema: Schema<'_>) -> bool {
    let names: BTreeSet<_> = schema.properties().map(|(name, _)| name).collect();
    matches!(name, "Tag" | "Tags") && names == BTreeSet::from(["Key", "Value"])
}
