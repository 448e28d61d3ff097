//! Layers of T5: attention with a bias by relative position, in an encoder and in a decoder.

use super::super::shape::ModelShape;
use super::super::tape::{Tape, Tensor};
use super::attention::{self, Heads};
use super::{Context, Linear, add, linear, norm_of, opt};

/// Attention with a residual connection. With a memory it attends to the encoder's result.
fn attention(
    tape: &mut Tape,
    cx: &mut Context,
    shape: &ModelShape,
    x: Tensor,
    memory: Option<Tensor>,
    caches: bool,
) -> Tensor {
    let (t, h, inner) = (cx.tokens(), shape.hidden, shape.heads * shape.head_dim);
    let n = t * h;
    let normal = norm_of(tape, cx, shape, x, n, h);
    let q = linear(tape, cx, normal, t, Linear::new(inner, h));
    let source = memory.unwrap_or(normal);
    let mut k = linear(tape, cx, source, t, Linear::new(inner, h));
    let mut v = linear(tape, cx, source, t, Linear::new(inner, h));
    tape.release(normal);
    if caches && tape.records {
        for tensor in [&mut k, &mut v] {
            let copy = opt::keeping_nothing(tape, *tensor, 2 * t * inner);
            tape.release(std::mem::replace(tensor, copy));
            cx.cached.push(tape.share(copy));
        }
    }
    let heads = Heads::of(shape, cx);
    let out = match memory {
        _ if cx.eager => attention::attend(tape, cx, heads, &[q, k, v], shape.dropout),
        Some(_) => attention::fused(tape, cx, heads, &[q, k, v], false),
        _ => attention::by_bias(tape, cx, heads, [q, k, v], shape.dropout),
    };
    let mut branch = linear(tape, cx, out, t, Linear::new(h, inner));
    tape.release(out);
    if shape.dropout {
        branch = opt::dropout(tape, branch, n);
    }
    add(tape, cx, x, branch, n)
}

fn feed_forward(tape: &mut Tape, cx: &mut Context, shape: &ModelShape, x: Tensor) -> Tensor {
    let (t, h, f) = (cx.tokens(), shape.hidden, shape.ffn);
    let n = t * h;
    let normal = norm_of(tape, cx, shape, x, n, h);
    let gate = linear(tape, cx, normal, t, Linear::new(f, h));
    let mut wide = if shape.gated {
        let active = opt::gelu_new(tape, cx, gate, t * f);
        let up = linear(tape, cx, normal, t, Linear::new(f, h));
        let product = opt::product(tape, active, up, 2 * t * f);
        tape.release_all(&[active, up]);
        product
    } else {
        opt::keeping_input(tape, gate)
    };
    tape.release_all(&[gate, normal]);
    if shape.dropout {
        wide = opt::dropout(tape, wide, t * f);
    }
    let mut branch = linear(tape, cx, wide, t, Linear::new(h, f));
    tape.release(wide);
    if shape.dropout {
        branch = opt::dropout(tape, branch, n);
    }
    add(tape, cx, x, branch, n)
}

/// Runs a layer of the encoder; the caller keeps its argument.
pub(super) fn encoder_layer(tape: &mut Tape, cx: &mut Context, shape: &ModelShape, x: Tensor) -> Tensor {
    let middle = attention(tape, cx, shape, x, None, false);
    let out = feed_forward(tape, cx, shape, middle);
    tape.release(middle);
    out
}

/// Runs a layer of the decoder, which also attends to the encoder's result; the caller keeps both arguments.
pub(crate) fn decoder_layer(
    tape: &mut Tape,
    cx: &mut Context,
    shape: &ModelShape,
    x: Tensor,
    memory: Tensor,
) -> Tensor {
    let first = attention(tape, cx, shape, x, None, true);
    let second = attention(tape, cx, shape, first, Some(memory), true);
    tape.release(first);
    let out = feed_forward(tape, cx, shape, second);
    tape.release(second);
    out
}
