//! Diagnostics as data: the problem, its location, and how to fix it.

use std::borrow::Cow;

use stackwright_synth::secret::SecretValues;
use stackwright_synth::{Errors, RelatedLocation, SourceLocation, pointer};

/// The severity of a diagnostic, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// CloudFormation or the service rejects the resource, or it fails when it runs.
    Error,
    /// The template deploys, but it may not do what is intended, it costs or exposes more than needed, or it fails in
    /// some deployments only.
    Warning,
    /// A note. No option turns it into a failure.
    Info,
}

impl Severity {
    /// Returns the name: `error`, `warning` or `info`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A change of the source of a template that removes the cause of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fix {
    /// A name is replaced by another one.
    Rename {
        /// The name in the source.
        from: String,
        /// The name that was probably intended.
        to: String,
    },
    /// The string becomes the argument of `Fn::Sub`.
    AddSub,
    /// A resource is added to the `DependsOn` of the resource of the finding.
    AddDependsOn {
        /// The logical ID that the resource depends on.
        on: String,
    },
}

/// A finding of the check, or an error of synthesis.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The name of the rule, such as `missing-property`.
    pub id: Cow<'static, str>,
    /// The severity of the finding.
    pub severity: Severity,
    /// The message, which states the problem.
    pub message: String,
    /// A text that explains how to fix the problem; `None` if the message is sufficient.
    pub help: Option<String>,
    /// The deployments in which the finding occurs, such as `Stage` is `prod`, if it does not occur in the deployment
    /// with every default.
    pub when: Option<String>,
    /// The ID of the stack; for a template, the name of its file up to the first dot.
    pub stack: String,
    /// The logical ID of the resource; `None` if the finding is not about a resource.
    pub resource: Option<String>,
    /// The JSON pointer into the template with known intrinsic functions resolved. It continues inside of strings that are
    /// documents.
    pub path: String,
    /// The line of the program or the template that set the value; `None` if it is not known.
    pub location: Option<SourceLocation>,
    /// A text about a relation, and the line to which the finding is related, such as the default of a parameter; `None` for most
    /// findings.
    pub related: Option<RelatedLocation>,
    /// A change of the source that fixes the cause; `None` unless exactly one fix is possible.
    pub fix: Option<Fix>,
    /// The reason of the acknowledgement; `None` if the finding is not acknowledged.
    pub acknowledged: Option<String>,
}

impl Diagnostic {
    /// Masks secrets in the texts for people.
    pub(crate) fn mask(&mut self, secrets: &SecretValues) {
        if secrets.is_empty() {
            return;
        }
        let related = self.related.as_mut().map(|related| &mut related.label);
        let optional = self.help.iter_mut().chain(&mut self.when).chain(related);
        for text in optional.chain([&mut self.message]) {
            *text = secrets.mask(text);
        }
    }

    /// Returns the errors of synthesis as diagnostics.
    ///
    /// ```
    /// use stackwright_review::Diagnostic;
    /// use stackwright_synth::{App, Resource};
    ///
    /// let app = App::new("shop");
    /// app.stack("Queues").add("not-valid", Resource::of("AWS::SQS::Queue"));
    /// let diagnostics = Diagnostic::from_errors(&app.synth().unwrap_err());
    /// assert_eq!(diagnostics[0].id, "illegal-logical-id");
    /// ```
    pub fn from_errors(errors: &Errors) -> Vec<Self> {
        let diagnostic = |error: &stackwright_synth::Error| {
            let (stack, resource) = match error.path.split_once('/') {
                Some((stack, resource)) => (stack.to_owned(), Some(resource.to_owned())),
                None => (error.path.clone(), None),
            };
            Self {
                id: error.kind.name().into(),
                help: error.kind.help(),
                resource,
                location: error.location.clone(),
                related: error.related.clone(),
                ..Self::error(error.kind.name(), stack, error.kind.to_string())
            }
        };
        errors.iter().map(diagnostic).collect()
    }

    /// Returns the diagnostic of an error about a stack.
    pub(crate) fn error(id: &'static str, stack: String, message: String) -> Self {
        Self {
            id: id.into(),
            severity: Severity::Error,
            message,
            help: None,
            when: None,
            stack,
            resource: None,
            path: String::new(),
            location: None,
            related: None,
            fix: None,
            acknowledged: None,
        }
    }

    /// Returns a key of the rule, the stack and the path, which does not change when lines are inserted above the
    /// finding.
    pub fn fingerprint(&self) -> String {
        format!("{}:{}:{}", self.id, self.stack, self.path)
    }

    /// Returns whether the finding is not acknowledged and has this severity.
    pub fn counts_as(&self, severity: Severity) -> bool {
        self.severity == severity && self.acknowledged.is_none()
    }

    /// Returns the subject of the finding in words: `Serving/Scorer: ProductionVariants[0].MemorySizeInMB`.
    pub fn subject(&self) -> String {
        let mut subject = self.stack.clone();
        let steps: Vec<_> = pointer::steps(&self.path).collect();
        let steps: Vec<&str> = steps.iter().map(AsRef::as_ref).collect();
        let steps = match (&self.resource, steps.as_slice()) {
            (Some(resource), steps) => {
                subject.push('/');
                subject.push_str(resource);
                match steps {
                    ["Resources", _, "Properties", rest @ ..] | ["Resources", _, rest @ ..] => rest,
                    _ => &[],
                }
            }
            (None, steps) => steps,
        };
        if !steps.is_empty() {
            subject.push_str(": ");
            subject.push_str(&property_path(steps.iter().copied()));
        }
        subject
    }
}

/// Returns the steps of a JSON pointer as a readable path: `A[0].B`.
pub(crate) fn property_path<'a>(steps: impl Iterator<Item = &'a str>) -> String {
    let mut path = String::new();
    for step in steps {
        if step.parse::<usize>().is_ok() {
            path.push_str(&format!("[{step}]"));
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&stackwright_synth::pointer::unescape(step));
        }
    }
    path
}
