//! The simulation of the memory that one training step allocates on a GPU.
//!
//! A layer is described by the operators that the framework runs. Each operator allocates its result, and keeps the tensors that
//! its backward pass reads, as PyTorch's autograd does. The list of these operators is called the tape. The backward pass
//! visits the operators in reverse order, allocates gradients and releases the tensors that were kept. [`Tape`] counts the bytes
//! that are allocated at each moment, and stores the peak by category. Only the sizes of tensors are simulated, not their
//! values.

use std::collections::BTreeMap;

use serde::Serialize;

/// The phase of a training step in which the peak memory is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
#[non_exhaustive]
pub enum StepPhase {
    /// Weights and optimizer states are allocated.
    Setup,
    /// The forward pass of the layers.
    Forward,
    /// The computation of the loss.
    Loss,
    /// The backward pass of the loss.
    LossBackward,
    /// The backward pass of the layers.
    LayersBackward,
    /// The reduction of the gradients that were computed last.
    LastReduction,
    /// The optimizer updates the weights.
    Optimizer,
}

impl std::fmt::Display for StepPhase {
    /// Writes the phase in words, such as `backward of the layers`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Setup => "setup",
            Self::Forward => "forward",
            Self::Loss => "loss",
            Self::LossBackward => "backward of the loss",
            Self::LayersBackward => "backward of the layers",
            Self::LastReduction => "reduction of the last gradients",
            Self::Optimizer => "optimizer step",
        })
    }
}

impl From<StepPhase> for String {
    fn from(phase: StepPhase) -> Self {
        phase.to_string()
    }
}

/// The use of allocated memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Category {
    /// Weights, master weights and optimizer states that stay on the GPU between steps.
    States,
    /// Weights gathered from other ranks for the computation.
    GatheredParameters,
    /// Gradients of weights.
    Gradients,
    /// Buffers of collective operations: all-gather, reduce-scatter and gradient buckets.
    Communication,
    /// Results of operators that are kept for the backward pass.
    Activations,
    /// Logits, the loss and their gradients.
    Logits,
    /// Gradients of activations and intermediate results of operators.
    Temporary,
    /// Workspaces of cuBLAS.
    Workspace,
}

impl std::fmt::Display for Category {
    /// Writes the name in words, such as `gathered parameters`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::States => "states",
            Self::GatheredParameters => "gathered parameters",
            Self::Gradients => "gradients",
            Self::Communication => "communication",
            Self::Activations => "activations",
            Self::Logits => "logits",
            Self::Temporary => "temporary",
            Self::Workspace => "workspace",
        })
    }
}

/// PyTorch's allocator allocates multiples of this number of bytes.
const GRANULE: u64 = 512;
/// Requests from this size on get a segment of their own, in multiples of [`SEGMENT`].
const OWN_SEGMENT: u64 = 10 * 1024 * 1024;
const SEGMENT: u64 = 2 * 1024 * 1024;
/// A rest that is not larger is not split off: it counts as allocated.
const SMALLEST_REST: u64 = 1024 * 1024;

/// Returns the number of bytes that the allocator allocates for a request.
pub(crate) fn rounded(bytes: u64) -> u64 {
    bytes.div_ceil(GRANULE) * GRANULE
}

/// Returns the size of the block that the allocator uses for a request.
fn block(bytes: u64) -> u64 {
    let rounded = rounded(bytes);
    let segment = rounded.div_ceil(SEGMENT) * SEGMENT;
    if rounded >= OWN_SEGMENT && segment - rounded <= SMALLEST_REST { segment } else { rounded }
}

/// Returns the number of bytes that PyTorch's reduction over rows allocates temporarily: a block of 32 by 4 threads takes 128
/// columns, up to 16 rows a thread, and as many blocks run as an accelerator of 132 multiprocessors holds. Gradients of biases
/// and of the weights of norms are such sums.
pub(crate) fn reduction(rows: u64, columns: u64) -> u64 {
    let rows_per_thread = rows.div_ceil(4);
    if rows_per_thread < 64 {
        return 0;
    }
    let filling = (132 * 16_u64).div_ceil(columns.div_ceil(128).max(1));
    let blocks = filling.min(rows_per_thread.div_ceil(16)).max(rows_per_thread.div_ceil(256));
    4 * columns * blocks * 128
}

