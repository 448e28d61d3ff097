//! Resources that wait for signals: wait conditions, and resources with a creation policy.

use crate::engine::Engine;
use crate::state::{Failure, Millis, Resource, Signals};
use crate::template::scalar_text;

const WAIT_CONDITION: &str = "AWS::CloudFormation::WaitCondition";

/// The timeout of a creation policy without a `Timeout`: five minutes.
const DEFAULT_TIMEOUT: &str = "PT5M";

impl Engine {
    /// Returns the signals that a resource waits for after it is created.
    pub(super) fn signals_of(&self, resource: &Resource, time: Millis) -> Option<Signals> {
        let (count, timeout) = if resource.type_name == WAIT_CONDITION {
            let timeout = resource.live.get("Timeout").map(scalar_text).unwrap_or_default();
            (
                resource.live.get("Count"),
                timeout.parse::<u64>().ok().map(|seconds| seconds.saturating_mul(1000)),
            )
        } else {
            let signal = resource.written["CreationPolicy"].get("ResourceSignal")?;
            let timeout = signal["Timeout"].as_str().unwrap_or(DEFAULT_TIMEOUT);
            (signal.get("Count"), duration(timeout))
        };
        let count = count.map(scalar_text).and_then(|text| text.parse().ok()).unwrap_or(1);
        if count == 0 {
            return None;
        }
        if self.settings.assumes_signals {
            self.assume(format!("{} received the {count} signal(s) that it waits for", resource.logical_id));
            return None;
        }
        let until = time.saturating_add(timeout.unwrap_or_default());
        Some(Signals { count, until, received: Vec::new() })
    }
}

impl Signals {
    /// Returns the time at which the wait ends, if it is known: the time of the last signal, or the timeout.
    pub fn end(&self) -> Millis {
        let failed = self.received.iter().find(|(_, is_success, _)| !is_success);
        let last = failed.or_else(|| self.received.get(self.count - 1));
        last.map_or(self.until, |(_, _, time)| *time)
    }

    /// Returns the reason why the wait failed; `None` if it did not fail.
    pub(super) fn failure(&self, _time: Millis) -> Option<Failure> {
        if self.received.iter().any(|(_, is_success, _)| !is_success) {
            return Some(Failure::Plain(format!("Received 1 FAILURE signal(s) out of {}.", self.count)));
        }
        let missing = self.count - self.received.len().min(self.count);
        (missing > 0).then(|| {
            Failure::Plain(format!(
                "Failed to receive {missing} resource signal(s) within the specified duration"
            ))
        })
    }
}

/// Returns an ISO 8601 duration such as `PT15M` or `P1DT2H` in milliseconds.
fn duration(text: &str) -> Option<Millis> {
    let mut rest = text.strip_prefix('P')?;
    let (mut seconds, mut in_time) = (0_u64, false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            in_time = true;
            rest = after;
            continue;
        }
        let digits = rest.find(|one: char| !one.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = match (rest[digits..].chars().next()?, in_time) {
            ('D', false) => 86_400,
            ('H', true) => 3_600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(digits + 1..)?;
    }
    seconds.checked_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_those_of_iso_8601() {
        assert_eq!(duration("PT15M"), Some(900_000));
        assert_eq!(duration("P1DT2H3S"), Some(93_603_000));
        assert_eq!(duration("15M"), None);
        assert_eq!(duration("PTM"), None);
        assert_eq!(duration("PT99999999999999999999S"), None);
    }
}
