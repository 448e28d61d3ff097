//! Production variants on instances.

use stackwright_resources::sagemaker::endpoint_config::{
    self, CapacityReservationConfig, CoreDumpConfig, ManagedInstanceScaling, PrefixAwareRoutingConfig,
    ProductionVariant, RoutingConfig, RoutingStrategy, Status,
};
use stackwright_schemas::instances::{Instance, instance};
use stackwright_synth::{IntoValue, Scope, Value};

use super::settings::{InstanceSettings, scale};
use super::{ServedModel, add_model, log_group};
use crate::autoscaling::{Capacity, InstanceCount, Scaling};
use crate::container::Containers;
use crate::iam::{RoleOptions, RoleSettings, Statement};
use crate::s3::S3Location;

/// How requests find an instance.
#[derive(Clone, Debug)]
pub struct Routing(RoutingConfig);

impl Routing {
    /// By chance.
    pub fn random() -> Self {
        Self(RoutingConfig::new().routing_strategy(RoutingStrategy::Random))
    }

    /// To the instance with the fewest requests: for requests that take of different length.
    pub fn least_outstanding_requests() -> Self {
        Self(RoutingConfig::new().routing_strategy(RoutingStrategy::LeastOutstandingRequests))
    }

    /// To the instance that had a request with the same beginning, because it has kept what it computed of it: so many
    /// characters are compared, 1,024 to 65,536.
    pub fn prefix_aware(characters: impl IntoValue<i64>) -> Self {
        let prefix = PrefixAwareRoutingConfig::new().prefix_length(characters);
        Self(
            RoutingConfig::new()
                .routing_strategy(RoutingStrategy::PrefixAware)
                .prefix_aware_routing_config(prefix),
        )
    }
}

/// One of several instance types that a variant takes, the one with the lowest number first.
#[derive(Clone, Debug)]
pub struct InstancePool {
    instance_type: Value<String>,
    priority: Value<i64>,
}

impl InstancePool {
    /// An instance type with its priority, 1 to 5.
    #[track_caller]
    pub fn new(instance_type: impl IntoValue<String>, priority: impl IntoValue<i64>) -> Self {
        Self {
            instance_type: instance_type.into().with_caller_location(),
            priority: priority.into().with_caller_location(),
        }
    }
}

/// The instances of a variant, and how they are started.
#[derive(Clone, Debug)]
pub(super) struct Hosting {
    pub on: On,
    pub count: Value<i64>,
    pub volume_gb: Option<Value<i64>>,
    pub download_timeout: Option<Value<i64>>,
    pub health_check_timeout: Option<Value<i64>>,
    pub provision_timeout: Option<Value<i64>>,
    pub ami_version: Option<Value<String>>,
    pub reservation: Option<Value<String>>,
    pub routing: Option<Routing>,
    pub managed: Option<Capacity>,
    pub core_dumps: Option<S3Location>,
}

#[derive(Clone, Debug)]
pub(super) enum On {
    Type(Value<String>),
    Pools(Vec<InstancePool>),
}

impl Hosting {
    pub(super) fn new(on: On) -> Self {
        Self {
            on,
            count: 1.into(),
            volume_gb: None,
            download_timeout: None,
            health_check_timeout: None,
            provision_timeout: None,
            ami_version: None,
            reservation: None,
            routing: None,
            managed: None,
            core_dumps: None,
        }
    }

    #[track_caller]
    pub(super) fn on(instance_type: impl IntoValue<String>) -> Self {
        Self::new(On::Type(instance_type.into().with_caller_location()))
    }

    fn types(&self) -> Vec<&Value<String>> {
        match &self.on {
            On::Type(name) => vec![name],
            On::Pools(pools) => pools.iter().map(|pool| &pool.instance_type).collect(),
        }
    }

    /// What the role of the containers needs beside the models.
    pub(super) fn statements(&self) -> Vec<Statement> {
        self.core_dumps.iter().flat_map(S3Location::write).collect()
    }

    /// Tells of containers that the instances cannot run.
    pub(super) fn look_at(&self, containers: &Containers, scope: &Scope<'_>) {
        let capability = |instance: &Instance| instance.accelerators()?.cuda_compute_capability;
        for need in containers.all.iter().flat_map(|container| container.needs()) {
            let Some(built) = instance(&need.built_on) else {
                scope.error(
                    "unknown-instance-type",
                    format!(
                        "{} is said to be built on `{}`, which is no instance type",
                        need.what, need.built_on
                    ),
                    "name the type as SageMaker does: `ml.g5.xlarge`".into(),
                    Some(need.source),
                );
                continue;
            };
            for name in self.types() {
                let Some(runs) = known(name) else { continue };
                if let (Some(there), Some(here)) = (capability(built), capability(runs))
                    && there != here
                {
                    scope.error(
                        "plan-for-another-gpu",
                        format!(
                            "{} was built on {} (compute capability {there:?}), and does not run on {} ({here:?})",
                            need.what, built.instance_type, runs.instance_type
                        ),
                        "build it on the type that serves it, or ship ONNX and have it compiled there".into(),
                        name.location(),
                    );
                }
            }
        }
    }

