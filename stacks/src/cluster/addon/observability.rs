//! The observability add-on of HyperPod.

use stackwright_resources::Tag;
use stackwright_resources::aps::{Workspace, WorkspaceHandle};
use stackwright_synth::intrinsic::{json_text, region, stack_name, url_suffix};
use stackwright_synth::{IntoValue, Json, Property, Scope, Value, sub};

use super::{Addons, ClusterAddon, EksAddon, PodRole};
use crate::arn::checked;
use crate::defaults;
use crate::iam::{RoleReference, Statement, arn};
use crate::key::EncryptionKey;

/// The level of detail of the metrics that the observability add-on collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricLevel {
    /// The metrics about training, nodes and accelerators that the dashboards need (`BASIC`). Metrics about network,
    /// scaling and task governance are disabled.
    Basic,
    /// All metrics (`ADVANCED`), also about network, scaling and task governance.
    Advanced,
}

impl MetricLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Basic => "BASIC",
            Self::Advanced => "ADVANCED",
        }
    }
}

/// The settings of the observability add-on of HyperPod (`amazon-sagemaker-hyperpod-observability`).
///
/// The add-on sends metrics to a workspace of Amazon Managed Service for Prometheus, which is created unless an existing
/// one is set. It adds dashboards to a workspace of Amazon Managed Grafana if one is set.
///
/// ```
/// use stackwright_stacks::cluster::Observability;
///
/// Observability::new();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Observability {
    workspace: Option<(Value<String>, Value<String>)>,
    key: Option<EncryptionKey>,
    grafana: Option<(Value<String>, Value<String>)>,
    level: MetricLevel,
    logs: bool,
}

impl Observability {
    /// Creates the settings with a new Prometheus workspace (`AWS::APS::Workspace`) and basic metrics, without dashboards
    /// and without logs of containers.
    pub fn new() -> Self {
        Self { workspace: None, key: None, grafana: None, level: MetricLevel::Basic, logs: false }
    }

    /// Stores the metrics in an existing Prometheus workspace, given by its endpoint and its ARN. The endpoint has no slash
    /// at its end, as in `https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-0a1b2c3d`. An ARN of another
    /// service is an error at the caller's line. [`kms_key`](Self::kms_key) has no effect on an existing workspace.
    #[track_caller]
    pub fn workspace(mut self, endpoint: impl IntoValue<String>, arn: impl IntoValue<String>) -> Self {
        let example = "arn:aws:aps:us-east-1:123456789012:workspace/ws-0a1b2c3d";
        self.workspace = Some((endpoint.into().with_caller_location(), checked(arn, "aps", example)));
        self
    }

    /// Encrypts the new Prometheus workspace with this key of AWS KMS, given as a handle or an ARN, instead of the
    /// stack's default key or a key that AWS owns (`KmsKeyArn`). An alias is an error. If the key is changed later,
    /// CloudFormation replaces the workspace, and its metrics are lost.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds dashboards to an existing workspace of Amazon Managed Grafana, given by its name and its ARN. By default, there
    /// are no dashboards: a Grafana workspace needs IAM Identity Center, so the add-on creates none.
    #[track_caller]
    pub fn grafana(mut self, name: impl IntoValue<String>, arn: impl IntoValue<String>) -> Self {
        let example = "arn:aws:grafana:us-east-1:123456789012:/workspaces/g-0a1b2c3d";
        self.grafana = Some((name.into().with_caller_location(), checked(arn, "grafana", example)));
        self
    }

    /// Sets the level of detail of the metrics. The default is [`MetricLevel::Basic`].
    pub fn level(mut self, level: MetricLevel) -> Self {
        self.level = level;
        self
    }

    /// Sends the logs of containers to CloudWatch Logs. By default, they are not sent.
    pub fn container_logs(mut self) -> Self {
        self.logs = true;
        self
    }
}

impl Default for Observability {
    fn default() -> Self {
        Self::new()
    }
}

impl Observability {
    /// Adds the add-on with a role for its collector.
    pub(super) fn add(
        &self,
        addons: &Addons,
        log_groups: &Value<String>,
        scope: &mut Scope<'_>,
    ) -> RoleReference {
        let (endpoint, workspace) = match &self.workspace {
            Some(given) => given.clone(),
            None => {
                let mut workspace = Workspace::new().alias(sub!("{}", stack_name()));
                if let Some(key) = defaults::encryption_key(self.key.clone(), scope) {
                    workspace = workspace
                        .kms_key_arn(key.without_alias("Amazon Managed Service for Prometheus", scope));
                }
                let workspace: WorkspaceHandle = scope.add("Metrics", workspace);
                // The add-on requires the endpoint without the slash at the end of the attribute.
                (
                    sub!(
                        "https://aps-workspaces.{}.{}/workspaces/{}",
                        region(),
                        url_suffix(),
                        workspace.workspace_id()
                    ),
                    workspace.arn(),
                )
            }
        };
        let group = arn("logs", sub!("log-group:{}*", log_groups));
        let mut statements = vec![Statement::allow(["aps:RemoteWrite"]).on(&workspace)];
        if self.logs {
            statements.push(
                Statement::allow([
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogGroups",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ])
                .on(&group)
                .on(sub!("{}:log-stream:*", &group)),
            );
        }
        let role = addons.role(PodRole::Observability, statements, scope);
        let addon = ClusterAddon::OBSERVABILITY;
        let identity = Addons::identity(&addon, &role);
        let configuration = self.configuration(&endpoint, &workspace);
        let configured = |resource: EksAddon| {
            let resource =
                resource.configuration_values(json_text(configuration)).tags([Tag::new("SageMaker", "true")]);
            match identity {
                Some(identity) => resource.pod_identity_associations([identity]),
                None => resource,
            }
        };
        addons.add("Observability", &addon, configured, &[], scope);
        role
    }

    /// Returns the configuration of the observability add-on.
    fn configuration(&self, endpoint: &Value<String>, workspace: &Value<String>) -> Json {
        let text = |name: &'static str, value: &Value<String>| Property::new(name, value);
        let object = |entries: Vec<Property>| -> Value<Json> { Json::object(entries).into() };
        let level = |level: &'static str| object(vec![Property::new("level", level)]);
        let chosen = self.level.name();
        // These kinds of metrics have no levels: they are disabled or complete.
        let switched = if self.level == MetricLevel::Advanced { "ADVANCED" } else { "DISABLED" };
        let kinds = [
            ("trainingMetrics", chosen),
            ("customMetrics", chosen),
            ("nodeMetrics", chosen),
            ("acceleratedComputeMetrics", chosen),
            ("taskGovernanceMetrics", switched),
            ("scalingMetrics", switched),
            ("networkMetrics", switched),
        ];
        let metrics =
            object(kinds.into_iter().map(|(name, kind)| Property::new(name, level(kind))).collect());
        let prometheus = object(vec![text("prometheusEndpoint", endpoint), text("arn", workspace)]);
        let mut entries =
            vec![Property::new("ampWorkspace", prometheus), Property::new("metricsProvider", metrics)];
        if let Some((name, arn)) = &self.grafana {
            entries.push(Property::new(
                "amgWorkspace",
                object(vec![text("workspaceName", name), text("arn", arn)]),
            ));
        }
        entries.push(Property::new("logging", object(vec![Property::new("enabled", self.logs)])));
        Json::object(entries)
    }
}
