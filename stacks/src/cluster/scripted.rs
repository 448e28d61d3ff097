//! Clusters with Slurm that their lifecycle scripts configure, by `provisioning_parameters.json`.

use serde_json::{Value as JsonValue, json};
use stackwright_synth::CallerLocation;

use super::group::{AllOrNothing, GroupSettings};
use super::lifecycle::LifecycleScripts;
use super::nodes::WorkerGroup;
use super::plan::{Orchestrate, Plan, RunsScripts};
use super::slurm::ServiceNodes;
use super::storage::is_dns_name;
use super::{HyperPodCluster, Settings};
use crate::network::NetworkHandle;

/// The orchestrator Slurm, configured by lifecycle scripts: the type parameter of a [`HyperPodCluster`] of
/// [`HyperPodCluster::slurm_by_scripts`].
#[derive(Clone, Debug)]
pub struct ScriptedSlurm {
    controller: GroupSettings,
    login: Option<GroupSettings>,
    workers: Vec<GroupSettings>,
    lustre: Option<(String, String)>,
    invalid_dns_name: Option<(String, CallerLocation)>,
    open_zfs: Option<String>,
}

impl HyperPodCluster<ScriptedSlurm> {
    /// Creates a cluster with Slurm that its lifecycle scripts configure: for AMIs from before January 2026, when HyperPod
    /// had no API for the configuration of Slurm, and for existing scripts that read `provisioning_parameters.json`.
    ///
    /// The file `provisioning_parameters.json` is generated from the groups and uploaded with the scripts, which run as
    /// `OnCreate`. A cluster of [`HyperPodCluster::slurm`] is configured by the API instead.
    ///
    /// ```
    /// use stackwright_stacks::cluster::{HyperPodCluster, ServiceNodes, WorkerGroup};
    /// use stackwright_stacks::network::{InterfaceEndpoint, Network};
    /// # use stackwright_synth::App;
    ///
    /// # let app = App::new("research");
    /// # let stack = app.stack("Cluster").region("us-east-1");
    /// let network = stack.add("Network", Network::isolated("10.0.0.0/16", 1).endpoints(InterfaceEndpoint::HYPERPOD_SLURM));
    /// let controller = ServiceNodes::new("controller", "ml.m5.4xlarge");
    /// let cluster = HyperPodCluster::slurm_by_scripts(&network, controller)
    ///     .workers(WorkerGroup::new("train", "ml.g5.12xlarge", 4).partition("research"));
    /// stack.add("Cluster", cluster);
    /// # app.synth()?;
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    pub fn slurm_by_scripts(network: &NetworkHandle, controller: ServiceNodes) -> Self {
        let kind = ScriptedSlurm {
            controller: controller.into_group(),
            login: None,
            workers: Vec::new(),
            lustre: None,
            invalid_dns_name: None,
            open_zfs: None,
        };
        Self { settings: Settings::in_network(network), kind }
    }

    /// Sets the group of nodes that users log in to. By default, there is none.
    pub fn login(mut self, nodes: ServiceNodes) -> Self {
        self.kind.login = Some(nodes.into_group());
        self
    }

    /// Adds a group of nodes that run jobs. The name of its partition has to be a literal; another value is an error.
    pub fn workers(mut self, group: WorkerGroup<AllOrNothing>) -> Self {
        self.kind.workers.push(group.into_group());
        self
    }

    /// Mounts an existing FSx for Lustre file system at `/fsx`. Both names are literal strings, because the lifecycle
    /// scripts cannot read values that CloudFormation resolves during deployment. `synth` reports a value that is not a
    /// DNS name with the line of this call.
    #[track_caller]
    pub fn mount_lustre(mut self, dns_name: impl Into<String>, mount_name: impl Into<String>) -> Self {
        let dns_name = dns_name.into();
        if !is_dns_name(&dns_name) {
            self.kind.invalid_dns_name = Some((dns_name.clone(), std::panic::Location::caller()));
        }
        self.kind.lustre = Some((dns_name, mount_name.into()));
        self
    }

    /// Mounts the root volume of an existing FSx for OpenZFS file system at `/home`, by the DNS name of the file system, a
    /// literal string. By default, `/home` is on the root volume of each node.
    pub fn mount_open_zfs(mut self, dns_name: impl Into<String>) -> Self {
        self.kind.open_zfs = Some(dns_name.into());
        self
    }
}

