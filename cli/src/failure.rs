//! The one error at the edge: what is said, hints each on a line of its own, and the exit code.

use std::fmt;

use stackwright_synth::AssemblyError;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Empty where everything was said already.
    pub message: String,
    pub hints: Vec<String>,
    pub code: u8,
}

impl Failure {
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), hints: Vec::new(), code: 1 }
    }

    /// The report that was printed says it all.
    pub fn reported() -> Self {
        Self::new("")
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub fn print(&self) {
        if !self.message.is_empty() {
            anstream::eprintln!("error: {}", self.message);
        }
        for hint in &self.hints {
            anstream::eprintln!("hint: {hint}");
        }
    }
}

impl From<AssemblyError> for Failure {
    fn from(error: AssemblyError) -> Self {
        Self::new(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // Whoever read our output has seen enough.
            return Self { message: String::new(), hints: Vec::new(), code: 0 };
        }
        Self::new(error)
    }
}
