//! The comparison of a change set with the changes that the templates predict.

use std::collections::{BTreeMap, BTreeSet};

use stackwright_schemas::consequence::Consequence;
use stackwright_schemas::registry;

use super::model::{Because, Diff, PropertyChange, ResourceAction, ResourceChange};

/// The type of nested stacks.
const NESTED_STACK: &str = "AWS::CloudFormation::Stack";

/// A change of a resource in a change set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportedChange {
    /// The logical ID.
    pub logical_id: String,
    /// The type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// The consequence; `None` if the resource is removed from the stack and the change set does not contain the policy action.
    pub consequence: Option<Consequence>,
    /// The names of the properties that change.
    pub properties: BTreeSet<String>,
    /// The names of the properties that replace the resource, or may replace it.
    pub causes: BTreeSet<String>,
    /// The names of the properties that change only because they refer to another resource that changes. CloudFormation lists
    /// them before it knows whether the value becomes another one.
    pub undecided: BTreeSet<String>,
}

/// The outcome of a change for a resource, and the properties that replace it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceOutcome {
    /// The consequence.
    pub consequence: Consequence,
    /// The names of the properties that replace the resource, or may replace it.
    pub causes: BTreeSet<String>,
}

/// A resource for which a change set differs from the prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disagreement {
    /// The logical ID.
    pub logical_id: String,
    /// The type of the resource.
    pub resource_type: String,
    /// The outcome that the comparison of the templates predicts; `None` if it predicts no change.
    pub predicted: Option<ResourceOutcome>,
    /// The outcome in the change set; `None` if it does not change the resource.
    pub reported: Option<ResourceOutcome>,
}

/// Returns the resources for which a change set differs from the predicted changes of its stack. `changes_tags` states whether
/// tags of the stack change, which CloudFormation passes on to resources.
///
/// These are no differences: changes inside nested stacks, because their templates are not compared; a nested stack that
/// CloudFormation updates without a change, as it always does; a replacement that follows from the replacement of another
/// resource, which CloudFormation reports as possible until the new value is known; a change only because a resource that it
/// refers to changes, which CloudFormation lists although the value may stay the same; and how CloudFormation updates a resource
/// whose type the registry does not have, or whose condition or values are not known.
pub fn disagreements(found: &Diff, reported: &[ReportedChange], changes_tags: bool) -> Vec<Disagreement> {
    let mut open: BTreeMap<&str, &ReportedChange> = reported
        .iter()
        .filter(|one| !one.logical_id.contains('/'))
        .map(|one| (one.logical_id.as_str(), one))
        .collect();
    let mut differing = Vec::new();
    for predicted in found.resources().flat_map(Predicted::of) {
        let reported = open.remove(predicted.logical_id.as_str());
        if !predicted.agrees_with(reported) {
            differing.push(Disagreement {
                logical_id: predicted.logical_id.clone(),
                resource_type: predicted.resource_type.clone(),
                reported: reported.map(ReportedChange::outcome),
                predicted: (predicted.consequence != Consequence::Unchanged).then(|| predicted.outcome()),
            });
        }
    }
    let is_tagged = |one: &ReportedChange| {
        changes_tags && one.causes.is_empty() && one.properties.iter().all(|name| name == "Tags")
    };
    let unpredicted = open.into_values().filter(|one| !one.is_undecided()).filter(|one| {
        let is_update = one.consequence == Some(Consequence::Updated);
        !is_update || !(one.resource_type == NESTED_STACK || is_tagged(one))
    });
    differing.extend(unpredicted.map(|one| Disagreement {
        logical_id: one.logical_id.clone(),
        resource_type: one.resource_type.clone(),
        predicted: None,
        reported: Some(one.outcome()),
    }));
    differing.sort_by(|one, other| one.logical_id.cmp(&other.logical_id));
    differing
}

impl ReportedChange {
    /// Returns whether CloudFormation does not know yet whether the resource changes.
    fn is_undecided(&self) -> bool {
        let may_stay = matches!(self.consequence, Some(Consequence::Updated | Consequence::MayBeReplaced));
        may_stay && !self.properties.is_empty() && self.properties.is_subset(&self.undecided)
    }

    fn outcome(&self) -> ResourceOutcome {
        ResourceOutcome {
            consequence: self.consequence.unwrap_or(Consequence::Deleted),
            causes: self.causes.clone(),
        }
    }
}

/// The prediction for one logical ID.
struct Predicted {
    logical_id: String,
    resource_type: String,
    consequence: Consequence,
    causes: BTreeSet<String>,
    /// Whether only the replacement of other resources causes the replacement.
    follows_others: bool,
    /// Whether the prediction depends on something that is not known.
    is_undecided: bool,
}

