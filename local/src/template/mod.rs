//! Reads, checks and evaluates templates.

mod capabilities;
mod check;
pub(crate) mod dynamic;
pub(crate) mod evaluate;
pub(crate) mod extensions;
mod functions;
mod order;
mod parameters;
mod references;
mod rules;

pub(crate) use self::parameters::assumed_parameter;
pub(crate) use self::references::{get_att, references, single, substitution};

use serde_json::{Map, Value as Json};
use stackwright_synth::Template;
use stackwright_synth::secret::is_no_echo;

use crate::api::error::ServiceError;

/// Returns whether a type is a custom resource: it has no schema, and its handler determines the attributes.
pub(crate) fn is_custom(type_name: &str) -> bool {
    type_name == "AWS::CloudFormation::CustomResource" || type_name.starts_with("Custom::")
}

/// The type of a nested stack.
pub(crate) const NESTED: &str = "AWS::CloudFormation::Stack";

/// The text in responses that replaces a secret.
pub(crate) use stackwright_synth::secret::MASK as HIDDEN;

fn format_error(message: impl std::fmt::Display) -> ServiceError {
    ServiceError::validation(format!("Template format error: {message}"))
}

/// A template.
#[derive(Clone, Debug)]
pub(crate) struct StackTemplate {
    template: Template,
}

impl StackTemplate {
    /// Reads a template without validating it.
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

    /// Returns whether a parameter has `NoEcho`: its value is never shown.
    pub fn is_secret(&self, parameter: &str) -> bool {
        self.top("Parameters").and_then(|all| all.get(parameter)).is_some_and(is_no_echo)
    }

    /// Returns the properties of a resource as responses contain them: a value that refers to a secret is hidden.
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
}

/// Returns a scalar as CloudFormation writes it.
pub(crate) fn scalar_text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        other => stackwright_synth::function::scalar_text(other).into_owned(),
    }
}
