//! The duration of a training job, as a range.
//!
//! The time is the model's floating-point operations over the peak of the accelerators times a model FLOPs
//! utilization (MFU), which is stated or taken from published runs. It is at least the time that the communication
//! between instances needs, and stated checkpoints and interruptions are added.

mod flops;
mod measured;
mod network;
mod report;
#[cfg(test)]
mod tests;
mod utilization;

pub use flops::{Flops, flops_per_token};
pub use measured::{MeasuredStep, measured_utilization};
pub use report::{json, markdown, text};
pub use utilization::UtilizationRange;

use serde::Serialize;
use stackwright_schemas::instances;

use crate::cost::{Money, Price, PriceBook, Rate, Use};
use crate::memory::{ModelShape, Strategy};

/// A training job.
///
/// ```
/// use stackwright_estimate::duration::Job;
/// use stackwright_estimate::memory::Strategy;
///
/// let job = Job::new("ml.p4d.24xlarge", 8, Strategy::FullShard, 1_000_000_000);
/// assert_eq!((job.batch, job.sequence), (1, 2048));
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Job {
    /// The instance type, such as `ml.p4d.24xlarge`.
    pub instance_type: String,
    /// The number of GPUs.
    pub ranks: u64,
    /// The strategy by which weights, gradients and optimizer states are distributed over the GPUs.
    pub strategy: Strategy,
    /// The number of samples per GPU and step. Default: 1.
    pub batch: u64,
    /// The number of tokens in a sample. Default: 2048.
    pub sequence: u64,
    /// The number of tokens to train on.
    pub tokens: u64,
    /// Whether activations of each layer are computed again in the backward pass.
    pub activation_checkpointing: bool,
    /// The model FLOPs utilization (MFU) of the job, from 0 to 1. Default: the range of published runs.
    pub mfu: Option<f64>,
    /// The hardware FLOPs utilization (HFU), which also counts recomputed operations, from 0 to 1. If `mfu` is set, this value is
    /// not used.
    pub hfu: Option<f64>,
    /// The peak performance of one accelerator with dense bf16 matrices, in TFLOPS. Default: that of the instance type.
    pub peak_tflops: Option<f64>,
    /// The number of seconds between two checkpoints. Default: no checkpoints.
    pub checkpoint_interval_seconds: Option<u64>,
    /// The number of seconds for which a checkpoint stops the training. Default: 0.
    pub checkpoint_seconds: u64,
    /// The number of interruptions of the run. Default: 0.
    pub interruptions: u64,
    /// The mean number of hours between two failures of an instance, for the expected number of further interruptions:
    /// HyperPod replaces or restarts the instance, and the job resumes from its last checkpoint.
    pub hours_between_failures: Option<f64>,
    /// The rank of LoRA adapters: the gradients of frozen weights are not computed. Default: all weights are trained.
    pub lora_rank: Option<u64>,
    /// The number of seconds from an interruption until the training continues. Default: 0.
    pub restart_seconds: u64,
    /// The region of the price. Default: `us-east-1`.
    pub region: String,
    /// The share of the price that managed spot training saves. Default: no saving is computed.
    pub spot_saving: Option<Rate>,
}

impl Job {
    /// Describes a job on `ranks` GPUs of an instance type that trains on `tokens` tokens, without checkpoints and
    /// interruptions, in `us-east-1`.
    pub fn new(instance_type: &str, ranks: u64, strategy: Strategy, tokens: u64) -> Self {
        Self {
            instance_type: instance_type.to_owned(),
            ranks,
            strategy,
            batch: 1,
            sequence: 2048,
            tokens,
            activation_checkpointing: false,
            mfu: None,
            hfu: None,
            peak_tflops: None,
            checkpoint_interval_seconds: None,
            checkpoint_seconds: 0,
            interruptions: 0,
            hours_between_failures: None,
            lora_rank: None,
            restart_seconds: 0,
            region: "us-east-1".to_owned(),
            spot_saving: None,
        }
    }
}

