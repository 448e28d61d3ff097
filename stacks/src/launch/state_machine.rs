//! State machines of Step Functions that run jobs in sequence, retry them, and publish failures to an SNS topic.

use std::time::Duration;

use serde_json::{Value as JsonValue, json};
use stackwright_resources::stepfunctions;
use stackwright_synth::intrinsic::{json_text, partition, region};
use stackwright_synth::{
    CallerLocation, Construct, Handle, IntoValue, Json, Literal, Map, Properties, Property, ResourceOptions,
    Scope, Value, sub,
};

use super::{OptimizationJob, name_prefix};
use crate::iam::{
    BuiltRole, RoleNeeded, RoleOptions, RoleReference, RoleSettings, Statement, arn, pass_to_sagemaker,
};
use crate::topic::TopicReference;
use crate::training::{Definition, TrainingJob};

/// The maximum length of the prefix of a job name. A name may have 63 characters: 36 are the ID of the run, and 2 are
/// the number of the attempt.
const PREFIX_CHARACTERS: usize = 63 - 36 - 1 - 3;

/// The time between two attempts after a capacity error.
const CAPACITY_WAIT: Duration = Duration::from_mins(10);

/// A state machine of AWS Step Functions that runs jobs in the order in which they were added. A job with managed spot
/// training that failed with a capacity error is started again after ten minutes. A failed job ends the run; if an SNS topic is
/// set, the error is published to the topic.
///
/// A deployment starts no run: use the command in the output `…StartCommand` of the stack, or a
/// [`Schedule`](super::Schedule). A state machine without jobs, or two states with the same name, are errors.
///
/// It becomes `AWS::StepFunctions::StateMachine`, and an `AWS::IAM::Role` for the state machine and for each job.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::StateMachine;
/// use stackwright_stacks::training::{DeepSpeed, Instances, TrainingJob};
/// # use stackwright_synth::{App, Asset};
///
/// # let app = App::new("language");
/// # let stack = app.stack("Training").region("us-east-1");
/// # let source = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.p5.48xlarge", 8), S3Location::new("my-runs", "models"))
///     .source(source, "train.py")
///     .distribution(DeepSpeed::zero_3(1));
/// stack.add("Train", StateMachine::new().train("Train", job));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct StateMachine {
    tasks: Vec<(String, Task, CallerLocation)>,
    topic: Option<TopicReference>,
    timeout: Duration,
    attempts: i64,
    role: RoleSettings,
}

#[derive(Clone, Debug)]
enum Task {
    Train(Box<TrainingJob>),
    Optimize(Box<OptimizationJob>),
}

impl Default for StateMachine {
    fn default() -> Self {
        Self {
            tasks: Vec::new(),
            topic: None,
            timeout: Duration::from_hours(14 * 24),
            attempts: 5,
            role: RoleSettings::default(),
        }
    }
}

impl StateMachine {
    /// Creates a state machine without jobs. Add at least one with [`train`](Self::train) or [`optimize`](Self::optimize).
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a state, by its name, that runs a training job and waits until it ends. A second state of the same name is an
    /// error at the caller's line.
    #[track_caller]
    pub fn train(self, state: &str, job: TrainingJob) -> Self {
        self.task(state, Task::Train(Box::new(job)), std::panic::Location::caller())
    }

    /// Adds a state, by its name, that runs an optimization job and waits until it ends. A second state of the same name is
    /// an error at the caller's line.
    #[track_caller]
    pub fn optimize(self, state: &str, job: OptimizationJob) -> Self {
        self.task(state, Task::Optimize(Box::new(job)), std::panic::Location::caller())
    }

    fn task(mut self, state: &str, task: Task, source: CallerLocation) -> Self {
        self.tasks.push((state.to_owned(), task, source));
        self
    }

