//! Templates as CloudFormation takes them in: what it refuses before anything is done, in its words.

pub(crate) mod evaluate;
pub(crate) mod for_each;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use stackwright_schemas::limits::limits;
use stackwright_schemas::registry;
use stackwright_synth::{Template, function};

use stackwright_synth::intrinsic::PSEUDO_PARAMETERS;

use crate::api::error::ServiceError;
use crate::state::{Environment, State};
use crate::template::evaluate::KNOWN_AFTER_APPLY;

/// Types without a schema, whose attributes nobody knows.
pub(crate) fn is_custom(type_name: &str) -> bool {
    type_name == "AWS::CloudFormation::CustomResource" || type_name.starts_with("Custom::")
}

pub(crate) const NESTED: &str = "AWS::CloudFormation::Stack";

/// What is shown of a secret.
pub(crate) const HIDDEN: &str = "****";

fn format_error(message: impl std::fmt::Display) -> ServiceError {
    ServiceError::validation(format!("Template format error: {message}"))
}

/// A template that was read.
#[derive(Clone, Debug)]
pub(crate) struct StackTemplate {
    template: Template,
}

impl StackTemplate {
    /// Reads a text; what it says is not looked at yet.
    pub fn read(text: &str) -> Result<Self, ServiceError> {
        let template = Template::read(text).map_err(|error| {
            format_error(format!("{} (line {}, column {})", error.message, error.line, error.column))
        })?;
        Ok(Self { template })
    }

    pub fn sections(&self) -> &Map<String, Json> {
        self.template.sections()
    }

