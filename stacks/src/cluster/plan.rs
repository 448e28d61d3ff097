//! The parts of a cluster that depend on its orchestrator.

use stackwright_resources::sagemaker::cluster::{Orchestrator, RestrictedInstanceGroupsConfig};
use stackwright_synth::{CallerLocation, Handle, Value};

use super::group::GroupSettings;
use super::restricted::RestrictedGroup;

/// An orchestrator of a HyperPod cluster. The trait cannot be implemented outside of this crate.
pub trait Orchestrate {
    /// Returns the parts of the cluster that depend on the orchestrator.
    fn plan(&self) -> Plan;
}

/// An orchestrator whose nodes run scripts of the user: every orchestrator except restricted instance groups.
pub trait RunsScripts {}

/// The parts of a cluster that depend on its orchestrator.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(super) groups: Vec<GroupSettings>,
    /// The same groups as restricted groups, if they are restricted.
    pub(super) restricted: Vec<RestrictedGroup>,
    /// The settings that restricted groups share.
    pub(super) restricted_config: Option<RestrictedInstanceGroupsConfig>,
    pub(super) orchestrator: Option<Orchestrator>,
    pub(super) continuous: bool,
    pub(super) is_eks: bool,
    /// Whether Karpenter adds and deletes nodes.
    pub(super) karpenter: bool,
    /// The share of memory for tiered storage, in percent.
    pub(super) tiered_storage: Option<Value<i64>>,
    /// The ARNs of secrets that nodes read.
    pub(super) secrets: Vec<Value<String>>,
    /// The text of `provisioning_parameters.json`, for a cluster that scripts configure.
    pub(super) parameters: Option<String>,
    /// Groups whose partition is resolved only during deployment, although `provisioning_parameters.json` contains it.
    pub(super) unresolved_partitions: Vec<(String, CallerLocation)>,
    /// The argument for the DNS name of a file system that is not a DNS name, and the line that passed it.
    pub(super) invalid_dns_name: Option<(String, CallerLocation)>,
    /// The resources that have to exist before the cluster.
    pub(super) before: Vec<Handle>,
    /// Whether HyperPod runs a script on each node although none was given.
    pub(super) needs_script: bool,
}
