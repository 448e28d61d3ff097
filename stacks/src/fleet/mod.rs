//! Fleets of GPU instances on EC2.
//!
//! [`GpuFleet`] is an Auto Scaling group with a launch template, [`TrainingFleet`] a queue of AWS Batch. The
//! constructor determines the kind of capacity of a fleet, so that settings that this kind does not support have no
//! setters.

mod ami;
mod budget;
mod budget_action;
mod capacity;
mod check;
mod group;
mod instance;
mod interfaces;
mod role;
mod scaling;
mod settings;
mod template;
mod training;
mod user_data;

use std::marker::PhantomData;

use stackwright_synth::{CallerLocation, IntoValue};

use crate::network::NetworkHandle;

pub use ami::{Ami, Os};
pub use budget::MonthlyBudget;
pub use budget_action::{LaunchBan, LaunchBanHandle};
pub use capacity::{Reservations, SpotAllocation, SpotMix};
pub use group::GpuFleetHandle;
pub use scaling::{InstanceRefresh, LifecycleHook, ScheduledSize};
pub use training::{TrainingFleet, TrainingFleetHandle};
pub use user_data::UserData;

use capacity::Capacity;
use scaling::Prepared;
use settings::Settings;

/// The marker of a [`GpuFleet`] of on-demand instances.
#[derive(Clone, Copy, Debug)]
pub struct OnDemand;

/// The marker of a [`GpuFleet`] in On-Demand Capacity Reservations.
#[derive(Clone, Copy, Debug)]
pub struct Reserved;

/// The marker of a [`GpuFleet`] in a Capacity Block for ML.
#[derive(Clone, Copy, Debug)]
pub struct CapacityBlock;

/// The markers of fleets whose capacity is reserved in one Availability Zone: [`Reserved`] and [`CapacityBlock`].
pub trait ReservedCapacity {}

impl ReservedCapacity for Reserved {}
impl ReservedCapacity for CapacityBlock {}

/// The marker of a [`GpuFleet`] of several instance types, on-demand and spot.
#[derive(Clone, Copy, Debug)]
pub struct Mixed;

/// A fleet of EC2 instances with GPUs in an Auto Scaling group. The type parameter `C` is the kind of capacity:
/// [`OnDemand`], [`Reserved`], [`CapacityBlock`] or [`Mixed`].
///
/// Instances have an encrypted root volume of 200 GB, IMDSv2 (the instance metadata service with session tokens), no public
/// address, and a role that allows Session Manager and nothing else. The number of instances is 0 to 1 unless
/// [`instances`](Self::instances) is called, and starts at the minimum. A deployment does not change the size that schedules
/// or scaling policies have set.
///
/// It becomes `AWS::AutoScaling::AutoScalingGroup`, `AWS::EC2::LaunchTemplate`, `AWS::IAM::Role` and
/// `AWS::IAM::InstanceProfile`.
///
/// ```
/// use stackwright_stacks::fleet::{Ami, GpuFleet, Os, Reservations, SpotMix};
/// use stackwright_stacks::network::{InterfaceEndpoint, Network};
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Fleet").region("us-east-1");
/// let network = stack
///     .add("Network", Network::isolated("10.0.0.0/16", 1).zone_ids(["use1-az4"]).efa().endpoints(InterfaceEndpoint::FLEET));
/// stack.add(
///     "Trainers",
///     GpuFleet::capacity_block(
///         &network,
///         "p5.48xlarge",
///         Ami::deep_learning_base(Os::Ubuntu2204),
///         "cr-0123456789abcdef0",
///     )
///     .instances(0..=4)
///     .efa(),
/// );
/// let image = || Ami::deep_learning_base(Os::Ubuntu2204);
/// stack.add("Reserved", GpuFleet::reserved(&network, "p4d.24xlarge", image(), Reservations::only(["cr-0123456789abcdef0"])));
/// stack.add("Mixed", GpuFleet::mixed(&network, SpotMix::of(["g5.2xlarge", "g6.2xlarge"]), image()));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct GpuFleet<C = OnDemand> {
    network: NetworkHandle,
    instance_type: String,
    ami: Ami,
    capacity: Capacity,
    settings: Settings,
    location: CallerLocation,
    way: PhantomData<C>,
}

impl<C> GpuFleet<C> {
    #[track_caller]
    fn of(network: &NetworkHandle, instance_type: &str, ami: Ami, capacity: Capacity) -> Self {
        Self {
            network: network.clone(),
            instance_type: instance_type.to_owned(),
            ami,
            capacity,
            settings: Settings::default(),
            location: std::panic::Location::caller(),
            way: PhantomData,
        }
    }
}

impl GpuFleet {
    /// Creates a fleet of on-demand instances of one type, such as `g5.12xlarge`, in the subnets of a network, with an AMI.
    #[track_caller]
    pub fn new(network: &NetworkHandle, instance_type: &str, ami: Ami) -> Self {
        Self::of(network, instance_type, ami, Capacity::OnDemand)
    }
}

impl GpuFleet<Reserved> {
    /// Creates a fleet of instances of one type, such as `p4d.24xlarge`, in On-Demand Capacity Reservations, with an AMI.
    #[track_caller]
    pub fn reserved(
        network: &NetworkHandle,
        instance_type: &str,
        ami: Ami,
        reservations: Reservations,
    ) -> Self {
        Self::of(network, instance_type, ami, Capacity::Reserved(reservations))
    }
}

impl GpuFleet<CapacityBlock> {
    /// Creates a fleet of instances of one type, such as `p5.48xlarge`, in a Capacity Block for ML, by the ID of its
    /// reservation, such as `cr-0123456789abcdef0`, with an AMI. EC2 starts to terminate the instances 30 minutes before the
    /// block ends. An instance type that EC2 does not offer in capacity blocks is an error.
    #[track_caller]
    pub fn capacity_block(
        network: &NetworkHandle,
        instance_type: &str,
        ami: Ami,
        reservation_id: impl IntoValue<String>,
    ) -> Self {
        let id = reservation_id.into().with_caller_location();
        Self::of(network, instance_type, ami, Capacity::Block(id))
    }
}

impl GpuFleet<Mixed> {
    /// Creates a fleet of several instance types, on-demand and spot, with an AMI. A replacement is started when EC2 warns of
    /// an interruption.
    #[track_caller]
    pub fn mixed(network: &NetworkHandle, mix: SpotMix, ami: Ami) -> Self {
        let first = mix.types().first().cloned().unwrap_or_default();
        Self::of(network, &first, ami, Capacity::Mixed(mix))
    }
}

impl GpuFleet<OnDemand> {
    /// Adds a warm pool with this number of stopped instances, so that the fleet grows faster (`AWS::AutoScaling::WarmPool`).
    /// For a stopped instance, AWS charges for its volumes only. By default, there is none. Fleets with spot instances,
    /// reservations or capacity blocks cannot have one.
    #[track_caller]
    pub fn warm_pool(mut self, instances: impl IntoValue<i64>) -> Self {
        self.settings.prepared = Some(Prepared { minimum: instances.into().with_caller_location() });
        self
    }
}

impl<C: ReservedCapacity> GpuFleet<C> {
    /// States the Availability Zone of the reserved capacity by its ID, such as `use1-az4`. If the subnets of the network are
    /// known to be in other zones, it is an error. The setting adds nothing to the template.
    pub fn capacity_zone_id(mut self, id: impl Into<String>) -> Self {
        self.settings.zone_id = Some(id.into());
        self
    }
}
