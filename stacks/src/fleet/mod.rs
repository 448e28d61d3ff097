//! Fleets of GPU instances on EC2.
//!
//! [`GpuFleet`] is an Auto Scaling group with a launch template, [`TrainingFleet`] a queue of AWS Batch. The constructor sets
//! the kind of capacity, so that what one way excludes has no setter.

mod ami;
mod budget;
mod capacity;
mod interfaces;
mod role;
mod scaling;
mod training;
mod user_data;

use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::time::Duration;

use stackwright_resources::autoscaling::auto_scaling_group::{LaunchTemplateSpecification, TagProperty};
use stackwright_resources::autoscaling::{AutoScalingGroup, AutoScalingGroupHandle};
use stackwright_resources::ec2::launch_template::{
    BlockDeviceMapping, CapacityReservationSpecification, CapacityReservationTarget, Ebs, HttpEndpoint,
    HttpTokens, IamInstanceProfile, InstanceMarketOptions, InstanceMetadataTags, LaunchTemplateData,
    MarketType, MetadataOptions, NetworkInterface, Placement, ResourceType, TagSpecification, VolumeType,
};
use stackwright_resources::ec2::placement_group::Strategy;
use stackwright_resources::ec2::{LaunchTemplate, LaunchTemplateHandle, PlacementGroup};
use stackwright_resources::iam::InstanceProfile;
use stackwright_schemas::ec2_network::network_facts;
use stackwright_synth::{CallerLocation, Construct, IntoValue, ResourceOptions, Scope, UpdatePolicy, Value};

use crate::cluster::role::trusted_by;
use crate::defaults;
use crate::duration::Seconds;
use crate::iam::{BuiltRole, RoleNeeded, RoleOptions, RoleSettings};
use crate::key::EncryptionKey;
use crate::network::NetworkHandle;

pub use ami::{Ami, Os};
pub use budget::MonthlyBudget;
pub use capacity::{Reservations, SpotAllocation, SpotMix};
pub use scaling::{InstanceRefresh, LifecycleHook, ScheduledSize};
pub use training::{TrainingFleet, TrainingFleetHandle};
pub use user_data::UserData;

use capacity::Capacity;
use scaling::{GpuTracking, IdleSwitchOff, Prepared};

/// The marker of a fleet on demand.
#[derive(Clone, Copy, Debug)]
pub struct OnDemand;

/// The marker of a fleet in capacity reservations.
#[derive(Clone, Copy, Debug)]
pub struct Reserved;

/// The marker of a fleet in a capacity block.
#[derive(Clone, Copy, Debug)]
pub struct CapacityBlock;

/// The marker of a fleet of several types, on demand and spot.
#[derive(Clone, Copy, Debug)]
pub struct Mixed;

/// Instances with GPUs in an Auto Scaling group.
///
/// Instances have encrypted volumes, IMDSv2, no public address, and a role that allows Session Manager and nothing else. The
/// number of instances starts at the minimum.
///
/// It becomes `AWS::AutoScaling::AutoScalingGroup`, `AWS::EC2::LaunchTemplate`, `AWS::IAM::Role` and
/// `AWS::IAM::InstanceProfile`.
///
/// ```
/// use stackwright_stacks::fleet::{Ami, GpuFleet, Os};
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
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct GpuFleet<C = OnDemand> {
    network: NetworkHandle,
    instance_type: String,
    ami: Ami,
    capacity: Capacity,
    settings: Settings,
    location: CallerLocation,
    way: PhantomData<C>,
}

