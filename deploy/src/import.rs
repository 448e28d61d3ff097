//! Imports existing resources into a stack.

use std::collections::BTreeMap;

use stackwright_schemas::registry::resource_type;
use stackwright_synth::StackArtifact;

use crate::connection::Connection;
use crate::error::DeployError;
use crate::lookup::{find_stack, resources};

/// A resource to import.
///
/// ```
/// use stackwright_deploy::Import;
/// use stackwright_synth::Assembly;
///
/// let template = "Resources: {Models: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}}";
/// let stack = Assembly::of_template("models.yaml", template.to_owned()).unwrap().stacks.remove(0);
/// let import = Import::new(&stack, "Models", &["my-models".to_owned()]).unwrap();
/// assert_eq!(import.identifier["BucketName"], "my-models");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// The logical ID in the template.
    pub logical_id: String,
    /// The type of the resource.
    pub resource_type: String,
    /// The properties that identify the resource: the primary identifier of the type.
    pub identifier: BTreeMap<String, String>,
}

impl Import {
    /// Describes the import of a resource of the template. `values` are the parts of its primary identifier, in the order
    /// of the schema of its type. If there are none, the properties in the template identify the resource.
    ///
    /// # Errors
    /// Returns [`DeployError::Import`] if the template does not have the resource, or if it is not clear which existing
    /// resource it refers to.
    pub fn new(stack: &StackArtifact, logical_id: &str, values: &[String]) -> Result<Self, DeployError> {
        let refuse = |reason: String| DeployError::Import { resource: logical_id.to_owned(), reason };
        let found = stack.template.resources().find(|(id, _)| *id == logical_id);
        let (_, resource) = found.ok_or_else(|| refuse(unknown_id(stack, logical_id)))?;
        let name = resource["Type"].as_str().unwrap_or_default();
        let parts: Vec<&str> =
            resource_type(name).map(|kind| kind.primary_identifier().collect()).ok_or_else(|| {
                refuse(format!("its type {name} is not in the registry, so that its identifier is not known"))
            })?;
        if resource["DeletionPolicy"].is_null() {
            return Err(refuse(
                "an imported resource needs a deletion policy: set `.deletion_policy(DeletionPolicy::Retain)`".into(),
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
                    "a resource of the type {name} is identified by {wanted}: pass {logical_id}={wanted}"
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

/// Describes a logical ID that the template does not have. A construct with several resources has no logical ID of its
/// own: its resources are listed.
fn unknown_id(stack: &StackArtifact, logical_id: &str) -> String {
    let parts: Vec<&str> =
        stack.template.resources().map(|(id, _)| id).filter(|id| id.starts_with(logical_id)).collect();
    if parts.is_empty() {
        return format!("the stack {} has no resource with this logical ID", stack.name);
    }
    format!(
        "it is not a logical ID, but the beginning of several: name each resource to import ({})",
        parts.join(", ")
    )
}

/// The result of an import, and the changes that remain for the next deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// The logical IDs of the resources that are imported.
    pub imported: Vec<String>,
    /// The logical IDs of resources of the program that are not in the stack and are not imported. The next deployment
    /// creates them.
    pub not_imported: Vec<String>,
}

/// Compares an import with the program.
///
/// # Errors
/// Returns an error if a request fails.
pub async fn import_report(
    connection: &Connection,
    stack: &StackArtifact,
    imports: &[Import],
) -> Result<ImportReport, DeployError> {
    let mut known: Vec<String> = imports.iter().map(|one| one.logical_id.clone()).collect();
    let imported = known.clone();
    if find_stack(connection, &stack.name).await?.is_some() {
        let present = resources(connection, &stack.name).await?;
        known.extend(present.into_iter().filter_map(|one| one.logical_resource_id));
    }
    let not_imported =
        stack.template.resources().map(|(id, _)| id.to_owned()).filter(|id| !known.contains(id)).collect();
    Ok(ImportReport { imported, not_imported })
}
