//! `quota-nearly-reached`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::rules::template::quota_exceeded::quotas;
use crate::check::view::View;

rule! {
    /// The template uses more than 80 % of a quota of CloudFormation.
    ///
    /// # Why it matters
    ///
    /// The next addition may be refused.
    ///
    /// # How to fix
    ///
    /// Plan to split the stack.
    Warning "quota-nearly-reached",
    source: "AWS CloudFormation User Guide, CloudFormation quotas",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for quota in quotas(view) {
        if quota.used * 10 > quota.most * 8 && quota.used <= quota.most {
            let message = format!(
                "the template has {} {} of the {} that CloudFormation accepts",
                quota.used, quota.what, quota.most
            );
            findings.add_written(
                None,
                quota.pointer.into(),
                message,
                "plan to move a part into another stack",
            );
        }
    }
}
