//! `provisioned-above-max-concurrency`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::variants;
use crate::check::value::number;
use crate::check::view::View;

rule! {
    /// `ProvisionedConcurrency` is above `MaxConcurrency`.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the configuration.
    ///
    /// # How to fix
    ///
    /// Lower `ProvisionedConcurrency` or raise `MaxConcurrency`.
    Error "provisioned-above-max-concurrency",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ProductionVariantServerlessConfig",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view) {
        let serverless = &variant.value["ServerlessConfig"];
        let (provisioned, most) = (&serverless["ProvisionedConcurrency"], &serverless["MaxConcurrency"]);
        if let (Some(given), Some(limit)) = (number(provisioned), number(most))
            && given > limit
        {
            let message = format!("`ProvisionedConcurrency` {given} is larger than `MaxConcurrency` {limit}");
            findings.add(variant.config, provisioned, message, format!("set it to at most {limit}"));
        }
    }
}
