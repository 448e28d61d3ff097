//! The settings of all steps: name, dependencies, retries and caching.

use std::collections::BTreeSet;
use std::time::Duration;

use stackwright_synth::{CallerLocation, Handle, IntoValue, Json, Properties, Scope, Value};

use super::callback::{CallbackStep, LambdaStep};
use super::checks::CheckStep;
use super::deployment::{EndpointConfigStep, EndpointStep};
use super::model::CreateModelStep;
use super::transform::TransformStep;
use super::{ConditionStep, FailStep, ProcessingStep, RegisterModelStep, TrainingStep, TuningStep};
use crate::document::list;
use crate::iam::{BuiltRole, RoleReference, Statement, arn, pass_to_sagemaker};

/// A step of a [`Pipeline`](super::Pipeline), such as a [`TrainingStep`].
pub trait Step {
    /// The handle of the step in its pipeline, with the values that later steps can use.
    type Handle;

    #[doc(hidden)]
    fn handle(&self, name: &str) -> Self::Handle;

    #[doc(hidden)]
    fn into_kind(self) -> Kind;
}

/// The types of steps.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum Kind {
    Training(Box<TrainingStep>),
    Processing(Box<ProcessingStep>),
    Tuning(Box<TuningStep>),
    Transform(Box<TransformStep>),
    Model(Box<CreateModelStep>),
    Register(Box<RegisterModelStep>),
    EndpointConfig(Box<EndpointConfigStep>),
    Endpoint(Box<EndpointStep>),
    Check(Box<CheckStep>),
    Lambda(Box<LambdaStep>),
    Callback(Box<CallbackStep>),
    Condition(Box<ConditionStep>),
    Fail(Box<FailStep>),
}

impl Kind {
    fn options(&mut self) -> &mut Options {
        match self {
            Self::Training(it) => it.options(),
            Self::Processing(it) => it.options(),
            Self::Tuning(it) => it.options(),
            Self::Transform(it) => it.options(),
            Self::Model(it) => it.options(),
            Self::Register(it) => it.options(),
            Self::EndpointConfig(it) => it.options(),
            Self::Endpoint(it) => it.options(),
            Self::Check(it) => it.options(),
            Self::Lambda(it) => it.options(),
            Self::Callback(it) => it.options(),
            Self::Condition(it) => it.options(),
            Self::Fail(it) => it.options(),
        }
    }
}

/// A type of job or resource that a pipeline's role starts and monitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Started {
    Training,
    Processing,
    Tuning,
    Transform,
    Model,
}

impl Started {
    /// The permissions that the role needs. SageMaker derives the names of what a pipeline starts from the pipeline's
    /// name.
    fn statement(self) -> Statement {
        let (resource, actions): (&str, &[&str]) = match self {
            Self::Training => {
                ("training-job", &["CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"])
            }
            Self::Processing => {
                ("processing-job", &["CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob"])
            }
            Self::Tuning => (
                "hyper-parameter-tuning-job",
                &[
                    "CreateHyperParameterTuningJob",
                    "DescribeHyperParameterTuningJob",
                    "StopHyperParameterTuningJob",
                ],
            ),
            Self::Transform => {
                ("transform-job", &["CreateTransformJob", "DescribeTransformJob", "StopTransformJob"])
            }
            Self::Model => ("model", &["CreateModel", "DescribeModel"]),
        };
        let actions = actions.iter().chain(&["AddTags", "ListTags"]);
        Statement::allow(actions.map(|action| format!("sagemaker:{action}")))
            .on(arn("sagemaker", format!("{resource}/pipelines-*")))
    }
}

/// The permissions that the pipeline's role needs for the steps.
#[derive(Default)]
pub(super) struct Lowering {
    pub started: BTreeSet<Started>,
    /// The roles of jobs and models, by the names of their steps.
    pub roles: Vec<(String, RoleReference)>,
    /// Policies that must exist before a run starts.
    pub policies: Vec<Handle>,
    pub others: Vec<Statement>,
    /// The statements about the memory of jobs, by the names of their steps.
    pub memory: Vec<(String, serde_json::Value)>,
}

