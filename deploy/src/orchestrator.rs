//! Plans, deploys and deletes several stacks: in the order of their dependencies, with approvals, and with an orderly end
//! when the user stops the command.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stackwright_synth::{StackArtifact, with_causes};
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;

use crate::approval::{ApprovalPolicy, RequiredApproval, is_approved, required_approvals};
use crate::backend::Backend;
use crate::change_set::{ChangeSet, discard};
use crate::connection::{Connection, Connections};
use crate::deletion::{DELETABLE, DeletionPreview, deletion_preview, destroy};
use crate::deployed::deployed_stack;
use crate::error::DeployError;
use crate::execution::{Outcome, execute, keep_unchanged};
use crate::lookup::{find_stack, status_of};
use crate::order::{FinishedStack, Order, run_in_order};
use crate::plan::{Plan, PlannedOutcome, PlannedStack};
use crate::prediction::ComparePrediction;
use crate::preparation::{Options, Prepared, prepare_compared, wait_until_idle};
use crate::prompt::{Prompt, Question};
use crate::recovery::cancel;
use crate::refactor::{ResourceMove, refactor, rename_approvals, renames};
use crate::secret::Secrets;
use crate::status::StackStatus;
use crate::waiting::Activity;
use crate::{Progress, Report};

/// The settings of an [`Orchestrator`].
///
/// ```
/// use stackwright_deploy::Settings;
///
/// let settings = Settings::new(4).unprotect(true);
/// # let _ = settings;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The maximum number of stacks that are processed at the same time, if they do not depend on each other.
    pub concurrency: usize,
    /// The approvals that were given.
    pub approvals: ApprovalPolicy,
    /// Whether termination protection is disabled before a stack is deleted.
    pub unprotect: bool,
}

impl Settings {
    /// Creates settings without approvals. `concurrency` is the maximum number of stacks that are processed at the same time.
    pub fn new(concurrency: usize) -> Self {
        Self { concurrency, approvals: ApprovalPolicy::default(), unprotect: false }
    }

    /// Sets the approvals that were given. By default, none was given.
    #[must_use]
    pub fn approvals(mut self, approvals: ApprovalPolicy) -> Self {
        self.approvals = approvals;
        self
    }

    /// Sets whether termination protection is disabled before a stack is deleted. The default is `false`: the deletion of such a
    /// stack is an error.
    #[must_use]
    pub fn unprotect(mut self, unprotect: bool) -> Self {
        self.unprotect = unprotect;
        self
    }
}

/// The attempt to cancel the running operation of a stack.
#[derive(Debug)]
#[non_exhaustive]
pub struct Cancellation {
    /// The name of the stack.
    pub stack: String,
    /// Whether CloudFormation can cancel the operation, or the error of the request.
    pub result: Result<bool, DeployError>,
}

/// Deploys, plans and deletes several stacks, in the order of their dependencies.
///
/// ```
/// use stackwright_deploy::{Connections, NoPrompt, Orchestrator, Profile, Settings};
///
/// let connections = Connections::new(Profile::default());
/// let orchestrator = Orchestrator::new(&connections, &NoPrompt, &|_, _| {}, Settings::new(4));
/// assert!(orchestrator.running().is_empty());
/// ```
pub struct Orchestrator<'a> {
    connections: &'a Connections,
    prompt: &'a dyn Prompt,
    report: &'a dyn Fn(&StackArtifact, Progress),
    settings: Settings,
    compare: Option<ComparePrediction<'a>>,
    /// The lock that allows only one question to the user at a time.
    asking: Mutex<()>,
    /// The stacks on which an operation is running, by name.
    running: RefCell<BTreeMap<String, Connection>>,
    stopped: watch::Sender<bool>,
}

impl<'a> Orchestrator<'a> {
    /// Creates an orchestrator. `report` receives the progress of each stack.
    pub fn new(
        connections: &'a Connections,
        prompt: &'a dyn Prompt,
        report: &'a dyn Fn(&StackArtifact, Progress),
        settings: Settings,
    ) -> Self {
        Self {
            connections,
            prompt,
            report,
            settings,
            compare: None,
            asking: Mutex::new(()),
            running: RefCell::default(),
            stopped: watch::Sender::new(false),
        }
    }

    /// Compares each change set with the changes that the deployed template and the new one predict. By default, change sets are
    /// not compared.
    #[must_use]
    pub fn comparing(mut self, compare: ComparePrediction<'a>) -> Self {
        self.compare = Some(compare);
        self
    }

