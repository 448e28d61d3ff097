//! The endpoint that inference components share.

use stackwright_resources::sagemaker::EndpointConfig;
use stackwright_resources::sagemaker::endpoint_config::VpcConfig;
use stackwright_schemas::hosting::hosting;
use stackwright_synth::{Construct, IntoValue, ResourceOptions, Scope, Value};

use crate::autoscaling::CapacityRange;
use crate::endpoint::hosting::{Hosting, InstancePool, On, Routing};
use crate::endpoint::options::{EndpointOptions, HostingOptions, MetricsOptions};
use crate::endpoint::settings::Settings;
use crate::endpoint::{EndpointHandle, ONE_VARIANT, Plan, encrypted, name};
use crate::iam::{self, BuiltRole, RoleNeeded, RoleOptions, RoleReference, RoleSettings};
use crate::image::Processor;
use crate::security::{SecurityOptions, SecuritySettings};

/// The endpoint that inference components share. It has instances and no model; SageMaker adjusts the number of
/// instances to the copies of its components, down to zero (`ManagedInstanceScaling`).
///
/// It becomes `AWS::SageMaker::Endpoint`, `AWS::SageMaker::EndpointConfig` and `AWS::IAM::Role`. The routing strategy is
/// [`Routing::least_outstanding_requests`] unless set, and there are no alarms: those of failed requests belong to the
/// components.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::container::{LargeModel, Weights};
/// use stackwright_stacks::endpoint::{AutoscalingOptions, ComponentEndpoint, InferenceComponent, InstancePool};
/// # use stackwright_synth::App;
///
/// # let app = App::new("chat");
/// # let stack = app.stack("Serving").region("us-east-1");
/// let host = stack.add("Host", ComponentEndpoint::new("ml.g5.12xlarge", 0..=2));
/// let model = LargeModel::vllm("0.36.0", Weights::prefix(S3Location::new("my-models", "qwen3-8b/")));
/// stack.add(
///     "Chat",
///     InferenceComponent::new(&host, model.tensor_parallel_degree(1), 16_384)
///         .accelerators(1)
///         .scale(0..=4, TargetTracking::concurrent_requests_per_copy(8.0)),
/// );
/// // Instances of whichever of two types is available.
/// stack.add(
///     "Pools",
///     ComponentEndpoint::on_pools([InstancePool::new("ml.g5.12xlarge", 1), InstancePool::new("ml.g6.12xlarge", 2)], 1..=2),
/// );
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ComponentEndpoint {
    hosting: Hosting,
    settings: Settings,
    security: SecuritySettings,
}

