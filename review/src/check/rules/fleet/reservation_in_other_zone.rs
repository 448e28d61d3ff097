//! `reservation-in-other-zone`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{items, string};
use crate::check::view::{Resource, View};

rule! {
    /// A fleet launches into a capacity reservation of the template that is in another Availability Zone than its subnets.
    ///
    /// # Why it matters
    ///
    /// The reservation costs money and is never used. Launches that may use only the reservation fail.
    ///
    /// # How to fix
    ///
    /// Use a subnet in the zone of the reservation.
    ///
    /// # Limitations
    ///
    /// Reservations and subnets outside of the template are not checked. Names and IDs of zones are not compared with
    /// each other.
    Error "reservation-in-other-zone",
    source: "Amazon EC2 User Guide, ec2-capacity-reservations.md and capacity-blocks.md",
    applies_to: ["AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::CapacityReservation"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for group in view.of_type("AWS::AutoScaling::AutoScalingGroup") {
        let properties = &group.properties;
        let by_policy = &properties["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"];
        let template = [&properties["LaunchTemplate"], by_policy]
            .into_iter()
            .find_map(|specification| view.target(&specification["LaunchTemplateId"]));
        let of_group = &properties["CapacityReservationSpecification"]["CapacityReservationTarget"]["CapacityReservationIds"];
        let of_template = template.map(|template| {
            &template.properties["LaunchTemplateData"]["CapacityReservationSpecification"]
                ["CapacityReservationTarget"]["CapacityReservationId"]
        });
        let subnets: Vec<&Resource<'_>> =
            items(&properties["VPCZoneIdentifier"]).filter_map(|subnet| view.target(subnet)).collect();
        if subnets.len() < items(&properties["VPCZoneIdentifier"]).count() {
            continue;
        }
        for reservation in items(of_group).chain(of_template).filter_map(|id| view.target(id)) {
            for name in ["AvailabilityZone", "AvailabilityZoneId"] {
                let Some(zone) = string(&reservation.properties[name]) else { continue };
                let zones: Option<Vec<&str>> =
                    subnets.iter().map(|subnet| string(&subnet.properties[name])).collect();
                let Some(zones) = zones.filter(|zones| !zones.is_empty() && !zones.contains(&zone)) else {
                    continue;
                };
                findings.add(
                    group,
                    &properties["VPCZoneIdentifier"],
                    format!(
                        "the reservation `{}` is in {zone}, and the subnets are in {}",
                        reservation.id,
                        zones.join(", ")
                    ),
                    "use a subnet in the zone of the reservation",
                );
            }
        }
    }
}
