//! Values that nobody should see: those of parameters with `NoEcho`, and properties that are made of them.

use serde_json::Value as Json;
use stackwright_synth::StackArtifact;
use stackwright_synth::function::references;

/// What stands in their place, as CloudFormation has it.
const HIDDEN: &str = "****";

/// What of a stack is secret.
pub(crate) struct Secrets<'a> {
    stack: &'a StackArtifact,
    parameters: Vec<&'a str>,
}

impl<'a> Secrets<'a> {
    pub fn of(stack: &'a StackArtifact) -> Self {
        let is_hidden = |parameter: &Json| parameter["NoEcho"] == true || parameter["NoEcho"] == "true";
        let declared = stack.template.section("Parameters");
        let parameters = declared.filter(|(_, one)| is_hidden(one)).map(|(name, _)| name).collect();
        Self { stack, parameters }
    }

    /// Hides a value of a property, if it is made of a secret.
    pub fn hide(&self, logical_id: &str, property: &str, value: &mut Option<String>) {
        if value.is_some() && self.covers(logical_id, property) {
            *value = Some(HIDDEN.into());
        }
    }

    /// Whether a property, or for lack of it the whole resource, mentions a secret parameter.
    pub fn covers(&self, logical_id: &str, property: &str) -> bool {
        if self.parameters.is_empty() {
            return false;
        }
        let Some((_, resource)) = self.stack.template.resources().find(|(id, _)| *id == logical_id) else {
            // A resource that goes, or one of a nested stack: nobody knows what is in it.
            return true;
        };
        let written = resource["Properties"].get(property).unwrap_or(resource);
        self.parameters.iter().any(|name| mentions(written, name))
    }
}

fn mentions(value: &Json, parameter: &str) -> bool {
    let mut found = false;
    references(value, &mut String::new(), &mut |name, _, _| found |= name == parameter);
    found
}
