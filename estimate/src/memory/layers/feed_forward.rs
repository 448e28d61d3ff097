//! Feed-forward networks.

use super::super::shape::{Architecture, ModelShape};
use super::super::tape::{Operator, Tape, Tensor};
use super::{Context, Linear, linear, opt};

/// Two linear layers with a gate: `down(act(gate(x)) * up(x))`.
pub(super) fn gated(tape: &mut Tape, cx: &mut Context, shape: &ModelShape, x: Tensor) -> Tensor {
    let (t, h, f) = (cx.tokens(), shape.hidden, shape.ffn);
    let product = if shape.architecture == Architecture::Phi3 {
        let both = linear(tape, cx, x, t, Linear::new(2 * f, h));
        // Both halves are views, so the whole is kept.
        let halves = [tape.view(2 * t * f), tape.view(2 * t * f)];
        for half in halves {
            tape.record(half, Operator { inputs: &[both], ..Operator::default() });
        }
        let [gate, up] = halves;
        let active = tape.run(2 * t * f, Operator { inputs: &[gate], saved: &[both], ..Operator::default() });
        let product = tape.run(
            2 * t * f,
            Operator { inputs: &[active, up], saved: &[active, both], ..Operator::default() },
        );
        tape.release_all(&[active, both, gate, up]);
        product
    } else {
        product_of_gate(tape, cx, x, Linear::new(f, h))
    };
    let out = linear(tape, cx, product, t, Linear::new(h, f));
    tape.release(product);
    out
}

/// Two linear layers with a gate, whose hidden layer has another width than the model states, with or without biases.
pub(super) fn gated_of(
    tape: &mut Tape,
    cx: &mut Context,
    h: u64,
    f: u64,
    x: Tensor,
    has_bias: bool,
) -> Tensor {
    let of =
        |rows, columns| if has_bias { Linear::biased(rows, columns) } else { Linear::new(rows, columns) };
    let product = product_of_gate(tape, cx, x, of(f, h));
    let out = linear(tape, cx, product, cx.tokens(), of(h, f));
    tape.release(product);
    out
}

/// `act(gate(x)) * up(x)`, where both linear layers have the same form.
fn product_of_gate(tape: &mut Tape, cx: &mut Context, x: Tensor, form: Linear) -> Tensor {
    let t = cx.tokens();
    let gate = linear(tape, cx, x, t, form);
    let active = opt::keeping_input(tape, gate);
    let up = linear(tape, cx, x, t, form);
    let product = opt::product(tape, active, up, 2 * t * form.rows);
    tape.release_all(&[gate, active, up]);
    product
}

/// Two linear layers with biases and an activation between them.
pub(super) fn plain(
    tape: &mut Tape,
    cx: &mut Context,
    h: u64,
    f: u64,
    x: Tensor,
    written_out: bool,
) -> Tensor {
    let t = cx.tokens();
    let wide = linear(tape, cx, x, t, Linear::biased(f, h));
    let active =
        if written_out { opt::gelu_new(tape, cx, wide, t * f) } else { opt::keeping_input(tape, wide) };
    tape.release(wide);
    let out = linear(tape, cx, active, t, Linear::biased(h, f));
    tape.release(active);
    out
}
