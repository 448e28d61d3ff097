//! `missing-sub`

use serde_json::Value as JsonValue;
use stackwright_synth::function::{Part, parts};
use stackwright_synth::intrinsic::PSEUDO_PARAMETERS;
use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{below, children, function, is_container};
use crate::check::view::View;
use crate::check::written::has;
use crate::diagnostic::Fix;

rule! {
    /// A string refers to a parameter, a resource or a pseudo parameter with `${…}`, but is not an argument of `Fn::Sub`.
    ///
    /// # Why it matters
    ///
    /// CloudFormation replaces `${…}` only in `Fn::Sub`. Without it the service gets the characters as they are, and refuses
    /// them or uses a wrong name.
    ///
    /// # How to fix
    ///
    /// Write `!Sub` before the string.
    ///
    /// # Limitations
    ///
    /// Strings that other programs evaluate are left out: scripts, build specifications, request templates of APIs, policy
    /// variables such as `${aws:username}`, and definitions with `DefinitionSubstitutions`.
    Error "missing-sub",
    source: "AWS CloudFormation Template Reference, \"Fn::Sub\"",
    applies_to: [],
    check: Written(check),
}

/// Properties whose text another program reads, in which `${…}` has a meaning of its own.
const OF_OTHERS: [&str; 22] = [
    "Metadata",
    "UserData",
    "ZipFile",
    "InlineCode",
    "BuildSpec",
    "TemplateBody",
    "Body",
    "DefinitionBody",
    "Definition",
    "RequestMappingTemplate",
    "ResponseMappingTemplate",
    "RequestTemplates",
    "ResponseTemplates",
    "RequestParameters",
    "ResponseParameters",
    "FunctionCode",
    "Code",
    "Content",
    "DashboardBody",
    "InputTemplate",
    "Fn::Transform",
    "DefinitionSubstitutions",
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for section in ["Resources", "Outputs"] {
        for (id, body) in view.template().section(section).filter(|(id, _)| !id.starts_with("Fn::")) {
            let holder = if section == "Resources" { &body["Properties"] } else { &body["Value"] };
            let step = if section == "Resources" { "Properties" } else { "Value" };
            let mut pointer = pointer::of([section, id, step]);
            let has_substitutions = body["Properties"].get("DefinitionSubstitutions").is_some();
            search(view, holder, has_substitutions, &mut pointer, &mut |pointer, text, name| {
                let resource = (section == "Resources").then_some(id);
                let message = format!(
                    "`${{{name}}}` is outside of `Fn::Sub`, so that CloudFormation does not replace it"
                );
                findings.add_in_function(
                    resource,
                    pointer.to_owned(),
                    message,
                    "write `!Sub` before the string",
                );
                // `Fn::Sub` refuses a text with another `${…}` than references.
                let is_reference = |part| match part {
                    Part::Variable(name) => is_reference(view, name),
                    Part::Literal(literal) => !literal.contains("${"),
                };
                let are_references = parts(text).into_iter().all(is_reference);
                findings.fix_last(are_references.then_some(Fix::AddSub));
            });
        }
    }
}

fn search(
    view: &View<'_>,
    value: &JsonValue,
    has_substitutions: bool,
    pointer: &mut String,
    found: &mut impl FnMut(&str, &str, &str),
) {
    match value {
        JsonValue::String(text) if text.contains("${") && !text.trim_start().starts_with("#!") => {
            let is_known = |part| match part {
                Part::Variable(name) if is_reference(view, name) => Some(name),
                _ => None,
            };
            if let Some(name) = parts(text).into_iter().find_map(is_known) {
                found(pointer, text, name);
            }
        }
        JsonValue::String(_) => {}
        _ => {
            let is_sub = function(value).is_some_and(|(name, _)| name == "Fn::Sub");
            let of_interest = |inner: &JsonValue| {
                is_container(inner) || inner.as_str().is_some_and(|text| text.contains('$'))
            };
            for (step, inner) in children(value).filter(|(_, inner)| of_interest(inner)) {
                let is_definition = step == "DefinitionString" && has_substitutions;
                let is_other =
                    OF_OTHERS.contains(&step.as_ref()) || is_definition || step.starts_with("Fn::ForEach");
                if is_other && (has_substitutions || step != "Definition") {
                    continue;
                }
                below(pointer, &step, |pointer| match (is_sub, inner) {
                    // The variables of `Fn::Sub` are values of their own; its text is not.
                    (true, JsonValue::Array(arguments)) => {
                        for inner in arguments.iter().skip(1) {
                            below(pointer, "1", |pointer| {
                                search(view, inner, has_substitutions, pointer, found)
                            });
                        }
                    }
                    (true, _) => {}
                    (false, inner) => search(view, inner, has_substitutions, pointer, found),
                });
            }
        }
    }
}

/// Returns whether the name in `${…}` is one that `Fn::Sub` would replace.
fn is_reference(view: &View<'_>, name: &str) -> bool {
    let template = view.template();
    let id = name.split('.').next().unwrap_or_default();
    // `Fn::Sub` does not take `AWS::NoValue`.
    name != "AWS::NoValue" && PSEUDO_PARAMETERS.contains(&name)
        || has(template, "Parameters", name) && name.len() > 2
        || has(template, "Resources", id) && id.len() > 2
}
