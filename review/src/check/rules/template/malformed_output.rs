//! `malformed-output`

use crate::check::findings::{Findings, nearest_name};
use crate::check::rules::rule;
use crate::check::schema::{Kind, kind};
use crate::check::value::function;
use crate::check::view::{View, references};
use crate::check::written::has;
use stackwright_synth::pointer;

rule! {
    /// An output has no value, a value that is not a string, or an attribute that outputs do not have.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template, or the operation fails after everything was created.
    ///
    /// # How to fix
    ///
    /// Give the output a `Value` that is a string; `Fn::Join` joins a list to a string.
    Error "malformed-output",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

const ATTRIBUTES: [&str; 4] = ["Value", "Description", "Export", "Condition"];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (name, output) in view.template().section("Outputs").filter(|(id, _)| !id.starts_with("Fn::")) {
        let at = pointer::of(["Outputs", name]);
        if output.get("Value").is_none() {
            findings.add_written(None, at.clone(), "the output has no `Value`", "");
        }
        if output["Value"].is_array() || output["Value"].is_object() && function(&output["Value"]).is_none() {
            findings.add_written(
                None,
                format!("{at}/Value"),
                "the value of an output is a string",
                "`Fn::Join` joins a list to a string",
            );
        }
        if matches!(kind(&output["Value"], view), Kind::List | Kind::Object) {
            let message = "the value of an output is a string, and this function returns a list";
            findings.add_written(None, format!("{at}/Value"), message, "`Fn::Join` joins a list to a string");
        }
        if output.get("Condition").is_some_and(|condition| !condition.is_string() && !condition.is_null()) {
            let message = "`Condition` of an output is the name of a condition";
            findings.add_written(
                None,
                format!("{at}/Condition"),
                message,
                "define the condition in `Conditions`",
            );
        }
        if output.get("Description").is_some_and(|text| text.is_object() || text.is_array()) {
            let message = "`Description` of an output is a constant string";
            findings.add_written(None, format!("{at}/Description"), message, "write it without a function");
        }
        for attribute in output.as_object().into_iter().flat_map(|map| map.keys()) {
            if !ATTRIBUTES.contains(&attribute.as_str()) {
                let (help, fix) = nearest_name(attribute, || ATTRIBUTES.into_iter());
                findings.add_written(
                    None,
                    format!("{at}/{attribute}"),
                    format!("an output has no `{attribute}`"),
                    help,
                );
                findings.fix_last(fix);
            }
        }
        let export = &output["Export"];
        if output.get("Export").is_some() && export.get("Name").is_none() {
            findings.add_written(None, format!("{at}/Export"), "the export has no `Name`", "");
        }
        let mut resource = None;
        references(&export["Name"], &mut String::new(), &mut |name, _, _| {
            resource = resource.or_else(|| has(view.template(), "Resources", name).then_some(name));
        });
        if let Some(resource) = resource {
            let message = format!("the name of an export cannot refer to a resource (`{resource}`)");
            let help = "use parameters, pseudo parameters and constants";
            findings.add_written(None, format!("{at}/Export/Name"), message, help);
        }
    }
}
