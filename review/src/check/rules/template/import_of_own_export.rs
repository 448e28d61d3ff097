//! `import-of-own-export`

use serde_json::Value as JsonValue;

use crate::check::cursor::{Cursor, steps_below};
use crate::check::findings::Findings;
use crate::check::resolve::Resolver;
use crate::check::rules::rule;
use crate::check::text::Text;
use crate::check::value::function;
use crate::check::view::View;

rule! {
    /// A stack imports a value that it exports itself.
    ///
    /// # Why it matters
    ///
    /// The export exists only after the stack was created, so the creation fails.
    ///
    /// # How to fix
    ///
    /// Refer to the resource.
    ///
    /// # Limitations
    ///
    /// Exports of other stacks are not known.
    Error "import-of-own-export",
    source: "AWS CloudFormation User Guide, Fn::ImportValue",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let resolver = Resolver::new(view.template(), view.scenario);
    let names =
        view.template().section("Outputs").map(|(_, output)| resolver.resolve(&output["Export"]["Name"]));
    let exported: Vec<_> = names.filter(|name| !name.is_null()).collect();
    if exported.is_empty() {
        return;
    }
    for resource in &view.resources {
        let mut found = Vec::new();
        imports(&resource.properties, &mut found);
        for (whole, name) in found {
            if exported.iter().any(|export| export.as_ref() == name) {
                let what = Text::of(name).known().unwrap_or("this name").to_owned();
                findings.add(
                    resource,
                    whole,
                    format!("the same stack exports {what}"),
                    "refer to the resource",
                );
            }
        }
    }
}

/// Collects every import, with the name of the export.
fn imports<'v, 'a>(value: &'v Cursor<'a>, found: &mut Vec<(&'v Cursor<'a>, &'v JsonValue)>) {
    if let Some(("Fn::ImportValue", name)) = function(value) {
        found.push((value, name));
    }
    steps_below(value).for_each(|(_, inner)| imports(inner, found));
}
