//! An error that a part of a construct finds before it is added to a stack.

use stackwright_synth::{CallerLocation, Scope};

/// An error about an argument, kept until there is a scope to report it to.
#[derive(Clone, Debug)]
pub(crate) struct DeferredError {
    pub name: &'static str,
    pub message: String,
    pub help: String,
    pub source: CallerLocation,
}

impl DeferredError {
    pub(crate) fn report(self, scope: &Scope<'_>) {
        scope.error(self.name, self.message, self.help, Some(self.source));
    }
}
