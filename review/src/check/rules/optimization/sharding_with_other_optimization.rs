//! `sharding-with-other-optimization`

use crate::check::findings::Findings;
use crate::check::job::LAUNCHERS;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items};
use crate::check::view::View;

rule! {
    /// An optimization job combines sharding with another optimization, or has no degree for the sharding.
    ///
    /// # Why it matters
    ///
    /// The optimization toolkit does not combine sharding with other optimizations, and needs
    /// `OPTION_TENSOR_PARALLEL_DEGREE`.
    ///
    /// # How to fix
    ///
    /// Use a separate job for sharding, and set the degree.
    Error "sharding-with-other-optimization",
    source: "sagemaker 2.257.7 serve/builder/model_builder.py:1702-1728",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, request) in view.requests("CreateOptimizationJob") {
        let arguments = &request.arguments;
        let configs = &arguments["OptimizationConfigs"];
        for one in items(configs).filter(|one| is_set(&one["ModelShardingConfig"])) {
            let sharding = &one["ModelShardingConfig"];
            if items(configs).count() > 1 {
                findings.add(resource, one, "sharding excludes every other optimization", "create two jobs");
            }
            let sources = [&sharding["OverrideEnvironment"], &arguments["OptimizationEnvironment"]];
            let has_degree = sources
                .iter()
                .any(|source| is_unresolved(source) || is_set(&source["OPTION_TENSOR_PARALLEL_DEGREE"]));
            if !has_degree {
                findings.add(
                    resource,
                    one,
                    "sharding needs OPTION_TENSOR_PARALLEL_DEGREE",
                    "set it in `OverrideEnvironment`",
                );
            }
        }
    }
}
