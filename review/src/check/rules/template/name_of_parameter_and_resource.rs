//! `name-of-parameter-and-resource`

use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;
use crate::check::written::has;

rule! {
    /// A parameter and a resource have the same name.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template, because `Ref` is ambiguous.
    ///
    /// # How to fix
    ///
    /// Rename one of the two.
    Error "name-of-parameter-and-resource",
    source: "AWS CloudFormation User Guide, parameters: the logical name is unique among all logical names",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let template = view.template();
    for (id, _) in template.resources().filter(|(id, _)| has(template, "Parameters", id)) {
        let at = pointer::of(["Resources", id]);
        findings.add_written(
            Some(id),
            at,
            format!("a parameter has the name `{id}` as well"),
            "give one of them another name",
        );
    }
}