/// A tensor on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tensor(usize);

#[derive(Clone, Copy, Debug)]
struct Block {
    /// The number of allocated bytes.
    size: u64,
    /// The size of the gradient of the tensor in bytes. A view allocates less than that.
    extent: u64,
    category: Category,
    /// The block is freed when nothing refers to it any more.
    references: u32,
}

/// An operator whose backward pass is still to run.
struct Node {
    out: Tensor,
    inputs: Vec<Tensor>,
    saved: Vec<Tensor>,
    weight_gradients: Vec<u64>,
    backward_temporary: u64,
    reduction: u64,
    /// The gradient of the result is also the gradient of the inputs.
    passes_gradient: bool,
    shared: Shared,
}

/// Whether the first weight of an operator is the weight of another operator too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shared {
    #[default]
    No,
    /// The backward pass of this operator runs first: autograd keeps its gradient until it has the other one.
    Output,
    /// The backward pass of this operator runs second, and the gradients are added.
    Embedding,
}

/// The treatment of the gradient of a weight after it is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WeightGradients {
    /// The gradient stays in the number format of the computation until the gradients of the layer are reduced.
    Kept,
    /// The gradient is cast to fp32 and added to a gradient that stays allocated between steps.
    CastAndAdded,
    /// The gradient is cast to fp32 and stays allocated until the optimizer's step.
    CastAndKept,
    /// DeepSpeed's ZeRO stage 1: the gradient is copied into a bucket and stays allocated.
    BucketedAndKept,
    /// DeepSpeed's ZeRO stage 2: the gradient is copied into a bucket and released; a full bucket is copied into one block.
    Flattened,
    /// DeepSpeed's ZeRO stage 3: as stage 2, but the bucket is allocated before the first step.
    Bucketed,
}

/// The description of an operator on the tape.
#[derive(Default)]
pub(crate) struct Operator<'a> {
    /// Tensors that get a gradient.
    pub inputs: &'a [Tensor],
    /// Tensors that the backward pass reads.
    pub saved: &'a [Tensor],
    /// Bytes of the gradients of weights, in the type of the computation.
    pub weights: &'a [u64],
    /// Bytes that the backward pass allocates in addition to its results.
    pub backward_temporary: u64,
    /// Bytes that the reduction of the gradient of a bias or of a norm's weight takes, after the other gradients.
    pub reduction: u64,
    /// The gradient of the result is also the gradient of the inputs (additions, views).
    pub passes_gradient: bool,
    /// Whether another operator uses the first weight too.
    pub shared: Shared,
}

pub(crate) struct Tape {
    blocks: Vec<Block>,
    nodes: Vec<Node>,
    gradients: BTreeMap<Tensor, Tensor>,
    live: [u64; 8],
    now: u64,
    peak: u64,
    at_peak: [u64; 8],
    /// The part of the step that runs now.
    pub phase: StepPhase,
    peak_phase: StepPhase,
    /// Whether operators keep what their backward passes need.
    pub records: bool,
    /// Whether the backward pass is that of a checkpointed layer.
    pub is_recomputing: bool,
    pub weight_gradients: WeightGradients,
    /// Gradients of weights since the last reduction.
    pending: Vec<Tensor>,
    category: Category,
    /// Elements in the current bucket of gradients.
    bucket: u64,
    has_bucket: bool,
    /// The gradient of a shared weight that waits for the second one.
    waiting: Option<Tensor>,
}

/// Elements of DeepSpeed's bucket of gradients (`reduce_bucket_size`).
pub(crate) const BUCKET: u64 = 500_000_000;