#[derive(Clone, Debug)]
struct Settings {
    minimum: Value<i64>,
    maximum: Value<i64>,
    efa: bool,
    placement: Option<Strategy>,
    root_gb: Value<i64>,
    key: Option<EncryptionKey>,
    user_data: UserData,
    local_disks: bool,
    agent: bool,
    schedule: Vec<ScheduledSize>,
    hooks: Vec<LifecycleHook>,
    refresh: Option<InstanceRefresh>,
    lifetime: Option<Value<i64>>,
    warm_up: Option<Value<i64>>,
    prepared: Option<Prepared>,
    tracking: Option<GpuTracking>,
    idle: Option<IdleSwitchOff>,
    role: RoleSettings,
    profile: Option<Value<String>>,
    protected: bool,
    tags: Vec<(String, Value<String>)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            minimum: 0.into(),
            maximum: 1.into(),
            efa: false,
            placement: None,
            root_gb: 200.into(),
            key: None,
            user_data: UserData::new(),
            local_disks: false,
            agent: false,
            schedule: Vec::new(),
            hooks: Vec::new(),
            refresh: None,
            lifetime: None,
            warm_up: None,
            prepared: None,
            tracking: None,
            idle: None,
            role: RoleSettings::default(),
            profile: None,
            protected: false,
            tags: Vec::new(),
        }
    }
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
    /// Creates a fleet of one instance type, such as `g5.12xlarge`, on demand.
    #[track_caller]
    pub fn new(network: &NetworkHandle, instance_type: &str, ami: Ami) -> Self {
        Self::of(network, instance_type, ami, Capacity::OnDemand)
    }
}

impl GpuFleet<Reserved> {
    /// Creates a fleet of one instance type in on-demand capacity reservations.
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
    /// Creates a fleet of one instance type in a capacity block, by the ID of its reservation. EC2 terminates the instances
    /// from 30 minutes before the block ends.
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
    /// Creates a fleet of several instance types, on demand and spot.
    #[track_caller]
    pub fn mixed(network: &NetworkHandle, mix: SpotMix, ami: Ami) -> Self {
        let first = mix.types().first().cloned().unwrap_or_default();
        Self::of(network, &first, ami, Capacity::Mixed(mix))
    }
}

impl GpuFleet<OnDemand> {
    /// Sets the number of stopped instances in the warm pool, so that the fleet grows faster. A stopped instance costs its
    /// volumes only. Fleets with spot instances, reservations or capacity blocks have no warm pool.
    #[track_caller]
    pub fn warm_pool(mut self, instances: impl IntoValue<i64>) -> Self {
        self.settings.prepared = Some(Prepared { minimum: instances.into().with_caller_location() });
        self
    }
}

impl<C> GpuFleet<C> {
    /// Sets the smallest and the largest number of instances; `0..=1` unless set.
    #[track_caller]
    pub fn instances(mut self, bounds: RangeInclusive<u32>) -> Self {
        self.settings.minimum = Value::from(i64::from(*bounds.start())).with_caller_location();
        self.settings.maximum = Value::from(i64::from(*bounds.end())).with_caller_location();
        self
    }

    /// Gives the instances an EFA interface on each network card that takes one. The network has to have one subnet (EFA does
    /// not cross zones) and a security group that allows all traffic from itself (see
    /// [`Network::efa`](crate::network::Network::efa)).
    pub fn efa(mut self) -> Self {
        self.settings.efa = true;
        self
    }

    /// Puts the instances close together in one zone, for the lowest latency. Large instances are harder to get like this.
    pub fn cluster_placement(mut self) -> Self {
        self.settings.placement = Some(Strategy::Cluster);
        self
    }

