//! Real-time endpoints on instances.

use stackwright_resources::sagemaker::EndpointConfig;
use stackwright_schemas::hosting::hosting;
use stackwright_synth::{Construct, Scope, Value};

use super::deployment::{BlueGreen, Rolling, Update};
use super::options::{EndpointOptions, MetricsOptions};
use super::settings::Settings;
use super::variant::Variant;
use super::{DataCapture, EndpointHandle, Plan, add_scaling, encrypted, id, name};
use crate::iam::{RoleOptions, RoleSettings, Statement};
use crate::security::{SecurityOptions, SecuritySettings};

/// The marker of a [`RealTimeEndpoint`] with one variant: further variants, a shadow variant, or a rolling update can be
/// added.
#[derive(Clone, Copy, Debug)]
pub enum OneVariant {}

/// The marker of a [`RealTimeEndpoint`] with several variants, among which the requests are distributed.
#[derive(Clone, Copy, Debug)]
pub enum SeveralVariants {}

/// The marker of a [`RealTimeEndpoint`] with a shadow variant, which gets a copy of the requests.
#[derive(Clone, Copy, Debug)]
pub enum WithShadow {}

/// The marker of a [`RealTimeEndpoint`] with a rolling update, which replaces instances in batches.
#[derive(Clone, Copy, Debug)]
pub enum RollingUpdate {}

/// A real-time endpoint: models on instances that respond to requests synchronously.
///
/// It becomes `AWS::SageMaker::Endpoint`, `AWS::SageMaker::EndpointConfig`, `AWS::SageMaker::Model`, `AWS::IAM::Role` and
/// `AWS::CloudWatch::Alarm`.
///
/// An update starts a new fleet beside the old one, and is rolled back by alarms on errors and latency that the
/// construct creates; [`blue_green`](Self::blue_green) and [`rolling`](RealTimeEndpoint::rolling) set how traffic is
/// shifted. Combinations that AWS rejects do not compile: a rolling update, or a shadow, with several variants.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::{AutoscalingOptions, BlueGreen, CapacitySize, RealTimeEndpoint, Variant};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
/// # use stackwright_synth::App;
///
/// # let app = App::new("shop");
/// # let stack = app.stack("Serving").region("us-east-1");
/// let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu))
///     .model(S3Location::new("my-models", "relevance/3/model.tar.gz"));
/// let variant = Variant::new("Main", container, "ml.g5.2xlarge")
///     .scale(1..=4, TargetTracking::invocations_per_instance(200.0));
/// let scorers = stack.add(
///     "Scorers",
///     RealTimeEndpoint::new(variant)
///         .blue_green(BlueGreen::canary(CapacitySize::percent(10)).wait(Duration::from_mins(10))),
/// );
/// stack.output("EndpointName", scorers.name());
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
///
/// ```compile_fail,E0599
/// # use std::time::Duration;
/// # use stackwright_stacks::container::Container;
/// # use stackwright_stacks::endpoint::{CapacitySize, RealTimeEndpoint, Rolling, Variant};
/// # use stackwright_stacks::{ContainerImage, Processor};
/// # let container = || Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu));
/// // Several variants have no rolling update.
/// RealTimeEndpoint::new(Variant::new("Old", container(), "ml.g5.xlarge"))
///     .variant(Variant::new("New", container(), "ml.g5.xlarge"))
///     .rolling(Rolling::new(CapacitySize::percent(20), Duration::from_mins(5)));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RealTimeEndpoint<V> {
    variants: Vec<Variant>,
    shadow: Option<Variant>,
    update: Update,
    capture: Option<DataCapture>,
    settings: Settings,
    security: SecuritySettings,
    kind: std::marker::PhantomData<fn() -> V>,
}

