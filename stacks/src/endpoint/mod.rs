//! Endpoints of SageMaker, which serve models.
//!
//! Each kind of endpoint has its own type, with exactly the settings that SageMaker accepts for it: a serverless
//! endpoint has no instances, a real-time one no queue, one with several variants no rolling update. This module
//! contains what they share: names, models and roles, and the endpoint with its alarms, dashboard and logs.
//!
//! Models and configurations have no fixed names, so that every change creates new ones. The endpoint keeps its name and is
//! updated in place, according to its deployment policy.

mod asynchronous;
mod capture;
mod component;
mod dashboard;
mod deployment;
mod external;
mod hosting;
mod multi_model;
mod options;
mod real_time;
mod serverless;
mod settings;
mod variant;
mod watching;

pub use asynchronous::{AsynchronousEndpoint, NotificationTopic};
pub use capture::DataCapture;
pub use component::{
    AdapterComponent, ComponentEndpoint, ComponentEndpointHandle, ComponentHost, CopyBatch, ForInstanceType,
    InferenceComponent, InferenceComponentHandle,
};
pub use deployment::{BlueGreen, CapacitySize, Rolling};
pub use external::ExternalEndpoint;
pub use hosting::{InstanceMetrics, InstancePool, Routing};
pub use multi_model::MultiModelEndpoint;
pub use options::{
    AutoscalingOptions, BlueGreenOptions, EndpointOptions, HostingOptions, InstanceCountOptions,
    MetricsOptions, RollingOptions,
};
pub use real_time::{OneVariant, RealTimeEndpoint, RollingUpdate, SeveralVariants, WithShadow};
pub use serverless::{MemorySize, MemorySizeValue, ServerlessEndpoint};
pub use stackwright_resources::sagemaker::endpoint_config::InferenceAmiVersion;
pub use variant::Variant;

use std::time::Duration;

use stackwright_estimate::memory::STATEMENT_MEMBER;
use stackwright_resources::sagemaker::endpoint::VariantProperty;
use stackwright_resources::sagemaker::model::{InferenceExecutionConfig, VpcConfig};
use stackwright_resources::sagemaker::{
    self, Endpoint, EndpointConfig, EndpointConfigHandle, Model, ModelHandle,
};
use stackwright_schemas::hosting::hosting;
use stackwright_synth::intrinsic::stack_name;
use stackwright_synth::{ResourceOptions, Scope, Value, sub};

use crate::autoscaling::{CapacityRange, Scaled, Scaling, Target};
use crate::container::Containers;
use crate::iam::{self, BuiltRole, RoleNeeded, RoleReference, RoleSettings, Statement};
use crate::key::EncryptionKey;
use crate::metric::Subject;
use crate::security::SecuritySettings;
use deployment::Update;
use hosting::Hosting;
use settings::Settings;

/// The name of the variant of endpoints with only one variant, which is SageMaker's default name.
const ONE_VARIANT: &str = "AllTraffic";

/// The name that the program sets, or one that consists of the stack's name and the construct's ID.
fn name(scope: &Scope<'_>, given: Option<&Value<String>>, what: &str) -> Value<String> {
    if let Some(name) = given {
        return name.clone();
    }
    let name = format!("{}-{}", scope.stack_name(), scope.id());
    let most = hosting().name_characters;
    if name.len() > most {
        scope.error(
            "endpoint-name",
            format!("`{name}` is longer than {most} characters, the maximum for the name of an {what}"),
            "set a shorter name with `.name(…)`".to_owned(),
            None,
        );
    }
    sub!("{}-{}", stack_name(), scope.id())
}

