//! Limits of SageMaker endpoints.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// The limits of SageMaker hosting: the length of names, and the duration of requests.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Hosting {
    /// The maximum length of the name of an endpoint or an inference component, in characters.
    pub name_characters: usize,
    /// The maximum duration of a request to a real-time endpoint without streaming, in seconds; it also applies to endpoints with
    /// inference components or several models.
    pub real_time_request_seconds: u32,
    /// The maximum duration of a request to a serverless endpoint, in seconds.
    pub serverless_request_seconds: u32,
    /// The maximum duration of a request to an asynchronous endpoint, in seconds.
    pub asynchronous_request_seconds: u32,
}

/// Returns the limits.
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
