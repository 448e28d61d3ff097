//! The service quotas that stacks need.

use std::collections::BTreeMap;

use serde::Serialize;
use stackwright_schemas::{instances, quotas as table};

use crate::cost::{Capacity, Estimate, Use};

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
    /// `instances` or `vCPUs`.
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

/// EC2 counts vCPUs by family.
fn family(instance_type: &str) -> &'static str {
    let letters: String = instance_type.chars().take_while(char::is_ascii_alphabetic).collect();
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
                let name = family(&capacity.instance_type);
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
        let resource = if line.stack.is_empty() {
            line.resource.clone()
        } else {
            format!("{}.{}", line.stack, line.resource)
        };
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