/// The smallest, the expected and the largest value of an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EstimateRange<T> {
    /// The smallest value.
    pub low: T,
    /// The expected value.
    pub expected: T,
    /// The largest value.
    pub high: T,
}

impl<T> EstimateRange<T> {
    fn map<U>(self, change: impl Fn(T) -> U) -> EstimateRange<U> {
        EstimateRange { low: change(self.low), expected: change(self.expected), high: change(self.high) }
    }
}

/// The duration of a training job with what it was computed from.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DurationEstimate {
    /// The duration of the whole run in seconds, with checkpoints and interruptions.
    pub seconds: EstimateRange<u64>,
    /// The duration of one step in seconds.
    pub step_seconds: EstimateRange<f64>,
    /// The number of steps.
    pub steps: u64,
    /// The number of instances.
    pub instances: u64,
    /// The floating-point operations for one token.
    pub flops_per_token: Flops,
    /// The peak performance of one accelerator with dense bf16 matrices, in TFLOPS.
    pub peak_tflops: f64,
    /// The utilization and its source.
    pub utilization: UtilizationRange,
    /// The minimum time in seconds that the communication between instances needs in a step; `None` if the bandwidth
    /// is unknown.
    pub communication_seconds: Option<f64>,
    /// The price of an instance hour; `None` if it is unknown.
    pub price: Option<Price>,
    /// The cost of the run with on-demand prices; `None` if the price is unknown.
    pub cost: Option<EstimateRange<Money>>,
    /// The cost of the run with the saving of managed spot training; `None` without a saving or a price.
    pub spot_cost: Option<EstimateRange<Money>>,
    /// The job.
    pub job: Job,
    /// The assumptions of the estimate, and restrictions of its accuracy.
    pub notes: Vec<String>,
}

/// The reason why a duration cannot be estimated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// The model is not a decoder of text, such as Llama.
    #[error("the duration is estimated for decoders of text only, and the model has an encoder")]
    Architecture,
    /// The instance type is not in the table.
    #[error("`{0}` is not a known instance type")]
    InstanceType(String),
    /// The instance type has no accelerators, or their number is unknown.
    #[error("the number of accelerators of `{0}` is zero or unknown")]
    Accelerators(String),
    /// The peak is unknown.
    #[error(
        "the dense bf16 peak of the accelerators of `{0}` is unknown; state it in TFLOPS with `--peak-tflops`"
    )]
    Peak(String),
    /// There is no published run with a similar job.
    #[error(
        "no published model FLOPs utilization is known for {0}; state one with `--mfu`, for example `--mfu 0.40`"
    )]
    Utilization(String),
    /// A number is out of its range.
    #[error("`{name}` is {value}; set it to {expected}")]
    Invalid {
        /// The option of `estimate duration` that sets the number, such as `--ranks`.
        name: &'static str,
        /// The value of the number.
        value: String,
        /// A description of the valid values.
        expected: &'static str,
    },
    /// Interruptions are stated without checkpoints.
    #[error(
        "{0} interruptions are stated without checkpoints; state the minutes between checkpoints with `--checkpoint-minutes`"
    )]
    NoCheckpoints(u64),
}