    /// Sets the SNS topic to which the error of a failed job is published, given as a handle or an ARN. The role may publish to
    /// the topic and use its KMS key; for a topic that is not in the app, state the key with [`TopicReference::kms_key`]. By
    /// default, errors are not published.
    #[track_caller]
    pub fn notify(mut self, topic: impl Into<TopicReference>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Sets the timeout of a run, including the time in which it waits for capacity (`TimeoutSeconds`). The default is
    /// 14 days.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// Sets how many times a request to SageMaker that was throttled or exceeded a quota is repeated at most
    /// (`MaxAttempts`). The default is 5.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.into();
        self
    }
}

/// A [`StateMachine`] that was added to a stack.
#[derive(Clone, Debug)]
pub struct StateMachineHandle {
    resource: stepfunctions::StateMachineHandle,
    role: RoleReference,
    job_roles: Vec<(String, RoleReference)>,
}

impl StateMachineHandle {
    /// Returns the state machine's ARN.
    pub fn arn(&self) -> Value<String> {
        self.resource.arn()
    }

    /// Returns the execution role of the state machine.
    pub fn role(&self) -> &RoleReference {
        &self.role
    }

    /// Returns the execution role of the job of a state, by the name of the state, or `None` if there is no such state.
    pub fn job_role(&self, task: &str) -> Option<&RoleReference> {
        self.job_roles.iter().find(|(name, _)| name == task).map(|(_, role)| role)
    }

    /// Returns the state machine's name.
    pub fn name(&self) -> Value<String> {
        self.resource.name()
    }
}

/// The states of a definition, and the permissions that the state machine's role needs for them.
struct States {
    states: Map<Json>,
    statements: Vec<Statement>,
    /// Policies that must exist before a run starts.
    policies: Vec<Handle>,
    attempts: i64,
    /// The statements about the memory of jobs, by the names of their states.
    memory: Vec<(String, JsonValue)>,
    /// The roles of jobs, by the names of their tasks.
    roles: Vec<(String, RoleReference)>,
}

impl States {
    fn add(&mut self, name: &str, state: impl IntoValue<Json>) {
        self.states = std::mem::take(&mut self.states).set(name, state);
    }

    /// A task that calls an integration of Step Functions.
    fn call(&mut self, name: &str, integration: &str, parameters: Properties, more: JsonValue) {
        let mut state = Properties::default();
        state.put("Type", "Task");
        state.put("Resource", sub!("arn:{}:states:::{}", partition(), integration));
        let parameters = super::states_format::with_context(parameters.into_expression());
        state.put("Parameters", Value::<Json>::from_expression(parameters));
        if let JsonValue::Object(more) = more {
            for (key, value) in more {
                state.put(key, value);
            }
        }
        self.add(name, Value::from(state).cast::<Json>());
    }

    fn retry(&self, errors: &[&str]) -> JsonValue {
        json!([{ "ErrorEquals": errors, "IntervalSeconds": 60, "BackoffRate": 2, "MaxAttempts": self.attempts }])
    }

