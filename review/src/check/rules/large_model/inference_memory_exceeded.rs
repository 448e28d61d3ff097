//! `inference-memory-exceeded`

use serde_json::Value as JsonValue;
use stackwright_estimate::memory::{MemoryVerdict, STATEMENT_MEMBER, inference_statement, packing_statement};

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{MODEL, containers, hosts};
use crate::check::view::View;

rule! {
    /// The weights of a model, its cache for one sequence and its activations take more memory than a GPU of its instances has.
    ///
    /// The model is described in the `Metadata` of the `AWS::SageMaker::Model`, as `stackwright-memory`;
    /// `LargeModel::model_shape` writes it. If the metadata does not set a value, the rule uses the setting of the
    /// container (`OPTION_MAX_MODEL_LEN`, `OPTION_TENSOR_PARALLEL_DEGREE`, `OPTION_QUANTIZE`,
    /// `OPTION_GPU_MEMORY_UTILIZATION`). The metadata of a multi-model endpoint has `models` (`MultiModelEndpoint::models`), of
    /// which the largest has to fit. Metadata that cannot be read is reported too.
    ///
    /// # Why it matters
    ///
    /// The server does not start, and the endpoint fails when its health checks time out.
    ///
    /// # How to fix
    ///
    /// Use a larger tensor parallel degree, quantized weights, a shorter maximum length, or instances with more memory.
    /// `estimate inference` shows what the memory consists of.
    ///
    /// # Limitations
    ///
    /// The memory is an estimate. Compared with ten published logs of vLLM, weights in bf16 were at most 1.4 % and quantized
    /// weights at most 17.3 % too low, and the reserve for activations was between 2.8 % too low and 16.9 % too high (see
    /// `docs/estimating.md`). A model without this metadata is not checked.
    Warning "inference-memory-exceeded",
    source: "vLLM, paged cache of keys and values; schemas/facts/instances.csv",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for model in view.of_type(MODEL) {
        let statement = &model.body["Metadata"][STATEMENT_MEMBER];
        let Some(container) = containers(model).next().filter(|_| !statement.is_null()) else { continue };
        for (instance, accelerators) in hosts(view, model) {
            let Some((message, help)) = problem(statement, container, &instance.instance_type, accelerators)
            else {
                continue;
            };
            let pointer = format!("/Resources/{}/Metadata/{STATEMENT_MEMBER}", model.id);
            findings.add_written(Some(model.id), pointer, message, help);
        }
    }
}

/// Returns the message and the help about a model, or the models of a multi-model endpoint, that do not fit on an instance type.
fn problem(
    statement: &JsonValue,
    container: &JsonValue,
    instance_type: &str,
    accelerators: Option<u64>,
) -> Option<(String, &'static str)> {
    const METADATA: &str = "correct the metadata, or remove it";
    if let Some(packing) = packing_statement(statement, instance_type) {
        return match packing {
            Err(error) => Some((error.to_string(), METADATA)),
            Ok(packing) if packing.verdict == MemoryVerdict::DoesNotFit => Some((
                format!(
                    "the largest model takes {} as stated, and {} less 10 % for fragmentation can be allocated on a GPU of \
                     {instance_type}, so that it cannot be loaded",
                    gib(packing.largest_bytes),
                    gib(packing.gpu.usable_bytes.unwrap_or_default())
                ),
                "use larger GPUs, or a smaller or quantized model",
            )),
            Ok(_) => None,
        };
    }
    match inference_statement(statement, container, instance_type, accelerators) {
        Err(error) => Some((error.to_string(), METADATA)),
        Ok(estimate) if estimate.verdict == MemoryVerdict::DoesNotFit => Some((
            format!(
                "the model takes an estimated {} on a GPU, and the server can allocate {} on {instance_type} (published logs \
                 differ from the estimate by up to 17 % of a part)",
                gib(estimate.bytes),
                gib(estimate.budget_bytes.unwrap_or_default())
            ),
            "use a larger tensor parallel degree, quantized weights, a shorter length or larger GPUs",
        )),
        Ok(_) => None,
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
