//! `too-many-efa-interfaces`

use std::collections::BTreeSet;

use stackwright_schemas::ec2_network::network_facts;

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, items, number, string};
use crate::check::view::View;

rule! {
    /// A launch template has more EFA interfaces than the instance type supports, two on one network card, or an
    /// `efa-only` interface as the first one.
    ///
    /// # Why it matters
    ///
    /// EC2 refuses to launch the instance.
    ///
    /// # How to fix
    ///
    /// Use one EFA interface for each network card, and `efa` for the first one.
    Error "too-many-efa-interfaces",
    source: "EC2 User Guide, efa.md; hardware of instance types, moto 5.2.5",
    applies_to: ["AWS::EC2::LaunchTemplate"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for template in view.of_type("AWS::EC2::LaunchTemplate") {
        let data = &template.properties["LaunchTemplateData"];
        let interfaces = &data["NetworkInterfaces"];
        let is_efa =
            |one: &&Cursor<'_>| string(&one["InterfaceType"]).is_some_and(|kind| kind.starts_with("efa"));
        let given = items(interfaces).filter(is_efa).count();
        if let Some(facts) = string(&data["InstanceType"]).and_then(network_facts) {
            let has = facts.efa_max_interfaces;
            if given > has as usize {
                findings.add(
                    template,
                    interfaces,
                    format!("{} supports {has} EFA interfaces, and {given} are defined", facts.instance_type),
                    format!("use at most {has}"),
                );
            }
        }
        let mut cards = BTreeSet::new();
        for card in items(interfaces).filter(is_efa).map(|one| &one["NetworkCardIndex"]) {
            let index = if is_set(card) { number(card) } else { Some(0.0) };
            if let Some(index) = index.filter(|index| !cards.insert(index.to_string())) {
                findings.add(
                    template,
                    interfaces,
                    format!("the network card {index} has two EFA interfaces, and a card takes one"),
                    "set another `NetworkCardIndex`",
                );
            }
        }
        for one in items(interfaces).filter(is_efa) {
            let is_primary = number(&one["DeviceIndex"]) == Some(0.0)
                && number(&one["NetworkCardIndex"]).unwrap_or(0.0) == 0.0;
            if string(&one["InterfaceType"]) == Some("efa-only") && is_primary {
                findings.add(
                    template,
                    &one["InterfaceType"],
                    "an efa-only interface cannot be the primary one",
                    "use the interface type efa",
                );
            }
        }
    }
}
