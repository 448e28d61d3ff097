//! Files for people beside the template.

use crate::construct::{Construct, Scope};

/// A text that is written beside the template, for people and other programs: a manifest, a script that is run by hand. It
/// changes nothing in the template.
///
/// Its file in the assembly is called `STACK.ID.NAME`.
///
/// ```
/// use stackwright_synth::{App, Document};
///
/// let app = App::new("cluster");
/// app.stack("Jobs").add("Train", Document::new("job.yaml", "kind: Job\n"));
/// ```
#[derive(Clone, Debug)]
pub struct Document {
    name: String,
    text: String,
}

impl Document {
    /// Creates a document with the last part of its file name and its text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

impl Construct for Document {
    type Handle = ();

    fn build(self, scope: &mut Scope<'_>) {
        scope.stack().insert_document(format!("{}.{}", scope.id(), self.name), self.text);
    }
}
