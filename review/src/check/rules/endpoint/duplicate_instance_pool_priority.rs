//! `duplicate-instance-pool-priority`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::variants;
use crate::check::value::{items, number};
use crate::check::view::View;

rule! {
    /// Two instance pools of a variant have the same priority.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the configuration: the order in which pools are tried is not defined.
    ///
    /// # How to fix
    ///
    /// Give each pool its own priority.
    Error "duplicate-instance-pool-priority",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ProductionVariant.InstancePools",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view) {
        let mut seen: Vec<f64> = Vec::new();
        for pool in items(&variant.value["InstancePools"]) {
            let Some(priority) = number(&pool["Priority"]) else { continue };
            if seen.contains(&priority) {
                findings.add(
                    variant.config,
                    &pool["Priority"],
                    format!("two instance pools have the priority {priority}"),
                    "give each pool a different priority, 1 to 5",
                );
            }
            seen.push(priority);
        }
    }
}
