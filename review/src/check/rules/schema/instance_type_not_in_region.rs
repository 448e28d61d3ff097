//! `instance-type-not-in-region`

use serde_json::Value as JsonValue;
use stackwright_schemas::instances::in_region;

use crate::check::findings::Findings;
use crate::check::nearest::nearest;
use crate::check::rules::rule;
use crate::check::value::{items, text};
use crate::check::view::View;

rule! {
    /// An instance type that SageMaker or EC2 does not offer in the region.
    ///
    /// It is known for hosting, processing, batch transform, HyperPod and EC2, and checked where the stack is bound to a region
    /// or `--region` names one.
    Error "instance-type-not-in-region",
    source: "instance types by region as in the wheel of cfn-lint 1.58.0",
    applies_to: [],
    good: "
Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: A
          ModelName: scorer
          InstanceType: ml.m5.large
          InitialInstanceCount: 1
",
    bad: "",
    check: Each(check),
}

/// Where each type of resource or request names instance types; `*` is every item of a list.
const PLACES: &[(&str, &str, &[&str])] = &[
    ("AWS::SageMaker::EndpointConfig", "hosting", &["ProductionVariants", "*", "InstanceType"]),
    ("AWS::SageMaker::EndpointConfig", "hosting", &["ShadowProductionVariants", "*", "InstanceType"]),
    ("AWS::SageMaker::Cluster", "cluster", &["InstanceGroups", "*", "InstanceType"]),
    ("AWS::EC2::Instance", "ec2", &["InstanceType"]),
    ("AWS::EC2::LaunchTemplate", "ec2", &["LaunchTemplateData", "InstanceType"]),
    ("CreateProcessingJob", "processing", &["ProcessingResources", "ClusterConfig", "InstanceType"]),
    ("CreateTransformJob", "transform", &["TransformResources", "InstanceType"]),
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let Some(region) = view.region else { return };
    for (holder, service, path) in PLACES {
        let Some(offered) = in_region(service, region) else { continue };
        let resources = view.of_type(holder).map(|resource| (resource, resource.properties.as_ref()));
        let requests = view.requests(holder).map(|(resource, request)| (resource, &request.arguments));
        for (resource, holder) in resources.chain(requests) {
            for given in values(holder, path) {
                let Some(name) = text(given).filter(|name| !offered.iter().any(|known| known == name)) else {
                    continue;
                };
                let near = nearest(name, offered.iter().map(String::as_str));
                let help = near.map_or_else(String::new, |near| format!("the nearest there is {near}"));
                findings.add(resource, given, format!("{region} does not offer {name} for {service}"), help);
            }
        }
    }
}

fn values<'v>(value: &'v JsonValue, path: &[&str]) -> Vec<&'v JsonValue> {
    match path.split_first() {
        None => vec![value],
        Some((&"*", rest)) => items(value).flat_map(|item| values(item, rest)).collect(),
        Some((step, rest)) => values(&value[*step], rest),
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{Options, check};

    #[test]
    fn a_type_that_the_region_lacks_is_told_with_the_nearest() {
        let text = super::RULE.good.replace("ml.m5.large", "ml.p5.48xlarge");
        let assembly = stackwright_synth::Assembly::of_template("t", text).unwrap();
        let found = |region: &str| {
            let options = Options { region: Some(region.to_owned()), ..Options::default() };
            check(&assembly, &options).diagnostics.iter().any(|one| one.id == super::RULE.name)
        };
        assert!(found("eu-south-1") && !found("us-east-1") && !found("mars-north-1"));
    }
}
