//! EKS clusters as HyperPod requires them.

use stackwright_resources::eks::cluster::{
    AccessConfig, AuthenticationMode, ClusterLogging, EncryptionConfig, Logging, LoggingTypeConfig,
    LoggingTypeConfigType, Provider, ResourcesVpcConfig,
};
use stackwright_resources::eks::{AccessEntry, Addon, Cluster, access_entry};
use stackwright_synth::intrinsic::{account_id, partition};
use stackwright_synth::{Construct, Document, Handle, IntoValue, Json, ResourceOptions, Scope, Value, sub};

use crate::defaults;
use crate::iam::{
    BuiltRole, PolicyDocument, RoleNeeded, RoleOptions, RoleReference, RoleSettings, Statement,
};
use crate::key::EncryptionKey;
use crate::network::NetworkHandle;

/// A version of Kubernetes that HyperPod supports (SageMaker Developer Guide, read 2026-11-26).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KubernetesVersion {
    /// Kubernetes 1.30.
    V1_30,
    /// Kubernetes 1.31.
    V1_31,
    /// Kubernetes 1.32.
    V1_32,
    /// Kubernetes 1.33.
    V1_33,
    /// Kubernetes 1.34.
    V1_34,
    /// A version that is newer than this list, by its number, such as `1.35`.
    Other(String),
}

impl KubernetesVersion {
    /// Returns the number of the version, such as `1.33`.
    pub fn number(&self) -> &str {
        match self {
            Self::V1_30 => "1.30",
            Self::V1_31 => "1.31",
            Self::V1_32 => "1.32",
            Self::V1_33 => "1.33",
            Self::V1_34 => "1.34",
            Self::Other(number) => number,
        }
    }
}

/// An EKS cluster for HyperPod: access entries instead of a config map, a private endpoint, encrypted secrets, control plane
/// logs, and the add-ons that HyperPod's nodes need before they join (`vpc-cni`, `kube-proxy`, `eks-pod-identity-agent`).
///
/// It becomes `AWS::EKS::Cluster`, `AWS::EKS::Addon`, `AWS::EKS::AccessEntry` and `AWS::IAM::Role`. The principal that
/// deploys the stack becomes an administrator of the Kubernetes cluster.
///
/// Before a HyperPod cluster can be created, the Helm chart of HyperPod has to be installed in the EKS cluster. Create the
/// two clusters in different stacks, and run the script `STACK.ID.install_dependencies.sh`, which is written beside the
/// template, between the two deployments. No function of the stack installs the chart, because it would need the
/// permissions of an administrator of the Kubernetes cluster and access to its private endpoint.
///
/// ```
/// use stackwright_stacks::cluster::{EksCluster, KubernetesVersion};
/// use stackwright_stacks::network::{InterfaceEndpoint, Network};
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Kubernetes").region("us-east-1");
/// let network = stack.add("Network", Network::isolated("10.0.0.0/16", 2).endpoints(InterfaceEndpoint::HYPERPOD_EKS));
/// stack.add("Eks", EksCluster::new(&network, KubernetesVersion::V1_34));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EksCluster {
    network: NetworkHandle,
    version: KubernetesVersion,
    name: Option<Value<String>>,
    key: Option<EncryptionKey>,
    role: RoleSettings,
    public_access: Vec<Value<String>>,
    administrators: Vec<Value<String>>,
}

impl EksCluster {
    /// Creates a cluster in the private subnets of a network, with a version of Kubernetes. A network with fewer than two
    /// private subnets is an error, because EKS needs subnets in two Availability Zones.
    pub fn new(network: &NetworkHandle, version: KubernetesVersion) -> Self {
        Self {
            network: network.clone(),
            version,
            name: None,
            key: None,
            role: RoleSettings::default(),
            public_access: Vec::new(),
            administrators: Vec::new(),
        }
    }

    /// Sets the cluster's name (`Name`). Without it, CloudFormation generates one. If the name is changed later,
    /// CloudFormation replaces the cluster.
    #[track_caller]
    pub fn name(mut self, name: impl IntoValue<String>) -> Self {
        self.name = Some(name.into().with_caller_location());
        self
    }

    /// Encrypts Kubernetes secrets with this key of AWS KMS, instead of the stack's default key or, if there is none, a
    /// key of AWS (`EncryptionConfig`). The key cannot be changed later.
    #[track_caller]
    pub fn secrets_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Enables access to the API server from an address block outside of the VPC, in CIDR notation, such as
    /// `203.0.113.0/24` (`PublicAccessCidrs`). Each call adds a block. By default, only clients in the VPC can connect
    /// to the API server.
    #[track_caller]
    pub fn public_access(mut self, block: impl IntoValue<String>) -> Self {
        self.public_access.push(block.into().with_caller_location());
        self
    }

    /// Adds an access entry that makes a role or user, given by its ARN, an administrator of the Kubernetes cluster
    /// (`AmazonEKSClusterAdminPolicy`). Without it, only the principal that deploys the stack is one.
    #[track_caller]
    pub fn administrator(mut self, principal_arn: impl IntoValue<String>) -> Self {
        self.administrators.push(principal_arn.into().with_caller_location());
        self
    }

