//! A diagnostic is data: what is wrong, where, and how to mend it.

use stackwright_synth::{Errors, Place};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// CloudFormation or the service would refuse it.
    Error,
    /// It may well not be what was meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// A stable name, such as `registry-enum`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// The stack's id.
    pub stack: String,
    /// The logical id.
    pub resource: Option<String>,
    /// The JSON pointer into the template.
    pub path: String,
    /// The line that said it.
    pub location: Option<Place>,
    /// Another line that has to do with it, and how.
    pub related: Option<(String, Place)>,
}

impl Diagnostic {
    /// What synthesis found wrong, as diagnostics.
    pub fn from_errors(errors: &Errors) -> Vec<Self> {
        let diagnostic = |error: &stackwright_synth::Error| {
            let (stack, resource) = match error.path.split_once('/') {
                Some((stack, resource)) => (stack.to_owned(), Some(resource.to_owned())),
                None => (error.path.clone(), None),
            };
            Self {
                id: error.kind.name().to_owned(),
                severity: Severity::Error,
                message: error.kind.to_string(),
                help: error.kind.help(),
                stack,
                resource,
                path: String::new(),
                location: error.place.clone(),
                related: error.related.clone(),
            }
        };
        errors.0.iter().map(diagnostic).collect()
    }

    /// What it is about, in words: `Serving/Scorer: Properties.MemorySizeInMB`.
    pub fn subject(&self) -> String {
        let mut subject = self.stack.clone();
        if let Some(resource) = &self.resource {
            subject.push('/');
            subject.push_str(resource);
        }
        let steps: Vec<_> = self.path.split('/').skip(4).collect();
        if !steps.is_empty() {
            subject.push_str(": ");
            for (number, step) in steps.iter().enumerate() {
                if step.parse::<usize>().is_ok() {
                    subject.push_str(&format!("[{step}]"));
                } else {
                    subject.push_str(if number == 0 { "" } else { "." });
                    subject.push_str(&step.replace("~1", "/").replace("~0", "~"));
                }
            }
        }
        subject
    }
}
