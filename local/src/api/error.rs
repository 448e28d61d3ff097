//! Errors with the codes and messages of AWS.

/// An error that a service returns.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct ServiceError {
    /// The error code of AWS.
    pub code: &'static str,
    pub message: String,
    /// The HTTP status.
    pub status: u16,
}

impl ServiceError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400 }
    }

    /// Returns the error that CloudFormation returns for most invalid requests.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}
