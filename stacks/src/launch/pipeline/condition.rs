//! The pipeline step that branches on conditions, and the step that fails a run.

use stackwright_synth::{CallerLocation, IntoValue, Properties, Scope, Value};

use super::step::{Kind, Lowering, Step, lower};
use crate::document::{list, within};

/// A number that is known during a run and that a condition compares.
#[derive(Clone, Debug)]
pub struct Measure(Value<f64>);

/// A comparison of a condition step.
#[derive(Clone, Debug)]
pub struct Comparison {
    name: &'static str,
    left: Value<f64>,
    right: Value<f64>,
}

impl Measure {
    pub(super) fn of(value: Value<String>) -> Self {
        Self(value.cast())
    }

    fn compare(self, name: &'static str, right: Value<f64>) -> Comparison {
        Comparison { name, left: self.0, right }
    }

    /// True if the measure is greater than or equal to the value.
    #[track_caller]
    pub fn at_least(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("GreaterThanOrEqualTo", number.into().with_caller_location())
    }

    /// True if the measure is greater than the value.
    #[track_caller]
    pub fn above(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("GreaterThan", number.into().with_caller_location())
    }

    /// True if the measure is less than or equal to the value.
    #[track_caller]
    pub fn at_most(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("LessThanOrEqualTo", number.into().with_caller_location())
    }

    /// True if the measure is less than the value.
    #[track_caller]
    pub fn below(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("LessThan", number.into().with_caller_location())
    }
}

/// A step that runs one list of steps if all its conditions are true, and another list if one of them is false.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::{ConditionStep, FailStep, Pipeline, TrainingStep};
/// use stackwright_stacks::training::{Instances, TrainingJob};
///
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), S3Location::new("my-runs", "models"))
///     .metric("accuracy", "accuracy=([0-9.]+)");
/// let mut pipeline = Pipeline::new();
/// let trained = pipeline.step("Train", TrainingStep::new(job));
/// let check = ConditionStep::when(trained.metric("accuracy").at_most(0.9))
///     .then("Reject", FailStep::new("The accuracy is not above 0.9."));
/// pipeline.step("Check", check);
/// ```
#[derive(Clone, Debug)]
pub struct ConditionStep {
    comparisons: Vec<Comparison>,
    then: Vec<(String, Kind, CallerLocation)>,
    otherwise: Vec<(String, Kind, CallerLocation)>,
}

impl ConditionStep {
    /// A condition step with its first condition.
    pub fn when(comparison: Comparison) -> Self {
        Self { comparisons: vec![comparison], then: Vec::new(), otherwise: Vec::new() }
    }

    /// Adds a further condition; all of them must be true.
    pub fn and(mut self, comparison: Comparison) -> Self {
        self.comparisons.push(comparison);
        self
    }

    /// Adds a step that runs if all conditions are true.
    #[track_caller]
    pub fn then(mut self, name: &str, step: impl Step) -> Self {
        self.then.push((name.to_owned(), step.into_kind(), std::panic::Location::caller()));
        self
    }

    /// Adds a step that runs if a condition is false.
    #[track_caller]
    pub fn otherwise(mut self, name: &str, step: impl Step) -> Self {
        self.otherwise.push((name.to_owned(), step.into_kind(), std::panic::Location::caller()));
        self
    }

    /// The steps of both branches.
    pub(super) fn steps(&self) -> impl Iterator<Item = &(String, Kind, CallerLocation)> {
        self.then.iter().chain(&self.otherwise)
    }

    pub(super) fn lower(self, scope: &mut Scope<'_>, step: &mut Properties, lowering: &mut Lowering) {
        let mut branch = |steps: Vec<(String, Kind, CallerLocation)>| {
            let steps: Vec<Properties> = steps
                .into_iter()
                .map(|(name, kind, source)| lower(&name, kind, source, scope, lowering))
                .collect();
            list(steps)
        };
        let (then, otherwise) = (branch(self.then), branch(self.otherwise));
        let comparisons = self.comparisons.iter().map(|comparison| {
            let mut written = Properties::default();
            written.put("Type", comparison.name);
            written.put("LeftValue", &comparison.left);
            written.put("RightValue", &comparison.right);
            written
        });
        let mut arguments = Properties::default();
        arguments.put("Conditions", list(comparisons));
        arguments.put("IfSteps", then);
        arguments.put("ElseSteps", otherwise);
        step.put("Type", "Condition");
        step.put("Arguments", arguments);
    }
}

impl Step for ConditionStep {
    type Handle = ();

    fn handle(&self, _: &str) {}

    fn into_kind(self) -> Kind {
        Kind::Condition(Box::new(self))
    }
}

/// A step that stops the run with the status `Failed` and a message.
///
/// ```
/// use stackwright_stacks::launch::{FailStep, Pipeline};
///
/// let mut pipeline = Pipeline::new();
/// pipeline.step("Reject", FailStep::new("The accuracy is below 0.9."));
/// ```
#[derive(Clone, Debug)]
pub struct FailStep(Value<String>);

impl FailStep {
    /// A step that fails the run with this message.
    #[track_caller]
    pub fn new(message: impl IntoValue<String>) -> Self {
        Self(message.into().with_caller_location())
    }

    pub(super) fn lower(self, step: &mut Properties) {
        step.put("Type", "Fail");
        step.put("Arguments", within("ErrorMessage", &self.0));
    }
}

impl Step for FailStep {
    type Handle = ();

    fn handle(&self, _: &str) {}

    fn into_kind(self) -> Kind {
        Kind::Fail(self)
    }
}