    pub fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Json)> {
        self.template.section(name)
    }

    pub fn resource(&self, id: &str) -> Option<&Json> {
        self.top("Resources")?.get(id)
    }

    pub fn top(&self, name: &str) -> Option<&Json> {
        self.template.sections().get(name)
    }

    /// Whether a parameter's value is shown to nobody.
    pub fn is_secret(&self, parameter: &str) -> bool {
        let declared = self.top("Parameters").and_then(|all| all.get(parameter)?.get("NoEcho"));
        declared.is_some_and(|hidden| hidden == true || hidden == "true")
    }

    /// The properties of a resource as they are shown: those that mention a secret are not.
    pub fn shown(&self, written: &Json, properties: &Map<String, Json>) -> Map<String, Json> {
        let mut shown = properties.clone();
        let secrets: Vec<&str> =
            self.section("Parameters").map(|(name, _)| name).filter(|name| self.is_secret(name)).collect();
        if !secrets.is_empty() {
            for (name, value) in &mut shown {
                let mentioned = references(&written["Properties"][name]);
                if mentioned.iter().any(|one| secrets.contains(&one.name.as_str())) {
                    *value = HIDDEN.into();
                }
            }
        }
        shown
    }

    /// What no stack can be made of.
    pub fn check(&self, region: &str) -> Result<(), ServiceError> {
        if self.section("Resources").next().is_none() {
            return Err(format_error("At least one Resources member must be defined."));
        }
        let limits = limits();
        for (name, most) in [
            ("Resources", limits.resources),
            ("Parameters", limits.parameters),
            ("Outputs", limits.outputs),
            ("Mappings", limits.mappings),
        ] {
            let number = self.section(name).count();
            if number > most {
                let name = name.to_lowercase();
                return Err(format_error(format!(
                    "Number of {name}, {number}, is greater than maximum allowed, {most}"
                )));
            }
        }
        for (name, what) in [("Resources", "Resource"), ("Parameters", "Parameter"), ("Outputs", "Output")] {
            let is_plain = |id: &str| id.chars().all(|one| one.is_ascii_alphanumeric());
            if let Some((id, _)) = self.section(name).find(|(id, _)| !is_plain(id)) {
                return Err(format_error(format!("{what} name {id} is non alphanumeric.")));
            }
        }
        for name in self.template.sections().keys() {
            if !Template::SECTIONS.contains(&name.as_str()) {
                return Err(ServiceError::validation(format!(
                    "Invalid template property or properties [{name}]"
                )));
            }
        }
        if self.top("Transform").is_some() {
            self.check_transform()?;
        }
        let mut unknown = Vec::new();
        for (id, resource) in self.section("Resources") {
            let Some(kind) = resource.get("Type").and_then(Json::as_str) else {
                return Err(format_error(format!(
                    "[/Resources/{id}] Every Resources object must contain a Type member."
                )));
            };
            let is_there =
                registry::resource_type(kind).is_some_and(|known| known.is_in(region) != Some(false));
            if !is_there && !is_custom(kind) {
                unknown.push(kind);
            }
        }
        if !unknown.is_empty() {
            return Err(format_error(format!("Unrecognized resource types: [{}]", unknown.join(", "))));
        }
        self.check_references()?;
        self.order().map(drop)
    }

    /// Refuses transforms other than the language extensions, and loops without them.
    pub fn check_transform(&self) -> Result<(), ServiceError> {
        const EXTENSIONS: &str = "AWS::LanguageExtensions";
        match self.top("Transform") {
            Some(transform) if transform == EXTENSIONS || *transform == serde_json::json!([EXTENSIONS]) => {
                Ok(())
            }
            Some(transform) => {
                Err(ServiceError::validation(format!("No transform named {} found.", scalar_text(transform))))
            }
            None => Err(format_error(format!("Fn::ForEach needs the transform {EXTENSIONS}"))),
        }
    }

    fn check_references(&self) -> Result<(), ServiceError> {
        let known: BTreeSet<&str> =
            self.section("Parameters").chain(self.section("Resources")).map(|(id, _)| id).collect();
        for block in ["Resources", "Outputs"] {
            let mut missing = BTreeSet::new();
            for (id, value) in self.section(block) {
                for found in references(value) {
                    if !known.contains(found.name.as_str())
                        && !PSEUDO_PARAMETERS.contains(&found.name.as_str())
                    {
                        missing.insert(found.name);
                    } else if let Some(attribute) = found.attribute.as_ref().filter(|one| !one.is_empty()) {
                        self.check_attribute(&found.name, attribute)?;
                    }
                }
                for other in depends_on(value) {
                    if self.resource(other).is_none() {
                        missing.insert(other.to_owned());
                    }
                }
                if let Some(condition) = value.get("Condition").and_then(Json::as_str)
                    && !self.section("Conditions").any(|(name, _)| name == condition)
                {
                    return Err(format_error(format!("Unresolved condition {condition} in {id}")));
                }
            }
            if !missing.is_empty() {
                let names: Vec<_> = missing.into_iter().collect();
                return Err(format_error(format!(
                    "Unresolved resource dependencies [{}] in the {block} block of the template",
                    names.join(", ")
                )));
            }
        }
        Ok(())
    }

    fn check_attribute(&self, id: &str, attribute: &str) -> Result<(), ServiceError> {
        let kind = self.resource(id).and_then(|resource| resource.get("Type")?.as_str()).unwrap_or_default();
        if is_custom(kind) || (kind == NESTED && attribute.starts_with("Outputs.")) {
            return Ok(());
        }
        let is_known = registry::resource_type(kind)
            .is_none_or(|kind| kind.attributes().iter().any(|name| name == attribute));
        if is_known {
            return Ok(());
        }
        Err(ServiceError::validation(format!(
            "Template error: resource {id} does not support attribute type {attribute} in Fn::GetAtt"
        )))
    }

    /// Resources, each after those that it refers to.
    pub fn order(&self) -> Result<Vec<String>, ServiceError> {
        let mut waiting: IndexMap<&str, BTreeSet<String>> =
            self.section("Resources").map(|(id, resource)| (id, self.needs(resource))).collect();
        let mut ordered = Vec::new();
        while !waiting.is_empty() {
            let ready: Vec<&str> = waiting
                .iter()
                .filter(|(_, needs)| needs.iter().all(|need| !waiting.contains_key(need.as_str())))
                .map(|(id, _)| *id)
                .collect();
            if ready.is_empty() {
                let ids: Vec<_> = waiting.keys().copied().collect();
                return Err(ServiceError::validation(format!(
                    "Circular dependency between resources: [{}]",
                    ids.join(", ")
                )));
            }
            for id in ready {
                waiting.shift_remove(id);
                ordered.push(id.to_owned());
            }
        }
        Ok(ordered)
    }

    /// The resources that a resource has to come after.
    pub fn needs(&self, resource: &Json) -> BTreeSet<String> {
        references(resource)
            .into_iter()
            .map(|found| found.name)
            .chain(depends_on(resource).into_iter().map(str::to_owned))
            .filter(|name| self.resource(name).is_some())
            .collect()
    }

    /// The capabilities without which a stack of this template is refused; one of each list.
    pub fn capabilities(&self) -> Option<&'static str> {
        let named = self.section("Resources").any(|(_, resource)| {
            let properties = &resource["Properties"];
            match resource["Type"].as_str().unwrap_or_default() {
                "AWS::IAM::Role" => properties.get("RoleName").is_some(),
                "AWS::IAM::User" => properties.get("UserName").is_some(),
                "AWS::IAM::Group" => properties.get("GroupName").is_some(),
                "AWS::IAM::ManagedPolicy" => properties.get("ManagedPolicyName").is_some(),
                _ => false,
            }
        });
        let any = self
            .section("Resources")
            .any(|(_, resource)| resource["Type"].as_str().unwrap_or_default().starts_with("AWS::IAM::"));
        match (named, any) {
            (true, _) => Some("CAPABILITY_NAMED_IAM"),
            (false, true) => Some("CAPABILITY_IAM"),
            _ => None,
        }
    }

    /// Refuses what the caller has not said that it may make.
    pub fn check_capabilities(&self, given: &[String]) -> Result<(), ServiceError> {
        let Some(needed) = self.capabilities() else { return Ok(()) };
        let has = |name: &str| given.iter().any(|one| one == name);
        if has(needed) || has("CAPABILITY_NAMED_IAM") {
            return Ok(());
        }
        Err(ServiceError::new(
            "InsufficientCapabilitiesException",
            format!("Requires capabilities : [{needed}]"),
        ))
    }

    /// The parameters' values: given, kept from before, or by default.
    pub fn parameters(
        &self,
        given: &[Json],
        before: &IndexMap<String, String>,
    ) -> Result<IndexMap<String, String>, ServiceError> {
        let mut asked: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for one in given {
            let name = one["ParameterKey"].as_str().unwrap_or_default();
            let keeps = one["UsePreviousValue"].as_str() == Some("true");
            asked.insert(name, if keeps { None } else { one["ParameterValue"].as_str() });
        }
        let declared: BTreeSet<&str> = self.section("Parameters").map(|(name, _)| name).collect();
        let strangers: Vec<&str> = asked.keys().copied().filter(|name| !declared.contains(name)).collect();
        if !strangers.is_empty() {
            return Err(ServiceError::validation(format!(
                "Parameters: [{}] do not exist in the template",
                strangers.join(", ")
            )));
        }
        let (mut values, mut missing) = (IndexMap::new(), Vec::new());
        for (name, parameter) in self.section("Parameters") {
            let value = match asked.get(name) {
                Some(Some(value)) => Some((*value).to_owned()),
                Some(None) => before.get(name).cloned(),
                None => parameter.get("Default").map(scalar_text),
            };
            match value {
                Some(value) => {
                    // What is known only when something else is made is checked then.
                    if !value.contains(KNOWN_AFTER_APPLY) {
                        check_parameter(name, parameter, &value)?;
                    }
                    values.insert(name.to_owned(), value);
                }
                None => missing.push(name),
            }
        }
        if missing.is_empty() {
            return Ok(values);
        }
        Err(ServiceError::validation(format!("Parameters: [{}] must have values", missing.join(", "))))
    }

    /// The parameters' values as `Ref` yields them: lists split, SSM parameters looked up.
    pub fn parameter_values(
        &self,
        values: &IndexMap<String, String>,
        state: &State,
        environment: Environment<'_>,
    ) -> Result<IndexMap<String, Json>, ServiceError> {
        values
            .iter()
            .map(|(name, value)| {
                let kind = self
                    .section("Parameters")
                    .find(|(known, _)| known == name)
                    .and_then(|(_, parameter)| parameter.get("Type")?.as_str())
                    .unwrap_or("String");
                let inner =
                    kind.strip_prefix("AWS::SSM::Parameter::Value<").and_then(|rest| rest.strip_suffix('>'));
                let value = match inner {
                    None => value.clone(),
                    Some(_) => state.parameter(environment, value).map(|one| one.value).ok_or_else(|| {
                        ServiceError::validation(format!(
                            "Unable to fetch parameters [{value}] from parameter store for this account."
                        ))
                    })?,
                };
                let kind = inner.unwrap_or(kind);
                let is_list = kind.starts_with("List<") || kind == "CommaDelimitedList";
                let value = if is_list {
                    value.split(',').map(|part| Json::from(part.trim())).collect()
                } else {
                    Json::from(value)
                };
                Ok((name.clone(), value))
            })
            .collect()
    }
}

