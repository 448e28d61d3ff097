//! Network cards, EFA interfaces and local disks of EC2 instance types with accelerators.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::instances::rows;

/// A way in which EC2 offers the capacity of an instance type (`UsageClassType` in the EC2 API).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageClass {
    /// On-Demand Instances.
    OnDemand,
    /// Spot Instances.
    Spot,
    /// Capacity Blocks for ML.
    CapacityBlock,
}

impl UsageClass {
    /// Returns the name that EC2 uses, such as `capacity-block`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
            Self::CapacityBlock => "capacity-block",
        }
    }
}

/// The network and the local storage of one EC2 instance type, as `DescribeInstanceTypes` reports them.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct NetworkFacts {
    /// The type without the prefix `ml.`, such as `p5.48xlarge`.
    pub instance_type: String,
    /// The number of virtual CPUs.
    pub vcpus: u32,
    /// The memory of the host in MiB.
    pub memory_mib: u64,
    /// The number of accelerators; 0 for a type that has a part of one.
    pub accelerator_count: u32,
    /// The maximum number of EFA interfaces of an instance; 0 for a type without Elastic Fabric Adapter.
    pub efa_max_interfaces: u32,
    /// The number of network cards.
    pub max_network_cards: u32,
    /// The number of network cards to which an EFA interface can be attached. If one card supports none, it is card 0 (derived,
    /// not confirmed).
    pub efa_capable_cards: u32,
    /// The maximum number of network interfaces of one card.
    pub interfaces_per_card: u32,
    /// The total size of the local NVMe disks in GB; 0 for a type without local disks.
    pub local_nvme_total_gb: u64,
    usage_classes: String,
}

impl NetworkFacts {
    /// Returns whether EC2 offers the type in a usage class.
    pub fn has_usage_class(&self, class: UsageClass) -> bool {
        self.usage_classes.split(' ').any(|one| one == class.as_str())
    }

    /// Returns the indexes of the network cards to which an EFA interface can be attached; empty for a type without EFA.
    pub fn efa_cards(&self) -> std::ops::Range<u32> {
        self.max_network_cards.saturating_sub(self.efa_capable_cards)..self.max_network_cards
    }
}

/// Returns the facts about an instance type, by its name with or without the prefix `ml.`; `None` for a type that is not in the
/// table.
pub fn network_facts(instance_type: &str) -> Option<&'static NetworkFacts> {
    table().get(instance_type.strip_prefix("ml.").unwrap_or(instance_type))
}

/// Returns the facts about every instance type in the table, sorted by name: `p5.48xlarge`, without the prefix `ml.`.
pub fn all() -> impl Iterator<Item = &'static NetworkFacts> {
    table().values()
}

fn table() -> &'static BTreeMap<String, NetworkFacts> {
    static TABLE: OnceLock<BTreeMap<String, NetworkFacts>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let rows: Vec<NetworkFacts> = rows(include_str!("../facts/ec2_network.csv"));
        rows.into_iter().map(|row| (row.instance_type.clone(), row)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_cards_of_each_type() {
        let efa = |name: &str| network_facts(name).map(|facts| facts.efa_max_interfaces);
        assert_eq!(efa("p4d.24xlarge"), Some(4));
        assert_eq!(efa("ml.p5.48xlarge"), Some(32));
        assert_eq!(efa("g5.2xlarge"), Some(0));
        assert_eq!(efa("m5.large"), None, "only types with accelerators are in the table");
        assert_eq!(network_facts("p6-b300.48xlarge").unwrap().efa_cards(), 1..17);
        assert!(network_facts("p5.48xlarge").unwrap().has_usage_class(UsageClass::CapacityBlock));
        assert!(!network_facts("g5.48xlarge").unwrap().has_usage_class(UsageClass::CapacityBlock));
    }

    #[test]
    fn no_type_has_more_efa_interfaces_than_cards_for_them() {
        let rows: Vec<NetworkFacts> = rows(include_str!("../facts/ec2_network.csv"));
        for row in rows.iter().filter(|row| row.efa_max_interfaces > 0) {
            assert_eq!(row.efa_max_interfaces, row.efa_capable_cards, "{}", row.instance_type);
        }
    }
}
