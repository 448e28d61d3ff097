//! The inference operator of HyperPod.

use stackwright_synth::intrinsic::json_text;
use stackwright_synth::{CallerLocation, Handle, IntoValue, Json, Property, Scope, Value};

use super::{Addons, ClusterAddon, EksAddon};

/// The prefixes that the operator requires in the names of its role and of its bucket (SageMaker Developer Guide,
/// "Setting up your HyperPod clusters for model deployment", and the chart of the operator; read 2026-11-26).
const ROLE_PREFIX: &str = "SageMakerHyperPodInference";
const BUCKET_PREFIX: &str = "hyperpod-tls-";

/// The inference operator of HyperPod (add-on `amazon-sagemaker-hyperpod-inference`), with the roles that its pods assume.
///
/// Its service accounts use IAM roles for service accounts (IRSA). The trust policy of such a role has the URL of the
/// EKS cluster's OIDC issuer in the names of its condition keys, and the names of members of a template are fixed.
/// The roles therefore have to be created outside of the construct (the console of SageMaker creates them with "Quick
/// install"), or with a trust policy that the program writes as a JSON string.
///
/// ```
/// use stackwright_stacks::cluster::InferenceOperator;
///
/// InferenceOperator::new()
///     .execution_role("arn:aws:iam::123456789012:role/SageMakerHyperPodInference-models")
///     .certificate_bucket("hyperpod-tls-models")
///     .load_balancer_role("arn:aws:iam::123456789012:role/models-alb")
///     .autoscaler_role("arn:aws:iam::123456789012:role/models-keda");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct InferenceOperator {
    execution_role: Option<Value<String>>,
    certificate_bucket: Option<Value<String>>,
    load_balancer_role: Option<Value<String>>,
    autoscaler_role: Option<Value<String>>,
    gated_models_role: Option<Value<String>>,
    location: CallerLocation,
}

impl Default for InferenceOperator {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl InferenceOperator {
    /// Creates the operator. It needs calls of [`execution_role`](Self::execution_role),
    /// [`certificate_bucket`](Self::certificate_bucket), [`load_balancer_role`](Self::load_balancer_role) and
    /// [`autoscaler_role`](Self::autoscaler_role); a missing one is an error at the line of this call.
    #[track_caller]
    pub fn new() -> Self {
        Self {
            execution_role: None,
            certificate_bucket: None,
            load_balancer_role: None,
            autoscaler_role: None,
            gated_models_role: None,
            location: std::panic::Location::caller(),
        }
    }

    /// Sets the role of the operator, by its ARN. Required. The name of the role starts with
    /// `SageMakerHyperPodInference`; another name is an error. The role has to have the managed policy
    /// `AmazonSageMakerHyperPodInferenceAccess`.
    #[track_caller]
    pub fn execution_role(mut self, arn: impl IntoValue<String>) -> Self {
        self.execution_role = Some(arn.into().with_caller_location());
        self
    }

    /// Sets the bucket in which the operator stores the TLS certificates of endpoints, by its name. Required. The name
    /// starts with `hyperpod-tls-`; another name is an error.
    #[track_caller]
    pub fn certificate_bucket(mut self, name: impl IntoValue<String>) -> Self {
        self.certificate_bucket = Some(name.into().with_caller_location());
        self
    }

    /// Sets the role of the AWS Load Balancer Controller, which the operator installs, by its ARN. Required.
    #[track_caller]
    pub fn load_balancer_role(mut self, arn: impl IntoValue<String>) -> Self {
        self.load_balancer_role = Some(arn.into().with_caller_location());
        self
    }

    /// Sets the role of the autoscaler KEDA, which the operator installs, by its ARN. Required.
    #[track_caller]
    pub fn autoscaler_role(mut self, arn: impl IntoValue<String>) -> Self {
        self.autoscaler_role = Some(arn.into().with_caller_location());
        self
    }

    /// Sets the role that downloads gated models of SageMaker JumpStart, by its ARN. Without it, the operator cannot
    /// deploy gated models.
    #[track_caller]
    pub fn gated_models_role(mut self, arn: impl IntoValue<String>) -> Self {
        self.gated_models_role = Some(arn.into().with_caller_location());
        self
    }

    /// Reports settings that the operator would refuse.
    fn check(&self, scope: &Scope<'_>) {
        let refuse = |message: String, help: &str| {
            scope.error("inference-operator", message, help.to_owned(), Some(self.location));
        };
        let required = [
            ("execution role", &self.execution_role),
            ("certificate bucket", &self.certificate_bucket),
            ("load balancer role", &self.load_balancer_role),
            ("autoscaler role", &self.autoscaler_role),
        ];
        for (what, value) in required {
            if value.is_none() {
                refuse(
                    format!("the inference operator has no {what}"),
                    "set it with the setter of the same name",
                );
            }
        }
        let literal = |value: &Option<Value<String>>| -> Option<String> {
            value.as_ref()?.as_literal()?.as_str().map(str::to_owned)
        };
        if let Some(arn) = literal(&self.execution_role)
            && !arn.rsplit('/').next().is_some_and(|name| name.starts_with(ROLE_PREFIX))
        {
            let message =
                format!("the name of the inference operator's role is not `{ROLE_PREFIX}…` in `{arn}`");
            refuse(message, "the operator refuses another name: rename the role");
        }
        if let Some(name) = literal(&self.certificate_bucket)
            && !name.starts_with(BUCKET_PREFIX)
        {
            let message = format!("the certificate bucket `{name}` does not start with `{BUCKET_PREFIX}`");
            refuse(message, "the policy of the operator's role allows such buckets only: rename the bucket");
        }
    }

    /// Adds the add-on after those that it needs.
    pub(super) fn add(
        &self,
        addons: &Addons,
        cluster_arn: &Value<String>,
        before: &[Handle],
        scope: &mut Scope<'_>,
    ) {
        self.check(scope);
        let text = |value: &Option<Value<String>>| value.clone().unwrap_or_else(|| "".into());
        let object = |entries: Vec<Property>| -> Value<Json> { Json::object(entries).into() };
        let account = object(vec![
            Property::new("create", true),
            Property::new("roleArn", text(&self.load_balancer_role)),
        ]);
        let irsa = object(vec![
            Property::new("enabled", true),
            Property::new("roleArn", text(&self.autoscaler_role)),
        ]);
        let auth = object(vec![Property::new("aws", object(vec![Property::new("irsa", irsa)]))]);
        let mut entries = vec![
            Property::new("executionRoleArn", text(&self.execution_role)),
            Property::new("tlsCertificateS3Bucket", text(&self.certificate_bucket)),
            Property::new("hyperpodClusterArn", cluster_arn),
            Property::new(
                "alb",
                object(vec![Property::new("enabled", true), Property::new("serviceAccount", account)]),
            ),
            Property::new("keda", object(vec![Property::new("enabled", true), Property::new("auth", auth)])),
        ];
        if let Some(role) = &self.gated_models_role {
            entries.push(Property::new("jumpstartGatedModelDownloadRoleArn", role));
        }
        let configured = |resource: EksAddon| resource.configuration_values(json_text(Json::object(entries)));
        addons.add_after("Inference", &ClusterAddon::INFERENCE, configured, before, scope);
    }
}
