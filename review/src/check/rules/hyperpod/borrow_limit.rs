//! `borrow-limit`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, number, string};
use crate::check::view::View;

rule! {
    /// A team of a HyperPod cluster has a limit for borrowing that it cannot use, or that is not 1 to 500 percent of its quota.
    ///
    /// # Why it matters
    ///
    /// The documentation allows 1 to 500 percent, and only the strategy `LendAndBorrow` borrows.
    ///
    /// # How to fix
    ///
    /// Set a limit from 1 to 500, or the strategy `Lend` for a team that does not borrow.
    ///
    /// # Limitations
    ///
    /// The schema allows up to 10,000, and it is not confirmed which of the two the service enforces, so this is a warning.
    Warning "borrow-limit",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-eks-operate-console-ui-governance-policies.md; unconfirmed",
    applies_to: ["AWS::SageMaker::ComputeQuota"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for quota in view.of_type("AWS::SageMaker::ComputeQuota") {
        let sharing = &quota.properties["ComputeQuotaConfig"]["ResourceSharingConfig"];
        let limit = &sharing["BorrowLimit"];
        if let Some(strategy) = string(&sharing["Strategy"]).filter(|it| *it != "LendAndBorrow")
            && is_set(limit)
        {
            findings.add(
                quota,
                limit,
                format!("a team with the strategy `{strategy}` cannot borrow"),
                "remove the limit, or use the strategy `LendAndBorrow`",
            );
            continue;
        }
        if let Some(given) = number(limit).filter(|given| !(1.0..=500.0).contains(given)) {
            findings.add(
                quota,
                limit,
                format!("a team can borrow 1 to 500 percent of its own quota, not {given}"),
                "use 1 to 500, or the strategy `Lend` for a team that does not borrow",
            );
        }
    }
}
