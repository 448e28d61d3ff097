//! `unsupported-shadow-variant`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT_CONFIG, Variant, is_multi_model, variants_of};
use crate::check::value::{is_set, items};
use crate::check::view::View;

rule! {
    /// A shadow variant is used with a multi-model or serverless variant, an inference pipeline, asynchronous inference
    /// or Inferentia 1.
    ///
    /// # Why it matters
    ///
    /// SageMaker does not support shadow tests with these.
    ///
    /// # How to fix
    ///
    /// Remove the shadow variant.
    Error "unsupported-shadow-variant",
    source: "Amazon SageMaker Developer Guide, shadow-tests-exclusions.html",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for config in view.of_type(ENDPOINT_CONFIG) {
        let shadows = &config.properties["ShadowProductionVariants"];
        if items(shadows).next().is_none() {
            continue;
        }
        let asynchronous =
            is_set(&config.properties["AsyncInferenceConfig"]).then_some("asynchronous inference");
        let of_variant = |variant: &Variant<'_, '_>| {
            let containers = variant.containers();
            match variant {
                _ if variant.is_serverless() => Some("serverless variants"),
                _ if variant.has_inferentia_1() => Some("Inferentia 1"),
                _ if containers.iter().any(|(_, one)| is_multi_model(one)) => Some("multi-model endpoints"),
                _ if containers.len() > 1 => Some("several containers"),
                _ => None,
            }
        };
        let what =
            asynchronous.or_else(|| variants_of(view, config).find_map(|variant| of_variant(&variant)));
        if let Some(what) = what {
            findings.add(
                config,
                shadows,
                format!("shadow variants do not support {what}"),
                "test the variant on a separate endpoint",
            );
        }
    }
}