impl Tape {
    pub fn new() -> Self {
        Self {
            blocks: Vec::new(),
            nodes: Vec::new(),
            gradients: BTreeMap::new(),
            live: [0; 8],
            now: 0,
            peak: 0,
            at_peak: [0; 8],
            phase: StepPhase::Setup,
            peak_phase: StepPhase::Setup,
            records: true,
            is_recomputing: false,
            weight_gradients: WeightGradients::Kept,
            pending: Vec::new(),
            category: Category::Activations,
            bucket: 0,
            has_bucket: false,
            waiting: None,
        }
    }

    /// Allocates a block that belongs to a category.
    pub fn allocate(&mut self, bytes: u64, category: Category) -> Tensor {
        let extent = rounded(bytes);
        let bytes = block(bytes);
        self.blocks.push(Block { size: bytes, extent, category, references: 1 });
        self.live[category as usize] = self.live[category as usize].saturating_add(bytes);
        self.now = self.now.saturating_add(bytes);
        if self.now > self.peak {
            self.peak = self.now;
            self.at_peak = self.live;
            self.peak_phase = self.phase;
        }
        Tensor(self.blocks.len() - 1)
    }

    /// Allocates a result of an operator.
    pub fn tensor(&mut self, bytes: u64) -> Tensor {
        self.allocate(bytes, self.category)
    }

    /// Sets the category of the following allocations.
    pub fn counted_as(&mut self, category: Category) {
        self.category = category;
    }

    /// Allocates a block and releases it immediately.
    pub fn touch(&mut self, bytes: u64, category: Category) {
        let block = self.allocate(bytes, category);
        self.release(block);
    }

    /// Removes one reference to a tensor; its block is freed with the last reference.
    pub fn release(&mut self, tensor: Tensor) {
        let Some(block) = self.blocks.get_mut(tensor.0).filter(|block| block.references > 0) else { return };
        block.references -= 1;
        if block.references == 0 {
            self.live[block.category as usize] =
                self.live[block.category as usize].saturating_sub(block.size);
            self.now = self.now.saturating_sub(block.size);
        }
    }

    /// Releases several tensors.
    pub fn release_all(&mut self, tensors: &[Tensor]) {
        for tensor in tensors {
            self.release(*tensor);
        }
    }

    /// Adds a reference to a tensor.
    pub fn share(&mut self, tensor: Tensor) -> Tensor {
        self.retain(tensor);
        tensor
    }

    fn retain(&mut self, tensor: Tensor) {
        if let Some(block) = self.blocks.get_mut(tensor.0) {
            block.references += 1;
        }
    }

    /// Creates a view of another tensor, which allocates no memory and has a gradient of its own.
    pub fn view(&mut self, bytes: u64) -> Tensor {
        self.blocks.push(Block { size: 0, extent: rounded(bytes), category: self.category, references: 1 });
        Tensor(self.blocks.len() - 1)
    }

    /// Returns the size of a tensor, also after it was freed.
    pub fn bytes(&self, tensor: Tensor) -> u64 {
        self.blocks.get(tensor.0).map_or(0, |block| block.extent)
    }

    fn gradient_category(&self, tensor: Tensor) -> Category {
        match self.blocks.get(tensor.0).map(|block| block.category) {
            Some(Category::Logits) => Category::Logits,
            _ => Category::Temporary,
        }
    }

    /// Runs an operator: allocates a result with a size in bytes and keeps what the backward pass needs.
    pub fn run(&mut self, bytes: u64, operator: Operator<'_>) -> Tensor {
        let out = self.tensor(bytes);
        self.record(out, operator);
        out
    }

    /// Records an operator whose result exists already.
    pub fn record(&mut self, out: Tensor, operator: Operator<'_>) {
        if !self.records {
            return;
        }
        for tensor in operator.saved {
            self.retain(*tensor);
        }
        self.nodes.push(Node {
            out,
            inputs: operator.inputs.to_vec(),
            saved: operator.saved.to_vec(),
            weight_gradients: operator.weights.to_vec(),
            backward_temporary: operator.backward_temporary,
            reduction: operator.reduction,
            passes_gradient: operator.passes_gradient,
            shared: operator.shared,
        });
    }

