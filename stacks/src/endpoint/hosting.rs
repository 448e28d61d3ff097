//! The instances that a model is hosted on, and how they are started.

use stackwright_resources::sagemaker::endpoint_config::{
    self, CapacityReservationConfig, CoreDumpConfig, InferenceAmiVersion, ManagedInstanceScaling,
    MetricsConfig, PrefixAwareRoutingConfig, ProductionVariant, RoutingConfig, RoutingStrategy, Status,
};
use stackwright_schemas::instances::{Instance, instance};
use stackwright_synth::{IntoValue, Scope, Value};

use crate::autoscaling::CapacityRange;
use crate::container::Containers;
use crate::duration::Seconds;
use crate::iam::Statement;
use crate::image::Processor;
use crate::key::EncryptionKey;
use crate::s3::S3Location;

/// How SageMaker selects the instance of a variant for a request (`RoutingConfig`).
///
/// ```
/// use stackwright_stacks::endpoint::Routing;
///
/// Routing::least_outstanding_requests();
/// Routing::prefix_aware(4_096);
/// Routing::random();
/// ```
#[derive(Clone, Debug)]
pub struct Routing(RoutingConfig);

impl Routing {
    /// Sends each request to a random instance (`RANDOM`).
    pub fn random() -> Self {
        Self(RoutingConfig::new().routing_strategy(RoutingStrategy::Random))
    }

    /// Sends each request to the instance with the fewest outstanding requests (`LEAST_OUTSTANDING_REQUESTS`), which suits
    /// requests of different durations.
    pub fn least_outstanding_requests() -> Self {
        Self(RoutingConfig::new().routing_strategy(RoutingStrategy::LeastOutstandingRequests))
    }

    /// Sends a request to the instance that processed an earlier request with the same prefix, because its container
    /// may have cached the computation for the prefix (`PREFIX_AWARE`). The argument is the number of characters that are
    /// compared, 1,024 to 65,536.
    pub fn prefix_aware(characters: impl IntoValue<i64>) -> Self {
        let prefix = PrefixAwareRoutingConfig::new().prefix_length(characters);
        Self(
            RoutingConfig::new()
                .routing_strategy(RoutingStrategy::PrefixAware)
                .prefix_aware_routing_config(prefix),
        )
    }
}

/// One of several instance types that a variant may run on. SageMaker tries the one with the lowest priority number first.
///
/// ```
/// use stackwright_stacks::endpoint::InstancePool;
///
/// [InstancePool::new("ml.g5.2xlarge", 1), InstancePool::new("ml.g6.2xlarge", 2)];
/// ```
#[derive(Clone, Debug)]
pub struct InstancePool {
    instance_type: Value<String>,
    priority: Value<i64>,
}

impl InstancePool {
    /// Creates a pool of instances of a type, such as `ml.g5.2xlarge`, with its priority, 1 (first) to 5.
    #[track_caller]
    pub fn new(instance_type: impl IntoValue<String>, priority: impl IntoValue<i64>) -> Self {
        Self {
            instance_type: crate::instance_type::checked(instance_type),
            priority: priority.into().with_caller_location(),
        }
    }
}

/// The instances of a variant, and how they are started.
#[derive(Clone, Debug)]
pub struct Hosting {
    pub(super) on: On,
    pub(super) count: Value<i64>,
    pub(super) volume_gb: Option<Value<i64>>,
    pub(super) download_timeout: Option<Value<i64>>,
    pub(super) health_check_timeout: Option<Value<i64>>,
    pub(super) provision_timeout: Option<Value<i64>>,
    pub(super) ami_version: Option<Value<InferenceAmiVersion>>,
    pub(super) reservation: Option<Value<String>>,
    pub(super) routing: Option<Routing>,
    pub(super) managed: Option<CapacityRange>,
    pub(super) core_dumps: Option<S3Location>,
    pub(super) ssm_access: Option<Value<bool>>,
}

