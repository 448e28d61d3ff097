//! Prices with their region, date and source, from the shipped table and from bulk price lists.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use stackwright_schemas::prices::{self as table, PriceComponent};

use super::money::Money;

/// The purpose of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Use {
    /// Real-time endpoints.
    Hosting,
    /// Asynchronous endpoints.
    Asynchronous,
    /// Training jobs.
    Training,
    /// Instances of training jobs that wait for the next job.
    WarmPool,
    /// Processing jobs.
    Processing,
    /// Batch transform jobs.
    Transform,
    /// Inference optimization jobs.
    Optimization,
    /// HyperPod clusters.
    Cluster,
    /// Notebook instances.
    Notebook,
    /// Studio applications.
    Studio,
    /// EC2 instances on demand.
    Ec2,
}

impl Use {
    /// Every use with the name that saved prices have.
    const NAMES: [(Self, &'static str); 11] = [
        (Self::Hosting, "hosting"),
        (Self::Asynchronous, "asynchronous"),
        (Self::Training, "training"),
        (Self::WarmPool, "warm_pool"),
        (Self::Processing, "processing"),
        (Self::Transform, "transform"),
        (Self::Optimization, "optimization"),
        (Self::Cluster, "cluster"),
        (Self::Notebook, "notebook"),
        (Self::Studio, "studio"),
        (Self::Ec2, "ec2"),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, known)| *known == name).map(|(usage, _)| usage)
    }

    fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(usage, _)| *usage == self).map_or("", |(_, name)| name)
    }

    /// Returns the component of the built-in price table that has the published prices of this use, such as `sagemaker-hosting`.
    pub fn component(self) -> PriceComponent {
        match self {
            Self::Hosting => PriceComponent::Hosting,
            Self::Asynchronous => PriceComponent::Asynchronous,
            Self::Training | Self::WarmPool => PriceComponent::Training,
            Self::Processing => PriceComponent::Processing,
            Self::Transform => PriceComponent::Transform,
            Self::Optimization => PriceComponent::Optimization,
            Self::Cluster => PriceComponent::HyperpodCluster,
            Self::Notebook => PriceComponent::Notebook,
            Self::Studio => PriceComponent::Studio,
            Self::Ec2 => PriceComponent::Ec2OnDemand,
        }
    }

    /// Returns the components of the table that contain the price, in the order of preference.
    fn components(self) -> Vec<PriceComponent> {
        use PriceComponent::{Hosting, HostingOrAsynchronous};
        let others: &[PriceComponent] = match self {
            Self::Hosting => &[HostingOrAsynchronous],
            Self::Asynchronous => &[HostingOrAsynchronous, Hosting],
            _ => &[],
        };
        std::iter::once(self.component()).chain(others.iter().copied()).collect()
    }

    /// Returns the components from which the price is derived if the table does not contain it.
    fn derived_from(self) -> &'static [PriceComponent] {
        use PriceComponent::{Estimate, Hosting, HostingOrAsynchronous, Processing, Studio, Training};
        match self {
            Self::Hosting | Self::Asynchronous => &[Training, Processing, Studio, Estimate],
            Self::Training | Self::WarmPool => {
                &[Studio, Hosting, HostingOrAsynchronous, Processing, Estimate]
            }
            Self::Processing => &[Training, Hosting, HostingOrAsynchronous, Studio, Estimate],
            Self::Transform => &[Processing, Training, Hosting, HostingOrAsynchronous, Estimate],
            Self::Cluster => &[Training, Hosting, Studio, Estimate],
            Self::Notebook => &[Studio, Training, Processing, Hosting, Estimate],
            Self::Studio => &[Training, Processing, Hosting, Estimate],
            // AWS charges for optimization jobs by instance hour, but no known list contains the prices.
            Self::Optimization | Self::Ec2 => &[],
        }
    }
}

/// A price with its region, date and source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Price {
    /// The price of one unit in US dollars.
    pub usd: Money,
    /// The item that has the price.
    pub item: String,
    /// The region of the price.
    pub region: String,
    /// The date on which the price was read.
    pub date: String,
    /// The source from which the price was read.
    pub source: String,
    /// Restrictions of the price, which reports show: it is derived, superseded, or of another region.
    pub marks: Vec<String>,
}

/// The price of an hour of an instance type for a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstancePrice<'a> {
    /// The purpose of the instance.
    pub usage: Use,
    /// The instance type.
    pub instance_type: &'a str,
    /// The price of an hour.
    pub price: &'a Price,
}

