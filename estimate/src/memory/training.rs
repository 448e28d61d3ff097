//! One training step: the memory that a distribution strategy allocates in addition to the layers.

use serde::{Deserialize, Serialize};

use super::layers::{self, Context};
use super::shape::{Architecture, ModelShape};
use super::tape::{BUCKET, Category, Operator, Shared, StepPhase, Tape, Tensor, WeightGradients};
use super::weights::{self, Kind, Unit};

/// The strategy by which weights, gradients and optimizer states are distributed over ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strategy {
    /// PyTorch's DistributedDataParallel: fp32 weights under bf16 autocast; every rank has all weights, gradients and optimizer
    /// states.
    Ddp,
    /// FSDP2: weights, gradients and optimizer states are distributed; gathered weights are released after the forward pass of
    /// each layer.
    FullShard,
    /// FSDP2: as [`Self::FullShard`], but gathered weights stay in memory until the backward pass.
    ShardGradOp,
    /// FSDP2 within groups of ranks: every group has all weights, gradients and optimizer states.
    HybridShard,
    /// DeepSpeed's ZeRO stage 1: optimizer states are distributed.
    Zero1,
    /// DeepSpeed's ZeRO stage 2: optimizer states and gradients are distributed.
    Zero2,
    /// DeepSpeed's ZeRO stage 3: optimizer states, gradients and weights are distributed.
    Zero3,
}

impl std::fmt::Display for Strategy {
    /// Writes the name that the command line accepts, such as `shard-grad-op`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Ddp => "ddp",
            Self::FullShard => "full-shard",
            Self::ShardGradOp => "shard-grad-op",
            Self::HybridShard => "hybrid-shard",
            Self::Zero1 => "zero1",
            Self::Zero2 => "zero2",
            Self::Zero3 => "zero3",
        })
    }
}

/// The implementation of attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Attention {
    /// PyTorch's scaled dot product attention, which chooses FlashAttention.
    #[default]
    Sdpa,
    /// FlashAttention 2 of the package `flash-attn`.
    Flash,
    /// Eager attention, which stores the scores in memory.
    Eager,
}

/// The states that a DeepSpeed configuration offloads to the memory of the host.
///
/// ```
/// use stackwright_estimate::memory::Offload;
///
/// assert!(Offload::default().optimizer(true).optimizer);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[must_use]
pub struct Offload {
    /// Whether optimizer states and fp32 weights are offloaded.
    pub optimizer: bool,
    /// Whether weights are offloaded (ZeRO stage 3).
    pub parameters: bool,
}

impl Offload {
    /// Sets whether optimizer states and fp32 weights are offloaded. The default is `false`.
    pub fn optimizer(mut self, is_offloaded: bool) -> Self {
        self.optimizer = is_offloaded;
        self
    }

    /// Sets whether weights are offloaded (ZeRO stage 3). The default is `false`.
    pub fn parameters(mut self, are_offloaded: bool) -> Self {
        self.parameters = are_offloaded;
        self
    }
}

/// The settings of a training step.
///
/// ```
/// use stackwright_estimate::memory::{Strategy, Training};
///
/// let step = Training::new(Strategy::FullShard, 2048).ranks(8);
/// assert_eq!((step.ranks, step.batch), (8, 1));
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
#[must_use]
pub struct Training {
    /// The strategy by which the model is distributed.
    pub strategy: Strategy,
    /// The number of all ranks (processes with one GPU each).
    pub ranks: u64,
    /// The number of ranks in a group of [`Strategy::HybridShard`]; for other strategies, the number of all ranks.
    pub shard_ranks: u64,
    /// The number of samples per GPU and step.
    pub batch: u64,
    /// The number of tokens of a sample.
    pub sequence: u64,
    /// The implementation of attention.
    pub attention: Attention,
    /// Whether each layer's activations are computed again in the backward pass.
    pub activation_checkpointing: bool,
    /// The rank of LoRA adapters on the projections of attention; the other weights are frozen. `None` trains all weights.
    pub lora_rank: Option<u64>,
    /// Whether frozen weights of linear layers are stored in 4 bits (QLoRA).
    pub quantized_base: bool,
    /// The number of image patches per sample (vision-language models).
    pub image_patches: u64,
    /// The states that are offloaded to the host.
    pub offload: Offload,
    /// The number of ranks over which each layer is split (tensor parallelism).
    pub tensor_parallel: u64,
    /// The number of ranks over which the experts of a layer are distributed (expert parallelism).
    pub expert_parallel: u64,
    /// The number of ranks over which each sample is split (context parallelism).
    pub context_parallel: u64,
}

