//! The times of a schedule: cron, rate and one-time expressions of EventBridge Scheduler.

use std::ops::RangeInclusive;
use std::time::Duration;

use stackwright_synth::Value;

use crate::timestamp::local_time_problem;

const HELP: &str = "use `cron(0 2 * * ? *)`, `rate(1 day)` or `at(2027-01-01T00:00:00)`";

/// The times at which a schedule starts its target: `cron(…)`, `rate(…)` or `at(…)`. A string converts into an expression;
/// a malformed one is an error at the caller's line.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::launch::ScheduleExpression;
///
/// ScheduleExpression::rate(Duration::from_hours(24)); // rate(1 day)
/// ScheduleExpression::cron("0 2 * * ? *"); // At 02:00 every day.
/// ScheduleExpression::at("2027-01-01T00:00:00");
/// ScheduleExpression::from("rate(5 minutes)");
/// ```
#[derive(Clone, Debug)]
pub struct ScheduleExpression(pub(crate) Value<String>);

impl ScheduleExpression {
    /// Starts the target repeatedly at this interval, which is rounded down to whole minutes. An interval below a minute is an
    /// error at the caller's line.
    #[track_caller]
    pub fn rate(every: Duration) -> Self {
        let minutes = every.as_secs() / 60;
        let (count, unit) = match minutes {
            minutes if minutes > 0 && minutes % (24 * 60) == 0 => (minutes / (24 * 60), "day"),
            minutes if minutes > 0 && minutes % 60 == 0 => (minutes / 60, "hour"),
            minutes => (minutes, "minute"),
        };
        let plural = if count == 1 { "" } else { "s" };
        Self::from(format!("rate({count} {unit}{plural})").as_str())
    }

    /// Starts the target at the times that six fields select, such as `0 2 * * ? *`: minutes, hours, day of the month, month,
    /// day of the week, year. One of the two days has to be `?`. Invalid fields are an error at the caller's line.
    #[track_caller]
    pub fn cron(fields: &str) -> Self {
        Self::from(format!("cron({fields})").as_str())
    }

    /// Starts the target once, at a date and time without a time zone, such as `2027-01-01T00:00:00`. Another form is an error
    /// at the caller's line.
    #[track_caller]
    pub fn at(time: &str) -> Self {
        Self::from(format!("at({time})").as_str())
    }
}

impl From<&str> for ScheduleExpression {
    #[track_caller]
    fn from(text: &str) -> Self {
        Self(match problem(text) {
            None => Value::from(text).with_caller_location(),
            Some(why) => {
                let message = format!("`{text}` is not a valid schedule expression: {why}");
                Value::invalid("invalid-schedule", message, HELP)
            }
        })
    }
}

