//! Clusters with Slurm that their lifecycle scripts configure, by `provisioning_parameters.json`.

use serde_json::{Value as JsonValue, json};

use super::group::{AllOrNothing, GroupSettings};
use super::lifecycle::LifecycleScripts;
use super::nodes::WorkerGroup;
use super::plan::{Orchestrate, Plan, RunsScripts};
use super::slurm::ServiceNodes;
use super::{HyperPodCluster, Settings};
use crate::network::NetworkHandle;

/// A cluster with Slurm that is configured by scripts.
#[derive(Clone, Debug)]
pub struct ScriptedSlurm {
    controller: GroupSettings,
    login: Option<GroupSettings>,
    workers: Vec<(GroupSettings, String)>,
    lustre: Option<(String, String)>,
    open_zfs: Option<String>,
}

impl HyperPodCluster<ScriptedSlurm> {
    /// Creates a cluster with Slurm that its lifecycle scripts configure, as it was done before HyperPod had an API for it:
    /// for AMIs from before January 2026, and for scripts of your own that read `provisioning_parameters.json`.
    ///
    /// The file is written from the groups, so that its names are theirs. [`HyperPodCluster::slurm`] needs no such file; a
    /// cluster has one or the other.
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
    ///     .workers("research", WorkerGroup::new("train", "ml.g5.12xlarge", 4));
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
            open_zfs: None,
        };
        Self { settings: Settings::in_network(network), kind }
    }

    /// Sets the nodes that users log into.
    pub fn login(mut self, nodes: ServiceNodes) -> Self {
        self.kind.login = Some(nodes.into_group());
        self
    }

    /// Adds a group of nodes that run jobs, in a partition of this name.
    pub fn workers(mut self, partition: impl Into<String>, group: WorkerGroup<AllOrNothing>) -> Self {
        self.kind.workers.push((group.into_group(), partition.into()));
        self
    }

    /// Mounts an FSx for Lustre file system that exists already at `/fsx`, by its DNS name and its mount name. Scripts cannot
    /// read what CloudFormation resolves only during deployment.
    pub fn mount_lustre(mut self, dns_name: impl Into<String>, mount_name: impl Into<String>) -> Self {
        self.kind.lustre = Some((dns_name.into(), mount_name.into()));
        self
    }

    /// Mounts the root volume of an FSx for OpenZFS file system that exists already at `/home`, by its DNS name.
    pub fn mount_open_zfs(mut self, dns_name: impl Into<String>) -> Self {
        self.kind.open_zfs = Some(dns_name.into());
        self
    }
}

impl ScriptedSlurm {
    /// The text of `provisioning_parameters.json`.
    fn parameters(&self) -> String {
        let workers: Vec<JsonValue> = self
            .workers
            .iter()
            .map(|(group, partition)| json!({ "instance_group_name": group.name, "partition_name": partition }))
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
        let workers = self.workers.iter().map(|(group, _)| group);
        let mut groups: Vec<GroupSettings> =
            [&self.controller].into_iter().chain(&self.login).chain(workers).cloned().collect();
        for group in &mut groups {
            // The API for Slurm and the file exclude each other.
            group.slurm = None;
        }
        Plan { groups, parameters: Some(self.parameters()), needs_script: true, ..Plan::default() }
    }
}

/// Adds what configures Slurm to the scripts of the user: the file systems first, then everything else, then Slurm.
pub(super) fn configuring(scripts: LifecycleScripts) -> LifecycleScripts {
    scripts
        .first("mount-file-systems", include_str!("scripts/mount_file_systems.sh"))
        .last("start-slurm", include_str!("scripts/start_slurm.sh"))
}
