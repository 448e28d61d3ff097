//! Durations in seconds.

use std::time::Duration;

use stackwright_synth::Value;
use stackwright_synth::intrinsic::unquoted;

/// The argument of setters for durations: a [`Duration`], or a parameter in seconds.
#[derive(Clone, Debug)]
pub struct Seconds(pub(crate) Value<i64>);

impl From<Duration> for Seconds {
    #[track_caller]
    fn from(duration: Duration) -> Self {
        Self(Value::from(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)).with_caller_location())
    }
}

impl From<Value<i64>> for Seconds {
    fn from(seconds: Value<i64>) -> Self {
        Self(unquoted(seconds))
    }
}
