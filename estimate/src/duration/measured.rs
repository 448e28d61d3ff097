//! The utilization of measured training steps, to compare with the published ones.

use super::flops_per_token;
use crate::memory::Strategy;
use crate::memory::measured::MeasuredRun;

/// A measured step and the utilization that it reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MeasuredStep {
    /// The name of the model.
    pub model: String,
    /// The strategy by which weights, gradients and optimizer states were distributed over the GPUs.
    pub strategy: Strategy,
    /// Whether activations were checkpointed.
    pub checkpointing: bool,
    /// The duration of the step in seconds.
    pub seconds: f64,
    /// The model FLOPs utilization (MFU): the FLOPs of the model divided by the peak performance, from 0 to 1.
    pub mfu: f64,
}

/// Returns the utilization of a measured step on accelerators with a dense bf16 peak of `peak_tflops`; `None` if the run
/// has no step time, or its FLOPs are not known (encoders, frozen weights).
pub fn measured_utilization(run: &MeasuredRun, peak_tflops: f64) -> Option<MeasuredStep> {
    let seconds = run.step_s.filter(|seconds| *seconds > 0.0)?;
    if run.lora > 0 {
        return None;
    }
    let flops = flops_per_token(&run.shape()?, run.seq, run.checkpoint).ok()?;
    let tokens = run.batch.saturating_mul(run.seq) as f64;
    Some(MeasuredStep {
        model: run.model.clone(),
        strategy: run.strategy,
        checkpointing: run.checkpoint,
        seconds,
        mfu: flops.model() as f64 * tokens / (seconds * peak_tflops * 1e12),
    })
}
