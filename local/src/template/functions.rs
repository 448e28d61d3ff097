//! The intrinsic functions; each is resolved by a separate function.

use base64::Engine as _;
use serde_json::Value as Json;
use stackwright_synth::function::{Part, parts};

use super::evaluate::{KNOWN_AFTER_APPLY, MAX_TEXT, Scope, is_unknown};
use super::{get_att, scalar_text, substitution};

/// A resolved value; nothing for `AWS::NoValue`.
type Resolved = Result<Option<Json>, String>;

/// The maximum number of CIDR blocks that `Fn::Cidr` returns.
const MAX_CIDRS: usize = 256;

/// A list, if it is known already.
enum Items {
    Known(Vec<Json>),
    Unknown,
}

impl Scope<'_> {
    /// Resolves a function.
    pub(super) fn function(&self, name: &str, argument: &Json, depth: usize) -> Resolved {
        let arguments = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match name {
            "Ref" => self.reference(argument, depth),
            "Fn::GetAtt" => self.attribute(argument, depth),
            "Condition" => Ok(Some(self.condition(argument.as_str().unwrap_or_default())?.into())),
            "Fn::If" => self.if_(arguments, depth),
            "Fn::Equals" => self.equals(arguments, depth),
            "Fn::Not" => self.not(arguments, depth),
            "Fn::And" | "Fn::Or" => self.all_or_any(name, arguments, depth),
            "Fn::Sub" => self.sub(argument, depth),
            "Fn::Join" => self.join(arguments, depth),
            "Fn::Select" => self.select(arguments, depth),
            "Fn::Split" => self.split(arguments, depth),
            "Fn::Base64" => self.base64(argument, depth),
            "Fn::FindInMap" => self.find_in_map(arguments, depth),
            "Fn::GetAZs" => self.availability_zones(argument, depth),
            "Fn::ImportValue" => self.import_value(argument, depth),
            "Fn::Cidr" => self.cidr(arguments, depth),
            "Fn::Length" => Ok(Some(match self.items(argument, depth)? {
                Items::Known(items) => items.len().into(),
                Items::Unknown => KNOWN_AFTER_APPLY.into(),
            })),
            "Fn::ToJsonString" => {
                let value = self.at(argument, depth + 1)?.unwrap_or_default();
                Ok(Some(bounded("Fn::ToJsonString", value.to_string())?))
            }
            "Fn::Transform" => {
                Err("Template error: local mode runs no macros, and Fn::Transform is one. Expand the \
                                    template first"
                    .into())
            }
            other => Err(format!("Template error: local mode does not know the function {other}")),
        }
    }

    fn text(&self, value: &Json, depth: usize) -> Result<String, String> {
        match value {
            Json::String(text) => Ok(text.clone()),
            other => Ok(self.at(other, depth + 1)?.map(|value| scalar_text(&value)).unwrap_or_default()),
        }
    }

    fn items(&self, value: &Json, depth: usize) -> Result<Items, String> {
        match self.at(value, depth + 1)? {
            Some(Json::Array(items)) => Ok(Items::Known(items)),
            Some(text) if is_unknown(&text) => Ok(Items::Unknown),
            other => Err(format!("Template error: a list was expected, not {}", other.unwrap_or_default())),
        }
    }

    fn reference(&self, argument: &Json, depth: usize) -> Resolved {
        let name = self.text(argument, depth)?;
        self.name(&name, None)
    }

    fn attribute(&self, argument: &Json, depth: usize) -> Resolved {
        let wrong = "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the \
                     resource attribute";
        if let Some((name, attribute)) = get_att(argument) {
            return self.name(&name, Some(&attribute));
        }
        // The language extensions allow functions as the name; the attribute may always be one.
        let [name, attribute] = argument.as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err(wrong.into());
        };
        let (name, attribute) = (self.text(name, depth)?, self.text(attribute, depth)?);
        if name.is_empty() || attribute.is_empty() {
            return Err(wrong.into());
        }
        self.name(&name, Some(&attribute))
    }

    fn if_(&self, arguments: &[Json], depth: usize) -> Resolved {
        let [Json::String(condition), when_true, when_false] = arguments else {
            return Err("Template error: Fn::If requires a list argument with three parameters".into());
        };
        self.at(if self.condition(condition)? { when_true } else { when_false }, depth + 1)
    }

    fn equals(&self, arguments: &[Json], depth: usize) -> Resolved {
        let [one, other] = arguments else {
            return Err("Template error: Fn::Equals requires a list argument with two parameters".into());
        };
        let text =
            |value: &Json| Ok::<_, String>(self.at(value, depth + 1)?.map(|value| scalar_text(&value)));
        Ok(Some((text(one)? == text(other)?).into()))
    }

    fn not(&self, arguments: &[Json], depth: usize) -> Resolved {
        check_conditions("Fn::Not", arguments)?;
        Ok(Some((!self.holds(nth(arguments, 0), depth)?).into()))
    }

    fn all_or_any(&self, name: &str, arguments: &[Json], depth: usize) -> Resolved {
        check_conditions(name, arguments)?;
        let is_all = name == "Fn::And";
        let mut result = is_all;
        for one in arguments {
            let holds = self.holds(one, depth)?;
            result = if is_all { result && holds } else { result || holds };
        }
        Ok(Some(result.into()))
    }

    fn sub(&self, argument: &Json, depth: usize) -> Resolved {
        let (text, variables) = substitution(argument);
        let mut own = std::collections::BTreeMap::new();
        for (name, value) in variables.into_iter().flatten() {
            own.insert(name.as_str(), self.at(value, depth + 1)?);
        }
        let mut result = String::new();
        for part in parts(text) {
            let name = match part {
                Part::Literal(literal) => {
                    result.push_str(literal);
                    continue;
                }
                Part::Variable(name) => name,
            };
            let value = match (own.get(name), name.split_once('.')) {
                (Some(value), _) => value.clone(),
                (None, Some((resource, attribute))) => self.name(resource, Some(attribute))?,
                (None, None) => self.name(name, None)?,
            };
            if value.as_ref().is_some_and(is_composite) {
                return Err(format!(
                    "Template error: variable {name} in Fn::Sub expression does not resolve to a string"
                ));
            }
            result.push_str(&value.map(|value| scalar_text(&value)).unwrap_or_default());
            if result.len() > MAX_TEXT {
                return Err(too_long("Fn::Sub"));
            }
        }
        Ok(Some(result.into()))
    }

    fn join(&self, arguments: &[Json], depth: usize) -> Resolved {
        let wrong = "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of \
                     strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.";
        let [Json::String(delimiter), list] = arguments else { return Err(wrong.into()) };
        let items = match self.items(list, depth)? {
            Items::Known(items) => items,
            Items::Unknown => return Ok(Some(KNOWN_AFTER_APPLY.into())),
        };
        if items.iter().any(is_composite) {
            return Err(wrong.into());
        }
        let texts: Vec<String> = items.iter().map(scalar_text).collect();
        Ok(Some(bounded("Fn::Join", texts.join(delimiter))?))
    }

    fn select(&self, arguments: &[Json], depth: usize) -> Resolved {
        let index = self.text(nth(arguments, 0), depth)?;
        let items = match self.items(nth(arguments, 1), depth)? {
            Items::Known(items) => items,
            Items::Unknown => return Ok(Some(KNOWN_AFTER_APPLY.into())),
        };
        if index.contains(KNOWN_AFTER_APPLY) {
            return Ok(Some(KNOWN_AFTER_APPLY.into()));
        }
        let found = index.parse::<usize>().ok().and_then(|index| items.get(index).cloned());
        found.map(Some).ok_or_else(|| {
            format!("Template error: Fn::Select cannot select nonexistent value at index {index}")
        })
    }

    fn split(&self, arguments: &[Json], depth: usize) -> Resolved {
        let delimiter = nth(arguments, 0).as_str().filter(|delimiter| !delimiter.is_empty());
        let delimiter =
            delimiter.ok_or("Template error: Fn::Split requires a non-empty string as its delimiter")?;
        let text = self.text(nth(arguments, 1), depth)?;
        if text.contains(KNOWN_AFTER_APPLY) {
            return Ok(Some(KNOWN_AFTER_APPLY.into()));
        }
        Ok(Some(text.split(delimiter).map(Json::from).collect()))
    }

    fn base64(&self, argument: &Json, depth: usize) -> Resolved {
        let text = self.text(argument, depth)?;
        if text.contains(KNOWN_AFTER_APPLY) {
            return Ok(Some(KNOWN_AFTER_APPLY.into()));
        }
        Ok(Some(base64::engine::general_purpose::STANDARD.encode(text).into()))
    }

    fn find_in_map(&self, arguments: &[Json], depth: usize) -> Resolved {
        let [map, top, second] = [0, 1, 2].map(|number| self.text(nth(arguments, number), depth));
        let (map, top, second) = (map?, top?, second?);
        let table = self.template.top("Mappings").and_then(|all| all.get(&map));
        if let Some(found) = table.and_then(|table| table.get(&top)?.get(&second)) {
            return Ok(Some(found.clone()));
        }
        match nth(arguments, 3).get("DefaultValue") {
            Some(default) => self.at(default, depth + 1),
            None => Err(format!("Template error: Unable to get mapping for {map}::{top}::{second}")),
        }
    }

    fn availability_zones(&self, argument: &Json, depth: usize) -> Resolved {
        let region = self.text(argument, depth)?;
        let region = match region.is_empty() {
            true => self.pseudo.get("AWS::Region").map(scalar_text).unwrap_or_default(),
            false => region,
        };
        Ok(Some(["a", "b", "c"].iter().map(|zone| Json::from(format!("{region}{zone}"))).collect()))
    }

    fn import_value(&self, argument: &Json, depth: usize) -> Resolved {
        let export = self.text(argument, depth)?;
        self.imported.borrow_mut().push(export.clone());
        let value = self.exports.get(&export).map(|(value, _)| value.clone());
        Ok(Some(value.ok_or_else(|| format!("No export named {export} found."))?.into()))
    }

    fn cidr(&self, arguments: &[Json], depth: usize) -> Resolved {
        if !(2..=3).contains(&arguments.len()) {
            return Err(
                "Template error: every Fn::Cidr object requires an IP block, a count and the subnet bits"
                    .into(),
            );
        }
        let block = self.text(&arguments[0], depth)?;
        let count = self.text(&arguments[1], depth)?;
        let bits = arguments.get(2).map(|bits| self.text(bits, depth)).transpose()?;
        let is_later = |text: &str| text.contains(KNOWN_AFTER_APPLY);
        if is_later(&block) || is_later(&count) || bits.as_deref().is_some_and(is_later) {
            return Ok(Some(KNOWN_AFTER_APPLY.into()));
        }
        let wrong = |what: &str| format!("Template error: Fn::Cidr: {what}");
        let count = count.parse::<usize>().ok().filter(|count| (1..=MAX_CIDRS).contains(count));
        let count = count.ok_or_else(|| wrong(&format!("the count must be between 1 and {MAX_CIDRS}")))?;
        let bits = match bits {
            Some(text) => text.parse::<u8>().map_err(|_| wrong("the subnet bits must be a number"))?,
            None => 8,
        };
        cidrs(&block, count, bits).map(Some)
    }
}

