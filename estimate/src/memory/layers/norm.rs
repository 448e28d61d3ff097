//! Norms.

use super::super::shape::{Architecture, Implementation, ModelShape};
use super::super::tape::{Operator, Tape, Tensor, reduction};
use super::{Context, opt};

/// Runs the norm of an architecture over a number of elements in rows of a width. The caller keeps its argument.
pub(crate) fn norm_of(
    tape: &mut Tape,
    cx: &Context,
    shape: &ModelShape,
    x: Tensor,
    elements: u64,
    width: u64,
) -> Tensor {
    use Architecture::*;
    match shape.architecture {
        _ if shape.implementation != Implementation::Transformers => fused_rms(tape, cx, x, elements, width),
        Gpt2 | GptNeoX | Phi | Vit => layer_norm(tape, cx, x, elements, width),
        Gemma | Gemma2 | Gemma3 => gemma_rms(tape, cx, x, elements, width),
        _ => rms(tape, cx, shape, x, elements, width),
    }
}

fn rows(elements: u64, width: u64) -> u64 {
    elements / width.max(1)
}

/// RMSNorm by PyTorch's operator: keeps its argument and one number a row.
fn fused_rms(tape: &mut Tape, cx: &Context, x: Tensor, elements: u64, width: u64) -> Tensor {
    let scale = tape.tensor(4 * rows(elements, width));
    let weights: &[u64] = if cx.is_frozen() { &[] } else { &[2 * width] };
    let out = tape.run(
        cx.residual() * elements,
        Operator { inputs: &[x], saved: &[x, scale], weights, ..Operator::default() },
    );
    tape.release(scale);
    out
}

/// Layer norm by PyTorch's operator: keeps its argument and two numbers a row. Under autocast it gives fp32.
pub(super) fn layer_norm(tape: &mut Tape, cx: &Context, x: Tensor, elements: u64, width: u64) -> Tensor {
    let (mean, deviation) = (tape.tensor(4 * rows(elements, width)), tape.tensor(4 * rows(elements, width)));
    let weights: &[u64] = if cx.is_frozen() { &[] } else { &[2 * width, 2 * width] };
    let out = tape.run(
        cx.residual() * elements,
        Operator { inputs: &[x], saved: &[x, mean, deviation], weights, ..Operator::default() },
    );
    tape.release_all(&[mean, deviation]);
    out
}

/// Runs the mean of squares, and the product of a factor with its inverse root: keeps both. `wide` is the fp32 argument, which
/// the caller has cast, and the factor is the same but in T5.
fn normalized(tape: &mut Tape, wide: Tensor, factor: Tensor, elements: u64, width: u64) -> Tensor {
    let square = tape.tensor(4 * elements);
    let scale = tape.tensor(4 * rows(elements, width));
    tape.release(square);
    // The backward pass of the mean and of the square expand to four blocks of the whole size.
    tape.record(
        scale,
        Operator {
            inputs: &[wide],
            saved: &[wide, scale],
            backward_temporary: 3 * 4 * elements,
            ..Operator::default()
        },
    );
    let out = tape.run(
        4 * elements,
        Operator {
            inputs: &[factor, scale],
            saved: &[factor, scale],
            backward_temporary: 4 * elements,
            ..Operator::default()
        },
    );
    tape.release(scale);
    out
}

/// RMSNorm as transformers writes it for Llama: cast to fp32, normalize, cast back, multiply by the weight.
fn rms(tape: &mut Tape, cx: &Context, shape: &ModelShape, x: Tensor, elements: u64, width: u64) -> Tensor {
    let is_wide = tape.bytes(x) >= 4 * elements;
    let wide = if is_wide { x } else { opt::keeping_nothing(tape, x, 4 * elements) };
    // T5 multiplies its argument as it is, and keeps that too.
    let factor = if shape.architecture == Architecture::T5 { x } else { wide };
    let normal = normalized(tape, wide, factor, elements, width);
    if wide != x {
        tape.release(wide);
    }
    let bytes = if is_wide { 4 } else { 2 } * elements;
    let narrow = if is_wide {
        normal
    } else {
        let narrow = opt::keeping_nothing(tape, normal, bytes);
        tape.release(normal);
        narrow
    };
    let out = if cx.is_frozen() {
        opt::keeping_nothing(tape, narrow, bytes)
    } else {
        tape.run(
            bytes,
            Operator {
                inputs: &[narrow],
                saved: &[narrow],
                weights: &[2 * width],
                backward_temporary: bytes,
                reduction: reduction(rows(elements, width), width),
                ..Operator::default()
            },
        )
    };
    tape.release(narrow);
    out
}

/// RMSNorm as transformers writes it for Gemma: the product with the weight is taken in fp32.
fn gemma_rms(tape: &mut Tape, cx: &Context, x: Tensor, elements: u64, width: u64) -> Tensor {
    let is_wide = tape.bytes(x) >= 4 * elements;
    let wide = if is_wide { x } else { opt::keeping_nothing(tape, x, 4 * elements) };
    let normal = normalized(tape, wide, wide, elements, width);
    if wide != x {
        tape.release(wide);
    }
    let scaled = if cx.is_frozen() {
        opt::keeping_nothing(tape, normal, 4 * elements)
    } else {
        tape.run(
            4 * elements,
            Operator {
                inputs: &[normal],
                saved: &[normal],
                weights: &[2 * width],
                backward_temporary: 4 * elements,
                reduction: reduction(rows(elements, width), width),
                ..Operator::default()
            },
        )
    };
    tape.release(normal);
    if is_wide {
        return scaled;
    }
    let out = opt::keeping_nothing(tape, scaled, 2 * elements);
    tape.release(scaled);
    out
}
