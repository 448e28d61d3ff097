//! Add-ons of Amazon EKS that HyperPod publishes. They need nodes, so they are installed after the cluster.

mod container_insights;
mod inference;
mod observability;

use stackwright_resources::eks::addon::PodIdentityAssociation;
use stackwright_resources::eks::{self, Addon};
use stackwright_synth::intrinsic::{account_id, partition};
use stackwright_synth::{Construct, Handle, Json, ResourceOptions, Scope, Value, sub};

use super::HyperPodHandle;
use super::eks::Eks;
use crate::iam::{BuiltRole, PolicyDocument, RoleNeeded, RoleReference, RoleSettings, Statement};
use crate::topic::TopicReference;

pub use inference::InferenceOperator;
pub use observability::{MetricLevel, Observability};

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
    const CONTAINER_INSIGHTS: Self =
        Self { name: "amazon-cloudwatch-observability", service_account: Some("cloudwatch-agent") };
    const CORE_DNS: Self = Self { name: "coredns", service_account: None };
    const FSX_CSI_DRIVER: Self = Self { name: "aws-fsx-csi-driver", service_account: None };
    const INFERENCE: Self = Self { name: "amazon-sagemaker-hyperpod-inference", service_account: None };
    const METRICS_SERVER: Self = Self { name: "metrics-server", service_account: None };
    const S3_CSI_DRIVER: Self = Self { name: "aws-mountpoint-s3-csi-driver", service_account: None };
    const TRAINING_OPERATOR: Self = Self {
        name: "amazon-sagemaker-hyperpod-training-operator",
        service_account: Some("hp-training-operator-controller-manager"),
    };
    const OBSERVABILITY: Self = Self {
        name: "amazon-sagemaker-hyperpod-observability",
        service_account: Some("hyperpod-observability-operator-otel-collector"),
    };
}

/// The settings that all add-ons of a cluster share.
#[derive(Clone, Debug)]
pub(super) struct Addons {
    eks_name: Value<String>,
    eks_arn: Value<String>,
    cluster: Handle,
    /// The roles that the program sets.
    given: Vec<(PodRole, RoleReference)>,
}

type EksAddon = Addon;

/// The add-ons whose pods call AWS with a role, for [`HyperPodAddons::pod_role`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PodRole {
    /// The training operator. Its role allows `sagemaker:DescribeClusterNode` on the cluster.
    TrainingOperator,
    /// The observability add-on. Its role allows `aps:RemoteWrite` on the Prometheus workspace, and writing to the log
    /// groups of the cluster if logs of containers are sent to CloudWatch.
    Observability,
    /// CloudWatch Container Insights. Its role has the managed policy `CloudWatchAgentServerPolicy`.
    ContainerInsights,
}

impl PodRole {
    /// The part of the logical ID of the role.
    fn id(self) -> &'static str {
        match self {
            Self::TrainingOperator => "TrainingOperatorRole",
            Self::Observability => "ObservabilityRole",
            Self::ContainerInsights => "ContainerInsightsRole",
        }
    }
}

impl Addons {
    pub fn of<P>(cluster: &HyperPodHandle<Eks<P>>) -> Self {
        Self {
            eks_name: cluster.kind.cluster().name(),
            eks_arn: cluster.kind.cluster().arn(),
            cluster: Handle::clone(&cluster.cluster),
            given: Vec::new(),
        }
    }

    /// Adds an add-on after the cluster and everything that `after` names.
    pub fn add(
        &self,
        id: &str,
        addon: &ClusterAddon,
        change: impl FnOnce(EksAddon) -> EksAddon,
        after: &[Handle],
        scope: &mut Scope<'_>,
    ) -> Handle {
        let after = [std::slice::from_ref(&self.cluster), after].concat();
        self.add_after(id, addon, change, &after, scope)
    }

    /// Adds an add-on whose settings refer to the cluster, after everything that `after` names.
    fn add_after(
        &self,
        id: &str,
        addon: &ClusterAddon,
        change: impl FnOnce(EksAddon) -> EksAddon,
        after: &[Handle],
        scope: &mut Scope<'_>,
    ) -> Handle {
        let resource = change(Addon::new().cluster_name(&self.eks_name).addon_name(addon.name));
        let resource = after.iter().fold(resource, |resource, handle| resource.depends_on(handle));
        Handle::clone(&scope.add(id, resource))
    }