impl Training {
    /// Creates a training step on one rank, with one sample of `sequence` tokens. The defaults are bf16 with AdamW in fp32,
    /// SDPA attention, and no activation checkpointing.
    pub fn new(strategy: Strategy, sequence: u64) -> Self {
        Self {
            strategy,
            ranks: 1,
            shard_ranks: 1,
            batch: 1,
            sequence,
            attention: Attention::Sdpa,
            activation_checkpointing: false,
            lora_rank: None,
            quantized_base: false,
            image_patches: 0,
            offload: Offload::default(),
            tensor_parallel: 1,
            expert_parallel: 1,
            context_parallel: 1,
        }
    }

    /// Sets the number of all ranks, at least 1, and the same number of ranks in a group of [`Strategy::HybridShard`]. The
    /// default is 1.
    pub fn ranks(mut self, ranks: u64) -> Self {
        self.ranks = ranks.max(1);
        self.shard_ranks = self.ranks;
        self
    }

    /// Sets the number of samples per GPU and step. The default is 1.
    pub fn batch(mut self, samples: u64) -> Self {
        self.batch = samples;
        self
    }

    /// Checks that every number is in its range.
    ///
    /// # Errors
    ///
    /// Returns an error with the name, the value and the limit of a number that is zero or too large.
    pub fn validate(&self) -> Result<(), TrainingError> {
        let tokens = self.batch.saturating_mul(self.sequence);
        let limits = [
            ("batch", self.batch, 1 << 16),
            ("sequence", self.sequence, 1 << 22),
            ("batch x sequence", tokens, 1 << 26),
            ("batch x sequence x sequence", tokens.saturating_mul(self.sequence), 1 << 40),
            ("ranks", self.ranks, 1 << 24),
            ("shard_ranks", self.shard_ranks, 1 << 24),
            ("tensor_parallel", self.tensor_parallel, self.ranks),
            ("expert_parallel", self.expert_parallel, self.ranks),
            ("context_parallel", self.context_parallel, self.ranks),
            ("lora_rank", self.lora_rank.unwrap_or(1), 1 << 16),
            ("image_patches", self.image_patches.max(1), 1 << 16),
            ("batch x image_patches", self.batch.saturating_mul(self.image_patches).max(1), 1 << 26),
        ];
        match limits.into_iter().find(|(_, value, most)| *value == 0 || value > most) {
            Some((name, value, most)) => Err(TrainingError { name, value, most }),
            None => Ok(()),
        }
    }

    fn is_fsdp(&self) -> bool {
        matches!(self.strategy, Strategy::FullShard | Strategy::ShardGradOp | Strategy::HybridShard)
    }

    fn shards(&self) -> u64 {
        match self.strategy {
            Strategy::Ddp => 1,
            Strategy::HybridShard => self.shard_ranks.clamp(1, self.ranks),
            _ => self.ranks,
        }
    }
}

/// A number of a training step is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is {value}; set it to a number from 1 to {most}")]
#[non_exhaustive]
pub struct TrainingError {
    /// The name of the number, such as `batch`.
    pub name: &'static str,
    /// The value of the number.
    pub value: u64,
    /// The maximum value of the number.
    pub most: u64,
}

/// The bytes of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "(Category, u64)")]
#[non_exhaustive]
pub struct CategoryBytes {
    /// The use of the memory.
    pub category: Category,
    /// The number of bytes.
    pub bytes: u64,
}

impl From<CategoryBytes> for (Category, u64) {
    fn from(one: CategoryBytes) -> Self {
        (one.category, one.bytes)
    }
}

/// The peak memory of a training step on one GPU.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Peak {
    /// The maximum number of bytes that are allocated at one moment: the middle of the range from `least_bytes` to
    /// `most_bytes`.
    pub bytes: u64,
    /// The smallest possible peak in bytes. It differs from the largest one with [`Strategy::Ddp`] only.
    pub least_bytes: u64,
    /// The largest possible peak in bytes.
    pub most_bytes: u64,
    /// The bytes of each category at the peak.
    pub breakdown: Vec<CategoryBytes>,
    /// The part of the step in which the peak is reached.
    pub phase: StepPhase,
}

