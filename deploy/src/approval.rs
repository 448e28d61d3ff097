//! Changes that need an approval, and the approvals that were given.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stackwright_schemas::held::{Held, changes_network, changes_permissions, held};

use crate::attributes::AttributeChange;
use crate::change::Change;
use crate::error::DeployError;
use crate::prompt::{Prompt, Question};
use crate::status::{ChangeAction, Replacement};

/// The kinds of changes that need an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ApprovalKind {
    /// A resource that holds data, serves traffic or runs workloads is replaced: a new one is created, and the old one is
    /// deleted.
    Replacement,
    /// A resource that holds data, serves traffic or runs workloads is deleted.
    Deletion,
    /// Permissions change: IAM, or policies of buckets, keys, topics, queues and functions.
    Permissions,
    /// The network connectivity changes: security groups, routes or subnets.
    Network,
    /// Termination protection of the stack is disabled.
    TerminationProtection,
    /// Tags of the stack are removed.
    Tags,
    /// A stack refactor gives resources other logical IDs.
    Rename,
}

impl ApprovalKind {
    const ALL: [Self; 7] = [
        Self::Replacement,
        Self::Deletion,
        Self::Permissions,
        Self::Network,
        Self::TerminationProtection,
        Self::Tags,
        Self::Rename,
    ];

    /// Returns the name that `--approve` accepts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replacement => "replacement",
            Self::Deletion => "deletion",
            Self::Permissions => "permissions",
            Self::Network => "network",
            Self::TerminationProtection => "termination-protection",
            Self::Tags => "tags",
            Self::Rename => "rename",
        }
    }

    /// Returns whether an approval has to name the resource.
    fn names_resource(self) -> bool {
        matches!(self, Self::Replacement | Self::Deletion)
    }
}

impl fmt::Display for ApprovalKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A change that needs an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequiredApproval {
    /// The kind of change.
    pub kind: ApprovalKind,
    /// The logical ID of the resource; the name of the stack for a change to the stack itself.
    pub logical_id: String,
    /// The type of the resource.
    pub resource_type: String,
    /// The element of the resource that is deleted, such as `InstanceGroups.workers` of a HyperPod cluster; `None` if the
    /// change is to the resource as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// The kind of loss; `None` if nothing is lost or interrupted. `--yes` does not approve a change with a loss: it needs its
    /// own approval.
    pub loses: Option<Held>,
}

impl RequiredApproval {
    /// Creates the approval for a change to the stack itself.
    pub(crate) fn of_stack(kind: ApprovalKind, stack: &str) -> Self {
        Self {
            kind,
            logical_id: stack.to_owned(),
            resource_type: STACK.to_owned(),
            element: None,
            loses: None,
        }
    }

    pub(crate) fn deletion(logical_id: &str, resource_type: &str, loses: Held) -> Self {
        Self {
            kind: ApprovalKind::Deletion,
            logical_id: logical_id.to_owned(),
            resource_type: resource_type.to_owned(),
            element: None,
            loses: Some(loses),
        }
    }

    /// Returns the name that approves the change: the logical ID, and a dot and the element if there is one, such as
    /// `Training.InstanceGroups.workers`.
    pub fn name(&self) -> String {
        match &self.element {
            Some(element) => format!("{}.{element}", self.logical_id),
            None => self.logical_id.clone(),
        }
    }

    /// Returns the value that `--approve` accepts for the change, such as `deletion=Models` or `permissions`.
    pub fn approval(&self) -> String {
        if self.kind.names_resource() {
            format!("{}={}", self.kind, self.name())
        } else {
            self.kind.to_string()
        }
    }
}

impl fmt::Display for RequiredApproval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, logical_id, resource_type, element, loses } = self;
        let change = match kind {
            ApprovalKind::Replacement => "replacement of",
            ApprovalKind::Deletion => "deletion of",
            ApprovalKind::Permissions => "change of permissions by",
            ApprovalKind::Network => "change of network connectivity by",
            ApprovalKind::TerminationProtection => "termination protection is disabled for",
            ApprovalKind::Tags => "tags are removed from",
            ApprovalKind::Rename => "a stack refactor renames resources of",
        };
        formatter.write_str(change)?;
        if let Some(element) = element {
            write!(formatter, " {element} of")?;
        }
        write!(formatter, " {logical_id} ({resource_type})")?;
        match loses {
            Some(loss) => write!(formatter, ", which {}", loss.predicate()),
            None => Ok(()),
        }
    }
}

/// The type of a change to the stack itself.
const STACK: &str = "AWS::CloudFormation::Stack";

