//! `wrong-scalable-dimension`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::{COPIES, TARGET};
use crate::check::rules::rule;
use crate::check::serving::{Scaled, scaled, scaled_variant};
use crate::check::value::{is_unresolved, string};
use crate::check::view::View;

rule! {
    /// The scalable dimension does not fit the resource that the resource ID names.
    ///
    /// # Why it matters
    ///
    /// Application Auto Scaling refuses the target. A variant has instances or provisioned concurrency, an inference
    /// component has copies.
    ///
    /// # How to fix
    ///
    /// Set the dimension of the resource.
    Error "wrong-scalable-dimension",
    source: "Application Auto Scaling API Reference, RegisterScalableTarget; Amazon SageMaker Developer Guide, serverless-endpoints-autoscale.md",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let dimension = &target.properties["ScalableDimension"];
        let Some(given) = string(dimension).filter(|name| name.starts_with("sagemaker:")) else { continue };
        let Some(named) = scaled(view, &target.properties["ResourceId"]) else { continue };
        let (fits, wanted) = match named {
            Scaled::Variant(..) => {
                (given.starts_with("sagemaker:variant:"), "sagemaker:variant:DesiredInstanceCount")
            }
            Scaled::Component(_) => (given == COPIES, COPIES),
            Scaled::Else => {
                let help = "use endpoint/NAME/variant/VARIANT or inference-component/NAME";
                findings.add(
                    target,
                    &target.properties["ResourceId"],
                    format!("this resource ID does not belong to {given}"),
                    help,
                );
                continue;
            }
        };
        if !fits {
            findings.add(
                target,
                dimension,
                format!("{given} does not match the resource ID"),
                format!("use {wanted}"),
            );
            continue;
        }
        let Some(variant) = scaled_variant(view, target) else { continue };
        let by_instances = given == "sagemaker:variant:DesiredInstanceCount";
        if variant.is_serverless() == by_instances && !is_unresolved(&variant.value["ServerlessConfig"]) {
            let (is, wanted) = if by_instances {
                ("serverless", "sagemaker:variant:DesiredProvisionedConcurrency")
            } else {
                ("on instances", "sagemaker:variant:DesiredInstanceCount")
            };
            findings.add(
                target,
                dimension,
                format!("the variant {} is {is}", variant.name()),
                format!("use {wanted}"),
            );
        }
    }
}
