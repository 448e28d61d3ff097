//! `too-many-efa-interfaces`

use stackwright_schemas::instances::instance;

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{items, number, string};
use crate::check::view::View;

rule! {
    /// A launch template has more EFA interfaces than the instance type has network cards for them, two on one card, or
    /// an `efa-only` interface as the first one.
    ///
    /// # Why it matters
    ///
    /// EC2 refuses to launch the instance.
    ///
    /// # How to fix
    ///
    /// Use one EFA interface for each network card, and `efa` for the first one.
    Error "too-many-efa-interfaces",
    source: "EC2 User Guide, efa.md; instance hardware of moto 5.2.5",
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
        let facts = string(&data["InstanceType"]).and_then(|name| instance(&format!("ml.{name}")));
        if let Some((facts, has)) = facts.and_then(|facts| Some((facts, facts.efa_interfaces?))) {
            let name = facts.instance_type.trim_start_matches("ml.");
            if given > has as usize {
                findings.add(
                    template,
                    interfaces,
                    format!("{name} supports {has} EFA interfaces, and {given} are defined"),
                    format!("use at most {has}"),
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
