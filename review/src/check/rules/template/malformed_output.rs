//! `malformed-output`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::function;
use crate::check::view::View;
use stackwright_schemas::nearest;

rule! {
    /// An output without a value, or with an attribute that outputs do not have.
    Error "malformed-output",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

const ATTRIBUTES: [&str; 4] = ["Value", "Description", "Export", "Condition"];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (name, output) in view.template().section("Outputs").filter(|(id, _)| !id.starts_with("Fn::")) {
        let at = format!("/Outputs/{name}");
        if output.get("Value").is_none() {
            findings.add_written(None, at.clone(), "the output has no `Value`", "");
        }
        if output["Value"].is_array() || output["Value"].is_object() && function(&output["Value"]).is_none() {
            findings.add_written(
                None,
                format!("{at}/Value"),
                "an output is one text",
                "`Fn::Join` makes one of a list",
            );
        }
        for attribute in output.as_object().into_iter().flat_map(|map| map.keys()) {
            if !ATTRIBUTES.contains(&attribute.as_str()) {
                let near = nearest(attribute, ATTRIBUTES.into_iter());
                let help = near.map_or_else(String::new, |near| format!("the nearest is `{near}`"));
                findings.add_written(
                    None,
                    format!("{at}/{attribute}"),
                    format!("an output has no `{attribute}`"),
                    help,
                );
            }
        }
        let export = &output["Export"];
        if output.get("Export").is_some() && export.get("Name").is_none() {
            findings.add_written(None, format!("{at}/Export"), "the export has no `Name`", "");
        }
    }
}
