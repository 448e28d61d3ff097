//! The service quotas that stacks need.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::Value as Json;
use stackwright_schemas::ec2_network::network_facts;
use stackwright_schemas::quotas::QuotaUse;
use stackwright_schemas::{instances, quotas as table};
use stackwright_synth::{Assembly, StackArtifact};

use crate::cost::resolve::{Resolver, number, reference};
use crate::cost::{self, Capacity, Estimate, Line, Options, Per, Use};

/// A service with quotas that stacks need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum QuotaService {
    /// Amazon SageMaker AI.
    SageMaker,
    /// Amazon EC2.
    Ec2,
    /// Amazon VPC.
    Vpc,
}

impl QuotaService {
    /// Returns the code of the service in Service Quotas, such as `sagemaker`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SageMaker => "sagemaker",
            Self::Ec2 => "ec2",
            Self::Vpc => "vpc",
        }
    }
}

/// The unit of a quota. Its text (`Display`) is the plural, such as `instances`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum QuotaUnit {
    /// Elastic IP addresses.
    Addresses,
    /// Endpoints of SageMaker or of a VPC.
    Endpoints,
    /// NAT gateways.
    Gateways,
    /// Instances.
    Instances,
    /// Network interfaces.
    Interfaces,
    /// Pipelines.
    Pipelines,
    /// Concurrent requests.
    Requests,
    /// vCPUs.
    #[serde(rename = "vCPUs")]
    Vcpus,
    /// VPCs.
    #[serde(rename = "VPCs")]
    Vpcs,
}

impl QuotaUnit {
    /// Returns the name of one unit, such as `instance`.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Addresses => "address",
            Self::Endpoints => "endpoint",
            Self::Gateways => "gateway",
            Self::Instances => "instance",
            Self::Interfaces => "interface",
            Self::Pipelines => "pipeline",
            Self::Requests => "request",
            Self::Vcpus => "vCPU",
            Self::Vpcs => "VPC",
        }
    }
}

impl fmt::Display for QuotaUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let singular = self.singular();
        let end = if singular.ends_with('s') { "es" } else { "s" };
        write!(formatter, "{singular}{end}")
    }
}

/// A service quota, and the amount of it that stacks need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Need {
    /// The quota's name in Service Quotas.
    pub name: String,
    /// The code of the quota, such as `L-07BEB181`; `None` is unknown.
    pub code: Option<String>,
    /// The service of the quota.
    pub service: QuotaService,
    /// The unit of the quota.
    pub unit: QuotaUnit,
    /// Whether the quota counts instances of one type, or vCPUs of one family of types.
    #[serde(skip)]
    pub is_of_instances: bool,
    /// The amount that is needed at the maximum capacity; `None` if the vCPUs of a type are not known.
    pub needed: Option<u64>,
    /// The amount that is needed while a blue/green update of the largest endpoint runs a second fleet; `None` if no update needs
    /// more.
    pub during_update: Option<u64>,
    /// AWS's default value; `None` is unknown.
    pub default: Option<u64>,
    /// The value of the account, if it was read; see [`Need::with_account_value`].
    pub account_value: Option<u64>,
    /// The account that the stacks set; `None` if they set none.
    pub account: Option<String>,
    /// The region that the stacks set; `None` if they set none.
    pub region: Option<String>,
    /// The logical IDs of the resources that need the quota.
    pub resources: Vec<String>,
}

impl Need {
    /// Returns the largest amount that is needed at one time: the amount during a blue/green update, if there is
    /// one; `None` if it is unknown.
    pub fn peak(&self) -> Option<u64> {
        self.during_update.or(self.needed)
    }

    /// Sets the value of the account, which Service Quotas returns.
    #[must_use]
    pub fn with_account_value(mut self, value: Option<u64>) -> Self {
        self.account_value = value;
        self
    }

    /// Returns the value of the account, or AWS's default value if that of the account was not read; `None` if both are unknown.
    pub fn limit(&self) -> Option<u64> {
        self.account_value.or(self.default)
    }

