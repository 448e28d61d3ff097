//! Times, and unique IDs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since 1970.
pub(crate) type Millis = u64;

pub(crate) fn now() -> Millis {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Returns a duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `2026-11-25T10:00:00.123Z`
pub(crate) fn iso_time(time: Millis) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(time) * 1_000_000);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

pub(crate) fn unique_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
