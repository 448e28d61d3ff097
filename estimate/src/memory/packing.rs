//! The number of models that fit at the same time: on the GPUs of a multi-model endpoint, and as inference components
//! on the instances of an endpoint.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use stackwright_schemas::instances::{self, Instance};

use super::inference::{WeightPrecision, weights_bytes};
use super::shape::{ModelShape, ShapeError};
use super::verdict::{Gpu, MemoryVerdict, verdict};

/// One model of a server with several models, or a number of models of the same size.
///
/// ```
/// use stackwright_estimate::memory::PackedModel;
///
/// let scorers = PackedModel::new("scorer", 500_000_000).count(40).working_bytes(200_000_000);
/// assert_eq!(scorers.bytes(), 700_000_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PackedModel {
    /// The name of the model in messages.
    pub name: String,
    /// The number of models of this size.
    #[serde(default = "one")]
    pub count: u64,
    /// The size of the weights of one model in the memory of the GPU, in bytes.
    pub weights_bytes: u64,
    /// The memory that one loaded model uses in addition to its weights, for activations, caches and workspaces of
    /// its backend, in bytes.
    #[serde(default)]
    pub working_bytes: u64,
}

fn one() -> u64 {
    1
}

impl PackedModel {
    /// Creates a model with the size of its weights in bytes.
    pub fn new(name: impl Into<String>, weights_bytes: u64) -> Self {
        Self { name: name.into(), count: 1, weights_bytes, working_bytes: 0 }
    }

    /// Creates a model with a shape and the number format of its weights.
    ///
    /// ```
    /// use stackwright_estimate::memory::{ModelShape, PackedModel, WeightPrecision};
    ///
    /// let config = serde_json::json!({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257});
    /// let model = PackedModel::of_shape("writer", &ModelShape::from_config(&config)?, WeightPrecision::Bf16);
    /// assert_eq!(model.weights_bytes, 2 * 124_439_808);
    /// # Ok::<(), stackwright_estimate::memory::ShapeError>(())
    /// ```
    pub fn of_shape(name: impl Into<String>, shape: &ModelShape, weights: WeightPrecision) -> Self {
        Self::new(name, weights_bytes(shape, weights))
    }

    /// Sets the number of models of this size. The default is 1.
    #[must_use]
    pub fn count(mut self, models: u64) -> Self {
        self.count = models;
        self
    }

    /// Sets the memory that a loaded model uses in addition to its weights, in bytes. The default is 0.
    #[must_use]
    pub fn working_bytes(mut self, bytes: u64) -> Self {
        self.working_bytes = bytes;
        self
    }

    /// Returns the memory that one loaded model uses, in bytes.
    pub fn bytes(&self) -> u64 {
        self.weights_bytes.saturating_add(self.working_bytes)
    }
}

/// The estimate of how many models of a multi-model endpoint fit on an instance at the same time.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PackingEstimate {
    /// The accelerator.
    pub gpu: Gpu,
    /// The number of models.
    pub models: u64,
    /// The memory of all models together, in bytes.
    pub bytes: u64,
    /// The memory of the largest model, in bytes.
    pub largest_bytes: u64,
    /// Whether all models fit on an instance at the same time. [`MemoryVerdict::Tight`] means that each model fits,
    /// but not all at the same time: SageMaker unloads models, and loads them again with a later request.
    pub verdict: MemoryVerdict,
    /// The minimum number of models that are loaded at the same time on one instance, if they are the largest ones.
    pub least_loaded: u64,
    /// The maximum number of models that are loaded at the same time on one instance, if they are the smallest ones.
    pub most_loaded: u64,
    /// The number of instances on which all models are loaded at the same time; `None` if a model does not fit on an
    /// instance.
    pub instances_for_all: Option<u64>,
    /// Whether each GPU of the instance has a copy of every loaded model.
    pub on_every_gpu: bool,
    /// The assumptions of the estimate.
    pub notes: Vec<String>,
}

