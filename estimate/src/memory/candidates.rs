//! The cheapest instance types with enough GPU memory.

use serde::Serialize;
use stackwright_schemas::instances::{self, Instance, InstanceUse};

use super::verdict::{Gpu, MemoryVerdict, of};
use crate::cost::{Money, Price, PriceBook, Use};

/// An instance type whose GPUs have enough memory.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Candidate {
    /// The instance type.
    pub instance_type: String,
    /// The name of the accelerator, such as `A100`; `None` if it is not known.
    pub accelerator: Option<String>,
    /// The number of instances that have the needed number of GPUs.
    pub instances: u64,
    /// [`MemoryVerdict::Fits`] or [`MemoryVerdict::Tight`].
    pub verdict: MemoryVerdict,
    /// The price of all instances for an hour; `None` if it is unknown.
    pub usd_per_hour: Option<Money>,
    /// The price of one instance with its region, date and source; `None` if it is not known.
    pub price: Option<Price>,
}

/// GPUs with a lower CUDA compute capability do not compute in bf16.
const BF16_CAPABILITY: f64 = 8.0;

/// Returns the instance types with enough GPU memory, the cheapest for `gpus` GPUs first, and those without a known
/// price last. `judge` returns the verdict for a GPU of a type; types whose GPU memory is unknown are omitted.
pub(super) fn cheapest(
    service: InstanceUse,
    usage: Use,
    gpus: u64,
    prices: &PriceBook,
    region: &str,
    judge: impl Fn(&Gpu) -> MemoryVerdict,
) -> Vec<Candidate> {
    let types = instances::instances().values().filter(|instance| instance.is_for(service));
    let fitting = types.filter(|instance| computes_in_bf16(instance)).filter_map(|instance| {
        let gpu = of(instance);
        let count = gpu.count.map(u64::from).filter(|count| *count > 0)?;
        let needed = gpus.max(1).div_ceil(count);
        // An endpoint's model runs on one instance; a training job on many.
        if service == InstanceUse::Hosting && needed > 1 {
            return None;
        }
        let verdict = judge(&gpu);
        if !matches!(verdict, MemoryVerdict::Fits | MemoryVerdict::Tight) {
            return None;
        }
        let price = prices.instance(usage, &gpu.instance_type, region);
        Some(Candidate {
            usd_per_hour: price.as_ref().map(|price| price.usd.times(needed)),
            instance_type: gpu.instance_type,
            accelerator: gpu.name,
            instances: needed,
            verdict,
            price,
        })
    });
    let mut candidates: Vec<Candidate> = fitting.collect();
    candidates.sort_by(|a, b| {
        let key = |one: &Candidate| (one.usd_per_hour.is_none(), one.usd_per_hour);
        key(a).cmp(&key(b)).then_with(|| a.instance_type.cmp(&b.instance_type))
    });
    candidates
}

fn computes_in_bf16(instance: &Instance) -> bool {
    let capability = instance.accelerators().and_then(|facts| facts.cuda_compute_capability);
    capability.is_some_and(|capability| capability >= BF16_CAPABILITY)
}