/// cuBLAS takes a workspace of 32 MiB on Hopper and Ampere for each of the threads that run the forward and the
/// backward pass.
const WORKSPACES: u64 = 2 * 32 * 1024 * 1024;
/// Elements that DeepSpeed's ZeRO-3 keeps gathered at most (`stage3_max_live_parameters`).
const MAX_LIVE_PARAMETERS: u64 = 1_000_000_000;

/// Estimates the peak memory of a training step on one GPU.
///
/// In its second step, DistributedDataParallel puts gradients into new buckets in the order in which they become ready.
/// The work objects of NCCL hold the old buckets until its watchdog, which runs every 100 ms, releases them. Whether that
/// is before the peak is a matter of time: the range has both, and the peak is its middle.
pub fn training_peak(shape: &ModelShape, training: &Training) -> Peak {
    let (shape, training) = split(shape, training);
    let most = peak_of(&shape, &training, true);
    if training.strategy != Strategy::Ddp {
        return most;
    }
    let mut peak = peak_of(&shape, &training, false);
    peak.most_bytes = most.bytes.max(peak.bytes);
    let half = (peak.most_bytes - peak.bytes) / 2;
    peak.bytes += half;
    for one in &mut peak.breakdown {
        if one.category == Category::Communication {
            one.bytes += half;
        }
    }
    peak
}

/// Returns the peak of one step. With DistributedDataParallel, `holds_old_buckets` states whether the buckets of the first step
/// are still allocated.
fn peak_of(shape: &ModelShape, training: &Training, holds_old_buckets: bool) -> Peak {
    let mut step = Step::new(shape, training, holds_old_buckets);
    step.states();
    step.forward();
    step.backward();
    step.optimizer();
    let (bytes, live, phase) = step.tape.peak();
    use Category::*;
    let categories =
        [States, GatheredParameters, Gradients, Communication, Activations, Logits, Temporary, Workspace];
    let breakdown =
        categories.map(|category| CategoryBytes { category, bytes: live[category as usize] }).to_vec();
    Peak { bytes, least_bytes: bytes, most_bytes: bytes, breakdown, phase }
}

/// Returns the part of a model that one rank holds and computes if the model is split over ranks: heads and the hidden layers of
/// feed-forward networks by tensor parallelism, experts by expert parallelism, tokens by context parallelism.
fn split(shape: &ModelShape, training: &Training) -> (ModelShape, Training) {
    let (mut shape, mut training) = (shape.clone(), training.clone());
    let tensor = training.tensor_parallel.max(1);
    shape.heads = shape.heads.div_ceil(tensor);
    shape.kv_heads = shape.kv_heads.div_ceil(tensor);
    shape.ffn = shape.ffn.div_ceil(tensor);
    if let Some(experts) = &mut shape.experts {
        experts.ffn = experts.ffn.div_ceil(tensor);
        experts.shared_ffn = experts.shared_ffn.div_ceil(tensor);
        experts.count = experts.count.div_ceil(training.expert_parallel.max(1));
    }
    training.sequence = training.sequence.div_ceil(training.context_parallel.max(1));
    training.ranks = (training.ranks / tensor).max(1);
    training.shard_ranks = training.shard_ranks.min(training.ranks);
    (shape, training)
}

/// A layer's forward pass, which can be run a second time.
struct Ran {
    unit: usize,
    kind: Kind,
    input: Tensor,
    output: Tensor,
    /// The positions on the tape between which the operators of the layer are.
    start: usize,
    end: usize,
    /// A tensor that every layer of a decoder reads: the encoder's result.
    memory: Option<Tensor>,
}

struct Step<'a> {
    shape: &'a ModelShape,
    training: &'a Training,
    units: Vec<Unit>,
    tape: Tape,
    cx: Context,
    vision_cx: Context,
    ran: Vec<Ran>,
    /// Gathered weights of each unit.
    gathered: Vec<Vec<Tensor>>,
    /// The result of an all-gather that is not copied out yet, or held until the next.
    flat: Option<(usize, Tensor)>,
    /// The input of the last reduce-scatter, held until the next.
    reducing: Option<Tensor>,
    root_gradients: Vec<Tensor>,
    loss: Option<Tensor>,
    zero3_live: Option<Tensor>,
    holds_old_buckets: bool,
}

