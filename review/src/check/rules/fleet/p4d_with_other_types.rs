//! `p4d-with-other-types`

use stackwright_schemas::ec2_network::network_facts;

use crate::check::findings::Findings;
use crate::check::rules::fleet::{is_efa, launch_template};
use crate::check::rules::rule;
use crate::check::value::{items, string};
use crate::check::view::View;

rule! {
    /// An Auto Scaling group with EFA mixes p4d or p4de instances with other types.
    ///
    /// # Why it matters
    ///
    /// P4d and P4de instances cannot exchange traffic through Elastic Fabric Adapter (EFA) with instances of other types:
    /// collective operations over all instances of the group fail or fall back to TCP.
    ///
    /// # How to fix
    ///
    /// Use a separate group for p4d and p4de.
    Warning "p4d-with-other-types",
    source: "EC2 User Guide, efa.md, EFA limitations",
    applies_to: ["AWS::AutoScaling::AutoScalingGroup"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let is_p4d = |name: &str| name.starts_with("p4d.") || name.starts_with("p4de.");
    for group in view.of_type("AWS::AutoScaling::AutoScalingGroup") {
        let uses_efa = launch_template(view, group).is_some_and(|template| {
            items(&template.properties["LaunchTemplateData"]["NetworkInterfaces"]).any(|one| is_efa(&one))
        });
        let overrides = &group.properties["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"];
        let names: Vec<&str> = items(overrides).filter_map(|one| string(&one["InstanceType"])).collect();
        if !uses_efa || !names.iter().any(|name| is_p4d(name)) {
            continue;
        }
        for location in items(overrides).map(|one| &one["InstanceType"]) {
            let has_efa = |name: &&str| network_facts(name).is_some_and(|facts| facts.efa_max_interfaces > 0);
            if let Some(name) = string(location).filter(|name| !is_p4d(name)).filter(has_efa) {
                findings.add(
                    group,
                    location,
                    format!("p4d instances of the group cannot communicate with {name} through EFA"),
                    "use a separate group for p4d and p4de",
                );
            }
        }
    }
}
