//! Intrinsic functions, resolved.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::Engine as _;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use stackwright_synth::function::{Part, parts};

use crate::state::Resource;
use crate::template::{StackTemplate, get_att, scalar_text, single, substitution};

/// What stands in a change set for what is known when it is executed.
pub(crate) const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// Deeper than any template that can be read.
const MAX_DEPTH: usize = 600;

/// What `Ref` (without an attribute) and `Fn::GetAtt` of a resource yield.
pub(crate) type Lookup<'a> = dyn Fn(&str, Option<&str>) -> Result<Json, String> + 'a;

/// What a name and perhaps an attribute yield of the resource that it is.
pub(crate) fn reference_value(
    resource: Option<&Resource>,
    name: &str,
    attribute: Option<&str>,
) -> Result<Json, String> {
    let resource = resource.ok_or_else(|| format!("{name} is not there"))?;
    let missing = || format!("Attribute '{}' does not exist", attribute.unwrap_or_default());
    resource.value(attribute).ok_or_else(missing)
}

/// What the names of a stack mean.
pub(crate) struct Scope<'a> {
    pub template: &'a StackTemplate,
    pub parameters: &'a IndexMap<String, Json>,
    pub pseudo: BTreeMap<&'static str, Json>,
    /// Name to value and the exporting stack.
    pub exports: &'a BTreeMap<String, (String, String)>,
    pub resource: &'a Lookup<'a>,
    /// Exports that were read.
    pub imported: RefCell<Vec<String>>,
}

