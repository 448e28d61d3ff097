//! The backend of the operations on stacks: AWS, or another server that implements its API.

use std::fmt;

/// The backend that performs the operations on a stack. Its [`Display`](fmt::Display) form completes the sentence
/// "the operation …" about an operation that the command no longer follows.
///
/// ```
/// assert_eq!(stackwright_deploy::Backend::Aws.to_string(), "is still running in AWS");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Backend {
    /// CloudFormation in AWS.
    Aws,
    /// Local mode in the process of the command. Its state keeps a running operation for the next command.
    LocalMode,
    /// An endpoint that the configuration or the environment names, with its URL.
    Endpoint(String),
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws => formatter.write_str("is still running in AWS"),
            Self::LocalMode => formatter.write_str("continues with the next command in local mode"),
            Self::Endpoint(url) => write!(formatter, "is still running at {url}"),
        }
    }
}
