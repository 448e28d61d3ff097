//! `nothing-to-optimize`

use crate::check::findings::Findings;
use crate::check::job::LAUNCHERS;
use crate::check::rules::rule;
use crate::check::value::items;
use crate::check::view::View;

rule! {
    /// An optimization job has no optimization.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the job.
    ///
    /// # How to fix
    ///
    /// Add an optimization.
    Error "nothing-to-optimize",
    source: "sagemaker 2.257.7 serve/utils/optimize_utils.py:163",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, request) in view.requests("CreateOptimizationJob") {
        let arguments = &request.arguments;
        let configs = &arguments["OptimizationConfigs"];
        if configs.is_array() && items(configs).next().is_none() {
            findings.add(
                resource,
                configs,
                "the job has no optimization",
                "add quantization, compilation, sharding or speculative decoding",
            );
        }
    }
}