    /// Returns whether the needed amount exceeds the limit; `None` if one of the two is unknown.
    ///
    /// ```
    /// use stackwright_estimate::cost::Options;
    /// use stackwright_estimate::quotas;
    /// use stackwright_synth::Assembly;
    ///
    /// let address = "Resources: {A: {Type: AWS::EC2::EIP}}".to_owned();
    /// let assembly = Assembly::of_template("s.yaml", address)?;
    /// let need = quotas::of_assembly(&assembly, &Options::default()).remove(0);
    /// assert_eq!(need.is_exceeded(), Some(false));
    /// assert_eq!(need.with_account_value(Some(0)).is_exceeded(), Some(true));
    /// # Ok::<(), stackwright_synth::TemplateError>(())
    /// ```
    pub fn is_exceeded(&self) -> Option<bool> {
        Some(self.peak()? > self.limit()?)
    }
}

/// Returns the use to which the SageMaker quota of this capacity applies; `None` if SageMaker has no such quota.
fn quota_use(capacity: &Capacity) -> Option<QuotaUse> {
    Some(match (capacity.usage, capacity.is_spot) {
        (Use::Hosting | Use::Asynchronous, _) => QuotaUse::Hosting,
        (Use::Training, true) => QuotaUse::SpotTraining,
        (Use::Training, false) => QuotaUse::Training,
        (Use::Processing, _) => QuotaUse::Processing,
        (Use::Transform, _) => QuotaUse::Transform,
        (Use::WarmPool, _) => QuotaUse::WarmPool,
        (Use::Cluster, true) => QuotaUse::HyperpodClusterSpot,
        (Use::Cluster, false) => QuotaUse::HyperpodCluster,
        (Use::Notebook, _) => QuotaUse::Notebook,
        _ => return None,
    })
}

