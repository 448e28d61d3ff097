//! Networks that were added to a stack, or that exist already.

use stackwright_synth::{CallerLocation, Handle, IntoValue, Scope, Value};

/// A [`Network`](super::Network) that was added to a stack, or a network that exists already: a VPC with private subnets and
/// security groups for instances.
#[derive(Clone, Debug)]
pub struct NetworkHandle {
    pub(super) vpc_id: Value<String>,
    pub(super) subnets: Vec<NetworkSubnet>,
    pub(super) security_groups: Vec<Value<String>>,
    /// Whether the security groups allow Lustre traffic between their members, if that is known.
    pub(super) lustre: Option<bool>,
    /// The resources that have to exist before instances start, and have to be deleted after them.
    pub(super) ready: Vec<Handle>,
}

/// A private subnet of a network: its ID, and its Availability Zone if it is known.
///
/// ```
/// use stackwright_stacks::network::NetworkSubnet;
///
/// NetworkSubnet::existing("subnet-0123456789abcdef0").in_zone_id("use1-az4");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct NetworkSubnet {
    pub(super) id: Value<String>,
    pub(super) zone: Option<String>,
    pub(super) zone_id: Option<String>,
    /// The number of network interfaces that fit into the subnet, if it is known.
    pub(super) addresses: Option<u32>,
}

impl NetworkSubnet {
    /// Refers to a subnet that exists already, by its ID, such as `subnet-0123456789abcdef0`. Its Availability Zone is not
    /// known unless [`in_zone_id`](Self::in_zone_id) is called.
    #[track_caller]
    pub fn existing(id: impl IntoValue<String>) -> Self {
        Self {
            id: crate::arn::with_prefix(id, "subnet-", "a subnet"),
            zone: None,
            zone_id: None,
            addresses: None,
        }
    }

    /// States the ID of the Availability Zone of the subnet, such as `use1-az4`. With it, reserved capacity in another zone is an
    /// error during synthesis. It adds nothing to the template.
    pub fn in_zone_id(mut self, id: impl Into<String>) -> Self {
        self.zone_id = Some(id.into());
        self
    }

    /// Returns the subnet's ID.
    pub fn id(&self) -> Value<String> {
        self.id.clone()
    }

    /// Returns the ID of the Availability Zone of the subnet, such as `use1-az4`, or `None` if the ID is not known during
    /// synthesis.
    pub fn zone_id(&self) -> Option<&str> {
        self.zone_id.as_deref()
    }

    /// Returns the name of the Availability Zone of the subnet, such as `us-east-1a`, or `None` if the name is not known during
    /// synthesis.
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }
}

impl NetworkHandle {
    /// Refers to a network that exists already, by the ID of its VPC, its private subnets, and the IDs of the security groups for
    /// instances. Settings that depend on the rules of the security groups are not validated.
    ///
    /// ```
    /// use stackwright_stacks::network::{NetworkHandle, NetworkSubnet};
    ///
    /// NetworkHandle::existing(
    ///     "vpc-0123456789abcdef0",
    ///     [NetworkSubnet::existing("subnet-0123456789abcdef0").in_zone_id("use1-az4")],
    ///     ["sg-0123456789abcdef0"],
    /// );
    /// ```
    #[track_caller]
    pub fn existing<G: IntoValue<String>>(
        vpc_id: impl IntoValue<String>,
        subnets: impl IntoIterator<Item = NetworkSubnet>,
        security_groups: impl IntoIterator<Item = G>,
    ) -> Self {
        let mut groups = Vec::new();
        for group in security_groups {
            groups.push(crate::arn::with_prefix(group, "sg-", "a security group"));
        }
        Self {
            vpc_id: crate::arn::with_prefix(vpc_id, "vpc-", "a VPC"),
            subnets: subnets.into_iter().collect(),
            security_groups: groups,
            lustre: None,
            ready: Vec::new(),
        }
    }

    /// Returns the ID of the VPC.
    pub fn vpc_id(&self) -> Value<String> {
        self.vpc_id.clone()
    }

    /// Returns the private subnets.
    pub fn subnets(&self) -> &[NetworkSubnet] {
        &self.subnets
    }

    /// Returns the IDs of the private subnets.
    pub fn subnet_ids(&self) -> Value<Vec<String>> {
        self.subnets.iter().map(NetworkSubnet::id).collect::<Vec<_>>().into()
    }

    /// Returns the IDs of the security groups for instances.
    pub fn security_group_ids(&self) -> Value<Vec<String>> {
        self.security_groups.clone().into()
    }

    /// Returns the same network with one subnet only, by its index, counted from 0. Instances that communicate through EFA have
    /// to be in one Availability Zone. An index that no subnet has is an error at the caller's line.
    #[track_caller]
    pub fn in_subnet(&self, index: usize) -> Self {
        let subnet = match self.subnets.get(index) {
            Some(subnet) => subnet.clone(),
            None => {
                let message =
                    format!("the network has {} subnets, and the index is {index}", self.subnets.len());
                let id = Value::invalid("missing-subnet", message, "subnets are counted from 0");
                NetworkSubnet::existing(id)
            }
        };
        Self { subnets: vec![subnet], ..self.clone() }
    }

    /// Returns the resources that have to exist before instances start, such as routes and endpoints.
    pub(crate) fn ready(&self) -> &[Handle] {
        &self.ready
    }

    /// Reports reserved capacity in a zone without a subnet of the network, if the zones of all subnets are known.
    pub(crate) fn check_zone(&self, zone_id: &str, what: &str, location: CallerLocation, scope: &Scope<'_>) {
        let zones: Option<Vec<&str>> = self.subnets.iter().map(NetworkSubnet::zone_id).collect();
        if let Some(zones) = zones.filter(|zones| !zones.contains(&zone_id)) {
            scope.error(
                "capacity-zone",
                format!("{what} is in the zone {zone_id}, and the subnets are in {}", zones.join(", ")),
                "use a subnet in the zone of the capacity, such as `network.in_subnet(1)`".into(),
                Some(location),
            );
        }
    }

    /// Returns whether the security groups allow Lustre traffic between their members, if that is known.
    pub(crate) fn is_open_to_lustre(&self) -> Option<bool> {
        self.lustre
    }

    /// Returns the number of network interfaces that fit into the smallest subnet, if that is known.
    pub(crate) fn addresses(&self) -> Option<u32> {
        self.subnets.iter().map(|subnet| subnet.addresses).min().flatten()
    }
}