    /// Sets the size of the root volume in GB; 200 unless set.
    #[track_caller]
    pub fn root_volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.settings.root_gb = size.into().with_caller_location();
        self
    }

    /// Encrypts the volumes with this key of AWS KMS, instead of the stack's default key or a key of AWS. The key has to let
    /// the service-linked role of EC2 Auto Scaling use it.
    #[track_caller]
    pub fn volume_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.settings.key = Some(key.into());
        self
    }

    /// Runs scripts and cloud-init documents when an instance starts for the first time. Several calls add up.
    #[track_caller]
    pub fn user_data(mut self, parts: impl Into<UserData>) -> Self {
        self.settings.user_data.extend(parts.into());
        self
    }

    /// Joins the local NVMe disks to one striped volume at `/local`. Its data is lost when an instance stops.
    pub fn stripe_local_disks(mut self) -> Self {
        self.settings.local_disks = true;
        self
    }

    /// Publishes the use of GPUs, memory and disks in the namespace `GpuFleet`, by the CloudWatch agent.
    pub fn gpu_metrics(mut self) -> Self {
        self.settings.agent = true;
        self
    }

    /// Sets other bounds at fixed times, such as none at night.
    pub fn schedule(mut self, size: ScheduledSize) -> Self {
        self.settings.schedule.push(size);
        self
    }

    /// Scales to no instances when no GPU was used more than `below_percent` for the given time. The metric comes from the
    /// CloudWatch agent, which is installed on the instances. Set a minimum of 0 instances, or the group starts them again.
    #[track_caller]
    pub fn switch_off_when_idle(mut self, below_percent: impl IntoValue<f64>, time: Duration) -> Self {
        self.settings.agent = true;
        let below = below_percent.into().with_caller_location();
        self.settings.idle = Some(IdleSwitchOff { below, time });
        self
    }

    /// Keeps the average use of GPUs near this share in percent. The metric comes from the CloudWatch agent, which is installed
    /// on the instances.
    #[track_caller]
    pub fn track_gpu_utilization(mut self, percent: impl IntoValue<f64>) -> Self {
        self.settings.agent = true;
        self.settings.tracking = Some(GpuTracking { percent: percent.into().with_caller_location() });
        self
    }

    /// Waits for a signal when instances are launched or terminated.
    pub fn lifecycle_hook(mut self, hook: LifecycleHook) -> Self {
        self.settings.hooks.push(hook);
        self
    }

    /// Replaces instances when their launch template has changed. Without it, only new instances have the new template.
    pub fn instance_refresh(mut self, refresh: InstanceRefresh) -> Self {
        self.settings.refresh = Some(refresh);
        self
    }

    /// Replaces instances that are older, 1 to 365 days.
    #[track_caller]
    pub fn maximum_lifetime(mut self, time: impl Into<Seconds>) -> Self {
        self.settings.lifetime = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets how long an instance needs until its metrics count.
    #[track_caller]
    pub fn instance_warm_up(mut self, time: impl Into<Seconds>) -> Self {
        self.settings.warm_up = Some(time.into().0.with_caller_location());
        self
    }

    /// Uses the instance profile with this ARN instead of creating one.
    #[track_caller]
    pub fn instance_profile(mut self, arn: impl IntoValue<String>) -> Self {
        self.settings.profile = Some(arn.into().with_caller_location());
        self
    }

    /// Protects instances from being terminated when the fleet scales in.
    pub fn protect_from_scale_in(mut self) -> Self {
        self.settings.protected = true;
        self
    }

    /// Adds a tag to the fleet and its instances.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.settings.tags.push((key.into(), value.into().with_caller_location()));
        self
    }

    /// Reports what the instance types and the network do not allow.
    fn check(&self, scope: &Scope<'_>) {
        let refuse = |name, message: String, help: &str| {
            scope.error(name, message, help.to_owned(), Some(self.location));
        };
        let types: &[String] = match &self.capacity {
            Capacity::Mixed(mix) => mix.types(),
            _ => std::slice::from_ref(&self.instance_type),
        };
        if types.is_empty() {
            refuse("fleet-types", "the fleet has no instance types".into(), "add at least one");
        }
        if matches!(self.capacity, Capacity::Block(_)) {
            let sold =
                network_facts(&self.instance_type).map(|facts| facts.has_usage_class("capacity-block"));
            if sold == Some(false) {
                let message = format!("{} is not offered in capacity blocks", self.instance_type);
                refuse(
                    "fleet-capacity-block",
                    message,
                    "use another instance type, or another kind of capacity",
                );
            }
        }
        let needs_one_zone = self.settings.efa || self.settings.placement.is_some();
        if needs_one_zone && self.network.subnets().len() > 1 {
            let what = if self.settings.efa { "EFA" } else { "a cluster placement group" };
            let message = format!(
                "{what} stays in one Availability Zone, and the network has {} subnets",
                self.network.subnets().len()
            );
            refuse("fleet-zones", message, "choose one with `network.in_subnet(0)`");
        }
        if !self.settings.efa {
            return;
        }
        let interfaces: Vec<Option<u32>> =
            types.iter().map(|name| network_facts(name).map(|facts| facts.efa_max_interfaces)).collect();
        for (name, count) in types.iter().zip(&interfaces) {
            if count.is_none_or(|count| count == 0) {
                let message = match count {
                    Some(_) => format!("{name} has no Elastic Fabric Adapter"),
                    None => format!("the number of EFA interfaces of {name} is not known"),
                };
                refuse("fleet-efa", message, "remove `.efa()`, or use another instance type");
            }
        }
        if interfaces.windows(2).any(|pair| pair[0] != pair[1]) {
            let message = "the instance types support different numbers of EFA interfaces, and a launch template has one list of interfaces";
            refuse("fleet-efa", message.into(), "use types with the same network cards");
        }
    }

    fn network_interfaces(&self) -> Vec<NetworkInterface> {
        let groups = self.network.security_group_ids();
        match network_facts(&self.instance_type).filter(|_| self.settings.efa) {
            Some(facts) => interfaces::efa(facts, &groups),
            None => interfaces::plain(&groups),
        }
    }

    fn volume(&self, scope: &Scope<'_>) -> BlockDeviceMapping {
        let mut volume = Ebs::new()
            .volume_size(&self.settings.root_gb)
            .volume_type(VolumeType::Gp3)
            .encrypted(true)
            .delete_on_termination(true);
        if let Some(key) = defaults::encryption_key(self.settings.key.clone(), scope) {
            volume = volume.kms_key_id(key.id());
        }
        BlockDeviceMapping::new().device_name(self.ami.root_device()).ebs(volume)
    }

    /// Everything that instances run, what the fleet itself needs first.
    fn user_data_parts(&self) -> UserData {
        let mut parts = UserData::new();
        if self.settings.local_disks {
            parts = parts.script(include_str!("scripts/local_disks.sh"));
        }
        if self.settings.agent {
            parts = parts.script(include_str!("scripts/cloudwatch_agent.sh"));
        }
        parts.extend(self.settings.user_data.clone());
        parts
    }

    /// Adds an instance profile with the role, and returns its ARN.
    fn profile(&self, scope: &mut Scope<'_>) -> Value<String> {
        let needed = RoleNeeded {
            id: "Role".into(),
            service: "ec2",
            policy: "Instance",
            statements: role::of_instances(self.settings.agent),
        };
        let BuiltRole { role, .. } =
            self.settings.role.clone().build_trusting(trusted_by("ec2"), needed, scope);
        let Some(handle) = role.handle() else {
            scope.error(
                "fleet-role",
                "an instance profile refers to its role by name, and this role is not defined in the app"
                    .into(),
                "set an existing instance profile with `.instance_profile(…)`".into(),
                Some(self.location),
            );
            return "".into();
        };
        scope.add("Profile", InstanceProfile::new([handle.reference()])).arn()
    }

    /// Adds the launch template.
    fn launch_template(&self, scope: &mut Scope<'_>) -> LaunchTemplateHandle {
        let profile = match &self.settings.profile {
            Some(arn) => arn.clone(),
            None => self.profile(scope),
        };
        let metadata = MetadataOptions::new()
            .http_endpoint(HttpEndpoint::Enabled)
            .http_tokens(HttpTokens::Required)
            // A container is one hop further away.
            .http_put_response_hop_limit(2)
            .instance_metadata_tags(InstanceMetadataTags::Disabled);
        let mut data = LaunchTemplateData::new()
            .image_id(self.ami.image())
            .instance_type(self.instance_type.as_str())
            .iam_instance_profile(IamInstanceProfile::new().arn(profile))
            .metadata_options(metadata)
            .block_device_mappings([self.volume(scope)])
            .network_interfaces(self.network_interfaces());
        let user_data = self.user_data_parts();
        if !user_data.is_empty() {
            data = data.user_data(user_data.rendered());
        }
        if let Some(strategy) = &self.settings.placement {
            let group = scope.add("Placement", PlacementGroup::new().strategy(strategy.clone()));
            data = data.placement(Placement::new().group_name(group.reference()));
        }
        if let Capacity::Block(id) = &self.capacity {
            data = data
                .instance_market_options(InstanceMarketOptions::new().market_type(MarketType::CapacityBlock))
                .capacity_reservation_specification(
                    CapacityReservationSpecification::new().capacity_reservation_target(
                        CapacityReservationTarget::new().capacity_reservation_id(id),
                    ),
                );
        }
        let tags: Vec<_> = self.tag_list(scope);
        let tags = |kind| TagSpecification::new().resource_type(kind).tags(tags.clone());
        data = data.tag_specifications([tags(ResourceType::Instance), tags(ResourceType::Volume)]);
        scope.add("Template", LaunchTemplate::new(data))
    }

    fn tag_list(&self, scope: &Scope<'_>) -> Vec<stackwright_resources::Tag> {
        let name = format!("{}/{}", scope.stack_name(), scope.id());
        let own = self.settings.tags.iter().map(|(key, value)| (key.clone(), value.clone()));
        [("Name".to_owned(), Value::from(name))]
            .into_iter()
            .chain(own)
            .map(|(key, value)| stackwright_resources::Tag::new(key, value))
            .collect()
    }
}

