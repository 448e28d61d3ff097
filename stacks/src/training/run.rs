//! Values that are known only when a job runs: the ID and the start time of the run, and locations that contain them.

use stackwright_synth::{Expression, IntoValue, Property, Value, sub};

use crate::iam::Statement;
use crate::s3::S3Location;

/// The name of the member that marks an object as a variable of the run, until a launcher replaces it.
const MARKER: &str = "stackwright:Run";

/// A value that differs in each run of a pipeline, a state machine or a schedule.
///
/// Each of them replaces the variable by one of its own:
///
/// | variable | `Pipeline` | `StateMachine` | `Schedule` of a training job |
/// |---|---|---|---|
/// | [`RunVariable::id`] | `Execution.PipelineExecutionId` | `$$.Execution.Name` | `<aws.scheduler.execution-id>` |
/// | [`RunVariable::start_time`] | `Execution.StartDateTime` | `$$.Execution.StartTime` | `<aws.scheduler.scheduled-time>` |
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::training::RunVariable;
///
/// let reports = S3Location::new("my-runs", "reports/").join(RunVariable::start_time());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunVariable {
    /// The ID of the run.
    Id,
    /// The start time of the run, in ISO 8601.
    StartTime,
}

impl RunVariable {
    /// Returns the ID of the run, as a value for names and locations. Two runs never have the same ID; the retries within a run
    /// have the same.
    pub fn id() -> Value<String> {
        Self::Id.value()
    }

    /// Returns the start time of the run in ISO 8601, as a value for names and locations. For a schedule, it is the scheduled
    /// time.
    pub fn start_time() -> Value<String> {
        Self::StartTime.value()
    }

    fn value(self) -> Value<String> {
        let name = match self {
            Self::Id => "Id",
            Self::StartTime => "StartTime",
        };
        Value::from_expression(Expression::Object(vec![Property::new(MARKER, name)]))
    }

    /// Returns the variable that an expression represents.
    pub(crate) fn of(expression: &Expression) -> Option<Self> {
        let Expression::Object(properties) = expression else { return None };
        let [property] = properties.as_slice() else { return None };
        if property.name() != MARKER {
            return None;
        }
        match property.value() {
            Expression::Literal(name) if name == "StartTime" => Some(Self::StartTime),
            _ => Some(Self::Id),
        }
    }

    /// Returns whether an expression contains a variable of the run.
    pub(crate) fn is_in(expression: &Expression) -> bool {
        if Self::of(expression).is_some() {
            return true;
        }
        match expression {
            Expression::Object(properties) => properties.iter().any(|property| Self::is_in(property.value())),
            Expression::List(items) | Expression::Text(items) => items.iter().any(Self::is_in),
            _ => false,
        }
    }

    /// Replaces every variable of the run in an expression.
    pub(crate) fn replace(expression: Expression, by: &impl Fn(Self) -> Expression) -> Expression {
        if let Some(variable) = Self::of(&expression) {
            return by(variable);
        }
        let all = |items: Vec<Expression>| items.into_iter().map(|item| Self::replace(item, by)).collect();
        match expression {
            Expression::Object(properties) => Expression::Object(
                properties
                    .into_iter()
                    .map(|property| property.map(|inner| Self::replace(inner, by)))
                    .collect(),
            ),
            Expression::List(items) => Expression::List(all(items)),
            Expression::Text(parts) => Expression::Text(all(parts)),
            other => other,
        }
    }
}

/// A location in S3 whose URI is resolved when a job starts: an [`S3Location`], which converts into it, or the output of another
/// step of a pipeline.
///
/// It contains a location that is known when the stack is deployed and below which the URI is: the policies of roles name that
/// location.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::training::RunLocation;
///
/// let models = S3Location::new("my-runs", "models");
/// let model = RunLocation::within(models, "s3://my-runs/models/job-1/output/model.tar.gz");
/// ```
#[derive(Clone, Debug)]
pub struct RunLocation {
    uri: Value<String>,
    within: S3Location,
    is_directory: bool,
}

impl S3Location {
    /// Returns a directory below the location that is named after the ID of the run, so that each run has its own
    /// ([`RunVariable::id`]).
    pub fn per_run(&self) -> S3Location {
        self.join(RunVariable::id())
    }
}

impl RunLocation {
    /// Creates a location with a URI that is resolved when the job starts, below a location that is known when the
    /// stack is deployed.
    #[track_caller]
    pub fn within(location: S3Location, uri: impl IntoValue<String>) -> Self {
        Self { uri: uri.into().with_caller_location(), within: location, is_directory: false }
    }

    /// Marks the data at the location as a directory of files instead of an archive.
    pub(crate) fn directory(mut self) -> Self {
        self.is_directory = true;
        self
    }

    /// Returns a location below the location: its URI is joined with a key, such as `report.json`, with a slash between them.
    pub fn join(&self, key: impl IntoValue<String>) -> Self {
        let uri = sub!("{}/{}", &self.uri, key.into()).with_location(self.uri.location());
        Self { uri, ..self.clone() }
    }

    /// Returns the URI of the location, `s3://BUCKET/KEY`, which may contain variables of the run.
    pub fn uri(&self) -> Value<String> {
        self.uri.clone()
    }

    /// Returns the location for the resources of IAM policies.
    pub(crate) fn known(&self) -> &S3Location {
        &self.within
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// Returns the statements that a role needs to read the location.
    pub(crate) fn read(&self) -> Vec<Statement> {
        self.within.read()
    }

    /// Returns the statements that a role needs to write to the location.
    pub(crate) fn write(&self) -> Vec<Statement> {
        self.within.write()
    }
}

impl From<S3Location> for RunLocation {
    fn from(location: S3Location) -> Self {
        Self { uri: location.uri(), within: location, is_directory: false }
    }
}

impl From<&S3Location> for RunLocation {
    fn from(location: &S3Location) -> Self {
        location.clone().into()
    }
}

impl From<&RunLocation> for RunLocation {
    fn from(location: &RunLocation) -> Self {
        location.clone()
    }
}
