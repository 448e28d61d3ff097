//! Inference components: several models on the instances of one endpoint, each with its own copies.

mod adapter;
mod host;
mod specification;

pub use adapter::AdapterComponent;
pub use host::{ComponentEndpoint, ComponentEndpointHandle, ComponentHost};
pub use specification::{CopyBatch, ForInstanceType};

use stackwright_estimate::memory::STATEMENT_MEMBER;
use stackwright_resources::sagemaker::inference_component::{
    Alarm, AutoRollbackConfiguration, InferenceComponentComputeResourceRequirements,
    InferenceComponentDataCacheConfig, InferenceComponentDeploymentConfig,
    InferenceComponentRollingUpdatePolicy, InferenceComponentRuntimeConfig, InferenceComponentSpecification,
    InferenceComponentSpecificationForInstanceType, InferenceComponentStartupParameters,
};
use stackwright_resources::sagemaker::{self, Model};
use stackwright_schemas::hosting::hosting;
use stackwright_synth::{Construct, Handle, IntoValue, ResourceOptions, Scope, Value, sub};

use super::options::{AutoscalingOptions, EndpointOptions};
use super::settings::Settings;
use super::{ONE_VARIANT, name};
use crate::autoscaling::{CapacityRange, CopyCount, Scaled, Scaling};
use crate::container::Container;
use crate::duration::Seconds;
use crate::iam::{Statement, versioned_policy};
use crate::image::Processor;
use crate::metric::Subject;

/// An inference component: a model on a [`ComponentEndpoint`], with a number of copies, each with its share of an instance.
///
/// It becomes `AWS::SageMaker::InferenceComponent`, `AWS::SageMaker::Model`, and a policy of the endpoint's role.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::container::{LargeModel, Weights};
/// use stackwright_stacks::endpoint::{ComponentEndpoint, InferenceComponent};
/// # use stackwright_synth::App;
///
/// # let app = App::new("chat");
/// # let stack = app.stack("Serving").region("us-east-1");
/// let host = stack.add("Host", ComponentEndpoint::new("ml.g5.12xlarge", 1..=2));
/// let weights = Weights::prefix(S3Location::new("my-models", "qwen3-8b/"));
/// stack.add("Chat", InferenceComponent::new(&host, LargeModel::vllm("0.36.0", weights), 16_384).accelerators(1));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct InferenceComponent {
    host: ComponentHost,
    container: Container,
    requirements: InferenceComponentComputeResourceRequirements,
    startup: Option<InferenceComponentStartupParameters>,
    copies: Option<Value<i64>>,
    batch: CopyBatch,
    wait: Value<i64>,
    rollback_batch: Option<CopyBatch>,
    timeout: Option<Value<i64>>,
    types: Vec<ForInstanceType>,
    cache: Option<Value<bool>>,
    statements: Vec<Statement>,
    scaling: Option<(CapacityRange, Scaling<CopyCount>)>,
    settings: Settings,
}

impl EndpointOptions for InferenceComponent {
    fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl AutoscalingOptions for InferenceComponent {
    type Scales = CopyCount;

    fn scaling(&mut self) -> &mut Option<(CapacityRange, Scaling<CopyCount>)> {
        &mut self.scaling
    }
}

impl InferenceComponent {
    /// Creates a component with a container on an endpoint, and the minimum host memory of each copy in MB
    /// (`MinMemoryRequiredInMb`).
    #[track_caller]
    pub fn new(
        host: impl Into<ComponentHost>,
        container: impl Into<Container>,
        memory_mb: impl IntoValue<i64>,
    ) -> Self {
        let requirements = InferenceComponentComputeResourceRequirements::new()
            .min_memory_required_in_mb(memory_mb.into().with_caller_location());
        Self {
            host: host.into(),
            container: container.into(),
            requirements,
            startup: None,
            copies: None,
            batch: CopyBatch::percent(50),
            wait: 300.into(),
            rollback_batch: None,
            timeout: None,
            types: Vec::new(),
            cache: None,
            statements: Vec::new(),
            scaling: None,
            settings: Settings::default(),
        }
    }

    /// Sets the number of accelerators of each copy (`NumberOfAcceleratorDevicesRequired`). The default is 0.
    #[track_caller]
    pub fn accelerators(mut self, number: impl IntoValue<f64>) -> Self {
        self.requirements =
            self.requirements.number_of_accelerator_devices_required(number.into().with_caller_location());
        self
    }

    /// Sets the number of CPU cores of each copy, at least 0.25 (`NumberOfCpuCoresRequired`). By default, none are reserved.
    #[track_caller]
    pub fn cpu_cores(mut self, number: impl IntoValue<f64>) -> Self {
        self.requirements =
            self.requirements.number_of_cpu_cores_required(number.into().with_caller_location());
        self
    }

