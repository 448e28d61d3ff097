//! What a change set does that nobody should do by accident, and who has said that it may.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stackwright_schemas::held::{Held, held};

use crate::change_set::Change;

/// A kind of danger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Danger {
    /// A resource is made anew, and the old one goes.
    Replacement,
    /// A resource goes.
    Deletion,
    /// Who may do what changes.
    Permissions,
    /// What reaches what changes.
    Network,
}

impl fmt::Display for Danger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Replacement => "replacement",
            Self::Deletion => "deletion",
            Self::Permissions => "permissions",
            Self::Network => "network",
        })
    }
}

/// A change that wants somebody's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// What is dangerous about it.
    pub danger: Danger,
    /// The resource's logical id.
    pub logical_id: String,
    /// The resource's type.
    pub resource_type: String,
    /// What a replacement or a deletion loses or interrupts: it is never made without its own approval.
    pub loses: Option<String>,
}

impl Concern {
    /// What `--approve` takes for it.
    pub fn approval(&self) -> String {
        match self.danger {
            Danger::Permissions | Danger::Network => self.danger.to_string(),
            Danger::Replacement | Danger::Deletion => format!("{}={}", self.danger, self.logical_id),
        }
    }
}

/// Types whose changes say who may do what.
const PERMISSIONS: [&str; 6] = [
    "AWS::IAM::",
    "AWS::S3::BucketPolicy",
    "AWS::KMS::Key",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Lambda::Permission",
];

/// Types whose changes say what reaches what.
const NETWORK: [&str; 7] = [
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Route",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NatGateway",
];

/// What in a list of changes wants somebody's word.
pub(crate) fn concerns(changes: &[Change]) -> Vec<Concern> {
    let mut found = Vec::new();
    for change in changes {
        let mut add = |danger, loses| {
            found.push(Concern {
                danger,
                logical_id: change.logical_id.clone(),
                resource_type: change.resource_type.clone(),
                loses,
            });
        };
        let is_kept = change.policy_action.as_deref().is_some_and(|action| action.ends_with("Retain"));
        let loses = held(&change.resource_type).filter(|_| !is_kept).map(|held| match held {
            Held::Data => "data".to_owned(),
            Held::Traffic => "traffic".to_owned(),
        });
        // What holds nothing can be made again: a model or an endpoint configuration is replaced every day.
        match (change.action.as_str(), change.replacement.as_deref()) {
            _ if loses.is_none() => {}
            ("Remove", _) => add(Danger::Deletion, loses),
            ("Modify", Some("True" | "Conditional")) => add(Danger::Replacement, loses),
            _ => {}
        }
        let is_of = |types: &[&str]| types.iter().any(|name| change.resource_type.starts_with(name));
        if is_of(&PERMISSIONS) {
            add(Danger::Permissions, None);
        }
        if is_of(&NETWORK) {
            add(Danger::Network, None);
        }
    }
    found
}

/// Somebody's word: `replacement=Endpoint`, `deletion=Bucket`, `permissions`, `network`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    danger: Danger,
    logical_id: Option<String>,
}

impl Approval {
    /// Whether this is the word that a concern wants.
    pub fn covers(&self, concern: &Concern) -> bool {
        self.danger == concern.danger
            && match &self.logical_id {
                Some(id) => *id == concern.logical_id,
                None => matches!(self.danger, Danger::Permissions | Danger::Network),
            }
    }
}

impl FromStr for Approval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (danger, logical_id) = match text.split_once('=') {
            Some((danger, id)) => (danger, Some(id.to_owned())),
            None => (text, None),
        };
        let danger = match danger {
            "replacement" => Danger::Replacement,
            "deletion" => Danger::Deletion,
            "permissions" => Danger::Permissions,
            "network" => Danger::Network,
            _ => {
                return Err(
                    "an approval is `replacement=ID`, `deletion=ID`, `permissions` or `network`".into()
                );
            }
        };
        if logical_id.is_none() && matches!(danger, Danger::Replacement | Danger::Deletion) {
            return Err(format!("say of which resource: `{danger}=LOGICAL_ID`"));
        }
        Ok(Self { danger, logical_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: &str, resource_type: &str, replacement: Option<&str>, policy: Option<&str>) -> Change {
        Change {
            action: action.into(),
            logical_id: "It".into(),
            physical_id: None,
            resource_type: resource_type.into(),
            replacement: replacement.map(str::to_owned),
            policy_action: policy.map(str::to_owned),
            properties: Vec::new(),
        }
    }

    fn found(change: Change) -> Vec<(Danger, Option<String>)> {
        concerns(&[change]).into_iter().map(|one| (one.danger, one.loses)).collect()
    }

    #[test]
    fn what_hurts_is_told_and_what_is_kept_does_not() {
        let (data, traffic) = (Some("data".to_owned()), Some("traffic".to_owned()));
        assert_eq!(
            found(change("Remove", "AWS::S3::Bucket", None, Some("Delete"))),
            [(Danger::Deletion, data)]
        );
        assert_eq!(found(change("Remove", "AWS::S3::Bucket", None, Some("Retain"))), []);
        let endpoint = "AWS::SageMaker::Endpoint";
        assert_eq!(
            found(change("Modify", endpoint, Some("True"), None)),
            [(Danger::Replacement, traffic.clone())]
        );
        assert_eq!(
            found(change("Modify", endpoint, Some("Conditional"), None)),
            [(Danger::Replacement, traffic)]
        );
        assert_eq!(found(change("Modify", endpoint, Some("False"), None)), []);
        assert_eq!(found(change("Modify", "AWS::SageMaker::Model", Some("True"), None)), []);
        assert_eq!(found(change("Remove", "AWS::SageMaker::Model", None, None)), []);
        assert_eq!(found(change("Add", "AWS::IAM::Role", None, None)), [(Danger::Permissions, None)]);
        assert_eq!(
            found(change("Modify", "AWS::EC2::SecurityGroup", Some("False"), None)),
            [(Danger::Network, None)]
        );
    }

    #[test]
    fn an_approval_is_for_what_it_names() {
        let concern = &concerns(&[change("Remove", "AWS::S3::Bucket", None, None)])[0];
        let covers = |text: &str| text.parse::<Approval>().unwrap().covers(concern);
        assert!(covers("deletion=It") && covers(&concern.approval()));
        assert!(!covers("deletion=Other") && !covers("replacement=It") && !covers("permissions"));
        assert!("deletion".parse::<Approval>().is_err() && "everything".parse::<Approval>().is_err());
    }
}
