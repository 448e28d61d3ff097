//! `no-resources`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The template has no resources.
    ///
    /// # Why it matters
    ///
    /// CloudFormation requires at least one.
    ///
    /// # How to fix
    ///
    /// Add a resource. An `AWS::CloudFormation::WaitConditionHandle` creates nothing.
    Error "no-resources",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let has_resources = view.template().sections().get("Resources").and_then(JsonValue::as_object);
    if has_resources.is_none_or(|resources| resources.is_empty()) && !view.is_transformed() {
        let help = "add a resource; for an empty stack, use an `AWS::CloudFormation::WaitConditionHandle`";
        findings.add_written(None, "/Resources".into(), "the template has no resources", help);
    }
}
