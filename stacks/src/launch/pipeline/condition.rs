//! The step that decides, and the one that fails.

use stackwright_synth::{CallerLocation, IntoValue, Properties, Scope, Value};

use super::step::{Kind, Lowering, Step, lower};
use crate::document::{list, within};

/// A number that a run knows, to be compared.
#[derive(Clone, Debug)]
pub struct Measure(Value<f64>);

/// A comparison that a condition step makes.
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

    /// The measure is this or greater.
    #[track_caller]
    pub fn at_least(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("GreaterThanOrEqualTo", number.into().with_caller_location())
    }

    /// The measure is greater.
    #[track_caller]
    pub fn above(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("GreaterThan", number.into().with_caller_location())
    }

    /// The measure is this or less.
    #[track_caller]
    pub fn at_most(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("LessThanOrEqualTo", number.into().with_caller_location())
    }

    /// The measure is less.
    #[track_caller]
    pub fn below(self, number: impl IntoValue<f64>) -> Comparison {
        self.compare("LessThan", number.into().with_caller_location())
    }
}

/// A step that goes on with some steps if all its comparisons hold, and with others if not.
#[derive(Clone, Debug)]
pub struct ConditionStep {
    comparisons: Vec<Comparison>,
    then: Vec<(String, Kind, CallerLocation)>,
    otherwise: Vec<(String, Kind, CallerLocation)>,
}

impl ConditionStep {
    /// If this holds.
    pub fn when(comparison: Comparison) -> Self {
        Self { comparisons: vec![comparison], then: Vec::new(), otherwise: Vec::new() }
    }

    /// And this too.
    pub fn and(mut self, comparison: Comparison) -> Self {
        self.comparisons.push(comparison);
        self
    }

    /// A step to go on with if it holds.
    #[track_caller]
    pub fn then(mut self, name: &str, step: impl Step) -> Self {
        self.then.push((name.to_owned(), step.into_kind(), std::panic::Location::caller()));
        self
    }

    /// A step to go on with if it does not.
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

/// A step that ends the run as failed, with a message.
#[derive(Clone, Debug)]
pub struct FailStep(Value<String>);

impl FailStep {
    /// With a message.
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
