//! Networks: a VPC with private subnets, its endpoints for services of AWS, and a security group for instances.

mod cidr;
mod endpoint;
mod handle;

use std::borrow::Borrow;

use ipnet::Ipv4Net;
use stackwright_resources::Tag;
use stackwright_resources::ec2::security_group::{Egress, Ingress};
use stackwright_resources::ec2::vpc_endpoint::VpcEndpointType;
use stackwright_resources::ec2::{
    Eip, InternetGateway, NatGateway, Route, RouteTable, RouteTableHandle, SecurityGroup,
    SecurityGroupEgress, SecurityGroupHandle, SecurityGroupIngress, Subnet, SubnetHandle,
    SubnetRouteTableAssociation, Vpc, VpcEndpoint, VpcGatewayAttachment, VpcHandle,
};
use stackwright_schemas::endpoint_services::name_prefix;
use stackwright_synth::intrinsic::{availability_zones, region, select};
use stackwright_synth::{Construct, Handle, ResourceOptions, Scope, Value, sub};

use crate::deferred_error::DeferredError;

pub use endpoint::InterfaceEndpoint;
pub use handle::{NetworkHandle, NetworkSubnet};

/// The TCP ports of Lustre: `modules/security_group` of `aws-samples/awsome-distributed-training`.
const LUSTRE_PORTS: [(i64, i64); 2] = [(988, 988), (1018, 1023)];

/// The port of HTTPS.
const HTTPS: i64 = 443;

/// A VPC with private subnets, endpoints for services of AWS, and a security group for instances.
///
/// - [`Network::isolated`] has no route to the internet: instances connect to S3 through a gateway endpoint, and to
///   other services of AWS through the interface endpoints that [`endpoints`](Self::endpoints) adds.
/// - [`Network::private`] adds a NAT gateway, through which instances can connect to the internet; connections from
///   the internet to them are not possible.
/// - [`NetworkHandle::existing`] is the handle of a VPC that exists already.
///
/// Subnets never assign public addresses. The security group for instances allows no inbound traffic from outside of
/// the group; [`efa`](Self::efa) allows all traffic between its members, as Elastic Fabric Adapter requires.
///
/// It becomes `AWS::EC2::VPC`, `AWS::EC2::Subnet`, `AWS::EC2::RouteTable`, `AWS::EC2::VPCEndpoint` and
/// `AWS::EC2::SecurityGroup`.
///
/// ```
/// use stackwright_stacks::VpcConfig;
/// use stackwright_stacks::network::{InterfaceEndpoint, Network};
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Network").region("us-east-1");
/// let network = stack.add(
///     "Network",
///     Network::isolated("10.0.0.0/16", 2).zone_ids(["use1-az4", "use1-az6"]).efa().endpoints(InterfaceEndpoint::TRAINING),
/// );
/// let for_jobs = VpcConfig::from(&network);
/// // With a NAT gateway, for instances that need the internet.
/// stack.add("Outbound", Network::private("10.1.0.0/16", 2));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Network {
    block: Option<Ipv4Net>,
    subnets: usize,
    zones: Zones,
    internet: bool,
    efa: bool,
    lustre: bool,
    endpoints: Vec<InterfaceEndpoint>,
    errors: Vec<DeferredError>,
    location: stackwright_synth::CallerLocation,
}

/// The choice of the zones of the subnets.
#[derive(Clone, Debug)]
enum Zones {
    /// The first Availability Zones of the region, in the order of the account.
    First,
    Names(Vec<String>),
    Ids(Vec<String>),
}

impl Network {
    #[track_caller]
    fn of(block: &str, subnets: usize, internet: bool) -> Self {
        let location = std::panic::Location::caller();
        let mut errors = Vec::new();
        let mut refuse = |message: String, help: &str| {
            errors.push(DeferredError {
                name: "network-block",
                message,
                help: help.to_owned(),
                source: location,
            });
        };
        let block = match cidr::vpc_block(block) {
            Ok(block) => Some(block),
            Err(message) => {
                refuse(message, "use a private block such as `10.0.0.0/16`");
                None
            }
        };
        if subnets == 0 {
            refuse("the network has no subnets".into(), "use at least one subnet");
        }
        if block.is_some_and(|block| cidr::divide(block, subnets, internet).is_none()) {
            refuse(
                format!("the block is too small for {subnets} subnets"),
                "use a larger block, or fewer subnets; a subnet is at least a /28",
            );
        }
        Self {
            block,
            subnets,
            zones: Zones::First,
            internet,
            efa: false,
            lustre: false,
            endpoints: Vec::new(),
            errors,
            location,
        }
    }

