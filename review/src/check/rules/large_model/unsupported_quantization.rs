//! `unsupported-quantization`

use crate::check::findings::Findings;
use crate::check::rules::large_model::servers;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// `OPTION_QUANTIZE` names a technique that the container does not have.
    ///
    /// # Why it matters
    ///
    /// The container stops when it starts.
    ///
    /// # How to fix
    ///
    /// Use `fp8` or `bitsandbytes` with vLLM, and `smoothquant`, `awq` or `fp8` with TensorRT-LLM. Remove the option
    /// for a model that is already quantized.
    Error "unsupported-quantization",
    source: "djl-serving vllm_user_guide.md:53-67, trt_llm_user_guide.md:69",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (model, settings) in servers(view) {
        let location = settings.location("QUANTIZE");
        let Some(given) = settings.get("QUANTIZE") else { continue };
        let (engine, known): (_, &[&str]) = match settings.is_tensorrt() {
            Some(true) => ("TensorRT-LLM", &["smoothquant", "awq", "fp8"]),
            Some(false) => ("vLLM", &["fp8", "bitsandbytes", "awq"]),
            None => continue,
        };
        if !known.contains(&given) {
            findings.add(
                model,
                location,
                format!("{engine} does not support the quantization {given}"),
                format!("use {}", known.join(", ")),
            );
        }
    }
}
