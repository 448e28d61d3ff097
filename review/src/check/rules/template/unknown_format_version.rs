//! `unknown-format-version`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// The template has another format version than 2010-09-09.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Write `AWSTemplateFormatVersion: '2010-09-09'`.
    Error "unknown-format-version",
    source: "AWS CloudFormation User Guide, template format version",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let version = view.template().sections().get("AWSTemplateFormatVersion");
    if version.is_some_and(|version| string(version) != Some("2010-09-09")) {
        let at = "/AWSTemplateFormatVersion".to_owned();
        findings.add_written(None, at, "the format version does not exist", "use 2010-09-09, or remove it");
    }
}
