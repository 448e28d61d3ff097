//! Add-ons of Amazon EKS that HyperPod publishes. They need nodes, so they are installed after the cluster.

use stackwright_resources::Tag;
use stackwright_resources::aps::{Workspace, WorkspaceHandle};
use stackwright_resources::eks::addon::PodIdentityAssociation;
use stackwright_resources::eks::{self, Addon};
use stackwright_resources::iam::Role;
use stackwright_resources::iam::role::Policy;
use stackwright_synth::intrinsic::{account_id, json_text};
use stackwright_synth::{Construct, Handle, IntoValue, Json, Property, ResourceOptions, Scope, Value, sub};

use super::HyperPodHandle;
use super::eks::Eks;
use crate::iam::{PolicyDocument, Statement, arn};

/// An add-on: its name, and the service account that gets a role by EKS Pod Identity.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClusterAddon {
    name: &'static str,
    service_account: Option<&'static str>,
}

impl ClusterAddon {
    pub const TASK_GOVERNANCE: Self =
        Self { name: "amazon-sagemaker-hyperpod-taskgovernance", service_account: None };
    const CERT_MANAGER: Self = Self { name: "cert-manager", service_account: None };
    const CORE_DNS: Self = Self { name: "coredns", service_account: None };
    const TRAINING_OPERATOR: Self = Self {
        name: "amazon-sagemaker-hyperpod-training-operator",
        service_account: Some("hp-training-operator-controller-manager"),
    };
    const OBSERVABILITY: Self = Self {
        name: "amazon-sagemaker-hyperpod-observability",
        service_account: Some("hyperpod-observability-operator-otel-collector"),
    };
}

/// What add-ons of a cluster have in common.
#[derive(Clone, Debug)]
pub(super) struct Addons {
    eks_name: Value<String>,
    eks_arn: Value<String>,
    cluster: Handle,
}

type EksAddon = Addon;

impl Addons {
    pub fn of<P>(cluster: &HyperPodHandle<Eks<P>>) -> Self {
        Self {
            eks_name: cluster.kind.cluster().name(),
            eks_arn: cluster.kind.cluster().arn(),
            cluster: Handle::clone(&cluster.cluster),
        }
    }

    /// Adds an add-on with what its service account may do, after the cluster and everything that `after` names.
    pub fn add(
        &self,
        id: &str,
        addon: &ClusterAddon,
        change: impl FnOnce(EksAddon) -> EksAddon,
        after: &[Handle],
        scope: &mut Scope<'_>,
    ) -> Handle {
        let resource =
            Addon::new().cluster_name(&self.eks_name).addon_name(addon.name).depends_on(&self.cluster);
        let resource = after.iter().fold(change(resource), |resource, handle| resource.depends_on(handle));
        Handle::clone(&scope.add(id, resource))
    }

    /// A role that pods of the EKS cluster take by Pod Identity.
    fn role(&self, statements: impl IntoIterator<Item = Statement>) -> Role {
        let account: Value<Json> = account_id().into();
        let cluster: Value<Json> = self.eks_arn.clone().into();
        let trust = PolicyDocument::new([Statement::allow(["sts:AssumeRole", "sts:TagSession"])
            .to_service("pods.eks")
            .when("StringEquals", "aws:SourceAccount", account)
            .when("StringEquals", "aws:SourceArn", cluster)]);
        Role::new(trust)
            .policies([Policy::new().policy_name("Pods").policy_document(PolicyDocument::new(statements))])
    }

    fn identity(addon: &ClusterAddon, role: &Value<String>) -> Option<PodIdentityAssociation> {
        addon
            .service_account
            .map(|account| PodIdentityAssociation::new().service_account(account).role_arn(role))
    }
}

/// How much of a kind of metrics the observability add-on collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricLevel {
    /// What is needed for dashboards.
    Basic,
    /// Everything.
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

