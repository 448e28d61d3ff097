//! `capacity-block-fleet`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, string};
use crate::check::view::View;

rule! {
    /// An EC2 fleet that launches into a capacity block is not of the type `instant`, or divides its target into
    /// on-demand and Spot.
    ///
    /// # Why it matters
    ///
    /// EC2 refuses the fleet.
    ///
    /// # How to fix
    ///
    /// Set `Type: instant` and one target capacity.
    Error "capacity-block-fleet",
    source: "EC2 User Guide, ec2-fleet-launch-instances-capacity-blocks-walkthrough.md",
    applies_to: ["AWS::EC2::EC2Fleet"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for fleet in view.of_type("AWS::EC2::EC2Fleet") {
        let target = &fleet.properties["TargetCapacitySpecification"];
        if string(&target["DefaultTargetCapacityType"]) != Some("capacity-block") {
            continue;
        }
        let kind = &fleet.properties["Type"];
        // Without a type a fleet maintains its capacity.
        if string(kind).is_some_and(|kind| kind != "instant") || !is_set(kind) {
            findings.add(
                fleet,
                kind,
                "a fleet that uses a capacity block has to be of type instant",
                "use `Type: instant`",
            );
        }
        for name in ["OnDemandTargetCapacity", "SpotTargetCapacity"] {
            if is_set(&target[name]) {
                findings.add(
                    fleet,
                    &target[name],
                    format!("a fleet that uses a capacity block does not support `{name}`"),
                    "remove it",
                );
            }
        }
        let options = &fleet.properties["OnDemandOptions"]["CapacityReservationOptions"];
        if is_set(options) {
            findings.add(
                fleet,
                options,
                "a fleet that uses a capacity block does not support `CapacityReservationOptions`",
                "remove it",
            );
        }
    }
}
