//! Days of the calendar, as facts about AWS state them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day, such as 2026-11-26.
///
/// ```
/// use stackwright_schemas::date::Date;
///
/// let end: Date = "2026-11-26".parse()?;
/// assert!(end < Date::new(2027, 1, 1));
/// assert_eq!(end.to_string(), "2026-11-26");
/// # Ok::<(), stackwright_schemas::date::InvalidDate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A string is not a date in the form `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidDate {
    /// The string.
    pub text: String,
}

impl fmt::Display for InvalidDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` is not a date in the form `YYYY-MM-DD`", self.text)
    }
}

impl std::error::Error for InvalidDate {}

impl Date {
    /// Creates a date. The month and the day are not verified.
    pub const fn new(year: u16, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }
}

impl FromStr for Date {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let parsed = || {
            let mut parts = text.splitn(3, '-');
            let date = Self::new(
                parts.next()?.parse().ok()?,
                parts.next()?.parse().ok()?,
                parts.next()?.parse().ok()?,
            );
            // The form is exact: `2026-1-1` has another length.
            let is_valid = (1..=12).contains(&date.month) && (1..=31).contains(&date.day);
            (is_valid && date.to_string() == text).then_some(date)
        };
        parsed().ok_or_else(|| InvalidDate { text: text.to_owned() })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn only_one_form_is_a_date() {
        for wrong in
            ["", "2026", "2026-11", "2026-1-1", "2026-13-01", "2026-00-10", "2026-01-32", "2026-01-01T00"]
        {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
        assert_eq!("2026-01-31".parse(), Ok(Date::new(2026, 1, 31)));
        assert!(Date::new(2026, 2, 1) > Date::new(2026, 1, 31));
    }
}