    /// The variant of this name, still without a model.
    pub(super) fn lower(self, name: &Value<String>) -> ProductionVariant {
        let mut variant = ProductionVariant::new(name).initial_instance_count(self.count);
        variant = match self.on {
            On::Type(name) => variant.instance_type(name),
            On::Pools(pools) => variant.instance_pools(
                pools
                    .into_iter()
                    .map(|pool| {
                        endpoint_config::InstancePool::new()
                            .instance_type(pool.instance_type)
                            .priority(pool.priority)
                    })
                    .collect::<Vec<_>>(),
            ),
        };
        if let Some(routing) = self.routing {
            variant = variant.routing_config(routing.0);
        }
        if let Some(size) = self.volume_gb {
            variant = variant.volume_size_in_gb(size);
        }
        if let Some(time) = self.download_timeout {
            variant = variant.model_data_download_timeout_in_seconds(time);
        }
        if let Some(time) = self.health_check_timeout {
            variant = variant.container_startup_health_check_timeout_in_seconds(time);
        }
        if let Some(time) = self.provision_timeout {
            variant = variant.variant_instance_provision_timeout_in_seconds(time);
        }
        if let Some(version) = self.ami_version {
            variant = variant.inference_ami_version(version);
        }
        if let Some(arn) = self.reservation {
            let reservation = CapacityReservationConfig::new()
                .capacity_reservation_preference("capacity-reservations-only")
                .ml_reservation_arn(arn);
            variant = variant.capacity_reservation_config(reservation);
        }
        if let Some(Capacity { least, most }) = self.managed {
            let scaling = ManagedInstanceScaling::new()
                .status(Status::Enabled)
                .min_instance_count(least)
                .max_instance_count(most);
            variant = variant.managed_instance_scaling(scaling);
        }
        if let Some(location) = self.core_dumps {
            variant = variant.core_dump_config(CoreDumpConfig::new(location.uri()));
        }
        variant
    }
}

/// What is known of an instance type, if it is known which one it is.
fn known(name: &Value<String>) -> Option<&'static Instance> {
    instance(name.as_literal()?.as_str()?)
}

/// Adds the setters of [`Hosting`].
macro_rules! hosting {
    ($endpoint:ident $(<$generic:ident>)?) => {
        impl $(<$generic>)? $endpoint $(<$generic>)? {
            /// The size of each instance's volume in GB, 1 to 512. Types with NVMe storage have that instead.
            #[track_caller]
            pub fn volume_gb(mut self, size: impl stackwright_synth::IntoValue<i64>) -> Self {
                self.hosting.volume_gb = Some(size.into().with_caller_location());
                self
            }

            /// How long fetching the model may take, a minute to an hour.
            #[track_caller]
            pub fn download_timeout(mut self, time: impl Into<$crate::Seconds>) -> Self {
                self.hosting.download_timeout = Some(time.into().0.with_caller_location());
                self
            }

            /// How long the container may take until it answers, a minute to an hour: loading a large model is in it.
            #[track_caller]
            pub fn health_check_timeout(mut self, time: impl Into<$crate::Seconds>) -> Self {
                self.hosting.health_check_timeout = Some(time.into().0.with_caller_location());
                self
            }

            /// How long one kind of instance is waited for before the next is tried, five minutes to an hour.
            #[track_caller]
            pub fn provision_timeout(mut self, time: impl Into<$crate::Seconds>) -> Self {
                self.hosting.provision_timeout = Some(time.into().0.with_caller_location());
                self
            }

            /// The system of the instances, with its version of the GPU driver: `al2-ami-sagemaker-inference-gpu-3-1`.
            #[track_caller]
            pub fn ami_version(mut self, name: impl stackwright_synth::IntoValue<String>) -> Self {
                self.hosting.ami_version = Some(name.into().with_caller_location());
                self
            }

            /// Takes instances from a reservation only, by its ARN.
            #[track_caller]
            pub fn capacity_reservation(mut self, arn: impl stackwright_synth::IntoValue<String>) -> Self {
                self.hosting.reservation = Some(arn.into().with_caller_location());
                self
            }

            /// How requests find an instance; by chance unless set.
            pub fn routing(mut self, routing: $crate::endpoint::Routing) -> Self {
                self.hosting.routing = Some(routing);
                self
            }

            /// Puts the memory of a container that crashed into S3.
            pub fn core_dumps(mut self, location: $crate::S3Location) -> Self {
                self.hosting.core_dumps = Some(location);
                self
            }
        }
    };
}
pub(super) use hosting;

