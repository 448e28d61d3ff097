//! `invalid-tag`

use std::collections::HashSet;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{entries, items, shown, string};
use crate::check::view::View;

rule! {
    /// A tag has a key that begins with `aws:`, or the same key as another tag of the resource.
    ///
    /// # Why it matters
    ///
    /// Keys that begin with `aws:` are reserved for AWS, and a resource can have a key only once. The service refuses
    /// the resource.
    ///
    /// # How to fix
    ///
    /// Choose another key.
    Error "invalid-tag",
    source: "Tagging AWS Resources User Guide, \"Tag naming limits and requirements\"",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        let Some(schema) = resource.schema else { continue };
        let Some(tags) = schema.tag_property().map(|name| &resource.properties[name]) else { continue };
        let mut keys = HashSet::new();
        for key in items(tags).map(|tag| &tag["Key"]) {
            let Some(name) = string(key) else { continue };
            if is_reserved(name) {
                findings.add(
                    resource,
                    key,
                    format!("the tag key {name} begins with `aws:`, which is reserved"),
                    "",
                );
            } else if !keys.insert(name) {
                let message = format!("more than one tag has the key {}", shown(key));
                findings.add(resource, key, message, "remove one of the two");
            }
        }
        for (name, value) in entries(tags).filter(|(name, _)| is_reserved(name)) {
            findings.add(
                resource,
                value,
                format!("the tag key {name} begins with `aws:`, which is reserved"),
                "",
            );
        }
    }
}

fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}
