//! `subnet-outside-vpc`

use std::net::Ipv4Addr;

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{shown, string};
use crate::check::view::View;

rule! {
    /// The address block of a subnet is not inside the block of its VPC, or overlaps that of another subnet.
    ///
    /// # Why it matters
    ///
    /// Amazon EC2 refuses the subnet.
    ///
    /// # How to fix
    ///
    /// Choose a block inside of the block of the VPC that does not overlap another subnet.
    ///
    /// # Limitations
    ///
    /// A VPC that has further blocks (`AWS::EC2::VPCCidrBlock`) and IPv6 are not checked.
    Error "subnet-outside-vpc",
    source: "Amazon VPC User Guide, \"Subnet CIDR blocks\"",
    applies_to: ["AWS::EC2::Subnet"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let has_more = view.of_type("AWS::EC2::VPCCidrBlock").next().is_some();
    let mut before: Vec<(&str, String, (u32, u32))> = Vec::new();
    for subnet in view.of_type("AWS::EC2::Subnet") {
        let value = &subnet.properties["CidrBlock"];
        let Some(block) = block(value) else { continue };
        let vpc = &subnet.properties["VpcId"];
        let of_vpc = view.target(vpc).filter(|vpc| vpc.type_name == "AWS::EC2::VPC");
        let whole = of_vpc.map(|vpc| &vpc.properties["CidrBlock"]);
        if let Some((range, whole)) = whole.and_then(|whole| Some((self::block(whole)?, whole)))
            && (block.0 < range.0 || block.1 > range.1)
            && !has_more
        {
            let message =
                format!("the block {} is outside of {}, the block of its VPC", shown(value), shown(whole));
            findings.add(subnet, value, message, "");
        }
        let location = vpc.to_string();
        let other = before
            .iter()
            .find(|(_, vpc, other)| *vpc == location && block.0 <= other.1 && other.0 <= block.1);
        if let Some((id, ..)) = other.filter(|_| !vpc.is_null()) {
            let message = format!("the block {} overlaps that of `{id}`", shown(value));
            findings.add(subnet, value, message, "choose a block that does not overlap");
        }
        before.push((subnet.id, location, block));
    }
}

/// Returns the first and the last address of a block.
fn block(value: &JsonValue) -> Option<(u32, u32)> {
    let (address, bits) = string(value)?.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or_default();
    let first = u32::from(address.parse::<Ipv4Addr>().ok()?) & mask;
    Some((first, first | !mask))
}