impl Lowering {
    /// Allows the pipeline to start a job or to create a resource with a role.
    pub fn starts(&mut self, step: &str, started: Started, role: BuiltRole) {
        self.started.insert(started);
        self.roles.push((step.to_owned(), role.role));
        self.policies.extend(role.policy);
    }

    pub fn statements(&self) -> Vec<Statement> {
        let mut started = self.started.clone();
        if started.contains(&Started::Tuning) {
            started.insert(Started::Training);
        }
        let mut statements: Vec<Statement> = started.into_iter().map(Started::statement).collect();
        statements.extend(self.others.iter().cloned());
        let mut passed: Vec<&Value<String>> = Vec::new();
        for (_, role) in &self.roles {
            if !passed.contains(&role.arn()) {
                passed.push(role.arn());
                statements.push(pass_to_sagemaker(role.arn()));
            }
        }
        statements
    }
}

/// The errors after which a [`RetryPolicy`] retries a pipeline step (`ExceptionType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryOn {
    /// SageMaker Pipelines had an internal error (`Step.SERVICE_FAULT`).
    ServiceFault,
    /// A request was throttled (`Step.THROTTLING`).
    Throttling,
    /// The job failed with an internal error of SageMaker (`SageMaker.JOB_INTERNAL_ERROR`).
    JobInternalError,
    /// There was no capacity for the instances of the job (`SageMaker.CAPACITY_ERROR`).
    CapacityError,
    /// A quota of the account was exceeded (`SageMaker.RESOURCE_LIMIT`).
    ResourceLimit,
}

impl RetryOn {
    fn name(self) -> &'static str {
        match self {
            Self::ServiceFault => "Step.SERVICE_FAULT",
            Self::Throttling => "Step.THROTTLING",
            Self::JobInternalError => "SageMaker.JOB_INTERNAL_ERROR",
            Self::CapacityError => "SageMaker.CAPACITY_ERROR",
            Self::ResourceLimit => "SageMaker.RESOURCE_LIMIT",
        }
    }
}

/// A retry policy of a pipeline step, which limits either the number of attempts or the total time.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::launch::{RetryOn, RetryPolicy};
///
/// RetryPolicy::attempts(5, [RetryOn::CapacityError]).interval(Duration::from_mins(5));
/// RetryPolicy::until(Duration::from_hours(6), [RetryOn::ResourceLimit]);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RetryPolicy {
    on: Vec<RetryOn>,
    interval: Duration,
    backoff: f64,
    end: (&'static str, i64),
}

impl RetryPolicy {
    /// Creates a policy that retries a step after these errors, up to a number of attempts, 1 to 20.
    pub fn attempts(attempts: u32, on: impl IntoIterator<Item = RetryOn>) -> Self {
        Self::of(("MaxAttempts", attempts.into()), on)
    }

    /// Creates a policy that retries a step after these errors until a time has passed, at most 10 days. The time is rounded
    /// down to whole minutes.
    pub fn until(time: Duration, on: impl IntoIterator<Item = RetryOn>) -> Self {
        Self::of(("ExpireAfterMin", i64::try_from(time.as_secs() / 60).unwrap_or(i64::MAX)), on)
    }

