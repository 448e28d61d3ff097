//! `unknown-allocation-strategy`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// An Auto Scaling group names an allocation strategy that EC2 does not have.
    ///
    /// # Why it matters
    ///
    /// EC2 Auto Scaling refuses the group.
    ///
    /// # How to fix
    ///
    /// Use `lowest-price` or `prioritized` for on-demand, and `price-capacity-optimized`, `capacity-optimized`,
    /// `capacity-optimized-prioritized` or `lowest-price` for Spot.
    Error "unknown-allocation-strategy",
    source: "CloudFormation reference, InstancesDistribution",
    applies_to: ["AWS::AutoScaling::AutoScalingGroup"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for group in view.of_type("AWS::AutoScaling::AutoScalingGroup") {
        let distribution = &group.properties["MixedInstancesPolicy"]["InstancesDistribution"];
        for (name, known) in [
            ("OnDemandAllocationStrategy", ["lowest-price", "prioritized"].as_slice()),
            (
                "SpotAllocationStrategy",
                &[
                    "price-capacity-optimized",
                    "capacity-optimized",
                    "capacity-optimized-prioritized",
                    "lowest-price",
                ],
            ),
        ] {
            let location = &distribution[name];
            if let Some(given) = string(location).filter(|given| !known.contains(given)) {
                findings.add(
                    group,
                    location,
                    format!("`{name}` does not accept the value {given}"),
                    format!("use {}", known.join(", ")),
                );
            }
        }
    }
}