impl EndpointOptions for ComponentEndpoint {
    fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl RoleOptions for ComponentEndpoint {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

impl SecurityOptions for ComponentEndpoint {
    fn security_settings(&mut self) -> &mut SecuritySettings {
        &mut self.security
    }
}

impl HostingOptions for ComponentEndpoint {
    fn hosting(&mut self) -> &mut Hosting {
        &mut self.hosting
    }
}

impl MetricsOptions for ComponentEndpoint {}

impl ComponentEndpoint {
    /// Creates an endpoint on instances of one type, such as `ml.g5.12xlarge`. SageMaker adjusts the number of instances to
    /// the components, within the given range. The endpoint starts with one instance.
    #[track_caller]
    pub fn new(instance_type: impl IntoValue<String>, instances: impl Into<CapacityRange>) -> Self {
        Self::of(Hosting::on(instance_type), instances.into())
    }

    /// Creates an endpoint on instances of up to five types, of which SageMaker uses the available one with the
    /// lowest priority number. SageMaker adjusts the number of instances to the components, within the given range. The
    /// endpoint starts with one instance.
    ///
    /// Components may have settings for each type: [`on_instance_type`](super::InferenceComponent::on_instance_type).
    pub fn on_pools(
        pools: impl IntoIterator<Item = InstancePool>,
        instances: impl Into<CapacityRange>,
    ) -> Self {
        Self::of(Hosting::new(On::Pools(pools.into_iter().collect())), instances.into())
    }

    fn of(mut hosting: Hosting, instances: CapacityRange) -> Self {
        hosting.managed = Some(instances);
        // Copies are not spread evenly, so that a random instance may have none.
        hosting.routing = Some(Routing::least_outstanding_requests());
        // Metrics about failed requests are published for each component.
        let settings = Settings { watches: false, ..Settings::default() };
        Self { hosting, settings, security: SecuritySettings::default() }
    }
}

impl Construct for ComponentEndpoint {
    type Handle = ComponentEndpointHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> ComponentEndpointHandle {
        let name = name(scope, self.settings.name.as_ref(), "endpoint");
        let security = self.security.with_defaults(scope);
        let on_local_storage = self.hosting.has_local_storage();
        let processor = self.hosting.processor();
        let mut statements = self.hosting.statements();
        if security.vpc.is_some() {
            statements.extend(iam::network_interfaces());
        }
        if let Some(key) = &security.key {
            statements.push(iam::use_key(key));
        }
        statements.push(iam::metrics());
        let needed = RoleNeeded { id: "Role".into(), service: "sagemaker", policy: "Execution", statements };
        let BuiltRole { role, policy } = self.settings.role.clone().build_versioned(needed, scope);
        let variant = Value::from(ONE_VARIANT);
        let mut config = EndpointConfig::new([self.hosting.lower(&variant, security.key.as_ref())])
            .execution_role_arn(role.arn());
        if let Some(vpc) = &security.vpc {
            config = config
                .vpc_config(VpcConfig::new().subnets(&vpc.subnets).security_group_ids(&vpc.security_groups));
        }
        if let Some(isolated) = &security.isolated {
            config = config.enable_network_isolation(isolated);
        }
        if let Some(policy) = &policy {
            config = config.depends_on(policy);
        }
        let plan = Plan {
            name,
            config: encrypted(config, security.key.as_ref(), on_local_storage),
            variants: vec![(String::new(), variant)],
            settings: &self.settings,
            // The updates of components are configured on the components.
            update: None,
            is_scaled: false,
            longest_request: hosting().real_time_request,
            models: Vec::new(),
        };
        ComponentEndpointHandle { endpoint: plan.add(scope), role, processor }
    }
}

/// A [`ComponentEndpoint`] that was added to a stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ComponentEndpointHandle {
    /// The endpoint with its configuration.
    pub endpoint: EndpointHandle,
    /// The execution role of the endpoint, with which all of its components run.
    pub role: RoleReference,
    processor: Option<Processor>,
}

impl ComponentEndpointHandle {
    /// Returns the name of the endpoint. A request (`InvokeEndpoint`) contains it together with the name of a component.
    pub fn name(&self) -> Value<String> {
        self.endpoint.name()
    }

    /// Returns the endpoint's ARN.
    pub fn arn(&self) -> Value<String> {
        self.endpoint.arn()
    }
}

/// The endpoint that inference components run on: a [`ComponentEndpoint`] of the app, given by its handle, or an
/// [`ExternalEndpoint`](crate::endpoint::ExternalEndpoint) with the role of its components.
#[derive(Clone, Debug)]
pub struct ComponentHost {
    pub(in crate::endpoint) endpoint_name: Value<String>,
    pub(in crate::endpoint) role: RoleReference,
    pub(in crate::endpoint) processor: Option<Processor>,
}

impl From<&ComponentEndpointHandle> for ComponentHost {
    fn from(host: &ComponentEndpointHandle) -> Self {
        Self { endpoint_name: host.name(), role: host.role.clone(), processor: host.processor }
    }
}

impl From<&ComponentHost> for ComponentHost {
    fn from(host: &ComponentHost) -> Self {
        host.clone()
    }
}
