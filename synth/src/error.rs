//! What synthesis finds wrong, collected: one run shows all.

use std::borrow::Cow;
use std::fmt;

use crate::value::CallerLocation;

/// A place in the user's program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLocation {
    /// The file as the compiler was given it.
    pub file: Cow<'static, str>,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
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

/// One thing that is wrong, with the place that said it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    /// What is wrong.
    #[source]
    pub kind: ErrorKind,
    /// The element it is about, such as `Serving/Scorer`.
    pub path: String,
    /// The place that said it.
    pub location: Option<SourceLocation>,
    /// Another place that has to do with it, with a word on how.
    pub related: Option<(String, SourceLocation)>,
}

/// The ways in which an app can be wrong by itself, before anything looks at what it means.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Two elements of a stack have one logical id.
    #[error("the logical id `{0}` is used twice")]
    DuplicateLogicalId(String),
    /// Two stacks have one id, or one name in one place.
    #[error("two stacks are called `{0}`")]
    DuplicateStack(String),
    /// CloudFormation would refuse the logical id.
    #[error("`{0}` is no logical id: letters and digits only, at most 255 of them")]
    IllegalLogicalId(String),
    /// CloudFormation would refuse the name.
    #[error("`{0}` is no stack name: a letter, then letters, digits and hyphens, at most 128 characters")]
    IllegalStackName(String),
    /// CloudFormation would refuse the account.
    #[error("`{0}` is no account id: it takes 12 digits")]
    IllegalAccount(String),
    /// The tag's key or value is too long, empty or reserved.
    #[error(
        "the tag `{0}` is refused: a key has 1 to 128 characters and no `aws:` before it, a value at most 256"
    )]
    IllegalTag(String),
    /// A reference leads into another region or account.
    #[error("{from} cannot refer to {to}: {from} is bound to {from_environment}, {to} to {to_environment}")]
    AcrossEnvironments {
        /// The stack that refers.
        from: String,
        /// The stack that is referred to.
        to: String,
        /// Account and region of the first.
        from_environment: String,
        /// Account and region of the second.
        to_environment: String,
    },
    /// Stacks depend on each other in a circle.
    #[error("stacks depend on each other in a circle: {0}")]
    StackCycle(String),
    /// A handle of another app was used.
    #[error("`{0}` belongs to another app: pass its name or ARN as a text instead")]
    ForeignHandle(String),
    /// A file of an asset cannot be packed.
    #[error("the asset {path} cannot be packed: {reason}")]
    Asset {
        /// The file or folder.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A construct was given what it cannot work with.
    #[error("{message}")]
    Construct {
        /// A stable name.
        name: &'static str,
        /// What is wrong.
        message: String,
        /// How to mend it.
        help: String,
    },
    /// The template is larger than CloudFormation takes even from S3.
    #[error(
        "the template has {bytes} bytes, CloudFormation takes {limit}: move resources into another stack"
    )]
    TemplateTooLarge {
        /// Size of the template.
        bytes: usize,
        /// The quota.
        limit: usize,
    },
}

impl ErrorKind {
    /// A stable name, as diagnostics show it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DuplicateLogicalId(_) => "duplicate-logical-id",
            Self::DuplicateStack(_) => "duplicate-stack",
            Self::IllegalLogicalId(_) => "illegal-logical-id",
            Self::IllegalStackName(_) => "illegal-stack-name",
            Self::IllegalAccount(_) => "illegal-account",
            Self::IllegalTag(_) => "illegal-tag",
            Self::AcrossEnvironments { .. } => "reference-across-environments",
            Self::StackCycle(_) => "stack-cycle",
            Self::ForeignHandle(_) => "foreign-handle",
            Self::Asset { .. } => "asset",
            Self::Construct { name, .. } => name,
            Self::TemplateTooLarge { .. } => "template-too-large",
        }
    }

    /// How to mend it, where there is more to say than the message does.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::DuplicateLogicalId(_) => "give one of the two another id".into(),
            Self::AcrossEnvironments { .. } => {
                "give both stacks the same region and account, or pass the value as a text or a parameter"
                    .into()
            }
            Self::StackCycle(_) => "move what both need into a stack of its own".into(),
            Self::DuplicateStack(_) => "give one of them another id or `.name(…)`".into(),
            Self::Construct { help, .. } => help.clone(),
            _ => return None,
        })
    }
}

/// Everything that is wrong.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Errors(pub Vec<Error>);

impl fmt::Display for Errors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "error[{}]: {} ({})", error.kind.name(), error.kind, error.path)?;
            if let Some(place) = &error.location {
                write!(formatter, "\n  --> {place}")?;
            }
            if let Some((how, place)) = &error.related {
                write!(formatter, "\n  {how}: {place}")?;
            }
        }
        Ok(())
    }
}
