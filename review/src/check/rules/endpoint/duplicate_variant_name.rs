//! `duplicate-variant-name`

use std::collections::BTreeSet;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT_CONFIG, variants_of};
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// Two variants of an endpoint configuration have the same name.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the configuration.
    ///
    /// # How to fix
    ///
    /// Give each variant its own name.
    Error "duplicate-variant-name",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json CreateEndpointConfigInput.ProductionVariants",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for config in view.of_type(ENDPOINT_CONFIG) {
        let mut seen = BTreeSet::new();
        for variant in variants_of(view, config) {
            let Some(name) = string(&variant.value["VariantName"]) else { continue };
            if !seen.insert(name) {
                findings.add(
                    config,
                    &variant.value["VariantName"],
                    format!("two variants have the name {name}"),
                    "give one of them another name",
                );
            }
        }
    }
}