impl<'a> Step<'a> {
    fn new(shape: &'a ModelShape, training: &'a Training, holds_old_buckets: bool) -> Self {
        let units = weights::units(shape);
        let cx = Context {
            batch: training.batch,
            sequence: training.sequence,
            autocast: training.strategy == Strategy::Ddp,
            eager: training.attention == Attention::Eager,
            keeps_inputs: training.strategy == Strategy::Zero3,
            lora: training.lora_rank,
            casts: Vec::new(),
            cached: Vec::new(),
            layer: 0,
        };
        let vision_cx = cx.with(training.batch, training.image_patches);
        let gathered = vec![Vec::new(); units.len()];
        let mut tape = Tape::new();
        tape.weight_gradients = match training.strategy {
            // At the end of the backward pass, the memory of the old buckets is used for gradients.
            Strategy::Ddp if holds_old_buckets => WeightGradients::CastAndAdded,
            Strategy::Ddp => WeightGradients::CastAndKept,
            Strategy::Zero1 => WeightGradients::BucketedAndKept,
            Strategy::Zero2 => WeightGradients::Flattened,
            Strategy::Zero3 => WeightGradients::Bucketed,
            _ => WeightGradients::Kept,
        };
        Self {
            shape,
            training,
            units,
            tape,
            cx,
            vision_cx,
            ran: Vec::new(),
            gathered,
            flat: None,
            reducing: None,
            root_gradients: Vec::new(),
            loss: None,
            zero3_live: None,
            holds_old_buckets,
        }
    }

    /// Elements of a unit that are trained: all, or those of its LoRA adapters.
    fn trained(&self, unit: &Unit) -> u64 {
        match self.training.lora_rank {
            None => unit.elements(),
            Some(rank) => {
                let adapted = unit.tensors.iter().filter(|weight| weight.adapted);
                adapted.map(|weight| rank * (weight.rows + weight.columns)).sum()
            }
        }
    }

    fn all_trained(&self) -> u64 {
        self.units.iter().map(|unit| self.trained(unit)).sum()
    }

    /// Elements of the model itself, by what a rank holds of them.
    fn all(&self) -> u64 {
        self.units.iter().map(Unit::elements).sum()
    }

    /// Elements of the linear layers that QLoRA holds in 4 bits: the matrices of layers, without embeddings and output.
    fn quantized(&self) -> u64 {
        let layers = self.units.iter().filter(|unit| unit.kind != Kind::Root);
        let matrices = layers.flat_map(|unit| &unit.tensors).filter(|weight| weight.columns > 1);
        matrices.map(weights::Weight::elements).sum()
    }

    /// Returns the ranks over which a weight is sharded. The ranks of an expert-parallel group hold different
    /// experts, so experts are sharded over as many ranks as there are groups.
    fn shards_of(&self, weight: &weights::Weight) -> u64 {
        let groups = if weight.is_expert { self.training.expert_parallel.max(1) } else { 1 };
        (self.training.shards() / groups).max(1)
    }

    /// Elements of each rank's part, with the padding of FSDP: each weight is cut along its first dimension.
    fn sharded(&self, unit: &Unit) -> u64 {
        unit.tensors.iter().map(|weight| weight.rows.div_ceil(self.shards_of(weight)) * weight.columns).sum()
    }

    /// Elements of a unit that a rank gathers or reduces, with the padding of FSDP.
    fn padded(&self, unit: &Unit) -> u64 {
        let padded = |weight: &weights::Weight| {
            let shards = self.shards_of(weight);
            weight.rows.div_ceil(shards) * shards * weight.columns
        };
        unit.tensors.iter().map(padded).sum()
    }

    /// Elements of a rank's part of what is trained, where weights are flattened before they are sharded.
    fn trained_shard(&self) -> u64 {
        let (trained, shards) = (self.all_trained(), self.training.shards());
        let weights = self.units.iter().flat_map(|unit| &unit.tensors);
        let experts = weights.filter(|weight| weight.is_expert && self.training.lora_rank.is_none());
        let experts: u64 = experts.map(weights::Weight::elements).sum();
        let groups = self.training.expert_parallel.max(1);
        if groups == 1 {
            return trained.div_ceil(shards);
        }
        (trained - experts).div_ceil(shards) + experts.div_ceil((shards / groups).max(1))
    }