impl From<String> for ScheduleExpression {
    #[track_caller]
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Converts a value that is resolved during deployment, such as a parameter of the template, or a literal, which is parsed.
impl From<Value<String>> for ScheduleExpression {
    #[track_caller]
    fn from(value: Value<String>) -> Self {
        match value.as_literal().and_then(serde_json::Value::as_str) {
            Some(text) => Self::from(text),
            None => Self(value.with_caller_location()),
        }
    }
}

/// Returns why a string is not an expression of EventBridge Scheduler (User Guide, "Schedule types in EventBridge
/// Scheduler").
fn problem(text: &str) -> Option<String> {
    let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(fields) = inner("cron") {
        return cron_problem(fields);
    }
    if let Some(rate) = inner("rate") {
        return rate_problem(rate);
    }
    match inner("at") {
        Some(time) => local_time_problem(time),
        None => Some("it is not `cron(…)`, `rate(…)` or `at(…)`".into()),
    }
}

fn rate_problem(rate: &str) -> Option<String> {
    let units = ["minute", "minutes", "hour", "hours", "day", "days"];
    let Some((count, unit)) = rate.split_once(' ') else {
        return Some("a rate is a number and a unit with a space between them".into());
    };
    match count.parse::<u32>() {
        Ok(count) if count > 0 && units.contains(&unit) => None,
        Ok(count) if count > 0 => Some(format!("`{unit}` is not a unit; the units are {}", units.join(", "))),
        _ => Some(format!("`{count}` is not a whole number above 0")),
    }
}

/// A field of a cron expression: its name, its range of numbers, its names, and the other characters that it accepts.
type Field = (&'static str, RangeInclusive<u32>, &'static [&'static str], &'static str);

const FIELDS: [Field; 6] = [
    ("minutes", 0..=59, &[], ",-*/"),
    ("hours", 0..=23, &[], ",-*/"),
    ("day of the month", 1..=31, &[], ",-*?/LW"),
    (
        "month",
        1..=12,
        &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        ",-*/",
    ),
    ("day of the week", 1..=7, &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], ",-*?L#"),
    ("year", 1970..=2199, &[], ",-*/"),
];

fn cron_problem(fields: &str) -> Option<String> {
    let given: Vec<&str> = fields.split_whitespace().collect();
    if given.len() != FIELDS.len() {
        return Some(format!("a cron expression has 6 fields, and this one has {}", given.len()));
    }
    if (given[2] == "?") == (given[4] == "?") {
        return Some("exactly one of day of the month and day of the week is `?`".into());
    }
    given.iter().zip(&FIELDS).find_map(|(text, field)| field_problem(text, field))
}

fn field_problem(text: &str, (name, numbers, names, symbols): &Field) -> Option<String> {
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        // A number may carry L (last) or W (weekday): `15W`, `6L`.
        let number = word.trim_end_matches(|c| (c == 'L' || c == 'W') && symbols.contains(c));
        let is_right = match number.parse::<u32>() {
            // The number after a slash or `#` counts steps or weeks.
            Ok(number) => numbers.contains(&number) || (number > 0 && text.contains(['/', '#'])),
            Err(_) => number.is_empty() || names.contains(&number.to_ascii_uppercase().as_str()),
        };
        if !is_right {
            return Some(format!("`{word}` is not a value of the field {name}"));
        }
    }
    let symbol = text.chars().find(|c| !c.is_ascii_alphanumeric() && !symbols.contains(*c));
    symbol.map(|symbol| format!("the field {name} does not take `{symbol}`"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ScheduleExpression, problem};

    #[test]
    fn expressions_are_parsed() {
        for right in [
            "cron(0 2 * * ? *)",
            "cron(0/15 8-18 ? * MON-FRI 2027)",
            "cron(0 6 1 */3 ? *)",
            "cron(0 0 L * ? *)",
            "cron(0 0 15W * ? *)",
            "cron(0 0 ? * 6#3 *)",
            "cron(0 0 ? * 6L *)",
            "rate(1 day)",
            "rate(90 minutes)",
            "at(2027-01-01T00:00:00)",
        ] {
            assert_eq!(problem(right), None, "{right}");
        }
        for (wrong, why) in [
            ("cron(0 2 * * *)", "6 fields"),
            ("cron(0 2 * * * *)", "exactly one"),
            ("cron(60 2 * * ? *)", "minutes"),
            ("cron(0 2 ? * FRIDAY *)", "day of the week"),
            ("cron(0 2 ? * * 1)", "year"),
            ("rate(0 days)", "above 0"),
            ("rate(1 week)", "week"),
            ("rate(1day)", "space"),
            ("at(2027-01-01)", "yyyy"),
            ("every day", "it is not"),
        ] {
            assert!(problem(wrong).is_some_and(|found| found.contains(why)), "{wrong}: {:?}", problem(wrong));
        }
    }

    #[test]
    fn a_rate_is_written_in_its_largest_unit() {
        let text =
            |every| ScheduleExpression::rate(every).0.as_literal().unwrap().as_str().unwrap().to_owned();
        assert_eq!(text(Duration::from_hours(24)), "rate(1 day)");
        assert_eq!(text(Duration::from_hours(36)), "rate(36 hours)");
        assert_eq!(text(Duration::from_mins(5)), "rate(5 minutes)");
    }
}
