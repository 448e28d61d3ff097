//! Attention: rotary embeddings, and the product of queries, keys and values.

use super::super::shape::{Architecture, ModelShape};
use super::super::tape::{Operator, Tape, Tensor};
use super::{Context, opt};

/// Rotates queries or keys: `x * cos + rotate_half(x) * sin`, which keeps neither. Takes its argument.
pub(super) fn rotated(tape: &mut Tape, x: Tensor, bytes: u64) -> Tensor {
    let cosine = opt::keeping_nothing(tape, x, bytes);
    let half = opt::keeping_nothing(tape, x, bytes);
    let sine = opt::keeping_nothing(tape, half, bytes);
    tape.release(half);
    let sum =
        tape.run(bytes, Operator { inputs: &[cosine, sine], passes_gradient: true, ..Operator::default() });
    tape.release_all(&[cosine, sine, x]);
    sum
}

/// The heads of one attention.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub queries: u64,
    pub keys: u64,
    pub width: u64,
    /// Tokens that are attended to; those of the queries where they are the same.
    pub keys_sequence: u64,
    /// The result follows the layout of the queries. If only a part of each head is rotated and then concatenated with the rest,
    /// heads come before tokens, so that the result is copied.
    pub is_copied: bool,
    /// The softmax of scores that are written out is taken in fp32.
    pub wide_softmax: bool,
    /// The values are interleaved with queries and keys, so that a matrix product copies them.
    pub are_interleaved: bool,
    /// Scores are capped by a hyperbolic tangent.
    pub capped: bool,
}

impl Heads {
    pub fn of(shape: &ModelShape, cx: &Context) -> Self {
        use Architecture::*;
        Self {
            queries: shape.heads,
            keys: shape.kv_heads,
            width: shape.head_dim,
            keys_sequence: cx.sequence,
            is_copied: matches!(shape.architecture, GptNeoX | Phi | Phi3),
            wide_softmax: !matches!(shape.architecture, Gpt2 | T5),
            are_interleaved: shape.architecture == GptNeoX,
            capped: shape.architecture == Gemma2,
        }
    }
}

/// Attention over three tensors, which may be views of one. Takes its arguments.
pub(super) fn attend(tape: &mut Tape, cx: &Context, heads: Heads, qkv: &[Tensor], dropout: bool) -> Tensor {
    if cx.eager { eager(tape, cx, heads, qkv, dropout) } else { fused(tape, cx, heads, qkv, false) }
}

/// FlashAttention: keeps its arguments, its result and the logarithm of the sums.
pub(super) fn fused(tape: &mut Tape, cx: &Context, heads: Heads, qkv: &[Tensor], masked: bool) -> Tensor {
    let wide = 2 * cx.tokens() * heads.queries * heads.width;
    let mut inputs = qkv.to_vec();
    if masked && heads.keys < heads.queries && qkv.len() == 3 {
        // A mask rules the grouped kernel out: keys and values are repeated.
        for input in inputs.iter_mut().skip(1) {
            let repeated = opt::keeping_nothing(tape, *input, wide);
            tape.release(std::mem::replace(input, repeated));
        }
    }
    let out = tape.tensor(wide);
    let sums = tape.tensor(4 * cx.tokens() * heads.queries);
    let mut saved = inputs.clone();
    saved.extend([out, sums]);
    // The mask is expanded to a number for each pair of tokens.
    let mask = masked.then(|| tape.tensor(2 * cx.batch * cx.sequence * heads.keys_sequence));
    saved.extend(mask);
    let grouped = if heads.keys < heads.queries && !masked { 2 * wide } else { 0 };
    // A gradient of the queries in fp32, and gradients of the keys and values for each head of the queries.
    let temporary = 2 * wide + 4 * cx.tokens() * heads.queries + grouped;
    tape.record(
        out,
        Operator { inputs: &inputs, saved: &saved, backward_temporary: temporary, ..Operator::default() },
    );
    tape.release(sums);
    tape.release_all(&inputs);
    if let Some(mask) = mask {
        tape.release(mask);
    }
    if heads.is_copied {
        let copy = opt::keeping_nothing(tape, out, wide);
        tape.release(out);
        return copy;
    }
    out
}