    fn states(&mut self) {
        let training = self.training;
        let (all, trained) = (self.all(), self.all_trained());
        let is_lora = training.lora_rank.is_some();
        let shards = training.shards();
        let frozen = if is_lora { all } else { 0 };
        let in_4_bits = if training.quantized_base { u128::from(self.quantized()) } else { 0 };
        let frozen_bytes = |elements: u64| {
            let quantized = (u128::from(elements) * in_4_bits / u128::from(all.max(1))) as u64;
            // bf16, or 4 bits with a scale for 64 of them.
            quantized * 9 / 16 + 2 * (elements - quantized)
        };
        self.tape.allocate(WORKSPACES, Category::Workspace);
        let optimizer = |elements: u64| if training.offload.optimizer { 0 } else { elements };
        match training.strategy {
            Strategy::Ddp => {
                if is_lora {
                    self.tape.allocate(frozen_bytes(frozen) + 12 * trained, Category::States);
                } else {
                    self.states_of_each(|_, weight| weight.elements(), 1, 2);
                }
                // The buckets of gradients are fp32 as the weights.
                self.tape.allocate(4 * trained, Category::Communication);
                if self.holds_old_buckets {
                    self.tape.allocate(4 * trained, Category::Communication);
                }
            }
            Strategy::Zero1 | Strategy::Zero2 => {
                let shard = self.trained_shard();
                let weights = frozen_bytes(frozen) + 2 * trained;
                self.tape.allocate(weights + 12 * optimizer(shard), Category::States);
                if training.offload.optimizer {
                    // Gradients pass through a buffer of the largest weight on their way to the host.
                    let weights = self.units.iter().flat_map(|unit| &unit.tensors);
                    let largest = weights.map(weights::Weight::elements).max().unwrap_or(0);
                    self.tape.allocate(2 * largest.min(trained), Category::Communication);
                }
            }
            Strategy::Zero3 => {
                let (shard, frozen_shard) = (self.trained_shard(), frozen.div_ceil(shards));
                let weights =
                    if training.offload.parameters { 0 } else { frozen_bytes(frozen_shard) + 2 * shard };
                self.tape.allocate(weights + 12 * optimizer(shard), Category::States);
                self.tape.allocate(2 * optimizer(shard), Category::Gradients);
                self.tape.allocate(2 * BUCKET, Category::Communication);
            }
            // FSDP2 offloads weights, gradients and optimizer states together.
            _ if self.is_on_host() => {}
            _ => {
                if is_lora {
                    let sharded: u64 = self.units.iter().map(|unit| self.sharded(unit)).sum();
                    self.tape
                        .allocate(frozen_bytes(sharded) + 12 * trained.div_ceil(shards), Category::States);
                } else {
                    self.states_of_each(
                        |step, weight| weight.rows.div_ceil(step.shards_of(weight)) * weight.columns,
                        1,
                        2,
                    );
                }
            }
        }
    }

    /// Allocates fp32 weights and optimizer states, a block for each weight.
    fn states_of_each(
        &mut self,
        elements: impl Fn(&Self, &weights::Weight) -> u64,
        weights: u64,
        optimizer: u64,
    ) {
        let tensors = self.units.iter().flat_map(|unit| &unit.tensors);
        let each: Vec<u64> = tensors.map(|weight| elements(self, weight)).collect();
        for elements in each {
            for _ in 0..weights + optimizer {
                self.tape.allocate(4 * elements, Category::States);
            }
        }
    }

    // FSDP: gathering and reducing.

    fn is_on_host(&self) -> bool {
        let offload = self.training.offload;
        self.training.is_fsdp() && (offload.optimizer || offload.parameters)
    }

    fn unit_bytes(&self, unit: usize) -> u64 {
        let all = &self.units[unit];
        let adapters = if self.training.lora_rank.is_some() { self.trained(all) } else { 0 };
        2 * (self.padded(all) + adapters)
    }

    /// Starts an all-gather: its result is one block.
    fn gather(&mut self, unit: usize) {
        if !self.training.is_fsdp() || !self.gathered[unit].is_empty() {
            return;
        }
        let flat = self.tape.allocate(self.unit_bytes(unit), Category::Communication);
        if let Some((_, held)) = self.flat.replace((unit, flat)) {
            self.tape.release(held);
        }
    }

    /// Copies the result of an all-gather into the weights.
    fn copy_out(&mut self, unit: usize, is_forward: bool) {
        if !self.training.is_fsdp() || !self.gathered[unit].is_empty() {
            return;
        }
        let tensors: Vec<u64> = self.units[unit].tensors.iter().map(|weight| 2 * weight.elements()).collect();
        self.gathered[unit] = tensors
            .into_iter()
            .map(|bytes| self.tape.allocate(bytes, Category::GatheredParameters))
            .collect();
        if !is_forward {
            self.drop_flat();
        }
    }

