//! Whether a step fits on a GPU, and the largest step that fits.

use serde::Serialize;
use stackwright_schemas::instances::{self, Instance, InstanceUse};

use super::candidates::{Candidate, cheapest};
use super::shape::{Implementation, ModelShape};
use super::training::{Peak, Strategy, Training, training_peak};
use crate::cost::{PriceBook, Use};

/// Whether the needed memory fits in the memory of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MemoryVerdict {
    /// The needed memory fits with a reserve for fragmentation.
    Fits,
    /// The needed memory fits only if little memory is lost to fragmentation; another version of a library may need more.
    Tight,
    /// The needed memory does not fit.
    DoesNotFit,
    /// The memory of the GPU is not known.
    Unknown,
}

impl MemoryVerdict {
    /// Returns the verdict in words: `fits`, `barely fits`, `does not fit` or `unknown`.
    ///
    /// ```
    /// use stackwright_estimate::memory::MemoryVerdict;
    ///
    /// assert_eq!(MemoryVerdict::Tight.words(), "barely fits");
    /// ```
    pub fn words(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Tight => "barely fits",
            Self::DoesNotFit => "does not fit",
            Self::Unknown => "not known whether it fits",
        }
    }
}

/// The accelerators of an instance type, and the memory of one of them.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Gpu {
    /// The instance type.
    pub instance_type: String,
    /// The name of the accelerator, such as `A100`; `None` if it is not known.
    pub name: Option<String>,
    /// The number of accelerators of an instance; `None` if it is not known.
    pub count: Option<u32>,
    /// The memory of one accelerator in bytes, as EC2 reports it; `None` if it is not known.
    pub memory_bytes: Option<u64>,
    /// The bytes that a framework can allocate: the memory without the driver's part and the CUDA context; `None` if the memory
    /// is not known.
    pub usable_bytes: Option<u64>,
}

const MIB: u64 = 1024 * 1024;
/// The driver keeps about 1.5 % (an H100 of 81,920 MiB shows 81,079 MiB to PyTorch, an A100 of 40,960 MiB shows 40,326).
const DRIVER_SHARE: u64 = 15;
/// A CUDA context with the kernels of PyTorch, and NCCL's buffers.
pub(super) const CONTEXT: u64 = 900 * MIB;
/// The minimum share of fragmentation, in thousandths, if the memory is nearly full.
const LEAST_FRAGMENTATION: u64 = 30;
/// Parts of a thousand that are left free where the verdict is that a step fits.
const RESERVE: u64 = 100;

/// Returns the accelerator of an instance type such as `ml.p4d.24xlarge`; `None` if the type is not known.
pub fn gpu_of(instance_type: &str) -> Option<Gpu> {
    instances::instance(instance_type).map(of)
}

pub(super) fn of(instance: &Instance) -> Gpu {
    let corrected = instance.accelerators().and_then(|facts| facts.accelerator_memory_gib_override);
    let mib = corrected.map(|gib| (gib * 1024.0) as u64).or(instance.accelerator_memory_mib);
    let memory_bytes = mib.filter(|mib| *mib > 0).map(|mib| mib * MIB);
    Gpu {
        instance_type: instance.instance_type.clone(),
        name: instance.accelerator.clone(),
        count: instance.accelerator_count,
        memory_bytes,
        usable_bytes: memory_bytes.map(|bytes| (bytes - bytes / 1000 * DRIVER_SHARE).saturating_sub(CONTEXT)),
    }
}

/// Returns whether a peak in bytes fits into the bytes that can be allocated; [`MemoryVerdict::Unknown`] if `usable` is `None`.
pub fn verdict(peak: u64, usable: Option<u64>) -> MemoryVerdict {
    let with = |parts: u64| peak.saturating_add(peak / 1000 * parts);
    match usable {
        None => MemoryVerdict::Unknown,
        Some(usable) if with(LEAST_FRAGMENTATION) > usable => MemoryVerdict::DoesNotFit,
        Some(usable) if with(RESERVE) > usable => MemoryVerdict::Tight,
        Some(_) => MemoryVerdict::Fits,
    }
}

/// The estimate of a training step on an instance type.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TrainingEstimate {
    /// The peak, with the bytes of each category.
    pub peak: Peak,
    /// The largest possible peak in bytes, if several are possible: the verdict is for this peak, and `notes` states
    /// what it depends on.
    pub upper_bytes: Option<u64>,
    /// The number of parameters of the model.
    pub parameters: u64,
    /// The accelerator of the instance type; `None` if no instance type was passed.
    pub gpu: Option<Gpu>,
    /// Whether the step fits.
    pub verdict: MemoryVerdict,
    /// The part of the memory that is not used, in bytes; negative if the step does not fit.
    pub margin_bytes: Option<i64>,
    /// The largest number of samples per GPU that fits with a reserve, if all other settings are unchanged.
    pub largest_batch: Option<u64>,
    /// The largest number of tokens of a sample that fits with a reserve, if all other settings are unchanged.
    pub largest_sequence: Option<u64>,
    /// Restrictions of the accuracy of the estimate.
    pub notes: Vec<String>,
}