    /// Creates a network without a route to the internet: a VPC with an IPv4 address block in CIDR notation, such as
    /// `10.0.0.0/16`, which is divided among this number of private subnets, each in a separate Availability Zone.
    ///
    /// A prefix outside of /16 to /28, a block that is too small, or 0 subnets is an error at the caller's line.
    #[track_caller]
    pub fn isolated(block: &str, subnets: usize) -> Self {
        Self::of(block, subnets, false)
    }

    /// Creates a network whose private subnets have a route to the internet through a NAT gateway in the first Availability
    /// Zone: a VPC with an IPv4 address block in CIDR notation, such as `10.1.0.0/16`, which is divided among this number of
    /// private subnets and the public subnet of the gateway.
    ///
    /// A prefix outside of /16 to /28, a block that is too small, or 0 subnets is an error at the caller's line.
    #[track_caller]
    pub fn private(block: &str, subnets: usize) -> Self {
        Self::of(block, subnets, true)
    }

    /// Sets the Availability Zone of each subnet by its name in the account, such as `us-east-1a`. The default is the first
    /// zones of the region. Another number of zones than subnets is an error at the caller's line. It replaces
    /// [`zone_ids`](Self::zone_ids).
    #[track_caller]
    pub fn zones(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.zones = Zones::Names(names.into_iter().map(Into::into).collect());
        self.location = std::panic::Location::caller();
        self
    }

    /// Sets the Availability Zone of each subnet by its ID, such as `use1-az4`, which is the same zone in every
    /// account. AWS states the zone of reserved capacity by this ID. The default is the first zones of the region. Another
    /// number of IDs than subnets is an error at the caller's line. It replaces [`zones`](Self::zones).
    #[track_caller]
    pub fn zone_ids(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.zones = Zones::Ids(ids.into_iter().map(Into::into).collect());
        self.location = std::panic::Location::caller();
        self
    }

    /// Allows all traffic between members of the security group in both directions, which Elastic Fabric Adapter
    /// (EFA) requires. By default, members cannot connect to each other.
    pub fn efa(mut self) -> Self {
        self.efa = true;
        self
    }

    /// Allows the traffic of FSx for Lustre between members of the security group (TCP ports 988 and 1018 to 1023). By default,
    /// members cannot connect to each other. The call is not necessary in addition to [`efa`](Self::efa).
    pub fn lustre(mut self) -> Self {
        self.lustre = true;
        self
    }

    /// Adds interface endpoints in all private subnets, each once. [`InterfaceEndpoint::TRAINING`] and similar constants list
    /// the endpoints that each kind of workload needs. By default, there are none.
    pub fn endpoints(mut self, endpoints: impl IntoIterator<Item = impl Borrow<InterfaceEndpoint>>) -> Self {
        for endpoint in endpoints {
            let endpoint = *endpoint.borrow();
            if !self.endpoints.contains(&endpoint) {
                self.endpoints.push(endpoint);
            }
        }
        self
    }

    /// Checks that there are as many zones as subnets.
    fn check_zones(&self, scope: &Scope<'_>) {
        let given = match &self.zones {
            Zones::First => return,
            Zones::Names(names) => names.len(),
            Zones::Ids(ids) => ids.len(),
        };
        if given != self.subnets {
            scope.error(
                "network-zones",
                format!("the network has {} subnets, and {given} Availability Zones are set", self.subnets),
                "set one Availability Zone for each subnet".into(),
                Some(self.location),
            );
        }
    }

