//! Inference components: several models on the instances of one endpoint, each with its own copies.

use stackwright_resources::sagemaker::endpoint_config::VpcConfig;
use stackwright_resources::sagemaker::inference_component::{
    Alarm, AutoRollbackConfiguration, InferenceComponentCapacitySize, InferenceComponentCapacitySizeType,
    InferenceComponentComputeResourceRequirements, InferenceComponentContainerSpecification,
    InferenceComponentDeploymentConfig, InferenceComponentRollingUpdatePolicy,
    InferenceComponentRuntimeConfig, InferenceComponentSpecification, InferenceComponentStartupParameters,
};
use stackwright_resources::sagemaker::{self, EndpointConfig, Model};
use stackwright_schemas::hosting::hosting;
use stackwright_synth::{Construct, Handle, IntoValue, ResourceOptions, Scope, Value, sub};

use super::settings::{InstanceSettings, Settings, instance_settings, scale, settings};
use super::variant::{Hosting, Routing, hosting};
use super::{EndpointHandle, ONE_VARIANT, Plan, name};
use crate::autoscaling::{Capacity, CopyCount, Scaled, Scaling};
use crate::container::Container;
use crate::duration::Seconds;
use crate::iam::{self, RoleNeeded, RoleOptions, RoleReference, RoleSettings, Statement, versioned_policy};
use crate::metric::Subject;
use crate::s3::S3Location;

/// The endpoint that inference components share. It has instances and no model; SageMaker moves the number of instances
/// as the copies of its components need it, down to none.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::container::{LargeModel, Weights};
/// use stackwright_stacks::endpoint::{ComponentEndpoint, InferenceComponent};
/// # use stackwright_synth::App;
///
/// # let app = App::new("chat");
/// # let stack = app.stack("Serving").region("us-east-1");
/// let host = stack.add("Host", ComponentEndpoint::new("ml.g5.12xlarge", 0..=2));
/// let model = LargeModel::vllm("0.36.0", Weights::folder(S3Location::new("my-models", "qwen3-8b/")));
/// stack.add(
///     "Chat",
///     InferenceComponent::new(&host, model.tensor_parallel_degree(1), 16_384)
///         .accelerators(1)
///         .scale(0..=4, TargetTracking::concurrent_requests_per_copy(8.0)),
/// );
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct ComponentEndpoint {
    hosting: Hosting,
    settings: Settings,
    instances: InstanceSettings,
}

settings!(ComponentEndpoint);

impl RoleOptions for ComponentEndpoint {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

instance_settings!(ComponentEndpoint);
hosting!(ComponentEndpoint);

impl ComponentEndpoint {
    /// Instances of a type, as many as the components need, within bounds. It starts with one.
    #[track_caller]
    pub fn new(instance_type: impl IntoValue<String>, instances: impl Into<Capacity>) -> Self {
        let mut hosting = Hosting::on(instance_type);
        hosting.managed = Some(instances.into());
        // Copies are not spread evenly, so that a random instance may have none.
        hosting.routing = Some(Routing::least_outstanding_requests());
        // What goes wrong with requests is told of each component.
        let settings = Settings { watches: false, ..Settings::default() };
        Self { hosting, settings, instances: InstanceSettings::default() }
    }
}

impl Construct for ComponentEndpoint {
    type Handle = ComponentEndpointHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> ComponentEndpointHandle {
        let name = name(scope, self.settings.name.as_ref(), "endpoint");
        let mut statements = self.hosting.statements();
        if self.instances.vpc.is_some() {
            statements.extend(iam::network_interfaces());
        }
        if let Some(key) = &self.instances.key {
            statements.push(iam::use_key(key));
        }
        statements.push(iam::metrics());
        let needed = RoleNeeded { id: "Role".into(), service: "sagemaker", policy: "Execution", statements };
        let role = self.settings.role.clone().build(needed, scope).role;
        let variant = Value::from(ONE_VARIANT);
        let mut config = EndpointConfig::new([self.hosting.lower(&variant)]).execution_role_arn(role.arn());
        if let Some(vpc) = &self.instances.vpc {
            config = config
                .vpc_config(VpcConfig::new().subnets(&vpc.subnets).security_group_ids(&vpc.security_groups));
        }
        if let Some(isolated) = &self.instances.isolated {
            config = config.enable_network_isolation(isolated);
        }
        let plan = Plan {
            name,
            config: self.instances.encrypt(config),
            variants: vec![(String::new(), variant)],
            settings: &self.settings,
            // Components have updates of their own.
            update: None,
            is_scaled: false,
            longest_request: hosting().real_time_request_seconds,
            models: Vec::new(),
        };
        ComponentEndpointHandle { endpoint: plan.add(scope), role }
    }
}

/// A [`ComponentEndpoint`] that was added to a stack.
#[derive(Clone, Debug)]
pub struct ComponentEndpointHandle {
    /// The endpoint.
    pub endpoint: EndpointHandle,
    /// The role that all of its components run with.
    pub role: RoleReference,
}

impl ComponentEndpointHandle {
    /// The name to invoke the endpoint by, together with that of a component.
    pub fn endpoint_name(&self) -> Value<String> {
        self.endpoint.endpoint_name()
    }
}

/// A model on a [`ComponentEndpoint`], in so many copies, each with its share of an instance.
#[derive(Clone, Debug)]
pub struct InferenceComponent {
    host: ComponentEndpointHandle,
    container: Container,
    requirements: InferenceComponentComputeResourceRequirements,
    startup: Option<InferenceComponentStartupParameters>,
    copies: Value<i64>,
    batch: (InferenceComponentCapacitySizeType, Value<i64>),
    wait: Value<i64>,
    scaling: Option<(Capacity, Scaling<CopyCount>)>,
    settings: Settings,
}

settings!(InferenceComponent);
scale! {
    /// Lets Application Auto Scaling move the number of copies, down to none. Where it may be none, an alarm on requests
    /// without a copy brings the first one back; those requests fail.
    InferenceComponent, CopyCount
}

impl InferenceComponent {
    /// A container on an endpoint, with the memory of the host that each copy needs at least, in MB.
    #[track_caller]
    pub fn new(
        host: &ComponentEndpointHandle,
        container: impl Into<Container>,
        memory_mb: impl IntoValue<i64>,
    ) -> Self {
        let requirements = InferenceComponentComputeResourceRequirements::new()
            .min_memory_required_in_mb(memory_mb.into().with_caller_location());
        Self {
            host: host.clone(),
            container: container.into(),
            requirements,
            startup: None,
            copies: 1.into(),
            batch: (InferenceComponentCapacitySizeType::CapacityPercent, 50.into()),
            wait: 300.into(),
            scaling: None,
            settings: Settings::default(),
        }
    }