/// What the observability add-on of HyperPod collects, and where it stores it: in a workspace of Amazon Managed Service for
/// Prometheus, which is created unless an existing one is set, with dashboards in a workspace of Amazon Managed Grafana if one
/// is set.
///
/// ```
/// use stackwright_stacks::cluster::Observability;
///
/// Observability::new();
/// ```
#[derive(Clone, Debug)]
pub struct Observability {
    workspace: Option<(Value<String>, Value<String>)>,
    grafana: Option<(Value<String>, Value<String>)>,
    level: MetricLevel,
    logs: bool,
}

impl Observability {
    /// Creates the settings with a new Prometheus workspace and basic metrics.
    pub fn new() -> Self {
        Self { workspace: None, grafana: None, level: MetricLevel::Basic, logs: false }
    }

    /// Uses a Prometheus workspace that exists, by its endpoint without a slash at its end and its ARN.
    #[track_caller]
    pub fn workspace(mut self, endpoint: impl IntoValue<String>, arn: impl IntoValue<String>) -> Self {
        self.workspace = Some((endpoint.into().with_caller_location(), arn.into().with_caller_location()));
        self
    }

    /// Shows dashboards in a Grafana workspace, by its name and its ARN. Such a workspace needs IAM Identity Center, so it is
    /// not created here.
    #[track_caller]
    pub fn grafana(mut self, name: impl IntoValue<String>, arn: impl IntoValue<String>) -> Self {
        self.grafana = Some((name.into().with_caller_location(), arn.into().with_caller_location()));
        self
    }

    /// Sets how much is collected of training, nodes, accelerators, network and governance.
    pub fn level(mut self, level: MetricLevel) -> Self {
        self.level = level;
        self
    }

    /// Sends the logs of containers to CloudWatch as well.
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

/// The add-ons of a HyperPod cluster with Amazon EKS.
///
/// They become `AWS::EKS::Addon`, each with a role of least privilege by EKS Pod Identity where its pods call AWS. Task
/// governance has its own construct: [`TaskGovernance`](super::TaskGovernance).
///
/// ```no_run
/// use stackwright_stacks::cluster::{HyperPodAddons, Observability};
/// # use stackwright_stacks::cluster::{Continuous, Eks, HyperPodHandle};
/// # fn example(cluster: &HyperPodHandle<Eks<Continuous>>) -> HyperPodAddons {
///
/// HyperPodAddons::new(cluster).training_operator().observability(Observability::new())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HyperPodAddons {
    addons: Addons,
    cluster_arn: Value<String>,
    log_groups: Value<String>,
    training_operator: bool,
    observability: Option<Observability>,
}

impl HyperPodAddons {
    /// Creates the add-ons of a cluster: at first `coredns`, which runs on its nodes.
    pub fn new<P>(cluster: &HyperPodHandle<Eks<P>>) -> Self {
        Self {
            addons: Addons::of(cluster),
            cluster_arn: cluster.arn(),
            log_groups: cluster.log_group_prefix(),
            training_operator: false,
            observability: None,
        }
    }

    /// Adds the training operator, which runs and restarts `HyperPodPyTorchJob`s, and `cert-manager`, which it needs.
    pub fn training_operator(mut self) -> Self {
        self.training_operator = true;
        self
    }

    /// Adds observability.
    pub fn observability(mut self, observability: Observability) -> Self {
        self.observability = Some(observability);
        self
    }

    fn add_training_operator(&self, scope: &mut Scope<'_>) {
        let certificates =
            self.addons.add("CertManager", &ClusterAddon::CERT_MANAGER, |addon| addon, &[], scope);
        // The managed policy allows the same action, and works only on clusters with the tag `SageMaker`.
        let describe = Statement::allow(["sagemaker:DescribeClusterNode"]).on(&self.cluster_arn);
        let role = scope.add("TrainingOperatorRole", self.addons.role([describe]));
        let addon = ClusterAddon::TRAINING_OPERATOR;
        let identity = Addons::identity(&addon, &role.arn());
        let with_identity = |resource: EksAddon| match identity {
            Some(identity) => resource.pod_identity_associations([identity]),
            None => resource,
        };
        self.addons.add("TrainingOperator", &addon, with_identity, &[certificates], scope);
    }

