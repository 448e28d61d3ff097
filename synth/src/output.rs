//! Outputs: what a stack tells after it is deployed.

use crate::condition::ConditionHandle;
use crate::construct::{Construct, Scope};
use crate::value::{IntoValue, Property, Untyped};

/// An output of a stack.
#[derive(Clone, Debug)]
pub struct Output {
    pub(crate) value: Property,
    pub(crate) description: Option<String>,
    pub(crate) export: Option<Property>,
    pub(crate) condition: Option<ConditionHandle>,
}

impl Output {
    /// An output with a value.
    #[track_caller]
    pub fn new(value: impl Untyped) -> Self {
        Self { value: Property::new("Value", value), description: None, export: None, condition: None }
    }

    /// Says what it is.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Exports it under a name to stacks of other programs. Within one app no export is needed.
    #[track_caller]
    pub fn export(mut self, name: impl IntoValue<String>) -> Self {
        self.export = Some(Property::new("Name", name.into()));
        self
    }

    /// Gives the output only where the condition holds.
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