/// The price of a unit of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnitPrice<'a> {
    /// The item, such as `NAT gateway`.
    pub item: &'a str,
    /// The price of a unit.
    pub price: &'a Price,
}

impl fmt::Display for Price {
    /// Writes the item, the price, the region, the date, the source and the doubts.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { usd, item, region, date, source, marks } = self;
        write!(formatter, "{item}: ${}, {region}, {date}, {source}", usd.exact())?;
        if marks.is_empty() { Ok(()) } else { write!(formatter, " [{}]", marks.join("; ")) }
    }
}

/// A collection of prices: the built-in table, and prices from bulk price lists, which take precedence.
///
/// ```
/// use stackwright_estimate::cost::PriceBook;
///
/// let prices = PriceBook::shipped();
/// # let _ = prices;
/// ```
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    /// Prices from bulk price lists: by use, instance type and region.
    instances: HashMap<(Use, String, String), Price>,
    /// Prices of units from bulk price lists: by item and region.
    units: HashMap<(String, String), Price>,
}

/// The header of saved prices.
pub(super) const SAVED_COLUMNS: [&str; 6] = ["stackwright_use", "item", "region", "usd", "date", "source"];

/// The region whose price is shown, with a mark, where a region has none.
const OTHERWISE: [&str; 2] = ["us-east-1", "us-west-2"];

impl PriceBook {
    /// Returns the built-in table of prices, without prices from bulk price lists.
    pub fn shipped() -> Self {
        Self::default()
    }

    /// Adds the hourly price of an instance type in a region, which takes precedence over the built-in table.
    pub fn insert_instance(&mut self, usage: Use, instance_type: &str, region: &str, price: Price) {
        self.instances.insert((usage, instance_type.to_owned(), region.to_owned()), price);
    }

    /// Adds the price of a unit, such as `NAT gateway`, in a region, which takes precedence over the built-in table.
    pub fn insert_unit(&mut self, item: &str, region: &str, price: Price) {
        self.units.insert((item.to_owned(), region.to_owned()), price);
    }

    /// Returns the added prices of instances, sorted by purpose, instance type and region.
    pub fn instances(&self) -> Vec<InstancePrice<'_>> {
        let all = self.instances.iter();
        let all =
            all.map(|((usage, name, _), price)| InstancePrice { usage: *usage, instance_type: name, price });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|one| (one.usage.name(), one.instance_type, &one.price.region));
        all
    }

    /// Returns the added prices of units, sorted by item and region.
    pub fn units(&self) -> Vec<UnitPrice<'_>> {
        let all = self.units.iter().map(|((item, _), price)| UnitPrice { item, price });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|one| (one.item, &one.price.region));
        all
    }

    /// Returns the added prices as CSV, which [`read_offer`](super::read_offer) can read: a small extract of a large
    /// price list.
    pub fn to_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |row: [&str; 6]| writer.write_record(row).is_ok();
        write(SAVED_COLUMNS);
        for InstancePrice { usage, instance_type, price } in self.instances() {
            write([
                usage.name(),
                instance_type,
                &price.region,
                &price.usd.exact(),
                &price.date,
                &price.source,
            ]);
        }
        for UnitPrice { item, price } in self.units() {
            write(["unit", item, &price.region, &price.usd.exact(), &price.date, &price.source]);
        }
        writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Returns the number of added prices.
    pub fn len(&self) -> usize {
        self.instances.len() + self.units.len()
    }

    /// Returns whether no prices were added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the price of an hour of an instance; `None` if it is not known.
    pub fn instance(&self, usage: Use, instance_type: &str, region: &str) -> Option<Price> {
        let given = |region: &str| self.instances.get(&(usage, instance_type.to_owned(), region.to_owned()));
        given(region).cloned().or_else(|| shipped_instance(usage, instance_type, region))
    }

    /// Returns the price of a unit such as `NAT gateway`; `None` if it is not known.
    pub fn unit(&self, item: &str, region: &str) -> Option<Price> {
        self.units.get(&(item.to_owned(), region.to_owned())).cloned().or_else(|| shipped_unit(item, region))
    }
}

fn is_of(row: &str, region: &str) -> bool {
    row.split_whitespace().next() == Some(region)
}

