//! Rules of security groups: the network access that they allow.

use serde_json::Value as JsonValue;

use super::{Effect, SecurityChange, Subject, add};
use crate::diff::model::ResourceChange;
use crate::diff::node::{scalar_text, variable};

const LISTS: [(&str, &str); 2] = [("SecurityGroupIngress", "from"), ("SecurityGroupEgress", "to")];

/// Members of a rule that identify the other side of the connection.
const PEERS: [&str; 9] = [
    "CidrIp",
    "CidrIpv6",
    "SourceSecurityGroupId",
    "SourceSecurityGroupName",
    "SourcePrefixListId",
    "DestinationSecurityGroupId",
    "DestinationPrefixListId",
    "SourceSecurityGroupOwnerId",
    "GroupName",
];

/// Adds the rules of security groups that are added or removed.
pub(super) fn compare(
    change: &ResourceChange,
    old: &JsonValue,
    new: &JsonValue,
    found: &mut Vec<SecurityChange>,
) {
    for (list, direction) in LISTS {
        let own = change.resource_type == format!("AWS::EC2::{list}");
        let rules = |value: &JsonValue| -> Vec<String> {
            let own = own.then(|| value.clone()).filter(|value| !value.is_null());
            let listed = (change.resource_type == "AWS::EC2::SecurityGroup")
                .then(|| value[list].as_array().cloned())
                .flatten()
                .unwrap_or_default();
            own.iter().chain(&listed).map(|rule| words(rule, direction)).collect()
        };
        let (before, after) = (rules(old), rules(new));
        for rule in after.iter().filter(|rule| !before.contains(rule)) {
            add(found, change, (Subject::Network, Effect::Broadened), list, format!("opens {rule}"));
        }
        for rule in before.iter().filter(|rule| !after.contains(rule)) {
            add(found, change, (Subject::Network, Effect::Narrowed), list, format!("closes {rule}"));
        }
    }
}

/// Returns a rule in words: `tcp 443 from 0.0.0.0/0 (everybody)`.
fn words(rule: &JsonValue, direction: &str) -> String {
    let text = |value: &JsonValue| match variable(value) {
        Some(name) => format!("${{{name}}}"),
        None => scalar_text(value).into_owned(),
    };
    let member = |name: &str| rule.get(name).map(text);
    let protocol = match member("IpProtocol").as_deref() {
        Some("-1") => "all protocols".to_owned(),
        Some(name) => name.to_owned(),
        None => "unknown protocol".to_owned(),
    };
    let ports = match (member("FromPort"), member("ToPort")) {
        (Some(one), Some(other)) if one == other => format!(" {one}"),
        (Some(one), Some(other)) => format!(" {one}-{other}"),
        (Some(one), None) => format!(" {one}"),
        _ => String::new(),
    };
    let peers: Vec<String> = PEERS
        .iter()
        .filter_map(|name| member(name))
        .map(|peer| match peer.as_str() {
            "0.0.0.0/0" | "::/0" => format!("{peer} (everybody)"),
            _ => peer,
        })
        .collect();
    format!(
        "{protocol}{ports} {direction} {}",
        if peers.is_empty() { "nobody".to_owned() } else { peers.join(", ") }
    )
}
