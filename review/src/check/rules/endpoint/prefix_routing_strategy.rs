//! `prefix-routing-strategy`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::variants;
use crate::check::value::{is_set, string};
use crate::check::view::View;

rule! {
    /// `PrefixAwareRoutingConfig` is set with another routing strategy than `PREFIX_AWARE`.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the configuration.
    ///
    /// # How to fix
    ///
    /// Set the strategy to `PREFIX_AWARE`, or remove the configuration.
    Error "prefix-routing-strategy",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ProductionVariantRoutingConfig",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view) {
        let routing = &variant.value["RoutingConfig"];
        let other = string(&routing["RoutingStrategy"]).filter(|strategy| *strategy != "PREFIX_AWARE");
        if is_set(&routing["PrefixAwareRoutingConfig"]) && other.is_some() {
            findings.add(
                variant.config,
                &routing["RoutingStrategy"],
                "`PrefixAwareRoutingConfig` needs the strategy PREFIX_AWARE",
                "",
            );
        }
    }
}
