//! `null-value`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{below, children};
use crate::check::view::View;

rule! {
    /// A value in the template is null: in YAML, a key without a value.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template: "Null values are not allowed in templates".
    ///
    /// # How to fix
    ///
    /// Remove the key, or give it a value. `!Ref AWS::NoValue` removes a property when the stack is deployed.
    ///
    /// # Limitations
    ///
    /// Sections that other rules check are left out. Properties of SAM types are left out too, because SAM removes
    /// those that are null.
    Error "null-value",
    source: "AWS CloudFormation User Guide, \"Troubleshooting CloudFormation\", template validation",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    // Other rules report a null of these in their own words.
    let reported = |pointer: &str| {
        let steps: Vec<&str> = pointer.split('/').skip(1).collect();
        matches!(
            steps.as_slice(),
            ["Conditions", _] | ["Parameters", ..] | ["Rules", _] | ["Resources" | "Outputs"]
        ) || pointer.ends_with("/Fn::GetAZs")
    };
    for (name, section) in view.template().sections() {
        search(section, &mut format!("/{name}"), &mut |pointer| {
            let resource = pointer.strip_prefix("/Resources/").and_then(|rest| rest.split('/').next());
            let type_name = resource.and_then(|id| section[id]["Type"].as_str()).unwrap_or_default();
            // SAM leaves out the properties of its own types that are null.
            if reported(pointer) || type_name.starts_with("AWS::Serverless::") {
                return;
            }
            let help = "remove the key, or give it a value";
            findings.add_in_function(resource, pointer.to_owned(), "the value is null", help);
        });
    }
}

fn search(value: &JsonValue, pointer: &mut String, found: &mut impl FnMut(&str)) {
    if value.is_null() {
        return found(pointer);
    }
    for (step, inner) in children(value) {
        below(pointer, &step, |pointer| search(inner, pointer, found));
    }
}
