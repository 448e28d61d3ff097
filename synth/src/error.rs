//! The errors of synthesis. They are collected, so that one run shows all of them.

use std::borrow::Cow;
use std::fmt;

use crate::value::CallerLocation;

/// A location in the source code of a program or in the text of a template.
///
/// ```
/// use stackwright_synth::SourceLocation;
///
/// assert_eq!(SourceLocation::new("src/main.rs", 7, 5).to_string(), "src/main.rs:7:5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SourceLocation {
    /// The path of the file, as it was passed to the compiler or to the command: absolute, or relative to their
    /// working directory.
    pub file: Cow<'static, str>,
    /// The line; the first line is 1.
    pub line: u32,
    /// The column; the first column is 1.
    pub column: u32,
}

impl SourceLocation {
    /// Creates a location with the path of the file, the line and the column. The first line and the first column are 1.
    pub fn new(file: impl Into<Cow<'static, str>>, line: u32, column: u32) -> Self {
        Self { file: file.into(), line, column }
    }
}

impl From<CallerLocation> for SourceLocation {
    fn from(source: CallerLocation) -> Self {
        Self { file: Cow::Borrowed(source.file()), line: source.line(), column: source.column() }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A location that explains an error or a finding, with its relation to it.
///
/// ```
/// use stackwright_synth::{RelatedLocation, SourceLocation};
///
/// let first = RelatedLocation::new("first used here", SourceLocation::new("src/main.rs", 7, 5));
/// assert_eq!(first.label, "first used here");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct RelatedLocation {
    /// The relation, such as "first used here".
    pub label: String,
    /// The location.
    pub location: SourceLocation,
}

impl RelatedLocation {
    /// Creates a related location with its label, such as "first used here".
    pub fn new(label: impl Into<String>, location: impl Into<SourceLocation>) -> Self {
        Self { label: label.into(), location: location.into() }
    }
}

/// Returns the message of an error with the messages of its causes, as one text. A cause whose message the text has already is
/// left out.
///
/// ```
/// use std::io;
/// use std::path::Path;
///
/// use stackwright_synth::{Assembly, with_causes};
///
/// let error = Assembly::read(Path::new("no-such-directory")).unwrap_err();
/// assert_eq!(with_causes(&error).matches("No such file").count(), 1);
/// ```
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        // Some errors repeat the message of their cause.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = error.source();
    }
    text
}

/// An error of synthesis, with the line of the program that caused it. Its text (`Display`) is the message of the kind.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind}")]
#[non_exhaustive]
pub struct Error {
    /// The kind of the error, whose text (`Display`) is the message.
    #[source]
    pub kind: ErrorKind,
    /// The path of the affected element: the ID of the stack, and the logical ID of the element if there is one, such
    /// as `Serving/Scorer`.
    pub path: String,
    /// The line that caused the error, if it is known.
    pub location: Option<SourceLocation>,
    /// A related location; `None` if there is none.
    pub related: Option<RelatedLocation>,
}

impl Error {
    /// Returns whether the error repeats another one. The logical IDs of the resources of a construct begin with its ID, so that
    /// an ID that is not valid or already used causes an error for each of them.
    fn repeats(&self, other: &Self) -> bool {
        let is_about_ids =
            matches!(self.kind, ErrorKind::IllegalLogicalId(_) | ErrorKind::DuplicateLogicalId(_));
        is_about_ids
            && self.kind.name() == other.kind.name()
            && self.location == other.location
            && self.related == other.related
            && self.path.len() > other.path.len()
            && self.path.starts_with(&other.path)
    }
}