    /// Adds the subnet with this index.
    fn subnet(&self, index: usize, block: Ipv4Net, vpc: &VpcHandle, scope: &mut Scope<'_>) -> SubnetHandle {
        let name = format!("Subnet{}", index + 1);
        let subnet = self.in_zone(index, Subnet::new(vpc.reference()));
        scope.add(
            &name,
            subnet.cidr_block(block.to_string()).map_public_ip_on_launch(false).tags([named(scope, &name)]),
        )
    }

    fn in_zone(&self, index: usize, subnet: Subnet) -> Subnet {
        match &self.zones {
            Zones::First => {
                let index = i64::try_from(index).unwrap_or(i64::MAX);
                subnet.availability_zone(select(index, availability_zones(region())))
            }
            Zones::Names(names) => match names.get(index) {
                Some(name) => subnet.availability_zone(name.as_str()),
                None => subnet,
            },
            Zones::Ids(ids) => match ids.get(index) {
                Some(id) => subnet.availability_zone_id(id.as_str()),
                None => subnet,
            },
        }
    }

    fn zone_of(&self, index: usize) -> (Option<String>, Option<String>) {
        match &self.zones {
            Zones::First => (None, None),
            Zones::Names(names) => (names.get(index).cloned(), None),
            Zones::Ids(ids) => (None, ids.get(index).cloned()),
        }
    }

    /// Adds the internet gateway and the NAT gateway, and returns the resources that have to exist before instances
    /// start.
    fn gateways(
        &self,
        public: &[Ipv4Net],
        vpc: &VpcHandle,
        private_routes: &RouteTableHandle,
        scope: &mut Scope<'_>,
    ) -> Vec<Handle> {
        let Some(block) = public.first() else { return Vec::new() };
        let internet = scope.add("Internet", InternetGateway::new().tags([named(scope, "Internet")]));
        let attached = scope.add(
            "InternetAttachment",
            VpcGatewayAttachment::new(vpc.reference()).internet_gateway_id(internet.reference()),
        );
        let subnet = self.in_zone(0, Subnet::new(vpc.reference())).cidr_block(block.to_string());
        let subnet = scope
            .add("PublicSubnet", subnet.map_public_ip_on_launch(false).tags([named(scope, "PublicSubnet")]));
        let routes =
            scope.add("PublicRoutes", RouteTable::new(vpc.reference()).tags([named(scope, "PublicRoutes")]));
        let out = Route::new(routes.reference())
            .destination_cidr_block("0.0.0.0/0")
            .gateway_id(internet.reference())
            .depends_on(&attached);
        let out = scope.add("PublicRoute", out);
        scope.add(
            "PublicSubnetRoutes",
            SubnetRouteTableAssociation::new()
                .route_table_id(routes.reference())
                .subnet_id(subnet.reference()),
        );
        let address = scope.add("NatAddress", Eip::new().domain("vpc").depends_on(&attached));
        let nat = NatGateway::new()
            .allocation_id(address.allocation_id())
            .subnet_id(subnet.reference())
            .tags([named(scope, "Nat")])
            .depends_on(&out);
        let nat = scope.add("Nat", nat);
        let route = Route::new(private_routes.reference())
            .destination_cidr_block("0.0.0.0/0")
            .nat_gateway_id(nat.reference());
        vec![Handle::clone(&scope.add("NatRoute", route))]
    }

    /// Adds the security group of the instances, and returns it with the rules that were added to it.
    fn instances_group(&self, vpc: &VpcHandle, scope: &mut Scope<'_>) -> (SecurityGroupHandle, Vec<Handle>) {
        let out = if self.internet {
            Egress::new("-1").cidr_ip("0.0.0.0/0").description("The internet, through the NAT gateway")
        } else {
            // S3 has public addresses behind the gateway endpoint, so the rule cannot be limited to the block of the
            // VPC.
            Egress::new("tcp")
                .from_port(HTTPS)
                .to_port(HTTPS)
                .cidr_ip("0.0.0.0/0")
                .description("Services of AWS, through endpoints")
        };
        let group = scope.add(
            "Instances",
            SecurityGroup::new("Instances")
                .vpc_id(vpc.reference())
                .security_group_egress([out])
                .tags([named(scope, "Instances")]),
        );
        if self.efa {
            let rules = open_to_itself(&group, "Instances", None, "All traffic, which EFA requires", scope);
            return (group, Vec::from(rules));
        }
        if !self.lustre {
            return (group, Vec::new());
        }
        let rules = LUSTRE_PORTS.iter().enumerate().flat_map(|(index, ports)| {
            open_to_itself(&group, &format!("Lustre{}", index + 1), Some(*ports), "FSx for Lustre", scope)
        });
        let rules = rules.collect();
        (group, rules)
    }