/// Returns the approvals that changes to resources and to attributes of the stack need.
pub(crate) fn required_approvals(
    stack: &str,
    changes: &[Change],
    attributes: &[AttributeChange],
) -> Vec<RequiredApproval> {
    let mut found: Vec<RequiredApproval> = changes.iter().flat_map(of_change).collect();
    let kinds = attributes.iter().filter_map(AttributeChange::needs_approval);
    found.extend(kinds.map(|kind| RequiredApproval::of_stack(kind, stack)));
    found.dedup();
    found
}

fn of_change(change: &Change) -> Vec<RequiredApproval> {
    let mut found = Vec::new();
    let mut add = |kind, element: Option<&str>, loses| {
        found.push(RequiredApproval {
            kind,
            logical_id: change.logical_id.clone(),
            resource_type: change.resource_type.clone(),
            element: element.map(str::to_owned),
            loses,
        });
    };
    let is_retained = change.policy_action.as_ref().is_some_and(|action| action.is_retained());
    let loses = held(&change.resource_type).filter(|_| !is_retained);
    // A resource that holds nothing can be created again: a model or an endpoint configuration is replaced every day.
    if loses.is_some() {
        match (&change.action, &change.replacement) {
            (ChangeAction::Remove, _) => add(ApprovalKind::Deletion, None, loses),
            (ChangeAction::Modify, Some(Replacement::Yes | Replacement::Conditional)) => {
                add(ApprovalKind::Replacement, None, loses);
            }
            _ => {}
        }
    }
    for element in &change.deleted_elements {
        add(ApprovalKind::Deletion, Some(&element.path), Some(element.loses));
    }
    if changes_permissions(&change.resource_type) {
        add(ApprovalKind::Permissions, None, None);
    }
    if changes_network(&change.resource_type) {
        add(ApprovalKind::Network, None, None);
    }
    found
}

/// An approval: `replacement=Endpoint`, `deletion=Bucket`, `deletion=Cluster.InstanceGroups.workers`, `deletion=*`,
/// `permissions`, `network`, `termination-protection`, `tags` or `rename`.
///
/// ```
/// use stackwright_deploy::Approval;
///
/// assert!("deletion=Models".parse::<Approval>().is_ok());
/// assert!("deletion".parse::<Approval>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    kind: ApprovalKind,
    name: Option<String>,
}

impl Approval {
    /// Returns whether the approval approves a change.
    pub fn covers(&self, change: &RequiredApproval) -> bool {
        self.kind == change.kind
            && match &self.name {
                Some(name) => name == "*" || *name == change.name(),
                None => !self.kind.names_resource(),
            }
    }
}

impl FromStr for Approval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = match text.split_once('=') {
            Some((kind, name)) => (kind, Some(name.to_owned())),
            None => (text, None),
        };
        let kind = ApprovalKind::ALL.into_iter().find(|one| one.name() == kind).ok_or(
            "an approval is `replacement=ID`, `deletion=ID`, `permissions`, `network`, `termination-protection`, `tags` \
             or `rename`",
        )?;
        if name.is_none() && kind.names_resource() {
            return Err(format!("name the resource: `{kind}=LOGICAL_ID`"));
        }
        Ok(Self { kind, name })
    }
}

/// The approvals of a command.
///
/// ```
/// use stackwright_deploy::ApprovalPolicy;
///
/// let policy = ApprovalPolicy::new(vec!["deletion=Models".parse()?], false);
/// # let _ = policy;
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ApprovalPolicy {
    approvals: Vec<Approval>,
    yes: bool,
}

impl ApprovalPolicy {
    /// Creates a policy from approvals.
    ///
    /// `yes` answers every question with yes, except those about changes that lose data, or interrupt traffic or workloads.
    pub fn new(approvals: Vec<Approval>, yes: bool) -> Self {
        Self { approvals, yes }
    }

    /// Returns whether questions are answered with yes.
    pub(crate) fn answers_yes(&self) -> bool {
        self.yes
    }

