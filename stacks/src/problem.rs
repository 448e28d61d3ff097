//! What is wrong with a part of a construct, told when there is a stack to tell it to.

use stackwright_synth::{Scope, Source};

/// What is wrong, how to mend it, and the line that said it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub name: &'static str,
    pub message: String,
    pub help: String,
    pub source: Source,
}

impl Problem {
    pub(crate) fn tell(self, scope: &Scope<'_>) {
        scope.error(self.name, self.message, self.help, Some(self.source));
    }
}