    fn trust(&self) -> PolicyDocument {
        let account: Value<Json> = account_id().into();
        let cluster: Value<Json> = self.eks_arn.clone().into();
        PolicyDocument::new([Statement::allow(["sts:AssumeRole", "sts:TagSession"])
            .to_service("pods.eks")
            .when("StringEquals", "aws:SourceAccount", account)
            .when("StringEquals", "aws:SourceArn", cluster)])
    }

    /// Returns the role that the pods of an add-on assume by EKS Pod Identity: the role that the program set, or a
    /// new one with these statements.
    fn role(&self, pods: PodRole, statements: Vec<Statement>, scope: &mut Scope<'_>) -> RoleReference {
        self.build(pods, None, statements, scope)
    }

    /// Returns the same role, with a managed policy of AWS instead of statements.
    fn managed_role(&self, pods: PodRole, policy: &str, scope: &mut Scope<'_>) -> RoleReference {
        let policy = sub!("arn:{}:iam::aws:policy/{}", partition(), policy);
        self.build(pods, Some(policy), Vec::new(), scope)
    }

    fn build(
        &self,
        pods: PodRole,
        policy: Option<Value<String>>,
        statements: Vec<Statement>,
        scope: &mut Scope<'_>,
    ) -> RoleReference {
        let given = self.given.iter().find(|(of, _)| *of == pods).map(|(_, role)| role.clone());
        let needed = RoleNeeded { id: pods.id().into(), service: "pods.eks", policy: "Pods", statements };
        let BuiltRole { role, .. } =
            RoleSettings::given(given).build_managed(self.trust(), policy, needed, scope);
        role
    }

    fn identity(addon: &ClusterAddon, role: &RoleReference) -> Option<PodIdentityAssociation> {
        addon
            .service_account
            .map(|account| PodIdentityAssociation::new().service_account(account).role_arn(role.arn()))
    }
}

/// The add-ons of a HyperPod cluster with Amazon EKS.
///
/// Each add-on becomes an `AWS::EKS::Addon`. If the pods of an add-on call AWS, they get a role by EKS Pod Identity
/// ([`PodRole`] lists its permissions). Task governance has its own construct:
/// [`TaskGovernance`](super::TaskGovernance).
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
#[must_use]
pub struct HyperPodAddons {
    addons: Addons,
    cluster_arn: Value<String>,
    log_groups: Value<String>,
    training_operator: bool,
    observability: Option<Observability>,
    container_insights: Option<TopicReference>,
    inference: Option<InferenceOperator>,
    fsx_csi_driver: bool,
}

impl HyperPodAddons {
    /// Creates the add-ons of a cluster. Without further calls, `coredns` is the only one: the DNS server, which runs on
    /// the nodes.
    pub fn new<P>(cluster: &HyperPodHandle<Eks<P>>) -> Self {
        Self {
            addons: Addons::of(cluster),
            cluster_arn: cluster.arn(),
            log_groups: cluster.log_group_prefix(),
            training_operator: false,
            observability: None,
            container_insights: None,
            inference: None,
            fsx_csi_driver: false,
        }
    }

    /// Adds the training operator, which runs and restarts `HyperPodPyTorchJob`s, and `cert-manager`, which it needs.
    pub fn training_operator(mut self) -> Self {
        self.training_operator = true;
        self
    }

    /// Adds the observability add-on of HyperPod, which sends metrics to Amazon Managed Service for Prometheus.
    pub fn observability(mut self, observability: Observability) -> Self {
        self.observability = Some(observability);
        self
    }

    /// Adds CloudWatch Container Insights, and an alarm that notifies a topic of nodes that HyperPod is about to reboot or
    /// replace.
    #[track_caller]
    pub fn container_insights(mut self, topic: impl Into<TopicReference>) -> Self {
        self.container_insights = Some(topic.into());
        self
    }

    /// Adds the inference operator, which deploys models on the nodes, and the add-ons that it needs: `cert-manager`,
    /// `metrics-server`, and the CSI drivers of FSx for Lustre and Mountpoint for Amazon S3.
    pub fn inference(mut self, operator: InferenceOperator) -> Self {
        self.inference = Some(operator);
        self
    }

