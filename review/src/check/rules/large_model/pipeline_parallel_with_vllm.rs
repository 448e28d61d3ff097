//! `pipeline-parallel-with-vllm`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::value::number;
use crate::check::view::View;

rule! {
    /// Pipeline parallelism is requested from a container that batches with vLLM.
    ///
    /// # Why it matters
    ///
    /// The container does not support it and stops.
    ///
    /// # How to fix
    ///
    /// Use tensor parallelism.
    Error "pipeline-parallel-with-vllm",
    source: "djl-serving vllm_rb_properties.py:147",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let location = settings.location("PIPELINE_PARALLEL_DEGREE");
        let splits = number(location).is_some_and(|degree| degree > 1.0);
        if splits && settings.get("ROLLING_BATCH") == Some("vllm") {
            findings.add(
                model,
                location,
                "the vLLM rolling batch does not support pipeline parallelism",
                "use tensor parallelism",
            );
        }
    }
}
