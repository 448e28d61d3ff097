//! Task governance: the share of a cluster that each team may use, and the priorities of tasks.

use stackwright_resources::sagemaker::cluster_scheduler_config::{
    FairShare, IdleResourceSharing, PriorityClass, SchedulerConfig,
};
use stackwright_resources::sagemaker::compute_quota::{
    ComputeQuotaConfig, ComputeQuotaResourceConfig, ComputeQuotaTarget, PreemptTeamTasks,
    ResourceSharingConfig, Strategy,
};
use stackwright_resources::sagemaker::{ClusterSchedulerConfig, ComputeQuota};
use stackwright_schemas::ec2_network::network_facts;
use stackwright_synth::{CallerLocation, Construct, Handle, IntoValue, ResourceOptions, Scope, Value, sub};

use super::addon::{Addons, ClusterAddon};
use super::eks::Eks;
use super::{HyperPodHandle, group::GroupSettings};

/// The scheduling policy of a cluster: the priority classes of tasks, and how idle resources are shared among teams.
///
/// It becomes `AWS::SageMaker::ClusterSchedulerConfig`.
///
/// ```
/// use stackwright_stacks::cluster::ClusterPolicy;
///
/// ClusterPolicy::new().priority_class("production", 90).priority_class("research", 50);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClusterPolicy {
    classes: Vec<(String, Value<i64>)>,
    fair_share: bool,
    idle_sharing: Option<bool>,
}

impl ClusterPolicy {
    /// Creates a policy with fair share and without priority classes.
    pub fn new() -> Self {
        Self { classes: Vec::new(), fair_share: true, idle_sharing: None }
    }

    /// Adds a priority class with its name and its weight, 0 to 100; tasks with a higher weight run first. A policy has at
    /// most ten classes. Kubernetes manifests refer to a class as `NAME-priority`;
    /// [`EksJob::priority`](crate::cluster::EksJob::priority) takes the name.
    #[track_caller]
    pub fn priority_class(mut self, name: &str, weight: impl IntoValue<i64>) -> Self {
        self.classes.push((name.to_owned(), weight.into().with_caller_location()));
        self
    }

    /// Sets whether idle capacity is shared among the teams in proportion to their weights (`FairShare`). The default is
    /// `true`; with `false`, the team that asks first borrows first.
    pub fn fair_share(mut self, is_enabled: bool) -> Self {
        self.fair_share = is_enabled;
        self
    }

    /// Sets whether teams may borrow capacity that no [`ComputeAllocation`] allocates (`IdleResourceSharing`). Without this
    /// call, the property is not set.
    pub fn share_idle_resources(mut self, is_enabled: bool) -> Self {
        self.idle_sharing = Some(is_enabled);
        self
    }

    fn config(&self) -> SchedulerConfig {
        let mut config = SchedulerConfig::new().fair_share(if self.fair_share {
            FairShare::Enabled
        } else {
            FairShare::Disabled
        });
        if let Some(shared) = self.idle_sharing {
            config = config.idle_resource_sharing(if shared {
                IdleResourceSharing::Enabled
            } else {
                IdleResourceSharing::Disabled
            });
        }
        if !self.classes.is_empty() {
            let classes: Vec<_> = self
                .classes
                .iter()
                .map(|(name, weight)| PriorityClass::new().name(name.as_str()).weight(weight))
                .collect();
            config = config.priority_classes(classes);
        }
        config
    }
}

impl Default for ClusterPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// The quota of one instance type that a team gets.
#[derive(Clone, Debug, Default)]
struct Quota {
    instance_type: String,
    instances: Option<u64>,
    accelerators: Option<u64>,
    vcpus: Option<f64>,
    memory_gib: Option<f64>,
}

impl Quota {
    fn config(&self) -> ComputeQuotaResourceConfig {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut config = ComputeQuotaResourceConfig::new(Value::<String>::from(self.instance_type.as_str()));
        if let Some(count) = self.instances {
            config = config.count(whole(count));
        }
        if let Some(count) = self.accelerators {
            config = config.accelerators(whole(count));
        }
        if let Some(count) = self.vcpus {
            config = config.v_cpu(count);
        }
        if let Some(size) = self.memory_gib {
            config = config.memory_in_gi_b(size);
        }
        config
    }