    fn of(end: (&'static str, i64), on: impl IntoIterator<Item = RetryOn>) -> Self {
        Self { on: on.into_iter().collect(), interval: Duration::from_mins(1), backoff: 2.0, end }
    }

    /// Sets the wait before the second attempt, in whole seconds (`IntervalSeconds`). The default is one minute.
    pub fn interval(mut self, time: Duration) -> Self {
        self.interval = time;
        self
    }

    /// Sets the factor by which each wait is longer than the previous one (`BackoffRate`). The default is 2.
    pub fn backoff_rate(mut self, factor: f64) -> Self {
        self.backoff = factor;
        self
    }

    /// The policy of steps that set none. It covers errors that the job itself does not cause.
    pub(super) fn of_the_service() -> Self {
        Self::attempts(3, [RetryOn::ServiceFault, RetryOn::Throttling])
    }

    fn lower(&self) -> Properties {
        let mut policy = Properties::default();
        let on: Vec<Value<String>> = self.on.iter().map(|on| on.name().into()).collect();
        policy.put("ExceptionType", Value::<Vec<String>>::from(on));
        policy.put("IntervalSeconds", i64::try_from(self.interval.as_secs()).unwrap_or(i64::MAX));
        policy.put("BackoffRate", self.backoff);
        policy.put(self.end.0, self.end.1);
        policy
    }
}

/// The settings that [`StepOptions`] changes.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Options {
    after: Vec<String>,
    pub(super) retries: Vec<RetryPolicy>,
    cache: Option<Duration>,
    display_name: Option<String>,
    description: Option<String>,
    /// Members of the step by their JSON pointers.
    others: Vec<(String, Value<Json>)>,
}

impl Options {
    /// Writes the members of a step that starts a job.
    pub(super) fn put(&self, step: &mut Properties) {
        self.put_order(step);
        let unless_set = [RetryPolicy::of_the_service()];
        let retries = if self.retries.is_empty() { &unless_set[..] } else { &self.retries };
        step.put("RetryPolicies", list(retries.iter().map(RetryPolicy::lower)));
    }

    /// Writes the members of a step that SageMaker retries only on request.
    pub(super) fn put_order_and_retries(&self, step: &mut Properties) {
        self.put_order(step);
        if !self.retries.is_empty() {
            step.put("RetryPolicies", list(self.retries.iter().map(RetryPolicy::lower)));
        }
    }

    /// Writes the members of a step that SageMaker does not retry.
    pub(super) fn put_order(&self, step: &mut Properties) {
        for (name, text) in [("DisplayName", &self.display_name), ("Description", &self.description)] {
            if let Some(text) = text {
                step.put(name, text);
            }
        }
        if !self.after.is_empty() {
            let names: Vec<Value<String>> = self.after.iter().cloned().map(Value::from).collect();
            step.put("DependsOn", Value::<Vec<String>>::from(names));
        }
        if let Some(age) = self.cache {
            let mut cache = Properties::default();
            cache.put("Enabled", true);
            cache.put("ExpireAfter", iso_8601(age));
            step.put("CacheConfig", cache);
        }
    }
}

/// The setters that all steps of a pipeline share.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::launch::{LambdaStep, StepOptions};
///
/// let function = "arn:aws:lambda:us-east-1:123456789012:function:notify";
/// LambdaStep::new(function).after("Train").display_name("Notify").cache(Duration::from_hours(24));
/// ```
pub trait StepOptions: Sized {
    /// Returns the settings that the other methods change.
    #[doc(hidden)]
    fn options(&mut self) -> &mut Options;

    /// Runs the step after another step, given by its name, even if it uses no value of that step (`DependsOn`).
    fn after(mut self, step: impl Into<String>) -> Self {
        self.options().after.push(step.into());
        self
    }