    /// Returns the changes for which no approval was given.
    pub(crate) fn open<'c>(&self, changes: &'c [RequiredApproval]) -> Vec<&'c RequiredApproval> {
        changes.iter().filter(|one| !self.approvals.iter().any(|approval| approval.covers(one))).collect()
    }

    /// Finds out whether the changes to a stack are approved: by the policy, or by the user, who is asked about each dangerous
    /// change and then the question about all of them.
    pub(crate) async fn check(
        &self,
        prompt: &dyn Prompt,
        stack: &str,
        changes: &[RequiredApproval],
        question: &Question,
    ) -> Result<(), DeployError> {
        let refuse = |missing: Vec<RequiredApproval>| Err(DeployError::not_approved(stack, missing));
        let open = self.open(changes);
        if !prompt.is_interactive() || self.yes {
            let missing: Vec<RequiredApproval> =
                open.into_iter().filter(|one| !self.yes || one.loses.is_some()).cloned().collect();
            return if missing.is_empty() { Ok(()) } else { refuse(missing) };
        }
        for change in open.into_iter().filter(|one| one.loses.is_some()) {
            let question = Question::Confirm { stack: stack.to_owned(), change: change.clone() };
            if !is_approved(prompt, &question).await {
                return refuse(vec![change.clone()]);
            }
        }
        if is_approved(prompt, question).await { Ok(()) } else { refuse(Vec::new()) }
    }
}

/// Asks a question; no answer is no approval.
pub(crate) async fn is_approved(prompt: &dyn Prompt, question: &Question) -> bool {
    prompt.ask(question).await.is_some_and(|answer| question.is_approved_by(&answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::DeletedElement;

    fn change(action: &str, resource_type: &str, replacement: Option<&str>, policy: Option<&str>) -> Change {
        Change {
            action: action.into(),
            logical_id: "It".into(),
            physical_id: None,
            resource_type: resource_type.into(),
            replacement: replacement.map(Into::into),
            policy_action: policy.map(Into::into),
            properties: Vec::new(),
            deleted_elements: Vec::new(),
        }
    }

    fn found(change: Change) -> Vec<(ApprovalKind, Option<Held>)> {
        required_approvals("stack", &[change], &[]).into_iter().map(|one| (one.kind, one.loses)).collect()
    }

    #[test]
    fn a_loss_needs_an_approval_and_a_retained_resource_does_not() {
        let (data, traffic) = (Some(Held::Data), Some(Held::Traffic));
        assert_eq!(
            found(change("Remove", "AWS::S3::Bucket", None, Some("Delete"))),
            [(ApprovalKind::Deletion, data)]
        );
        assert_eq!(found(change("Remove", "AWS::S3::Bucket", None, Some("Retain"))), []);
        let endpoint = "AWS::SageMaker::Endpoint";
        assert_eq!(
            found(change("Modify", endpoint, Some("True"), None)),
            [(ApprovalKind::Replacement, traffic)]
        );
        assert_eq!(
            found(change("Modify", endpoint, Some("Conditional"), None)),
            [(ApprovalKind::Replacement, traffic)]
        );
        assert_eq!(found(change("Modify", endpoint, Some("False"), None)), []);
        assert_eq!(found(change("Modify", "AWS::SageMaker::Model", Some("True"), None)), []);
        assert_eq!(found(change("Remove", "AWS::SageMaker::Model", None, None)), []);
        assert_eq!(found(change("Add", "AWS::IAM::Role", None, None)), [(ApprovalKind::Permissions, None)]);
        assert_eq!(
            found(change("Modify", "AWS::EC2::SecurityGroup", Some("False"), None)),
            [(ApprovalKind::Network, None)]
        );
    }

    #[test]
    fn an_element_that_leaves_a_list_needs_an_approval_of_its_own() {
        let mut shrinking = change("Modify", "AWS::SageMaker::Cluster", Some("False"), None);
        shrinking.deleted_elements =
            vec![DeletedElement { path: "InstanceGroups.workers".into(), loses: Held::Workloads }];
        let required = &required_approvals("stack", &[shrinking], &[])[0];
        assert_eq!(required.approval(), "deletion=It.InstanceGroups.workers");
        assert_eq!(
            required.to_string(),
            "deletion of InstanceGroups.workers of It (AWS::SageMaker::Cluster), which runs workloads"
        );
        let covers = |text: &str| text.parse::<Approval>().unwrap().covers(required);
        assert!(covers(&required.approval()) && covers("deletion=*"));
        assert!(!covers("deletion=It") && !covers("deletion=It.InstanceGroups.others"));
    }

    #[test]
    fn an_approval_covers_what_it_names() {
        let required =
            &required_approvals("stack", &[change("Remove", "AWS::S3::Bucket", None, None)], &[])[0];
        let covers = |text: &str| text.parse::<Approval>().unwrap().covers(required);
        assert!(covers("deletion=It") && covers("deletion=*") && covers(&required.approval()));
        assert!(!covers("deletion=Other") && !covers("replacement=It") && !covers("permissions"));
        assert!("deletion".parse::<Approval>().is_err() && "everything".parse::<Approval>().is_err());
    }
}