    /// Returns the number of instances that the quota corresponds to, if that is known: what is left out is derived from the
    /// largest share of an instance that is named.
    #[expect(clippy::cast_precision_loss, reason = "quotas are far below 2^53")]
    fn instances(&self) -> Option<f64> {
        if let Some(count) = self.instances {
            return Some(count as f64);
        }
        let facts = network_facts(&self.instance_type)?;
        let shares = [
            self.accelerators.map(|count| count as f64 / f64::from(facts.accelerator_count.max(1))),
            self.vcpus.map(|count| count / f64::from(facts.vcpus)),
            self.memory_gib.map(|size| size * 1_024.0 / facts.memory_mib as f64),
        ];
        shares.into_iter().flatten().reduce(f64::max)
    }
}

/// Whether a team lends and borrows capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Keep,
    Lend,
    LendAndBorrow(Option<u16>),
}

/// The resources of a cluster that one team may use, and whether the team lends and borrows idle resources.
///
/// An allocation needs at least one call of [`instances`](Self::instances), [`accelerators`](Self::accelerators),
/// [`vcpus`](Self::vcpus) or [`memory_gib`](Self::memory_gib); without one, it is an error.
///
/// Pods of the team run in the namespace `hyperpod-ns-TEAM` and are queued in `hyperpod-ns-TEAM-localqueue`.
///
/// It becomes `AWS::SageMaker::ComputeQuota`.
///
/// ```
/// use stackwright_stacks::cluster::ComputeAllocation;
///
/// ComputeAllocation::new("vision").instances("ml.p5.48xlarge", 2).weight(60);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ComputeAllocation {
    team: String,
    quotas: Vec<Quota>,
    weight: Option<Value<i64>>,
    sharing: Sharing,
    preempt: bool,
    location: CallerLocation,
}

impl ComputeAllocation {
    /// Creates an allocation for a team, whose name consists of lowercase letters, digits and hyphens. By default, the
    /// team lends capacity that it does not use, borrows up to 50 percent of its own quota, and its tasks are preempted
    /// by tasks of the same team with a higher priority.
    #[track_caller]
    pub fn new(team: &str) -> Self {
        Self {
            team: team.to_owned(),
            quotas: Vec::new(),
            weight: None,
            sharing: Sharing::LendAndBorrow(None),
            preempt: true,
            location: std::panic::Location::caller(),
        }
    }

    fn quota(&mut self, instance_type: &str) -> &mut Quota {
        let index = match self.quotas.iter().position(|quota| quota.instance_type == instance_type) {
            Some(index) => index,
            None => {
                self.quotas.push(Quota { instance_type: instance_type.to_owned(), ..Quota::default() });
                self.quotas.len() - 1
            }
        };
        &mut self.quotas[index]
    }

    /// Allocates a number of whole instances of a type, such as `ml.p5.48xlarge`, to the team.
    pub fn instances(mut self, instance_type: &str, count: u64) -> Self {
        self.quota(instance_type).instances = Some(count);
        self
    }

    /// Allocates a number of accelerators of an instance type to the team. SageMaker allocates virtual CPUs and memory in
    /// proportion, unless [`vcpus`](Self::vcpus) or [`memory_gib`](Self::memory_gib) is set for the type.
    pub fn accelerators(mut self, instance_type: &str, count: u64) -> Self {
        self.quota(instance_type).accelerators = Some(count);
        self
    }

    /// Allocates a number of virtual CPUs of an instance type to the team. SageMaker allocates memory in proportion, unless
    /// [`memory_gib`](Self::memory_gib) is set for the type.
    pub fn vcpus(mut self, instance_type: &str, count: f64) -> Self {
        self.quota(instance_type).vcpus = Some(count);
        self
    }

    /// Allocates an amount of memory of an instance type, in GiB, to the team. SageMaker allocates virtual CPUs in
    /// proportion, unless [`vcpus`](Self::vcpus) is set for the type.
    pub fn memory_gib(mut self, instance_type: &str, size: f64) -> Self {
        self.quota(instance_type).memory_gib = Some(size);
        self
    }

    /// Sets the team's weight when idle capacity is shared, 0 to 100 (`FairShareWeight`). The default is 0, the lowest. It
    /// applies only if the policy has [fair share](ClusterPolicy::fair_share).
    #[track_caller]
    pub fn weight(mut self, weight: impl IntoValue<i64>) -> Self {
        self.weight = Some(weight.into().with_caller_location());
        self
    }