/// Estimates the number of models that fit at the same time. With `on_every_gpu`, each GPU of an instance has a copy
/// of every loaded model: by default, Triton creates one execution instance of a model for each GPU (section
/// "Instance Groups" of Triton's model configuration). Otherwise each model is on one GPU (`instance_group` with
/// `gpus`). Further execution instances on a GPU (`count`) are not counted. Returns `None` if the memory of the GPU
/// is not known, or if there are no models.
pub fn packing_estimate(models: &[PackedModel], gpu: &Gpu, on_every_gpu: bool) -> Option<PackingEstimate> {
    let usable = gpu.usable_bytes?;
    let kinds: Vec<&PackedModel> = models.iter().filter(|model| model.count > 0).collect();
    let largest_bytes = kinds.iter().map(|model| model.bytes()).max()?;
    let gpus = if on_every_gpu { 1 } else { gpu.count.map_or(1, u64::from).max(1) };
    // The same reserve as for a single program.
    let fits = |bytes: u64| verdict(bytes, Some(usable)) == MemoryVerdict::Fits;
    let mut by_size = kinds.clone();
    by_size.sort_by_key(|model| std::cmp::Reverse(model.bytes()));
    let least_loaded = loaded(by_size.iter().copied(), gpus, fits);
    let most_loaded = loaded(by_size.iter().rev().copied(), gpus, fits);
    let count = kinds.iter().fold(0u64, |sum, model| sum.saturating_add(model.count));
    let verdict = match (fits(largest_bytes), least_loaded == count) {
        (true, true) => MemoryVerdict::Fits,
        (true, false) => MemoryVerdict::Tight,
        _ => MemoryVerdict::DoesNotFit,
    };
    let needed = fits(largest_bytes).then(|| gpus_for_all(&by_size, fits).div_ceil(gpus));
    let notes = vec![
        "models are loaded with their first request; if memory is short, SageMaker unloads models that are not used and loads \
         them again with a later request"
            .to_owned(),
        if on_every_gpu {
            "each GPU of an instance holds every loaded model, which is Triton's default".to_owned()
        } else {
            "each model is on one GPU of an instance".to_owned()
        },
        "the sizes are as stated; one CUDA context for each GPU and 10 % for fragmentation are subtracted".to_owned(),
    ];
    Some(PackingEstimate {
        gpu: gpu.clone(),
        models: count,
        bytes: kinds
            .iter()
            .fold(0u64, |sum, model| sum.saturating_add(model.bytes().saturating_mul(model.count))),
        largest_bytes,
        verdict,
        least_loaded,
        most_loaded,
        instances_for_all: needed,
        on_every_gpu,
        notes,
    })
}

/// Returns the number of models of a size that fit on a GPU that already contains a number of bytes.
fn more(held: u64, model: &PackedModel, fits: impl Fn(u64) -> bool) -> u64 {
    let with = |count: u64| held.saturating_add(model.bytes().saturating_mul(count));
    if fits(with(model.count)) {
        return model.count;
    }
    // By halves: `low` fits, `high` does not.
    let (mut low, mut high) = (0, model.count);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(with(middle)) { low = middle } else { high = middle }
    }
    low
}

/// Returns the number of models that are loaded in an order until one of them fits on none of the GPUs.
fn loaded<'a>(
    models: impl Iterator<Item = &'a PackedModel>,
    gpus: u64,
    fits: impl Fn(u64) -> bool + Copy,
) -> u64 {
    let mut held = vec![0u64; usize::try_from(gpus.min(64)).unwrap_or(1)];
    let mut total = 0;
    for model in models {
        let mut left = model.clone();
        for gpu in &mut held {
            let here = more(*gpu, &left, fits);
            *gpu = gpu.saturating_add(model.bytes().saturating_mul(here));
            left.count -= here;
            total += here;
            if left.count == 0 {
                break;
            }
        }
        if left.count > 0 {
            break;
        }
    }
    total
}

