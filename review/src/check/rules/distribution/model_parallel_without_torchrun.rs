//! `model-parallel-without-torchrun`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::is_version_1;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// SageMaker model parallel (SMP v2) is used without torchrun.
    ///
    /// # Why it matters
    ///
    /// The library is launched by torchrun only.
    ///
    /// # How to fix
    ///
    /// Turn torchrun on.
    Error "model-parallel-without-torchrun",
    source: "sagemaker 2.257.7 fw_utils.py validate_smdistributed",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let Some(parameters) = job.model_parallel().filter(|parameters| !is_version_1(parameters)) else {
            continue;
        };
        let launcher = &job.arguments["HyperParameters"]["sagemaker_torch_distributed_enabled"];
        // An image with an entry point of its own launches as it likes.
        let launches_itself = is_set(&job.arguments["AlgorithmSpecification"]["ContainerEntrypoint"]);
        if !is_unresolved(launcher)
            && !launches_itself
            && !job.is_on("sagemaker_torch_distributed_enabled")
            && parameters.is_object()
        {
            let location = &job.arguments["HyperParameters"]["mp_parameters"];
            findings.add(
                job.resource,
                location,
                "SageMaker model parallel needs torchrun",
                "set sagemaker_torch_distributed_enabled to true",
            );
        }
    }
}
