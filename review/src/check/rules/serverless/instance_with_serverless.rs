//! `instance-with-serverless`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{Variant, variants};
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// A variant has both `ServerlessConfig` and instances.
    ///
    /// # Why it matters
    ///
    /// SageMaker accepts one of them.
    ///
    /// # How to fix
    ///
    /// Remove one of the two.
    Error "instance-with-serverless",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ProductionVariant.ServerlessConfig",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view).filter(Variant::is_serverless) {
        let given = ["InstanceType", "InitialInstanceCount", "InstancePools"]
            .into_iter()
            .find(|name| is_set(&variant.value[*name]));
        if let Some(given) = given {
            let message = format!("the variant {} has `ServerlessConfig` and `{given}`", variant.name());
            findings.add(variant.config, &variant.value["ServerlessConfig"], message, "keep one of them");
        }
    }
}