/// Returns the GPUs that hold all models, the largest first, each on the first GPU with enough memory.
fn gpus_for_all(by_size: &[&PackedModel], fits: impl Fn(u64) -> bool + Copy) -> u64 {
    // GPUs that hold the same are counted together: what they hold, and how many they are.
    let mut held: Vec<(u64, u64)> = Vec::new();
    for model in by_size {
        let mut left = model.count;
        for place in 0..held.len() {
            if left == 0 {
                break;
            }
            let (bytes, gpus) = held[place];
            let each = more(bytes, &PackedModel { count: left, ..(*model).clone() }, fits);
            if each == 0 {
                continue;
            }
            let used = gpus.min(left / each);
            left -= used * each;
            let full = bytes.saturating_add(model.bytes().saturating_mul(each));
            if used == gpus {
                held[place].0 = full;
                continue;
            }
            held[place].1 = gpus - used;
            held.push((full, used));
            if left > 0 {
                held[place].1 -= 1;
                held.push((bytes.saturating_add(model.bytes().saturating_mul(left)), 1));
                left = 0;
            }
        }
        let each = more(0, &PackedModel { count: left, ..(*model).clone() }, fits).max(1);
        let (whole, rest) = (left / each, left % each);
        held.extend((whole > 0).then(|| (model.bytes().saturating_mul(each), whole)));
        held.extend((rest > 0).then(|| (model.bytes().saturating_mul(rest), 1)));
        held.retain(|(_, gpus)| *gpus > 0);
    }
    held.iter().map(|(_, gpus)| gpus).sum()
}

/// The members of a statement about the models of a multi-model endpoint.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default = "one")]
    count: u64,
    #[serde(default)]
    weights_bytes: Option<u64>,
    #[serde(default)]
    working_bytes: u64,
    /// A shape or a Hugging Face configuration, instead of `weights_bytes`.
    #[serde(default)]
    model: Option<Json>,
    /// The number format of the weights of `model`.
    #[serde(default)]
    weights: Option<WeightPrecision>,
}

/// The reason why a description of models cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackingError {
    /// The description does not have the documented members.
    #[error("{0}")]
    Form(String),
    /// The list is empty.
    #[error("`models` is empty; describe at least one model")]
    Empty,
    /// The configuration of a model cannot be read.
    #[error("`{model}`: {source}")]
    Shape {
        /// The name of the model.
        model: String,
        /// The reason.
        source: ShapeError,
    },
    /// The model with this name has both or none of `weights_bytes` and `model`, which state its size.
    #[error("the model `{0}` needs exactly one of `weights_bytes` and `model`")]
    Size(String),
    /// A number is out of its range.
    #[error(
        "`{model}` has {count} models of {bytes} bytes; set `count` to a number from 1 to 16777216, and the size to more than 0"
    )]
    Range {
        /// The name of the model.
        model: String,
        /// The number of models.
        count: u64,
        /// The bytes of the weights of one of them.
        bytes: u64,
    },
}

/// Parses models: a list of objects with `name`, `count`, `working_bytes`, and either `weights_bytes` or `model` (a
/// Hugging Face configuration) with `weights` (a number format).
///
/// # Errors
///
/// Returns an error if a member is not known, or if a model has no size.
pub fn packed_models(models: &Json) -> Result<Vec<PackedModel>, PackingError> {
    let entries = Vec::<Entry>::deserialize(models).map_err(|error| PackingError::Form(error.to_string()))?;
    if entries.is_empty() {
        return Err(PackingError::Empty);
    }
    let read = entries.into_iter().map(|entry| {
        let bytes = match (entry.weights_bytes, &entry.model) {
            (Some(bytes), None) => bytes,
            (None, Some(model)) => {
                let shape = super::stated::shape(model)
                    .map_err(|source| PackingError::Shape { model: entry.name.clone(), source })?;
                weights_bytes(&shape, entry.weights.unwrap_or(WeightPrecision::Bf16))
            }
            _ => return Err(PackingError::Size(entry.name)),
        };
        if entry.count == 0 || entry.count > 1 << 24 || bytes == 0 {
            return Err(PackingError::Range { model: entry.name, count: entry.count, bytes });
        }
        Ok(PackedModel::new(entry.name, bytes).count(entry.count).working_bytes(entry.working_bytes))
    });
    read.collect()
}