    /// Makes the team neither lend nor borrow capacity (`DontLend`). It replaces [`lend`](Self::lend) and
    /// [`lend_and_borrow`](Self::lend_and_borrow).
    pub fn keep(mut self) -> Self {
        self.sharing = Sharing::Keep;
        self
    }

    /// Makes the team lend capacity that it does not use, and borrow none (`Lend`). It replaces [`keep`](Self::keep) and
    /// [`lend_and_borrow`](Self::lend_and_borrow).
    pub fn lend(mut self) -> Self {
        self.sharing = Sharing::Lend;
        self
    }

    /// Makes the team lend capacity that it does not use, and borrow up to this share of its own quota, 1 to 500 percent
    /// (`LendAndBorrow`). The default is 50; a share outside of the range is an error. It replaces [`keep`](Self::keep)
    /// and [`lend`](Self::lend).
    pub fn lend_and_borrow(mut self, limit_percent: u16) -> Self {
        self.sharing = Sharing::LendAndBorrow(Some(limit_percent));
        self
    }

    /// Lets tasks of the team finish even if a task of the team with higher priority waits (`PreemptTeamTasks: Never`). By
    /// default, they are preempted.
    pub fn never_preempt(mut self) -> Self {
        self.preempt = false;
        self
    }

    /// Returns the Kubernetes namespace of the team's pods, `hyperpod-ns-TEAM`.
    pub fn namespace(&self) -> String {
        format!("hyperpod-ns-{}", self.team)
    }

    /// Returns the queue of the team's jobs, `hyperpod-ns-TEAM-localqueue`. Jobs name it in the label
    /// `kueue.x-k8s.io/queue-name`.
    pub fn queue(&self) -> String {
        format!("hyperpod-ns-{}-localqueue", self.team)
    }

    fn config(&self) -> ComputeQuotaConfig {
        let sharing = match self.sharing {
            Sharing::Keep => ResourceSharingConfig::new(Strategy::DontLend),
            Sharing::Lend => ResourceSharingConfig::new(Strategy::Lend),
            Sharing::LendAndBorrow(None) => ResourceSharingConfig::new(Strategy::LendAndBorrow),
            Sharing::LendAndBorrow(Some(limit)) => {
                ResourceSharingConfig::new(Strategy::LendAndBorrow).borrow_limit(i64::from(limit))
            }
        };
        let quotas: Vec<_> = self.quotas.iter().map(Quota::config).collect();
        ComputeQuotaConfig::new()
            .compute_quota_resources(quotas)
            .resource_sharing_config(sharing)
            .preempt_team_tasks(if self.preempt {
                PreemptTeamTasks::LowerPriority
            } else {
                PreemptTeamTasks::Never
            })
    }

    /// Reports values that the API does not accept.
    fn check(&self, scope: &Scope<'_>) {
        let refuse = |message: String, help: &str| {
            scope.error("compute-allocation", message, help.to_owned(), Some(self.location));
        };
        if self.quotas.is_empty() {
            refuse(
                format!("the allocation of `{}` is empty", self.team),
                "set instances, accelerators, virtual CPUs or memory of an instance type",
            );
        }
        if let Sharing::LendAndBorrow(Some(limit)) = self.sharing
            && !(1..=500).contains(&limit)
        {
            refuse(
                format!("a team can borrow 1 to 500 percent of its own quota, not {limit}"),
                "use `lend()` for a team that does not borrow",
            );
        }
    }
}

/// Task governance of a cluster with Amazon EKS: the add-on that enforces it, one policy, and an allocation for each team.
///
/// The allocations together must not exceed the instance groups of the cluster, except groups that Karpenter scales. An
/// allocation that exceeds them, or that names an instance type that the cluster does not have, is an error.
///
/// It becomes `AWS::EKS::Addon`, `AWS::SageMaker::ClusterSchedulerConfig` and an `AWS::SageMaker::ComputeQuota` for each
/// team.
///
/// ```no_run
/// use stackwright_stacks::cluster::{ClusterPolicy, ComputeAllocation, TaskGovernance};
/// # use stackwright_stacks::cluster::{Continuous, Eks, HyperPodHandle};
/// # fn example(cluster: &HyperPodHandle<Eks<Continuous>>) -> TaskGovernance {
///
/// TaskGovernance::new(cluster, ClusterPolicy::new().priority_class("production", 90).priority_class("research", 50))
///     .team(ComputeAllocation::new("vision").instances("ml.p5.48xlarge", 2).weight(60))
///     .team(ComputeAllocation::new("speech").instances("ml.p5.48xlarge", 2).weight(40).lend_and_borrow(100))
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TaskGovernance {
    arn: Value<String>,
    name: Value<String>,
    groups: Vec<GroupSettings>,
    addons: Addons,
    policy: ClusterPolicy,
    teams: Vec<ComputeAllocation>,
}

