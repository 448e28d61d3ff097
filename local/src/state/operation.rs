//! An operation on a stack that has not ended: the requested state of the stack, and the tasks on its resources.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{ChangeSet, DeploymentConfig, Inputs, Millis, OperationType, Resource, Stack, unique_id};

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OperationKind {
    Create,
    Update,
    Import,
    Delete,
    /// The changes of a failed update are rolled back.
    Rollback,
}

impl OperationKind {
    pub fn operation_type(self) -> OperationType {
        match self {
            Self::Create => OperationType::CreateStack,
            Self::Update | Self::Import => OperationType::UpdateStack,
            Self::Delete => OperationType::DeleteStack,
            Self::Rollback => OperationType::Rollback,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    Forward,
    /// Resources that were replaced or removed are deleted.
    Cleanup,
    Back,
    /// Resources that the update created are deleted.
    BackCleanup,
    Delete,
}

/// The action for a stack whose operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OnFailure {
    Rollback,
    DoNothing,
    Delete,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum TaskAction {
    Create,
    Update,
    Replace,
    Import(String),
    /// Rolls a resource back to its previous state; `None` if it did not exist.
    Restore(Option<Box<Resource>>),
    /// Deletes a resource that is not part of the stack any more.
    Delete(Box<Resource>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Progress {
    Waiting,
    Running {
        until: Millis,
        fails: Option<Failure>,
    },
    /// A nested stack performs it.
    Nested(String),
    /// Operations of a stack set perform it.
    StackSet(Vec<String>),
    /// It waits for signals.
    Signals(Signals),
    Done,
    Failed,
}

/// The reason why a task fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// The message of the resource's handler, which CloudFormation reports with the handler's error code.
    Handler(String),
    /// The message as CloudFormation reports it.
    Plain(String),
}

/// The signals that a resource waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signals {
    /// The number of signals that it needs, and the time at which the wait ends.
    pub count: usize,
    pub until: Millis,
    /// The ID of each signal, whether it reports success, and when it arrived.
    pub received: Vec<(String, bool, Millis)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub id: String,
    pub action: TaskAction,
    /// The logical IDs of the tasks of the same phase that have to be complete before.
    pub after: BTreeSet<String>,
    pub progress: Progress,
}

/// The requested state of a stack.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Target {
    pub inputs: Inputs,
    /// The physical IDs of imported resources, by logical ID.
    pub imports: IndexMap<String, String>,
    pub reverts_drift: bool,
    /// The nested stacks that exist already for their change sets, by logical ID.
    pub nested: IndexMap<String, String>,
}

impl Target {
    pub fn of_change_set(change_set: &ChangeSet) -> Self {
        Self {
            inputs: change_set.inputs.clone(),
            imports: change_set.imports.clone(),
            reverts_drift: change_set.deployment_mode.is_some(),
            nested: change_set.nested.clone().unwrap_or_default(),
        }
    }
}

impl From<Inputs> for Target {
    fn from(inputs: Inputs) -> Self {
        Self { inputs, ..Self::default() }
    }
}

/// An operation on a stack that has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Operation {
    /// The seed of the generated names of replacements.
    pub seed: String,
    pub kind: OperationKind,
    pub phase: Phase,
    pub token: Option<String>,
    pub target: Target,
    /// The inputs of the stack before the operation.
    pub before: Inputs,
    pub resources_before: IndexMap<String, Resource>,
    pub tasks: Vec<Task>,
    pub on_failure: OnFailure,
    pub failed: Vec<String>,
    /// The resources that are deleted in the cleanup.
    pub leftovers: Vec<Resource>,
    pub skip: Vec<String>,
    pub retain: Vec<String>,
    pub retain_except_on_create: bool,
    #[serde(default)]
    pub config: DeploymentConfig,
}

impl Operation {
    /// Returns a new operation on a stack, which starts with a phase.
    pub fn on(
        stack: &Stack,
        kind: OperationKind,
        phase: Phase,
        target: Target,
        how: OperationOptions,
    ) -> Self {
        Self {
            seed: unique_id(),
            kind,
            phase,
            token: how.token,
            target,
            before: stack.inputs.clone(),
            resources_before: stack.resources.clone(),
            tasks: Vec::new(),
            on_failure: how.on_failure,
            failed: Vec::new(),
            leftovers: Vec::new(),
            skip: Vec::new(),
            retain: Vec::new(),
            retain_except_on_create: how.retain_except_on_create,
            config: how.config,
        }
    }
}

/// The options of an operation.
#[derive(Clone, Debug)]
pub(crate) struct OperationOptions {
    pub on_failure: OnFailure,
    pub token: Option<String>,
    pub retain_except_on_create: bool,
    pub config: DeploymentConfig,
}

impl OperationOptions {
    /// Returns the options of an operation that no request describes.
    pub fn new(on_failure: OnFailure) -> Self {
        let config = DeploymentConfig::default();
        Self { on_failure, token: None, retain_except_on_create: false, config }
    }
}