/// The copies of an inference component, and what SageMaker allocates to each of them (`ComputeResourceRequirements`).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct ComponentNeeds {
    /// The number of copies.
    pub copies: u64,
    /// The number of accelerators of a copy; the estimate assumes that copies do not share an accelerator.
    pub accelerators: u64,
    /// The host memory of a copy in MiB.
    pub memory_mib: u64,
    /// The number of CPU cores of a copy.
    pub cores: f64,
}

impl ComponentNeeds {
    /// Describes one copy of a component with an amount of host memory in MiB, and without accelerators and CPU cores.
    ///
    /// ```
    /// use stackwright_estimate::memory::{ComponentNeeds, instances_for_components};
    ///
    /// // Four GPUs: two copies of two GPUs each, and one copy of one GPU.
    /// let components = [ComponentNeeds::new(1024).accelerators(2).copies(2), ComponentNeeds::new(1024).accelerators(1)];
    /// assert_eq!(instances_for_components(&components, "ml.g5.12xlarge"), Some(2));
    /// ```
    pub fn new(memory_mib: u64) -> Self {
        Self { copies: 1, accelerators: 0, memory_mib, cores: 0.0 }
    }

    /// Sets the number of copies. The default is 1.
    pub fn copies(mut self, count: u64) -> Self {
        self.copies = count;
        self
    }

    /// Sets the number of accelerators of a copy. The default is 0.
    pub fn accelerators(mut self, count: u64) -> Self {
        self.accelerators = count;
        self
    }

    /// Sets the number of CPU cores of a copy. The default is 0.
    pub fn cores(mut self, cores: f64) -> Self {
        self.cores = cores;
        self
    }
}