    /// The accelerators of each copy; none unless set.
    #[track_caller]
    pub fn accelerators(mut self, number: impl IntoValue<f64>) -> Self {
        self.requirements =
            self.requirements.number_of_accelerator_devices_required(number.into().with_caller_location());
        self
    }

    /// The cores of each copy, 0.25 at least.
    #[track_caller]
    pub fn cpu_cores(mut self, number: impl IntoValue<f64>) -> Self {
        self.requirements =
            self.requirements.number_of_cpu_cores_required(number.into().with_caller_location());
        self
    }

    /// The most memory of the host that a copy may take, in MB.
    #[track_caller]
    pub fn max_memory_mb(mut self, size: impl IntoValue<i64>) -> Self {
        self.requirements = self.requirements.max_memory_required_in_mb(size.into().with_caller_location());
        self
    }

    /// How many copies there are at first; one unless set.
    #[track_caller]
    pub fn copies(mut self, number: impl IntoValue<i64>) -> Self {
        self.copies = number.into().with_caller_location();
        self
    }

    /// How long fetching the model may take, and how long the container may take until it answers; a minute to an hour.
    #[track_caller]
    pub fn startup_timeouts(
        mut self,
        download: impl Into<Seconds>,
        health_check: impl Into<Seconds>,
    ) -> Self {
        let startup = InferenceComponentStartupParameters::new()
            .model_data_download_timeout_in_seconds(download.into().0.with_caller_location())
            .container_startup_health_check_timeout_in_seconds(health_check.into().0.with_caller_location());
        self.startup = Some(startup);
        self
    }