/// A name without the characters that a logical ID cannot have.
fn id(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The name of the log group of an endpoint's containers.
fn log_group(endpoint: &Value<String>) -> Value<String> {
    sub!("/aws/sagemaker/Endpoints/{}", endpoint)
}

/// A model in a stack, with the role that it runs with.
struct ServedModel {
    model: ModelHandle,
    role: RoleReference,
}

/// Adds a model and its role, under ids that start with a part.
fn add_model(
    containers: Containers,
    part: &str,
    log_group: &Value<String>,
    security: &SecuritySettings,
    permissions: (RoleSettings, Vec<Statement>),
    scope: &mut Scope<'_>,
) -> ServedModel {
    let (role, more) = permissions;
    let mut model = Model::new();
    let mut statements = Vec::new();
    let several = containers.all.len() > 1;
    let mut definitions = Vec::new();
    let mut memory = None;
    for (number, container) in containers.all.into_iter().enumerate() {
        let part = if several { format!("{part}Container{}", number + 1) } else { part.to_owned() };
        memory = memory.or_else(|| container.memory.clone());
        let (definition, needed) = container.define(&part, log_group, scope);
        definitions.push(definition);
        for statement in needed {
            if !statements.contains(&statement) {
                statements.push(statement);
            }
        }
    }
    model = match containers.mode {
        Some(mode) => {
            model.containers(definitions).inference_execution_config(InferenceExecutionConfig::new(mode))
        }
        None => definitions.into_iter().fold(model, Model::primary_container),
    };
    if let Some(vpc) = &security.vpc {
        model =
            model.vpc_config(VpcConfig::new().subnets(&vpc.subnets).security_group_ids(&vpc.security_groups));
        statements.extend(iam::network_interfaces());
    }
    if let Some(isolated) = &security.isolated {
        model = model.enable_network_isolation(isolated);
    }
    if let Some(key) = &security.key {
        statements.push(iam::use_key(key));
    }
    statements.extend(more);
    let needed =
        RoleNeeded { id: format!("{part}Role"), service: "sagemaker", policy: "Execution", statements };
    let BuiltRole { role, policy } = role.build_versioned(needed, scope);
    model = model.execution_role_arn(role.arn());
    if let Some(policy) = policy {
        model = model.depends_on(&policy);
    }
    if let Some(statement) = memory {
        model = model.metadata(STATEMENT_MEMBER, statement);
    }
    let model = scope.add(&format!("{part}Model"), model);
    ServedModel { model, role }
}

/// Encrypts the volumes of instances with a key. Instances with NVMe storage encrypt it with their own key, and
/// `CreateEndpointConfig` refuses `KmsKeyId` if any variant runs on them.
fn encrypted(config: EndpointConfig, key: Option<&EncryptionKey>, on_local_storage: bool) -> EndpointConfig {
    match key.filter(|_| !on_local_storage) {
        Some(key) => config.kms_key_id(key.id()),
        None => config,
    }
}

/// An endpoint before it is added.
struct Plan<'s> {
    name: Value<String>,
    config: EndpointConfig,
    /// The production variants: the start of their ids, and their names.
    variants: Vec<(String, Value<String>)>,
    settings: &'s Settings,
    update: Option<Update>,
    /// Whether autoscaling changes the number of instances.
    is_scaled: bool,
    /// The maximum duration of a request.
    longest_request: Duration,
    models: Vec<ServedModel>,
}

impl Plan<'_> {
    /// Adds the configuration, the endpoint, and its alarms, dashboard and log group.
    fn add(self, scope: &mut Scope<'_>) -> EndpointHandle {
        let Self { name, mut config, variants, settings, update, is_scaled, longest_request, models } = self;
        let tags = settings.tag_list();
        if !tags.is_empty() {
            config = config.tags(tags.clone());
        }
        if let Some(metrics) = &settings.metrics {
            config = config.metrics_config(metrics.0.clone());
        }
        let config = scope.add("Config", config);
        let mut endpoint = Endpoint::new(config.endpoint_config_name()).endpoint_name(&name);
        let count = variants.len();
        let watched: Vec<(String, Subject)> = variants
            .into_iter()
            .map(|(part, variant)| (part, Subject::Variant { endpoint: name.clone(), variant }))
            .collect();
        let alarms = settings.add_alarms(&watched, longest_request, scope);
        if let Some(update) = update {
            endpoint = endpoint.deployment_config(update.lower(alarms));
        }
        endpoint = keep_what_runs(endpoint, count, is_scaled, settings);
        if !tags.is_empty() {
            endpoint = endpoint.tags(tags);
        }
        if let Some(group) = settings.add_log_group(log_group(&name), scope) {
            // The endpoint depends on the log group: otherwise its containers could create the group first, and the
            // creation by the stack would fail.
            endpoint = endpoint.depends_on(&group);
        }
        let endpoint = scope.add_default(endpoint);
        settings.add_dashboard(&watched, scope);
        let (models, roles) = models.into_iter().map(|served| (served.model, served.role)).unzip();
        EndpointHandle { endpoint, config, models, roles }
    }
}

/// An endpoint with one variant on instances, before it is added.
struct OnInstances<T> {
    containers: Containers,
    hosting: Hosting,
    scaling: Option<(CapacityRange, Scaling<T>)>,
    update: Update,
    settings: Settings,
    security: SecuritySettings,
}

