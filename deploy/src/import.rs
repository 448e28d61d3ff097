//! Taking in what is there already.

use std::collections::BTreeMap;

use stackwright_schemas::registry::resource_type;
use stackwright_synth::StackArtifact;

use crate::error::DeployError;

/// A resource to take in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// What the template calls it.
    pub logical_id: String,
    /// Its type.
    pub resource_type: String,
    /// What identifies it: the type's primary identifier.
    pub identifier: BTreeMap<String, String>,
}

impl Import {
    /// A resource of the template, by its logical id. `values` are the parts of its primary identifier, in the order of
    /// the type's schema; where they are not given, the template's own properties say it.
    ///
    /// # Errors
    /// [`DeployError::Import`] if the template has no such resource, or what identifies it is not known.
    pub fn of(stack: &StackArtifact, logical_id: &str, values: &[String]) -> Result<Self, DeployError> {
        let refuse = |what: String| DeployError::Import { resource: logical_id.to_owned(), what };
        let (_, resource) = stack
            .template
            .resources()
            .find(|(id, _)| *id == logical_id)
            .ok_or_else(|| refuse(format!("the stack {} has no such resource", stack.name)))?;
        let name = resource["Type"].as_str().unwrap_or_default();
        let parts: Vec<&str> =
            resource_type(name).map(|kind| kind.primary_identifier().collect()).ok_or_else(|| {
                refuse(format!("the registry has no type {name}, so that nobody knows what identifies it"))
            })?;
        if resource["DeletionPolicy"].is_null() {
            return Err(refuse(
                "what is taken in has to have a deletion policy: `.deletion_policy(DeletionPolicy::Retain)`"
                    .into(),
            ));
        }
        let own: Option<Vec<String>> =
            parts.iter().map(|part| resource["Properties"][part].as_str().map(str::to_owned)).collect();
        let values = match own {
            _ if values.len() == parts.len() => values.to_vec(),
            Some(own) if values.is_empty() => own,
            _ => {
                let wanted = parts.join(",");
                return Err(refuse(format!(
                    "{name} is identified by {wanted}: give it as {logical_id}={wanted}"
                )));
            }
        };
        Ok(Self {
            logical_id: logical_id.to_owned(),
            resource_type: name.to_owned(),
            identifier: parts.into_iter().map(str::to_owned).zip(values).collect(),
        })
    }
}
