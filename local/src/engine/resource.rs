//! What a resource is once it is made, by the registry's schema alone: its physical id, its attributes, and what is wrong
//! with its properties.

use serde_json::{Map, Value as Json};
use stackwright_schemas::registry;
use stackwright_schemas::registry::ResourceType;
use stackwright_schemas::registry::Schema;
use stackwright_synth::sha256;

use crate::template::evaluate::KNOWN_AFTER_APPLY;
use crate::template::scalar_text;

/// Where a resource is made.
pub(crate) struct ResourceContext<'a> {
    pub account: &'a str,
    pub region: &'a str,
    pub stack_name: &'a str,
    pub logical_id: &'a str,
    pub type_name: &'a str,
    /// What makes its names other than those of its predecessor.
    pub seed: &'a str,
}

impl ResourceContext<'_> {
    /// So many characters that nobody else has.
    fn unique(&self, salt: &str, characters: usize) -> String {
        let text = sha256(format!("{}/{}/{salt}/{}", self.stack_name, self.logical_id, self.seed));
        text[..characters.min(text.len())].to_owned()
    }

    /// `stack-LogicalId-1A2B3C4D5E6F`, as CloudFormation names what has no name.
    fn generated_name(&self, schema: Option<Schema<'_>>) -> String {
        let mut name =
            format!("{}-{}-{}", self.stack_name, self.logical_id, self.unique("name", 12).to_uppercase());
        if self.type_name == "AWS::S3::Bucket" {
            name = name.to_lowercase();
        }
        let most = schema.and_then(|schema| schema.bound("maxLength")?.as_u64()).unwrap_or(255);
        let most = usize::try_from(most).unwrap_or(255).max(13);
        if name.len() > most {
            let keep = name.len() - 13;
            name = format!("{}{}", &name[..keep.min(most - 13)], &name[keep..]);
        }
        name
    }

    fn service(&self) -> String {
        self.type_name.split("::").nth(1).unwrap_or_default().to_lowercase()
    }

    fn arn(&self, name: &str) -> String {
        let kind = self.type_name.rsplit("::").next().unwrap_or_default().to_lowercase();
        match self.service().as_str() {
            "iam" => format!("arn:aws:iam::{}:{kind}/{name}", self.account),
            "s3" => format!("arn:aws:s3:::{name}"),
            "sns" | "sqs" => format!("arn:aws:{}:{}:{}:{name}", self.service(), self.region, self.account),
            "stepfunctions" => {
                format!("arn:aws:states:{}:{}:stateMachine:{name}", self.region, self.account)
            }
            service => format!("arn:aws:{service}:{}:{}:{kind}/{name}", self.region, self.account),
        }
    }
}

/// A resource as it is made: its physical id and its attributes.
pub(crate) struct Made {
    pub physical_id: String,
    pub attributes: Map<String, Json>,
}

/// Makes a resource of these properties.
pub(crate) fn create_resource(site: &ResourceContext<'_>, properties: &Map<String, Json>) -> Made {
    let Some(kind) = registry::resource_type(site.type_name) else {
        let physical_id = format!("{}-{}-{}", site.stack_name, site.logical_id, site.unique("id", 12));
        return Made { physical_id, attributes: Map::new() };
    };
    let name = site_name(site, kind, properties);
    let mut attributes = Map::new();
    for attribute in kind.attributes() {
        let path = attribute.replace('.', "/");
        let given =
            path.split('/').try_fold(&Json::Object(properties.clone()), |at, part| at.get(part)).cloned();
        let value = given.unwrap_or_else(|| attribute_value(site, kind, attribute, &name));
        attributes.insert(attribute.clone(), value);
    }
    // What names a resource can be asked for even where the registry does not list it as an attribute.
    let mut identifiers = Vec::new();
    for part in kind.primary_identifier() {
        let value = properties.get(part).or_else(|| attributes.get(part)).map(scalar_text);
        identifiers.push(value.unwrap_or_else(|| scalar_text(&attribute_value(site, kind, part, &name))));
    }
    let physical_id = if identifiers.is_empty() { name } else { identifiers.join("|") };
    Made { physical_id, attributes }
}