/// Estimates the duration and the cost of a training job.
///
/// # Errors
///
/// Returns an error if the instance type, the peak of its accelerators or the utilization is neither known nor
/// stated, or if a number is out of its range.
pub fn training_duration(
    shape: &ModelShape,
    job: &Job,
    prices: &PriceBook,
) -> Result<DurationEstimate, DurationError> {
    validate(job)?;
    let instance = instances::instance(&job.instance_type)
        .ok_or_else(|| DurationError::InstanceType(job.instance_type.clone()))?;
    let count = instance
        .accelerator_count
        .filter(|count| *count > 0)
        .ok_or_else(|| DurationError::Accelerators(job.instance_type.clone()))?;
    let instances = job.ranks.div_ceil(u64::from(count));
    let peak_tflops = job
        .peak_tflops
        .or_else(|| instance.accelerators().and_then(|facts| facts.peak_bf16_dense_tflops_per_gpu))
        .ok_or_else(|| DurationError::Peak(job.instance_type.clone()))?;
    let mut flops = flops_per_token(shape, job.sequence, job.activation_checkpointing)?;
    if job.lora_rank.is_some() {
        flops = flops.of_frozen_weights();
    }
    let utilization = utilization(job, instance.accelerator.as_deref().unwrap_or("unknown accelerator"))?;

    let tokens_per_step = job.ranks.saturating_mul(job.batch).saturating_mul(job.sequence);
    let steps = job.tokens.div_ceil(tokens_per_step.max(1));
    let counted = if job.hfu.is_some() { flops.hardware() } else { flops.model() } as f64;
    let compute =
        |share: f64| counted * (job.batch.saturating_mul(job.sequence)) as f64 / (peak_tflops * 1e12 * share);
    let mut notes = shape.notes.clone();
    let communication_seconds =
        communication(shape, job, instances, instance.network_performance.as_deref(), &mut notes);
    let at_least = |seconds: f64| seconds.max(communication_seconds.unwrap_or(0.0));
    // The highest utilization gives the shortest step.
    let step_seconds =
        EstimateRange { low: utilization.high, expected: utilization.expected, high: utilization.low }
            .map(|share| at_least(compute(share)));
    let seconds = with_interruptions(job, instances, step_seconds.map(|step| step * steps as f64));
    add_notes(job, &utilization, &mut notes);

    let price = prices.instance(Use::Training, &job.instance_type, &job.region);
    let cost = price
        .as_ref()
        .map(|price| seconds.map(|seconds| price.usd.times(instances).times_ratio(seconds, 3600)));
    let spot_cost = job.spot_saving.and_then(|saving| cost.map(|cost| cost.map(|usd| usd.less(saving))));
    Ok(DurationEstimate {
        seconds,
        step_seconds,
        steps,
        instances,
        flops_per_token: flops,
        peak_tflops,
        utilization,
        communication_seconds,
        price,
        cost,
        spot_cost,
        job: job.clone(),
        notes,
    })
}

fn validate(job: &Job) -> Result<(), DurationError> {
    let counts = [
        ("--ranks", job.ranks, 1 << 24),
        ("--batch", job.batch, 1 << 24),
        ("--sequence", job.sequence, 1 << 24),
        ("--tokens", job.tokens, u64::MAX),
    ];
    for (name, value, most) in counts {
        if value == 0 || value > most {
            let expected = "a whole number of at least 1 (except for `--tokens`, at most 16777216)";
            return Err(DurationError::Invalid { name, value: value.to_string(), expected });
        }
    }
    for (name, value) in [("--mfu", job.mfu), ("--hfu", job.hfu)] {
        if let Some(value) = value.filter(|value| !(*value > 0.0 && *value <= 1.0)) {
            let expected = "a share above 0 and at most 1";
            return Err(DurationError::Invalid { name, value: value.to_string(), expected });
        }
    }
    if let Some(value) = job.peak_tflops.filter(|value| !(value.is_finite() && *value > 0.0)) {
        let expected = "a number of TFLOPS above 0";
        return Err(DurationError::Invalid { name: "--peak-tflops", value: value.to_string(), expected });
    }
    if job.checkpoint_interval_seconds == Some(0) {
        let expected = "at least 1 minute";
        return Err(DurationError::Invalid { name: "--checkpoint-minutes", value: "0".to_owned(), expected });
    }
    if let Some(hours) = job.hours_between_failures.filter(|hours| !(hours.is_finite() && *hours > 0.0)) {
        let expected = "a number of hours above 0";
        let name = "--hours-between-failures";
        return Err(DurationError::Invalid { name, value: hours.to_string(), expected });
    }
    let fails = job.interruptions > 0 || job.hours_between_failures.is_some();
    if fails && job.checkpoint_interval_seconds.is_none() {
        return Err(DurationError::NoCheckpoints(job.interruptions));
    }
    Ok(())
}

