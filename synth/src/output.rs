//! Outputs: the values that a stack returns after it is deployed.

use crate::condition::ConditionHandle;
use crate::construct::{Construct, Scope};
use crate::value::{IntoValue, Property, Untyped};

/// An output of a stack: a value that is shown after a deployment, and that other programs can read.
///
/// ```
/// use stackwright_synth::{App, Output, Resource};
///
/// let app = App::new("shop");
/// let stack = app.stack("Queues");
/// let jobs = stack.add("Jobs", Resource::of("AWS::SQS::Queue"));
/// stack.add("JobsUrl", Output::new(jobs.reference()).description("The URL of the queue"));
/// # assert!(app.synth()?.stacks[0].template.json().contains("JobsUrl"));
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Output {
    pub(crate) value: Property,
    pub(crate) description: Option<String>,
    pub(crate) export: Option<Property>,
    pub(crate) condition: Option<ConditionHandle>,
}

impl Output {
    /// Creates an output with its value. Its name is the ID with which it is added to the stack.
    #[track_caller]
    pub fn new(value: impl Untyped) -> Self {
        Self { value: Property::new("Value", value), description: None, export: None, condition: None }
    }

    /// Sets the description of the output (`Description`). By default, it has none.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Exports the value under a name for stacks of other programs (`Export`), which read it with
    /// [`import_value`](crate::intrinsic::import_value). The name is unique in the account and region. Within one app,
    /// use the handle of the resource.
    #[track_caller]
    pub fn export(mut self, name: impl IntoValue<String>) -> Self {
        self.export = Some(Property::new("Name", name.into()));
        self
    }

    /// Creates the output only if a condition of the same stack is true (`Condition`). By default, it is always
    /// created.
    pub fn condition(mut self, condition: &ConditionHandle) -> Self {
        self.condition = Some(condition.clone());
        self
    }
}

impl Construct for Output {
    type Handle = ();

    fn build(self, scope: &mut Scope<'_>) {
        scope.insert(self, |contents| &mut contents.outputs);
    }
}
