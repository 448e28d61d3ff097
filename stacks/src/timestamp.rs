//! Dates with a time in UTC.

use stackwright_synth::Value;

const HELP: &str = "use a date and a time in UTC, such as `2027-01-01T00:00:00Z`";

/// A date with a time in UTC, such as `2027-01-01T00:00:00Z` (ISO 8601). A string converts into it; another form, or a date that
/// does not exist, is an error at the caller's line.
///
/// ```
/// use stackwright_stacks::Timestamp;
///
/// Timestamp::from("2027-01-01T00:00:00Z");
/// ```
#[derive(Clone, Debug)]
pub struct Timestamp(pub(crate) Value<String>);

impl From<&str> for Timestamp {
    #[track_caller]
    fn from(text: &str) -> Self {
        Self(match problem(text) {
            None => Value::from(text).with_caller_location(),
            Some(why) => {
                let message = format!("`{text}` is not a valid time: {why}");
                Value::invalid("invalid-time", message, HELP)
            }
        })
    }
}

impl From<String> for Timestamp {
    #[track_caller]
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Converts a value that is resolved during deployment, such as a parameter of the template, or a literal, which is parsed.
impl From<Value<String>> for Timestamp {
    #[track_caller]
    fn from(value: Value<String>) -> Self {
        match value.as_literal().and_then(serde_json::Value::as_str) {
            Some(text) => Self::from(text),
            None => Self(value.with_caller_location()),
        }
    }
}

/// Returns why a string is not a date with a time in UTC.
fn problem(text: &str) -> Option<String> {
    match text.strip_suffix('Z') {
        Some(time) => local_time_problem(time),
        None => Some("it does not end in `Z`".into()),
    }
}

/// Returns why a string is not a date with a time, without a time zone.
pub(crate) fn local_time_problem(time: &str) -> Option<String> {
    let pattern = "dddd-dd-ddTdd:dd:dd";
    let is_shape = time.len() == pattern.len()
        && time.bytes().zip(pattern.bytes()).all(|(byte, expected)| match expected {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        });
    if !is_shape {
        return Some("the time has the form `yyyy-mm-ddThh:mm:ss`".into());
    }
    let number = |start: usize, digits: usize| time[start..start + digits].parse::<u32>().unwrap_or_default();
    let days = days(number(0, 4), number(5, 2));
    let parts = [
        ("month", number(5, 2), 1..=12),
        ("day", number(8, 2), 1..=days),
        ("hour", number(11, 2), 0..=23),
        ("minute", number(14, 2), 0..=59),
        ("second", number(17, 2), 0..=59),
    ];
    let wrong = parts.into_iter().find(|(_, number, range)| !range.contains(number));
    wrong.map(|(name, number, range)| {
        format!("the {name} is {number}, but it has to be from {} to {}", range.start(), range.end())
    })
}

/// Returns the number of days of a month; 31 for a month that does not exist.
fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn only_dates_that_exist_are_times() {
        for time in ["2027-01-01T00:00:00Z", "2028-02-29T23:59:59Z", "2000-02-29T12:00:00Z"] {
            assert_eq!(problem(time), None, "{time}");
        }
        for (time, why) in [
            ("2027-01-01", "does not end in `Z`"),
            ("2027-01-01T00:00:00", "does not end in `Z`"),
            ("2027-01-01 00:00:00Z", "has the form"),
            ("2027-13-01T00:00:00Z", "the month is 13"),
            ("2027-02-29T00:00:00Z", "the day is 29, but it has to be from 1 to 28"),
            ("2100-02-29T00:00:00Z", "the day is 29"),
            ("2027-04-31T00:00:00Z", "from 1 to 30"),
            ("2027-01-01T24:00:00Z", "the hour is 24"),
            ("2027-01-01T00:60:00Z", "the minute is 60"),
        ] {
            assert!(problem(time).is_some_and(|found| found.contains(why)), "{time}: {:?}", problem(time));
        }
    }
}
