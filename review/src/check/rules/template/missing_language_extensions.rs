//! `missing-language-extensions`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{below, children};
use crate::check::view::View;

rule! {
    /// The template uses `Fn::ForEach`, `Fn::Length` or `Fn::ToJsonString` without the transform
    /// `AWS::LanguageExtensions`.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the function.
    ///
    /// # How to fix
    ///
    /// Add `Transform: AWS::LanguageExtensions`.
    Error "missing-language-extensions",
    source: "AWS CloudFormation User Guide, AWS::LanguageExtensions transform",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let template = view.template();
    if template.sections().contains_key("Transform") {
        return;
    }
    for section in ["Conditions", "Resources", "Outputs"] {
        let Some(value) = template.sections().get(section) else { continue };
        search(value, &mut format!("/{section}"), &mut |pointer, name| {
            let resource = pointer.strip_prefix("/Resources/").and_then(|rest| rest.split('/').next());
            let message = format!("`{name}` needs the transform `AWS::LanguageExtensions`");
            findings.add_written(
                resource,
                pointer.to_owned(),
                message,
                "add `Transform: AWS::LanguageExtensions`",
            );
        });
    }
}

fn search(value: &JsonValue, pointer: &mut String, found: &mut impl FnMut(&str, &str)) {
    for (step, inner) in children(value) {
        if step.starts_with("Fn::ForEach") || step == "Fn::Length" || step == "Fn::ToJsonString" {
            found(pointer, &step);
        }
        below(pointer, &step, |pointer| search(inner, pointer, found));
    }
}
