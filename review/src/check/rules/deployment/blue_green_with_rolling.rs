//! `blue-green-with-rolling`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::ENDPOINT;
use crate::check::view::View;

rule! {
    /// An endpoint has both `BlueGreenUpdatePolicy` and `RollingUpdatePolicy`.
    ///
    /// # Why it matters
    ///
    /// SageMaker accepts one of them.
    ///
    /// # How to fix
    ///
    /// Remove one of the two.
    Error "blue-green-with-rolling",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json DeploymentConfig",
    applies_to: ["AWS::SageMaker::Endpoint"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for endpoint in view.of_type(ENDPOINT) {
        let config = &endpoint.properties["DeploymentConfig"];
        findings.add_if_both(endpoint, config, ["BlueGreenUpdatePolicy", "RollingUpdatePolicy"]);
    }
}