/// The name: given, or generated as CloudFormation does it.
fn site_name(site: &ResourceContext<'_>, kind: &ResourceType, properties: &Map<String, Json>) -> String {
    let short = site.type_name.rsplit("::").next().unwrap_or_default();
    let candidates = [format!("{short}Name"), "Name".to_owned()];
    let given = candidates.iter().find_map(|name| properties.get(name.as_str()));
    match given {
        Some(name) => scalar_text(name),
        None => {
            let schema = candidates.iter().find_map(|name| kind.property(name));
            site.generated_name(schema)
        }
    }
}

/// What an attribute yields that no property says.
fn attribute_value(site: &ResourceContext<'_>, kind: &ResourceType, attribute: &str, name: &str) -> Json {
    let last = attribute.rsplit('.').next().unwrap_or(attribute);
    let schema = kind.attribute(attribute);
    match schema.map(|schema| schema.resolved().types()).unwrap_or_default().as_slice() {
        ["integer" | "number"] => return 1.into(),
        ["boolean"] => return true.into(),
        ["array"] => return vec![format!("{name}-{}", last.to_lowercase())].into(),
        ["object"] => return Json::Object(Map::new()),
        _ => {}
    }
    if let Some(first) = schema.and_then(|schema| schema.resolved().enumeration().next().cloned()) {
        return first;
    }
    let short = site.type_name.rsplit("::").next().unwrap_or_default();
    if last.ends_with("Arn") || last.ends_with("ARN") {
        site.arn(name).into()
    } else if last == "Name" || last == format!("{short}Name") {
        name.into()
    } else if last.ends_with("Id") || last.ends_with("ID") {
        site.unique(last, 17).into()
    } else if last.ends_with("Name") {
        format!("{name}.{}.amazonaws.com", site.service()).into()
    } else {
        format!("{name}-{}", last.to_lowercase()).into()
    }
}

/// What is wrong with properties: path and words, as CloudFormation's validation before deployment tells it.
pub(crate) fn problems(type_name: &str, properties: &Map<String, Json>) -> Vec<(String, String)> {
    let Some(kind) = registry::resource_type(type_name) else { return Vec::new() };
    let mut found = Vec::new();
    validate_value(kind.schema(), &Json::Object(properties.clone()), String::new(), &mut found);
    found.retain(|(path, words)| {
        // What only the service may say is not missed here.
        let name = words.strip_prefix("#: required key [").and_then(|rest| rest.split(']').next());
        name.is_none_or(|name| !kind.is_read_only(format!("{path}/{name}").trim_start_matches('/')))
    });
    found
}

fn validate_value(schema: Schema<'_>, value: &Json, path: String, found: &mut Vec<(String, String)>) {
    let schema = schema.resolved();
    let node = schema.node();
    if value == KNOWN_AFTER_APPLY || value.as_str().is_some_and(|text| text.contains(KNOWN_AFTER_APPLY)) {
        return;
    }
    match value {
        Json::Object(map) => {
            let known: Vec<&str> =
                node["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let is_closed = node["additionalProperties"] == false && node.get("patternProperties").is_none();
            for (name, inner) in map {
                match schema.property(name) {
                    Some(of) => validate_value(of, inner, format!("{path}/{name}"), found),
                    None if is_closed && !known.is_empty() => {
                        found.push((path.clone(), format!("#: extraneous key [{name}] is not permitted")));
                    }
                    None => {}
                }
            }
            for name in schema.required() {
                if !map.contains_key(name) {
                    found.push((path.clone(), format!("#: required key [{name}] not found")));
                }
            }
        }
        Json::Array(items) => {
            if let Some(of) = schema.items() {
                for (number, item) in items.iter().enumerate() {
                    validate_value(of, item, format!("{path}/{number}"), found);
                }
            }
        }
        scalar => {
            let text = scalar_text(scalar);
            let allowed: Vec<String> = schema.enumeration().map(scalar_text).collect();
            if !allowed.is_empty() && !allowed.contains(&text) {
                found.push((path.clone(), format!("#{path}: {text} is not a valid enum value")));
            }
            let wants = schema.types();
            if wants == ["integer"] && text.parse::<i64>().is_err() {
                found.push((path.clone(), format!("#{path}: expected type: Integer, found: String")));
            }
        }
    }
}