impl ScriptedSlurm {
    /// Returns the text of `provisioning_parameters.json`.
    fn parameters(&self) -> String {
        let workers: Vec<JsonValue> = self
            .workers
            .iter()
            .map(|group| json!({ "instance_group_name": group.name, "partition_name": partition(group) }))
            .collect();
        let mut parameters = json!({
            "version": "1.0.0",
            "workload_manager": "slurm",
            "controller_group": self.controller.name,
            "worker_groups": workers,
        });
        if let Some(login) = &self.login {
            parameters["login_group"] = login.name.as_str().into();
        }
        if let Some((dns_name, mount_name)) = &self.lustre {
            parameters["fsx_dns_name"] = dns_name.as_str().into();
            parameters["fsx_mountname"] = mount_name.as_str().into();
        }
        if let Some(dns_name) = &self.open_zfs {
            parameters["fsx_openzfs_dns_name"] = dns_name.as_str().into();
        }
        format!("{parameters:#}\n")
    }
}

impl RunsScripts for ScriptedSlurm {}

impl Orchestrate for ScriptedSlurm {
    fn plan(&self) -> Plan {
        let mut groups: Vec<GroupSettings> =
            [&self.controller].into_iter().chain(&self.login).chain(&self.workers).cloned().collect();
        let unresolved = self.workers.iter().filter(|group| partition(group).is_none());
        let unresolved_partitions = unresolved.map(|group| (group.name.clone(), group.location)).collect();
        for group in &mut groups {
            // The API for Slurm and the file exclude each other.
            group.slurm = None;
        }
        Plan {
            groups,
            parameters: Some(self.parameters()),
            unresolved_partitions,
            invalid_dns_name: self.invalid_dns_name.clone(),
            needs_script: true,
            ..Plan::default()
        }
    }
}

/// The name of a group's partition, which is the name of the group unless the program sets another one. `None` if it is
/// resolved only during deployment.
fn partition(group: &GroupSettings) -> Option<&str> {
    match &group.slurm {
        Some((_, Some(name))) => name.as_literal()?.as_str(),
        _ => Some(&group.name),
    }
}

/// Adds the steps that configure Slurm to the scripts of the user: the file systems first, then everything else, then
/// Slurm.
pub(super) fn configuring(scripts: LifecycleScripts) -> LifecycleScripts {
    scripts
        .first("mount-file-systems", include_str!("scripts/mount_file_systems.sh"))
        .last("start-slurm", include_str!("scripts/start_slurm.sh"))
}

#[cfg(test)]
mod tests {
    use stackwright_synth::{App, Parameter, Value};

    use super::*;
    use crate::network::NetworkSubnet;

    fn network() -> NetworkHandle {
        let subnet = NetworkSubnet::existing("subnet-0123456789abcdef0");
        NetworkHandle::existing("vpc-0123456789abcdef0", [subnet], ["sg-0123456789abcdef0"])
    }

    fn with_partition(partition: Option<Value<String>>) -> HyperPodCluster<ScriptedSlurm> {
        let group = WorkerGroup::new("train", "ml.g5.12xlarge", 4);
        let group = match partition {
            Some(name) => group.partition(name),
            None => group,
        };
        HyperPodCluster::slurm_by_scripts(&network(), ServiceNodes::new("controller", "ml.m5.4xlarge"))
            .workers(group)
    }

    #[test]
    fn the_partition_is_that_of_the_group() {
        let partition_of = |cluster: HyperPodCluster<ScriptedSlurm>| -> JsonValue {
            let parameters: JsonValue = serde_json::from_str(&cluster.kind.parameters()).unwrap();
            parameters["worker_groups"][0]["partition_name"].clone()
        };
        assert_eq!(partition_of(with_partition(Some("research".into()))), "research");
        assert_eq!(partition_of(with_partition(None)), "train", "by default the name of the group");
    }

    #[test]
    fn a_partition_that_the_deployment_resolves_is_an_error() {
        let app = App::new("research");
        let stack = app.stack("Cluster").region("us-east-1");
        let name = stack.add("Partition", Parameter::string().default("research"));
        stack.add("Cluster", with_partition(Some(name)));
        let errors = app.synth().unwrap_err();
        let errors: Vec<_> = errors.iter().collect();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].kind.name(), "cluster-partition");
        let location = errors[0].location.as_ref().unwrap();
        assert!(location.file.ends_with("scripted.rs"), "the location of the group: {location}");
    }
}
