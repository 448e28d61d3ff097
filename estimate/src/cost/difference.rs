//! The difference of the costs of two versions of stacks.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::money::Money;
use super::{Estimate, Line, Per, Total};

/// The minimum and the maximum of an amount in US dollars.
///
/// ```
/// use stackwright_estimate::cost::{Money, MoneyRange};
///
/// let (least, most) = (Money::parse("1").unwrap_or_default(), Money::parse("3").unwrap_or_default());
/// let range = MoneyRange::between(least, most);
/// assert_eq!(range.to_string(), "1.00 to 3.00 USD");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(into = "(Money, Money)")]
#[non_exhaustive]
pub struct MoneyRange {
    /// The minimum amount.
    pub least: Money,
    /// The maximum amount.
    pub most: Money,
}

impl MoneyRange {
    /// Creates a range of a minimum and a maximum amount.
    pub fn between(least: Money, most: Money) -> Self {
        Self { least, most }
    }
}

/// Writes both amounts, or one if they are equal.
impl fmt::Display for MoneyRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { least, most } = self;
        if least == most {
            write!(formatter, "{least} USD")
        } else {
            write!(formatter, "{least} to {most} USD")
        }
    }
}

impl From<MoneyRange> for (Money, Money) {
    fn from(range: MoneyRange) -> Self {
        (range.least, range.most)
    }
}

/// The cost of one resource in the old and in the new version of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResourceDifference {
    /// The name of the stack.
    pub stack: String,
    /// The logical ID of the resource.
    pub resource: String,
    /// The resource type.
    pub resource_type: String,
    /// The unit of the amounts: per month, per run or per hour of an update.
    pub per: Per,
    /// The minimum and the maximum cost of the old version in US dollars; `None` if the resource did not exist.
    pub before: Option<MoneyRange>,
    /// The minimum and the maximum cost of the new version in US dollars; `None` if the resource is removed.
    pub after: Option<MoneyRange>,
    /// The number of amounts that are unknown in the old or the new version.
    pub unknown: usize,
}

impl ResourceDifference {
    /// Returns the increase of the minimum and of the maximum cost; a decrease is negative.
    pub fn change(&self) -> MoneyRange {
        let (before, after) = (self.before.unwrap_or_default(), self.after.unwrap_or_default());
        MoneyRange { least: after.least - before.least, most: after.most - before.most }
    }
}

/// The difference of the costs of two versions of stacks.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The resources whose cost changes.
    pub resources: Vec<ResourceDifference>,
    /// The monthly total of the old version.
    pub before: Total,
    /// The monthly total of the new version.
    pub after: Total,
}

/// A resource by stack and logical ID, and what its costs are counted by.
type Key = (String, String, Per);

fn by_resource(estimate: &Estimate) -> BTreeMap<Key, (String, Total)> {
    let mut found: BTreeMap<Key, (String, Total)> = BTreeMap::new();
    for line in &estimate.lines {
        let key = (line.stack.clone(), line.resource.clone(), line.per);
        let (_, total) = found.entry(key).or_insert_with(|| (line.resource_type.clone(), Total::default()));
        add(total, line);
    }
    found
}

fn add(total: &mut Total, line: &Line) {
    let floor = line.floor.unwrap_or_default();
    total.floor = total.floor + floor;
    total.ceiling = total.ceiling + line.ceiling.unwrap_or(floor);
    total.unknown += usize::from(line.unknown.is_some());
}

/// Compares the costs of two versions, resource by resource. Resources whose costs are equal are left out.
pub fn difference(old: &Estimate, new: &Estimate) -> Difference {
    let (before, after) = (by_resource(old), by_resource(new));
    let mut keys: Vec<&Key> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let resources = keys.into_iter().filter_map(|key| {
        let (old, new) = (before.get(key), after.get(key));
        let bounds = |entry: Option<&(String, Total)>| entry.map(|(_, total)| total.range());
        let unknown = [old, new].into_iter().flatten().map(|(_, total)| total.unknown).sum();
        let one = ResourceDifference {
            stack: key.0.clone(),
            resource: key.1.clone(),
            resource_type: new.or(old)?.0.clone(),
            per: key.2,
            before: bounds(old),
            after: bounds(new),
            unknown,
        };
        (one.before != one.after).then_some(one)
    });
    Difference { resources: resources.collect(), before: old.monthly(), after: new.monthly() }
}
