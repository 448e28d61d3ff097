//! Schedules: EventBridge Scheduler starts a target at the times of an expression.

use std::time::Duration;

use stackwright_estimate::memory::ONLY_JOB;
use stackwright_resources::scheduler;
use stackwright_resources::scheduler::schedule::{
    FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target,
};
use stackwright_synth::intrinsic::{json_text, partition, region};
use stackwright_synth::{
    Construct, Expression, Handle, IntoValue, Json, Literal, Properties, ResourceOptions, Scope, Value, sub,
};

use super::expression::ScheduleExpression;
use super::{PipelineHandle, StateMachineHandle, name_prefix};
use crate::iam::{
    BuiltRole, RoleNeeded, RoleOptions, RoleReference, RoleSettings, Statement, arn, pass_to_sagemaker,
};
use crate::training::{Definition, RunVariable, TrainingJob};

/// The maximum length of the prefix of a job name. A name may have 63 characters, and the ID of a scheduled call has
/// 36.
const PREFIX_CHARACTERS: usize = 63 - 36 - 1;

/// A schedule of EventBridge Scheduler that starts a pipeline, a state machine, or a training job.
///
/// EventBridge Scheduler repeats a call that failed up to three times within an hour.
///
/// It becomes `AWS::Scheduler::Schedule` and `AWS::IAM::Role`, and the output `…Console` of the stack.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::Schedule;
/// use stackwright_stacks::training::{Ddp, Instances, TrainingJob};
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Training").region("us-east-1");
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.12xlarge", 1), S3Location::new("my-runs", "models"))
///     .distribution(Ddp::new());
/// stack.add("Nightly", Schedule::new("cron(0 2 * * ? *)", job).time_zone("Europe/Berlin"));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Schedule {
    expression: Value<String>,
    target: ScheduleTarget,
    time_zone: Option<Value<String>>,
    window_minutes: Option<Value<f64>>,
    role: RoleSettings,
}

/// The target of a [`Schedule`]: the handle of a pipeline or of a state machine, or a training job, converts into it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ScheduleTarget {
    /// A run of a pipeline.
    Pipeline(PipelineHandle),
    /// A run of a state machine.
    StateMachine(StateMachineHandle),
    /// A training job, which EventBridge Scheduler creates with `CreateTrainingJob`. If the job fails, it is not started again,
    /// and nobody is notified.
    TrainingJob(Box<TrainingJob>),
}

impl From<&PipelineHandle> for ScheduleTarget {
    fn from(pipeline: &PipelineHandle) -> Self {
        Self::Pipeline(pipeline.clone())
    }
}

impl From<&StateMachineHandle> for ScheduleTarget {
    fn from(machine: &StateMachineHandle) -> Self {
        Self::StateMachine(machine.clone())
    }
}

impl From<TrainingJob> for ScheduleTarget {
    fn from(job: TrainingJob) -> Self {
        Self::TrainingJob(Box::new(job))
    }
}

impl Schedule {
    /// Creates a schedule with its times, such as `"rate(1 day)"`, `"cron(0 2 * * ? *)"` or a [`ScheduleExpression`],
    /// and its target.
    #[track_caller]
    pub fn new(expression: impl Into<ScheduleExpression>, target: impl Into<ScheduleTarget>) -> Self {
        Self {
            expression: expression.into().0,
            target: target.into(),
            time_zone: None,
            window_minutes: None,
            role: RoleSettings::default(),
        }
    }

    /// Sets the time zone of the expression, such as `Europe/Berlin`. The default is UTC.
    #[track_caller]
    pub fn time_zone(mut self, name: impl IntoValue<String>) -> Self {
        self.time_zone = Some(name.into().with_caller_location());
        self
    }

    /// Starts the target at any time within this time after the scheduled time, 1 minute to 24 hours in whole minutes
    /// (`FlexibleTimeWindow`). By default, the target is started at the scheduled time.
    #[track_caller]
    pub fn flexible_window(mut self, time: Duration) -> Self {
        let minutes = i64::try_from(time.as_secs() / 60).unwrap_or(i64::MAX);
        self.window_minutes = Some(Value::from(minutes).with_caller_location());
        self
    }
}