    /// Starts no other operation, and withdraws open questions. Change sets that were not executed are deleted.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Returns the names of the stacks on which an operation is running.
    pub fn running(&self) -> Vec<String> {
        self.running.borrow().keys().cloned().collect()
    }

    /// Returns the backends that perform the running operations.
    pub fn backends(&self) -> BTreeSet<Backend> {
        self.running.borrow().values().map(Connection::backend).collect()
    }

    /// Cancels the running operations, and returns the result for each stack.
    pub async fn cancel_running(&self) -> Vec<Cancellation> {
        let running = self.running.borrow().clone();
        let mut results = Vec::new();
        for (stack, connection) in running {
            let result = cancel(&connection, &stack).await;
            results.push(Cancellation { stack, result });
        }
        results
    }

    /// Deploys stacks. `others` are the stacks of the program that are not deployed; `options` returns the options for
    /// a stack. With a plan, only what was planned is executed. `ended` is called when the work on a stack has ended.
    ///
    /// # Errors
    /// Returns an error if the stacks depend on each other in a cycle. Errors of single stacks are in the results.
    pub async fn deploy<'s>(
        &self,
        stacks: &[&'s StackArtifact],
        others: &[&StackArtifact],
        options: &dyn Fn(&StackArtifact) -> Options,
        plan: Option<&Plan>,
        ended: &dyn Fn(&StackArtifact, &Result<Outcome, DeployError>),
    ) -> Result<Vec<FinishedStack<'s, Outcome>>, DeployError> {
        run_in_order(stacks, self.settings.concurrency, Order::DependenciesFirst, |stack| {
            let options = options(stack);
            async move {
                let secrets = Secrets::new(stack, &options.parameters);
                let work = async |job: &Job<'_>| self.deploy_one(job, others, &options, plan).await;
                let masked = |(key, value): (String, String)| {
                    let value = secrets.output(&key, &value);
                    (key, value)
                };
                let result = self.run(stack, &secrets, work).await.map(|outcome| Outcome {
                    changed: outcome.changed,
                    outputs: outcome.outputs.into_iter().map(masked).collect(),
                });
                ended(stack, &result);
                result
            }
        })
        .await
    }

    /// Creates change sets for stacks, and returns the plan for each. A stack that depends on a stack that changes is
    /// planned when it is deployed.
    ///
    /// # Errors
    /// Returns an error if the stacks depend on each other in a cycle. Errors of single stacks are in the results.
    pub async fn plan<'s>(
        &self,
        stacks: &[&'s StackArtifact],
        others: &[&StackArtifact],
        options: &dyn Fn(&StackArtifact) -> Options,
        ended: &dyn Fn(&StackArtifact, &Result<PlannedStack, DeployError>),
    ) -> Result<Vec<FinishedStack<'s, PlannedStack>>, DeployError> {
        let changing = RefCell::new(BTreeSet::new());
        run_in_order(stacks, self.settings.concurrency, Order::DependenciesFirst, |stack| {
            let (options, changing) = (options(stack), &changing);
            async move {
                let secrets = Secrets::new(stack, &options.parameters);
                let work = async |job: &Job<'_>| self.plan_one(job, others, &options, changing).await;
                let result = self.run(stack, &secrets, work).await;
                ended(stack, &result);
                result
            }
        })
        .await
    }

    /// Deletes stacks. `others` are the stacks of the program that are not deleted.
    ///
    /// # Errors
    /// Returns an error if the stacks depend on each other in a cycle. Errors of single stacks are in the results.
    pub async fn destroy<'s>(
        &self,
        stacks: &[&'s StackArtifact],
        others: &[&StackArtifact],
        ended: &dyn Fn(&StackArtifact, &Result<Deleted, DeployError>),
    ) -> Result<Vec<FinishedStack<'s, Deleted>>, DeployError> {
        run_in_order(stacks, self.settings.concurrency, Order::DependentsFirst, |stack| async move {
            let secrets = Secrets::new(stack, &BTreeMap::new());
            let work = async |job: &Job<'_>| self.destroy_one(job, others).await;
            let result = self.run(stack, &secrets, work).await;
            ended(stack, &result);
            result
        })
        .await
    }

    /// Runs work on one stack: with reports while it waits, and with secrets masked.
    async fn run<T>(
        &self,
        stack: &StackArtifact,
        secrets: &Secrets<'_>,
        work: impl AsyncFnOnce(&Job<'_>) -> Result<T, DeployError>,
    ) -> Result<T, DeployError> {
        self.check_stopped(stack)?;
        let connection: RefCell<Option<Connection>> = RefCell::default();
        let renamed_before: RefCell<Vec<ResourceMove>> = RefCell::default();
        let is_abandonable = Cell::new(true);
        let report = |progress: Progress| {
            if let Some(now) = can_be_abandoned(&progress) {
                is_abandonable.set(now);
            }
            match (&progress, connection.borrow().as_ref()) {
                (Progress::Executing { .. } | Progress::Refactoring { .. }, Some(connection)) => {
                    self.running.borrow_mut().insert(stack.name.clone(), connection.clone());
                }
                (Progress::Refactored { moves }, _) => {
                    self.running.borrow_mut().remove(&stack.name);
                    renamed_before.borrow_mut().clone_from(moves);
                }
                _ => {}
            }
            (self.report)(stack, secrets.mask_progress(progress));
        };
        let activity = Activity::new(&report);
        let job = Job { stack, activity: &activity, connection: &connection };
        let last_error = || connection.borrow().as_ref().and_then(|one| one.last_error.take());
        let result = tokio::select! {
            result = activity.watch(last_error, work(&job)) => result,
            () = self.abandoned(&is_abandonable) => Err(DeployError::interrupted(&stack.name)),
        };
        self.running.borrow_mut().remove(&stack.name);
        result.map_err(|mut error| {
            if let DeployError::NotApproved { renamed, .. } | DeployError::Interrupted { renamed, .. } =
                &mut error
            {
                *renamed = renamed_before.take();
            }
            secrets.mask_error(error)
        })
    }

    /// Waits until the command is stopped while the work on a stack can be abandoned.
    async fn abandoned(&self, is_abandonable: &Cell<bool>) {
        let mut stopped = self.stopped.subscribe();
        // The sender is in `self`.
        let _ = stopped.wait_for(|stopped| *stopped).await;
        while !is_abandonable.get() {
            sleep(STOP_INTERVAL).await;
        }
    }

    fn check_stopped(&self, stack: &StackArtifact) -> Result<(), DeployError> {
        if *self.stopped.borrow() {
            return Err(DeployError::interrupted(&stack.name));
        }
        Ok(())
    }

    async fn connect(&self, job: &Job<'_>) -> Result<Connection, DeployError> {
        let connection = self.connections.for_stack(job.stack).await?;
        *job.connection.borrow_mut() = Some(connection.clone());
        job.report(Progress::Connected {
            account: connection.account().to_owned(),
            region: connection.region().to_owned(),
        });
        Ok(connection)
    }

    /// Waits for an approval, unless the command is stopped before.
    async fn approve(
        &self,
        stack: &StackArtifact,
        approval: impl Future<Output = Result<(), DeployError>>,
    ) -> Result<(), DeployError> {
        let mut stopped = self.stopped.subscribe();
        let ask = async {
            let _only_question = self.asking.lock().await;
            approval.await
        };
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => {
                Err(DeployError::interrupted(&stack.name))
            }
            result = ask => result,
        }
    }

    async fn approve_changes(
        &self,
        stack: &StackArtifact,
        changes: &[RequiredApproval],
    ) -> Result<(), DeployError> {
        let question = Question::Deploy { stack: stack.name.clone() };
        self.approve(stack, self.settings.approvals.check(self.prompt, &stack.name, changes, &question)).await
    }

    async fn deploy_one(
        &self,
        job: &Job<'_>,
        others: &[&StackArtifact],
        options: &Options,
        plan: Option<&Plan>,
    ) -> Result<Outcome, DeployError> {
        let stack = job.stack;
        let report = |progress| job.report(progress);
        let connection = self.connect(job).await?;
        self.check_dependencies(stack, others).await?;
        let planned = plan.and_then(|plan| plan.of(stack));
        if let Some(planned) = planned {
            planned.verify(&connection, stack, options).await?;
        }
        // An import changes nothing else.
        if options.imports.is_empty() {
            self.rename(&connection, stack, options, planned, &report).await?;
        }
        let prepared = match planned.map(|planned| &planned.outcome) {
            Some(PlannedOutcome::Unchanged { attributes }) => {
                Prepared::Unchanged { attributes: attributes.clone() }
            }
            Some(PlannedOutcome::Ready { change_set, .. }) => Prepared::Ready(change_set.clone()),
            Some(PlannedOutcome::Deferred { .. }) | None => {
                prepare_compared(&connection, stack, options, self.compare, &report).await?
            }
        };
        match prepared {
            Prepared::Unchanged { attributes } => {
                let required = required_approvals(&stack.name, &[], &attributes);
                if !required.is_empty() {
                    self.approve_changes(stack, &required).await?;
                }
                self.check_stopped(stack)?;
                keep_unchanged(&connection, stack, &attributes, &report).await
            }
            Prepared::Ready(change_set) => {
                job.report(Progress::ChangeSetCreated(change_set.clone()));
                if let Err(error) = self.approve_changes(stack, &change_set.required_approvals()).await {
                    // A planned change set stays available.
                    if planned.is_none() {
                        discard_unwanted(&connection, &change_set, &report).await;
                    }
                    return Err(error);
                }
                execute(&connection, stack, &change_set, &report).await
            }
        }
    }

    /// Gives resources their new logical IDs, if the program names the former ones and the stack refactor is approved. What was
    /// planned has to be the same.
    async fn rename(
        &self,
        connection: &Connection,
        stack: &StackArtifact,
        options: &Options,
        planned: Option<&PlannedStack>,
        report: Report<'_>,
    ) -> Result<(), DeployError> {
        let moves = renames(connection, stack, report).await?;
        if let Some(planned) = planned {
            let expected = match &planned.outcome {
                PlannedOutcome::Deferred { renames, .. } => renames.as_slice(),
                _ => &[],
            };
            if moves != expected {
                return Err(DeployError::Changed {
                    stack: stack.name.clone(),
                    reason: "the resources to rename differ from the planned ones".into(),
                });
            }
        }
        if moves.is_empty() {
            return Ok(());
        }
        report(Progress::RenamesPlanned { moves: moves.clone() });
        let required = rename_approvals(&stack.name, &moves);
        if !self.settings.approvals.open(&required).is_empty() {
            let question = Question::Rename { stack: stack.name.clone(), moves: moves.clone() };
            let check = self.settings.approvals.check(self.prompt, &stack.name, &required, &question);
            self.approve(stack, check).await?;
        }
        self.check_stopped(stack)?;
        refactor(connection, &[stack], &moves, options.description.as_deref(), report).await
    }

    async fn plan_one(
        &self,
        job: &Job<'_>,
        others: &[&StackArtifact],
        options: &Options,
        changing: &RefCell<BTreeSet<String>>,
    ) -> Result<PlannedStack, DeployError> {
        let stack = job.stack;
        let connection = self.connect(job).await?;
        self.check_dependencies(stack, others).await?;
        let is_changing = |id: &&String| changing.borrow().contains(*id);
        let after: Vec<String> = stack.dependencies.iter().filter(is_changing).cloned().collect();
        let report = |progress| job.report(progress);
        let renames = renames(&connection, stack, &report).await?;
        let planned = if after.is_empty() && renames.is_empty() {
            let prepared = prepare_compared(&connection, stack, options, self.compare, &report).await?;
            PlannedStack::new(&connection, stack, options, prepared)
        } else {
            let deployed = deployed_stack(&connection, stack, &options.parameters, &report).await?;
            job.report(Progress::Deferred(deployed.map(Box::new)));
            PlannedStack::deferred(&connection, stack, options, after, renames)
        };
        if !matches!(planned.outcome, PlannedOutcome::Unchanged { .. }) {
            changing.borrow_mut().insert(planned.id.clone());
        }
        Ok(planned)
    }

    async fn destroy_one(&self, job: &Job<'_>, others: &[&StackArtifact]) -> Result<Deleted, DeployError> {
        let stack = job.stack;
        let report = |progress| job.report(progress);
        let connection = self.connect(job).await?;
        // The preview has to contain the changes of another operation on the stack.
        wait_until_idle(&connection, &stack.name, &DELETABLE, &report).await?;
        let Some(mut preview) = deletion_preview(&connection, stack, &report).await? else {
            return Ok(Deleted::NotDeployed);
        };
        preview.dependents = self.deployed_dependents(stack, others).await;
        job.report(Progress::DeletionPlanned(Box::new(preview.clone())));
        self.approve(stack, self.check_deletion(&preview)).await?;
        destroy(&connection, &preview, self.settings.unprotect, &report).await?;
        Ok(Deleted::Deleted)
    }

    /// Finds out whether the deletion of a stack is approved.
    async fn check_deletion(&self, preview: &DeletionPreview) -> Result<(), DeployError> {
        let refuse = |missing: Vec<RequiredApproval>| Err(DeployError::not_approved(&preview.stack, missing));
        let required = preview.required_approvals();
        let open: Vec<RequiredApproval> =
            self.settings.approvals.open(&required).into_iter().cloned().collect();
        let is_asked = self.prompt.is_interactive() && !self.settings.approvals.answers_yes();
        if !is_asked {
            return match (open.is_empty(), self.settings.approvals.answers_yes()) {
                (true, true) => Ok(()),
                _ => refuse(open),
            };
        }
        for change in open {
            let question = Question::Confirm { stack: preview.stack.clone(), change: change.clone() };
            if !is_approved(self.prompt, &question).await {
                return refuse(vec![change]);
            }
        }
        let question =
            Question::Delete { stack: preview.stack.clone(), dependents: preview.dependents.clone() };
        if is_approved(self.prompt, &question).await { Ok(()) } else { refuse(Vec::new()) }
    }

    /// Refuses a stack that depends on stacks that are neither deployed now nor in the account.
    async fn check_dependencies(
        &self,
        stack: &StackArtifact,
        others: &[&StackArtifact],
    ) -> Result<(), DeployError> {
        let mut missing = Vec::new();
        for other in others.iter().filter(|other| stack.dependencies.contains(&other.id)) {
            if self.is_deployed(other).await == Some(false) {
                missing.push(other.name.clone());
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(DeployError::MissingDependencies { stack: stack.name.clone(), missing })
    }

    /// Returns the names of deployed stacks of the program that depend on a stack.
    async fn deployed_dependents(&self, stack: &StackArtifact, others: &[&StackArtifact]) -> Vec<String> {
        let mut found = Vec::new();
        for other in others.iter().filter(|other| other.dependencies.contains(&stack.id)) {
            if self.is_deployed(other).await == Some(true) {
                found.push(other.name.clone());
            }
        }
        found
    }

    /// Returns whether a stack is deployed; `None` if that cannot be read, for example in another account.
    async fn is_deployed(&self, stack: &StackArtifact) -> Option<bool> {
        let connection = self.connections.for_stack(stack).await.ok()?;
        let found = find_stack(&connection, &stack.name).await.ok()?;
        Some(found.is_some_and(|found| {
            !matches!(
                status_of(&found),
                StackStatus::ReviewInProgress | StackStatus::DeleteComplete | StackStatus::RollbackComplete
            )
        }))
    }
}

/// Deletes a change set that is not wanted. If that fails, the change set remains, which is reported: the error that led
/// here is the result.
async fn discard_unwanted(connection: &Connection, change_set: &ChangeSet, report: Report<'_>) {
    if let Err(error) = discard(connection, change_set).await {
        let (change_set, reason) = (change_set.name.clone(), with_causes(&error));
        report(Progress::ChangeSetNotDeleted { change_set, reason });
    }
}

/// The result of the deletion of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deleted {
    /// The stack was deleted.
    Deleted,
    /// The stack was not deployed.
    NotDeployed,
}

/// The work on one stack.
struct Job<'j> {
    stack: &'j StackArtifact,
    activity: &'j Activity<'j>,
    /// The connection, once it is established.
    connection: &'j RefCell<Option<Connection>>,
}

/// The interval at which the orchestrator checks whether the work on a stack can be abandoned, after the command was
/// stopped.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// Returns whether the work on a stack can be abandoned after a report, because it only waits or uploads; `None` if the report
/// changes nothing.
fn can_be_abandoned(progress: &Progress) -> Option<bool> {
    match progress {
        Progress::Connected { .. } | Progress::WaitingForOperation { .. } | Progress::Uploading { .. } => {
            Some(true)
        }
        Progress::CreatingChangeSet
        | Progress::ChangeSetCreated(_)
        | Progress::DeletingEmptyStack
        | Progress::Refactoring { .. }
        | Progress::AttributeChanged(_)
        | Progress::Executing { .. } => Some(false),
        _ => None,
    }
}

impl Job<'_> {
    fn report(&self, progress: Progress) {
        self.activity.report(progress);
    }
}
