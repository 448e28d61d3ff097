//! `rolling-batch-of-another-container`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A TensorRT-LLM container is told to batch with vLLM, or the other way round. Each brings its own.
    Error "rolling-batch-of-another-container",
    source: "djl-serving trt_properties.py:168",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let place = settings.place("ROLLING_BATCH");
        let wanted = match (settings.is_tensorrt(), settings.get("ROLLING_BATCH")) {
            (Some(true), Some("vllm")) => "trtllm",
            (Some(false), Some("trtllm")) => "vllm",
            _ => continue,
        };
        findings.add(
            model,
            place,
            "this container brings another rolling batch",
            format!("use {wanted}, or another image"),
        );
    }
}
