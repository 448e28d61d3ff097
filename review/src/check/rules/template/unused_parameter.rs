//! `unused-parameter`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;
use crate::check::written::{Kind, unused};

rule! {
    /// No part of the template uses a parameter.
    ///
    /// # Why it matters
    ///
    /// Whoever deploys the template has to choose a value that has no effect.
    ///
    /// # How to fix
    ///
    /// Remove the parameter.
    Warning "unused-parameter",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    unused(view, findings, "Parameters", "parameter", |kind| matches!(kind, Kind::Ref));
}
