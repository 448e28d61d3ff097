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
        let gate = linear(tape, cx, x, t, Linear::new(f, h));
        let active = opt::keeping_input(tape, gate);
        let up = linear(tape, cx, x, t, Linear::new(f, h));
        let product = opt::product(tape, active, up, 2 * t * f);
        tape.release_all(&[gate, active, up]);
        product
    };
    let out = linear(tape, cx, product, t, Linear::new(h, f));
    tape.release(product);
    out
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