/// Returns the number of instances that are needed for all copies of inference components, by accelerators, host
/// memory and CPU cores. The part of an instance that SageMaker reserves for itself is not known and not subtracted,
/// so that more instances may be needed. Returns `None` if the instance type is not known, or if a copy does not fit
/// on it.
pub fn instances_for_components(components: &[ComponentNeeds], instance_type: &str) -> Option<u64> {
    let instance: &Instance = instances::instance(instance_type)?;
    let whole = (
        instance.accelerator_count.map_or(0, u64::from),
        instance.memory_mib.unwrap_or(u64::MAX),
        instance.vcpu.map_or(f64::INFINITY, f64::from),
    );
    let mut sorted: Vec<&ComponentNeeds> = components.iter().collect();
    sorted.sort_by_key(|one| std::cmp::Reverse((one.accelerators, one.memory_mib)));
    let mut free: Vec<(u64, u64, f64)> = Vec::new();
    for component in sorted {
        let holds = |place: &(u64, u64, f64)| {
            place.0 >= component.accelerators && place.1 >= component.memory_mib && place.2 >= component.cores
        };
        if component.copies > 0 && !holds(&whole) {
            return None;
        }
        for _ in 0..component.copies.min(100_000) {
            let place = match free.iter().position(holds) {
                Some(place) => place,
                None => {
                    free.push(whole);
                    free.len() - 1
                }
            };
            free[place].0 -= component.accelerators;
            free[place].1 -= component.memory_mib;
            free[place].2 -= component.cores;
        }
    }
    Some(free.len() as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::gpu_of;

    const GB: u64 = 1_000_000_000;

    /// The A10G of ml.g5 has 22,888 MiB: 24,000,000,000 bytes, less 1.5 % and 900 MiB: 22,696,281,600. With 10 % for
    /// fragmentation, 20,632,983,272 bytes are for models.
    #[test]
    fn models_fit_beside_each_other_until_the_memory_is_full() {
        let gpu = gpu_of("ml.g5.2xlarge").unwrap();
        let of =
            |count: u64| packing_estimate(&[PackedModel::new("m", GB).count(count)], &gpu, true).unwrap();
        let all = of(20);
        assert_eq!(
            (all.verdict, all.least_loaded, all.instances_for_all),
            (MemoryVerdict::Fits, 20, Some(1))
        );
        let more = of(50);
        // 20 are loaded at the same time; 50 need three instances.
        assert_eq!((more.verdict, more.least_loaded, more.most_loaded), (MemoryVerdict::Tight, 20, 20));
        assert_eq!(more.instances_for_all, Some(3));
        let large = packing_estimate(&[PackedModel::new("l", 30 * GB)], &gpu, true).unwrap();
        assert_eq!((large.verdict, large.instances_for_all), (MemoryVerdict::DoesNotFit, None));
    }

    #[test]
    fn large_and_small_models_share_gpus() {
        let gpu = gpu_of("ml.g5.2xlarge").unwrap();
        let models = [PackedModel::new("small", GB).count(10), PackedModel::new("large", 15 * GB).count(2)];
        let found = packing_estimate(&models, &gpu, true).unwrap();
        // The largest first: one of 15 GB, and the second does not fit beside it. The smallest first: all ten, and none of 15 GB.
        assert_eq!((found.least_loaded, found.most_loaded), (1, 10));
        // Two GPUs of 15 + 5.
        assert_eq!((found.bytes, found.instances_for_all), (40 * GB, Some(2)));
    }

    #[test]
    fn the_gpus_of_an_instance_add_up_only_if_models_are_assigned_to_them() {
        let gpu = gpu_of("ml.g5.12xlarge").unwrap();
        let models = [PackedModel::new("m", 10 * GB).count(8)];
        let every = packing_estimate(&models, &gpu, true).unwrap();
        assert_eq!((every.least_loaded, every.instances_for_all), (2, Some(4)));
        let assigned = packing_estimate(&models, &gpu, false).unwrap();
        assert_eq!((assigned.least_loaded, assigned.verdict), (8, MemoryVerdict::Fits));
    }

    #[test]
    fn statements_have_a_size_or_a_configuration() {
        let config =
            json!({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257});
        let models = packed_models(
            &json!([{"name": "a", "model": config, "weights": "fp32"}, {"name": "b", "count": 3, "weights_bytes": 5}]),
        );
        let models = models.unwrap();
        assert_eq!((models[0].weights_bytes, models[1].count), (4 * 124_439_808, 3));
        for wrong in [
            json!([]),
            json!([{"name": "a"}]),
            json!([{"name": "a", "weights_bytes": 0}]),
            json!([{"name": "a", "size": 1}]),
        ] {
            assert!(packed_models(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn components_share_instances_by_accelerators_memory_and_cores() {
        // ml.g5.12xlarge: 4 GPUs, 192 GiB, 48 vCPUs.
        let on = |components: &[ComponentNeeds]| instances_for_components(components, "ml.g5.12xlarge");
        assert_eq!(on(&[ComponentNeeds::new(1024).accelerators(1).copies(4)]), Some(1));
        assert_eq!(on(&[ComponentNeeds::new(1024).accelerators(1).copies(5)]), Some(2));
        assert_eq!(on(&[ComponentNeeds::new(100 * 1024).accelerators(1).copies(4)]), Some(4));
        assert_eq!(on(&[ComponentNeeds::new(1024).accelerators(1).copies(2).cores(30.0)]), Some(2));
        assert_eq!(on(&[ComponentNeeds::new(1024).accelerators(8)]), None);
    }
}
