//! Compares a change set with what the deployed template and the new one predict.

use std::collections::BTreeSet;

use stackwright_deploy::{
    AttributeChange, Change, ChangeAction, ChangeOutcome, ChangeSet, ChangedProperty, ComparedVersions,
    PolicyAction, PredictionDifference, Replacement,
};
use stackwright_review::diff::{self, ComparedStack, Consequence, ReportedChange};
use stackwright_synth::StackArtifact;

use super::deployed::as_version;

/// Returns the resources for which a change set differs from the prediction.
pub(crate) fn compare_prediction(
    stack: &StackArtifact,
    versions: ComparedVersions,
    change_set: &ChangeSet,
) -> Vec<PredictionDifference> {
    let mut new = stack.clone();
    let ComparedVersions { deployed, processed, .. } = versions;
    if let Some(template) = processed {
        new.template = template;
    }
    // The values of mappings depend on the region.
    let mut arn = change_set.stack_id.split(':').skip(3).map(str::to_owned);
    let (region, account) = (arn.next(), arn.next());
    new.environment.region = new.environment.region.or(region);
    new.environment.account = new.environment.account.or(account);
    let found = diff::compare_deployed(&[ComparedStack::new(Some(as_version(deployed, &new)), &new)]);
    let changing: BTreeSet<&str> = change_set.changes.iter().map(|one| one.logical_id.as_str()).collect();
    let reported: Vec<ReportedChange> =
        change_set.changes.iter().map(|one| reported(one, &changing)).collect();
    let changes_tags = change_set.attributes.iter().any(|one| matches!(one, AttributeChange::Tag { .. }));
    diff::disagreements(&found, &reported, changes_tags)
        .into_iter()
        .map(|one| {
            PredictionDifference::new(one.logical_id, one.resource_type)
                .predicted(one.predicted.map(outcome))
                .reported(one.reported.map(outcome))
        })
        .collect()
}

fn outcome(outcome: diff::ResourceOutcome) -> ChangeOutcome {
    ChangeOutcome::new(outcome.consequence, outcome.causes)
}

/// Returns a change of a change set in the form that the comparison accepts. `changing` has the logical IDs of all changes.
fn reported(change: &Change, changing: &BTreeSet<&str>) -> ReportedChange {
    let consequence = match (&change.action, &change.replacement, &change.policy_action) {
        // The import of a resource that exists is approved with `--import-existing`.
        (ChangeAction::Add | ChangeAction::Import, ..) => Some(Consequence::Created),
        (ChangeAction::Remove, _, Some(PolicyAction::Retain)) => Some(Consequence::Retained),
        (ChangeAction::Remove, _, Some(PolicyAction::Snapshot)) => Some(Consequence::Snapshot),
        (ChangeAction::Remove, _, Some(PolicyAction::Delete)) => Some(Consequence::Deleted),
        (ChangeAction::Remove, ..) => None,
        (_, Some(Replacement::Yes), _) => Some(Consequence::Replaced),
        (_, Some(Replacement::Conditional), _) => Some(Consequence::MayBeReplaced),
        _ => Some(Consequence::Updated),
    };
    let follows = |property: &ChangedProperty| {
        let cause = property.caused_by.as_deref().and_then(|cause| cause.split('.').next());
        cause.is_some_and(|cause| changing.contains(cause))
    };
    let decided: BTreeSet<&str> =
        change.properties.iter().filter(|one| !follows(one)).map(|one| one.name.as_str()).collect();
    let undecided =
        change.properties.iter().map(|one| one.name.as_str()).filter(|name| !decided.contains(name));
    let mut reported = ReportedChange::default();
    reported.logical_id.clone_from(&change.logical_id);
    reported.resource_type.clone_from(&change.resource_type);
    reported.consequence = consequence;
    reported.properties = change.properties.iter().map(|one| one.name.clone()).collect();
    reported.causes = change.replacement_causes().map(str::to_owned).collect();
    reported.undecided = undecided.map(str::to_owned).collect();
    reported
}