    /// Adds the endpoints, and returns them.
    fn add_endpoints(
        &self,
        vpc: &VpcHandle,
        subnets: &[SubnetHandle],
        routes: &RouteTableHandle,
        scope: &mut Scope<'_>,
    ) -> Vec<Handle> {
        let s3 = VpcEndpoint::new(vpc.reference())
            .vpc_endpoint_type(VpcEndpointType::Gateway)
            .service_name(sub!("com.amazonaws.{}.s3", region()))
            .route_table_ids([routes.reference()]);
        let mut added = vec![Handle::clone(&scope.add("S3Endpoint", s3))];
        if self.endpoints.is_empty() {
            return added;
        }
        let block = self.block.map(|block| block.to_string()).unwrap_or_default();
        let https = Ingress::new("tcp")
            .from_port(HTTPS)
            .to_port(HTTPS)
            .cidr_ip(block.clone())
            .description("HTTPS from the VPC");
        // Without an explicit rule, the group would allow all outbound traffic.
        let answers = Egress::new("tcp")
            .from_port(HTTPS)
            .to_port(HTTPS)
            .cidr_ip(block)
            .description("Endpoints open no connections");
        let group = scope.add(
            "Endpoints",
            SecurityGroup::new("Interface endpoints")
                .vpc_id(vpc.reference())
                .security_group_ingress([https])
                .security_group_egress([answers])
                .tags([named(scope, "Endpoints")]),
        );
        let subnets: Vec<Value<String>> = subnets.iter().map(|subnet| subnet.reference()).collect();
        let of_stack = scope.environment().region.unwrap_or_default();
        for endpoint in &self.endpoints {
            let prefix = name_prefix(&of_stack, endpoint.service());
            let endpoint_resource = VpcEndpoint::new(vpc.reference())
                .vpc_endpoint_type(VpcEndpointType::Interface)
                .service_name(sub!("{}.{}.{}", prefix, region(), endpoint.service()))
                .private_dns_enabled(true)
                .security_group_ids([group.group_id()])
                .subnet_ids(subnets.clone());
            added.push(Handle::clone(&scope.add(&endpoint.id(), endpoint_resource)));
        }
        added
    }
}

/// Allows traffic between members of a security group in both directions, on the given ports or on all ports.
fn open_to_itself(
    group: &SecurityGroupHandle,
    id: &str,
    ports: Option<(i64, i64)>,
    description: &str,
    scope: &mut Scope<'_>,
) -> [Handle; 2] {
    let protocol = if ports.is_some() { "tcp" } else { "-1" };
    let mut incoming = SecurityGroupIngress::new(protocol)
        .group_id(group.group_id())
        .source_security_group_id(group.group_id())
        .description(description);
    let mut outgoing = SecurityGroupEgress::new()
        .ip_protocol(protocol)
        .group_id(group.group_id())
        .destination_security_group_id(group.group_id())
        .description(description);
    if let Some((from, to)) = ports {
        incoming = incoming.from_port(from).to_port(to);
        outgoing = outgoing.from_port(from).to_port(to);
    }
    [
        Handle::clone(&scope.add(&format!("{id}In"), incoming)),
        Handle::clone(&scope.add(&format!("{id}Out"), outgoing)),
    ]
}

/// The tag that the console shows as the name.
fn named(scope: &Scope<'_>, part: &str) -> Tag {
    Tag::new("Name", format!("{}/{}{part}", scope.stack_name(), scope.id()))
}