/// Returns the marks of a row: its note, and the region if it is another.
fn marks(note: &str, row_region: &str, region: &str) -> Vec<String> {
    let mut marks: Vec<String> = Vec::from_iter((!note.is_empty()).then(|| note.to_owned()));
    if row_region.contains("assumed") {
        marks.push("the source does not name the region".to_owned());
    }
    if !is_of(row_region, region) {
        marks.push(format!("price of {}, because none is known for {region}", first(row_region)));
    }
    marks
}

fn first(region: &str) -> &str {
    region.split_whitespace().next().unwrap_or(region)
}

/// Returns the latest row of a component in a region.
fn row(
    instance_type: &str,
    component: PriceComponent,
    region: &str,
    superseded: bool,
) -> Option<&'static table::Price> {
    let rows = table::prices(instance_type).filter(|price| price.component == component);
    rows.filter(|price| is_of(&price.region, region) && price.note.contains("superseded") == superseded)
        .max_by(|a, b| dated(&a.date).cmp(dated(&b.date)))
}

/// Returns the date of a row in a form that can be compared: an upper bound (`<=2025-04`) counts as its date.
fn dated(date: &str) -> &str {
    date.trim_start_matches(['<', '='])
}

fn shipped_instance(usage: Use, instance_type: &str, region: &str) -> Option<Price> {
    let (direct, derived) = (&*usage.components(), usage.derived_from());
    let regions: Vec<&str> =
        std::iter::once(region).chain(OTHERWISE.into_iter().filter(|one| *one != region)).collect();
    // The latest of the equally suitable components, in the requested region if there is one.
    let find = |components: &[PriceComponent], superseded: bool| {
        regions.iter().find_map(|region| {
            let each = components.iter().rev();
            let rows = each.filter_map(|component| row(instance_type, *component, region, superseded));
            rows.max_by(|a, b| dated(&a.date).cmp(dated(&b.date)))
        })
    };
    let found =
        find(direct, false).map(|row| (row, true)).or_else(|| find(derived, false).map(|row| (row, false)));
    let (row, is_direct) = found.or_else(|| find(direct, true).map(|row| (row, true)))?;
    let mut marks = marks(&row.note, &row.region, region);
    if !is_direct {
        marks.push(format!("derived: the price of the component {}", row.component.as_str()));
    }
    Some(Price {
        usd: Money::parse(&row.usd_per_hour)?,
        item: format!("{instance_type} an hour"),
        region: first(&row.region).to_owned(),
        date: row.date.clone(),
        source: row.source.clone(),
        marks,
    })
}

fn shipped_unit(item: &str, region: &str) -> Option<Price> {
    let regions = std::iter::once(region).chain(OTHERWISE.into_iter().filter(|one| *one != region));
    let any = || table::unit_prices(item).next();
    let row = regions
        .into_iter()
        .find_map(|region| table::unit_prices(item).find(|price| is_of(&price.region, region)))
        .or_else(any)?;
    Some(Price {
        usd: Money::parse(&row.usd)?,
        item: format!("{} ({})", row.item, row.unit.replace('_', " ")),
        region: first(&row.region).to_owned(),
        date: row.date.clone(),
        source: row.source.clone(),
        marks: marks(&row.note, &row.region, region),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_published_price_is_taken_and_marked() {
        let book = PriceBook::shipped();
        let price = |usage, name, region| book.instance(usage, name, region).unwrap();
        let g5 = price(Use::Hosting, "ml.g5.2xlarge", "us-east-1");
        assert_eq!((g5.usd.exact(), g5.region.as_str()), ("1.515".to_owned(), "us-east-1"));
        assert!(!g5.marks.iter().any(|mark| mark.contains("derived: the price")));
        // The rows of hosting before the price cut of June 2025 are not used.
        let p4d = price(Use::Hosting, "ml.p4d.24xlarge", "us-east-1");
        assert!(p4d.usd < Money::parse("30").unwrap(), "{p4d:?}");
        let estimate = price(Use::Training, "ml.p5en.48xlarge", "us-east-1");
        assert!(estimate.marks.iter().any(|mark| mark.contains("NOT a published price")), "{estimate:?}");
        let far = price(Use::Training, "ml.g5.2xlarge", "eu-north-1");
        assert!(far.marks.iter().any(|mark| mark.contains("none is known for eu-north-1")), "{far:?}");
        assert_eq!(book.instance(Use::Hosting, "ml.nothing.large", "us-east-1"), None);
        assert_eq!(book.unit("NAT gateway", "us-east-1").unwrap().usd.exact(), "0.045");
    }
}
