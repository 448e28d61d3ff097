//! Rejects changes other than imports in an import operation, as CloudFormation does.

use super::{DesiredState, Plan};
use crate::api::error::ServiceError;
use crate::state::ChangeAction;

/// Rejects an import operation that would make another change.
pub(super) fn check(
    desired: &DesiredState<'_>,
    plan: &Plan,
    outputs_change: bool,
) -> Result<(), ServiceError> {
    let refused = |message: String| Err(ServiceError::validation(message));
    let with_action = |action: ChangeAction| -> Vec<&str> {
        let changes = plan.changes.iter().filter(|change| change.action == action);
        changes.map(|change| change.logical_id.as_str()).collect()
    };
    let has_policy = |id: &&str| {
        desired.template.resource(id).is_some_and(|resource| resource.get("DeletionPolicy").is_some())
    };
    let unknown: Vec<&str> = desired
        .imports
        .keys()
        .map(String::as_str)
        .filter(|id| desired.template.resource(id).is_none())
        .collect();
    if !unknown.is_empty() {
        return refused(format!(
            "The following resources to import [{}] are not in the template",
            unknown.join(", ")
        ));
    }
    let without: Vec<&str> =
        desired.imports.keys().map(String::as_str).filter(|id| !has_policy(id)).collect();
    if !without.is_empty() {
        return refused(format!(
            "The following resources to import [{}] must have DeletionPolicy attribute specified in the template.",
            without.join(", ")
        ));
    }
    let added = with_action(ChangeAction::Add);
    if !added.is_empty() {
        return refused(format!("Resources [{}] are missing from ResourceToImport list", added.join(", ")));
    }
    let changed: Vec<&str> =
        with_action(ChangeAction::Modify).into_iter().chain(with_action(ChangeAction::Remove)).collect();
    if !changed.is_empty() {
        return refused(format!(
            "You have modified resources [{}] in your template that are not being imported. Update, create or delete \
             operations cannot be executed during import operations.",
            changed.join(", ")
        ));
    }
    if outputs_change {
        return refused("As part of the import operation, you cannot modify or add [Outputs]".to_owned());
    }
    Ok(())
}