fn check_parameter(name: &str, parameter: &Json, value: &str) -> Result<(), ServiceError> {
    let allowed: Vec<String> =
        parameter["AllowedValues"].as_array().into_iter().flatten().map(scalar_text).collect();
    if !allowed.is_empty() && !allowed.iter().any(|one| one == value) {
        return Err(ServiceError::validation(format!("Parameter '{name}' must be one of AllowedValues")));
    }
    let fails = |what: &str| {
        let text = parameter["ConstraintDescription"].as_str().map_or_else(|| what.to_owned(), str::to_owned);
        ServiceError::validation(format!("Parameter {name} failed to satisfy constraint: {text}"))
    };
    if parameter["Type"] == "Number" {
        let Ok(number) = value.parse::<f64>() else {
            return Err(ServiceError::validation(format!("Parameter '{name}' must be a number.")));
        };
        let bound = |key: &str| scalar_text(&parameter[key]).parse::<f64>().ok();
        if bound("MinValue").is_some_and(|least| number < least) {
            return Err(fails(&format!(
                "must be greater than or equal to {}",
                scalar_text(&parameter["MinValue"])
            )));
        }
        if bound("MaxValue").is_some_and(|most| number > most) {
            return Err(fails(&format!(
                "must be less than or equal to {}",
                scalar_text(&parameter["MaxValue"])
            )));
        }
    }
    let pattern = parameter["AllowedPattern"].as_str();
    // A pattern that only another engine knows keeps nothing out.
    let validator = pattern.and_then(|pattern| {
        jsonschema::draft7::new(&serde_json::json!({ "pattern": format!("^(?:{pattern})$") })).ok()
    });
    if let Some(pattern) = pattern
        && validator.is_some_and(|validator| !validator.is_valid(&value.into()))
    {
        return Err(fails(&format!("must match pattern {pattern}")));
    }
    let length = value.chars().count();
    let bound = |key: &str| scalar_text(&parameter[key]).parse::<usize>().ok();
    if bound("MinLength").is_some_and(|least| length < least) {
        return Err(fails(&format!("must have length at least {}", scalar_text(&parameter["MinLength"]))));
    }
    if bound("MaxLength").is_some_and(|most| length > most) {
        return Err(fails(&format!("must have length at most {}", scalar_text(&parameter["MaxLength"]))));
    }
    Ok(())
}

