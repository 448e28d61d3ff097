//! The service quotas that stacks need.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use stackwright_schemas::{instances, quotas as table};
use stackwright_synth::Assembly;

use crate::cost::resolve::{Resolver, number};
use crate::cost::{self, Capacity, Estimate, Options, Per, Use};

/// A quota, and how much of it stacks need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Need {
    /// The quota's name in Service Quotas.
    pub name: String,
    /// Its code; `None` is unknown.
    pub code: Option<String>,
    /// The service code.
    pub service: &'static str,
    /// What is counted: `instances`, `vCPUs`, `endpoints`, `pipelines` and others.
    pub unit: &'static str,
    /// What is needed at the maximum capacity; `None` where the vCPUs of a type are not known.
    pub needed: Option<u64>,
    /// What is needed while a blue/green update replaces the largest endpoint.
    pub during_update: Option<u64>,
    /// AWS's default value; `None` is unknown.
    pub default: Option<u64>,
    /// The resources that need it.
    pub resources: Vec<String>,
}

/// The use in the name of a SageMaker quota, and in the table of codes.
fn words(capacity: &Capacity) -> Option<(&'static str, &'static str)> {
    Some(match (capacity.usage, capacity.is_spot) {
        (Use::Hosting | Use::Asynchronous, _) => ("endpoint usage", "hosting"),
        (Use::Training, true) => ("spot training job usage", "spot_training"),
        (Use::Training, false) => ("training job usage", "training"),
        (Use::Processing, _) => ("processing job usage", "processing"),
        (Use::Transform, _) => ("transform job usage", "transform"),
        (Use::Cluster, _) => ("cluster usage", "hyperpod_cluster"),
        (Use::Notebook, _) => ("notebook instance usage", "notebook"),
        _ => return None,
    })
}

/// EC2 counts vCPUs by family, those of Spot Instances on their own.
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

fn empty(name: String, code: Option<String>, service: &'static str, unit: &'static str) -> Need {
    let table = table::quotas();
    let default = table.defaults.get(&name).copied();
    let is_training = name.ends_with(" for training job usage");
    Need {
        code,
        service,
        unit,
        needed: Some(0),
        during_update: None,
        default: default.or(is_training.then_some(table.training_default)),
        resources: Vec::new(),
        name,
    }
}

/// The quotas that the stacks of an assembly need: those of [`needed`], and those that count resources.
pub fn of_assembly(assembly: &Assembly, options: &Options) -> Vec<Need> {
    let estimate = cost::of_assembly(assembly, options);
    let mut needs = needed(&estimate);
    needs.extend(totals(&estimate));
    needs.extend(counted(assembly, options));
    needs
}

/// A quota of the table by its name, with what is needed of it.
fn need(name: &str, unit: &'static str, needed: u64, resources: Vec<String>) -> Option<Need> {
    let quota = table::quotas().others.get(name)?;
    (needed > 0).then(|| Need {
        name: name.to_owned(),
        code: Some(quota.code.clone()),
        service: match quota.service.as_str() {
            "vpc" => "vpc",
            "ec2" => "ec2",
            _ => "sagemaker",
        },
        unit,
        needed: Some(needed),
        during_update: None,
        default: quota.default,
        resources,
    })
}

/// Quotas of SageMaker that count instances of all types together.
fn totals(estimate: &Estimate) -> Vec<Need> {
    let of = |uses: &'static [Use], is_spot: Option<bool>| {
        estimate.lines.iter().filter_map(move |line| {
            let capacity = line.capacity.as_ref()?;
            let is_meant =
                uses.contains(&capacity.usage) && is_spot.is_none_or(|spot| spot == capacity.is_spot);
            (is_meant && line.per != Per::UpdateHour).then_some((line, capacity.most))
        })
    };
    let named = |found: &[(&cost::Line, u64)]| {
        let mut names: Vec<String> =
            found.iter().map(|(line, _)| path(&line.stack, &line.resource)).collect();
        names.dedup();
        names
    };
    let mut needs = Vec::new();
    let hosting: Vec<_> = of(&[Use::Hosting, Use::Asynchronous], None).collect();
    let all = hosting.iter().map(|(_, most)| most).sum();
    needs.extend(need("Number of instances across active endpoints", "instances", all, named(&hosting)));
    let mut by_endpoint: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (line, most) in &hosting {
        *by_endpoint.entry((&line.stack, &line.resource)).or_default() += most;
    }
    let largest = by_endpoint.values().copied().max().unwrap_or(0);
    needs.extend(need("Maximum number of instances per endpoint", "instances", largest, named(&hosting)));
    for (is_spot, name) in [
        (false, "Maximum number of instances per training job"),
        (true, "Maximum number of instances per spot training job"),
    ] {
        let jobs: Vec<_> = of(&[Use::Training], Some(is_spot)).collect();
        let most = jobs.iter().map(|(_, most)| *most).max().unwrap_or(0);
        needs.extend(need(name, "instances", most, named(&jobs)));
    }
    let clusters: Vec<_> = of(&[Use::Cluster], None).collect();
    let all = clusters.iter().map(|(_, most)| most).sum();
    let name = "Total number of instances allowed across SageMaker HyperPod clusters";
    needs.extend(need(name, "instances", all, named(&clusters)));
    needs
}