/// Estimates the peak memory of a training step, and whether it fits on the accelerator `gpu`.
pub fn training_estimate(shape: &ModelShape, training: &Training, gpu: Option<Gpu>) -> TrainingEstimate {
    let peak = training_peak(shape, training);
    let mut notes = shape.notes.clone();
    let judged = judged_shape(shape);
    let highest = training_peak(&judged, training).most_bytes.max(peak.most_bytes);
    let upper_bytes = (highest > peak.bytes).then_some(highest);
    if shape.implementation == Implementation::Unknown {
        notes.push(
            "the configuration was not written by transformers: the peak assumes fused norms, the verdict \
             transformers' norms, which keep fp32 copies"
                .to_owned(),
        );
    }
    notes.extend(doubts(training));
    let usable = gpu.as_ref().and_then(|gpu| gpu.usable_bytes);
    let fits = |changed: Training| {
        verdict(training_peak(&judged, &changed).most_bytes, usable) == MemoryVerdict::Fits
    };
    let largest = |from: u64, step: u64, change: &dyn Fn(u64) -> Training| {
        usable.and_then(|_| largest_that(from, step, |value| fits(change(value))))
    };
    let largest_batch = largest(1, 1, &|batch| Training { batch, ..training.clone() });
    let largest_sequence = largest(128, 128, &|sequence| Training { sequence, ..training.clone() });
    TrainingEstimate {
        upper_bytes,
        parameters: shape.parameters(),
        verdict: verdict(highest, usable),
        margin_bytes: usable
            .map(|usable| i64::try_from(i128::from(usable) - i128::from(highest)).unwrap_or(i64::MIN)),
        largest_batch,
        largest_sequence,
        gpu,
        peak,
        notes,
    }
}

/// Returns the instance types for training on whose GPUs the step fits, the cheapest first, and those without a known
/// price last.
pub fn training_candidates(
    shape: &ModelShape,
    training: &Training,
    prices: &PriceBook,
    region: &str,
) -> Vec<Candidate> {
    let peak = training_peak(&judged_shape(shape), training).most_bytes;
    let peak = peak.max(training_peak(shape, training).most_bytes);
    let judge = |gpu: &Gpu| verdict(peak, gpu.usable_bytes);
    cheapest(InstanceUse::Training, Use::Training, training.ranks, prices, region, judge)
}

/// Returns notes about settings of a step that were not measured, or whose effect is not known before the job runs.
fn doubts(training: &Training) -> Vec<String> {
    let mut doubts = Vec::new();
    if training.strategy == Strategy::Ddp {
        doubts.push(
            "the peak lies between two values: in its second step, DistributedDataParallel allocates new buckets of \
             gradients, and NCCL releases the old ones up to 100 ms later. The verdict counts both; a loop that keeps \
             gradients during the forward pass always needs as much"
                .to_owned(),
        );
    }
    let parallel = [
        ("expert parallelism", training.expert_parallel),
        ("context parallelism", training.context_parallel),
    ];
    for (name, degree) in parallel {
        if degree > 1 {
            doubts.push(format!(
                "{name} divides the memory of a rank; communication buffers are not counted, and it was not compared with measurements"
            ));
        }
    }
    doubts
}

/// Returns the estimate on which the verdict is based: that of the implementation that needs more memory.
fn judged_shape(shape: &ModelShape) -> ModelShape {
    match shape.implementation {
        Implementation::Unknown => shape.clone().run_by(Implementation::Transformers),
        _ => shape.clone(),
    }
}

/// Larger values are not tried.
const LARGEST: u64 = 1 << 20;

/// Returns the largest multiple of `step` from `first` on for which `holds` is true: found by doubling and then by bisection.
fn largest_that(first: u64, step: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    if !holds(first) {
        return None;
    }
    let (mut low, mut high) = (first, first * 2);
    while high <= LARGEST && holds(high) {
        (low, high) = (high, high * 2);
    }
    while high - low > step {
        let middle = low + (high - low) / 2 / step * step;
        if middle <= low {
            break;
        }
        if holds(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usable_part_of_an_accelerator() {
        let gpu = gpu_of("ml.p4d.24xlarge").unwrap();
        assert_eq!(
            (gpu.name.as_deref(), gpu.count, gpu.memory_bytes),
            (Some("A100"), Some(8), Some(40_960 * MIB))
        );
        assert!(gpu.usable_bytes.unwrap() < 40_326 * MIB);
        assert!(gpu_of("ml.unknown").is_none());
        assert!(gpu_of("ml.m5.large").unwrap().usable_bytes.is_none());
    }

    #[test]
    fn the_cheapest_types_for_training_count_all_instances() {
        let shape = ModelShape::from_config(&serde_json::json!({
            "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
            "tie_word_embeddings": false
        }))
        .unwrap();
        let mut training = Training::new(Strategy::FullShard, 2048).ranks(16);
        training.activation_checkpointing = true;
        let found = training_candidates(&shape, &training, &PriceBook::shipped(), "us-east-1");
        let p4de = found.iter().find(|one| one.instance_type == "ml.p4de.24xlarge").unwrap();
        assert_eq!(p4de.instances, 2);
        assert_eq!(p4de.usd_per_hour, p4de.price.as_ref().map(|price| price.usd.times(2)));
        let priced: Vec<_> = found.iter().filter_map(|one| one.usd_per_hour).collect();
        assert!(priced.len() > 1 && priced.is_sorted(), "{priced:?}");
        // The states alone take 8.03e9 × 12 bytes / 16 = 6 GB, and the step more than the 16 GiB of a V100.
        assert!(!found.iter().any(|one| one.instance_type.starts_with("ml.p3.")));
    }

    #[test]
    fn a_verdict_keeps_a_reserve() {
        assert_eq!(verdict(80, Some(100)), MemoryVerdict::Fits);
        assert_eq!(verdict(93_000, Some(100_000)), MemoryVerdict::Tight);
        assert_eq!(verdict(98_000, Some(100_000)), MemoryVerdict::DoesNotFit);
        assert_eq!(verdict(1, None), MemoryVerdict::Unknown);
    }

    #[test]
    fn the_largest_value_is_found() {
        assert_eq!(largest_that(1, 1, |value| value <= 13), Some(13));
        assert_eq!(largest_that(128, 128, |value| value <= 1000), Some(896));
        assert_eq!(largest_that(1, 1, |_| false), None);
    }
}
