//! `open-trust`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, one_or_many, string};
use crate::check::view::View;

rule! {
    /// The trust policy of a role allows every principal without a condition.
    ///
    /// # Why it matters
    ///
    /// Anyone with an AWS account can assume the role.
    ///
    /// # How to fix
    ///
    /// Name the principals, or add a condition.
    Error "open-trust",
    source: "AWS IAM User Guide, security best practices",
    applies_to: ["AWS::IAM::Role"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for role in view.of_type("AWS::IAM::Role") {
        for statement in one_or_many(&role.properties["AssumeRolePolicyDocument"]["Statement"]) {
            let principal = &statement["Principal"];
            let everybody = [principal, &principal["AWS"]]
                .into_iter()
                .flat_map(one_or_many)
                .find(|one| string(one) == Some("*"));
            let allows = string(&statement["Effect"]).is_none_or(|effect| effect == "Allow");
            if let Some(location) = everybody.filter(|_| allows && !is_set(&statement["Condition"])) {
                findings.add(
                    role,
                    location,
                    "every AWS account may assume this role",
                    "name the service or the account, or add a condition",
                );
            }
        }
    }
}
