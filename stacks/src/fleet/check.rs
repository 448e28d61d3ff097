//! Checks of settings that the instance types or the network do not support.

use stackwright_schemas::ec2_network::{UsageClass, network_facts};
use stackwright_synth::Scope;

use super::GpuFleet;
use super::capacity::Capacity;

impl<C> GpuFleet<C> {
    /// Reports settings that the instance types or the network do not support.
    pub(super) fn check(&self, scope: &Scope<'_>) {
        let refuse = |name, message: String, help: &str| {
            scope.error(name, message, help.to_owned(), Some(self.location));
        };
        let types: &[String] = match &self.capacity {
            Capacity::Mixed(mix) => mix.types(),
            _ => std::slice::from_ref(&self.instance_type),
        };
        if let Some(zone) = &self.settings.zone_id {
            self.network.check_zone(zone, "the reserved capacity of the fleet", self.location, scope);
        }
        if types.is_empty() {
            refuse("fleet-types", "the fleet has no instance types".into(), "add at least one");
        }
        if matches!(self.capacity, Capacity::Block(_)) {
            let sold = network_facts(&self.instance_type)
                .map(|facts| facts.has_usage_class(UsageClass::CapacityBlock));
            if sold == Some(false) {
                let message = format!("{} is not offered in capacity blocks", self.instance_type);
                refuse(
                    "fleet-capacity-block",
                    message,
                    "use another instance type, or another kind of capacity",
                );
            }
        }
        let needs_one_zone = self.settings.efa || self.settings.placement.is_some();
        if needs_one_zone && self.network.subnets().len() > 1 {
            let what = if self.settings.efa { "EFA" } else { "a cluster placement group" };
            let message = format!(
                "{what} stays in one Availability Zone, and the network has {} subnets",
                self.network.subnets().len()
            );
            refuse("fleet-zones", message, "choose one with `network.in_subnet(0)`");
        }
        if !self.settings.efa {
            return;
        }
        let interfaces: Vec<Option<u32>> =
            types.iter().map(|name| network_facts(name).map(|facts| facts.efa_max_interfaces)).collect();
        for (name, count) in types.iter().zip(&interfaces) {
            if count.is_none_or(|count| count == 0) {
                let message = match count {
                    Some(_) => format!("{name} does not support Elastic Fabric Adapter"),
                    None => format!("the number of EFA interfaces of {name} is not known"),
                };
                refuse("fleet-efa", message, "remove `.efa()`, or use another instance type");
            }
        }
        if interfaces.windows(2).any(|pair| pair[0] != pair[1]) {
            let message = "the instance types support different numbers of EFA interfaces, and a launch template has one list of interfaces";
            refuse("fleet-efa", message.into(), "use types with the same network cards");
        }
    }
}
