//! Elementwise operators.

use super::super::tape::{Operator, Tape, Tensor};
use super::Context;

/// Runs an operator that reads its argument again in its backward pass (SiLU, GELU).
pub(super) fn keeping_input(tape: &mut Tape, x: Tensor) -> Tensor {
    tape.run(tape.bytes(x), Operator { inputs: &[x], saved: &[x], ..Operator::default() })
}

/// Runs an operator that keeps nothing (a multiplication by a number, a cast).
pub(super) fn keeping_nothing(tape: &mut Tape, x: Tensor, bytes: u64) -> Tensor {
    tape.run(bytes, Operator { inputs: &[x], ..Operator::default() })
}

/// Runs an operator that reads its result again in its backward pass (the hyperbolic tangent).
pub(super) fn keeping_result(tape: &mut Tape, x: Tensor) -> Tensor {
    let out = tape.tensor(tape.bytes(x));
    tape.record(out, Operator { inputs: &[x], saved: &[out], ..Operator::default() });
    out
}

/// Runs the product of two tensors, which keeps both.
pub(super) fn product(tape: &mut Tape, a: Tensor, b: Tensor, bytes: u64) -> Tensor {
    tape.run(bytes, Operator { inputs: &[a, b], saved: &[a, b], ..Operator::default() })
}

/// Dropout, which keeps a mask of one byte an element.
pub(super) fn dropout(tape: &mut Tape, x: Tensor, elements: u64) -> Tensor {
    let mask = tape.tensor(elements);
    let out = tape.run(tape.bytes(x), Operator { inputs: &[x], saved: &[mask], ..Operator::default() });
    tape.release_all(&[mask, x]);
    out
}

/// GELU by the hyperbolic tangent, written out as transformers' `gelu_new` is.
pub(super) fn gelu_new(tape: &mut Tape, cx: &Context, x: Tensor, elements: u64) -> Tensor {
    // Powers run in fp32 under autocast.
    let wide = if cx.autocast { 4 } else { 2 };
    let base = if cx.autocast { keeping_nothing(tape, x, wide * elements) } else { x };
    let cube = keeping_input(tape, base);
    let scaled = keeping_nothing(tape, cube, wide * elements);
    tape.release(cube);
    let inner = tape.run(
        wide * elements,
        Operator { inputs: &[x, scaled], passes_gradient: true, ..Operator::default() },
    );
    tape.release(scaled);
    let outer = keeping_nothing(tape, inner, wide * elements);
    tape.release(inner);
    let tanh = keeping_result(tape, outer);
    tape.release(outer);
    let one =
        tape.run(wide * elements, Operator { inputs: &[tanh], passes_gradient: true, ..Operator::default() });
    tape.release(tanh);
    let half = keeping_nothing(tape, x, 2 * elements);
    let out = product(tape, half, one, wide * elements);
    tape.release_all(&[half, one]);
    if base != x {
        tape.release(base);
    }
    out
}