impl TaskGovernance {
    /// Creates the task governance of a cluster with its policy. A cluster has at most one.
    pub fn new<P>(cluster: &HyperPodHandle<Eks<P>>, policy: ClusterPolicy) -> Self {
        Self {
            arn: cluster.arn(),
            name: cluster.name(),
            groups: cluster.groups.clone(),
            addons: Addons::of(cluster),
            policy,
            teams: Vec::new(),
        }
    }

    /// Adds an allocation for a team. By default, there are none.
    pub fn team(mut self, allocation: ComputeAllocation) -> Self {
        self.teams.push(allocation);
        self
    }

    /// Reports allocations that exceed the cluster.
    fn check(&self, scope: &Scope<'_>) {
        let mut types: Vec<&str> = Vec::new();
        for quota in self.teams.iter().flat_map(|team| &team.quotas) {
            if !types.contains(&quota.instance_type.as_str()) {
                types.push(&quota.instance_type);
            }
        }
        for instance_type in types {
            self.check_type(instance_type, scope);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a cluster has at most 6,758 instances in a group")]
    fn check_type(&self, instance_type: &str, scope: &Scope<'_>) {
        let location = self
            .teams
            .iter()
            .find(|team| team.quotas.iter().any(|quota| quota.instance_type == instance_type))
            .map(|team| team.location);
        let groups: Vec<_> =
            self.groups.iter().filter(|group| group.may_have(instance_type) != Some(false)).collect();
        if groups.is_empty() {
            scope.error(
                "compute-allocation",
                format!("the cluster has no instance group of {instance_type}"),
                "allocate an instance type of the cluster, or add a group".into(),
                location,
            );
            return;
        }
        // A group that Karpenter scales, and one whose number is a parameter, may have any number.
        let counts: Option<Vec<u64>> = groups
            .iter()
            .map(|group| {
                group.known_count().filter(|_| !group.scaled && group.may_have(instance_type) == Some(true))
            })
            .collect();
        let Some(counts) = counts else { return };
        let available: u64 = counts.into_iter().sum();
        let quotas = self.teams.iter().flat_map(|team| &team.quotas);
        let given: f64 =
            quotas.filter(|quota| quota.instance_type == instance_type).filter_map(Quota::instances).sum();
        if given > available as f64 + 1e-9 {
            scope.error(
                "compute-allocation",
                format!("{given} instances of {instance_type} are allocated to the teams, and the cluster has {available}"),
                "allocate fewer instances; a team can borrow what another team does not use".into(),
                location,
            );
        }
    }
}

impl Construct for TaskGovernance {
    type Handle = Handle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> Handle {
        self.check(scope);
        for team in &self.teams {
            team.check(scope);
        }
        let addon = self.addons.add("Addon", &ClusterAddon::TASK_GOVERNANCE, |addon| addon, &[], scope);
        let policy = ClusterSchedulerConfig::new()
            .name(sub!("{}-policy", &self.name))
            .cluster_arn(&self.arn)
            .scheduler_config(self.policy.config())
            .depends_on(&addon);
        let policy = scope.add("Policy", policy);
        for team in &self.teams {
            let mut target = ComputeQuotaTarget::new(team.team.as_str());
            if let Some(weight) = &team.weight {
                target = target.fair_share_weight(weight);
            }
            let quota = ComputeQuota::new()
                .name(format!("{}-allocation", team.team))
                .cluster_arn(&self.arn)
                .compute_quota_config(team.config())
                .compute_quota_target(target)
                .depends_on(&policy);
            scope.add(&id(&team.team), quota);
        }
        Handle::clone(&policy)
    }
}

/// The part of a logical ID that names a team.
fn id(team: &str) -> String {
    team.split(|character: char| !character.is_ascii_alphanumeric())
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}