impl Predicted {
    /// Returns the predictions for a change: two for a resource under another logical ID, which CloudFormation creates and
    /// deletes.
    fn of(change: &ResourceChange) -> Vec<Self> {
        let one = |logical_id: &str, consequence| Self {
            logical_id: logical_id.to_owned(),
            resource_type: change.resource_type.clone(),
            consequence,
            causes: BTreeSet::new(),
            follows_others: false,
            is_undecided: change.condition.is_some() || change.properties.iter().any(is_unknown),
        };
        if let (ResourceAction::Renamed, Some(former)) = (change.action, &change.renamed_from) {
            return vec![one(former, change.consequence), one(&change.logical_id, Consequence::Created)];
        }
        let is_replacement = |cause: &PropertyChange| matches!(cause.because, Some(Because::Replacement(..)));
        vec![Self {
            causes: change.causes().map(|cause| top(&cause.path)).collect(),
            follows_others: change.causes().all(is_replacement),
            ..one(&change.logical_id, change.consequence)
        }]
    }

    fn outcome(&self) -> ResourceOutcome {
        ResourceOutcome { consequence: self.consequence, causes: self.causes.clone() }
    }

    fn agrees_with(&self, reported: Option<&ReportedChange>) -> bool {
        use Consequence::{
            AttributesOnly, Deleted, MayBeReplaced, Moved, Refused, Replaced, Retained, Snapshot, Unchanged,
            Updated,
        };
        // A change set does not show what CloudFormation refuses when it executes it.
        if self.is_undecided || self.consequence == Refused {
            return true;
        }
        let Some(reported) = reported else {
            return matches!(self.consequence, Unchanged | AttributesOnly | Moved);
        };
        let Some(consequence) = reported.consequence else {
            return matches!(self.consequence, Deleted | Retained | Snapshot);
        };
        match (self.consequence, consequence) {
            (AttributesOnly | Moved, Updated) => true,
            (Updated, MayBeReplaced) if reported.causes.is_subset(&reported.undecided) => true,
            (Updated, Replaced | MayBeReplaced) => registry::resource_type(&self.resource_type).is_none(),
            (Replaced | MayBeReplaced, Replaced | MayBeReplaced) => {
                (self.consequence == consequence || self.follows_others) && self.causes == reported.causes
            }
            (one, other) => one == other,
        }
    }
}

/// Returns whether a change depends on a value that only a deployment knows: it may turn out to be the same.
fn is_unknown(change: &PropertyChange) -> bool {
    let has_values = change.before.is_some() || change.after.is_some();
    !has_values && matches!(change.because, Some(Because::Input(..)))
}

