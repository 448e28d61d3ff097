//! `training-memory-exceeded`

use serde_json::Value as JsonValue;
use stackwright_estimate::memory::{JobMemory, MemoryVerdict, STATEMENT_MEMBER, training_statements};
use stackwright_synth::pointer::escape;

use crate::check::findings::Findings;
use crate::check::job::LAUNCHERS;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A training step takes more GPU memory than the instances of the job have.
    ///
    /// The model and the step are described in the `Metadata` of the resource that starts the job, as
    /// `stackwright-memory` by the name of the job; `TrainingJob::model_shape` writes it. Metadata that cannot be read
    /// is reported too.
    ///
    /// # Why it matters
    ///
    /// The job stops in its first steps with an out-of-memory error, after its instances were started.
    ///
    /// # How to fix
    ///
    /// Use activation checkpointing, a smaller batch, more ranks, a strategy that distributes more, or instances with more
    /// memory. `estimate memory` shows what the memory consists of.
    ///
    /// # Limitations
    ///
    /// The memory is an estimate: its error was at most 3 % for 230 measured runs, and at most 10 % for
    /// DistributedDataParallel (see `docs/estimating.md`). A job without this metadata is not checked.
    Warning "training-memory-exceeded",
    source: "schemas/facts/gpu_runs_measured.jsonl and instances.csv; the estimate is derived from what PyTorch 2.11 and DeepSpeed 0.19.8 allocate",
    applies_to: LAUNCHERS,
    check: Each(check),
}

/// The largest error of the estimate for the runs of `schemas/facts/gpu_runs_measured.jsonl`.
const ERROR: &str = "3 %, or 10 % with DistributedDataParallel,";

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in view.resources.iter().filter(|resource| LAUNCHERS.contains(&resource.type_name)) {
        let metadata = &resource.body["Metadata"];
        if metadata[STATEMENT_MEMBER].is_null() {
            continue;
        }
        let documents = resource.documents.iter().filter_map(|document| document.value.as_deref().ok());
        let all: JsonValue =
            std::iter::once(&*resource.properties).chain(documents).cloned().collect::<Vec<_>>().into();
        for JobMemory { job: name, estimate, .. } in training_statements(resource.id, metadata, &all) {
            let pointer = format!("/Resources/{}/Metadata/{STATEMENT_MEMBER}/{}", resource.id, escape(&name));
            let (message, help) = match estimate {
                Err(error) => (error.to_string(), "correct the metadata, or remove it".to_owned()),
                Ok(estimate) if estimate.verdict == MemoryVerdict::DoesNotFit => {
                    let highest = estimate.upper_bytes.unwrap_or(estimate.peak.bytes);
                    let Some(gpu) = estimate.gpu else { continue };
                    let message = format!(
                        "a training step takes an estimated {} of GPU memory, and {} can be allocated on {} (the error of the estimate was at most {ERROR} for measured runs)",
                        gib(highest),
                        gib(gpu.usable_bytes.unwrap_or_default()),
                        gpu.instance_type
                    );
                    (
                        message,
                        "use activation checkpointing, a smaller batch, more ranks or larger GPUs".to_owned(),
                    )
                }
                Ok(_) => continue,
            };
            findings.add_written(Some(resource.id), pointer, message, help);
        }
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
