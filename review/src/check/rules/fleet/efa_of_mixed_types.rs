//! `efa-of-mixed-types`

use stackwright_schemas::ec2_network::network_facts;

use crate::check::findings::Findings;
use crate::check::rules::fleet::{is_efa, launch_template};
use crate::check::rules::rule;
use crate::check::value::{items, string};
use crate::check::view::View;

rule! {
    /// An Auto Scaling group with several instance types has a launch template with EFA interfaces that one of the types does
    /// not have.
    ///
    /// # Why it matters
    ///
    /// A launch template has one list of interfaces for all types. Amazon EC2 refuses to launch an instance whose type has fewer
    /// network cards with Elastic Fabric Adapter (EFA).
    ///
    /// # How to fix
    ///
    /// Use types with the same network cards, or give the other type a launch template of its own
    /// (`LaunchTemplateSpecification` of the override).
    ///
    /// # Limitations
    ///
    /// Types that are chosen by requirements (`InstanceRequirements`) are not known.
    Error "efa-of-mixed-types",
    source: "EC2 User Guide, efa.md; hardware of instance types, moto 5.2.5 (describe-instance-types)",
    applies_to: ["AWS::AutoScaling::AutoScalingGroup"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for group in view.of_type("AWS::AutoScaling::AutoScalingGroup") {
        for one in items(&group.properties["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]) {
            let of_override = &one["LaunchTemplateSpecification"];
            let template = view
                .target(&of_override["LaunchTemplateId"])
                .or_else(|| launch_template(view, group).filter(|_| of_override.is_null()));
            let Some(template) = template else { continue };
            let interfaces = items(&template.properties["LaunchTemplateData"]["NetworkInterfaces"]);
            let given = interfaces.filter(is_efa).count();
            let location = &one["InstanceType"];
            let Some(facts) = string(location).and_then(network_facts) else { continue };
            if given > facts.efa_max_interfaces as usize {
                let message = format!(
                    "`{}` has {given} EFA interfaces, and {} supports {}",
                    template.id, facts.instance_type, facts.efa_max_interfaces
                );
                findings.add(
                    group,
                    location,
                    message,
                    "use types with the same network cards, or another launch template for this type",
                );
            }
        }
    }
}