    /// Returns the number of recorded operators. [`Tape::backward`] runs the backward passes back to such a mark.
    pub fn mark(&self) -> usize {
        self.nodes.len()
    }

    /// Allocates the gradient of a tensor, from which a backward pass starts.
    pub fn seed(&mut self, tensor: Tensor) {
        let gradient = self.allocate(self.bytes(tensor), self.gradient_category(tensor));
        self.gradients.insert(tensor, gradient);
    }

    /// Moves the gradient of one tensor to another (a checkpointed layer's result to that of its second run).
    pub fn move_gradient(&mut self, from: Tensor, to: Tensor) {
        if let Some(gradient) = self.gradients.remove(&from) {
            self.accumulate(to, gradient);
        }
    }

    /// Runs the backward passes of all operators after a mark.
    pub fn backward(&mut self, mark: usize) {
        while self.nodes.len() > mark {
            if let Some(node) = self.nodes.pop() {
                self.backward_of(node);
            }
        }
    }

    fn backward_of(&mut self, node: Node) {
        let Some(gradient) = self.gradients.remove(&node.out) else {
            self.release_all(&node.saved);
            return;
        };
        let mut computed = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            if node.passes_gradient {
                self.retain(gradient);
                computed.push((*input, gradient));
            } else {
                let category = self.gradient_category(*input);
                computed.push((*input, self.allocate(self.bytes(*input), category)));
            }
        }
        let gradients: Vec<Tensor> =
            node.weight_gradients.iter().map(|bytes| self.allocate(*bytes, Category::Gradients)).collect();
        self.touch(node.backward_temporary, Category::Temporary);
        // Tensors that a checkpointed layer computed again are released after they are read.
        if !self.is_recomputing {
            self.touch(node.reduction, Category::Temporary);
        }
        self.release_all(&node.saved);
        if self.is_recomputing {
            self.touch(node.reduction, Category::Temporary);
        }
        self.release(gradient);
        for (number, (gradient, bytes)) in gradients.into_iter().zip(&node.weight_gradients).enumerate() {
            match node.shared {
                Shared::Output if number == 0 => self.waiting = Some(self.widened(gradient, *bytes)),
                Shared::Embedding if number == 0 => self.shared_gradient(gradient, *bytes),
                _ => self.weight_gradient(gradient, *bytes),
            }
        }
        for (input, gradient) in computed {
            self.accumulate(input, gradient);
        }
    }

    /// Adds to the gradient of a tensor: in place where nothing else reads it, else into a new block.
    fn accumulate(&mut self, tensor: Tensor, gradient: Tensor) {
        let Some(old) = self.gradients.remove(&tensor) else {
            self.gradients.insert(tensor, gradient);
            return;
        };
        let alone = |one: &Tensor| self.blocks.get(one.0).is_some_and(|block| block.references == 1);
        let sum = match (alone(&old), alone(&gradient)) {
            (true, _) => {
                self.release(gradient);
                old
            }
            (false, true) => {
                self.release(old);
                gradient
            }
            (false, false) => {
                let sum = self.allocate(self.bytes(tensor), self.gradient_category(tensor));
                self.release(old);
                self.release(gradient);
                sum
            }
        };
        self.gradients.insert(tensor, sum);
    }

    /// Returns whether autocast casts gradients of weights to fp32.
    fn is_cast(&self) -> bool {
        matches!(self.weight_gradients, WeightGradients::CastAndAdded | WeightGradients::CastAndKept)
    }

    /// Converts the gradient of a weight to the number format of the weight.
    fn widened(&mut self, gradient: Tensor, bytes: u64) -> Tensor {
        if !self.is_cast() {
            return gradient;
        }
        let wide = self.allocate(2 * bytes, Category::Gradients);
        self.release(gradient);
        wide
    }

    /// Adds the second gradient of a shared weight to the first.
    fn shared_gradient(&mut self, gradient: Tensor, bytes: u64) {
        let Some(first) = self.waiting.take() else { return self.weight_gradient(gradient, bytes) };
        if self.is_cast() {
            // An embedding has a gradient in fp32 from the start, and the sum is taken in place.
            self.touch(bytes, Category::Gradients);
            self.release(gradient);
            match self.weight_gradients {
                WeightGradients::CastAndKept => self.pending.push(first),
                _ => self.release(first),
            }
            return;
        }
        let sum = self.allocate(bytes, Category::Gradients);
        self.release_all(&[first, gradient]);
        self.weight_gradient(sum, bytes);
    }

    fn weight_gradient(&mut self, gradient: Tensor, bytes: u64) {
        match self.weight_gradients {
            WeightGradients::Kept => self.pending.push(gradient),
            WeightGradients::CastAndAdded => {
                self.touch(2 * bytes, Category::Gradients);
                self.release(gradient);
            }
            WeightGradients::CastAndKept => {
                let wide = self.allocate(2 * bytes, Category::Gradients);
                self.release(gradient);
                self.pending.push(wide);
            }
            WeightGradients::BucketedAndKept => {
                self.allocate_bucket();
                self.pending.push(gradient);
            }
            WeightGradients::Flattened | WeightGradients::Bucketed => {
                if self.weight_gradients == WeightGradients::Flattened {
                    self.allocate_bucket();
                }
                let elements = bytes / 2;
                if self.bucket > 0 && self.bucket + elements > BUCKET {
                    // A full bucket is reduced into a block of its size.
                    self.touch(2 * self.bucket, Category::Communication);
                    self.bucket = 0;
                }
                self.bucket += elements;
                self.release(gradient);
            }
        }
    }

    /// DeepSpeed allocates its bucket with the first gradient.
    fn allocate_bucket(&mut self) {
        if !self.has_bucket {
            let bucket = self.allocate(2 * BUCKET, Category::Communication);
            self.pending.push(bucket);
            self.has_bucket = true;
        }
    }

    /// Returns the gradients of weights that were computed since the last call, and removes them.
    pub fn take_weight_gradients(&mut self) -> Vec<Tensor> {
        std::mem::take(&mut self.pending)
    }

    /// Returns the number of bytes that are allocated now.
    #[cfg(test)]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Returns the peak in bytes, the bytes of each category at the peak, and the phase of the step.
    pub fn peak(&self) -> (u64, [u64; 8], StepPhase) {
        (self.peak, self.at_peak, self.peak_phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_keeps_both_factors_until_its_backward_pass() {
        let mut tape = Tape::new();
        let (a, b) = (tape.tensor(1024), tape.tensor(1000));
        let product = tape.run(1024, Operator { inputs: &[a, b], saved: &[a, b], ..Operator::default() });
        tape.release_all(&[a, b]);
        assert_eq!(tape.now(), 3 * 1024);
        tape.seed(product);
        tape.release(product);
        tape.backward(0);
        // The rest are the gradients of the two factors.
        assert_eq!(tape.now(), 2 * 1024);
        assert_eq!(tape.peak().0, 5 * 1024);
    }

    #[test]
    fn without_recording_nothing_is_kept() {
        let mut tape = Tape::new();
        tape.records = false;
        let a = tape.tensor(512);
        let b = tape.run(512, Operator { inputs: &[a], saved: &[a], ..Operator::default() });
        tape.release(a);
        assert_eq!((tape.now(), tape.mark()), (512, 0));
        tape.release(b);
        assert_eq!(tape.now(), 0);
    }

    #[test]
    fn an_addition_shares_the_gradient_and_accumulation_is_in_place() {
        let mut tape = Tape::new();
        let x = tape.tensor(512);
        let y = tape.run(512, Operator { inputs: &[x], saved: &[x], ..Operator::default() });
        let sum = tape.run(512, Operator { inputs: &[x, y], passes_gradient: true, ..Operator::default() });
        tape.seed(sum);
        tape.release_all(&[y, sum]);
        tape.backward(0);
        // The input, and one gradient of it.
        assert_eq!(tape.now(), 2 * 512);
    }
}
