//! `cluster-placement-across-zones`

use std::collections::BTreeSet;

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
    source: "EC2 User Guide, placement-strategies.md",
    applies_to: ["AWS::AutoScaling::AutoScalingGroup"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for group in view.of_type("AWS::AutoScaling::AutoScalingGroup") {
        let by_policy =
            &group.properties["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"];
        let of_template = [&group.properties["LaunchTemplate"], by_policy]
            .into_iter()
            .find_map(|specification| view.target(&specification["LaunchTemplateId"]))
            .map(|template| &template.properties["LaunchTemplateData"]["Placement"]["GroupName"]);
        let clusters = [Some(&group.properties["PlacementGroup"]), of_template]
            .into_iter()
            .flatten()
            .filter_map(|placement| view.target(placement))
            .any(|placement| string(&placement.properties["Strategy"]) == Some("cluster"));
        let subnets = &group.properties["VPCZoneIdentifier"];
        let of_subnets: BTreeSet<&str> = items(subnets)
            .filter_map(|subnet| view.target(subnet))
            .filter_map(|subnet| string(&subnet.properties["AvailabilityZone"]))
            .collect();
        if clusters && of_subnets.len() > 1 {
            findings.add(
                group,
                subnets,
                "a cluster placement group is in one Availability Zone, and the subnets are in several",
                "name the subnets of one zone",
            );
        }
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
