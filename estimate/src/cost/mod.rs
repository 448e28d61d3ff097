//! What stacks cost: by resource, a month and a run.
//!
//! A resource that runs all the time has a floor (its minimum capacity), a typical cost (a stated share of the way to its
//! maximum) and a ceiling (its maximum capacity) a month. A job has a maximum a run, by its longest run time, and an
//! expected cost where the usage states how long it runs. What has no known price is listed as unknown, never as zero.

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

pub use difference::{Difference, ResourceDifference, difference};
pub use money::{Money, Rate};
pub use offers::{OfferError, read_offer};
pub use prices::{Price, PriceBook, Use};
pub use report::{csv, json, markdown, text};
pub use usage::{ResourceUsage, USAGE_MEMBER, Usage, UsageError};

use serde::Serialize;
use stackwright_synth::{Assembly, Template};

/// Hours of a month: 365 days of 24 hours over 12 months.
pub const HOURS_A_MONTH: u64 = 730;

/// What an estimate assumes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The region of stacks that are bound to none.
    pub region: String,
    /// The position of the typical amount between the floor (0) and the ceiling (1).
    pub utilization: Rate,
    /// The saving of a SageMaker savings plan, as it is stated; AWS documents up to 64 %.
    pub savings_plan: Option<Rate>,
    /// The saving of managed spot training, as it is stated; AWS documents up to 90 %.
    pub spot_saving: Option<Rate>,
    /// Stated usage.
    pub usage: Usage,
    /// Where prices are looked up.
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

/// What a cost is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Per {
    /// A month of 730 hours.
    Month,
    /// One run of a job.
    Run,
    /// An update of an endpoint: while it lasts, a second fleet runs. For each hour.
    UpdateHour,
}

/// One cost of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Line {
    /// The stack.
    pub stack: String,
    /// The logical ID of the resource.
    pub resource: String,
    /// The type of the resource.
    pub resource_type: String,
    /// What costs: instances, storage, a job.
    pub item: String,
    /// What the amounts are counted by.
    pub per: Per,
    /// The least; `None` is unknown.
    pub floor: Option<Money>,
    /// The typical amount under the stated assumptions; `None` is unknown.
    pub typical: Option<Money>,
    /// The most; `None` is unknown.
    pub ceiling: Option<Money>,
    /// How the amounts are computed.
    pub formula: String,
    /// The price.
    pub price: Option<Price>,
    /// Why an amount is unknown.
    pub unknown: Option<String>,
    /// Assumptions.
    pub notes: Vec<String>,
    /// The instances, where the line is about instances.
    pub capacity: Option<Capacity>,
}

/// Instances of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Capacity {
    /// What they are used for.
    pub usage: Use,
    /// The instance type.
    pub instance_type: String,
    /// The least number.
    pub least: u64,
    /// The most.
    pub most: u64,
    /// Spot capacity.
    pub is_spot: bool,
}

/// Amounts of some lines together, without those that are unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Total {
    /// The least.
    pub floor: Money,
    /// The typical amount.
    pub typical: Money,
    /// The most.
    pub ceiling: Money,
    /// Lines with an amount that is not known.
    pub unknown: usize,
}

/// What stacks cost.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The region of stacks that are bound to none.
    pub region: String,
    /// Costs, in the order of the stacks and their resources.
    pub lines: Vec<Line>,
    /// Assumptions of the whole estimate.
    pub assumptions: Vec<String>,
    /// Stated usage that is ignored, and why.
    pub warnings: Vec<String>,
}

impl Estimate {
    /// The costs a month together.
    pub fn monthly(&self) -> Total {
        self.total(|line| line.per == Per::Month)
    }

    /// The costs a month of one stack.
    pub fn monthly_of(&self, stack: &str) -> Total {
        self.total(|line| line.per == Per::Month && line.stack == stack)
    }

    /// The most that one run of the most expensive job costs.
    pub fn most_expensive_run(&self) -> Option<Money> {
        self.lines.iter().filter(|line| line.per == Per::Run).filter_map(|line| line.ceiling).max()
    }

    /// The most that one run of the most expensive job of one stack costs.
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

/// What a template costs in a region. See [`of_assembly`] for the rest.
pub fn cost(template: &Template, region: &str) -> Estimate {
    of_template(template, "", region, &Options::default())
}

/// What the stacks of an assembly cost.
pub fn of_assembly(assembly: &Assembly, options: &Options) -> Estimate {
    let mut lines = Vec::new();
    for stack in &assembly.stacks {
        let region = stack.environment.region.as_deref().unwrap_or(&options.region);
        lines.extend(resources::lines(&stack.template, &stack.id, region, options));
    }
    let warnings = usage::problems(&options.usage, assembly);
    Estimate { warnings, ..estimate(options.region.clone(), lines, options) }
}

/// What one template costs, under the name of a stack.
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