impl<C> RoleOptions for GpuFleet<C> {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

impl<C> Construct for GpuFleet<C> {
    type Handle = GpuFleetHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> GpuFleetHandle {
        self.check(scope);
        for error in &self.settings.user_data.errors {
            error.clone().report(scope);
        }
        let template = self.launch_template(scope);
        let specification = LaunchTemplateSpecification::new(template.latest_version_number())
            .launch_template_id(template.reference());
        let text = |value: &Value<i64>| -> Value<String> { as_text(value) };
        let mut group = AutoScalingGroup::new()
            .min_size(text(&self.settings.minimum))
            .max_size(text(&self.settings.maximum))
            .vpc_zone_identifier(self.network.subnet_ids())
            .health_check_type("EC2");
        group = match &self.capacity {
            Capacity::Mixed(mix) => group
                .mixed_instances_policy(mix.policy(specification))
                // A replacement is started when EC2 warns of an interruption.
                .capacity_rebalance(true),
            Capacity::Reserved(reservations) => group
                .launch_template(specification)
                .capacity_reservation_specification(reservations.specification()),
            Capacity::OnDemand | Capacity::Block(_) => group.launch_template(specification),
        };
        if let Some(time) = &self.settings.lifetime {
            group = group.max_instance_lifetime(time);
        }
        if let Some(time) = &self.settings.warm_up {
            group = group.default_instance_warmup(time);
        }
        if !self.settings.hooks.is_empty() {
            let hooks: Vec<_> = self.settings.hooks.iter().map(LifecycleHook::specification).collect();
            group = group.lifecycle_hook_specification_list(hooks);
        }
        // A deployment leaves the size alone that schedules, alarms and people have set.
        let policy = match &self.settings.refresh {
            Some(refresh) => refresh.policy(),
            None => UpdatePolicy::new().ignore_unmodified_group_size_properties(true),
        };
        group = group.update_policy(policy);
        if self.settings.protected {
            group = group.new_instances_protected_from_scale_in(true);
        }
        let tags: Vec<_> = self
            .settings
            .tags
            .iter()
            .map(|(key, value)| TagProperty::new().value(value).key(key.as_str()).propagate_at_launch(true))
            .collect();
        if !tags.is_empty() {
            group = group.tags(tags);
        }
        group = self.network.ready().iter().fold(group, |group, handle| group.depends_on(handle));
        let group = scope.add_default(group);
        for size in &self.settings.schedule {
            size.add(&group, scope);
        }
        if let Some(prepared) = &self.settings.prepared {
            prepared.add(&group, scope);
        }
        if let Some(tracking) = &self.settings.tracking {
            tracking.add(&group, scope);
        }
        if let Some(idle) = &self.settings.idle {
            idle.add(&group, scope);
        }
        GpuFleetHandle { group, template }
    }
}

/// A number where CloudFormation takes a text.
fn as_text(value: &Value<i64>) -> Value<String> {
    match value.as_literal() {
        Some(number) => Value::from(number.to_string()).with_location(value.location()),
        None => value.clone().cast(),
    }
}

/// A fleet that was added to a stack.
#[derive(Clone, Debug)]
pub struct GpuFleetHandle {
    group: AutoScalingGroupHandle,
    template: LaunchTemplateHandle,
}

impl GpuFleetHandle {
    /// Returns the name of the Auto Scaling group.
    pub fn group_name(&self) -> Value<String> {
        self.group.reference()
    }

    /// Returns the handle of the Auto Scaling group.
    pub fn group(&self) -> &AutoScalingGroupHandle {
        &self.group
    }

    /// Returns the handle of the launch template.
    pub fn launch_template(&self) -> &LaunchTemplateHandle {
        &self.template
    }
}
