//! `rolling-batch-of-another-container`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The environment of a container selects the batching of another container, such as vLLM in the TensorRT-LLM container.
    ///
    /// # Why it matters
    ///
    /// Each container has only its own implementation: with the name of another one, it stops when it starts.
    ///
    /// # How to fix
    ///
    /// Use the implementation of the container, or another image.
    Error "rolling-batch-of-another-container",
    source: "djl-serving trt_properties.py:168",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let location = settings.location("ROLLING_BATCH");
        let wanted = match (settings.is_tensorrt(), settings.get("ROLLING_BATCH")) {
            (Some(true), Some("vllm")) => "trtllm",
            (Some(false), Some("trtllm")) => "vllm",
            _ => continue,
        };
        findings.add(
            model,
            location,
            "this container does not contain this rolling batch",
            format!("use {wanted}, or another image"),
        );
    }
}
