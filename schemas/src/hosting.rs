//! Limits of SageMaker endpoints.

use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::api::embedded;

/// The limits of SageMaker hosting: the length of names, and the duration of requests.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Hosting {
    /// The maximum length of the name of an endpoint or an inference component, in characters.
    pub name_characters: usize,
    /// The maximum duration of a request to a real-time endpoint without streaming; it also applies to endpoints with inference
    /// components or several models.
    #[serde(rename = "real_time_request_seconds", deserialize_with = "seconds")]
    pub real_time_request: Duration,
    /// The maximum duration of a request to a serverless endpoint.
    #[serde(rename = "serverless_request_seconds", deserialize_with = "seconds")]
    pub serverless_request: Duration,
    /// The maximum duration of a request to an asynchronous endpoint.
    #[serde(rename = "asynchronous_request_seconds", deserialize_with = "seconds")]
    pub asynchronous_request: Duration,
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
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
        assert!(limits.asynchronous_request > limits.real_time_request);
        assert_eq!(limits.name_characters, 63);
    }
}