#[derive(Clone, Debug)]
pub enum On {
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
            ssm_access: None,
        }
    }

    #[track_caller]
    pub(super) fn on(instance_type: impl IntoValue<String>) -> Self {
        Self::new(On::Type(crate::instance_type::checked(instance_type)))
    }

    fn types(&self) -> Vec<&Value<String>> {
        match &self.on {
            On::Type(name) => vec![name],
            On::Pools(pools) => pools.iter().map(|pool| &pool.instance_type).collect(),
        }
    }

    /// Returns the processor that images are needed for, if it is known and the same on all types.
    pub(super) fn processor(&self) -> Option<Processor> {
        let mut found =
            self.types().into_iter().map(|name| Processor::of_instance_type(name.as_literal()?.as_str()?));
        let first = found.next()??;
        found.all(|other| other == Some(first)).then_some(first)
    }

    /// Returns the permissions that the role of the containers needs in addition to those for the models.
    pub(super) fn statements(&self) -> Vec<Statement> {
        self.core_dumps.iter().flat_map(S3Location::write).collect()
    }

    /// Returns whether an instance type is known to have local NVMe storage, for which SageMaker accepts no key.
    pub(super) fn has_local_storage(&self) -> bool {
        self.types()
            .into_iter()
            .filter_map(known)
            .any(|instance| instance.local_nvme_gb.is_some_and(|size| size > 0))
    }

    /// Reports containers that the instances cannot run.
    pub(super) fn check_containers(&self, containers: &Containers, scope: &Scope<'_>) {
        let capability = |instance: &Instance| instance.accelerators()?.cuda_compute_capability;
        for need in containers.all.iter().flat_map(|container| container.needs()) {
            let Some(built) = instance(&need.built_on) else {
                scope.error(
                    "unknown-instance-type",
                    format!(
                        "the instance type `{1}`, on which {0} was built, does not exist",
                        need.what, need.built_on
                    ),
                    "use a SageMaker instance type such as `ml.g5.xlarge`".into(),
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
                            "{} was built on {} (compute capability {there:?}), and does not run on {} (compute capability {here:?})",
                            need.what, built.instance_type, runs.instance_type
                        ),
                        "build it on the instance type that serves it, or use ONNX, which Triton compiles on the instance".into(),
                        name.location(),
                    );
                }
            }
        }
    }

    /// The variant with this name, without a model. Data that it writes to S3 is encrypted with the key or, if there
    /// is none, with the key of the bucket.
    pub(super) fn lower(self, name: &Value<String>, key: Option<&EncryptionKey>) -> ProductionVariant {
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
        if let Some(CapacityRange { least, most }) = self.managed {
            let scaling = ManagedInstanceScaling::new()
                .status(Status::Enabled)
                .min_instance_count(least)
                .max_instance_count(most);
            variant = variant.managed_instance_scaling(scaling);
        }
        if let Some(location) = self.core_dumps {
            let mut dumps = CoreDumpConfig::new(location.uri());
            if let Some(key) = key.or(location.encryption_key()) {
                dumps = dumps.kms_key_id(key.id());
            }
            variant = variant.core_dump_config(dumps);
        }
        if let Some(access) = self.ssm_access {
            variant = variant.enable_ssm_access(access);
        }
        variant
    }
}

/// The data of an instance type, if the type is a literal that the crate's data contain.
fn known(name: &Value<String>) -> Option<&'static Instance> {
    instance(name.as_literal()?.as_str()?)
}

/// How SageMaker publishes utilization metrics of an endpoint (`MetricsConfig`), for [`MetricsOptions::metrics`](super::MetricsOptions::metrics).
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::endpoint::InstanceMetrics;
///
/// InstanceMetrics::new().enhanced(true).publish_every(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct InstanceMetrics(pub(super) MetricsConfig);

impl Default for InstanceMetrics {
    fn default() -> Self {
        Self(MetricsConfig::new())
    }
}

impl InstanceMetrics {
    /// Creates a configuration with SageMaker's defaults: no enhanced metrics, published every 60 seconds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether metrics of each instance and container are published (`EnableEnhancedMetrics`). The default is `false`.
    #[track_caller]
    pub fn enhanced(self, enabled: impl IntoValue<bool>) -> Self {
        Self(self.0.enable_enhanced_metrics(enabled.into().with_caller_location()))
    }

    /// Sets the interval at which metrics are published (`MetricPublishFrequencyInSeconds`): 10, 30, 60, 120, 180, 240 or
    /// 300 seconds. The default is 60.
    #[track_caller]
    pub fn publish_every(self, interval: impl Into<Seconds>) -> Self {
        Self(self.0.metric_publish_frequency_in_seconds(interval.into().0.with_caller_location()))
    }
}
