//! `model-name-beside-components`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{components, variants};
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// A variant names a model, and inference components are placed on its endpoint.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the component: on such an endpoint, each component names its own model.
    ///
    /// # How to fix
    ///
    /// Remove `ModelName` from the variant.
    Error "model-name-beside-components",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ProductionVariant.ModelName",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view) {
        let model = &variant.value["ModelName"];
        let has_components = variant.endpoints().any(|endpoint| components(view, endpoint).next().is_some());
        if is_set(model) && has_components {
            findings.add(
                variant.config,
                model,
                "a variant with inference components cannot have a `ModelName`",
                "remove `ModelName`, and set `ExecutionRoleArn` of the endpoint configuration",
            );
        }
    }
}
