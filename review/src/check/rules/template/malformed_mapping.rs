//! `malformed-mapping`

use serde_json::Value as JsonValue;
use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::function;
use crate::check::view::View;

rule! {
    /// A mapping is empty, does not have exactly two levels of keys, or has a name or a key with characters that
    /// CloudFormation does not allow.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Use letters and digits in the name of a mapping, and letters, digits, `-` and `.` in its keys.
    Error "malformed-mapping",
    source: "AWS CloudFormation Template Reference, \"Mappings\"; cfn-lint, E7001",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (name, mapping) in view.template().section("Mappings").filter(|(id, _)| !id.starts_with("Fn::")) {
        let at = pointer::of(["Mappings", name]);
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let message =
                format!("the name `{name}` of a mapping contains characters other than letters and digits");
            findings.add_written(None, at.clone(), message, "rename the mapping");
        }
        let Some(rows) = mapping.as_object() else {
            findings.add_written(None, at, "a mapping has two levels of keys", "");
            continue;
        };
        if rows.is_empty() {
            findings.add_written(None, at.clone(), "a mapping has at least one key", "remove the mapping");
        }
        for (key, row) in rows.iter().filter(|(key, _)| !key.starts_with("Fn::")) {
            let at = format!("{at}/{}", pointer::escape(key));
            name_of_key(key, &at, findings);
            let Some(values) = row.as_object() else {
                findings.add_written(
                    None,
                    at,
                    "a mapping has two levels of keys, and this one has one level",
                    "",
                );
                continue;
            };
            if function(row).is_some() {
                continue;
            }
            for (key, value) in values.iter().filter(|(key, _)| !key.starts_with("Fn::")) {
                let at = format!("{at}/{}", pointer::escape(key));
                name_of_key(key, &at, findings);
                if !is_value(value) {
                    findings.add_written(
                        None,
                        at,
                        "the value of a mapping is a string, a number or a list of them",
                        "",
                    );
                }
            }
        }
    }
}

fn name_of_key(key: &str, at: &str, findings: &mut Findings<'_, '_, '_>) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if !key.bytes().all(allowed) {
        let message = format!(
            "the key `{key}` of a mapping contains characters other than letters, digits, `-` and `.`"
        );
        findings.add_written(None, at.to_owned(), message, "rename the key");
    }
}

fn is_value(value: &JsonValue) -> bool {
    match value {
        JsonValue::Array(items) => items.iter().all(|item| !item.is_object() && !item.is_array()),
        other => !other.is_object(),
    }
}
