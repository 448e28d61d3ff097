//! `unsupported-quantization`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// `OPTION_QUANTIZE` names a technique that the container does not have: vLLM has `fp8` and `bitsandbytes`, TensorRT-LLM has
    /// `smoothquant`, `awq` and `fp8`.
    ///
    /// For a model that is quantized already, leave it out: the model says so itself.
    Error "unsupported-quantization",
    source: "djl-serving vllm_user_guide.md:53-67, trt_llm_user_guide.md:69",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let place = settings.place("QUANTIZE");
        let Some(given) = settings.get("QUANTIZE") else { continue };
        let (engine, known): (_, &[&str]) = match settings.is_tensorrt() {
            Some(true) => ("TensorRT-LLM", &["smoothquant", "awq", "fp8"]),
            Some(false) => ("vLLM", &["fp8", "bitsandbytes", "awq"]),
            None => continue,
        };
        if !known.contains(&given) {
            findings.add(
                model,
                place,
                format!("{engine} has no quantization {given}"),
                format!("use {}", known.join(", ")),
            );
        }
    }
}