impl Scope<'_> {
    /// The value, or `None` where it is `AWS::NoValue`.
    pub fn value(&self, value: &Json) -> Result<Option<Json>, String> {
        self.at(value, 0)
    }

    /// The properties of a resource.
    pub fn properties(&self, resource: &Json) -> Result<Map<String, Json>, String> {
        let written = resource.get("Properties").map_or(Ok(None), |written| self.value(written))?;
        Ok(match written {
            Some(Json::Object(properties)) => properties,
            _ => Map::new(),
        })
    }

    fn at(&self, value: &Json, depth: usize) -> Result<Option<Json>, String> {
        if depth > MAX_DEPTH {
            return Err("Template error: it is nested too deeply".into());
        }
        Ok(Some(match value {
            Json::Object(map) => {
                if let Some((name, argument)) = single(map)
                    && (name == "Ref" || name == "Condition" || name.starts_with("Fn::"))
                    && !(name == "Condition" && argument.is_object())
                {
                    return self.function(name, argument, depth);
                }
                let mut resolved = Map::new();
                for (name, inner) in map {
                    if let Some(inner) = self.at(inner, depth + 1)? {
                        resolved.insert(name.clone(), inner);
                    }
                }
                Json::Object(resolved)
            }
            Json::Array(items) => {
                let mut resolved = Vec::new();
                for item in items {
                    resolved.extend(self.at(item, depth + 1)?);
                }
                Json::Array(resolved)
            }
            // `{{resolve:…}}` stays as it is: nobody sees secrets here.
            other => other.clone(),
        }))
    }

    fn name(&self, name: &str, attribute: Option<&str>) -> Result<Option<Json>, String> {
        if attribute.is_none() {
            if name == "AWS::NoValue" {
                return Ok(None);
            }
            if let Some(value) = self.pseudo.get(name) {
                return Ok(Some(value.clone()));
            }
            if let Some(value) = self.parameters.get(name) {
                return Ok(Some(value.clone()));
            }
        }
        (self.resource)(name, attribute).map(Some)
    }

    fn text(&self, value: &Json, depth: usize) -> Result<String, String> {
        Ok(self.at(value, depth + 1)?.map(|value| scalar_text(&value)).unwrap_or_default())
    }

    fn list(&self, value: &Json, depth: usize) -> Result<Vec<Json>, String> {
        match self.at(value, depth + 1)? {
            Some(Json::Array(items)) => Ok(items),
            Some(Json::String(later)) if later == KNOWN_AFTER_APPLY => Ok(vec![KNOWN_AFTER_APPLY.into()]),
            other => Err(format!("Template error: a list was expected, not {}", other.unwrap_or_default())),
        }
    }

    fn function(&self, name: &str, argument: &Json, depth: usize) -> Result<Option<Json>, String> {
        let arguments = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        let nth = |number: usize| arguments.get(number).unwrap_or(&Json::Null);
        Ok(Some(match name {
            "Ref" => return self.name(argument.as_str().unwrap_or_default(), None),
            "Fn::GetAtt" => {
                let (name, attribute) = get_att(argument)
                    .ok_or("Template error: every Fn::GetAtt object requires two non-empty parameters")?;
                return self.name(&name, Some(&attribute));
            }
            "Condition" => self.condition(argument.as_str().unwrap_or_default(), depth)?.into(),
            "Fn::If" => {
                let holds = self.condition(nth(0).as_str().unwrap_or_default(), depth)?;
                return self.at(nth(if holds { 1 } else { 2 }), depth + 1);
            }
            "Fn::Equals" => (self.at(nth(0), depth + 1)?.map(|one| scalar_text(&one))
                == self.at(nth(1), depth + 1)?.map(|one| scalar_text(&one)))
            .into(),
            "Fn::Not" => (!self.holds(nth(0), depth)?).into(),
            "Fn::And" => {
                let mut all = true;
                for one in arguments {
                    all &= self.holds(one, depth)?;
                }
                all.into()
            }
            "Fn::Or" => {
                let mut any = false;
                for one in arguments {
                    any |= self.holds(one, depth)?;
                }
                any.into()
            }
            "Fn::Sub" => {
                let (text, own) = substitution(argument);
                let mut result = String::new();
                for part in parts(text) {
                    let name = match part {
                        Part::Literal(literal) => {
                            result.push_str(literal);
                            continue;
                        }
                        Part::Variable(name) => name,
                    };
                    let value = match (own.and_then(|own| own.get(name)), name.split_once('.')) {
                        (Some(value), _) => self.at(value, depth + 1)?,
                        (None, Some((resource, attribute))) => self.name(resource, Some(attribute))?,
                        (None, None) => self.name(name, None)?,
                    };
                    result.push_str(&value.map(|value| scalar_text(&value)).unwrap_or_default());
                }
                result.into()
            }
            "Fn::Join" => {
                let delimiter = nth(0).as_str().unwrap_or_default();
                let parts: Vec<String> = self.list(nth(1), depth)?.iter().map(scalar_text).collect();
                parts.join(delimiter).into()
            }
            "Fn::Select" => {
                let index: usize = self.text(nth(0), depth)?.parse().unwrap_or(usize::MAX);
                let items = self.list(nth(1), depth)?;
                if items.len() == 1 && items[0] == KNOWN_AFTER_APPLY {
                    return Ok(Some(KNOWN_AFTER_APPLY.into()));
                }
                items
                    .get(index)
                    .cloned()
                    .ok_or("Template error: Fn::Select cannot select nonexistent value")?
            }
            "Fn::Split" => {
                let delimiter = nth(0).as_str().unwrap_or_default();
                let text = self.text(nth(1), depth)?;
                if text.contains(KNOWN_AFTER_APPLY) {
                    return Ok(Some(vec![KNOWN_AFTER_APPLY].into()));
                }
                text.split(delimiter).map(Json::from).collect()
            }
            "Fn::Base64" => {
                base64::engine::general_purpose::STANDARD.encode(self.text(argument, depth)?).into()
            }
            "Fn::FindInMap" => {
                let keys = [0, 1, 2].map(|number| self.text(nth(number), depth));
                let [map, top, second] = keys;
                let (map, top, second) = (map?, top?, second?);
                let table =
                    self.template.section("Mappings").find(|(name, _)| *name == map).map(|(_, table)| table);
                let found = table.and_then(|table| table.get(&top)?.get(&second)).cloned();
                let default = nth(3).get("DefaultValue").cloned();
                found.or(default).ok_or_else(|| {
                    format!("Template error: Unable to get mapping for {map}::{top}::{second}")
                })?
            }
            "Fn::GetAZs" => {
                let region = self.text(argument, depth)?;
                let region =
                    if region.is_empty() { scalar_text(&self.pseudo["AWS::Region"]) } else { region };
                ["a", "b", "c"].iter().map(|zone| Json::from(format!("{region}{zone}"))).collect()
            }
            "Fn::ImportValue" => {
                let export = self.text(argument, depth)?;
                self.imported.borrow_mut().push(export.clone());
                let value = self.exports.get(&export).map(|(value, _)| value.clone());
                value.ok_or_else(|| format!("No export named {export} found."))?.into()
            }
            "Fn::Cidr" => {
                let block = self.text(nth(0), depth)?;
                let count: usize = self.text(nth(1), depth)?.parse().unwrap_or(1);
                let bits: u8 = self.text(nth(2), depth)?.parse().unwrap_or(8);
                cidr(&block, count, bits)?
            }
            "Fn::Length" => self.list(argument, depth)?.len().into(),
            "Fn::ToJsonString" => {
                let value = self.at(argument, depth + 1)?.unwrap_or_default();
                value.to_string().into()
            }
            other => return Err(format!("Template error: {other} is not rehearsed on this endpoint")),
        }))
    }

    fn holds(&self, value: &Json, depth: usize) -> Result<bool, String> {
        Ok(self.at(value, depth + 1)?.is_some_and(|value| value == true || value == "true"))
    }

    /// Whether a condition of the template holds.
    pub fn condition(&self, name: &str, depth: usize) -> Result<bool, String> {
        let written = self.template.section("Conditions").find(|(known, _)| *known == name);
        let (_, condition) = written
            .ok_or_else(|| format!("Template format error: Unresolved condition dependency {name}"))?;
        if depth > MAX_DEPTH {
            return Err("Template error: conditions depend on each other".into());
        }
        self.holds(condition, depth)
    }

    /// Whether a resource or output is template.
    pub fn is_wanted(&self, value: &Json) -> Result<bool, String> {
        match value.get("Condition").and_then(Json::as_str) {
            Some(name) => self.condition(name, 0),
            None => Ok(true),
        }
    }
}

fn cidr(block: &str, count: usize, bits: u8) -> Result<Json, String> {
    let wrong = || format!("Template error: Fn::Cidr cannot divide {block}");
    let network: ipnet::IpNet = block.parse().map_err(|_| wrong())?;
    let prefix = network.max_prefix_len().checked_sub(bits).ok_or_else(wrong)?;
    let subnets = network.subnets(prefix).map_err(|_| wrong())?;
    Ok(subnets.take(count).map(|subnet| Json::from(subnet.to_string())).collect())
}
