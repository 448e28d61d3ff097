//! `unknown-condition-key`

use stackwright_schemas::nearest;

use super::malformed_policy::statements;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::entries;
use crate::check::view::View;

rule! {
    /// A condition of a policy uses a global condition key that does not exist, but is similar to an existing key.
    ///
    /// # Why it matters
    ///
    /// AWS accepts every name, but no request has the key. A statement that allows something then never applies, and a
    /// statement that denies something with a negated operator always applies.
    ///
    /// # How to fix
    ///
    /// Correct the name of the key.
    ///
    /// # Limitations
    ///
    /// Keys of services, such as `s3:prefix`, are not checked. A name that is not similar to a known key is not reported.
    Warning "unknown-condition-key",
    source: "AWS Identity and Access Management User Guide, AWS global condition context keys",
    applies_to: [],
    check: Each(check),
}

/// The global keys. Those that end in `/` are followed by the key of a tag.
const KEYS: [&str; 50] = [
    "aws:AssumedRoot",
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:ChatbotSourceArn",
    "aws:CurrentTime",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "aws:EpochTime",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:PrincipalTag/",
    "aws:PrincipalType",
    "aws:Referer",
    "aws:RequestTag/",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:ResourceTag/",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:VpcSourceIp",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
    "aws:userid",
    "aws:username",
    "aws:x-amz-source-owner",
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, statement) in statements(view) {
        for (_, keys) in entries(&statement["Condition"]) {
            for (name, value) in entries(keys) {
                if is_known(name) {
                    continue;
                }
                if let Some(near) = nearest(name, KEYS.into_iter().filter(|key| !key.ends_with('/'))) {
                    let message = format!("the global condition key `{name}` does not exist");
                    findings.add(resource, value, message, format!("the most similar name is `{near}`"));
                }
            }
        }
    }
}

/// Returns whether a key exists, or is not a global one. IAM does not distinguish upper and lower case.
fn is_known(name: &str) -> bool {
    let is_global = name.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
    let tag_key = name.split_once('/').map(|(kind, _)| format!("{kind}/"));
    let given = tag_key.as_deref().unwrap_or(name);
    !is_global || KEYS.iter().any(|key| key.eq_ignore_ascii_case(given))
}