    fn drop_flat(&mut self) {
        if let Some((_, flat)) = self.flat.take() {
            self.tape.release(flat);
        }
    }

    fn reshard(&mut self, unit: usize) {
        let tensors = std::mem::take(&mut self.gathered[unit]);
        self.tape.release_all(&tensors);
    }

    /// Reduces a unit's gradients over the ranks.
    fn reduce(&mut self, unit: usize, gradients: Vec<Tensor>) {
        match self.training.strategy {
            Strategy::FullShard | Strategy::ShardGradOp | Strategy::HybridShard => {
                self.reshard(unit);
                if let Some(held) = self.reducing.take() {
                    self.tape.release(held);
                }
                let (elements, part) = match self.training.lora_rank {
                    None => (self.padded(&self.units[unit]), self.sharded(&self.units[unit])),
                    Some(_) => {
                        let trained = self.trained(&self.units[unit]);
                        (trained, trained.div_ceil(self.training.shards()))
                    }
                };
                if elements > 0 {
                    self.reducing = Some(self.tape.allocate(4 * elements, Category::Communication));
                }
                self.tape.release_all(&gradients);
                let shard = self.tape.allocate(4 * part, Category::Gradients);
                if self.is_on_host() {
                    self.tape.release(shard);
                }
            }
            // Buckets and gradients stay until the backward pass ends.
            _ => self.root_gradients.extend(gradients),
        }
    }

    // The passes.

    fn run(&mut self, unit: usize, kind: Kind, input: Tensor, memory: Option<Tensor>) -> Tensor {
        self.gather(unit);
        self.copy_out(unit, true);
        self.cx.layer = unit as u64;
        let start = self.tape.mark();
        self.tape.records = !self.training.activation_checkpointing;
        let output = self.layer(kind, input, memory);
        self.tape.records = true;
        if self.training.strategy != Strategy::ShardGradOp {
            self.reshard(unit);
        }
        let end = self.tape.mark();
        self.ran.push(Ran { unit, kind, input, output, start, end, memory });
        output
    }

    fn layer(&mut self, kind: Kind, input: Tensor, memory: Option<Tensor>) -> Tensor {
        match (kind, memory, &self.shape.vision) {
            (Kind::Decoder, Some(memory), _) => {
                layers::t5_decoder_layer(&mut self.tape, &mut self.cx, self.shape, input, memory)
            }
            (Kind::Vision, _, Some(vision)) => {
                layers::vision_layer(&mut self.tape, &mut self.vision_cx, vision, input)
            }
            _ => layers::layer(&mut self.tape, &mut self.cx, self.shape, input),
        }
    }

    /// Runs all layers of a kind. The input of a checkpointed layer stays, others' only as far as operators keep them.
    fn run_all(&mut self, kind: Kind, first: Tensor, memory: Option<Tensor>) -> Tensor {
        let mut x = first;
        for unit in 0..self.units.len() {
            if self.units[unit].kind != kind {
                continue;
            }
            let out = self.run(unit, kind, x, memory);
            if !self.training.activation_checkpointing {
                self.tape.release(x);
            }
            x = out;
        }
        x
    }

    fn forward(&mut self) {
        self.tape.phase = StepPhase::Forward;
        let root = self.units.len() - 1;
        if self.training.strategy == Strategy::Zero3 {
            let live = self.all().min(MAX_LIVE_PARAMETERS);
            self.zero3_live = Some(self.tape.allocate(2 * live, Category::GatheredParameters));
        }
        self.gather(root);
        self.copy_out(root, true);
        let shape = self.shape;
        // The tokens of the text are embedded before the images, so that the gradient of the embedding is the last.
        let mut embedded = match shape.architecture {
            Architecture::Vit => self.embed_patches(),
            _ => self.embed(),
        };
        if let Some(vision) = shape.vision.as_ref().filter(|_| self.training.image_patches > 0) {
            let x = layers::embed_images(&mut self.tape, &mut self.vision_cx, vision);
            let x = self.run_all(Kind::Vision, x, None);
            // The results of the last layer and of some before it are put into the embedded text.
            let mut inputs = vec![embedded];
            for _ in 0..=vision.deepstack {
                inputs.push(layers::merge_images(&mut self.tape, &mut self.vision_cx, shape, vision, x));
            }
            self.tape.release(x);
            let bytes = self.cx.residual() * self.cx.tokens() * shape.hidden;
            embedded = self.tape.run(bytes, Operator { inputs: &inputs, ..Operator::default() });
            self.tape.release_all(&inputs);
        }
        let mut x = self.run_all(Kind::Layer, embedded, None);
        if shape.decoder_layers > 0 {
            let memory = layers::final_norm(&mut self.tape, &self.cx, shape, x);
            let first = self.embed();
            x = self.run_all(Kind::Decoder, first, Some(memory));
        }
        let normal = layers::final_norm(&mut self.tape, &self.cx, shape, x);
        self.loss = Some(self.loss_of(normal));
        self.drop_flat();
        let mut casts = std::mem::take(&mut self.cx.casts);
        casts.append(&mut self.vision_cx.casts);
        casts.append(&mut self.cx.cached);
        self.tape.release_all(&casts);
    }

