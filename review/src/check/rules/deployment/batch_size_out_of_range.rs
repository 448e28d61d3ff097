//! `batch-size-out-of-range`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT, INFERENCE_COMPONENT, config_of, variants_of};
use crate::check::value::{number, string};
use crate::check::view::View;

rule! {
    /// The batch of a rolling update is less than 5 % or more than 50 % of the capacity.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the update of the endpoint.
    ///
    /// # How to fix
    ///
    /// Set the batch size between 5 % and 50 %.
    Error "batch-size-out-of-range",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json RollingUpdatePolicy, InferenceComponentRollingUpdatePolicy",
    applies_to: ["AWS::SageMaker::Endpoint", "AWS::SageMaker::InferenceComponent"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in view.of_type(ENDPOINT).chain(view.of_type(INFERENCE_COMPONENT)) {
        let size = &resource.properties["DeploymentConfig"]["RollingUpdatePolicy"]["MaximumBatchSize"];
        let Some(value) = number(&size["Value"]) else { continue };
        let instances = config_of(view, resource).and_then(|config| {
            variants_of(view, config)
                .map(|variant| number(&variant.value["InitialInstanceCount"]))
                .sum::<Option<f64>>()
        });
        let share = match string(&size["Type"]) {
            Some("CAPACITY_PERCENT") => value,
            // One instance is the least that there is.
            Some("INSTANCE_COUNT") if value > 1.0 => match instances {
                Some(all) if all > 0.0 => 100.0 * value / all,
                _ => continue,
            },
            _ => continue,
        };
        if !(5.0..=50.0).contains(&share) {
            findings.add(
                resource,
                &size["Value"],
                format!("a batch of {share:.0} % is out of range"),
                "use 5 to 50 % of the capacity",
            );
        }
    }
}
