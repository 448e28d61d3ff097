//! `cache-without-duration`

use crate::check::findings::Findings;
use crate::check::rules::pipeline::steps;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// A cached pipeline step has an `ExpireAfter` that is not an ISO 8601 duration.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the pipeline.
    ///
    /// # How to fix
    ///
    /// Write a duration such as `P30D`.
    Error "cache-without-duration",
    source: "pipeline-definition.schema.json, CacheConfig",
    applies_to: ["AWS::SageMaker::Pipeline"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (pipeline, step) in steps(view) {
        let duration = &step["CacheConfig"]["ExpireAfter"];
        let is_duration = |text: &str| {
            let rest = text.strip_prefix('P').unwrap_or_default();
            rest.ends_with(|last: char| last.is_ascii_alphabetic() && last != 'T')
                && rest.chars().all(|letter| letter.is_ascii_digit() || "YMWDTHS.".contains(letter))
                && rest.starts_with(|first: char| first.is_ascii_digit() || first == 'T')
        };
        if let Some(given) = string(duration).filter(|text| !is_duration(text)) {
            findings.add(
                pipeline,
                duration,
                format!("{given} is not an ISO 8601 duration"),
                "write P30D for 30 days, PT2H for two hours",
            );
        }
    }
}
