//! Production variants on instances.

use stackwright_resources::sagemaker::endpoint_config::ProductionVariant;
use stackwright_synth::{IntoValue, Scope, Value};

use super::hosting::{Hosting, InstancePool, On};
use super::options::{AutoscalingOptions, HostingOptions, InstanceCountOptions};
use super::{ServedModel, add_model, log_group};
use crate::autoscaling::{CapacityRange, InstanceCount, Scaling};
use crate::container::Containers;
use crate::iam::{RoleOptions, RoleSettings, Statement};
use crate::security::SecuritySettings;

/// A production variant of a [`RealTimeEndpoint`](super::RealTimeEndpoint): containers on instances.
///
/// ```
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::{AutoscalingOptions, HostingOptions, InstancePool, Routing, Variant};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
///
/// let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu))
///     .model(S3Location::new("my-models", "relevance/3/model.tar.gz"));
/// Variant::new("Main", container, "ml.g5.2xlarge")
///     .scale(1..=4, TargetTracking::invocations_per_instance(200.0))
///     .routing(Routing::least_outstanding_requests());
/// // Instances of whichever of two types is available.
/// let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu));
/// Variant::on_pools("Main", container, [InstancePool::new("ml.g5.2xlarge", 1), InstancePool::new("ml.g6.2xlarge", 2)]);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Variant {
    pub(super) name: Value<String>,
    pub(super) containers: Containers,
    pub(super) hosting: Hosting,
    pub(super) weight: Option<Value<f64>>,
    pub(super) scaling: Option<(CapacityRange, Scaling<InstanceCount>)>,
    role: RoleSettings,
}

/// A role that is set here replaces that of the endpoint for this variant.
impl RoleOptions for Variant {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

impl HostingOptions for Variant {
    fn hosting(&mut self) -> &mut Hosting {
        &mut self.hosting
    }
}

impl InstanceCountOptions for Variant {}

impl AutoscalingOptions for Variant {
    type Scales = InstanceCount;

    fn scaling(&mut self) -> &mut Option<(CapacityRange, Scaling<InstanceCount>)> {
        &mut self.scaling
    }
}

impl Variant {
    /// Creates a variant with a name, its containers, and one instance of a type, such as `ml.g5.2xlarge`. Keep the name when
    /// you change the variant: deployment guardrails and autoscaling refuse an update to a configuration with other names.
    #[track_caller]
    pub fn new(
        name: impl IntoValue<String>,
        containers: impl Into<Containers>,
        instance_type: impl IntoValue<String>,
    ) -> Self {
        Self::of(name.into().with_caller_location(), containers.into(), Hosting::on(instance_type))
    }

    /// Creates a variant with a name and its containers on one instance of up to five types, of which SageMaker uses the
    /// available one with the lowest priority number. Keep the name when you change the variant: deployment guardrails and
    /// autoscaling refuse an update to a configuration with other names.
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

    /// Sets the weight of the variant (`InitialVariantWeight`): its share of the requests is its weight divided by the sum of
    /// all weights. The default is 1.
    #[track_caller]
    pub fn weight(mut self, weight: impl IntoValue<f64>) -> Self {
        self.weight = Some(weight.into().with_caller_location());
        self
    }

    /// Adds its model, under ids that start with a part, and gives the variant as the configuration has it. Its role
    /// also gets the additional statements of the program.
    pub(super) fn lower(
        self,
        part: &str,
        endpoint_name: &Value<String>,
        security: &SecuritySettings,
        permissions: (RoleSettings, Vec<Statement>),
        scope: &mut Scope<'_>,
    ) -> (ProductionVariant, ServedModel) {
        let Self { name, containers, hosting, weight, role, .. } = self;
        hosting.check_containers(&containers, scope);
        let containers = containers.on(hosting.processor());
        let (endpoint_role, mut statements) = permissions;
        let role = if role.is_set() { role } else { endpoint_role };
        statements.extend(hosting.statements());
        let log_group = log_group(endpoint_name);
        let served = add_model(containers, part, &log_group, security, (role, statements), scope);
        let mut lowered = hosting.lower(&name, security.key.as_ref()).model_name(served.model.model_name());
        if let Some(weight) = weight {
            lowered = lowered.initial_variant_weight(weight);
        }
        (lowered, served)
    }
}
