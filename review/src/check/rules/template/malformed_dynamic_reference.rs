//! `malformed-dynamic-reference`

use serde_json::Value as JsonValue;
use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{below, children, is_container, is_dynamic};
use crate::check::view::View;

rule! {
    /// A dynamic reference names no service, no parameter or no secret, or is used where CloudFormation does not resolve it.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the operation. It takes `ssm-secure` for a few properties only, so that the value is never
    /// stored by a service that does not keep it secret.
    ///
    /// # How to fix
    ///
    /// Write `{{resolve:ssm:name:version}}`, `{{resolve:ssm-secure:name:version}}` or
    /// `{{resolve:secretsmanager:secret-id:SecretString:json-key:version-stage:version-id}}`. Use `secretsmanager` where
    /// `ssm-secure` is not supported.
    ///
    /// # Limitations
    ///
    /// A reference with spaces before `resolve` is a warning, because the string may be intentional.
    Error "malformed-dynamic-reference",
    source: "AWS CloudFormation User Guide, \"Dynamic references\"",
    applies_to: [],
    check: Written(check),
}

/// The properties that take `ssm-secure`, each as the end of a pointer without list indexes.
const SECURE: [(&str, &str); 12] = [
    ("AWS::DirectoryService::MicrosoftAD", "Password"),
    ("AWS::DirectoryService::SimpleAD", "Password"),
    ("AWS::ElastiCache::ReplicationGroup", "AuthToken"),
    ("AWS::IAM::User", "LoginProfile/Password"),
    ("AWS::KinesisFirehose::DeliveryStream", "RedshiftDestinationConfiguration/Password"),
    ("AWS::OpsWorks::App", "AppSource/Password"),
    ("AWS::OpsWorks::Stack", "CustomCookbooksSource/Password"),
    ("AWS::OpsWorks::Stack", "RdsDbInstances/DbPassword"),
    ("AWS::RDS::DBCluster", "MasterUserPassword"),
    ("AWS::RDS::DBInstance", "MasterUserPassword"),
    ("AWS::Redshift::Cluster", "MasterUserPassword"),
    ("AWS::Redshift::Cluster", "MasterUsername"),
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for section in ["Conditions", "Resources", "Outputs"] {
        for (id, body) in view.template().section(section) {
            let mut pointer = pointer::of([section, id]);
            let type_name = body["Type"].as_str().unwrap_or_default();
            search(body, &mut pointer, &mut |pointer, text| {
                let resource = (section == "Resources").then_some(id);
                let location = Location { section, type_name, pointer };
                if has_spaced_reference(text) {
                    let message =
                        "a dynamic reference with spaces after `{{` is not resolved: it stays a string";
                    let help = "write `{{resolve:` without spaces";
                    findings.add_in_function(resource, pointer.to_owned(), message, help);
                    findings.doubt_last();
                }
                for reference in references(text) {
                    if let Some((message, help)) = fault(reference, &location) {
                        findings.add_in_function(resource, pointer.to_owned(), message, help);
                    }
                }
            });
        }
    }
}

struct Location<'p> {
    section: &'p str,
    type_name: &'p str,
    pointer: &'p str,
}

fn search(value: &JsonValue, pointer: &mut String, found: &mut impl FnMut(&str, &str)) {
    if let JsonValue::String(text) = value {
        found(pointer, text);
    }
    let of_interest = |inner: &JsonValue| {
        is_container(inner)
            || inner.as_str().is_some_and(|text| is_dynamic(text) || has_spaced_reference(text))
    };
    for (step, inner) in children(value).filter(|(_, inner)| of_interest(inner)) {
        if step != "Metadata" {
            below(pointer, &step, |pointer| search(inner, pointer, found));
        }
    }
}

/// Returns whether a string contains a dynamic reference with spaces before `resolve`.
fn has_spaced_reference(text: &str) -> bool {
    let mut starts = text.match_indices("{{").map(|(at, start)| &text[at + start.len()..]);
    text.contains('{')
        && starts.any(|rest| rest.starts_with(' ') && rest.trim_start().starts_with("resolve:"))
}

/// Returns the text between `{{resolve:` and `}}`.
fn references(text: &str) -> Vec<&str> {
    let starts = text.match_indices("{{resolve:").map(|(at, start)| at + start.len());
    starts.filter_map(|at| text[at..].split_once("}}").map(|(reference, _)| reference)).collect()
}

fn fault(reference: &str, location: &Location<'_>) -> Option<(String, &'static str)> {
    let (service, rest) = reference.split_once(':').unwrap_or((reference, ""));
    let is_computed = |part: &str| part.contains("${");
    if is_computed(service) {
        return None;
    }
    match service {
        "ssm" | "ssm-secure" => {
            let name = rest.rsplit_once(':').filter(|(_, it)| is_version(it)).map_or(rest, |(name, _)| name);
            if name.is_empty() {
                return Some((
                    "the dynamic reference does not name a parameter".into(),
                    "write `{{resolve:ssm:name}}`",
                ));
            }
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_.-/:".contains(letter);
            if !is_computed(name) && !name.chars().all(is_name) {
                return Some((format!("`{name}` is not the name of a parameter"), ""));
            }
            if let Some((name, version)) =
                name.rsplit_once(':').filter(|(name, _)| !name.starts_with("arn:") && !is_computed(name))
            {
                let message = format!("`{version}` is not a version of the parameter `{name}`");
                return Some((message, "write the number of a version, or leave it out for the latest one"));
            }
            (service == "ssm-secure" && !takes_secure(location)).then(|| {
                (
                    "CloudFormation does not resolve `ssm-secure` for this property".to_owned(),
                    "use a secret of Secrets Manager, or pass the parameter's name to the program",
                )
            })
        }
        "secretsmanager" => {
            let is_arn = rest.starts_with("arn:");
            let parts: Vec<&str> = rest.split(':').skip(if is_arn { 6 } else { 0 }).collect();
            if parts.first().is_none_or(|name| name.is_empty()) {
                return Some((
                    "the dynamic reference does not name a secret".into(),
                    "write `{{resolve:secretsmanager:secret-id:SecretString:json-key}}`",
                ));
            }
            if location.section != "Resources" || !location.pointer.contains("/Properties") {
                let message = "CloudFormation resolves secrets only in properties of resources";
                return Some((message.into(), "remove the reference"));
            }
            let kind = parts.get(1).filter(|kind| !kind.is_empty() && !is_computed(kind));
            kind.filter(|kind| **kind != "SecretString" && !rest.contains("${"))
                .map(|kind| (format!("a secret has no `{kind}`"), "use `SecretString`"))
        }
        other => Some((
            format!("dynamic references to `{other}` do not exist"),
            "use `ssm`, `ssm-secure` or `secretsmanager`",
        )),
    }
}

fn is_version(text: &str) -> bool {
    text.contains("${") || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn takes_secure(location: &Location<'_>) -> bool {
    let is_step = |step: &&str| step.parse::<usize>().is_err() && !step.starts_with("Fn::");
    let path: Vec<&str> = location.pointer.split('/').filter(is_step).collect();
    let path = path.join("/");
    SECURE
        .iter()
        .any(|(type_name, end)| *type_name == location.type_name && path.ends_with(&format!("/{end}")))
}
