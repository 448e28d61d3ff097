//! Errors in the words of the service that answers.

/// An answer that is no.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct ServiceError {
    /// AWS's error code.
    pub code: &'static str,
    pub message: String,
    /// HTTP status.
    pub status: u16,
}

impl ServiceError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400 }
    }

    /// What CloudFormation says of almost everything that is wrong with a request.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}
