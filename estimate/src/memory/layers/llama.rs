//! Decoder layers and encoder layers with one stream of tokens.

use super::super::shape::{Architecture, Implementation, ModelShape};
use super::super::tape::{Operator, Shared, Tape, Tensor};
use super::attention::{self, Heads};
use super::{Context, Linear, add, experts, feed_forward, linear, norm_of, opt, t5};

/// Runs a layer; the caller keeps its argument.
pub(crate) fn layer(tape: &mut Tape, cx: &mut Context, shape: &ModelShape, x: Tensor) -> Tensor {
    use Architecture::*;
    match shape.architecture {
        GptNeoX | Phi => parallel(tape, cx, shape, x),
        Gpt2 | Vit => sequential(tape, cx, shape, x),
        T5 => t5::encoder_layer(tape, cx, shape, x),
        _ => llama(tape, cx, shape, x),
    }
}

fn elements(cx: &Context, shape: &ModelShape) -> u64 {
    cx.tokens() * shape.hidden
}

fn llama(tape: &mut Tape, cx: &mut Context, shape: &ModelShape, x: Tensor) -> Tensor {
    let has_post_norms = matches!(shape.architecture, Architecture::Gemma2 | Architecture::Gemma3);
    let n = elements(cx, shape);
    let normal = norm_of(tape, cx, shape, x, n, shape.hidden);
    let mut branch = llama_attention(tape, cx, shape, normal);
    tape.release(normal);
    if has_post_norms {
        branch = post_norm(tape, cx, shape, branch);
    }
    let middle = add(tape, cx, x, branch, n);
    let normal = norm_of(tape, cx, shape, middle, n, shape.hidden);
    let mut branch = match shape.experts {
        Some(mixture) => experts::experts(tape, cx, shape, mixture, normal),
        None => feed_forward::gated(tape, cx, shape, normal),
    };
    tape.release(normal);
    if has_post_norms {
        branch = post_norm(tape, cx, shape, branch);
    }
    let out = add(tape, cx, middle, branch, n);
    tape.release(middle);
    out
}

fn post_norm(tape: &mut Tape, cx: &Context, shape: &ModelShape, branch: Tensor) -> Tensor {
    let normal = norm_of(tape, cx, shape, branch, elements(cx, shape), shape.hidden);
    tape.release(branch);
    normal
}

/// Runs the projections, rotary embedding and attention of Llama and its relatives.
fn llama_attention(tape: &mut Tape, cx: &mut Context, shape: &ModelShape, x: Tensor) -> Tensor {
    use Architecture::*;
    let (t, h, d) = (cx.tokens(), shape.hidden, shape.head_dim);
    let (wide, narrow) = (shape.heads * d, shape.kv_heads * d);
    let is_masked = shape.window.is_some_and(|window| window < cx.sequence) && shape.is_windowed(cx.layer);
    let rotate = |tape: &mut Tape, x: Tensor, width: u64| match shape.implementation {
        // The rotation keeps nothing, and what it computes is smaller than what follows.
        Implementation::Fused | Implementation::Unknown => x,
        Implementation::Transformers => attention::rotated(tape, x, 2 * t * width),
    };
    let heads = Heads::of(shape, cx);
    let out = if shape.architecture == Phi3 {
        let all = linear(tape, cx, x, t, Linear::new(wide + 2 * narrow, h));
        // Queries and keys are rotated into tensors of their own; the values stay a view of the whole.
        let q = view_of(tape, all, 2 * t * wide);
        let k = view_of(tape, all, 2 * t * narrow);
        let q = rotate(tape, q, wide);
        let k = rotate(tape, k, narrow);
        attention::attend(tape, cx, heads, &[q, k, all], false)
    } else {
        let project =
            |rows: u64| Linear { bias: shape.architecture == Qwen2, ..Linear::new(rows, h).adapted() };
        let mut q = linear(tape, cx, x, t, project(wide));
        let mut k = linear(tape, cx, x, t, project(narrow));
        if shape.qk_norm {
            for (tensor, width) in [(&mut q, wide), (&mut k, narrow)] {
                let normal = norm_of(tape, cx, shape, *tensor, t * width, d);
                tape.release(std::mem::replace(tensor, normal));
            }
        }
        let v = linear(tape, cx, x, t, project(narrow));
        let q = rotate(tape, q, wide);
        let k = rotate(tape, k, narrow);
        if is_masked && !cx.eager {
            attention::fused(tape, cx, heads, &[q, k, v], true)
        } else {
            attention::attend(tape, cx, heads, &[q, k, v], false)
        }
    };
    let result = linear(tape, cx, out, t, Linear::new(h, wide).adapted());
    tape.release(out);
    result
}