/// Adds the setter of the number of instances.
macro_rules! instance_count {
    ($endpoint:ident) => {
        impl $endpoint {
            /// How many instances the endpoint starts with; one unless set. Where autoscaling moves the number, this is only
            /// the first one.
            #[track_caller]
            pub fn instances(mut self, count: impl stackwright_synth::IntoValue<i64>) -> Self {
                self.hosting.count = count.into().with_caller_location();
                self
            }
        }
    };
}
pub(super) use instance_count;

/// A production variant: containers on instances.
///
/// ```
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::{Routing, Variant};
/// use stackwright_stacks::{Image, Processor, S3Location};
///
/// let container = Container::new(Image::pytorch_inference("2.6.0", Processor::Gpu))
///     .model(S3Location::new("my-models", "relevance/3/model.tar.gz"));
/// Variant::new("Main", container, "ml.g5.2xlarge")
///     .scale(1..=4, TargetTracking::invocations_per_instance(200.0))
///     .routing(Routing::least_outstanding_requests());
/// ```
#[derive(Clone, Debug)]
pub struct Variant {
    pub(super) name: Value<String>,
    pub(super) containers: Containers,
    pub(super) hosting: Hosting,
    pub(super) weight: Option<Value<f64>>,
    pub(super) scaling: Option<(Capacity, Scaling<InstanceCount>)>,
    role: RoleSettings,
}

/// A role that is set here replaces that of the endpoint for this variant.
impl RoleOptions for Variant {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

hosting!(Variant);
instance_count!(Variant);
scale! {
    /// Lets Application Auto Scaling move the number of instances, one at least.
    Variant, InstanceCount
}

impl Variant {
    /// A variant by its name, with one instance of a type. The name stays: an update to a configuration with other names
    /// is refused by guardrails and autoscaling.
    #[track_caller]
    pub fn new(
        name: impl IntoValue<String>,
        containers: impl Into<Containers>,
        instance_type: impl IntoValue<String>,
    ) -> Self {
        Self::of(name.into().with_caller_location(), containers.into(), Hosting::on(instance_type))
    }

    /// A variant on whichever of up to five instance types is to be had.
    #[track_caller]
    pub fn on_pools(
        name: impl IntoValue<String>,
        containers: impl Into<Containers>,
        pools: impl IntoIterator<Item = InstancePool>,
    ) -> Self {
        Self::of(
            name.into().with_caller_location(),
            containers.into(),
            Hosting::new(On::Pools(pools.into_iter().collect())),
        )
    }

    /// A variant of containers on instances.
    pub(super) fn of(name: Value<String>, containers: Containers, hosting: Hosting) -> Self {
        Self { name, containers, hosting, weight: None, scaling: None, role: RoleSettings::default() }
    }

    /// The variant's share of the requests, by its weight among those of all variants; 1 unless set.
    #[track_caller]
    pub fn weight(mut self, weight: impl IntoValue<f64>) -> Self {
        self.weight = Some(weight.into().with_caller_location());
        self
    }

    /// Lets SageMaker itself move the number of instances.
    #[track_caller]
    pub fn managed_instance_scaling(mut self, capacity: impl Into<Capacity>) -> Self {
        self.hosting.managed = Some(capacity.into());
        self
    }

    /// Adds its model, under ids that start with a part, and gives the variant as the configuration has it. Its role may
    /// do more than the containers need.
    pub(super) fn lower(
        self,
        part: &str,
        endpoint_name: &Value<String>,
        instances: &InstanceSettings,
        permissions: (RoleSettings, Vec<Statement>),
        scope: &mut Scope<'_>,
    ) -> (ProductionVariant, ServedModel) {
        let Self { name, containers, hosting, weight, role, .. } = self;
        hosting.look_at(&containers, scope);
        let (endpoint_role, mut statements) = permissions;
        let role = if role.is_set() { role } else { endpoint_role };
        statements.extend(hosting.statements());
        let log_group = log_group(endpoint_name);
        let served = add_model(containers, part, &log_group, instances, (role, statements), scope);
        let mut lowered = hosting.lower(&name).model_name(served.model.model_name());
        if let Some(weight) = weight {
            lowered = lowered.initial_variant_weight(weight);
        }
        (lowered, served)
    }
}
