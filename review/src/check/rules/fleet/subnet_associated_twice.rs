//! `subnet-associated-twice`

use std::collections::HashMap;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// A subnet is associated with a route table twice.
    ///
    /// # Why it matters
    ///
    /// A subnet is associated with one route table. Amazon EC2 refuses the second association, after the first was created.
    ///
    /// # How to fix
    ///
    /// Keep one of the associations, and add its routes to the one route table.
    ///
    /// # Limitations
    ///
    /// Two subnets are the same one only if both are written as the same value or the same reference.
    Error "subnet-associated-twice",
    source: "Amazon VPC User Guide, \"Subnet route tables\"; cfn-lint 1.58.0, rule E3022",
    applies_to: ["AWS::EC2::SubnetRouteTableAssociation"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let mut associated = HashMap::new();
    for association in view.of_type("AWS::EC2::SubnetRouteTableAssociation") {
        let subnet = &association.properties["SubnetId"];
        if !is_set(subnet) {
            continue;
        }
        // Two parameters may have the same default.
        let written = association.written["SubnetId"].to_string();
        if let Some(first) = associated.insert(written, association.id) {
            let message = format!("`{first}` already associates the subnet with a route table");
            findings.add(association, subnet, message, "remove one of the associations");
        }
    }
}