fn path(stack: &str, resource: &str) -> String {
    if stack.is_empty() { resource.to_owned() } else { format!("{stack}.{resource}") }
}

/// Quotas that count resources. Values of parameters are their defaults.
fn counted(assembly: &Assembly, options: &Options) -> Vec<Need> {
    let mut found: BTreeMap<(&'static str, &'static str), (u64, Vec<String>)> = BTreeMap::new();
    for stack in &assembly.stacks {
        let region = stack.environment.region.as_deref().unwrap_or(&options.region);
        for (id, kind, properties) in Resolver::new(&stack.template, region).resources() {
            for (name, unit, amount) in counts(kind, &properties) {
                let (all, resources) = found.entry((name, unit)).or_default();
                *all = all.saturating_add(amount);
                resources.push(path(&stack.id, id));
            }
        }
    }
    found
        .into_iter()
        .filter_map(|((name, unit), (all, resources))| need(name, unit, all, resources))
        .collect()
}

fn counts(kind: &str, properties: &Json) -> Vec<(&'static str, &'static str, u64)> {
    match kind {
        "AWS::SageMaker::Pipeline" => {
            vec![("Maximum number of pipelines allowed per account", "pipelines", 1)]
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
                ("Maximum number of serverless endpoints", "endpoints", 1),
                (name, "requests", concurrency.fold(0, u64::saturating_add)),
            ]
        }
        "AWS::EC2::EIP" => vec![("EC2-VPC Elastic IPs", "addresses", 1)],
        "AWS::EC2::VPC" => vec![("VPCs per Region", "VPCs", 1)],
        "AWS::EC2::NatGateway" => vec![("NAT gateways per Availability Zone", "gateways", 1)],
        "AWS::EC2::VPCEndpoint" if properties["VpcEndpointType"].as_str() == Some("Interface") => {
            vec![("Interface VPC endpoints per VPC", "endpoints", 1)]
        }
        _ => Vec::new(),
    }
}

/// The quotas that stacks need at their maximum capacity. Endpoints, clusters and fleets run at the same time; of jobs the
/// largest counts, because nothing says that two run at once.
pub fn needed(estimate: &Estimate) -> Vec<Need> {
    let mut found: BTreeMap<String, Need> = BTreeMap::new();
    for line in &estimate.lines {
        let Some(capacity) = &line.capacity else { continue };
        let (need, amount) = match words(capacity) {
            Some((word, column)) => {
                let name = format!("{} for {word}", capacity.instance_type);
                let code = table::quotas()
                    .sagemaker
                    .get(&capacity.instance_type)
                    .and_then(|codes| codes.get(column));
                let need = found
                    .entry(name.clone())
                    .or_insert_with(|| empty(name, code.cloned(), "sagemaker", "instances"));
                (need, Some(capacity.most))
            }
            None if capacity.usage == Use::Ec2 => {
                let name = family(&capacity.instance_type, capacity.is_spot);
                let code = table::quotas().ec2.get(name).cloned();
                let vcpus = instances::instance(&format!("ml.{}", capacity.instance_type))
                    .and_then(|facts| facts.vcpu);
                let need = found
                    .entry(name.to_owned())
                    .or_insert_with(|| empty(name.to_owned(), code, "ec2", "vCPUs"));
                (need, vcpus.map(|vcpus| u64::from(vcpus) * capacity.most))
            }
            None => continue,
        };
        let is_job = matches!(capacity.usage, Use::Training | Use::Processing | Use::Transform);
        need.needed = match (need.needed, amount) {
            (Some(before), Some(amount)) if is_job => Some(before.max(amount)),
            (Some(before), Some(amount)) => Some(before + amount),
            _ => None,
        };
        if matches!(capacity.usage, Use::Hosting | Use::Asynchronous) {
            // A blue/green update runs a second fleet of one endpoint.
            let largest = need.during_update.unwrap_or(0).max(capacity.most);
            need.during_update = Some(largest);
        }
        let resource = path(&line.stack, &line.resource);
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
    use crate::cost::cost;

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
        let template = stackwright_synth::Template::read(
            r#"
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
        PipelineDefinitionBody: '{"Steps": [{"Name": "Train", "Arguments": {"AlgorithmSpecification": {}, "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2}}}]}'
"#,
        )
        .unwrap();
        let needs = needed(&cost(&template, "us-east-1"));
        let find = |name: &str| needs.iter().find(|need| need.name == name).unwrap();
        let endpoint = find("ml.g5.2xlarge for endpoint usage");
        assert_eq!((endpoint.needed, endpoint.during_update), (Some(3), Some(6)));
        assert_eq!(endpoint.code.as_deref(), Some("L-9614C779"));
        assert_eq!(endpoint.default, None);
        let training = find("ml.p4d.24xlarge for training job usage");
        assert_eq!((training.needed, training.default), (Some(2), Some(0)));
        let vcpus = find("Running On-Demand G and VT instances");
        assert_eq!((vcpus.needed, vcpus.unit), (Some(8), "vCPUs"));
    }
}
