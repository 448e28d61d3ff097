//! `reservation-target-not-used`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, string};
use crate::check::view::View;

rule! {
    /// An Auto Scaling group names capacity reservations, and its preference does not use them.
    ///
    /// # Why it matters
    ///
    /// `none` never launches into a reservation, and `default` follows the launch template: the reservations cost money
    /// and are not used.
    ///
    /// # How to fix
    ///
    /// Use `capacity-reservations-first` or `capacity-reservations-only`, or remove the target.
    Error "reservation-target-not-used",
    source: "AWS CloudFormation Template Reference, AWS::AutoScaling::AutoScalingGroup CapacityReservationSpecification",
    applies_to: ["AWS::AutoScaling::AutoScalingGroup"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for group in view.of_type("AWS::AutoScaling::AutoScalingGroup") {
        let specification = &group.properties["CapacityReservationSpecification"];
        let preference = &specification["CapacityReservationPreference"];
        let unused = string(preference).filter(|preference| matches!(*preference, "none" | "default"));
        if let Some(given) = unused.filter(|_| is_set(&specification["CapacityReservationTarget"])) {
            findings.add(
                group,
                preference,
                format!("the group names capacity reservations, and `{given}` does not use them"),
                "use `capacity-reservations-first` or `capacity-reservations-only`, or remove the target",
            );
        }
    }
}
