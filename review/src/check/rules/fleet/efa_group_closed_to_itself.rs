//! `efa-group-closed-to-itself`

use crate::check::findings::Findings;
use crate::check::rules::distribution::{first_closed, lets_itself_in, lets_itself_out};
use crate::check::rules::rule;
use crate::check::value::{is_set, items, string};
use crate::check::view::{Resource, View};

rule! {
    /// The EFA interfaces of a launch template are in a security group that does not allow all traffic from and to
    /// itself.
    ///
    /// # Why it matters
    ///
    /// No operation reports an error: instances communicate through TCP, which is many times slower, or collective
    /// operations do not end.
    ///
    /// # How to fix
    ///
    /// Add an ingress rule with protocol -1 whose source is the group itself, and an egress rule to it.
    ///
    /// # Limitations
    ///
    /// A group without egress rules in the template allows all outgoing traffic, and the rule accepts it. Whether that
    /// is enough for EFA outside of SageMaker HyperPod is not confirmed.
    Error "efa-group-closed-to-itself",
    source: "EC2 User Guide, efa-start.md, Prepare an EFA-enabled security group",
    applies_to: ["AWS::EC2::LaunchTemplate"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for template in view.of_type("AWS::EC2::LaunchTemplate") {
        let interfaces = items(&template.properties["LaunchTemplateData"]["NetworkInterfaces"]);
        for interface in interfaces {
            if !string(&interface["InterfaceType"]).is_some_and(|kind| kind.starts_with("efa")) {
                continue;
            }
            let groups = &interface["Groups"];
            if let Some((reference, group)) = first_closed(view, groups, |group| lets_itself_in(view, group))
            {
                findings.add(
                    template,
                    reference,
                    format!("`{}` does not allow all inbound traffic from itself, which EFA needs", group.id),
                    "add an ingress rule with protocol -1 whose source is the security group itself",
                );
                break;
            }
            let is_open_outward =
                |group: &Resource<'_>| lets_everything_out(group) || lets_itself_out(view, group);
            if let Some((reference, group)) = first_closed(view, groups, is_open_outward) {
                findings.add(
                    template,
                    reference,
                    format!("`{}` does not allow all outbound traffic to itself, which EFA needs", group.id),
                    "add an egress rule with protocol -1 whose destination is the security group itself",
                );
                break;
            }
        }
    }
}

/// Returns whether a group has the rule to everywhere: the one that it has by default, or one that it names.
fn lets_everything_out(group: &Resource<'_>) -> bool {
    let rules = &group.properties["SecurityGroupEgress"];
    !is_set(rules)
        || items(rules).any(|rule| {
            string(&rule["IpProtocol"]).is_none_or(|protocol| protocol == "-1")
                && string(&rule["CidrIp"]).is_none_or(|block| block == "0.0.0.0/0")
                && !is_set(&rule["DestinationSecurityGroupId"])
        })
}
