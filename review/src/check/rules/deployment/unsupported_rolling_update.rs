//! `unsupported-rolling-update`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT, Variant, config_of, variants_of};
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// An endpoint with a serverless variant, with several variants or on Inferentia 1 has a rolling update policy.
    ///
    /// # Why it matters
    ///
    /// SageMaker ignores the policy and moves all traffic at once.
    ///
    /// # How to fix
    ///
    /// Use a blue/green update.
    Warning "unsupported-rolling-update",
    source: "Amazon SageMaker Developer Guide, deployment-guardrails-exclusions.md",
    applies_to: ["AWS::SageMaker::Endpoint"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for endpoint in view.of_type(ENDPOINT) {
        let policy = &endpoint.properties["DeploymentConfig"]["RollingUpdatePolicy"];
        let Some(config) = config_of(view, endpoint).filter(|_| is_set(policy)) else { continue };
        let variants: Vec<_> = variants_of(view, config).filter(|variant| !variant.is_shadow).collect();
        let what = if variants.len() > 1 {
            "several variants"
        } else if variants.iter().any(Variant::is_serverless) {
            "a serverless variant"
        } else if variants.iter().any(Variant::has_inferentia_1) {
            "Inferentia 1"
        } else {
            continue;
        };
        findings.add(
            endpoint,
            policy,
            format!("rolling updates do not support {what}"),
            "use `BlueGreenUpdatePolicy`",
        );
    }
}
