//! Money and rates as exact decimals.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Serialize, Serializer};

/// The number of units in a dollar: amounts are stored in units of 10^-12 dollars, because prices have up to ten
/// decimals.
const UNITS: i128 = 1_000_000_000_000;
const DECIMALS: usize = 12;

/// An amount in US dollars, exact to 10^-12.
///
/// ```
/// use stackwright_estimate::cost::Money;
///
/// assert_eq!(Money::parse("1.515"), Money::parse("1.5150"));
/// assert_eq!(Money::parse("a lot"), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[must_use]
pub struct Money(i128);

/// A share between 0 and 1, exact to 10^-6.
///
/// ```
/// use stackwright_estimate::cost::Rate;
///
/// assert_eq!(Rate::parse("0.30"), Some(Rate::percent(30)));
/// assert_eq!(Rate::parse("1.1"), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u32);

impl Money {
    /// The amount of zero dollars.
    pub const ZERO: Self = Self(0);

    /// Parses a decimal such as `1.515`; `None` if it is not one, or has more than twelve decimals that are not zero.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits == "." || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        if fraction.len() > DECIMALS || whole.len() > 18 {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let fraction: i128 = format!("{fraction:0<DECIMALS$}").parse().ok()?;
        let amount = whole * UNITS + fraction;
        Some(Self(if negative { -amount } else { amount }))
    }

    /// Returns the amount multiplied by a count.
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i128::from(count)))
    }

    /// Returns the amount multiplied by `numerator` / `denominator`, rounded towards zero at 10^-12 dollars.
    pub fn times_ratio(self, numerator: u64, denominator: u64) -> Self {
        Self(self.0.saturating_mul(i128::from(numerator)) / i128::from(denominator.max(1)))
    }

    /// Returns a share of the amount.
    pub fn share(self, rate: Rate) -> Self {
        self.times_ratio(u64::from(rate.0), 1_000_000)
    }

    /// Returns the amount after a saving is subtracted.
    pub fn less(self, saving: Rate) -> Self {
        self - self.share(saving)
    }

    /// Returns the amount in whole dollars, rounded up; 0 for a negative amount.
    pub fn whole_dollars(self) -> u64 {
        u64::try_from(self.0.max(0).saturating_add(UNITS - 1) / UNITS).unwrap_or(u64::MAX)
    }

    /// Returns the amount as a decimal with at least two decimals, and without zeros at the end after these.
    pub fn exact(self) -> String {
        let text = format!("{}.{:0DECIMALS$}", self.0.abs() / UNITS, self.0.abs() % UNITS);
        let trimmed = text.trim_end_matches('0');
        let decimals = trimmed.len() - trimmed.find('.').unwrap_or(trimmed.len()) - 1;
        let padded = format!("{trimmed}{}", "0".repeat(2_usize.saturating_sub(decimals)));
        if self.0 < 0 { format!("-{padded}") } else { padded }
    }
}

/// Writes two decimals, rounded half away from zero.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cent = UNITS / 100;
        let cents = (self.0.abs() + cent / 2) / cent;
        let sign = if self.0 < 0 && cents > 0 { "-" } else { "" };
        write!(formatter, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Serializes the amount as a string, so that readers do not convert it to a floating-point number.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.exact())
    }
}

impl Rate {
    /// Parses a share such as `0.30`; `None` if it is not a decimal from 0 to 1.
    pub fn parse(text: &str) -> Option<Self> {
        let units = Money::parse(text)?.0 / (UNITS / 1_000_000);
        u32::try_from(units).ok().filter(|units| *units <= 1_000_000).map(Self)
    }

    /// Creates a share from a percentage, such as 30.
    pub fn percent(percent: u32) -> Self {
        Self(percent.min(100) * 10_000)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} %", f64::from(self.0) / 10_000.0)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Money(i128::from(self.0) * (UNITS / 1_000_000)).exact().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        let price = Money::parse("0.00002").unwrap();
        assert_eq!(price.times(6).times(30_000).exact(), "3.60");
        assert_eq!(Money::parse("1.515").unwrap().times(730).to_string(), "1105.95");
        assert_eq!(Money::parse("25.251286").unwrap().times_ratio(1, 3).exact(), "8.417095333333");
        assert_eq!(Money::parse("-1.005").unwrap().to_string(), "-1.01");
        assert_eq!(Money::parse("3").unwrap().less(Rate::parse("0.30").unwrap()).exact(), "2.10");
        for wrong in ["", ".", "1,5", "abc", "1e5", "--1"] {
            assert_eq!(Money::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Rate::parse("1.5"), None);
        assert_eq!(Money::parse("12.000001").unwrap().whole_dollars(), 13);
        assert_eq!(Money::parse("-1").unwrap().whole_dollars(), 0);
    }
}