/// Creates a view of a part of a tensor, which allocates no memory and has a gradient of its own.
fn view_of(tape: &mut Tape, whole: Tensor, bytes: u64) -> Tensor {
    let view = tape.view(bytes);
    tape.record(view, Operator { inputs: &[whole], ..Operator::default() });
    view
}

/// GPT-2 and vision transformers: attention and feed-forward network one after the other, with layer norms.
fn sequential(tape: &mut Tape, cx: &mut Context, shape: &ModelShape, x: Tensor) -> Tensor {
    let (t, h) = (cx.tokens(), shape.hidden);
    let n = t * h;
    let is_gpt2 = shape.architecture == Architecture::Gpt2;
    let normal = norm_of(tape, cx, shape, x, n, h);
    let qkv = if is_gpt2 {
        vec![linear(tape, cx, normal, t, Linear::biased(3 * h, h).adapted())]
    } else {
        (0..3).map(|_| linear(tape, cx, normal, t, Linear::biased(h, h).adapted())).collect()
    };
    tape.release(normal);
    let heads = Heads::of(shape, cx);
    let out = attention::attend(tape, cx, heads, &qkv, shape.dropout);
    let mut branch = linear(tape, cx, out, t, Linear::biased(h, h).adapted());
    tape.release(out);
    if shape.dropout {
        branch = opt::dropout(tape, branch, n);
    }
    let middle = add(tape, cx, x, branch, n);
    let normal = norm_of(tape, cx, shape, middle, n, h);
    let mut branch = feed_forward::plain(tape, cx, h, shape.ffn, normal, is_gpt2);
    tape.release(normal);
    if shape.dropout {
        branch = opt::dropout(tape, branch, n);
    }
    let out = add(tape, cx, middle, branch, n);
    tape.release(middle);
    out
}

/// GPT-NeoX and Phi: attention and feed-forward network side by side.
fn parallel(tape: &mut Tape, cx: &mut Context, shape: &ModelShape, x: Tensor) -> Tensor {
    let (t, h) = (cx.tokens(), shape.hidden);
    let n = t * h;
    let is_phi = shape.architecture == Architecture::Phi;
    let normal = norm_of(tape, cx, shape, x, n, h);
    let heads = Heads::of(shape, cx);
    let qkv = if is_phi {
        let mut each: Vec<Tensor> =
            (0..3).map(|_| linear(tape, cx, normal, t, Linear::biased(h, h).adapted())).collect();
        // A part of each head is rotated and then concatenated with the rest.
        for tensor in each.iter_mut().take(2) {
            *tensor = attention::rotated(tape, *tensor, 2 * n);
        }
        each
    } else {
        let all = linear(tape, cx, normal, t, Linear::biased(3 * h, h).adapted());
        let q = opt::keeping_nothing(tape, all, 2 * n);
        let k = opt::keeping_nothing(tape, all, 2 * n);
        vec![q, k, all]
    };
    let out = attention::attend(tape, cx, heads, &qkv, false);
    let attended = linear(tape, cx, out, t, Linear::biased(h, h).adapted());
    tape.release(out);
    let second = if is_phi {
        normal
    } else {
        tape.release(normal);
        norm_of(tape, cx, shape, x, n, h)
    };
    let fed = feed_forward::plain(tape, cx, h, shape.ffn, second, is_phi);
    tape.release(second);
    let branches = add(tape, cx, attended, fed, n);
    tape.release(attended);
    add(tape, cx, x, branches, n)
}

/// Runs the embedding of tokens (and learned positions).
pub(crate) fn embed(tape: &mut Tape, cx: &Context, shape: &ModelShape) -> Tensor {
    let n = elements(cx, shape);
    let bytes = cx.residual() * n;
    let weights: Vec<u64> = match cx.is_frozen() {
        true => Vec::new(),
        false => Vec::from_iter(
            [shape.vocab, shape.positions]
                .into_iter()
                .filter(|rows| *rows > 0)
                .map(|rows| 2 * rows * shape.hidden),
        ),
    };
    let shared = if shape.tied { Shared::Embedding } else { Shared::No };
    let out = tape.run(bytes, Operator { weights: &weights, shared, ..Operator::default() });
    if shape.dropout { opt::dropout(tape, out, n) } else { out }
}

/// Runs the norm after the last layer. Takes its argument.
pub(crate) fn final_norm(tape: &mut Tape, cx: &Context, shape: &ModelShape, x: Tensor) -> Tensor {
    let normal = norm_of(tape, cx, shape, x, elements(cx, shape), shape.hidden);
    tape.release(x);
    normal
}