    fn add_observability(&self, observability: &Observability, scope: &mut Scope<'_>) {
        let (endpoint, workspace) = match &observability.workspace {
            Some(given) => given.clone(),
            None => {
                let workspace: WorkspaceHandle = scope.add(
                    "Metrics",
                    Workspace::new().alias(sub!("{}", stackwright_synth::intrinsic::stack_name())),
                );
                // The add-on takes the endpoint without the slash that the attribute ends in.
                (
                    sub!(
                        "https://aps-workspaces.{}.{}/workspaces/{}",
                        stackwright_synth::intrinsic::region(),
                        stackwright_synth::intrinsic::url_suffix(),
                        workspace.workspace_id()
                    ),
                    workspace.arn(),
                )
            }
        };
        let group = arn("logs", sub!("log-group:{}*", &self.log_groups));
        let mut statements = vec![Statement::allow(["aps:RemoteWrite"]).on(&workspace)];
        if observability.logs {
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
        let role = scope.add("ObservabilityRole", self.addons.role(statements));
        let addon = ClusterAddon::OBSERVABILITY;
        let identity = Addons::identity(&addon, &role.arn());
        let configuration = configuration(observability, &endpoint, &workspace);
        let configured = |resource: EksAddon| {
            let resource =
                resource.configuration_values(json_text(configuration)).tags([Tag::new("SageMaker", "true")]);
            match identity {
                Some(identity) => resource.pod_identity_associations([identity]),
                None => resource,
            }
        };
        self.addons.add("Observability", &addon, configured, &[], scope);
    }
}

/// The settings that the observability add-on takes.
fn configuration(observability: &Observability, endpoint: &Value<String>, workspace: &Value<String>) -> Json {
    let text = |name: &'static str, value: &Value<String>| Property::new(name, value);
    let object = |entries: Vec<Property>| -> Value<Json> { Json::object(entries).into() };
    let level = |level: &'static str| object(vec![Property::new("level", level)]);
    let chosen = observability.level.name();
    // These kinds are off or complete.
    let switched = if observability.level == MetricLevel::Advanced { "ADVANCED" } else { "DISABLED" };
    let kinds = [
        ("trainingMetrics", chosen),
        ("customMetrics", chosen),
        ("nodeMetrics", chosen),
        ("acceleratedComputeMetrics", chosen),
        ("taskGovernanceMetrics", switched),
        ("scalingMetrics", switched),
        ("networkMetrics", switched),
    ];
    let metrics = object(kinds.into_iter().map(|(name, kind)| Property::new(name, level(kind))).collect());
    let prometheus = object(vec![text("prometheusEndpoint", endpoint), text("arn", workspace)]);
    let mut entries =
        vec![Property::new("ampWorkspace", prometheus), Property::new("metricsProvider", metrics)];
    if let Some((name, arn)) = &observability.grafana {
        entries
            .push(Property::new("amgWorkspace", object(vec![text("workspaceName", name), text("arn", arn)])));
    }
    entries.push(Property::new("logging", object(vec![Property::new("enabled", observability.logs)])));
    Json::object(entries)
}

impl Construct for HyperPodAddons {
    type Handle = ();
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) {
        // EKS installs a version of its own with the cluster; the add-on takes it over.
        let adopt = |addon: EksAddon| addon.resolve_conflicts(eks::addon::ResolveConflicts::Overwrite);
        self.addons.add("CoreDns", &ClusterAddon::CORE_DNS, adopt, &[], scope);
        if self.training_operator {
            self.add_training_operator(scope);
        }
        if let Some(observability) = &self.observability {
            self.add_observability(observability, scope);
        }
    }
}
