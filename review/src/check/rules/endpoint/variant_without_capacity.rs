//! `variant-without-capacity`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::variants;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// A variant has neither instances nor a `ServerlessConfig`.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the configuration: nothing serves requests.
    ///
    /// # How to fix
    ///
    /// Set `InstanceType` and `InitialInstanceCount`, or `ServerlessConfig`.
    Error "variant-without-capacity",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ProductionVariant",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view).filter(|one| one.value.is_object() && !is_unresolved(one.value)) {
        let capacities = ["InstanceType", "InstancePools", "ServerlessConfig"];
        if !capacities.iter().any(|name| is_set(&variant.value[*name])) {
            let message =
                format!("the variant {} has neither instances nor `ServerlessConfig`", variant.name());
            findings.add(
                variant.config,
                variant.value,
                message,
                "set `InstanceType` and `InitialInstanceCount`",
            );
        }
    }
}
