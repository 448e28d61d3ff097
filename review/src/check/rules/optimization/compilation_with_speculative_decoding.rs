//! `compilation-with-speculative-decoding`

use crate::check::findings::Findings;
use crate::check::job::LAUNCHERS;
use crate::check::rules::rule;
use crate::check::value::{is_set, items};
use crate::check::view::View;

rule! {
    /// An optimization job both compiles the model and creates a draft model for speculative decoding.
    ///
    /// # Why it matters
    ///
    /// The optimization toolkit performs only one of them in a job.
    ///
    /// # How to fix
    ///
    /// Use two jobs.
    Error "compilation-with-speculative-decoding",
    source: "sagemaker 2.257.7 serve/validations/optimization.py",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, request) in view.requests("CreateOptimizationJob") {
        let arguments = &request.arguments;
        let configs = &arguments["OptimizationConfigs"];
        let compiles = items(configs).any(|one| is_set(&one["ModelCompilationConfig"]));
        for one in items(configs).filter(|one| compiles && is_set(&one["ModelSpeculativeDecodingConfig"])) {
            findings.add(
                resource,
                one,
                "compilation and speculative decoding exclude each other",
                "create two jobs, and compare their results",
            );
        }
    }
}