    /// Adds a retry policy (`RetryPolicies`). By default, steps that start a job or create a model are attempted up to
    /// three times after service faults and throttling; a policy replaces this default. Several policies cover
    /// different errors. SageMaker retries steps of training, tuning, processing and transform jobs, of models,
    /// endpoint configurations and registrations; for other steps, the call has no effect.
    fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options().retries.push(policy);
        self
    }

    /// Reuses the result of an earlier run with the same arguments if it is not older than `age` (`CacheConfig`), in whole
    /// minutes. A step whose arguments contain a variable of the run is never cached, because the arguments differ in every
    /// run. By default, results are not reused.
    fn cache(mut self, age: Duration) -> Self {
        self.options().cache = Some(age);
        self
    }

    /// Sets the display name of the step in the console (`DisplayName`). The default is the name of the step.
    fn display_name(mut self, name: impl Into<String>) -> Self {
        self.options().display_name = Some(name.into());
        self
    }

    /// Sets the description of the step (`Description`). By default, there is none.
    fn description(mut self, text: impl Into<String>) -> Self {
        self.options().description = Some(text.into());
        self
    }

    /// Sets or replaces a member of the step that has no setter, by its JSON pointer in the pipeline definition, such as
    /// `/Arguments/SkipModelValidation`. The pipeline's role gets no permissions for it.
    ///
    /// ```
    /// use stackwright_stacks::launch::{RegisterModelStep, StepOptions};
    /// use stackwright_stacks::{ContainerImage, Processor, S3Location};
    ///
    /// let image = ContainerImage::pytorch_inference("2.6.0", Processor::Cpu);
    /// RegisterModelStep::new("scorers", S3Location::new("my-models", "scorer.tar.gz"), image)
    ///     .set("/Arguments/SkipModelValidation", "All");
    /// ```
    #[track_caller]
    fn set(mut self, pointer: impl Into<String>, value: impl IntoValue<Json>) -> Self {
        let value = value.into().with_caller_location();
        self.options().others.push((pointer.into(), value));
        self
    }
}

/// Formats a duration as `P30D`, `PT36H` or `PT90M`, with the largest unit that leaves no remainder.
fn iso_8601(time: Duration) -> String {
    match time.as_secs() / 60 {
        minutes if minutes % (24 * 60) == 0 => format!("P{}D", minutes / (24 * 60)),
        minutes if minutes % 60 == 0 => format!("PT{}H", minutes / 60),
        minutes => format!("PT{minutes}M"),
    }
}

/// A step as it is written to the definition.
pub(super) fn lower(
    name: &str,
    mut kind: Kind,
    source: CallerLocation,
    scope: &mut Scope<'_>,
    lowering: &mut Lowering,
) -> Properties {
    let others = std::mem::take(&mut kind.options().others);
    let mut step = Properties::default();
    step.put("Name", Value::<String>::from(name).with_location(Some(source)));
    match kind {
        Kind::Training(it) => it.lower(name, scope, &mut step, lowering),
        Kind::Processing(it) => it.lower(name, scope, &mut step, lowering),
        Kind::Tuning(it) => it.lower(name, scope, &mut step, lowering),
        Kind::Transform(it) => it.lower(&mut step, lowering),
        Kind::Model(it) => it.lower(name, scope, &mut step, lowering),
        Kind::Register(it) => it.lower(scope, &mut step, lowering),
        Kind::EndpointConfig(it) => it.lower(&mut step, lowering),
        Kind::Endpoint(it) => it.lower(&mut step, lowering),
        Kind::Check(it) => it.lower(name, scope, &mut step, lowering),
        Kind::Lambda(it) => it.lower(&mut step, lowering),
        Kind::Callback(it) => it.lower(&mut step, lowering),
        Kind::Condition(it) => it.lower(scope, &mut step, lowering),
        Kind::Fail(it) => it.lower(&mut step),
    }
    for (pointer, value) in &others {
        step.put_at(pointer, value);
    }
    step
}

/// The names of all steps, including those of branches.
pub(super) fn names(steps: &[(String, Kind, CallerLocation)]) -> Vec<(&str, CallerLocation)> {
    let mut names = Vec::new();
    let mut waiting: Vec<&(String, Kind, CallerLocation)> = steps.iter().rev().collect();
    while let Some((name, kind, source)) = waiting.pop() {
        names.push((name.as_str(), *source));
        if let Kind::Condition(condition) = kind {
            waiting.extend(condition.steps());
        }
    }
    names
}

/// The logical ID of the resources that a step adds to the stack: its name without the characters that are not valid
/// in an ID.
pub(super) fn id(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn a_duration_is_written_in_its_largest_unit() {
        assert_eq!(super::iso_8601(Duration::from_hours(720)), "P30D");
        assert_eq!(super::iso_8601(Duration::from_hours(36)), "PT36H");
        assert_eq!(super::iso_8601(Duration::from_mins(90)), "PT90M");
    }
}