/// Returns the first name of a path.
fn top(path: &str) -> String {
    path.split(['.', '[']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use stackwright_synth::Assembly;

    use super::*;
    use crate::diff::compare;

    fn differing(
        old: &str,
        new: &str,
        reported: &[(&str, Option<Consequence>, &[&str])],
    ) -> Vec<Disagreement> {
        let read = |text: &str| Assembly::of_template("Stack.yaml", text.to_owned()).unwrap();
        let reported: Vec<ReportedChange> = reported
            .iter()
            .map(|(id, consequence, causes)| ReportedChange {
                logical_id: (*id).to_owned(),
                resource_type: "AWS::SNS::Topic".into(),
                consequence: *consequence,
                properties: causes.iter().map(|one| (*one).to_owned()).collect(),
                causes: causes.iter().map(|one| (*one).to_owned()).collect(),
                undecided: BTreeSet::new(),
            })
            .collect();
        disagreements(&compare(&read(old), &read(new)), &reported, false)
    }

    fn topic(properties: &str) -> String {
        format!("Resources: {{Topic: {{Type: AWS::SNS::Topic, Properties: {{{properties}}}}}}}")
    }

    #[test]
    fn the_same_consequence_and_cause_are_no_disagreement() {
        let (old, new) = (topic("TopicName: a"), topic("TopicName: b"));
        assert_eq!(differing(&old, &new, &[("Topic", Some(Consequence::Replaced), &["TopicName"])]), []);
    }

    #[test]
    fn another_consequence_another_cause_and_a_missing_change_are() {
        let (old, new) = (topic("TopicName: a"), topic("TopicName: b"));
        let of = |reported: &[(&str, Option<Consequence>, &[&str])]| differing(&old, &new, reported);
        let found = of(&[("Topic", Some(Consequence::Updated), &[])]);
        assert_eq!(found[0].predicted.as_ref().unwrap().consequence, Consequence::Replaced);
        assert_eq!(found[0].reported.as_ref().unwrap().consequence, Consequence::Updated);
        let found = of(&[("Topic", Some(Consequence::Replaced), &["FifoTopic"])]);
        assert!(found[0].predicted.as_ref().unwrap().causes.contains("TopicName"));
        assert!(found[0].reported.as_ref().unwrap().causes.contains("FifoTopic"));
        assert_eq!(of(&[])[0].reported, None);
    }

    #[test]
    fn what_only_the_change_set_changes_is_a_disagreement() {
        let (old, new) = (topic("DisplayName: a"), topic("DisplayName: b"));
        let found = differing(
            &old,
            &new,
            &[("Topic", Some(Consequence::Updated), &[]), ("Other", Some(Consequence::Deleted), &[])],
        );
        assert_eq!((found.len(), found[0].logical_id.as_str()), (1, "Other"));
        assert_eq!(found[0].predicted, None);
    }

    #[test]
    fn a_removal_without_a_policy_agrees_with_every_removal() {
        let (old, new) = (topic("DisplayName: a"), "Resources: {}");
        assert_eq!(differing(&old, new, &[("Topic", None, &[])]), []);
        assert_eq!(differing(&old, new, &[("Topic", Some(Consequence::Retained), &[])]).len(), 1);
    }

    /// CloudFormation does not know whether a reference to a replaced resource gets another value.
    #[test]
    fn a_replacement_that_follows_from_another_may_be_reported_as_possible() {
        let stack = |name: &str| {
            format!(
                "Resources:\n  Topic: {{Type: AWS::SNS::Topic, Properties: {{TopicName: {name}}}}}\n  \
                 Reader: {{Type: AWS::SNS::Subscription, Properties: {{Protocol: sqs, TopicArn: {{Ref: Topic}}}}}}"
            )
        };
        let replaced = ("Topic", Some(Consequence::Replaced), &["TopicName"] as &[&str]);
        let reader = |consequence| ("Reader", Some(consequence), &["TopicArn"] as &[&str]);
        for consequence in [Consequence::Replaced, Consequence::MayBeReplaced] {
            assert_eq!(differing(&stack("a"), &stack("b"), &[replaced, reader(consequence)]), []);
        }
        assert_eq!(
            differing(&stack("a"), &stack("b"), &[replaced, ("Reader", Some(Consequence::Updated), &[])])
                .len(),
            1
        );
    }

    /// CloudFormation lists a property that refers to a resource that changes, although its value mostly stays the same.
    #[test]
    fn a_change_that_only_follows_from_another_is_no_disagreement() {
        let read = |text: &str| Assembly::of_template("Stack.yaml", text.to_owned()).unwrap();
        let found = compare(&read(&topic("DisplayName: a")), &read(&topic("DisplayName: b")));
        let change = |id: &str, consequence, property: &str, undecided: &[&str]| ReportedChange {
            logical_id: id.into(),
            resource_type: "AWS::SNS::Topic".into(),
            consequence: Some(consequence),
            properties: [property.to_owned()].into(),
            causes: if consequence == Consequence::Updated {
                BTreeSet::new()
            } else {
                [property.to_owned()].into()
            },
            undecided: undecided.iter().map(|one| (*one).to_owned()).collect(),
        };
        let topic = change("Topic", Consequence::Updated, "DisplayName", &[]);
        let with = |other: ReportedChange| disagreements(&found, &[topic.clone(), other], false);
        assert_eq!(with(change("Reader", Consequence::MayBeReplaced, "TopicArn", &["TopicArn"])), []);
        assert_eq!(with(change("Reader", Consequence::Updated, "TopicArn", &["TopicArn"])), []);
        assert_eq!(with(change("Reader", Consequence::Updated, "TopicArn", &[])).len(), 1);
        assert_eq!(with(change("Reader", Consequence::Replaced, "TopicArn", &["TopicArn"])).len(), 1);
        let topic = change("Topic", Consequence::MayBeReplaced, "TopicName", &["TopicName"]);
        assert_eq!(disagreements(&found, &[topic], false), []);
    }

    /// A parameter without a value may be the same before and after.
    #[test]
    fn a_prediction_from_values_that_are_not_known_agrees_with_every_result() {
        let stack = |default: &str| {
            format!(
                "Parameters: {{Name: {{Type: 'AWS::SSM::Parameter::Value<String>', Default: {default}}}}}\nResources: {{Topic: \
                 {{Type: AWS::SNS::Topic, Properties: {{TopicName: {{Ref: Name}}}}}}}}"
            )
        };
        for reported in [&[] as &[_], &[("Topic", Some(Consequence::Replaced), &["TopicName"] as &[&str])]] {
            assert_eq!(differing(&stack("/a"), &stack("/b"), reported), []);
        }
    }

    #[test]
    fn tags_of_the_stack_that_reach_resources_are_no_disagreement() {
        let read = |text: &str| Assembly::of_template("Stack.yaml", text.to_owned()).unwrap();
        let found = compare(&read(&topic("")), &read(&topic("")));
        let tagged = ReportedChange {
            logical_id: "Topic".into(),
            resource_type: "AWS::SNS::Topic".into(),
            consequence: Some(Consequence::Updated),
            properties: ["Tags".to_owned()].into(),
            causes: BTreeSet::new(),
            undecided: BTreeSet::new(),
        };
        assert_eq!(disagreements(&found, std::slice::from_ref(&tagged), true), []);
        assert_eq!(disagreements(&found, &[tagged], false).len(), 1);
    }
}
