//! `asynchronous-with-serverless`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{Variant, variants};
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// An endpoint configuration combines asynchronous inference with a serverless variant.
    ///
    /// # Why it matters
    ///
    /// AWS describes the two as alternatives.
    ///
    /// # How to fix
    ///
    /// Remove `AsyncInferenceConfig`, or use a variant with instances.
    ///
    /// # Limitations
    ///
    /// It is not confirmed that the API refuses the combination, so this is a warning.
    Warning "asynchronous-with-serverless",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json CrossRegionTrafficConfig; unconfirmed",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view).filter(Variant::is_serverless) {
        let asynchronous = &variant.config.properties["AsyncInferenceConfig"];
        if is_set(asynchronous) {
            findings.add(
                variant.config,
                asynchronous,
                "asynchronous inference and serverless are alternatives",
                "set `InstanceType` and `InitialInstanceCount` instead of `ServerlessConfig`",
            );
        }
    }
}
