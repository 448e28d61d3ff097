//! `malformed-mapping`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::function;
use crate::check::view::View;

rule! {
    /// A mapping that is not two levels of keys with values below.
    Error "malformed-mapping",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (name, mapping) in view.template().section("Mappings").filter(|(id, _)| !id.starts_with("Fn::")) {
        let Some(rows) = mapping.as_object() else {
            findings.add_written(None, format!("/Mappings/{name}"), "a mapping has two levels of keys", "");
            continue;
        };
        for (key, row) in rows.iter().filter(|(key, _)| !key.starts_with("Fn::")) {
            let at = format!("/Mappings/{name}/{}", key.replace('~', "~0").replace('/', "~1"));
            let Some(values) = row.as_object() else {
                findings.add_written(None, at, "a mapping has two levels of keys, and here is one", "");
                continue;
            };
            if values.values().any(|value| value.is_object()) && function(row).is_none() {
                findings.add_written(None, at, "a mapping's values are texts, numbers or lists of them", "");
            }
        }
    }
}