/// Returns the quota family of an instance type: EC2 counts vCPUs by family, and those of Spot Instances separately.
fn family(instance_type: &str, is_spot: bool) -> &'static str {
    let letters: String = instance_type.chars().take_while(char::is_ascii_alphabetic).collect();
    if is_spot {
        return match letters.as_str() {
            "p" if instance_type.starts_with("p5") => "All P5 Spot Instance Requests",
            "p" => "All P4, P3 and P2 Spot Instance Requests",
            "g" | "gr" | "vt" => "All G and VT Spot Instance Requests",
            "trn" => "All Trn Spot Instance Requests",
            "inf" => "All Inf Spot Instance Requests",
            "dl" => "All DL Spot Instance Requests",
            "f" => "All F Spot Instance Requests",
            "x" => "All X Spot Instance Requests",
            _ => "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        };
    }
    match letters.as_str() {
        "p" => "Running On-Demand P instances",
        "g" | "gr" | "vt" => "Running On-Demand G and VT instances",
        "trn" => "Running On-Demand Trn instances",
        "inf" => "Running On-Demand Inf instances",
        "dl" => "Running On-Demand DL instances",
        "f" => "Running On-Demand F instances",
        "x" => "Running On-Demand X instances",
        "hpc" => "Running On-Demand HPC instances",
        _ => "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    }
}

fn empty(name: String, code: Option<String>, service: QuotaService, unit: QuotaUnit) -> Need {
    let table = table::quotas();
    let default = table.defaults.get(&name).copied();
    let is_training = name.ends_with(" for training job usage");
    Need {
        code,
        service,
        unit,
        is_of_instances: true,
        needed: Some(0),
        during_update: None,
        default: default.or(is_training.then_some(table.training_default)),
        account_value: None,
        account: None,
        region: None,
        resources: Vec::new(),
        name,
    }
}

/// Returns the quotas that the stacks of an assembly need: those of instance types and of EC2's vCPUs, and those that
/// count resources. A quota applies to an account and a region, so stacks with different ones are counted separately.
pub fn of_assembly(assembly: &Assembly, options: &Options) -> Vec<Need> {
    of_estimate(assembly, &cost::of_assembly(assembly, options), options)
}

/// Returns the quotas that the stacks of an assembly need, from an estimate of their cost with the same options. [`of_assembly`]
/// computes the estimate itself.
pub fn of_estimate(assembly: &Assembly, estimate: &Estimate, options: &Options) -> Vec<Need> {
    let environment =
        |stack: &StackArtifact| (stack.environment.account.clone(), stack.environment.region.clone());
    let environments: BTreeSet<_> = assembly.stacks.iter().map(environment).collect();
    let mut needs = Vec::new();
    for (account, region) in environments {
        let is_here = |stack: &&StackArtifact| {
            stack.environment.account == account && stack.environment.region == region
        };
        let stacks: Vec<&StackArtifact> = assembly.stacks.iter().filter(is_here).collect();
        let ids: BTreeSet<&str> = stacks.iter().map(|stack| stack.id.as_str()).collect();
        let lines: Vec<&Line> =
            estimate.lines.iter().filter(|line| ids.contains(line.stack.as_str())).collect();
        let mut found = by_type(&lines);
        found.extend(totals(&lines));
        found.extend(counted(&stacks, options));
        for need in &mut found {
            need.account.clone_from(&account);
            need.region.clone_from(&region);
        }
        needs.extend(found);
    }
    needs
}

/// Returns a quota of the table by its name, with what is needed of it.
fn need(name: &str, unit: QuotaUnit, needed: u64, resources: Vec<String>) -> Option<Need> {
    let quota = table::quotas().others.get(name)?;
    (needed > 0).then(|| Need {
        name: name.to_owned(),
        code: Some(quota.code.clone()),
        service: match quota.service.as_str() {
            "vpc" => QuotaService::Vpc,
            "ec2" => QuotaService::Ec2,
            _ => QuotaService::SageMaker,
        },
        unit,
        is_of_instances: false,
        needed: Some(needed),
        during_update: None,
        default: quota.default,
        account_value: None,
        account: None,
        region: None,
        resources,
    })
}

/// Quotas of SageMaker that count instances of all types together.
fn totals(lines: &[&Line]) -> Vec<Need> {
    let of = |uses: &'static [Use], is_spot: Option<bool>| {
        lines.iter().filter_map(move |line| {
            let capacity = line.capacity.as_ref()?;
            let is_meant =
                uses.contains(&capacity.usage) && is_spot.is_none_or(|spot| spot == capacity.is_spot);
            (is_meant && line.per != Per::UpdateHour).then_some((*line, capacity.most))
        })
    };
    let named = |found: &[(&Line, u64)]| {
        let mut names: Vec<String> =
            found.iter().map(|(line, _)| path(&line.stack, &line.resource)).collect();
        names.dedup();
        names
    };
    let mut needs = Vec::new();
    let hosting: Vec<_> = of(&[Use::Hosting, Use::Asynchronous], None).collect();
    let all = hosting.iter().map(|(_, most)| most).sum();
    needs.extend(need(
        "Number of instances across active endpoints",
        QuotaUnit::Instances,
        all,
        named(&hosting),
    ));
    let largest = largest_of(&hosting);
    needs.extend(need(
        "Maximum number of instances per endpoint",
        QuotaUnit::Instances,
        largest,
        named(&hosting),
    ));
    for (is_spot, name) in [
        (false, "Maximum number of instances per training job"),
        (true, "Maximum number of instances per spot training job"),
    ] {
        let jobs: Vec<_> = of(&[Use::Training], Some(is_spot)).collect();
        let most = jobs.iter().map(|(_, most)| *most).max().unwrap_or(0);
        needs.extend(need(name, QuotaUnit::Instances, most, named(&jobs)));
    }
    for (is_spot, of_all, of_one) in [
        (
            None,
            "Total number of instances allowed across SageMaker HyperPod clusters",
            "Maximum number instances allowed per SageMaker HyperPod cluster",
        ),
        (
            Some(true),
            "Total number of Spot instances allowed across SageMaker HyperPod clusters",
            "Maximum number Spot instances allowed per SageMaker HyperPod cluster",
        ),
    ] {
        let clusters: Vec<_> = of(&[Use::Cluster], is_spot).collect();
        needs.extend(need(
            of_all,
            QuotaUnit::Instances,
            clusters.iter().map(|(_, most)| most).sum(),
            named(&clusters),
        ));
        needs.extend(need(of_one, QuotaUnit::Instances, largest_of(&clusters), named(&clusters)));
    }
    needs
}

/// Returns the instances of the resource that has the most.
fn largest_of(found: &[(&Line, u64)]) -> u64 {
    let mut by_resource: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (line, most) in found {
        *by_resource.entry((&line.stack, &line.resource)).or_default() += most;
    }
    by_resource.values().copied().max().unwrap_or(0)
}

fn path(stack: &str, resource: &str) -> String {
    if stack.is_empty() { resource.to_owned() } else { format!("{stack}.{resource}") }
}