    /// Sets the maximum host memory that a copy may use, in MB (`MaxMemoryRequiredInMb`). By default, there is no maximum.
    #[track_caller]
    pub fn max_memory_mb(mut self, size: impl IntoValue<i64>) -> Self {
        self.requirements = self.requirements.max_memory_required_in_mb(size.into().with_caller_location());
        self
    }

    /// Sets the number of copies (`CopyCount`). The default is 1. If [`scale`](AutoscalingOptions::scale) enables autoscaling,
    /// do not call this setter: every update of the component would reset the number of copies.
    #[track_caller]
    pub fn copies(mut self, number: impl IntoValue<i64>) -> Self {
        self.copies = Some(number.into().with_caller_location());
        self
    }

    /// Adds a statement to the permissions of the endpoint's role, in addition to those that the component needs. It has no
    /// effect on a role that the app does not create.
    pub fn allow(mut self, statement: Statement) -> Self {
        self.statements.push(statement);
        self
    }

    /// Sets whether instances cache the model and the image, so that further copies start faster (`DataCacheConfig`). Without
    /// this call, the property is not set.
    #[track_caller]
    pub fn data_cache(mut self, enabled: impl IntoValue<bool>) -> Self {
        self.cache = Some(enabled.into().with_caller_location());
        self
    }

    /// Adds the settings for one instance type: another container, or the same container with other resources
    /// (`Specifications`). The endpoint has to have instance pools; if any type has settings, the component runs on the types
    /// with settings only.
    pub fn on_instance_type(mut self, specification: ForInstanceType) -> Self {
        self.types.push(specification);
        self
    }

    /// Sets the maximum time for downloading the model (`ModelDataDownloadTimeoutInSeconds`), one minute to one hour. The
    /// default is that of SageMaker.
    #[track_caller]
    pub fn download_timeout(mut self, time: impl Into<Seconds>) -> Self {
        let time = time.into().0.with_caller_location();
        self.startup = Some(self.startup.unwrap_or_default().model_data_download_timeout_in_seconds(time));
        self
    }

    /// Sets the maximum time until the container passes health checks (`ContainerStartupHealthCheckTimeoutInSeconds`), one
    /// minute to one hour. The default is that of SageMaker.
    #[track_caller]
    pub fn health_check_timeout(mut self, time: impl Into<Seconds>) -> Self {
        let time = time.into().0.with_caller_location();
        let startup = self.startup.unwrap_or_default();
        self.startup = Some(startup.container_startup_health_check_timeout_in_seconds(time));
        self
    }

    /// Sets the size of the batches in which an update replaces copies, and the waiting time after each batch, at most
    /// one hour (`RollingUpdatePolicy`). The defaults are half of the copies and five minutes.
    #[track_caller]
    pub fn rolling_update(mut self, batch: CopyBatch, wait: impl Into<Seconds>) -> Self {
        self.batch = batch;
        self.wait = wait.into().0.with_caller_location();
        self
    }

    /// Sets the number of copies that a rollback replaces at a time (`RollbackMaximumBatchSize`). The default is all copies.
    pub fn rollback_batch(mut self, batch: CopyBatch) -> Self {
        self.rollback_batch = Some(batch);
        self
    }

    /// Sets the maximum time of a whole update, ten minutes to eight hours (`MaximumExecutionTimeoutInSeconds`). The default
    /// is that of SageMaker.
    #[track_caller]
    pub fn update_timeout(mut self, time: impl Into<Seconds>) -> Self {
        self.timeout = Some(time.into().0.with_caller_location());
        self
    }

    /// Returns the specification of the component on any instance type.
    fn specification(&self, model_name: Value<String>) -> InferenceComponentSpecification {
        let mut specification = InferenceComponentSpecification::new()
            .model_name(model_name)
            .compute_resource_requirements(self.requirements.clone());
        if let Some(startup) = &self.startup {
            specification = specification.startup_parameters(startup.clone());
        }
        match &self.cache {
            Some(enabled) => specification.data_cache_config(InferenceComponentDataCacheConfig::new(enabled)),
            None => specification,
        }
    }

    /// Returns the specification for each instance type.
    fn specifications(
        &self,
        models: Vec<Value<String>>,
    ) -> Vec<InferenceComponentSpecificationForInstanceType> {
        let of_type = |(of_type, model_name): (&ForInstanceType, Value<String>)| {
            let mut specification =
                InferenceComponentSpecificationForInstanceType::new(&of_type.instance_type)
                    .model_name(model_name)
                    .compute_resource_requirements(of_type.requirements(self.requirements.clone()));
            if let Some(startup) = &self.startup {
                specification = specification.startup_parameters(startup.clone());
            }
            match &self.cache {
                Some(enabled) => {
                    specification.data_cache_config(InferenceComponentDataCacheConfig::new(enabled))
                }
                None => specification,
            }
        };
        self.types.iter().zip(models).map(of_type).collect()
    }

