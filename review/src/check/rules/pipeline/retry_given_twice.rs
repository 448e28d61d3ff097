//! `retry-given-twice`

use crate::check::findings::Findings;
use crate::check::rules::pipeline::steps;
use crate::check::rules::rule;
use crate::check::value::{is_set, items, number};
use crate::check::view::View;

rule! {
    /// A retry policy of a pipeline step limits both the attempts and the time, or a limit is out of range.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the pipeline.
    ///
    /// # How to fix
    ///
    /// Set `MaxAttempts` from 1 to 20, or `ExpireAfterMin` up to 14400.
    Error "retry-given-twice",
    source: "sagemaker 2.257.7 workflow/retry.py:25-95",
    applies_to: ["AWS::SageMaker::Pipeline"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (pipeline, step) in steps(view) {
        for policy in items(&step["RetryPolicies"]) {
            let (attempts, minutes) = (&policy["MaxAttempts"], &policy["ExpireAfterMin"]);
            if is_set(attempts) && is_set(minutes) {
                findings.add(
                    pipeline,
                    policy,
                    "`MaxAttempts` and `ExpireAfterMin` exclude each other",
                    "keep one of them",
                );
            }
            for (location, range) in [(attempts, 1.0..=20.0), (minutes, 0.0..=14_400.0)] {
                if let Some(given) = number(location).filter(|given| !range.contains(given)) {
                    findings.add(
                        pipeline,
                        location,
                        format!("{given} is out of range"),
                        format!("use {} to {}", range.start(), range.end()),
                    );
                }
            }
        }
    }
}