impl<T: Target> OnInstances<T> {
    /// Adds the endpoint under a name. The caller passes the permissions of its kind, and a change to the
    /// configuration.
    fn add(
        self,
        name: Value<String>,
        longest_request: Duration,
        more: Vec<Statement>,
        change: impl FnOnce(EndpointConfig) -> EndpointConfig,
        scope: &mut Scope<'_>,
    ) -> EndpointHandle {
        let Self { containers, hosting, scaling, update, settings, security } = self;
        let name_of_variant = Value::from(ONE_VARIANT);
        let on_local_storage = hosting.has_local_storage();
        let variant = Variant::of(name_of_variant.clone(), containers, hosting);
        let permissions = (settings.role.clone(), more);
        let (lowered, served) = variant.lower("", &name, &security, permissions, scope);
        let config = change(EndpointConfig::new([lowered]));
        let config = encrypted(config, security.key.as_ref(), on_local_storage);
        let plan = Plan {
            name,
            config,
            variants: vec![(String::new(), name_of_variant.clone())],
            settings: &settings,
            update: Some(update),
            is_scaled: scaling.is_some(),
            longest_request,
            models: vec![served],
        };
        let endpoint = plan.add(scope);
        if let Some(scaling) = scaling {
            add_scaling(&endpoint, &name_of_variant, "", scaling, scope);
        }
        endpoint
    }
}

/// Keeps the weights and the capacity that were changed while the endpoint was running, unless the program requests
/// that updates reset them.
fn keep_what_runs(endpoint: Endpoint, variants: usize, is_scaled: bool, settings: &Settings) -> Endpoint {
    let keeps_weights = variants > 1 && !settings.sets_weights;
    if !is_scaled && !keeps_weights {
        return endpoint;
    }
    let mut set_anew = vec!["DataCaptureConfig"];
    if !is_scaled {
        set_anew.push("DesiredInstanceCount");
    }
    if !keeps_weights {
        set_anew.push("DesiredWeight");
    }
    let set_anew: Vec<_> =
        set_anew.into_iter().map(|property| VariantProperty::new().variant_property_type(property)).collect();
    endpoint.retain_all_variant_properties(true).exclude_retained_variant_properties(set_anew)
}

/// Adds the autoscaling of a variant.
fn add_scaling<T: Target>(
    endpoint: &EndpointHandle,
    variant: &Value<String>,
    part: &str,
    (capacity, scaling): (CapacityRange, Scaling<T>),
    scope: &mut Scope<'_>,
) {
    let name = endpoint.name();
    let scaled = Scaled {
        capacity,
        scaling,
        resource_id: sub!("endpoint/{}/variant/{}", &name, variant),
        subject: Subject::Variant { endpoint: name, variant: variant.clone() },
        after: None,
    };
    scope.add(&format!("{part}Capacity"), scaled);
}

/// A SageMaker endpoint that was added to a stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndpointHandle {
    /// The handle of the `AWS::SageMaker::Endpoint`.
    pub endpoint: sagemaker::EndpointHandle,
    /// The handle of the `AWS::SageMaker::EndpointConfig`.
    pub config: EndpointConfigHandle,
    /// The handles of the `AWS::SageMaker::Model` resources, one for each variant, and then that of the shadow variant.
    pub models: Vec<ModelHandle>,
    /// The execution roles of the models, in the same order as the models.
    pub roles: Vec<RoleReference>,
}

impl EndpointHandle {
    /// Returns the name of the endpoint, which a request (`InvokeEndpoint`) contains.
    pub fn name(&self) -> Value<String> {
        self.endpoint.endpoint_name()
    }

    /// Returns the endpoint's ARN.
    pub fn arn(&self) -> Value<String> {
        self.endpoint.endpoint_arn()
    }

    /// Returns a statement that allows the role of a client to invoke the endpoint, also asynchronously and with a response
    /// stream.
    pub fn allow_invoke(&self) -> Statement {
        allow_invoke(&self.arn())
    }
}

/// Permission to invoke an endpoint by its ARN.
fn allow_invoke(arn: &Value<String>) -> Statement {
    Statement::allow([
        "sagemaker:InvokeEndpoint",
        "sagemaker:InvokeEndpointAsync",
        "sagemaker:InvokeEndpointWithResponseStream",
    ])
    .on(arn)
}
