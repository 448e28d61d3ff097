//! The error type of the commands: a message, hints that are printed on separate lines, and the exit code.

use std::fmt;

use stackwright_synth::{AssemblyError, with_causes};

use crate::safe_text;

/// The exit codes of all commands.
///
/// Usage errors have the exit code that `clap` uses for them, so that an unknown option and an unknown stack name
/// have the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(
    not(feature = "deploy"),
    allow(dead_code, reason = "only commands that send requests to AWS use every code")
)]
pub(crate) enum ExitCode {
    /// The command succeeded, or there was nothing to do.
    Success = 0,
    /// The command failed.
    Failure = 1,
    /// The command line is wrong: an unknown option, or a stack or a parameter that does not exist in the program.
    Usage = 2,
    /// The result is incomplete: an operation is still running, or not every resource could be compared.
    Incomplete = 3,
    /// The command refused to act: a change was not approved, or differs from what was planned.
    Refused = 4,
    /// The comparison found differences, for example drift.
    DifferencesFound = 5,
}

impl ExitCode {
    /// The paragraph about exit codes in `--help`.
    pub const HELP: &str = "Exit codes: 0 success or nothing to do; 1 failure; 2 usage error; 3 incomplete (an \
                            operation is still running, or not every resource could be compared); 4 refused \
                            (not approved, or not as planned); 5 differences found (drift). Results are printed to \
                            stdout, messages to stderr.";
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// The reason why a command stopped.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The message; empty if it has been printed already.
    pub message: String,
    /// The hints, which state what the user can do about the failure.
    pub hints: Vec<String>,
    /// The exit code of the process.
    pub code: ExitCode,
}

impl Failure {
    /// Creates a failure with a message, and exit code 1.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), hints: Vec::new(), code: ExitCode::Failure }
    }

    /// Creates a failure that the command has reported already.
    pub fn reported() -> Self {
        Self::new("")
    }

    /// Creates a usage error, with exit code 2.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(message).with_code(ExitCode::Usage)
    }

    /// Adds a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Sets the exit code.
    pub fn with_code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }

    /// Returns the message and the hints as text; empty if everything has been reported already.
    pub fn text(&self) -> String {
        let message = (!self.message.is_empty()).then(|| format!("error: {}", self.message));
        let hints = self.hints.iter().map(|hint| format!("hint: {hint}"));
        message.into_iter().chain(hints).collect::<Vec<_>>().join("\n")
    }

    /// Prints the message and the hints to stderr.
    pub fn print(&self) {
        let text = safe_text::block(&self.text());
        #[cfg(feature = "deploy")]
        let text = crate::deployment::paint(&text);
        if !text.is_empty() {
            anstream::eprintln!("{text}");
        }
    }
}

impl From<AssemblyError> for Failure {
    fn from(error: AssemblyError) -> Self {
        Self::new(with_causes(&error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // The reader of the output, such as `head`, has closed it: that is not a failure.
            return Self::reported().with_code(ExitCode::Success);
        }
        Self::new(with_causes(&error))
    }
}
