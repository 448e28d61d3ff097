//! A mixture of experts, as transformers runs it: tokens sorted by expert, and one grouped product for all experts.

use super::super::shape::{Experts, ModelShape};
use super::super::tape::{Operator, Tape, Tensor};
use super::{Context, Linear, feed_forward, linear, opt};

pub(super) fn experts(
    tape: &mut Tape,
    cx: &mut Context,
    shape: &ModelShape,
    experts: Experts,
    x: Tensor,
) -> Tensor {
    let (t, h, f) = (cx.tokens(), shape.hidden, experts.ffn);
    let rows = t * experts.per_token;
    let routes = linear(tape, cx, x, t, Linear::new(experts.count, h));
    let shares = tape.tensor(4 * t * experts.count);
    tape.record(shares, Operator { inputs: &[routes], saved: &[shares], ..Operator::default() });
    tape.release(routes);
    let sorted = opt::keeping_nothing(tape, x, 2 * rows * h);
    let weights = |elements: u64| if cx.is_frozen() { 0 } else { 2 * elements * experts.count };
    let both = tape.run(
        2 * rows * 2 * f,
        Operator {
            inputs: &[sorted],
            saved: &[sorted],
            weights: &[weights(2 * f * h)],
            ..Operator::default()
        },
    );
    tape.release(sorted);
    let active = tape.run(2 * rows * f, Operator { inputs: &[both], saved: &[both], ..Operator::default() });
    let product = tape.run(
        2 * rows * f,
        Operator { inputs: &[active, both], saved: &[active, both], ..Operator::default() },
    );
    tape.release_all(&[active, both]);
    let down = tape.run(
        2 * rows * h,
        Operator { inputs: &[product], saved: &[product], weights: &[weights(f * h)], ..Operator::default() },
    );
    tape.release(product);
    // Each result is weighted by the share of its expert.
    let weighted =
        tape.run(2 * rows * h, Operator { inputs: &[down, shares], saved: &[down], ..Operator::default() });
    tape.release_all(&[down, shares]);
    let restored = opt::keeping_nothing(tape, weighted, 2 * rows * h);
    tape.release(weighted);
    let sum = opt::keeping_nothing(tape, restored, 2 * t * h);
    tape.release(restored);
    if experts.shared_ffn == 0 {
        return sum;
    }
    let shared = feed_forward::gated_of(tape, cx, h, experts.shared_ffn, x, false);
    let share = linear(tape, cx, x, t, Linear::new(1, h));
    let weighted = tape.run(
        2 * t * h,
        Operator { inputs: &[shared, share], saved: &[shared, share], ..Operator::default() },
    );
    tape.release_all(&[shared, share]);
    let both = opt::keeping_nothing(tape, weighted, 2 * t * h);
    tape.release_all(&[weighted, sum]);
    both
}