/// Attention written out: the scores are in memory.
fn eager(tape: &mut Tape, cx: &Context, heads: Heads, qkv: &[Tensor], dropout: bool) -> Tensor {
    let wide = 2 * cx.tokens() * heads.queries * heads.width;
    let cells = cx.batch * heads.queries * cx.sequence * heads.keys_sequence;
    let [q, k, v] = separate(tape, heads, qkv, wide);
    let mut scores = tape.run(2 * cells, Operator { inputs: &[q, k], saved: &[q, k], ..Operator::default() });
    replace(tape, &mut scores, |tape, scores| opt::keeping_nothing(tape, scores, 2 * cells));
    if heads.capped {
        replace(tape, &mut scores, |tape, scores| opt::keeping_nothing(tape, scores, 2 * cells));
        replace(tape, &mut scores, opt::keeping_result);
        replace(tape, &mut scores, |tape, scores| opt::keeping_nothing(tape, scores, 2 * cells));
    }
    // The mask is added.
    replace(tape, &mut scores, |tape, scores| {
        tape.run(2 * cells, Operator { inputs: &[scores], passes_gradient: true, ..Operator::default() })
    });
    let bytes = if heads.wide_softmax { 4 } else { 2 } * cells;
    if heads.wide_softmax {
        replace(tape, &mut scores, |tape, scores| opt::keeping_nothing(tape, scores, bytes));
    }
    let mut shares = tape.tensor(bytes);
    tape.record(
        shares,
        Operator { inputs: &[scores], saved: &[shares], backward_temporary: bytes, ..Operator::default() },
    );
    tape.release(scores);
    if heads.wide_softmax {
        replace(tape, &mut shares, |tape, shares| opt::keeping_nothing(tape, shares, 2 * cells));
    }
    if dropout {
        shares = opt::dropout(tape, shares, cells);
    }
    let out = tape.run(wide, Operator { inputs: &[shares, v], saved: &[shares, v], ..Operator::default() });
    tape.release_all(&[shares, q, k, v]);
    // The heads are concatenated again.
    let copy = opt::keeping_nothing(tape, out, wide);
    tape.release(out);
    copy
}

/// Replaces a tensor by the result of an operator on it.
fn replace(tape: &mut Tape, tensor: &mut Tensor, operator: impl FnOnce(&mut Tape, Tensor) -> Tensor) {
    let result = operator(tape, *tensor);
    tape.release(std::mem::replace(tensor, result));
}

/// Queries, keys and values as tensors of their own, with as many heads each. Takes its arguments.
fn separate(tape: &mut Tape, heads: Heads, qkv: &[Tensor], wide: u64) -> [Tensor; 3] {
    let parts: Vec<Tensor> = match qkv {
        [q, k, v] => {
            let is_grouped = heads.keys < heads.queries;
            let mut parts = vec![*q, *k, *v];
            for part in parts.iter_mut().skip(1) {
                // Repeated heads, and values that are a view of a larger tensor, are copied.
                if is_grouped || heads.are_interleaved && tape.bytes(*part) > wide {
                    replace(tape, part, |tape, part| opt::keeping_nothing(tape, part, wide));
                }
            }
            parts
        }
        all => {
            let whole = all.first().copied();
            let parts = whole.iter().flat_map(|whole| [*whole; 3]).collect::<Vec<_>>();
            let copies = parts.into_iter().map(|part| opt::keeping_nothing(tape, part, wide)).collect();
            tape.release_all(all);
            copies
        }
    };
    [parts[0], parts[1], parts[2]]
}

/// Attention with a learned bias: no fused kernel takes the gradient of one, so that PyTorch computes in fp32 with the
/// scores in memory. Takes its arguments.
pub(super) fn by_bias(
    tape: &mut Tape,
    cx: &Context,
    heads: Heads,
    qkv: [Tensor; 3],
    dropout: bool,
) -> Tensor {
    let elements = cx.tokens() * heads.queries * heads.width;
    let cells = cx.batch * heads.queries * cx.sequence * heads.keys_sequence;
    let [q, k, v] = qkv.map(|tensor| {
        let wide = opt::keeping_nothing(tape, tensor, 4 * elements);
        tape.release(tensor);
        wide
    });
    let mut scores = tape.run(4 * cells, Operator { inputs: &[q, k], saved: &[q, k], ..Operator::default() });
    replace(tape, &mut scores, |tape, scores| {
        tape.run(4 * cells, Operator { inputs: &[scores], passes_gradient: true, ..Operator::default() })
    });
    replace(tape, &mut scores, opt::keeping_result);
    if dropout {
        scores = opt::dropout(tape, scores, cells);
    }
    let out =
        tape.run(4 * elements, Operator { inputs: &[scores, v], saved: &[scores, v], ..Operator::default() });
    tape.release_all(&[scores, q, k, v]);
    let narrow = opt::keeping_nothing(tape, out, 2 * elements);
    tape.release(out);
    narrow
}