impl Construct for Network {
    type Handle = NetworkHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> NetworkHandle {
        for error in &self.errors {
            error.clone().report(scope);
        }
        self.check_zones(scope);
        let (private, public) =
            self.block.and_then(|block| cidr::divide(block, self.subnets, self.internet)).unwrap_or_default();
        let vpc = scope.add_default(
            Vpc::new()
                .cidr_block(self.block.map(|block| block.to_string()).unwrap_or_default())
                .enable_dns_hostnames(true)
                .enable_dns_support(true)
                .tags([named(scope, "")]),
        );
        let routes = scope.add("Routes", RouteTable::new(vpc.reference()).tags([named(scope, "Routes")]));
        let mut handles = Vec::new();
        let mut ready = Vec::new();
        for (index, block) in private.iter().enumerate() {
            let subnet = self.subnet(index, *block, &vpc, scope);
            let association = SubnetRouteTableAssociation::new()
                .route_table_id(routes.reference())
                .subnet_id(subnet.reference());
            ready.push(Handle::clone(&scope.add(&format!("Subnet{}Routes", index + 1), association)));
            handles.push(subnet);
        }
        ready.extend(self.gateways(&public, &vpc, &routes, scope));
        let (group, rules) = self.instances_group(&vpc, scope);
        ready.extend(rules);
        ready.extend(self.add_endpoints(&vpc, &handles, &routes, scope));
        let subnets = handles
            .iter()
            .zip(&private)
            .enumerate()
            .map(|(index, (subnet, block))| {
                let (zone, zone_id) = self.zone_of(index);
                NetworkSubnet {
                    id: subnet.reference(),
                    zone,
                    zone_id,
                    addresses: Some(cidr::usable_addresses(*block)),
                }
            })
            .collect();
        NetworkHandle {
            vpc_id: vpc.reference(),
            subnets,
            security_groups: vec![group.group_id()],
            lustre: Some(self.efa || self.lustre),
            ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use stackwright_synth::{App, Template};

    use super::*;

    fn synthesized(network: Network) -> Result<Template, String> {
        let app = App::new("vision");
        app.stack("Network").region("us-east-1").add("Vpc", network);
        let mut assembly = app.synth().map_err(|errors| errors.to_string())?;
        Ok(assembly.stacks.remove(0).template)
    }

    fn count(template: &Template, type_name: &str) -> usize {
        template.resources().filter(|(_, body)| body["Type"] == type_name).count()
    }

    #[test]
    fn only_a_private_network_has_gateways_to_the_internet() {
        let isolated = synthesized(Network::isolated("10.0.0.0/16", 2)).unwrap();
        let private = synthesized(Network::private("10.0.0.0/16", 2)).unwrap();
        for type_name in ["AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP"] {
            assert_eq!((count(&isolated, type_name), count(&private, type_name)), (0, 1), "{type_name}");
        }
        // The NAT gateway is in a public subnet of its own.
        assert_eq!((count(&isolated, "AWS::EC2::Subnet"), count(&private, "AWS::EC2::Subnet")), (2, 3));
    }

    #[test]
    fn each_subnet_has_its_own_block_and_zone() {
        let zones = ["us-east-1a", "us-east-1b", "us-east-1c"];
        let template = synthesized(Network::isolated("10.0.0.0/16", 3).zones(zones)).unwrap();
        let mut blocks = Vec::new();
        for (_, subnet) in template.resources().filter(|(_, body)| body["Type"] == "AWS::EC2::Subnet") {
            assert_eq!(subnet["Properties"]["AvailabilityZone"], zones[blocks.len()]);
            blocks.push(subnet["Properties"]["CidrBlock"].to_string());
        }
        blocks.sort();
        blocks.dedup();
        assert_eq!(blocks.len(), 3, "{blocks:?}");
    }

    #[test]
    fn a_network_that_cannot_exist_is_an_error_at_its_line() {
        for (network, words) in [
            (Network::isolated("10.0.0.0/8", 2), "10.0.0.0/8"),
            (Network::isolated("10.0.0.0/28", 4), "the block is too small for 4 subnets"),
            (Network::isolated("10.0.0.0/16", 0), "the network has no subnets"),
            (Network::isolated("10.0.0.0/16", 2).zones(["us-east-1a"]), "1 Availability Zones are set"),
        ] {
            let error = synthesized(network).unwrap_err();
            assert!(error.contains(words) && error.contains("network/mod.rs:"), "{error}");
        }
    }
}
