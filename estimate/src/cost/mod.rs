//! The cost of stacks, for each resource, per month and per run.
//!
//! A resource that runs all the time has a floor (its minimum capacity), a typical cost (a stated share of the way to
//! its maximum) and a ceiling (its maximum capacity) a month. A job has a maximum cost per run, from its maximum run
//! time, and an expected cost if the usage states its duration. A resource without a known price is listed as
//! unknown, never as zero.

mod difference;
mod endpoint;
mod jobs;
mod money;
mod offers;
mod prices;
mod report;
pub(crate) mod resolve;
mod resources;
mod target_fleet;
mod usage;

pub(crate) use jobs::training_jobs;

pub use difference::{Difference, MoneyRange, ResourceDifference, difference};
pub use money::{Money, Rate};
pub use offers::{OfferError, read_offer};
pub use prices::{InstancePrice, Price, PriceBook, UnitPrice, Use};
pub use report::{csv, json, markdown, text};
pub use usage::{ResourceUsage, USAGE_MEMBER, Usage, UsageError};

use serde::Serialize;
use stackwright_synth::{Assembly, Template};

/// The number of hours in a month: 365 days of 24 hours divided by 12 months.
pub const HOURS_A_MONTH: u64 = 730;

/// The options of a cost estimate: region, utilization, savings, usage and prices.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The region for stacks that do not set one. Default: `us-east-1`.
    pub region: String,
    /// The position of the typical amount between the minimum (0) and the maximum (1). Default: 0.5.
    pub utilization: Rate,
    /// The share of the price that a SageMaker savings plan saves; AWS documents up to 64 %. Default: no savings plan.
    pub savings_plan: Option<Rate>,
    /// The share of the price that managed spot training saves; AWS documents up to 90 %. Default: no saving.
    pub spot_saving: Option<Rate>,
    /// The usage of resources, which takes precedence over the usage in their `Metadata`. Default: none.
    pub usage: Usage,
    /// The prices that the estimate uses. Default: [`PriceBook::shipped`].
    pub prices: PriceBook,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            utilization: Rate::percent(50),
            savings_plan: None,
            spot_saving: None,
            usage: Usage::default(),
            prices: PriceBook::shipped(),
        }
    }
}

/// The unit to which an amount refers: a month, a run or an hour of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Per {
    /// A month of 730 hours.
    Month,
    /// One run of a job.
    Run,
    /// One hour of an update of an endpoint, during which a second fleet is running.
    UpdateHour,
}

/// One cost of a resource, with its minimum, typical and maximum amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Line {
    /// The name of the stack.
    pub stack: String,
    /// The logical ID of the resource.
    pub resource: String,
    /// The type of the resource.
    pub resource_type: String,
    /// The item that is charged, such as instances, storage or a job.
    pub item: String,
    /// The unit of the amounts: per month, per run or per hour of an update.
    pub per: Per,
    /// The minimum amount; `None` is unknown.
    pub floor: Option<Money>,
    /// The typical amount under the stated assumptions; `None` is unknown.
    pub typical: Option<Money>,
    /// The maximum amount; `None` is unknown.
    pub ceiling: Option<Money>,
    /// The formula by which the amounts are computed.
    pub formula: String,
    /// The price that the formula contains; `None` if it contains no price.
    pub price: Option<Price>,
    /// The reason why an amount is unknown.
    pub unknown: Option<String>,
    /// The assumptions of this line.
    pub notes: Vec<String>,
    /// The instances, if the cost is that of instances.
    pub capacity: Option<Capacity>,
}

/// The instances of one type for which a resource is charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Capacity {
    /// The purpose of the instances.
    pub usage: Use,
    /// The instance type.
    pub instance_type: String,
    /// The minimum number of instances.
    pub least: u64,
    /// The maximum number of instances.
    pub most: u64,
    /// Whether the instances use spot capacity.
    pub is_spot: bool,
}

/// The sums of the amounts of some lines. Unknown amounts are not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Total {
    /// The sum of the minimum amounts.
    pub floor: Money,
    /// The sum of the typical amounts.
    pub typical: Money,
    /// The sum of the maximum amounts.
    pub ceiling: Money,
    /// The number of lines with an unknown amount.
    pub unknown: usize,
}