/// The kind of an error of synthesis. Errors in property values are found by `stackwright check` instead.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Two elements of a stack have this logical ID.
    #[error("the logical ID `{0}` is used twice")]
    DuplicateLogicalId(String),
    /// Two stacks have this ID, or this name in the same account and region.
    #[error("two stacks are named `{0}`")]
    DuplicateStack(String),
    /// The logical ID does not consist of 1 to 255 letters and digits.
    #[error("`{0}` is not a valid logical ID: use letters and digits only, at most 255")]
    IllegalLogicalId(String),
    /// The stack name does not start with a letter, contains a character that is not a letter, a digit or a hyphen, or
    /// is longer than 128 characters.
    #[error(
        "`{0}` is not a valid stack name: use a letter, then letters, digits and hyphens, at most 128 characters"
    )]
    IllegalStackName(String),
    /// The account ID does not consist of 12 digits.
    #[error("`{0}` is not a valid account ID: use 12 digits")]
    IllegalAccount(String),
    /// The region does not have the form of a region, such as `us-east-1`.
    #[error("`{0}` is not a region: a region has a name such as `us-east-1`")]
    IllegalRegion(String),
    /// The tag with this key is not valid: the key does not have 1 to 128 characters or starts with the reserved prefix
    /// `aws:`, or the value has more than 256 characters.
    #[error(
        "the tag `{0}` is not valid: a key has 1 to 128 characters and does not start with `aws:`, a value has at most
        256 characters"
    )]
    IllegalTag(String),
    /// A stack refers to a stack in another region or account.
    #[error(
        "{from} cannot refer to {to}: {from} is deployed to {from_environment}, {to} to {to_environment}"
    )]
    AcrossEnvironments {
        /// The stack that contains the reference.
        from: String,
        /// The stack that the reference refers to.
        to: String,
        /// The account and region of the referring stack.
        from_environment: String,
        /// The account and region of the other stack.
        to_environment: String,
        /// The region of one of the two stacks, if it is not a known region, such as a misspelled name; otherwise `None`.
        unknown_region: Option<String>,
    },
    /// The dependencies of stacks form a cycle, which the text names.
    #[error("the dependencies of stacks form a cycle: {0}")]
    StackCycle(String),
    /// The handle of a stack or an element with this ID belongs to another app.
    #[error("`{0}` belongs to another app: pass its name or ARN as a string")]
    ForeignHandle(String),
    /// A file or a directory of an asset cannot be packed.
    #[error("the asset {path} cannot be packed: {reason}")]
    Asset {
        /// The path of the file or directory, or its last part.
        path: String,
        /// The reason, usually the message of the operating system.
        reason: String,
    },
    /// A construct refused one of its arguments.
    #[error("{message}")]
    Construct {
        /// The stable name of the error, such as `invalid-former-id`, which [`ErrorKind::name`] returns.
        name: &'static str,
        /// The message, which states the problem.
        message: String,
        /// A text that explains how to fix the problem, which [`ErrorKind::help`] returns.
        help: String,
    },
    /// The template is larger than the limit of CloudFormation for templates in S3.
    #[error(
        "the template has {bytes} bytes, and CloudFormation accepts at most {limit}: move resources into another
        stack"
    )]
    TemplateTooLarge {
        /// The size of the template in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

impl ErrorKind {
    /// Returns the stable name that diagnostics show in brackets, such as `duplicate-logical-id`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DuplicateLogicalId(_) => "duplicate-logical-id",
            Self::DuplicateStack(_) => "duplicate-stack",
            Self::IllegalLogicalId(_) => "illegal-logical-id",
            Self::IllegalStackName(_) => "illegal-stack-name",
            Self::IllegalAccount(_) => "illegal-account",
            Self::IllegalRegion(_) => "illegal-region",
            Self::IllegalTag(_) => "illegal-tag",
            Self::AcrossEnvironments { .. } => "reference-across-environments",
            Self::StackCycle(_) => "stack-cycle",
            Self::ForeignHandle(_) => "foreign-handle",
            Self::Asset { .. } => "asset",
            Self::Construct { name, .. } => name,
            Self::TemplateTooLarge { .. } => "template-too-large",
        }
    }

    /// Returns a text that explains how to fix the error; `None` if the message explains it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::DuplicateLogicalId(_) => "give one of the elements another ID".into(),
            Self::AcrossEnvironments { unknown_region: Some(region), .. } => {
                let similar = stackwright_schemas::nearest(region, stackwright_schemas::regions::names());
                let similar = similar.map(|similar| format!("; a similar region is `{similar}`"));
                format!("`{region}` is not a known region{}", similar.unwrap_or_default())
            }
            Self::AcrossEnvironments { unknown_region: None, .. } => {
                "deploy both stacks to the same region and account, or pass the value as a string or a parameter"
                    .into()
            }
            Self::StackCycle(_) => "move the resources that both stacks need into a third stack".into(),
            Self::IllegalRegion(region) => {
                let known = stackwright_schemas::regions::names();
                format!("a similar region is `{}`", stackwright_schemas::nearest(region, known)?)
            }
            Self::DuplicateStack(_) => "give one of them another ID or another `.name(…)`".into(),
            Self::Construct { help, .. } => help.clone(),
            _ => return None,
        })
    }
}

/// All errors of a synthesis, at least one, sorted by location. `Display` shows each with its name and location.
///
/// ```
/// use stackwright_synth::App;
///
/// let app = App::new("shop");
/// app.stack("not a name");
/// let errors = app.synth().unwrap_err();
/// assert_eq!(errors.iter().map(|error| error.kind.name()).collect::<Vec<_>>(), ["illegal-stack-name"]);
/// ```
#[derive(Clone, Debug, thiserror::Error)]
pub struct Errors {
    errors: Vec<Error>,
}

impl Errors {
    /// Sorts errors by location, and keeps one error for each wrong ID of a construct.
    pub(crate) fn new(mut errors: Vec<Error>) -> Self {
        errors.sort_by(|one, other| one.location.cmp(&other.location));
        let is_kept = |one: &Error| !errors.iter().any(|other| one.repeats(other));
        let kept: Vec<bool> = errors.iter().map(is_kept).collect();
        let mut kept = kept.into_iter();
        errors.retain(|_| kept.next().unwrap_or(true));
        Self { errors }
    }

    /// Returns the errors in the order of their locations; errors without a location come first.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.errors.iter()
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = std::slice::Iter<'a, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Errors {
    type Item = Error;
    type IntoIter = std::vec::IntoIter<Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.iter().enumerate() {
            if number > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "error[{}]: {} ({})", error.kind.name(), error.kind, error.path)?;
            if let Some(location) = &error.location {
                write!(formatter, "\n  --> {location}")?;
            }
            if let Some(RelatedLocation { label, location }) = &error.related {
                write!(formatter, "\n  {label}: {location}")?;
            }
        }
        Ok(())
    }
}
