//! Fleets of GPU instances on EC2.
//!
//! [`GpuFleet`] is an Auto Scaling group with a launch template. How it gets its instances is said by its constructor, so that
//! what one way excludes has no setter.

mod ami;
mod capacity;
mod interfaces;
mod role;

use std::marker::PhantomData;
use std::ops::RangeInclusive;

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
use stackwright_synth::intrinsic::base64;
use stackwright_synth::{CallerLocation, Construct, IntoValue, ResourceOptions, Scope, Value};

use crate::iam::Statement;
use crate::network::NetworkHandle;

pub use ami::{Ami, Os};
pub use capacity::{Reservations, SpotAllocation, SpotMix};

use capacity::Capacity;

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
/// use stackwright_stacks::network::{Endpoint, Network};
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Fleet").region("us-east-1");
/// let network = stack
///     .add("Network", Network::isolated("10.0.0.0/16", 1).zone_ids(["use1-az4"]).efa().endpoints(Endpoint::FLEET));
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
    key: Option<Value<String>>,
    user_data: Option<Value<String>>,
    statements: Vec<Statement>,
    role: Option<Value<String>>,
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
            user_data: None,
            statements: Vec::new(),
            role: None,
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

impl<C> GpuFleet<C> {
    /// Sets the smallest and the largest number of instances; `0..=1` unless set.
    #[track_caller]
    pub fn instances(mut self, bounds: RangeInclusive<u32>) -> Self {
        self.settings.minimum = Value::from(i64::from(*bounds.start())).with_caller_location();
        self.settings.maximum = Value::from(i64::from(*bounds.end())).with_caller_location();
        self
    }

    /// Gives the instances an EFA interface on each network card that takes one. The network has to have one subnet (EFA does
    /// not cross zones) and a security group that is open to itself (see [`Network::efa`](crate::network::Network::efa)).
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

    /// Encrypts the volumes with this key of AWS KMS, by its ARN, instead of a key of AWS. The key has to let the service-linked
    /// role of EC2 Auto Scaling use it.
    #[track_caller]
    pub fn volume_key(mut self, arn: impl IntoValue<String>) -> Self {
        self.settings.key = Some(arn.into().with_caller_location());
        self
    }

    /// Sets the script or the cloud-init document that instances run when they start for the first time.
    #[track_caller]
    pub fn user_data(mut self, text: impl IntoValue<String>) -> Self {
        self.settings.user_data = Some(text.into().with_caller_location());
        self
    }

    /// Uses the instance profile with this ARN instead of creating one.
    #[track_caller]
    pub fn instance_profile(mut self, arn: impl IntoValue<String>) -> Self {
        self.settings.role = Some(arn.into().with_caller_location());
        self
    }

    /// Allows the instances more than Session Manager.
    pub fn allow(mut self, statement: Statement) -> Self {
        self.settings.statements.push(statement);
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
            refuse("fleet-types", "the fleet has no instance types".into(), "name at least one");
        }
        if matches!(self.capacity, Capacity::Block(_)) {
            let sold =
                network_facts(&self.instance_type).map(|facts| facts.has_usage_class("capacity-block"));
            if sold == Some(false) {
                let message = format!("{} is not sold in capacity blocks", self.instance_type);
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
                    None => format!("it is not known how many EFA interfaces {name} takes"),
                };
                refuse("fleet-efa", message, "leave `.efa()` out, or use another instance type");
            }
        }
        if interfaces.windows(2).any(|pair| pair[0] != pair[1]) {
            let message = "the instance types take different numbers of EFA interfaces, and a launch template has one list";
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

    fn volume(&self) -> BlockDeviceMapping {
        let mut volume = Ebs::new()
            .volume_size(&self.settings.root_gb)
            .volume_type(VolumeType::Gp3)
            .encrypted(true)
            .delete_on_termination(true);
        if let Some(key) = &self.settings.key {
            volume = volume.kms_key_id(key);
        }
        BlockDeviceMapping::new().device_name(self.ami.root_device()).ebs(volume)
    }

    /// Adds the launch template.
    fn launch_template(&self, scope: &mut Scope<'_>) -> LaunchTemplateHandle {
        let profile = match &self.settings.role {
            Some(arn) => arn.clone(),
            None => {
                let role = scope.add("Role", role::of_instances(&self.settings.statements));
                scope.add("Profile", InstanceProfile::new([role.reference()])).arn()
            }
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
            .block_device_mappings([self.volume()])
            .network_interfaces(self.network_interfaces());
        if let Some(text) = &self.settings.user_data {
            data = data.user_data(base64(text.clone()).with_location(text.location()));
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

impl<C> Construct for GpuFleet<C> {
    type Handle = GpuFleetHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> GpuFleetHandle {
        self.check(scope);
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
