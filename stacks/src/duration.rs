//! Durations in seconds.

use std::time::Duration;

use stackwright_synth::Value;
use stackwright_synth::intrinsic::unquoted;

/// The argument of setters for durations: a [`Duration`] in whole seconds, or a parameter in seconds. A duration with a fraction of
/// a second is an error at the caller's line.
#[derive(Clone, Debug)]
pub struct Seconds(pub(crate) Value<i64>);

impl From<Duration> for Seconds {
    #[track_caller]
    fn from(duration: Duration) -> Self {
        if duration.subsec_nanos() > 0 {
            let message = format!("{duration:?} is not a number of whole seconds");
            return Self(Value::invalid("invalid-duration", message, "use `Duration::from_secs`"));
        }
        Self(Value::from(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)).with_caller_location())
    }
}

impl From<Value<i64>> for Seconds {
    fn from(seconds: Value<i64>) -> Self {
        Self(unquoted(seconds))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Seconds;

    #[test]
    fn a_fraction_of_a_second_is_not_dropped() {
        let seconds = |duration: Duration| Seconds::from(duration).0.as_literal().cloned();
        assert_eq!(seconds(Duration::from_mins(2)), Some(120.into()));
        assert_eq!(seconds(Duration::from_millis(1500)), None);
    }
}
