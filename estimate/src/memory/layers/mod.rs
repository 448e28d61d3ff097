//! The layers of each architecture, described by the operators that PyTorch and Hugging Face's transformers run.

mod attention;
mod experts;
mod feed_forward;
mod llama;
mod norm;
mod opt;
mod t5;
mod vision;

pub(crate) use llama::{embed, final_norm, layer};
pub(crate) use norm::norm_of;
pub(crate) use t5::decoder_layer as t5_decoder_layer;
pub(crate) use vision::{embed_images, merge as merge_images, vision_layer};

use super::tape::{Operator, Shared, Tape, Tensor, reduction};

/// The settings with which the operators of a layer run.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The number of samples on the GPU.
    pub batch: u64,
    /// The number of tokens of a sample.
    pub sequence: u64,
    /// Weights are fp32, and operators run under bf16 autocast.
    pub autocast: bool,
    /// Attention writes its scores to memory.
    pub eager: bool,
    /// Linear layers keep their arguments although their weights are frozen, as DeepSpeed's own linear layer of ZeRO
    /// stage 3 does.
    pub keeps_inputs: bool,
    /// The rank of LoRA adapters; every other weight is frozen.
    pub lora: Option<u64>,
    /// Casts of weights that autocast keeps until the forward pass ends.
    pub casts: Vec<Tensor>,
    /// Keys and values that a decoder caches until the forward pass ends.
    pub cached: Vec<Tensor>,
    /// The number of the layer that runs.
    pub layer: u64,
}

impl Context {
    pub fn tokens(&self) -> u64 {
        self.batch * self.sequence
    }

    /// Returns the number of bytes of one element of the tensor that a layer passes to the next one.
    pub fn residual(&self) -> u64 {
        if self.autocast && self.lora.is_none() { 4 } else { 2 }
    }

    pub fn is_frozen(&self) -> bool {
        self.lora.is_some()
    }

    /// Returns the settings with another number of samples and tokens.
    pub fn with(&self, batch: u64, sequence: u64) -> Self {
        Self { batch, sequence, casts: Vec::new(), cached: Vec::new(), ..self.clone() }
    }
}

/// A linear layer from `columns` to `rows`.
#[derive(Clone, Copy)]
pub(crate) struct Linear {
    pub rows: u64,
    pub columns: u64,
    pub bias: bool,
    /// Whether LoRA adapts it.
    pub adapted: bool,
    /// Whether its weight is that of the embedding.
    pub shared: Shared,
}

impl Linear {
    pub fn new(rows: u64, columns: u64) -> Self {
        Self { rows, columns, bias: false, adapted: false, shared: Shared::No }
    }

    pub fn biased(rows: u64, columns: u64) -> Self {
        Self { bias: true, ..Self::new(rows, columns) }
    }

    pub fn adapted(self) -> Self {
        Self { adapted: true, ..self }
    }
}

/// Runs a linear layer on a number of rows of activations.
pub(crate) fn linear(tape: &mut Tape, cx: &mut Context, x: Tensor, tokens: u64, layer: Linear) -> Tensor {
    let adapted = layer.adapted && cx.lora.is_some();
    let is_cast = cx.autocast && tape.bytes(x) >= 4 * tokens * layer.columns;
    let input = if is_cast {
        let cast = tape.tensor(2 * tokens * layer.columns);
        tape.record(cast, Operator { inputs: &[x], ..Operator::default() });
        cast
    } else {
        x
    };
    let mut weights = vec![2 * layer.rows * layer.columns];
    let mut reduced = 0;
    if layer.bias && !cx.is_frozen() {
        weights.push(2 * layer.rows);
        reduced = reduction(tokens, layer.rows);
    }
    let mut saved = vec![input];
    if cx.is_frozen() {
        weights.clear();
        if !cx.keeps_inputs {
            saved.clear();
        }
    } else if cx.autocast {
        let cast = tape.tensor(2 * layer.rows * layer.columns);
        saved.push(cast);
        cx.casts.push(cast);
    }
    let y = tape.run(
        2 * tokens * layer.rows,
        Operator {
            inputs: &[input],
            saved: &saved,
            weights: &weights,
            reduction: reduced,
            shared: layer.shared,
            ..Operator::default()
        },
    );
    if is_cast {
        tape.release(input);
    }
    if adapted { adapter(tape, cx, x, y, tokens, layer) } else { y }
}

/// Adds the result of a LoRA adapter to that of the layer it adapts.
fn adapter(tape: &mut Tape, cx: &mut Context, x: Tensor, y: Tensor, tokens: u64, layer: Linear) -> Tensor {
    let rank = cx.lora.unwrap_or(0);
    let mut input = x;
    if cx.autocast {
        // The adapter's weights are fp32: PEFT casts to them, and autocast casts back.
        let wide = tape.run(4 * tokens * layer.columns, Operator { inputs: &[x], ..Operator::default() });
        input = tape.run(2 * tokens * layer.columns, Operator { inputs: &[wide], ..Operator::default() });
        tape.release(wide);
    }
    let low = tape.run(
        2 * tokens * rank,
        Operator {
            inputs: &[input],
            saved: &[input],
            weights: &[2 * rank * layer.columns],
            ..Operator::default()
        },
    );
    if input != x {
        tape.release(input);
    }
    let high = tape.run(
        2 * tokens * layer.rows,
        Operator { inputs: &[low], saved: &[low], weights: &[2 * rank * layer.rows], ..Operator::default() },
    );
    tape.release(low);
    let scaled = tape.run(2 * tokens * layer.rows, Operator { inputs: &[high], ..Operator::default() });
    tape.release(high);
    let sum = tape.run(
        2 * tokens * layer.rows,
        Operator { inputs: &[y, scaled], passes_gradient: true, ..Operator::default() },
    );
    tape.release_all(&[y, scaled]);
    sum
}

/// Adds a branch to the residual stream.
pub(crate) fn add(tape: &mut Tape, cx: &Context, x: Tensor, branch: Tensor, elements: u64) -> Tensor {
    let bytes = cx.residual() * elements;
    if tape.bytes(branch) < super::tape::rounded(bytes) {
        // The gradient of the fp32 sum is cast to the branch's type.
        let sum = tape.tensor(bytes);
        let cast = tape.view(bytes);
        tape.record(cast, Operator { inputs: &[branch], ..Operator::default() });
        tape.record(sum, Operator { inputs: &[x, cast], passes_gradient: true, ..Operator::default() });
        tape.release(branch);
        tape.release(cast);
        return sum;
    }
    let sum =
        tape.run(bytes, Operator { inputs: &[x, branch], passes_gradient: true, ..Operator::default() });
    tape.release(branch);
    sum
}
