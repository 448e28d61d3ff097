//! The pipeline step that branches on conditions, and the step that fails a run.

use stackwright_synth::{CallerLocation, IntoValue, Json, Properties, Property, Scope, Value};

use super::step::{Kind, Lowering, Options, Step, StepOptions, lower};
use crate::document::{list, within};

/// A number that is resolved when a pipeline runs and that a condition compares: a metric of a training job, a number in a
/// property file, or a parameter of the pipeline.
///
/// ```
/// use stackwright_stacks::launch::Pipeline;
/// use stackwright_stacks::launch::pipeline::Measure;
///
/// let mut pipeline = Pipeline::new();
/// let share = pipeline.parameter("Share", 0.5);
/// Measure::from(share).above(0.9);
/// ```
#[derive(Clone, Debug)]
pub struct Measure(Value<f64>);

impl From<Value<f64>> for Measure {
    fn from(number: Value<f64>) -> Self {
        Self(number)
    }
}

impl From<Value<i64>> for Measure {
    fn from(number: Value<i64>) -> Self {
        Self(number.cast())
    }
}

/// A condition of a [`ConditionStep`]: a comparison, or a combination of comparisons.
///
/// ```
/// use stackwright_stacks::launch::Pipeline;
/// use stackwright_stacks::launch::pipeline::{Comparison, Measure};
///
/// let mut pipeline = Pipeline::new();
/// let stage = pipeline.parameter("Stage", "test");
/// let share = pipeline.parameter("Share", 0.5);
/// let small = Measure::from(share).below(0.1);
/// Comparison::is_one_of(&stage, ["test", "staging"]).or(Comparison::not(Comparison::equal(&stage, "production"))).or(small);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Comparison(Vec<(&'static str, Value<Json>)>);

impl Comparison {
    fn of(kind: &'static str, members: impl IntoIterator<Item = (&'static str, Value<Json>)>) -> Self {
        Self([("Type", kind.into())].into_iter().chain(members).collect())
    }

    /// Returns a condition that is true if two values are equal: strings, numbers or booleans (`Equals`).
    #[track_caller]
    pub fn equal(left: impl IntoValue<Json>, right: impl IntoValue<Json>) -> Self {
        Self::of("Equals", [("LeftValue", left.into()), ("RightValue", right.into().with_caller_location())])
    }

    /// Returns a condition that is true if a string is in a list (`In`).
    #[track_caller]
    pub fn is_one_of<T: IntoValue<String>>(
        value: impl IntoValue<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values: Vec<Value<String>> = values.into_iter().map(Into::into).collect();
        let values = Value::<Vec<String>>::from(values).with_caller_location();
        Self::of("In", [("QueryValue", value.into().cast::<Json>()), ("Values", values.cast::<Json>())])
    }

    /// Returns a condition that is true if the given condition is false (`Not`).
    #[allow(clippy::should_implement_trait, reason = "conditions of templates have the same form")]
    pub fn not(condition: Self) -> Self {
        Self::of("Not", [("Condition", condition.written())])
    }

    /// Returns a condition that is true if either of two conditions is true (`Or`).
    pub fn or(self, other: Self) -> Self {
        let conditions: Vec<Value<Json>> = vec![self.written(), other.written()];
        Self::of("Or", [("Conditions", Value::<Vec<Json>>::from(conditions).cast())])
    }

    fn written(&self) -> Value<Json> {
        Json::object(self.0.iter().map(|(name, value)| Property::new(*name, value))).into()
    }
}

impl Measure {
    pub(super) fn of(value: Value<String>) -> Self {
        Self(value.cast())
    }

    fn compare(self, kind: &'static str, right: Value<f64>) -> Comparison {
        Comparison::of(kind, [("LeftValue", self.0.cast::<Json>()), ("RightValue", right.cast())])
    }

