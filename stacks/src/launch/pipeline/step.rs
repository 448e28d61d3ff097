//! What all steps have: a name, an order, tries, a cache.

use std::time::Duration;

use stackwright_resources::iam::RoleHandle;
use stackwright_synth::{CallerLocation, Properties, Scope, Value};

use super::{ConditionStep, FailStep, ProcessingStep, RegisterModelStep, TrainingStep, TuningStep, jobs};
use crate::document::list;
use crate::iam::Statement;

/// A step of a pipeline.
pub trait Step {
    /// What later steps take from it.
    type Handle;

    #[doc(hidden)]
    fn handle(&self, name: &str) -> Self::Handle;

    #[doc(hidden)]
    fn into_kind(self) -> Kind;
}

/// The kinds of steps.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum Kind {
    Training(Box<TrainingStep>),
    Processing(Box<ProcessingStep>),
    Tuning(Box<TuningStep>),
    Register(Box<RegisterModelStep>),
    Condition(Box<ConditionStep>),
    Fail(FailStep),
}

/// What lowering the steps brings together for the pipeline's role.
#[derive(Default)]
pub(super) struct Lowering {
    pub roles: Vec<RoleHandle>,
    pub trains: bool,
    pub processes: bool,
    pub tunes: bool,
    pub others: Vec<Statement>,
}

impl Lowering {
    pub fn statements(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        if self.trains || self.tunes {
            statements.push(jobs(
                "training-job",
                "sagemaker:CreateTrainingJob",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:StopTrainingJob",
            ));
        }
        if self.processes {
            statements.push(jobs(
                "processing-job",
                "sagemaker:CreateProcessingJob",
                "sagemaker:DescribeProcessingJob",
                "sagemaker:StopProcessingJob",
            ));
        }
        if self.tunes {
            statements.push(jobs(
                "hyper-parameter-tuning-job",
                "sagemaker:CreateHyperParameterTuningJob",
                "sagemaker:DescribeHyperParameterTuningJob",
                "sagemaker:StopHyperParameterTuningJob",
            ));
        }
        statements.extend(self.others.iter().cloned());
        statements
    }
}

/// When a step is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryOn {
    /// SageMaker Pipelines failed.
    ServiceFault,
    /// Too many requests.
    Throttling,
    /// The job failed inside SageMaker.
    JobInternalError,
    /// There were no instances.
    CapacityError,
    /// The account's quota was reached.
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

/// How a step is tried again. What ends it is either a number of attempts or a time, never both.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::launch::{RetryOn, RetryPolicy};
///
/// RetryPolicy::attempts(5, [RetryOn::CapacityError]).interval(Duration::from_mins(5));
/// RetryPolicy::until(Duration::from_hours(6), [RetryOn::ResourceLimit]);
/// ```
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    on: Vec<RetryOn>,
    interval: Duration,
    backoff: f64,
    end: (&'static str, i64),
}

impl RetryPolicy {
    /// Up to a number of attempts, 1 to 20.
    pub fn attempts(attempts: u32, on: impl IntoIterator<Item = RetryOn>) -> Self {
        Self::of(("MaxAttempts", attempts.into()), on)
    }

    /// For a time, 10 days at most.
    pub fn until(time: Duration, on: impl IntoIterator<Item = RetryOn>) -> Self {
        Self::of(("ExpireAfterMin", i64::try_from(time.as_secs() / 60).unwrap_or(i64::MAX)), on)
    }

    fn of(end: (&'static str, i64), on: impl IntoIterator<Item = RetryOn>) -> Self {
        Self { on: on.into_iter().collect(), interval: Duration::from_mins(1), backoff: 2.0, end }
    }

    /// How long it waits before the second attempt; a minute unless set.
    pub fn interval(mut self, time: Duration) -> Self {
        self.interval = time;
        self
    }

    /// By how much each wait is longer than the one before; 2 unless set.
    pub fn backoff_rate(mut self, factor: f64) -> Self {
        self.backoff = factor;
        self
    }

    /// What a step has unless it has others: for faults that are not the job's.
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

/// The settings that steps which start jobs share.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(super) after: Vec<String>,
    pub(super) retries: Vec<RetryPolicy>,
    pub(super) cache: Option<Duration>,
}

impl Options {
    pub(super) fn put(&self, step: &mut Properties) {
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
        let unless_set = [RetryPolicy::of_the_service()];
        let retries = if self.retries.is_empty() { &unless_set[..] } else { &self.retries };
        step.put("RetryPolicies", list(retries.iter().map(RetryPolicy::lower)));
    }
}

/// `P30D`, `PT36H`, `PT90M`: the largest unit that says it without a rest.
fn iso_8601(time: Duration) -> String {
    match time.as_secs() / 60 {
        minutes if minutes % (24 * 60) == 0 => format!("P{}D", minutes / (24 * 60)),
        minutes if minutes % 60 == 0 => format!("PT{}H", minutes / 60),
        minutes => format!("PT{minutes}M"),
    }
}

/// Adds the setters of [`Options`] to a step.
macro_rules! options {
    ($step:ty) => {
        impl $step {
            /// Runs after another step, though it takes nothing from it.
            pub fn after(mut self, step: impl Into<String>) -> Self {
                self.options.after.push(step.into());
                self
            }

            /// Tries again. Several policies add up.
            pub fn retry(mut self, policy: $crate::launch::RetryPolicy) -> Self {
                self.options.retries.push(policy);
                self
            }

            /// Takes the result of an earlier run with the same arguments, if it is not older than this.
            pub fn cache(mut self, age: std::time::Duration) -> Self {
                self.options.cache = Some(age);
                self
            }
        }
    };
}
pub(super) use options;

/// A step as the definition has it.
pub(super) fn lower(
    name: &str,
    kind: Kind,
    source: CallerLocation,
    scope: &mut Scope<'_>,
    lowering: &mut Lowering,
) -> Properties {
    let mut step = Properties::default();
    step.put("Name", Value::<String>::from(name).with_location(Some(source)));
    match kind {
        Kind::Training(it) => it.lower(name, scope, &mut step, lowering),
        Kind::Processing(it) => it.lower(name, scope, &mut step, lowering),
        Kind::Tuning(it) => it.lower(name, scope, &mut step, lowering),
        Kind::Register(it) => it.lower(scope, &mut step, lowering),
        Kind::Condition(it) => it.lower(scope, &mut step, lowering),
        Kind::Fail(it) => it.lower(&mut step),
    }
    step
}

/// The names of steps, those within branches too.
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

/// The id of what a step adds to the stack: its name without what an id cannot have.
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
