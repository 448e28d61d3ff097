//! Files for people, which are written to the directory of the template.

use crate::construct::{Construct, Scope};

/// A text file that is written to the directory of the template for people and other programs, such as a manifest, or
/// a script that is run manually. It does not change the template.
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
#[must_use]
pub struct Document {
    name: String,
    text: String,
}

impl Document {
    /// Creates a document with `NAME`, the last part of its file name, such as `job.yaml`, and its text. Slashes and
    /// backslashes in the name become dots.
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
