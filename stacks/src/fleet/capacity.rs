//! The capacity that a fleet uses: on demand, reservations, a capacity block or spot. A fleet has one kind of
//! capacity.

use stackwright_resources::autoscaling::auto_scaling_group::{
    CapacityReservationPreference, CapacityReservationSpecification, CapacityReservationTarget,
    InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides, LaunchTemplateSpecification,
    MixedInstancesPolicy,
};
use stackwright_synth::{IntoValue, Value};

/// The kind of capacity that a fleet uses.
#[derive(Clone, Debug)]
pub(super) enum Capacity {
    OnDemand,
    Reserved(Reservations),
    Block(Value<String>),
    Mixed(SpotMix),
}

/// The On-Demand Capacity Reservations into which a fleet launches its instances: reservations by their IDs, or all
/// reservations of resource groups. The constructor determines what happens when they are full: launches fail (`only`), or use
/// capacity outside of the reservations (`first`).
///
/// ```
/// use stackwright_stacks::fleet::Reservations;
///
/// Reservations::only(["cr-0123456789abcdef0"]);
/// Reservations::of_group_first(["arn:aws:resource-groups:us-east-1:123456789012:group/gpus"]);
/// Reservations::first(["cr-0123456789abcdef0"]);
/// Reservations::of_group_only(["arn:aws:resource-groups:us-east-1:123456789012:group/gpus"]);
/// ```
#[derive(Clone, Debug)]
pub struct Reservations {
    target: Target,
    fall_back: bool,
}

#[derive(Clone, Debug)]
enum Target {
    Ids(Vec<Value<String>>),
    Groups(Vec<Value<String>>),
}

impl Reservations {
    /// Launches into these capacity reservations only, by their IDs, such as `cr-0123456789abcdef0`. When they are full,
    /// launches fail.
    #[track_caller]
    pub fn only<I: IntoValue<String>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self { target: Target::Ids(all(ids)), fall_back: false }
    }

    /// Launches into these capacity reservations first, by their IDs, such as `cr-0123456789abcdef0`, and outside of them when
    /// they are full.
    #[track_caller]
    pub fn first<I: IntoValue<String>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self { target: Target::Ids(all(ids)), fall_back: true }
    }

    /// Launches into the reservations of these resource groups only, by the ARNs of the groups. When they are full, launches
    /// fail.
    #[track_caller]
    pub fn of_group_only<I: IntoValue<String>>(arns: impl IntoIterator<Item = I>) -> Self {
        Self { target: Target::Groups(all(arns)), fall_back: false }
    }

    /// Launches into the reservations of these resource groups first, by the ARNs of the groups, and outside of them when they
    /// are full.
    #[track_caller]
    pub fn of_group_first<I: IntoValue<String>>(arns: impl IntoIterator<Item = I>) -> Self {
        Self { target: Target::Groups(all(arns)), fall_back: true }
    }

    pub(super) fn specification(&self) -> CapacityReservationSpecification {
        let target = match &self.target {
            Target::Ids(ids) => CapacityReservationTarget::new().capacity_reservation_ids(ids.clone()),
            Target::Groups(arns) => {
                CapacityReservationTarget::new().capacity_reservation_resource_group_arns(arns.clone())
            }
        };
        CapacityReservationSpecification::new(if self.fall_back {
            CapacityReservationPreference::CapacityReservationsFirst
        } else {
            CapacityReservationPreference::CapacityReservationsOnly
        })
        .capacity_reservation_target(target)
    }
}

#[track_caller]
fn all<I: IntoValue<String>>(values: impl IntoIterator<Item = I>) -> Vec<Value<String>> {
    let mut located = Vec::new();
    for value in values {
        located.push(value.into().with_caller_location());
    }
    located
}

/// The strategy by which EC2 Auto Scaling chooses spot pools (`SpotAllocationStrategy`). A pool is the unused capacity of one
/// instance type in one Availability Zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpotAllocation {
    /// The cheapest pools among those with the most spare capacity. AWS recommends this strategy.
    PriceCapacityOptimized,
    /// Pools with the most spare capacity.
    CapacityOptimized,
    /// Pools with the most spare capacity; if several are equal, the first instance type of the [`SpotMix`].
    CapacityOptimizedPrioritized,
    /// The cheapest pools, which are interrupted most often.
    LowestPrice,
}

