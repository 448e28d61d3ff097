//! `unused-condition`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;
use crate::check::written::{Kind, unused};

rule! {
    /// No part of the template uses a condition.
    ///
    /// # Why it matters
    ///
    /// An unused condition misleads readers of the template.
    ///
    /// # How to fix
    ///
    /// Remove the condition.
    Warning "unused-condition",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    unused(view, findings, "Conditions", "condition", |kind| matches!(kind, Kind::Condition));
}
