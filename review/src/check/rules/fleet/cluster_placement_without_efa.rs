//! `cluster-placement-without-efa`

use stackwright_schemas::ec2_network::network_facts;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{holds_unresolved, items, string};
use crate::check::view::View;

rule! {
    /// Instances in a cluster placement group have several network cards for Elastic Fabric Adapter (EFA), but request
    /// no EFA interface.
    ///
    /// # Why it matters
    ///
    /// No operation reports an error: the instances communicate through TCP, and collective operations are many times
    /// slower.
    ///
    /// # How to fix
    ///
    /// Request an interface of the type `efa` or `efa-only` on each network card that takes one.
    ///
    /// # Limitations
    ///
    /// Instance types with one EFA interface are not reported, because a cluster placement group is useful for them
    /// without EFA.
    Warning "cluster-placement-without-efa",
    source: "Amazon EC2 User Guide, efa.md; network cards of moto 5.2.5 (describe-instance-types)",
    applies_to: ["AWS::EC2::LaunchTemplate"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for template in view.of_type("AWS::EC2::LaunchTemplate") {
        let data = &template.properties["LaunchTemplateData"];
        let placement = view.target(&data["Placement"]["GroupName"]);
        let is_cluster =
            placement.is_some_and(|placement| string(&placement.properties["Strategy"]) == Some("cluster"));
        let interfaces = &data["NetworkInterfaces"];
        if !is_cluster || holds_unresolved(interfaces) {
            continue;
        }
        let facts = string(&data["InstanceType"]).and_then(network_facts);
        let Some(facts) = facts.filter(|facts| facts.efa_max_interfaces > 1) else { continue };
        let requests_efa = items(interfaces)
            .any(|one| string(&one["InterfaceType"]).is_some_and(|kind| kind.starts_with("efa")));
        if !requests_efa {
            findings.add(
                template,
                &data["InstanceType"],
                format!(
                    "{} has {} EFA interfaces, and the template requests none",
                    facts.instance_type, facts.efa_max_interfaces
                ),
                "add network interfaces of the type `efa` or `efa-only`",
            );
        }
    }
}
