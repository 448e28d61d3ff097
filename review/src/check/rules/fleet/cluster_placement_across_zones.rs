//! `cluster-placement-across-zones`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{items, string};
use crate::check::view::View;

rule! {
    /// An Auto Scaling group with a cluster placement group uses several Availability Zones.
    ///
    /// # Why it matters
    ///
    /// A cluster placement group is in one Availability Zone, so launches in the others fail.
    ///
    /// # How to fix
    ///
    /// Use one Availability Zone.
    Warning "cluster-placement-across-zones",
    source: "EC2 User Guide, placement-strategies.md; not read again",
    applies_to: ["AWS::AutoScaling::AutoScalingGroup"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for group in view.of_type("AWS::AutoScaling::AutoScalingGroup") {
        let placement = view.target(&group.properties["PlacementGroup"]);
        let clusters =
            placement.is_some_and(|placement| string(&placement.properties["Strategy"]) == Some("cluster"));
        let zones = &group.properties["AvailabilityZones"];
        if clusters && items(zones).count() > 1 {
            findings.add(
                group,
                zones,
                "a cluster placement group is in one Availability Zone",
                "use one Availability Zone, or one subnet",
            );
        }
    }
}