/// A scalar as CloudFormation writes it.
pub(crate) fn scalar_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

pub(crate) fn depends_on(resource: &Json) -> Vec<&str> {
    match &resource["DependsOn"] {
        Json::String(one) => vec![one],
        Json::Array(all) => all.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A name that something refers to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    pub name: String,
    /// Of `Fn::GetAtt`; empty where it is no text.
    pub attribute: Option<String>,
}

/// Everything that a value refers to.
pub(crate) fn references(value: &Json) -> Vec<Reference> {
    let mut found = Vec::new();
    function::references(value, &mut String::new(), &mut |name, attribute, _| {
        found.push(Reference { name: name.to_owned(), attribute: attribute.map(Cow::into_owned) });
    });
    found
}

/// The one entry of an object with one.
pub(crate) fn single(map: &Map<String, Json>) -> Option<(&str, &Json)> {
    let mut entries = map.iter();
    let (name, value) = entries.next()?;
    entries.next().is_none().then_some((name.as_str(), value))
}

pub(crate) fn get_att(argument: &Json) -> Option<(String, String)> {
    match argument {
        Json::String(text) => {
            text.split_once('.').map(|(name, attribute)| (name.to_owned(), attribute.to_owned()))
        }
        Json::Array(parts) => Some((parts.first()?.as_str()?.to_owned(), parts.get(1)?.as_str()?.to_owned())),
        _ => None,
    }
}

/// The text of an `Fn::Sub` with its own names.
pub(crate) fn substitution(argument: &Json) -> (&str, Option<&Map<String, Json>>) {
    match argument {
        Json::String(text) => (text, None),
        Json::Array(parts) => {
            (parts.first().and_then(Json::as_str).unwrap_or_default(), parts.get(1).and_then(Json::as_object))
        }
        _ => ("", None),
    }
}