    fn embed(&mut self) -> Tensor {
        layers::embed(&mut self.tape, &self.cx, self.shape)
    }

    /// Runs the embedding of a vision transformer: the images stay as inputs.
    fn embed_patches(&mut self) -> Tensor {
        let (image, patch) = self.shape.image.map_or((224, 16), Into::into);
        let (pixels, h) = (self.cx.batch * 3 * image * image, self.shape.hidden);
        self.tape.allocate(4 * pixels, Category::Activations);
        let cast = self.tape.allocate(2 * pixels, Category::Activations);
        let n = self.cx.tokens() * h;
        let out = self.tape.run(
            self.cx.residual() * n,
            Operator { saved: &[cast], weights: &[2 * 3 * patch * patch * h], ..Operator::default() },
        );
        self.tape.release(cast);
        out
    }

    /// Runs the output layer and the loss on fp32 logits. Takes its argument.
    fn loss_of(&mut self, x: Tensor) -> Tensor {
        let shape = self.shape;
        let tokens = if shape.architecture == Architecture::Vit { self.cx.batch } else { self.cx.tokens() };
        // T5 and classifiers take the loss on logits as they are; decoders cast them to fp32.
        let is_classifier = matches!(shape.architecture, Architecture::Vit | Architecture::T5);
        let cells = tokens * shape.vocab;
        let head = layers::Linear {
            bias: shape.architecture == Architecture::Phi,
            shared: if shape.tied { Shared::Output } else { Shared::No },
            ..layers::Linear::new(shape.vocab, shape.hidden)
        };
        self.tape.phase = StepPhase::Loss;
        self.tape.counted_as(Category::Logits);
        let logits = layers::linear(&mut self.tape, &mut self.cx, x, tokens, head);
        self.tape.release(x);
        let mut capped = logits;
        if shape.architecture == Architecture::Gemma2 {
            let scaled = self.tape.run(2 * cells, Operator { inputs: &[logits], ..Operator::default() });
            self.tape.release(logits);
            let tanh = self.tape.tensor(2 * cells);
            self.tape.record(tanh, Operator { inputs: &[scaled], saved: &[tanh], ..Operator::default() });
            self.tape.release(scaled);
            capped = self.tape.run(2 * cells, Operator { inputs: &[tanh], ..Operator::default() });
            self.tape.release(tanh);
        }
        let wide = if is_classifier {
            capped
        } else {
            self.tape.run(4 * cells, Operator { inputs: &[capped], ..Operator::default() })
        };
        let shares = self.tape.tensor(self.tape.bytes(wide));
        self.tape.record(shares, Operator { inputs: &[wide], saved: &[shares], ..Operator::default() });
        let loss = self.tape.view(4);
        self.tape.record(loss, Operator { inputs: &[shares], ..Operator::default() });
        self.tape.release_all(&[wide, shares]);
        if !is_classifier {
            self.tape.release(capped);
        }
        self.tape.counted_as(Category::Activations);
        loss
    }

    fn backward(&mut self) {
        let Some(loss) = self.loss else { return };
        self.tape.phase = StepPhase::LossBackward;
        let root = self.units.len() - 1;
        if let Some(last) = self.ran.last().map(|ran| ran.unit) {
            // The last layer is gathered behind the root, unless it still is.
            self.gather(last);
        }
        self.tape.seed(loss);
        let end = self.ran.last().map_or(0, |ran| ran.end);
        self.backward_of_root(end);
        self.tape.phase = StepPhase::LayersBackward;
        while let Some(ran) = self.ran.pop() {
            self.backward_of(&ran);
            // The operators between this layer and the previous one: the norm of an encoder, embeddings.
            let end = self.ran.last().map_or(0, |before| before.end);
            self.backward_of_root(end);
        }
        self.tape.phase = StepPhase::LastReduction;
        let gradients = std::mem::take(&mut self.root_gradients);
        self.reduce(root, gradients);
        let held = std::mem::take(&mut self.root_gradients);
        self.tape.release_all(&held);
    }