    /// How SageMaker updates the copies, rolled back by alarms of these names.
    fn deployment(&self, alarms: Vec<Value<String>>) -> InferenceComponentDeploymentConfig {
        let mut rolling = InferenceComponentRollingUpdatePolicy::new()
            .maximum_batch_size(self.batch.lower())
            .wait_interval_in_seconds(&self.wait);
        if let Some(batch) = &self.rollback_batch {
            rolling = rolling.rollback_maximum_batch_size(batch.lower());
        }
        if let Some(timeout) = &self.timeout {
            rolling = rolling.maximum_execution_timeout_in_seconds(timeout);
        }
        let deployment = InferenceComponentDeploymentConfig::new().rolling_update_policy(rolling);
        if alarms.is_empty() {
            return deployment;
        }
        let alarms: Vec<Alarm> = alarms.into_iter().map(Alarm::new).collect();
        deployment.auto_rollback_configuration(AutoRollbackConfiguration::new(alarms))
    }
}

/// The name of the log group of a component's containers.
fn log_group(component: &Value<String>) -> Value<String> {
    sub!("/aws/sagemaker/InferenceComponents/{}", component)
}

/// Adds the permissions that a component needs to the endpoint's role, and returns the policy that has to exist
/// before the component.
fn allow(host: &ComponentHost, statements: Vec<Statement>, scope: &mut Scope<'_>) -> Option<Handle> {
    // The app cannot add permissions to a role that it does not create.
    let role = host.role.handle()?;
    let policy = scope.add("Policy", versioned_policy(scope.id(), role, statements));
    Some((*policy).clone())
}

impl Construct for InferenceComponent {
    type Handle = InferenceComponentHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(mut self, scope: &mut Scope<'_>) -> InferenceComponentHandle {
        let name = name(scope, self.settings.name.as_ref(), "component");
        let memory = self.container.memory.clone();
        let (definition, mut statements) =
            self.container.clone().on(self.host.processor).define("", &log_group(&name), scope);
        let mut definitions = Vec::new();
        for (number, of_type) in self.types.iter_mut().enumerate() {
            let part = format!("Type{}", number + 1);
            let known = of_type.instance_type.as_literal().and_then(serde_json::Value::as_str);
            let processor = known.and_then(Processor::of_instance_type);
            let container = of_type.container.take();
            definitions.push(container.map(|container| {
                let memory = container.memory.clone();
                let (definition, needed) = container.on(processor).define(&part, &log_group(&name), scope);
                statements.extend(needed);
                (part, definition, memory)
            }));
        }
        statements.append(&mut self.statements);
        let policy = allow(&self.host, statements, scope);
        let role = self.host.role.arn().clone();
        let add_model = |id: &str, definition, memory: Option<_>, scope: &mut Scope<'_>| {
            let model = Model::new().primary_container(definition).execution_role_arn(&role);
            let model = memory
                .into_iter()
                .fold(model, |model, memory: serde_json::Value| model.metadata(STATEMENT_MEMBER, memory));
            let model = scope.add(id, policy.iter().fold(model, |model, policy| model.depends_on(policy)));
            model.model_name()
        };
        let model_name = add_model("Model", definition, memory, scope);
        let models: Vec<_> = definitions
            .into_iter()
            .map(|own| match own {
                Some((part, definition, memory)) => {
                    add_model(&format!("{part}Model"), definition, memory, scope)
                }
                None => model_name.clone(),
            })
            .collect();
        let subject = Subject::Component { name: name.clone() };
        let watched = [(String::new(), subject.clone())];
        let alarms = self.settings.add_alarms(&watched, hosting().real_time_request, scope);
        let mut component = sagemaker::InferenceComponent::new(&self.host.endpoint_name)
            .inference_component_name(&name)
            .variant_name(ONE_VARIANT)
            .deployment_config(self.deployment(alarms));
        component = if self.types.is_empty() {
            component.specification(self.specification(model_name))
        } else {
            component.specifications(self.specifications(models))
        };
        // With autoscaling, the property is omitted, because every update would reset the number of copies.
        let copies = match (&self.copies, &self.scaling) {
            (Some(copies), _) => Some(copies.clone()),
            (None, None) => Some(1.into()),
            (None, Some(_)) => None,
        };
        if let Some(copies) = copies {
            component = component.runtime_config(InferenceComponentRuntimeConfig::new().copy_count(copies));
        }
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

/// An [`InferenceComponent`] or an [`AdapterComponent`] that was added to a stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InferenceComponentHandle {
    /// The handle of the `AWS::SageMaker::InferenceComponent`.
    pub component: sagemaker::InferenceComponentHandle,
    name: Value<String>,
    host: ComponentHost,
}

impl InferenceComponentHandle {
    /// Returns the name of the component, which requests contain in addition to the name of the endpoint.
    pub fn name(&self) -> Value<String> {
        self.name.clone()
    }
}
