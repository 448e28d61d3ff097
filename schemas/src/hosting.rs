//! Limits of SageMaker's endpoints.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// What an endpoint can be called, and how long a request may take.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Hosting {
    /// The longest name of an endpoint or an inference component.
    pub name_characters: usize,
    /// The longest that a request to a real-time endpoint may take, without streaming; also to one with inference
    /// components or several models.
    pub real_time_request_seconds: u32,
    /// The longest that a request to a serverless endpoint may take.
    pub serverless_request_seconds: u32,
    /// The longest that a request to an asynchronous endpoint may take.
    pub asynchronous_request_seconds: u32,
}

/// The limits.
pub fn hosting() -> &'static Hosting {
    static LIMITS: OnceLock<Hosting> = OnceLock::new();
    LIMITS.get_or_init(|| embedded(include_str!("../facts/hosting.json")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn asynchronous_requests_may_take_longest() {
        let limits = super::hosting();
        assert!(limits.asynchronous_request_seconds > limits.real_time_request_seconds);
        assert_eq!(limits.name_characters, 63);
    }
}