    fn backward_of_root(&mut self, mark: usize) {
        self.tape.backward(mark);
        let mut gradients = self.tape.take_weight_gradients();
        self.root_gradients.append(&mut gradients);
    }

    fn backward_of(&mut self, ran: &Ran) {
        self.copy_out(ran.unit, false);
        if let Some(before) = self.ran.last().map(|before| before.unit) {
            self.gather(before);
        }
        if self.training.activation_checkpointing {
            self.cx.layer = ran.unit as u64;
            let again = self.layer(ran.kind, ran.input, ran.memory);
            self.tape.move_gradient(ran.output, again);
            self.tape.release(again);
            let mut casts = std::mem::take(&mut self.cx.casts);
            casts.append(&mut self.vision_cx.casts);
            casts.append(&mut self.cx.cached);
            self.tape.release_all(&casts);
        }
        self.tape.is_recomputing = self.training.activation_checkpointing;
        self.tape.backward(ran.start);
        self.tape.is_recomputing = false;
        if self.training.activation_checkpointing {
            self.tape.release(ran.input);
        }
        let gradients = self.tape.take_weight_gradients();
        self.reduce(ran.unit, gradients);
        self.release_live(ran.unit);
    }

    /// ZeRO stage 3 releases the weights of a unit after its backward pass: at most those of the units before it, and of the
    /// root, are gathered.
    fn release_live(&mut self, unit: usize) {
        let Some(live) = self.zero3_live.take() else { return };
        let before: u64 = self.units[..unit].iter().map(Unit::elements).sum();
        let left = before + self.units.last().map_or(0, Unit::elements);
        self.tape.release(live);
        let live = self.all().min(MAX_LIVE_PARAMETERS).min(left);
        self.zero3_live = Some(self.tape.allocate(2 * live, Category::GatheredParameters));
    }

    /// The optimizer's step. AdamW's fused kernel allocates nothing; DeepSpeed casts gradients to fp32 first.
    fn optimizer(&mut self) {
        self.tape.phase = StepPhase::Optimizer;
        self.drop_flat();
        if let Some(held) = self.reducing.take() {
            self.tape.release(held);
        }
        if let Some(live) = self.zero3_live.take() {
            self.tape.release(live);
        }
        if self.training.offload.optimizer {
            return;
        }
        let shard = self.trained_shard();
        match self.training.strategy {
            Strategy::Zero1 | Strategy::Zero2 => self.tape.touch(8 * shard, Category::Gradients),
            Strategy::Zero3 => self.tape.touch(6 * shard, Category::Gradients),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Expert parallelism changes which ranks hold an expert, not how many bytes of states a rank has: the experts of a group are
    /// sharded over the groups.
    #[test]
    fn expert_parallelism_distributes_experts_without_losing_their_states() {
        let shape = ModelShape::from_config(&json!({
            "model_type": "mixtral", "hidden_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 16,
            "num_key_value_heads": 4, "intermediate_size": 2048, "vocab_size": 32000, "num_local_experts": 16,
            "num_experts_per_tok": 2
        }))
        .unwrap();
        let of = |strategy, expert_parallel, category| {
            let step = Training { expert_parallel, ..Training::new(strategy, 512).ranks(16) };
            let peak = training_peak(&shape, &step);
            peak.breakdown.iter().find(|one| one.category == category).unwrap().bytes
        };
        for strategy in [Strategy::FullShard, Strategy::ShardGradOp, Strategy::Zero3] {
            let (alone, parallel) = (of(strategy, 1, Category::States), of(strategy, 8, Category::States));
            assert!(parallel.abs_diff(alone) < alone / 50, "{strategy}: {alone} and {parallel}");
        }
        // A rank gathers its own experts only.
        let gathered = |parallel| of(Strategy::ShardGradOp, parallel, Category::GatheredParameters);
        assert!(gathered(8) < gathered(1) / 2, "{} and {}", gathered(8), gathered(1));
        // Without sharding, a rank has its own experts only.
        assert!(of(Strategy::Ddp, 8, Category::States) < of(Strategy::Ddp, 1, Category::States) / 2);
    }
}