/// Quotas that count resources. Values of parameters are their defaults.
fn counted(stacks: &[&StackArtifact], options: &Options) -> Vec<Need> {
    let mut found: BTreeMap<(&'static str, QuotaUnit), (u64, Vec<String>)> = BTreeMap::new();
    for stack in stacks {
        let region = stack.environment.region.as_deref().unwrap_or(&options.region);
        let resources = Resolver::new(&stack.template, region).resources();
        for (id, kind, properties) in &resources {
            for (name, unit, amount) in
                counts(kind, properties).into_iter().chain(network_interfaces(&resources, kind, properties))
            {
                let (all, users) = found.entry((name, unit)).or_default();
                *all = all.saturating_add(amount);
                users.push(path(&stack.id, id));
            }
        }
    }
    found
        .into_iter()
        .filter_map(|((name, unit), (all, resources))| need(name, unit, all, resources))
        .collect()
}

fn counts(kind: &str, properties: &Json) -> Vec<(&'static str, QuotaUnit, u64)> {
    match kind {
        "AWS::SageMaker::Pipeline" => {
            vec![("Maximum number of pipelines allowed per account", QuotaUnit::Pipelines, 1)]
        }
        "AWS::SageMaker::EndpointConfig" => {
            let variants = properties["ProductionVariants"].as_array().into_iter().flatten();
            let serverless: Vec<&Json> = variants.filter_map(|one| one.get("ServerlessConfig")).collect();
            if serverless.is_empty() {
                return Vec::new();
            }
            let concurrency = serverless.iter().filter_map(|one| number(&one["MaxConcurrency"]));
            let name = "Maximum total concurrency that can be allocated across all serverless endpoints";
            vec![
                ("Maximum number of serverless endpoints", QuotaUnit::Endpoints, 1),
                (name, QuotaUnit::Requests, concurrency.fold(0, u64::saturating_add)),
            ]
        }
        "AWS::EC2::EIP" => vec![("EC2-VPC Elastic IPs", QuotaUnit::Addresses, 1)],
        "AWS::EC2::VPC" => vec![("VPCs per Region", QuotaUnit::Vpcs, 1)],
        "AWS::EC2::NatGateway" => vec![("NAT gateways per Availability Zone", QuotaUnit::Gateways, 1)],
        "AWS::EC2::VPCEndpoint" if properties["VpcEndpointType"].as_str() == Some("Interface") => {
            vec![("Interface VPC endpoints per VPC", QuotaUnit::Endpoints, 1)]
        }
        _ => Vec::new(),
    }
}

/// Returns the network interfaces of a resource at its maximum capacity. Service Quotas has no quota of EFA interfaces: they are
/// network interfaces, which are counted by region.
fn network_interfaces(
    resources: &[(&str, &str, Json)],
    kind: &str,
    properties: &Json,
) -> Vec<(&'static str, QuotaUnit, u64)> {
    let listed = |owner: &Json| owner["NetworkInterfaces"].as_array().map_or(1, Vec::len).max(1) as u64;
    let subnets = || properties["SubnetIds"].as_array().map_or(1, Vec::len).max(1) as u64;
    let amount = match kind {
        "AWS::EC2::NetworkInterface" | "AWS::EC2::NatGateway" => 1,
        "AWS::EC2::VPCEndpoint" if properties["VpcEndpointType"].as_str() == Some("Interface") => subnets(),
        "AWS::EC2::Instance" => match launch_template(resources, &properties["LaunchTemplate"]) {
            Some(data) if properties["NetworkInterfaces"].is_null() => listed(data),
            _ => listed(properties),
        },
        "AWS::AutoScaling::AutoScalingGroup" => {
            let mixed = &properties["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"];
            let data = launch_template(resources, &properties["LaunchTemplate"])
                .or_else(|| launch_template(resources, mixed));
            number(&properties["MaxSize"]).unwrap_or(0).saturating_mul(data.map_or(1, listed))
        }
        // Without a VPC of the user, HyperPod's instances have their interfaces in an account of the service.
        "AWS::SageMaker::Cluster" => {
            let groups = ["InstanceGroups", "RestrictedInstanceGroups"].into_iter();
            let groups = groups.flat_map(|name| properties[name].as_array().into_iter().flatten());
            let in_vpc = groups
                .filter(|group| !properties["VpcConfig"].is_null() || !group["OverrideVpcConfig"].is_null());
            in_vpc.map(interfaces_of_group).fold(0, u64::saturating_add)
        }
        _ => 0,
    };
    if amount > 0 {
        vec![("Network interfaces per Region", QuotaUnit::Interfaces, amount)]
    } else {
        Vec::new()
    }
}

/// Returns one interface for each EFA interface of the type, and at least one (the number is not confirmed by AWS).
fn interfaces_of_group(group: &Json) -> u64 {
    let efa =
        group["InstanceType"].as_str().and_then(network_facts).map_or(0, |facts| facts.efa_max_interfaces);
    number(&group["InstanceCount"]).unwrap_or(0).saturating_mul(u64::from(efa.max(1)))
}

/// Returns the data of a launch template that is part of the same template.
fn launch_template<'r>(resources: &'r [(&str, &str, Json)], specification: &Json) -> Option<&'r Json> {
    let wanted = reference(&specification["LaunchTemplateId"])?;
    let (_, _, properties) = resources.iter().find(|(id, ..)| *id == wanted)?;
    properties.get("LaunchTemplateData")
}