impl RoleOptions for Schedule {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

impl Construct for Schedule {
    type Handle = ScheduleHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> ScheduleHandle {
        let mut policies: Vec<Handle> = Vec::new();
        let mut job_role = None;
        let mut memory = Vec::new();
        let call = |operation: &str| sub!("arn:{}:scheduler:::aws-sdk:sagemaker:{}", partition(), operation);
        let (target, input, statements): (Value<String>, Properties, Vec<Statement>) = match self.target {
            ScheduleTarget::Pipeline(pipeline) => {
                let mut input = Properties::default();
                input.put("PipelineName", pipeline.name());
                // EventBridge Scheduler may send a call twice; with the same token, both calls start only one run.
                input.put("ClientRequestToken", "<aws.scheduler.execution-id>");
                let allowed = Statement::allow(["sagemaker:StartPipelineExecution"]).on(pipeline.arn());
                (call("startPipelineExecution"), input, vec![allowed])
            }
            ScheduleTarget::StateMachine(machine) => {
                let allowed = Statement::allow(["states:StartExecution"]).on(machine.arn());
                (machine.arn(), Properties::default(), vec![allowed])
            }
            ScheduleTarget::TrainingJob(job) => {
                let id = format!("{}-{}", scope.stack_name(), scope.id());
                let prefix = name_prefix(&id, PREFIX_CHARACTERS);
                let request = scope.add("Job", Definition { job: *job, is_tuned: false });
                policies.extend(request.role.policy.clone());
                memory.extend(request.memory.map(|statement| (ONLY_JOB.to_owned(), statement)));
                let mut input = request.arguments;
                input.put("TrainingJobName", format!("{prefix}-<aws.scheduler.execution-id>"));
                let allowed = [
                    Statement::allow(["sagemaker:AddTags", "sagemaker:CreateTrainingJob"])
                        .on(arn("sagemaker", sub!("training-job/{}-*", &prefix)))
                        .on(arn("sagemaker", sub!("training-job/{}-*", prefix.to_lowercase()))),
                    pass_to_sagemaker(request.role.role.arn()),
                ];
                job_role = Some(request.role.role);
                (call("createTrainingJob"), input, allowed.into())
            }
        };
        let needed = RoleNeeded { id: "Role".into(), service: "scheduler", policy: "Start", statements };
        let BuiltRole { role, policy } = self.role.build(needed, scope);
        policies.extend(policy);
        let window = match self.window_minutes {
            None => FlexibleTimeWindow::new(FlexibleTimeWindowMode::Off),
            Some(minutes) => {
                FlexibleTimeWindow::new(FlexibleTimeWindowMode::Flexible).maximum_window_in_minutes(minutes)
            }
        };
        let input: Value<Json> = Value::from_expression(with_context(input.into_expression()));
        let target =
            Target::new().arn(target).role_arn(role.arn()).input(json_text(input)).retry_policy(
                RetryPolicy::new().maximum_retry_attempts(3).maximum_event_age_in_seconds(3600),
            );
        let mut schedule = scheduler::Schedule::new()
            .flexible_time_window(window)
            .schedule_expression(self.expression)
            .target(target);
        if let Some(zone) = self.time_zone {
            schedule = schedule.schedule_expression_timezone(zone);
        }
        for policy in &policies {
            schedule = schedule.depends_on(policy);
        }
        if let Some((name, statement)) = super::memory_statement(memory) {
            schedule = schedule.metadata(name, statement);
        }
        let handle = scope.add_default(schedule);
        let page = sub!("scheduler/home?region={}#schedules/default/{}", region(), handle.reference());
        super::put_console(scope, &page);
        ScheduleHandle { schedule: handle, role, job_role }
    }
}

/// A [`Schedule`] that was added to a stack.
#[derive(Clone, Debug)]
pub struct ScheduleHandle {
    schedule: scheduler::ScheduleHandle,
    role: RoleReference,
    job_role: Option<RoleReference>,
}

impl ScheduleHandle {
    /// Returns the schedule's name.
    pub fn name(&self) -> Value<String> {
        self.schedule.reference()
    }

    /// Returns the schedule's ARN.
    pub fn arn(&self) -> Value<String> {
        self.schedule.arn()
    }

    /// Returns the role with which EventBridge Scheduler starts the target.
    pub fn role(&self) -> &RoleReference {
        &self.role
    }

    /// Returns the execution role of the training job, or `None` if the target is a pipeline or a state machine.
    pub fn job_role(&self) -> Option<&RoleReference> {
        self.job_role.as_ref()
    }
}

/// Replaces the variables of the run by the context attributes of EventBridge Scheduler.
fn with_context(expression: Expression) -> Expression {
    RunVariable::replace(expression, &|variable| {
        let attribute = match variable {
            RunVariable::Id => "<aws.scheduler.execution-id>",
            RunVariable::StartTime => "<aws.scheduler.scheduled-time>",
        };
        Expression::Literal(attribute.into())
    })
}