impl SpotAllocation {
    fn name(self) -> &'static str {
        match self {
            Self::PriceCapacityOptimized => "price-capacity-optimized",
            Self::CapacityOptimized => "capacity-optimized",
            Self::CapacityOptimizedPrioritized => "capacity-optimized-prioritized",
            Self::LowestPrice => "lowest-price",
        }
    }
}

/// A mix of instance types and of on-demand and spot instances, for [`GpuFleet::mixed`](super::GpuFleet::mixed)
/// (`MixedInstancesPolicy`).
///
/// ```
/// use stackwright_stacks::fleet::SpotMix;
///
/// // Two instances on demand, and of what is above that 80 % spot.
/// SpotMix::of(["g5.12xlarge", "g6.12xlarge"]).on_demand_base(2).spot_percent(80);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SpotMix {
    types: Vec<String>,
    base: Value<i64>,
    on_demand_percent: Value<i64>,
    allocation: SpotAllocation,
    max_price: Option<Value<String>>,
    prioritized: bool,
}

impl SpotMix {
    /// Creates a mix of these instance types, such as `g5.12xlarge`, of which all instances are spot instances. The order of
    /// the types is their priority for on-demand instances and for [`SpotAllocation::CapacityOptimizedPrioritized`].
    pub fn of(types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            types: types.into_iter().map(Into::into).collect(),
            base: 0.into(),
            on_demand_percent: 0.into(),
            allocation: SpotAllocation::PriceCapacityOptimized,
            max_price: None,
            prioritized: true,
        }
    }

    /// Sets the number of instances that are on-demand instances before any spot instance is started
    /// (`OnDemandBaseCapacity`). The default is 0.
    #[track_caller]
    pub fn on_demand_base(mut self, instances: impl IntoValue<i64>) -> Self {
        self.base = instances.into().with_caller_location();
        self
    }

    /// Sets the share of spot instances among those above the on-demand base, 0 to 100 percent (100 minus
    /// `OnDemandPercentageAboveBaseCapacity`). The default is 100, which also replaces a larger number.
    #[track_caller]
    pub fn spot_percent(mut self, share: u8) -> Self {
        self.on_demand_percent = Value::from(100 - i64::from(share.min(100))).with_caller_location();
        self
    }

    /// Sets the strategy by which spot pools are chosen. The default is [`SpotAllocation::PriceCapacityOptimized`].
    pub fn allocation(mut self, strategy: SpotAllocation) -> Self {
        self.allocation = strategy;
        self
    }

    /// Sets the maximum price of a spot instance in USD per hour, as a string such as `"1.50"` (`SpotMaxPrice`). The default is
    /// the on-demand price. A limit makes interruptions more frequent.
    #[track_caller]
    pub fn max_price(mut self, usd_per_hour: impl IntoValue<String>) -> Self {
        self.max_price = Some(usd_per_hour.into().with_caller_location());
        self
    }

    /// Uses the cheapest instance type for on-demand instances (`lowest-price`). By default, they have the first type of the
    /// list for which there is capacity (`prioritized`).
    pub fn cheapest_on_demand(mut self) -> Self {
        self.prioritized = false;
        self
    }

    pub(super) fn types(&self) -> &[String] {
        &self.types
    }

    pub(super) fn policy(&self, template: LaunchTemplateSpecification) -> MixedInstancesPolicy {
        let overrides: Vec<_> = self
            .types
            .iter()
            .map(|name| LaunchTemplateOverrides::new().instance_type(name.as_str()))
            .collect();
        let mut distribution = InstancesDistribution::new()
            .on_demand_allocation_strategy(if self.prioritized { "prioritized" } else { "lowest-price" })
            .on_demand_base_capacity(&self.base)
            .on_demand_percentage_above_base_capacity(&self.on_demand_percent)
            .spot_allocation_strategy(self.allocation.name());
        if let Some(price) = &self.max_price {
            distribution = distribution.spot_max_price(price);
        }
        MixedInstancesPolicy::new(LaunchTemplate::new(template).overrides(overrides))
            .instances_distribution(distribution)
    }
}