    /// Adds the CSI driver of FSx for Lustre, with which pods mount file systems that exist (static provisioning). For file
    /// systems that a persistent volume claim creates, the service account `fsx-csi-controller-sa` of the driver needs a
    /// role that you create and associate.
    pub fn fsx_csi_driver(mut self) -> Self {
        self.fsx_csi_driver = true;
        self
    }

    /// Lets the pods of an add-on call AWS with an existing role, by its handle or ARN, instead of a new role. The role
    /// needs the permissions that [`PodRole`] lists, and its trust policy has to let `pods.eks.amazonaws.com` call
    /// `sts:AssumeRole` and `sts:TagSession`.
    #[track_caller]
    pub fn pod_role(mut self, pods: PodRole, role: impl Into<RoleReference>) -> Self {
        self.addons.given.retain(|(of, _)| *of != pods);
        self.addons.given.push((pods, role.into()));
        self
    }

    /// Adds an add-on without settings of its own.
    fn add_plain(&self, id: &str, addon: &ClusterAddon, scope: &mut Scope<'_>) -> Handle {
        self.addons.add(id, addon, |addon| addon, &[], scope)
    }

    fn add_training_operator(&self, certificates: Handle, scope: &mut Scope<'_>) -> RoleReference {
        // The managed policy allows the same action, and works only on clusters with the tag `SageMaker`.
        let describe = Statement::allow(["sagemaker:DescribeClusterNode"]).on(&self.cluster_arn);
        let role = self.addons.role(PodRole::TrainingOperator, vec![describe], scope);
        let addon = ClusterAddon::TRAINING_OPERATOR;
        let identity = Addons::identity(&addon, &role);
        let with_identity = |resource: EksAddon| match identity {
            Some(identity) => resource.pod_identity_associations([identity]),
            None => resource,
        };
        self.addons.add("TrainingOperator", &addon, with_identity, &[certificates], scope);
        role
    }
}

impl Construct for HyperPodAddons {
    type Handle = HyperPodAddonsHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> HyperPodAddonsHandle {
        let mut roles = Vec::new();
        // EKS installs its own version of the add-on with the cluster; the add-on of the stack replaces it.
        let adopt = |addon: EksAddon| addon.resolve_conflicts(eks::addon::ResolveConflicts::Overwrite);
        self.addons.add("CoreDns", &ClusterAddon::CORE_DNS, adopt, &[], scope);
        let needs_certificates = self.training_operator || self.inference.is_some();
        let certificates =
            needs_certificates.then(|| self.add_plain("CertManager", &ClusterAddon::CERT_MANAGER, scope));
        let fsx = (self.fsx_csi_driver || self.inference.is_some())
            .then(|| self.add_plain("FsxCsiDriver", &ClusterAddon::FSX_CSI_DRIVER, scope));
        if let Some(certificates) = certificates.clone().filter(|_| self.training_operator) {
            roles.push((PodRole::TrainingOperator, self.add_training_operator(certificates, scope)));
        }
        if let Some(observability) = &self.observability {
            let role = observability.add(&self.addons, &self.log_groups, scope);
            roles.push((PodRole::Observability, role));
        }
        if let Some(topic) = &self.container_insights {
            roles.push((PodRole::ContainerInsights, container_insights::add(&self.addons, topic, scope)));
        }
        if let Some(operator) = &self.inference {
            let metrics = self.add_plain("MetricsServer", &ClusterAddon::METRICS_SERVER, scope);
            let s3 = self.add_plain("S3CsiDriver", &ClusterAddon::S3_CSI_DRIVER, scope);
            let before: Vec<Handle> = [metrics, s3].into_iter().chain(certificates).chain(fsx).collect();
            operator.add(&self.addons, &self.cluster_arn, &before, scope);
        }
        HyperPodAddonsHandle { roles }
    }
}

/// The [`HyperPodAddons`] that were added to a stack.
#[derive(Clone, Debug)]
pub struct HyperPodAddonsHandle {
    roles: Vec<(PodRole, RoleReference)>,
}

impl HyperPodAddonsHandle {
    /// Returns the role that the pods of an add-on assume, or `None` if the add-on is not installed.
    pub fn role(&self, pods: PodRole) -> Option<&RoleReference> {
        self.roles.iter().find(|(of, _)| *of == pods).map(|(_, role)| role)
    }
}