impl<V> EndpointOptions for RealTimeEndpoint<V> {
    fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl<V> RoleOptions for RealTimeEndpoint<V> {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

impl<V> SecurityOptions for RealTimeEndpoint<V> {
    fn security_settings(&mut self) -> &mut SecuritySettings {
        &mut self.security
    }
}

impl<V> MetricsOptions for RealTimeEndpoint<V> {}

impl<V> RealTimeEndpoint<V> {
    fn become_<W>(self) -> RealTimeEndpoint<W> {
        RealTimeEndpoint {
            variants: self.variants,
            shadow: self.shadow,
            update: self.update,
            capture: self.capture,
            settings: self.settings,
            security: self.security,
            kind: std::marker::PhantomData,
        }
    }

    /// Stores a share of the requests and responses in S3. The roles of the variants may write there. By default, nothing is
    /// stored.
    pub fn data_capture(mut self, capture: DataCapture) -> Self {
        self.capture = Some(capture);
        self
    }
}

impl RealTimeEndpoint<OneVariant> {
    /// Creates an endpoint with one variant, to which [`variant`](Self::variant) can add others.
    pub fn new(variant: Variant) -> Self {
        Self {
            variants: vec![variant],
            shadow: None,
            update: Update::BlueGreen(BlueGreen::all_at_once()),
            capture: None,
            settings: Settings::default(),
            security: SecuritySettings::default(),
            kind: std::marker::PhantomData,
        }
    }

    /// Adds a second variant (`ProductionVariants`): the requests are distributed between the two in proportion to
    /// their weights.
    pub fn variant(mut self, variant: Variant) -> RealTimeEndpoint<SeveralVariants> {
        self.variants.push(variant);
        self.become_()
    }

    /// Adds a shadow variant (`ShadowProductionVariants`): it receives a copy of the requests, and its responses are not
    /// returned. Its weight, 0 to 1, is the share of the requests that it gets. Shadow variants do not support several
    /// containers or Inferentia 1.
    pub fn shadow(mut self, variant: Variant) -> RealTimeEndpoint<WithShadow> {
        self.shadow = Some(variant);
        self.become_()
    }

    /// Updates the endpoint in batches of instances, instead of with a second fleet. The default is a blue/green update.
    pub fn rolling(mut self, update: Rolling) -> RealTimeEndpoint<RollingUpdate> {
        self.update = Update::Rolling(update);
        self.become_()
    }
}

impl RealTimeEndpoint<SeveralVariants> {
    /// Adds another variant (`ProductionVariants`). SageMaker accepts at most ten variants of an endpoint.
    pub fn variant(mut self, variant: Variant) -> Self {
        self.variants.push(variant);
        self
    }

    /// Makes every update reset the weights of the variants to those of the program (`RetainAllVariantProperties`). By
    /// default, weights that were changed while the endpoint was running are kept: a deployment does not undo a manual
    /// shift of traffic.
    pub fn set_weights(mut self) -> Self {
        self.settings.sets_weights = true;
        self
    }
}

/// The marker of endpoints that support blue/green updates.
pub trait BlueGreenUpdate {}

impl BlueGreenUpdate for OneVariant {}
impl BlueGreenUpdate for SeveralVariants {}
impl BlueGreenUpdate for WithShadow {}

impl<V: BlueGreenUpdate> RealTimeEndpoint<V> {
    /// Sets how an update shifts traffic to the new fleet. The default is [`BlueGreen::all_at_once`].
    pub fn blue_green(mut self, update: BlueGreen) -> Self {
        self.update = Update::BlueGreen(update);
        self
    }
}

impl<V> RealTimeEndpoint<V> {
    /// Returns the permissions that the roles of all variants need in addition to those for their models.
    fn statements(&self) -> Vec<Statement> {
        self.capture.iter().flat_map(|capture| capture.location.write()).collect()
    }
}

/// The prefixes of IDs: the names of the variants, with a number where two are the same.
fn parts<'v>(variants: impl Iterator<Item = &'v Variant>) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for variant in variants {
        let mut part = id(variant.name.as_literal().and_then(|name| name.as_str()).unwrap_or("Variant"));
        if parts.contains(&part) {
            part = format!("{part}{}", parts.len() + 1);
        }
        parts.push(part);
    }
    parts
}

impl<V> Construct for RealTimeEndpoint<V> {
    type Handle = EndpointHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> EndpointHandle {
        let name = name(scope, self.settings.name.as_ref(), "endpoint");
        let security = self.security.clone().with_defaults(scope);
        let on_local_storage =
            self.variants.iter().chain(&self.shadow).any(|variant| variant.hosting.has_local_storage());
        let more = self.statements();
        let names: Vec<Value<String>> = self.variants.iter().map(|variant| variant.name.clone()).collect();
        let scalings: Vec<_> = self.variants.iter().map(|variant| variant.scaling.clone()).collect();
        let parts = parts(self.variants.iter().chain(&self.shadow));
        let (mut variants, models): (Vec<_>, Vec<_>) = self
            .variants
            .into_iter()
            .chain(self.shadow)
            .zip(&parts)
            .map(|(variant, part)| {
                let permissions = (self.settings.role.clone(), more.clone());
                variant.lower(part, &name, &security, permissions, scope)
            })
            .unzip();
        let shadows = variants.split_off(names.len());
        let mut config = EndpointConfig::new(variants);
        if !shadows.is_empty() {
            config = config.shadow_production_variants(shadows);
        }
        if let Some(capture) = &self.capture {
            config = config.data_capture_config(capture.lower(security.key.as_ref()));
        }
        let plan = Plan {
            name,
            config: encrypted(config, security.key.as_ref(), on_local_storage),
            variants: parts.iter().cloned().zip(names.iter().cloned()).collect(),
            settings: &self.settings,
            update: Some(self.update),
            is_scaled: scalings.iter().any(Option::is_some),
            longest_request: hosting().real_time_request,
            models,
        };
        let endpoint = plan.add(scope);
        for ((name, part), scaling) in names.iter().zip(&parts).zip(scalings) {
            if let Some(scaling) = scaling {
                add_scaling(&endpoint, name, part, scaling, scope);
            }
        }
        endpoint
    }
}
