//! `open-ingress`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{items, number, string};
use crate::check::view::View;

rule! {
    /// A security group allows traffic from every address to ports other than 80 and 443.
    ///
    /// # Why it matters
    ///
    /// Everyone on the internet can reach the port.
    ///
    /// # How to fix
    ///
    /// Allow the addresses that need it.
    Warning "open-ingress",
    source: "Amazon VPC User Guide, security group rules",
    applies_to: ["AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let inline = view
        .of_type("AWS::EC2::SecurityGroup")
        .flat_map(|group| items(&group.properties["SecurityGroupIngress"]).map(move |rule| (group, rule)));
    let apart = view.of_type("AWS::EC2::SecurityGroupIngress").map(|rule| (rule, &rule.properties));
    for (resource, rule) in inline.chain(apart) {
        let web = [80.0, 443.0]
            .iter()
            .any(|port| number(&rule["FromPort"]) == Some(*port) && number(&rule["ToPort"]) == Some(*port));
        for (name, everywhere) in [("CidrIp", "0.0.0.0/0"), ("CidrIpv6", "::/0")] {
            if string(&rule[name]) == Some(everywhere) && !web {
                findings.add(
                    resource,
                    &rule[name],
                    "inbound traffic from every address of the internet is allowed",
                    "allow only the addresses or the security group that need access",
                );
            }
        }
    }
}
