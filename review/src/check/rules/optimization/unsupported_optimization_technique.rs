//! `unsupported-optimization-technique`

use crate::check::findings::Findings;
use crate::check::job::LAUNCHERS;
use crate::check::rules::rule;
use crate::check::serving::is_neuron;
use crate::check::value::{is_set, items, string};
use crate::check::view::View;

rule! {
    /// A quantization technique is not available for the way in which the model is served, or an optimization is not
    /// available for Neuron.
    ///
    /// # Why it matters
    ///
    /// The job fails.
    ///
    /// # How to fix
    ///
    /// Use awq, fp8 or smoothquant with TensorRT-LLM, and awq or fp8 with vLLM. Neuron has no quantization, speculative
    /// decoding or sharding.
    Error "unsupported-optimization-technique",
    source: "sagemaker 2.257.7 serve/validations/optimization.py",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, request) in view.requests("CreateOptimizationJob") {
        let arguments = &request.arguments;
        let configs = &arguments["OptimizationConfigs"];
        let neuron = string(&arguments["DeploymentInstanceType"]).is_some_and(is_neuron);
        let compiled = items(configs).any(|one| is_set(&one["ModelCompilationConfig"]));
        for one in items(configs) {
            for what in ["ModelQuantizationConfig", "ModelSpeculativeDecodingConfig", "ModelShardingConfig"] {
                if neuron && is_set(&one[what]) {
                    findings.add(
                        resource,
                        &one[what],
                        format!("Neuron instances do not support `{what}`"),
                        "remove it: Neuron instances need compilation",
                    );
                }
            }
            let location = &one["ModelQuantizationConfig"]["OverrideEnvironment"]["OPTION_QUANTIZE"];
            let Some(given) = string(location).filter(|_| !neuron) else { continue };
            let (engine, known): (_, &[&str]) = if compiled {
                ("TensorRT-LLM", &["awq", "fp8", "smoothquant"])
            } else {
                ("vLLM", &["awq", "fp8"])
            };
            if !known.contains(&given) {
                let help = if given == "smoothquant" { "smoothquant needs compilation as well" } else { "" };
                findings.add(
                    resource,
                    location,
                    format!("{engine} does not support the quantization {given}"),
                    help,
                );
            }
        }
    }
}
