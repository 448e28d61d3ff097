//! The vision encoder of a vision-language model (Qwen2-VL to Qwen3-VL).

use super::super::shape::{ModelShape, Vision};
use super::super::tape::{Tape, Tensor};
use super::attention::{self, Heads};
use super::norm::layer_norm;
use super::{Context, Linear, add, feed_forward, linear, opt};

/// Runs the embedding of patches. `cx` counts images as samples and patches as tokens.
pub(crate) fn embed_images(tape: &mut Tape, cx: &mut Context, vision: &Vision) -> Tensor {
    let t = cx.tokens();
    let pixels = tape.tensor(2 * t * 3 * 2 * vision.patch * vision.patch);
    let pixel_count = 3 * 2 * vision.patch * vision.patch;
    if !vision.learned_positions {
        let out = linear(tape, cx, pixels, t, Linear::new(vision.hidden, pixel_count));
        tape.release(pixels);
        return out;
    }
    let out = linear(tape, cx, pixels, t, Linear::biased(vision.hidden, pixel_count));
    tape.release(pixels);
    let positions = tape.tensor(cx.residual() * t * vision.hidden);
    add(tape, cx, positions, out, t * vision.hidden)
}

/// Runs a layer of the encoder; the caller keeps its argument.
pub(crate) fn vision_layer(tape: &mut Tape, cx: &mut Context, vision: &Vision, x: Tensor) -> Tensor {
    let (t, h) = (cx.tokens(), vision.hidden);
    let n = t * h;
    let normal = layer_norm(tape, cx, x, n, h);
    let all = linear(tape, cx, normal, t, Linear::biased(3 * h, h));
    tape.release(normal);
    // Queries and keys are rotated in fp32; the values stay a view.
    let mut parts = Vec::with_capacity(3);
    for _ in 0..2 {
        let wide = opt::keeping_nothing(tape, all, 4 * n);
        let wide = attention::rotated(tape, wide, 4 * n);
        parts.push(opt::keeping_nothing(tape, wide, 2 * n));
        tape.release(wide);
    }
    parts.push(all);
    let heads = Heads {
        queries: vision.heads,
        keys: vision.heads,
        width: h / vision.heads.max(1),
        keys_sequence: cx.sequence,
        is_copied: false,
        wide_softmax: true,
        are_interleaved: false,
        capped: false,
    };
    let each = attention::attend(tape, cx, heads, &parts, false);
    // The images' results are put together.
    let out = opt::keeping_nothing(tape, each, 2 * n);
    tape.release(each);
    let branch = linear(tape, cx, out, t, Linear::biased(h, h));
    tape.release(out);
    let middle = add(tape, cx, x, branch, n);
    let normal = layer_norm(tape, cx, middle, n, h);
    let branch = if vision.gated {
        feed_forward::gated_of(tape, cx, h, vision.ffn, normal, true)
    } else {
        feed_forward::plain(tape, cx, h, vision.ffn, normal, false)
    };
    tape.release(normal);
    let out = add(tape, cx, middle, branch, n);
    tape.release(middle);
    out
}

/// Merges squares of patches into tokens of the decoder; the caller keeps its argument.
pub(crate) fn merge(
    tape: &mut Tape,
    cx: &mut Context,
    shape: &ModelShape,
    vision: &Vision,
    x: Tensor,
) -> Tensor {
    let (patches, h) = (cx.tokens(), vision.hidden);
    let side = vision.merge * vision.merge;
    let (rows, wide) = (patches / side, h * side);
    let normal = layer_norm(tape, cx, x, patches * h, h);
    let first = linear(tape, cx, normal, rows, Linear::biased(wide, wide));
    tape.release(normal);
    let active = opt::keeping_input(tape, first);
    tape.release(first);
    let out = linear(tape, cx, active, rows, Linear::biased(shape.hidden, wide));
    tape.release(active);
    out
}