    fn train(&mut self, name: &str, job: TrainingJob, next: JsonValue, scope: &mut Scope<'_>) {
        let is_spot = job.is_spot();
        let prefix = name_prefix(&format!("{}-{name}", scope.stack_name()), PREFIX_CHARACTERS);
        let request = scope.add(&id(name), Definition { job, is_tuned: false });
        self.roles.push((name.to_owned(), request.role.role.clone()));
        self.policies.extend(request.role.policy.clone());
        self.memory.extend(request.memory.map(|statement| (name.to_owned(), statement)));
        let mut parameters = request.arguments;
        // Every attempt needs a unique job name.
        parameters.put(
            "TrainingJobName.$",
            format!("States.Format('{prefix}-{{}}-{{}}', States.UUID(), $$.State.RetryCount)"),
        );
        let failed = if is_spot { format!("{name} failed") } else { FAILED.to_owned() };
        let mut more = json!({
            "Retry": self.retry(&["SageMaker.AmazonSageMakerException", "SageMaker.ResourceLimitExceededException"]),
            "Catch": [{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": failed }],
            "ResultPath": format!("$.{}", id(name)),
        });
        join(&mut more, &next);
        self.call(name, "sagemaker:createTrainingJob.sync", parameters, more);
        if is_spot {
            let wait = format!("{name} waits for capacity");
            self.add(
                &failed,
                json!({
                    "Type": "Choice",
                    "Choices": [{ "Variable": "$.error.Cause", "StringMatches": "*CapacityError*", "Next": wait }],
                    "Default": FAILED,
                }),
            );
            self.add(&wait, json!({ "Type": "Wait", "Seconds": CAPACITY_WAIT.as_secs(), "Next": name }));
        }
        // SageMaker writes names in ARNs in lower case, but IAM evaluates the name in the request: the statement
        // lists both forms.
        let jobs = arn("sagemaker", sub!("training-job/{}-*", prefix.to_lowercase()));
        self.statements.extend([
            Statement::allow([
                "sagemaker:AddTags",
                "sagemaker:CreateTrainingJob",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:StopTrainingJob",
            ])
            .on(arn("sagemaker", sub!("training-job/{}-*", &prefix)))
            .on(jobs),
            pass_to_sagemaker(request.role.role.arn()),
            Statement::allow(["events:DescribeRule", "events:PutRule", "events:PutTargets"])
                .on(arn("events", "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule")),
        ]);
    }

    /// Step Functions has no integration that waits for an optimization job, so the state machine polls the job's
    /// status.
    fn optimize(&mut self, name: &str, job: OptimizationJob, next: JsonValue, scope: &mut Scope<'_>) {
        let prefix = name_prefix(&format!("{}-{name}", scope.stack_name()), PREFIX_CHARACTERS);
        let request = scope.add(&id(name), super::optimization::Definition(job));
        self.roles.push((name.to_owned(), request.role.role.clone()));
        self.policies.extend(request.role.policy.clone());
        let (chosen, started) = (format!("$.{}Job", id(name)), format!("$.{}", id(name)));
        let (create, wait, ask, decide) = (
            format!("{name} starts"),
            format!("{name} runs"),
            format!("{name} status"),
            format!("{name} ended?"),
        );
        let catch = json!([{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": FAILED }]);
        let retry = self.retry(&["SageMaker.SageMakerException", "SageMaker.ResourceLimitExceededException"]);
        self.add(
            name,
            json!({
                "Type": "Pass",
                "Parameters": { "Name.$": format!("States.Format('{prefix}-{{}}', States.UUID())") },
                "ResultPath": chosen,
                "Next": create,
            }),
        );
        let mut parameters = request.arguments;
        parameters.put("OptimizationJobName.$", format!("{chosen}.Name"));
        self.call(
            &create,
            "aws-sdk:sagemaker:createOptimizationJob",
            parameters,
            json!({ "Retry": retry, "Catch": catch, "ResultPath": started, "Next": wait }),
        );
        self.add(&wait, json!({ "Type": "Wait", "Seconds": 60, "Next": ask }));
        let mut parameters = Properties::default();
        parameters.put("OptimizationJobName.$", format!("{chosen}.Name"));
        self.call(
            &ask,
            "aws-sdk:sagemaker:describeOptimizationJob",
            parameters,
            json!({ "Retry": retry, "Catch": catch, "ResultPath": started, "Next": decide }),
        );
        let status = format!("{started}.OptimizationJobStatus");
        let done = format!("{name} done");
        let fails = |status_is: &str| json!({ "Variable": status, "StringEquals": status_is, "Next": format!("{name} error") });
        self.add(
            &decide,
            json!({
                "Type": "Choice",
                "Choices": [
                    { "Variable": status, "StringEquals": "COMPLETED", "Next": done },
                    fails("FAILED"),
                    fails("STOPPED"),
                ],
                "Default": wait,
            }),
        );
        self.add(
            &format!("{name} error"),
            json!({
                "Type": "Pass",
                "Parameters": {
                    "Error": "OptimizationJobFailed",
                    "Cause.$": format!("States.JsonToString({started})"),
                },
                "ResultPath": "$.error",
                "Next": FAILED,
            }),
        );
        let mut end = json!({ "Type": "Pass" });
        join(&mut end, &next);
        self.add(&done, end);
        self.statements.extend([
            Statement::allow([
                "sagemaker:AddTags",
                "sagemaker:CreateOptimizationJob",
                "sagemaker:DescribeOptimizationJob",
            ])
            .on(arn("sagemaker", sub!("optimization-job/{}-*", &prefix)))
            .on(arn("sagemaker", sub!("optimization-job/{}-*", prefix.to_lowercase()))),
            pass_to_sagemaker(request.role.role.arn()),
        ]);
    }
}

/// The name of the state that follows a failed job.
const FAILED: &str = "Job failed";

/// Merges the members of one object into another.
fn join(into: &mut JsonValue, from: &JsonValue) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.clone());
    }
}

/// The part of logical IDs and result paths that stands for a state: its name without other characters than letters
/// and digits.
fn id(state: &str) -> String {
    state.chars().filter(char::is_ascii_alphanumeric).collect()
}

impl RoleOptions for StateMachine {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

impl Construct for StateMachine {
    type Handle = StateMachineHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> StateMachineHandle {
        let mut states = States {
            states: Map::default(),
            statements: Vec::new(),
            policies: Vec::new(),
            memory: Vec::new(),
            roles: Vec::new(),
            attempts: self.attempts,
        };
        super::check_names(
            scope,
            "state",
            self.tasks.iter().map(|(name, _, source)| (name.as_str(), *source)),
        );
        let names: Vec<String> = self.tasks.iter().map(|(name, ..)| name.clone()).collect();
        for (number, (name, task, _)) in self.tasks.into_iter().enumerate() {
            let next = match names.get(number + 1) {
                Some(next) => json!({ "Next": next }),
                None => json!({ "End": true }),
            };
            match task {
                Task::Train(job) => states.train(&name, *job, next, scope),
                Task::Optimize(job) => states.optimize(&name, *job, next, scope),
            }
        }
        let fail = json!({ "Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause" });
        match &self.topic {
            None => states.add(FAILED, fail),
            Some(topic) => {
                let mut parameters = Properties::default();
                parameters.put("TopicArn", topic.arn());
                parameters.put("Subject", "A SageMaker job failed");
                parameters.put("Message.$", "States.JsonToString($.error)");
                states.call(
                    FAILED,
                    "sns:publish",
                    parameters,
                    json!({ "ResultPath": "$.notification", "Next": "The run failed" }),
                );
                states.add("The run failed", fail);
                states.statements.extend(topic.allow_publish());
            }
        }
        let needed = RoleNeeded {
            id: "Role".into(),
            service: "states",
            policy: "Jobs",
            statements: states.statements,
        };
        let BuiltRole { role, policy } = self.role.build(needed, scope);
        let definition = Json::object([
            Property::new("StartAt", names.first().map_or(FAILED, String::as_str)),
            Property::new("TimeoutSeconds", i64::try_from(self.timeout.as_secs()).unwrap_or(i64::MAX)),
            Property::new("States", Value::<Map<Json>>::from(states.states)),
        ]);
        let mut machine =
            stepfunctions::StateMachine::new(role.arn()).definition_string(json_text(definition));
        for policy in states.policies.iter().chain(&policy) {
            machine = machine.depends_on(policy);
        }
        if let Some((name, statement)) = super::memory_statement(states.memory) {
            machine = machine.metadata(name, statement);
        }
        let resource = scope.add_default(machine);
        super::put_outputs(
            scope,
            sub!(
                "aws stepfunctions start-execution --region {} --state-machine-arn {}",
                region(),
                resource.arn()
            ),
            &sub!("states/home?region={}#/statemachines/view/{}", region(), resource.arn()),
        );
        StateMachineHandle { resource, role, job_roles: states.roles }
    }
}