/// Returns the quotas of instance types and of EC2's vCPUs at the maximum capacity. Endpoints, clusters and fleets run at the
/// same time; of jobs, only the largest one is counted, because nothing states that two jobs run at the same time.
fn by_type(lines: &[&Line]) -> Vec<Need> {
    let mut found: BTreeMap<String, Need> = BTreeMap::new();
    // The amount of a quota that each endpoint needs: all its variants are replaced by the same update.
    let mut fleets: BTreeMap<(String, String), u64> = BTreeMap::new();
    for line in lines {
        let Some(capacity) = &line.capacity else { continue };
        let (need, amount) = match quota_use(capacity) {
            Some(usage) => {
                let name = format!("{} for {}", capacity.instance_type, usage.words());
                let code = table::quotas()
                    .sagemaker
                    .get(&capacity.instance_type)
                    .and_then(|codes| codes.get(&usage));
                let need = found.entry(name.clone()).or_insert_with(|| {
                    empty(name, code.cloned(), QuotaService::SageMaker, QuotaUnit::Instances)
                });
                (need, Some(capacity.most))
            }
            None if capacity.usage == Use::Ec2 => {
                let name = family(&capacity.instance_type, capacity.is_spot);
                let code = table::quotas().ec2.get(name).cloned();
                let vcpus = instances::instance(&format!("ml.{}", capacity.instance_type))
                    .and_then(|facts| facts.vcpu);
                let need = found
                    .entry(name.to_owned())
                    .or_insert_with(|| empty(name.to_owned(), code, QuotaService::Ec2, QuotaUnit::Vcpus));
                (need, vcpus.map(|vcpus| u64::from(vcpus) * capacity.most))
            }
            None => continue,
        };
        let is_job =
            matches!(capacity.usage, Use::Training | Use::WarmPool | Use::Processing | Use::Transform);
        need.needed = match (need.needed, amount) {
            (Some(before), Some(amount)) if is_job => Some(before.max(amount)),
            (Some(before), Some(amount)) => Some(before + amount),
            _ => None,
        };
        let resource = path(&line.stack, &line.resource);
        if matches!(capacity.usage, Use::Hosting | Use::Asynchronous) {
            // A blue/green update runs a second fleet of one endpoint.
            let fleet = fleets.entry((need.name.clone(), resource.clone())).or_default();
            *fleet += capacity.most;
            need.during_update = need.during_update.max(Some(*fleet));
        }
        if !need.resources.contains(&resource) {
            need.resources.push(resource);
        }
    }
    let mut needs: Vec<Need> = found.into_values().collect();
    for need in &mut needs {
        need.during_update = need.during_update.and_then(|extra| need.needed.map(|needed| needed + extra));
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_and_totals_are_counted() {
        let text = r#"
Resources:
  Endpoint: {Type: AWS::SageMaker::Endpoint, Properties: {EndpointConfigName: !Ref Config}}
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - {VariantName: a, InstanceType: ml.g5.2xlarge, InitialInstanceCount: 2}
        - {VariantName: b, InstanceType: ml.m5.large, InitialInstanceCount: 3}
  Small:
    Type: AWS::SageMaker::EndpointConfig
    Properties: {ProductionVariants: [{VariantName: s, ServerlessConfig: {MemorySizeInMB: 1024, MaxConcurrency: 7}}]}
  Address: {Type: AWS::EC2::EIP}
  Second: {Type: AWS::EC2::EIP}
  Fleet:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MaxSize: "3"
      MinSize: "0"
      MixedInstancesPolicy:
        InstancesDistribution: {OnDemandPercentageAboveBaseCapacity: 0}
        LaunchTemplate: {LaunchTemplateSpecification: {LaunchTemplateId: lt-1, Version: "1"}, Overrides: [{InstanceType: g5.2xlarge}]}
"#;
        let assembly = Assembly::of_template("s.yaml", text.into()).unwrap();
        let needs = of_assembly(&assembly, &Options::default());
        let find = |name: &str| {
            let found = needs.iter().find(|need| need.name == name);
            found.and_then(|need| need.needed).unwrap_or_else(|| panic!("{name}: {needs:#?}"))
        };
        assert_eq!(find("Number of instances across active endpoints"), 5);
        assert_eq!(find("Maximum number of instances per endpoint"), 5);
        assert_eq!(
            find("Maximum total concurrency that can be allocated across all serverless endpoints"),
            7
        );
        // 3 instances of 8 vCPUs.
        assert_eq!(find("All G and VT Spot Instance Requests"), 24);
        let addresses = needs.iter().find(|need| need.name == "EC2-VPC Elastic IPs").unwrap();
        assert_eq!((addresses.needed, addresses.default), (Some(2), Some(5)));
    }

    #[test]
    fn the_quotas_of_endpoints_jobs_and_fleets() {
        let template = r#"
Resources:
  Endpoint: {Type: AWS::SageMaker::Endpoint, Properties: {EndpointConfigName: !Ref Config}}
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - {VariantName: main, InstanceType: ml.g5.2xlarge, ManagedInstanceScaling: {MinInstanceCount: 1, MaxInstanceCount: 3}}
  Node: {Type: AWS::EC2::Instance, Properties: {InstanceType: g5.2xlarge}}
  Pipeline:
    Type: AWS::SageMaker::Pipeline
    Properties:
      PipelineDefinition:
        PipelineDefinitionBody: '{"Steps": [{"Name": "Train", "Arguments": {"AlgorithmSpecification": {}, "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2, "KeepAlivePeriodInSeconds": 600}}}]}'
"#;
        let assembly = Assembly::of_template("s.yaml", template.into()).unwrap();
        let needs = of_assembly(&assembly, &Options::default());
        let find = |name: &str| needs.iter().find(|need| need.name == name).unwrap();
        let endpoint = find("ml.g5.2xlarge for endpoint usage");
        assert_eq!((endpoint.needed, endpoint.during_update), (Some(3), Some(6)));
        assert_eq!(endpoint.code.as_deref(), Some("L-9614C779"));
        assert_eq!(endpoint.default, None);
        let training = find("ml.p4d.24xlarge for training job usage");
        assert_eq!((training.needed, training.default), (Some(2), Some(0)));
        let pool = find("ml.p4d.24xlarge for training warm pool usage");
        assert_eq!(
            (pool.needed, pool.code.as_deref()),
            (
                Some(2),
                table::quotas().sagemaker["ml.p4d.24xlarge"].get(&QuotaUse::WarmPool).map(String::as_str)
            )
        );
        assert!(pool.code.is_some());
        let vcpus = find("Running On-Demand G and VT instances");
        assert_eq!((vcpus.needed, vcpus.unit), (Some(8), QuotaUnit::Vcpus));
    }

    #[test]
    fn an_update_runs_a_second_fleet_of_every_variant_of_the_largest_endpoint() {
        let endpoint = |id: &str, counts: &[u64]| {
            let variants: Vec<String> = counts
                .iter()
                .enumerate()
                .map(|(at, count)| {
                    format!(
                        "{{VariantName: v{at}, InstanceType: ml.g5.2xlarge, InitialInstanceCount: {count}}}"
                    )
                })
                .collect();
            format!(
                "  {id}: {{Type: AWS::SageMaker::Endpoint, Properties: {{EndpointConfigName: !Ref {id}Config}}}}\n  \
                 {id}Config: {{Type: AWS::SageMaker::EndpointConfig, Properties: {{ProductionVariants: [{}]}}}}\n",
                variants.join(", ")
            )
        };
        let text = format!("Resources:\n{}{}", endpoint("One", &[2, 3]), endpoint("Other", &[4]));
        let assembly = Assembly::of_template("s.yaml", text).unwrap();
        let needs = of_assembly(&assembly, &Options::default());
        let need = needs.iter().find(|need| need.name == "ml.g5.2xlarge for endpoint usage").unwrap();
        // 2 + 3 + 4 instances, and 2 + 3 more while `One` is updated.
        assert_eq!((need.needed, need.during_update), (Some(9), Some(14)));
    }

    #[test]
    fn efa_interfaces_count_as_network_interfaces_and_spot_groups_of_clusters_on_their_own() {
        let template = r#"
Resources:
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        InstanceType: p4d.24xlarge
        NetworkInterfaces:
          - {DeviceIndex: 0, NetworkCardIndex: 0, InterfaceType: efa}
          - {DeviceIndex: 1, NetworkCardIndex: 1, InterfaceType: efa-only}
          - {DeviceIndex: 1, NetworkCardIndex: 2, InterfaceType: efa-only}
          - {DeviceIndex: 1, NetworkCardIndex: 3, InterfaceType: efa-only}
  Fleet:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {MinSize: "0", MaxSize: "3", LaunchTemplate: {LaunchTemplateId: !Ref Launch, Version: "1"}}
  Cluster:
    Type: AWS::SageMaker::Cluster
    Properties:
      VpcConfig: {SecurityGroupIds: [sg-1], Subnets: [subnet-1]}
      InstanceGroups:
        - {InstanceGroupName: gpu, InstanceType: ml.p5.48xlarge, InstanceCount: 2}
        - {InstanceGroupName: cpu, InstanceType: ml.c5.large, InstanceCount: 1}
        - {InstanceGroupName: spot, InstanceType: ml.g5.8xlarge, InstanceCount: 4, CapacityRequirements: {Spot: {}}}
  Outside:
    Type: AWS::SageMaker::Cluster
    Properties: {InstanceGroups: [{InstanceGroupName: a, InstanceType: ml.p5.48xlarge, InstanceCount: 1}]}
"#;
        let assembly = Assembly::of_template("s.yaml", template.into()).unwrap();
        let needs = of_assembly(&assembly, &Options::default());
        let find = |name: &str| {
            needs.iter().find(|need| need.name == name).unwrap_or_else(|| panic!("{name}: {needs:#?}"))
        };
        let interfaces = find("Network interfaces per Region");
        // 3 instances with 4; 2 with 32, 1 with 1 and 4 with 1. The cluster without a VPC has none in the account.
        assert_eq!((interfaces.needed, interfaces.default), (Some(3 * 4 + 2 * 32 + 1 + 4), Some(5000)));
        assert_eq!(interfaces.resources, ["s.Fleet", "s.Cluster"]);
        assert_eq!(find("ml.g5.8xlarge for cluster spot instance usage").needed, Some(4));
        assert_eq!(find("ml.p5.48xlarge for cluster usage").needed, Some(3));
        assert_eq!(
            find("Total number of instances allowed across SageMaker HyperPod clusters").needed,
            Some(8)
        );
        assert_eq!(find("Maximum number instances allowed per SageMaker HyperPod cluster").needed, Some(7));
        assert_eq!(
            find("Maximum number Spot instances allowed per SageMaker HyperPod cluster").needed,
            Some(4)
        );
    }

    #[test]
    fn a_quota_applies_to_one_account_and_region() {
        let stack = |id: &str, region: Option<&str>| {
            let text =
                "Resources: {A: {Type: AWS::EC2::EIP}, B: {Type: AWS::EC2::EIP}, C: {Type: AWS::EC2::EIP}}";
            let mut stack = Assembly::of_template("s.yaml", text.into()).unwrap().stacks.remove(0);
            stack.id = id.to_owned();
            stack.environment.region = region.map(str::to_owned);
            stack
        };
        let stacks = vec![
            stack("One", Some("us-east-1")),
            stack("Two", Some("us-east-1")),
            stack("Three", Some("eu-west-1")),
            stack("Four", None),
        ];
        let found = of_assembly(&Assembly::new(stacks), &Options::default());
        let shown: Vec<_> =
            found.iter().map(|need| (need.region.as_deref(), need.needed, need.is_exceeded())).collect();
        assert_eq!(
            shown,
            [
                (None, Some(3), Some(false)),
                (Some("eu-west-1"), Some(3), Some(false)),
                (Some("us-east-1"), Some(6), Some(true)),
            ]
        );
    }
}