    /// Updates so many copies at a time and waits after each batch; half of them, and five minutes, unless set.
    #[track_caller]
    pub fn rolling_copies(mut self, copies: impl IntoValue<i64>, wait: impl Into<Seconds>) -> Self {
        self.batch = (InferenceComponentCapacitySizeType::CopyCount, copies.into().with_caller_location());
        self.wait = wait.into().0.with_caller_location();
        self
    }
}

/// Where the logs of a component's containers are.
fn log_group(component: &Value<String>) -> Value<String> {
    sub!("/aws/sagemaker/InferenceComponents/{}", component)
}

/// Lets the endpoint's role do what a component needs; what has to be there before the component.
fn allow(
    host: &ComponentEndpointHandle,
    statements: Vec<Statement>,
    scope: &mut Scope<'_>,
) -> Option<Handle> {
    // A role outside of the app is the user's to extend.
    let role = host.role.handle()?;
    let policy = scope.add("Policy", versioned_policy(scope.id(), role, statements));
    Some((*policy).clone())
}

impl Construct for InferenceComponent {
    type Handle = InferenceComponentHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> InferenceComponentHandle {
        let name = name(scope, self.settings.name.as_ref(), "component");
        let (definition, statements) = self.container.define("", &log_group(&name), scope);
        let policy = allow(&self.host, statements, scope);
        let model = Model::new().primary_container(definition).execution_role_arn(self.host.role.arn());
        let model = scope.add("Model", policy.iter().fold(model, |model, policy| model.depends_on(policy)));
        let mut specification = InferenceComponentSpecification::new()
            .model_name(model.model_name())
            .compute_resource_requirements(self.requirements);
        if let Some(startup) = self.startup {
            specification = specification.startup_parameters(startup);
        }
        let subject = Subject::Component { name: name.clone() };
        let watched = [(String::new(), subject.clone())];
        let alarms = self.settings.add_alarms(&watched, hosting().real_time_request_seconds, scope);
        let (kind, size) = self.batch;
        let rolling = InferenceComponentRollingUpdatePolicy::new()
            .maximum_batch_size(InferenceComponentCapacitySize::new().type_(kind).value(size))
            .wait_interval_in_seconds(self.wait);
        let mut deployment = InferenceComponentDeploymentConfig::new().rolling_update_policy(rolling);
        if !alarms.is_empty() {
            let alarms: Vec<Alarm> = alarms.into_iter().map(Alarm::new).collect();
            deployment = deployment.auto_rollback_configuration(AutoRollbackConfiguration::new(alarms));
        }
        let mut component = sagemaker::InferenceComponent::new(self.host.endpoint_name())
            .inference_component_name(&name)
            .variant_name(ONE_VARIANT)
            .specification(specification)
            .runtime_config(InferenceComponentRuntimeConfig::new().copy_count(self.copies))
            .deployment_config(deployment);
        if !self.settings.tags.is_empty() {
            component = component.tags(self.settings.tag_list());
        }
        if let Some(group) = self.settings.add_log_group(log_group(&name), scope) {
            component = component.depends_on(&group);
        }
        let component = scope.add_default(component);
        self.settings.add_dashboard(&watched, scope);
        if let Some((capacity, scaling)) = self.scaling {
            let scaled = Scaled {
                capacity,
                scaling,
                resource_id: sub!("inference-component/{}", &name),
                subject,
                after: Some((*component).clone()),
            };
            scope.add("Capacity", scaled);
        }
        InferenceComponentHandle { component, name, host: self.host }
    }
}

/// A component that was added to a stack.
#[derive(Clone, Debug)]
pub struct InferenceComponentHandle {
    /// The component.
    pub component: sagemaker::InferenceComponentHandle,
    name: Value<String>,
    host: ComponentEndpointHandle,
}

impl InferenceComponentHandle {
    /// The name that a request says beside that of the endpoint.
    pub fn name(&self) -> Value<String> {
        self.name.clone()
    }
}

/// An adapter (LoRA) on a component: it shares the copies and accelerators of its base, so it has neither of its own. The
/// base has to serve adapters, as [`LargeModel::adapters`](crate::container::LargeModel::adapters) says.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::container::{LargeModel, Weights};
/// use stackwright_stacks::endpoint::{AdapterComponent, ComponentEndpoint, InferenceComponent};
/// # use stackwright_synth::App;
///
/// # let app = App::new("chat");
/// # let stack = app.stack("Serving").region("us-east-1");
/// # let host = stack.add("Host", ComponentEndpoint::new("ml.g5.12xlarge", 1..=2));
/// let weights = Weights::folder(S3Location::new("my-models", "qwen3-8b/"));
/// let base = stack.add(
///     "Chat",
///     InferenceComponent::new(&host, LargeModel::vllm("0.36.0", weights).adapters(4, 16), 16_384).accelerators(1),
/// );
/// let adapter = S3Location::new("my-models", "support/adapter.tar.gz");
/// stack.add("Support", AdapterComponent::new(&base, adapter));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct AdapterComponent {
    base: InferenceComponentHandle,
    adapter: S3Location,
    name: Option<Value<String>>,
}

impl AdapterComponent {
    /// An adapter, packed as `.tar.gz`, on a component.
    pub fn new(base: &InferenceComponentHandle, adapter: impl Into<S3Location>) -> Self {
        Self { base: base.clone(), adapter: adapter.into(), name: None }
    }

    /// Names it; without this the stack's name and the construct's id make the name. Changing it replaces it.
    #[track_caller]
    pub fn name(mut self, name: impl IntoValue<String>) -> Self {
        self.name = Some(name.into().with_caller_location());
        self
    }
}

impl Construct for AdapterComponent {
    type Handle = InferenceComponentHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> InferenceComponentHandle {
        let name = name(scope, self.name.as_ref(), "component");
        let policy = allow(&self.base.host, self.adapter.read_object(), scope);
        let container = InferenceComponentContainerSpecification::new().artifact_url(self.adapter.uri());
        let specification = InferenceComponentSpecification::new()
            .base_inference_component_name(self.base.name())
            .container(container);
        let component = sagemaker::InferenceComponent::new(self.base.host.endpoint_name())
            .inference_component_name(&name)
            .specification(specification)
            .depends_on(&self.base.component);
        let component = policy.iter().fold(component, |component, policy| component.depends_on(policy));
        let component = scope.add_default(component);
        InferenceComponentHandle { component, name, host: self.base.host }
    }
}
