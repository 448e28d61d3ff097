//! The definition of a job: one container on each node, with all resources of the node.

use stackwright_resources::batch::JobDefinition;
use stackwright_resources::batch::job_definition::{
    ContainerProperties, Device, Environment, EvaluateOnExit, JobTimeout, LinuxParameters,
    MultiNodeContainerProperties, NodeProperties, NodeRangeProperty, ResourceRequirement, RetryStrategy,
    Ulimit,
};
use stackwright_synth::Value;

use super::TrainingFleet;

/// The device files of EFA in a container.
const EFA_DEVICE: &str = "/dev/infiniband/uverbs";

/// The share of the memory of an instance that a job gets: the ECS agent and the system need the rest.
const MEMORY_SHARE: (u64, u64) = (9, 10);

impl TrainingFleet {
    /// Returns the resources that a container requires: all virtual CPUs and GPUs of its node, and nine tenths of the
    /// memory.
    fn requirements(&self) -> Vec<ResourceRequirement> {
        let Some(facts) = self.facts() else { return Vec::new() };
        let memory = facts.memory_mib / MEMORY_SHARE.1 * MEMORY_SHARE.0;
        let one = |kind: &str, value: String| ResourceRequirement::new().type_(kind).value(value);
        let mut all = vec![one("VCPU", facts.vcpus.to_string()), one("MEMORY", memory.to_string())];
        if facts.accelerator_count > 0 {
            all.push(one("GPU", facts.accelerator_count.to_string()));
        }
        all
    }

    fn linux(&self) -> LinuxParameters {
        // Data loaders share batches through this memory: a tenth of the memory, in MiB.
        let shared = self.facts().map_or(0, |facts| facts.memory_mib / 10);
        let linux = LinuxParameters::new()
            .init_process_enabled(true)
            .shared_memory_size(i64::try_from(shared).unwrap_or(i64::MAX));
        if self.efa() == 0 {
            return linux;
        }
        let devices: Vec<Device> = (0..self.efa())
            .map(|number| {
                let path = format!("{EFA_DEVICE}{number}");
                Device::new()
                    .container_path(path.clone())
                    .host_path(path)
                    .permissions(["READ", "WRITE", "MKNOD"])
            })
            .collect();
        linux.devices(devices)
    }

    fn limits() -> [Ulimit; 2] {
        // EFA registers memory, which must not be swapped out.
        let limit = |name: &str, most: i64| Ulimit::new().hard_limit(most).name(name).soft_limit(most);
        [limit("memlock", -1), limit("nofile", 1_024_000)]
    }

    fn variables(&self) -> Vec<Environment> {
        let mut variables = Vec::new();
        if self.efa() > 0 {
            variables.push(("FI_PROVIDER".to_owned(), "efa".into()));
        }
        for (name, value) in &self.environment {
            crate::entries::set(&mut variables, name.as_str(), value.clone());
        }
        variables.into_iter().map(|(name, value)| Environment::new().name(name).value(value)).collect()
    }

    pub(super) fn job_definition(&self, image: &Value<String>, role: &Value<String>) -> JobDefinition {
        let mut definition = if self.nodes > 1 {
            let mut container = MultiNodeContainerProperties::new(image)
                .environment(self.variables())
                .job_role_arn(role)
                .linux_parameters(self.linux())
                .resource_requirements(self.requirements())
                .ulimits(Self::limits());
            if !self.command.is_empty() {
                container = container.command(self.command.clone());
            }
            let range = NodeRangeProperty::new("0:").container(container);
            let nodes = NodeProperties::new()
                .num_nodes(i64::from(self.nodes))
                .main_node(0)
                .node_range_properties([range]);
            JobDefinition::new("multinode").node_properties(nodes)
        } else {
            let mut container = ContainerProperties::new(image)
                .environment(self.variables())
                .job_role_arn(role)
                .linux_parameters(self.linux())
                .resource_requirements(self.requirements())
                .ulimits(Self::limits());
            if !self.command.is_empty() {
                container = container.command(self.command.clone());
            }
            JobDefinition::new("container").container_properties(container)
        };
        // The status reason that AWS Batch reports when an instance is lost, whether it was interrupted or failed.
        let host = EvaluateOnExit::new("RETRY").on_status_reason("Host EC2*");
        let script = EvaluateOnExit::new("EXIT").on_reason("*");
        definition = definition
            .retry_strategy(RetryStrategy::new().attempts(&self.attempts).evaluate_on_exit([host, script]))
            .propagate_tags(true);
        match &self.timeout {
            Some(time) => definition.timeout(JobTimeout::new().attempt_duration_seconds(time)),
            None => definition,
        }
    }
}
