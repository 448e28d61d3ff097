//! `instance-type-not-in-region`

use std::collections::HashMap;

use stackwright_schemas::instances::OfferedFor;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{string, values};
use crate::check::view::View;
use stackwright_schemas::nearest;

rule! {
    /// SageMaker or EC2 does not offer an instance type in the region of the stack.
    ///
    /// # Why it matters
    ///
    /// The resource cannot be created there.
    ///
    /// # How to fix
    ///
    /// Use a type of the region.
    ///
    /// # Limitations
    ///
    /// The rule checks instance types for hosting, processing, batch transform, HyperPod and EC2. For a stack without a
    /// region, only types that no region offers are reported.
    Error "instance-type-not-in-region",
    source: "Instance types by region, cfn-lint 1.58.0",
    applies_to: [],
    check: Each(check),
}

/// The properties of resource types and requests that contain instance types; `*` is every item of a list.
const PLACES: &[(&str, OfferedFor, &[&str])] = &[
    ("AWS::SageMaker::EndpointConfig", OfferedFor::Hosting, &["ProductionVariants", "*", "InstanceType"]),
    (
        "AWS::SageMaker::EndpointConfig",
        OfferedFor::Hosting,
        &["ShadowProductionVariants", "*", "InstanceType"],
    ),
    (
        "AWS::SageMaker::InferenceExperiment",
        OfferedFor::Hosting,
        &["ModelVariants", "*", "InfrastructureConfig", "RealTimeInferenceConfig", "InstanceType"],
    ),
    ("AWS::SageMaker::Cluster", OfferedFor::Cluster, &["InstanceGroups", "*", "InstanceType"]),
    (
        "AWS::SageMaker::Cluster",
        OfferedFor::Cluster,
        &["InstanceGroups", "*", "InstanceRequirements", "InstanceTypes", "*"],
    ),
    ("AWS::SageMaker::Cluster", OfferedFor::Cluster, &["RestrictedInstanceGroups", "*", "InstanceType"]),
    ("AWS::SageMaker::DataQualityJobDefinition", OfferedFor::Processing, JOB),
    ("AWS::SageMaker::ModelBiasJobDefinition", OfferedFor::Processing, JOB),
    ("AWS::SageMaker::ModelExplainabilityJobDefinition", OfferedFor::Processing, JOB),
    ("AWS::SageMaker::ModelQualityJobDefinition", OfferedFor::Processing, JOB),
    (
        "AWS::SageMaker::MonitoringSchedule",
        OfferedFor::Processing,
        &[
            "MonitoringScheduleConfig",
            "MonitoringJobDefinition",
            "MonitoringResources",
            "ClusterConfig",
            "InstanceType",
        ],
    ),
    ("AWS::SageMaker::ProcessingJob", OfferedFor::Processing, PROCESSING),
    ("CreateProcessingJob", OfferedFor::Processing, PROCESSING),
    ("CreateTransformJob", OfferedFor::Transform, &["TransformResources", "InstanceType"]),
    ("AWS::EC2::Instance", OfferedFor::Ec2, &["InstanceType"]),
    ("AWS::EC2::LaunchTemplate", OfferedFor::Ec2, &["LaunchTemplateData", "InstanceType"]),
];
const JOB: &[&str] = &["JobResources", "ClusterConfig", "InstanceType"];
const PROCESSING: &[&str] = &["ProcessingResources", "ClusterConfig", "InstanceType"];

/// Returns whether the schema of the type or request lists the instance types.
fn is_listed(holder: &str) -> bool {
    holder == "AWS::SageMaker::EndpointConfig" || holder.starts_with("Create")
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (holder_type, service, path) in PLACES {
        // Many resources often have one type, which is judged once.
        let mut judged: HashMap<String, Option<(String, String)>> = HashMap::new();
        let resources = view.of_type(holder_type).map(|resource| (resource, &resource.properties));
        let requests = view.requests(holder_type).map(|(resource, request)| (resource, &request.arguments));
        for (resource, holder) in resources.chain(requests) {
            for given in values(holder, path) {
                let Some(name) = string(given) else { continue };
                if !judged.contains_key(name) {
                    judged.insert(name.to_owned(), fault(view.region, holder_type, *service, name));
                }
                if let Some(Some((message, help))) = judged.get(name) {
                    findings.add(resource, given, message.clone(), help.clone());
                }
            }
        }
    }
}

/// Returns what is wrong with an instance type, and the nearest one that is offered.
fn fault(
    region: Option<&str>,
    holder_type: &str,
    service: OfferedFor,
    name: &str,
) -> Option<(String, String)> {
    let offered = region.map(|region| service.in_region(region));
    let who = match offered {
        Some(None) => return None,
        Some(Some(offered)) if offered.iter().any(|known| known == name) => return None,
        Some(Some(_)) => region.unwrap_or_default(),
        None => "no region",
    };
    let everywhere = service.anywhere();
    let exists = everywhere.contains(name);
    // If the registry lists the instance types, the validation of schemas reports the value.
    if !exists && is_listed(holder_type) || offered.is_none() && exists {
        return None;
    }
    let near = match offered {
        Some(Some(offered)) => nearest(name, offered.iter().map(String::as_str)),
        _ => nearest(name, everywhere.iter().copied()),
    };
    let help = near.map_or_else(String::new, |near| format!("the most similar name is {near}"));
    let offers = if region.is_some() { "does not offer" } else { "offers" };
    Some((format!("{who} {offers} the instance type `{name}` for {}", service.as_str()), help))
}

#[cfg(test)]
mod tests {
    use crate::check::{Options, check};

    #[test]
    fn a_type_that_the_region_lacks_is_reported_with_the_nearest() {
        let text = super::RULE.good.replace("ml.m5.large", "ml.p5.48xlarge");
        let assembly = stackwright_synth::Assembly::of_template("t", text).unwrap();
        let found = |region: &str| {
            let options = Options::default().regions([region]);
            check(&assembly, &options).diagnostics.iter().any(|one| one.id == super::RULE.name)
        };
        assert!(found("eu-south-1") && !found("us-east-1") && !found("mars-north-1"));
    }
}