    fn resource(&self, role: &Value<String>, scope: &Scope<'_>) -> Cluster {
        let mut vpc = ResourcesVpcConfig::new(self.network.subnet_ids())
            .security_group_ids(self.network.security_group_ids())
            .endpoint_private_access(true)
            .endpoint_public_access(!self.public_access.is_empty());
        if !self.public_access.is_empty() {
            vpc = vpc.public_access_cidrs(self.public_access.clone());
        }
        let kinds = [
            LoggingTypeConfigType::Api,
            LoggingTypeConfigType::Audit,
            LoggingTypeConfigType::Authenticator,
            LoggingTypeConfigType::ControllerManager,
            LoggingTypeConfigType::Scheduler,
        ];
        let kinds: Vec<LoggingTypeConfig> =
            kinds.into_iter().map(|kind| LoggingTypeConfig::new().type_(kind)).collect();
        let mut cluster = Cluster::new()
            .role_arn(role)
            .resources_vpc_config(vpc)
            .version(self.version.number())
            .access_config(
                // The principal that deploys the stack becomes an administrator of the cluster. Otherwise there would be none.
                AccessConfig::new()
                    .authentication_mode(AuthenticationMode::Api)
                    .bootstrap_cluster_creator_admin_permissions(true),
            )
            .logging(Logging::new().cluster_logging(ClusterLogging::new().enabled_types(kinds)));
        if let Some(name) = &self.name {
            cluster = cluster.name(name);
        }
        if let Some(key) = defaults::encryption_key(self.key.clone(), scope) {
            let config = EncryptionConfig::new().provider(Provider::new().key_arn(key.id()));
            cluster = cluster.encryption_config([config]);
        }
        self.network.ready().iter().fold(cluster, |cluster, handle| cluster.depends_on(handle))
    }
}

/// An existing role needs the managed policy `AmazonEKSClusterPolicy`, and a trust policy for `eks.amazonaws.com`.
impl RoleOptions for EksCluster {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

impl Construct for EksCluster {
    type Handle = EksClusterHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> EksClusterHandle {
        if self.network.subnets().len() < 2 {
            scope.error(
                "eks-subnets",
                "the network has one subnet, and EKS needs subnets in two Availability Zones".into(),
                "create the network with two subnets, and assign HyperPod's groups to one of them with `in_subnet`".into(),
                None,
            );
        }
        let account: Value<Json> = account_id().into();
        let trust = PolicyDocument::new([Statement::allow(["sts:AssumeRole"]).to_service("eks").when(
            "StringEquals",
            "aws:SourceAccount",
            account,
        )]);
        // EKS manages load balancers, interfaces and routes with this role; AWS maintains the permissions for that in
        // this policy.
        let policy = sub!("arn:{}:iam::aws:policy/AmazonEKSClusterPolicy", partition());
        let needed =
            RoleNeeded { id: "Role".into(), service: "eks", policy: "Cluster", statements: Vec::new() };
        let BuiltRole { role, policy } = self.role.clone().build_managed(trust, Some(policy), needed, scope);
        let cluster = self.resource(role.arn(), scope);
        let cluster = policy.iter().fold(cluster, |cluster, policy| cluster.depends_on(policy));
        let cluster = scope.add_default(cluster);
        // The add-ons and the nodes refer to the cluster itself too.
        let mut ready = Vec::new();
        for (id, name) in [
            ("VpcCni", "vpc-cni"),
            ("KubeProxy", "kube-proxy"),
            ("PodIdentityAgent", "eks-pod-identity-agent"),
        ] {
            let addon = scope.add(id, Addon::new().cluster_name(cluster.reference()).addon_name(name));
            ready.push(Handle::clone(&addon));
        }
        for (index, principal) in self.administrators.iter().enumerate() {
            let policy = access_entry::AccessPolicy::new()
                .policy_arn(sub!(
                    "arn:{}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                    partition()
                ))
                .access_scope(access_entry::AccessScope::new(access_entry::Type::Cluster));
            let entry = AccessEntry::new()
                .principal_arn(principal)
                .cluster_name(cluster.reference())
                .access_policies([policy]);
            scope.add(&format!("Administrator{}", index + 1), entry);
        }
        scope.add(
            "",
            Document::new("install_dependencies.sh", include_str!("scripts/install_dependencies.sh")),
        );
        EksClusterHandle { name: cluster.reference(), arn: cluster.arn(), role: Some(role), ready }
    }
}

/// An EKS cluster that was added to a stack, or one that exists already.
///
/// ```
/// use stackwright_stacks::cluster::EksClusterHandle;
///
/// EksClusterHandle::existing("research", "arn:aws:eks:us-east-1:123456789012:cluster/research");
/// ```
#[derive(Clone, Debug)]
pub struct EksClusterHandle {
    name: Value<String>,
    arn: Value<String>,
    role: Option<RoleReference>,
    ready: Vec<Handle>,
}

impl EksClusterHandle {
    /// Refers to an EKS cluster that exists already, by its name and its ARN. Its authentication mode has to be `API` or
    /// `API_AND_CONFIG_MAP`. An ARN of another service is an error at the caller's line.
    #[track_caller]
    pub fn existing(name: impl IntoValue<String>, arn: impl IntoValue<String>) -> Self {
        Self {
            name: name.into().with_caller_location(),
            arn: crate::arn::checked(arn, "eks", "arn:aws:eks:us-east-1:123456789012:cluster/research"),
            role: None,
            ready: Vec::new(),
        }
    }

    /// Returns the cluster's name.
    pub fn name(&self) -> Value<String> {
        self.name.clone()
    }

    /// Returns the cluster's ARN.
    pub fn arn(&self) -> Value<String> {
        self.arn.clone()
    }

    /// Returns the role of the control plane, or `None` for a cluster of [`existing`](Self::existing), whose role is not
    /// known.
    pub fn role(&self) -> Option<&RoleReference> {
        self.role.as_ref()
    }

    /// Returns the resources that have to exist before nodes join the cluster.
    pub(super) fn ready(&self) -> &[Handle] {
        &self.ready
    }
}
