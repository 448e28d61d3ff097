//! `parallel-degree-does-not-fit`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::is_version_1;
use crate::check::rules::rule;
use crate::check::value::number;
use crate::check::view::View;

rule! {
    /// A parallel degree of SageMaker model parallel does not divide the number of accelerators, or the context
    /// parallel degree is above the hybrid shard degree.
    ///
    /// # Why it matters
    ///
    /// The library stops the job when it starts.
    ///
    /// # How to fix
    ///
    /// Choose degrees whose product divides the number of accelerators.
    Error "parallel-degree-does-not-fit",
    source: "Amazon SageMaker Developer Guide, distributed-model-parallel-v2-reference.md; that degrees divide is derived",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let Some(parameters) = job.model_parallel().filter(|parameters| !is_version_1(parameters)) else {
            continue;
        };
        let location = &job.arguments["HyperParameters"]["mp_parameters"];
        let degree = |name: &str| number(&parameters[name]).filter(|degree| *degree > 0.0);
        if let Some(all) = job.accelerators().filter(|all| *all > 0.0) {
            for name in [
                "hybrid_shard_degree",
                "tensor_parallel_degree",
                "context_parallel_degree",
                "expert_parallel_degree",
            ] {
                if let Some(given) = degree(name).filter(|given| all % given != 0.0) {
                    findings.add(
                        job.resource,
                        location,
                        format!("{name} {given} does not divide the {all} accelerators"),
                        "",
                    );
                }
            }
        }
        if let (Some(context), Some(shard)) =
            (degree("context_parallel_degree"), degree("hybrid_shard_degree"))
            && context > shard
        {
            let message = format!("context_parallel_degree {context} exceeds hybrid_shard_degree {shard}");
            findings.add(job.resource, location, message, format!("use at most {shard}"));
        }
    }
}