/// Rejects a number of conditions that a condition function does not accept.
pub(super) fn check_conditions(function: &str, arguments: &[Json]) -> Result<(), String> {
    match (function, arguments.len()) {
        ("Fn::Not", 1) | ("Fn::And" | "Fn::Or", 2..=10) => Ok(()),
        ("Fn::Not", _) => {
            Err("Template error: every Fn::Not object requires one boolean parameter.".to_owned())
        }
        ("Fn::And" | "Fn::Or", _) => Err(format!(
            "Template error: every {function} object requires a list of at least 2 and at most 10 boolean parameters."
        )),
        _ => Ok(()),
    }
}

/// Returns whether a value is a list or an object, and not a string.
fn is_composite(value: &Json) -> bool {
    value.is_array() || value.is_object()
}

fn nth(arguments: &[Json], number: usize) -> &Json {
    arguments.get(number).unwrap_or(&Json::Null)
}

fn bounded(function: &str, text: String) -> Result<Json, String> {
    if text.len() > MAX_TEXT { Err(too_long(function)) } else { Ok(text.into()) }
}

fn too_long(function: &str) -> String {
    format!("Template error: the result of {function} is longer than {MAX_TEXT} bytes")
}

/// Returns a number of blocks, each with a number of host bits, within a block.
fn cidrs(block: &str, count: usize, bits: u8) -> Result<Json, String> {
    let network: ipnet::IpNet =
        block.parse().map_err(|_| format!("Template error: Fn::Cidr: {block} is not a CIDR block"))?;
    let cannot =
        || format!("Template error: Fn::Cidr: {block} has no {count} blocks with {bits} subnet bits each");
    let prefix = network.max_prefix_len().checked_sub(bits).ok_or_else(cannot)?;
    let subnets = network.subnets(prefix).map_err(|_| cannot())?;
    let found: Vec<Json> = subnets.take(count).map(|subnet| Json::from(subnet.to_string())).collect();
    if found.len() < count { Err(cannot()) } else { Ok(found.into()) }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use indexmap::IndexMap;
    use serde_json::json;

    use super::*;
    use crate::template::StackTemplate;

    /// Evaluates a value in a stack whose resource `Vpc` has these attributes; everything else is not yet known.
    fn evaluated(value: &Json, attributes: &[(&str, Json)], conditions: Json) -> Result<Json, String> {
        let text = json!({
            "Resources": { "Vpc": { "Type": "AWS::EC2::VPC" } },
            "Conditions": conditions,
            "Mappings": { "Sizes": { "small": { "count": 2 } } },
        });
        let template = StackTemplate::read(&text.to_string()).unwrap();
        let parameters = IndexMap::from([("Attribute".to_owned(), Json::from("CidrBlock"))]);
        let lookup = |_: &str, attribute: Option<&str>| {
            let found = attributes.iter().find(|(name, _)| Some(*name) == attribute);
            Ok(found.map_or_else(|| KNOWN_AFTER_APPLY.into(), |(_, value)| value.clone()))
        };
        let scope = Scope {
            template: &template,
            parameters: &parameters,
            pseudo: BTreeMap::from([("AWS::Region", Json::from("eu-west-1"))]),
            exports: &BTreeMap::new(),
            resource: &lookup,
            imported: RefCell::default(),
            progress: Default::default(),
        };
        scope.value(value).map(Option::unwrap_or_default)
    }

    fn subnet() -> Json {
        json!({ "Fn::Select": [1, { "Fn::Cidr": [{ "Fn::GetAtt": ["Vpc", "CidrBlock"] }, 4, 8] }] })
    }

    #[test]
    fn functions_of_unresolved_values_stay_unresolved() {
        let zones = json!({ "Fn::Select": [0, { "Fn::Split": [",", { "Fn::GetAtt": "Vpc.CidrBlock" }] }] });
        let joined = json!({ "Fn::Join": ["-", { "Fn::GetAtt": "Vpc.Ipv6CidrBlocks" }] });
        let nested = json!({ "Fn::Join": ["", ["x", { "Fn::Select": ["2", { "Fn::GetAtt": "Vpc.Ipv6CidrBlocks" }] }]] });
        for value in
            [subnet(), zones, joined, nested, json!({ "Fn::Base64": { "Fn::GetAtt": "Vpc.CidrBlock" } })]
        {
            let found = evaluated(&value, &[], json!({})).unwrap();
            assert!(is_unknown(&found), "{value} {found}");
        }
    }

    #[test]
    fn functions_of_known_values_are_resolved() {
        let known = [("CidrBlock", json!("10.0.0.0/16"))];
        assert_eq!(evaluated(&subnet(), &known, json!({})).unwrap(), "10.0.1.0/24");
        let six = json!({ "Fn::Cidr": ["2001:db8::/56", 2, 64] });
        assert_eq!(evaluated(&six, &[], json!({})).unwrap(), json!(["2001:db8::/64", "2001:db8:0:1::/64"]));
        let function = json!({ "Fn::GetAtt": ["Vpc", { "Ref": "Attribute" }] });
        assert_eq!(evaluated(&function, &known, json!({})).unwrap(), "10.0.0.0/16");
        let default = json!({ "Fn::FindInMap": ["Sizes", "large", "count", { "DefaultValue": { "Ref": "AWS::Region" } }] });
        assert_eq!(evaluated(&default, &[], json!({})).unwrap(), "eu-west-1");
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for (value, message) in [
            (json!({ "Fn::Cidr": ["10.0.0.0/16", 257, 8] }), "between 1 and 256"),
            (json!({ "Fn::Cidr": ["10.0.0.0/16", 0, 8] }), "between 1 and 256"),
            (json!({ "Fn::Cidr": ["10.0.0.0/30", 4, 2] }), "has no 4 blocks"),
            (json!({ "Fn::Cidr": ["x", 1, 2] }), "not a CIDR block"),
            (json!({ "Fn::Select": [2, ["a", "b"]] }), "nonexistent value"),
            (json!({ "Fn::Split": ["", "a"] }), "non-empty"),
            (json!({ "Fn::Not": [] }), "requires one boolean parameter"),
            (json!({ "Fn::And": [{ "Fn::Equals": [1, 1] }] }), "at least 2 and at most 10"),
            (json!({ "Fn::Or": vec![json!({ "Fn::Equals": [1, 1] }); 11] }), "at least 2 and at most 10"),
            (json!({ "Fn::Join": [",", [["a"], "b"]] }), "list of strings to be joined"),
            (json!({ "Fn::Sub": ["${a}", { "a": ["b"] }] }), "variable a in Fn::Sub"),
        ] {
            let error = evaluated(&value, &[], json!({})).unwrap_err();
            assert!(error.contains(message), "{value} {error}");
        }
    }

    #[test]
    fn functions_that_double_their_result_at_each_level_are_refused() {
        let mut value = json!("aaaaaaaa");
        for _ in 0..60 {
            value = json!({ "Fn::Sub": ["${a}${a}", { "a": value }] });
        }
        assert!(evaluated(&value, &[], json!({})).unwrap_err().contains("longer than"));
    }

    #[test]
    fn results_that_take_too_much_memory_are_refused() {
        let text = "x".repeat(4_000);
        let one = json!({ "Fn::Sub": ["${a}".repeat(250), { "a": text }] });
        let all = vec![one; 100];
        assert!(evaluated(&json!(all), &[], json!({})).unwrap_err().contains("bytes in all"));
    }

    #[test]
    fn conditions_are_evaluated_once_and_cycles_are_refused() {
        let mut conditions = json!({ "C0": { "Fn::Equals": ["a", "a"] } });
        for number in 1..60 {
            let below = json!({ "Condition": format!("C{}", number - 1) });
            conditions[format!("C{number}")] = json!({ "Fn::And": [below.clone(), below] });
        }
        let value = json!({ "Fn::If": ["C59", "yes", "no"] });
        assert_eq!(evaluated(&value, &[], conditions).unwrap(), "yes");
        let mut chain = json!({ "C0": { "Fn::Equals": ["a", "a"] } });
        for number in 1..20_000 {
            chain[format!("C{number}")] = json!({ "Fn::Not": [{ "Condition": format!("C{}", number - 1) }] });
        }
        assert_eq!(evaluated(&json!({ "Fn::If": ["C19999", "yes", "no"] }), &[], chain).unwrap(), "no");
        let own = json!({ "A": { "Fn::If": ["A", true, false] } });
        let error = evaluated(&json!({ "Fn::If": ["A", 1, 2] }), &[], own).unwrap_err();
        assert!(error.contains("Circular dependency"), "{error}");
        let cycle =
            json!({ "A": { "Fn::Not": [{ "Condition": "B" }] }, "B": { "Fn::Not": [{ "Condition": "A" }] } });
        let error = evaluated(&json!({ "Fn::If": ["A", 1, 2] }), &[], cycle).unwrap_err();
        assert!(error.contains("Circular dependency"), "{error}");
    }
}