fn utilization(job: &Job, accelerator: &str) -> Result<UtilizationRange, DurationError> {
    match (job.mfu, job.hfu) {
        (Some(share), _) => Ok(UtilizationRange::stated(share, "--mfu")),
        (None, Some(share)) => Ok(UtilizationRange::stated(share, "--hfu")),
        (None, None) => {
            utilization::published(accelerator, job.strategy, job.activation_checkpointing, job.ranks)
                .ok_or_else(|| DurationError::Utilization(format!("{} on {accelerator}", job.strategy)))
        }
    }
}

fn communication(
    shape: &ModelShape,
    job: &Job,
    instances: u64,
    network: Option<&str>,
    notes: &mut Vec<String>,
) -> Option<f64> {
    if instances <= 1 {
        return Some(0.0);
    }
    let Some((bytes_per_second, burst)) = network.and_then(network::bandwidth) else {
        notes.push(
            "the network bandwidth of the instance type is unknown: communication is not counted".to_owned(),
        );
        return None;
    };
    if burst {
        notes.push("the network bandwidth is a burst bandwidth; sustained traffic takes longer".to_owned());
    }
    Some(network::bytes_per_step(job.strategy, shape.parameters(), instances) / bytes_per_second)
}

/// Adds checkpoints and interruptions. An interruption loses no progress at best, half of the interval between two
/// checkpoints as expected, and all of it at worst.
///
/// Failures of instances happen at a constant rate: the low value has none, the expected value the mean number, and the high
/// value two standard deviations more.
fn with_interruptions(job: &Job, instances: u64, seconds: EstimateRange<f64>) -> EstimateRange<u64> {
    let failures = |seconds: f64, deviations: f64| {
        job.hours_between_failures.map_or(0.0, |hours| {
            let mean = instances as f64 * seconds / 3600.0 / hours;
            mean + deviations * mean.sqrt()
        })
    };
    let interval = job.checkpoint_interval_seconds.map(|seconds| seconds as f64);
    let total = |seconds: f64, lost: f64, failures: f64| {
        let checkpoints = interval.map_or(0.0, |interval| (seconds / interval).floor());
        let restarts = (job.interruptions as f64 + failures)
            * (job.restart_seconds as f64 + lost * interval.unwrap_or(0.0));
        (seconds + checkpoints * job.checkpoint_seconds as f64 + restarts).ceil() as u64
    };
    EstimateRange {
        low: total(seconds.low, 0.0, 0.0),
        expected: total(seconds.expected, 0.5, failures(seconds.expected, 0.0)),
        high: total(seconds.high, 1.0, failures(seconds.high, 2.0)),
    }
}

fn add_notes(job: &Job, utilization: &UtilizationRange, notes: &mut Vec<String>) {
    if utilization.runs == 1 {
        notes.push(
            "only one published run is similar, so the range of the utilization is not known".to_owned(),
        );
    }
    if utilization.runs > 0 && utilization.is_of_other_scale {
        notes.push(
            "no published run with this number of GPUs is similar; runs with other numbers are used"
                .to_owned(),
        );
    }
    if job.lora_rank.is_some() {
        notes.push(
            "with LoRA, gradients of frozen weights are not computed (4 instead of 6 operations for each parameter and \
             token); adapters are not counted, and published utilizations are those of full training"
                .to_owned(),
        );
    }
    if job.spot_saving.is_some() && job.interruptions == 0 {
        notes.push(
            "a saving of managed spot training is stated without interruptions; state them with `--interruptions`"
                .to_owned(),
        );
    }
}
