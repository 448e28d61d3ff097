//! `unknown-section`

use stackwright_synth::Template;
use stackwright_synth::pointer;

use crate::check::findings::{Findings, nearest_name};
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The template has a section that CloudFormation does not have.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Correct the name of the section.
    Error "unknown-section",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for name in view.template().sections().keys() {
        // A macro may have sections of its own, as SAM has `Globals`.
        let is_known = Template::SECTIONS.contains(&name.as_str()) || view.is_sam() && name == "Globals";
        if !is_known && !view.is_transformed() {
            let (help, fix) = nearest_name(name, Template::SECTIONS.into_iter());
            findings.add_written(
                None,
                pointer::of([name]),
                format!("templates do not have a section `{name}`"),
                help,
            );
            findings.fix_last(fix);
        }
    }
}