impl Total {
    /// Returns the minimum and the maximum amount.
    pub fn range(&self) -> MoneyRange {
        MoneyRange::between(self.floor, self.ceiling)
    }
}

/// The estimated cost of stacks.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The region for stacks that do not set one.
    pub region: String,
    /// The costs, in the order of the stacks and their resources.
    pub lines: Vec<Line>,
    /// The assumptions of the whole estimate.
    pub assumptions: Vec<String>,
    /// Messages about values of the usage that are ignored, with the reason.
    pub warnings: Vec<String>,
}

impl Estimate {
    /// Returns the total monthly cost of all stacks.
    pub fn monthly(&self) -> Total {
        self.total(|line| line.per == Per::Month)
    }

    /// Returns the total monthly cost of one stack.
    pub fn monthly_of(&self, stack: &str) -> Total {
        self.total(|line| line.per == Per::Month && line.stack == stack)
    }

    /// Returns the maximum cost of one run of the most expensive job; `None` if no job has a known cost.
    pub fn most_expensive_run(&self) -> Option<Money> {
        self.lines.iter().filter(|line| line.per == Per::Run).filter_map(|line| line.ceiling).max()
    }

    /// Returns the maximum cost of one run of the most expensive job of one stack, by the name of the stack; `None` if no job of
    /// it has a known cost.
    pub fn most_expensive_run_of(&self, stack: &str) -> Option<Money> {
        let lines = self.lines.iter().filter(|line| line.per == Per::Run && line.stack == stack);
        lines.filter_map(|line| line.ceiling).max()
    }

    fn total(&self, chosen: impl Fn(&Line) -> bool) -> Total {
        let mut total = Total::default();
        for line in self.lines.iter().filter(|line| chosen(line)) {
            let floor = line.floor.unwrap_or_default();
            total.floor = total.floor + floor;
            total.typical = total.typical + line.typical.unwrap_or(floor);
            total.ceiling = total.ceiling + line.ceiling.or(line.typical).unwrap_or(floor);
            total.unknown += usize::from(line.unknown.is_some());
        }
        total
    }
}

/// Estimates the cost of a template in a region with the default options. See [`of_assembly`] for other options.
pub fn cost(template: &Template, region: &str) -> Estimate {
    of_template(template, "", region, &Options::default())
}

/// Estimates the cost of the stacks of an assembly.
pub fn of_assembly(assembly: &Assembly, options: &Options) -> Estimate {
    let mut lines = Vec::new();
    for stack in &assembly.stacks {
        let region = stack.environment.region.as_deref().unwrap_or(&options.region);
        lines.extend(resources::lines(&stack.template, &stack.id, region, options));
    }
    let warnings = usage::problems(&options.usage, assembly);
    Estimate { warnings, ..estimate(options.region.clone(), lines, options) }
}

/// Estimates the cost of one template. `stack` is the name of its stack in the estimate.
pub fn of_template(template: &Template, stack: &str, region: &str, options: &Options) -> Estimate {
    let lines = resources::lines(template, stack, region, options);
    estimate(region.to_owned(), lines, options)
}

fn estimate(region: String, lines: Vec<Line>, options: &Options) -> Estimate {
    let mut assumptions = vec![
        format!("a month has {HOURS_A_MONTH} hours; taxes, support and data transfer are not counted"),
        format!(
            "the typical amount is at {} of the range from the minimum to the maximum capacity, unless the usage sets another value",
            options.utilization
        ),
        "parameters have their defaults".to_owned(),
    ];
    if let Some(saving) = options.savings_plan {
        assumptions.push(format!(
            "a savings plan saves {saving} of SageMaker instance hours, as stated (AWS documents up to 64 %)"
        ));
    }
    if let Some(saving) = options.spot_saving {
        assumptions
            .push(format!("managed spot training saves {saving}, as stated (AWS documents up to 90 %)"));
    }
    Estimate { region, lines, assumptions, warnings: Vec::new() }
}

#[cfg(test)]
mod tests;
