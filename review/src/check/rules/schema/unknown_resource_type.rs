//! `unknown-resource-type`

use stackwright_schemas::{registry, sam};
use stackwright_synth::pointer;

use crate::check::findings::{Findings, nearest_name};
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A resource has a type that AWS does not have.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Correct the type. A type of SAM needs the SAM transform.
    ///
    /// # Limitations
    ///
    /// Custom resources, modules, types of other vendors and templates with a macro are not checked.
    Error "unknown-resource-type",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Each(check),
}

/// For how many types the nearest name is searched. It takes the product of the unknown types and those of the registry.
const MAX_SUGGESTIONS: usize = 500;

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let mut suggestions = MAX_SUGGESTIONS;
    for resource in &view.resources {
        let name = resource.type_name;
        let is_ours = name.starts_with("AWS::") && !name.ends_with("::MODULE");
        let is_known = resource.schema.is_some() || view.is_sam() && sam::properties(name).is_some();
        if !is_ours || view.has_macro() || is_known {
            continue;
        }
        let at = pointer::of(["Resources", resource.id, "Type"]);
        if !view.is_sam() && sam::properties(name).is_some() {
            let message = format!("`{name}` is a type of the SAM transform, which the template does not use");
            let help = format!("add `Transform: {}`", sam::TRANSFORM);
            findings.add_written(Some(resource.id), at, message, help);
            continue;
        }
        let known = || registry::type_names().chain(sam::type_names());
        let (help, fix) = if suggestions > 0 { nearest_name(name, known) } else { (String::new(), None) };
        suggestions = suggestions.saturating_sub(1);
        findings.add_written(Some(resource.id), at, format!("there is no type `{name}`"), help);
        findings.fix_last(fix);
    }
}