    /// Returns a condition that is true if the measure is greater than or equal to the number.
    #[track_caller]
    pub fn at_least(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("GreaterThanOrEqualTo", number.into().with_caller_location())
    }

    /// Returns a condition that is true if the measure is greater than the number.
    #[track_caller]
    pub fn above(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("GreaterThan", number.into().with_caller_location())
    }

    /// Returns a condition that is true if the measure is less than or equal to the number.
    #[track_caller]
    pub fn at_most(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("LessThanOrEqualTo", number.into().with_caller_location())
    }

    /// Returns a condition that is true if the measure is less than the number.
    #[track_caller]
    pub fn below(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("LessThan", number.into().with_caller_location())
    }
}

/// A pipeline step that runs one list of steps if all its conditions are true, and another list if one of them is false.
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
#[must_use]
pub struct ConditionStep {
    comparisons: Vec<Comparison>,
    then: Vec<(String, Kind, CallerLocation)>,
    otherwise: Vec<(String, Kind, CallerLocation)>,
    options: Options,
}

impl ConditionStep {
    /// Creates a condition step with its first condition, and without steps in either branch.
    pub fn when(comparison: Comparison) -> Self {
        Self {
            comparisons: vec![comparison],
            then: Vec::new(),
            otherwise: Vec::new(),
            options: Options::default(),
        }
    }

    /// Adds another condition (`Conditions`). The steps of [`then`](Self::then) run if all conditions are true.
    pub fn and(mut self, comparison: Comparison) -> Self {
        self.comparisons.push(comparison);
        self
    }

    /// Adds a step, by its name, that runs if all conditions are true (`IfSteps`). A second step of the same name in the
    /// pipeline is an error at the caller's line.
    #[track_caller]
    pub fn then(mut self, name: &str, step: impl Step) -> Self {
        self.then.push((name.to_owned(), step.into_kind(), std::panic::Location::caller()));
        self
    }

    /// Adds a step, by its name, that runs if a condition is false (`ElseSteps`). A second step of the same name in the
    /// pipeline is an error at the caller's line.
    #[track_caller]
    pub fn otherwise(mut self, name: &str, step: impl Step) -> Self {
        self.otherwise.push((name.to_owned(), step.into_kind(), std::panic::Location::caller()));
        self
    }

    /// Returns the steps of both branches.
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
        let comparisons: Vec<Value<Json>> = self.comparisons.iter().map(Comparison::written).collect();
        let mut arguments = Properties::default();
        arguments.put("Conditions", Value::<Vec<Json>>::from(comparisons));
        arguments.put("IfSteps", then);
        arguments.put("ElseSteps", otherwise);
        step.put("Type", "Condition");
        self.options.put_order(step);
        step.put("Arguments", arguments);
    }
}

impl StepOptions for ConditionStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for ConditionStep {
    type Handle = ();

    fn handle(&self, _: &str) {}

    fn into_kind(self) -> Kind {
        Kind::Condition(Box::new(self))
    }
}

/// A pipeline step that stops the run with the status `Failed` and a message.
///
/// ```
/// use stackwright_stacks::launch::{FailStep, Pipeline};
///
/// let mut pipeline = Pipeline::new();
/// pipeline.step("Reject", FailStep::new("The accuracy is below 0.9."));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FailStep {
    message: Value<String>,
    options: Options,
}

impl FailStep {
    /// Creates a step that fails the run with this message.
    #[track_caller]
    pub fn new(message: impl IntoValue<String>) -> Self {
        Self { message: message.into().with_caller_location(), options: Options::default() }
    }

    pub(super) fn lower(self, step: &mut Properties) {
        step.put("Type", "Fail");
        self.options.put_order(step);
        step.put("Arguments", within("ErrorMessage", &self.message));
    }
}

impl StepOptions for FailStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for FailStep {
    type Handle = ();

    fn handle(&self, _: &str) {}

    fn into_kind(self) -> Kind {
        Kind::Fail(Box::new(self))
    }
}
