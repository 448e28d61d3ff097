//! `capacity-block-market-type`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, string};
use crate::check::view::View;

rule! {
    /// A launch template requests a capacity block without naming the reservation.
    ///
    /// # Why it matters
    ///
    /// EC2 launches no instance: a capacity block has to be reserved before.
    ///
    /// # How to fix
    ///
    /// Set `MarketType: capacity-block` together with the ID of the reservation.
    Error "capacity-block-market-type",
    source: "EC2 User Guide, capacity-blocks-launch.md",
    applies_to: ["AWS::EC2::LaunchTemplate"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for template in view.of_type("AWS::EC2::LaunchTemplate") {
        let data = &template.properties["LaunchTemplateData"];
        let market = &data["InstanceMarketOptions"]["MarketType"];
        let target = &data["CapacityReservationSpecification"]["CapacityReservationTarget"];
        let reserved = ["CapacityReservationId", "CapacityReservationResourceGroupArn"]
            .iter()
            .any(|name| is_set(&target[*name]));
        if string(market) == Some("capacity-block")
            && !reserved
            && !is_unresolved(&data["CapacityReservationSpecification"])
            && !is_unresolved(target)
        {
            findings.add(
                template,
                market,
                "a launch into a capacity block has to name the capacity reservation",
                "set `CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId`",
            );
        }
    }
}
