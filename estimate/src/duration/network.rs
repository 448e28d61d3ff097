//! The minimum time that a training step needs for the communication between instances.

use crate::memory::Strategy;

/// Returns the bandwidth of an instance in bytes per second from EC2's text, such as `4x 100 Gigabit`, and whether it is
/// a burst bandwidth (`Up to 25 Gigabit`). Returns `None` if the text states no bandwidth.
pub(super) fn bandwidth(text: &str) -> Option<(f64, bool)> {
    let (burst, rest) = text.strip_prefix("Up to ").map_or((false, text), |rest| (true, rest));
    let (cards, rest) =
        rest.split_once("x ").map_or((Some(1.0), rest), |(cards, rest)| (cards.parse().ok(), rest));
    let gigabits: f64 = rest.strip_suffix(" Gigabit")?.trim().parse().ok()?;
    let bytes = cards? * gigabits * 1e9 / 8.0;
    (bytes > 0.0).then_some((bytes, burst))
}

/// Returns the bytes that each instance sends in a step of ring collectives over `instances` instances; gathered weights
/// are bf16, and gradients are reduced in fp32 (FSDP and DDP) or bf16 (DeepSpeed).
pub(super) fn bytes_per_step(strategy: Strategy, parameters: u64, instances: u64) -> f64 {
    let parameters = parameters as f64;
    let bytes = match strategy {
        // An all-reduce moves the data twice.
        Strategy::Ddp | Strategy::HybridShard => 2.0 * 4.0 * parameters,
        // Weights are gathered in the forward and in the backward pass.
        Strategy::FullShard => (2.0 * 2.0 + 4.0) * parameters,
        Strategy::ShardGradOp => (2.0 + 4.0) * parameters,
        Strategy::Zero3 => (2.0 * 2.0 + 2.0) * parameters,
        // Gradients are reduced, and updated weights are gathered.
        _ => (2.0 + 2.0) * parameters,
    };
    let instances = instances.max(1) as f64;
    bytes * (instances - 1.0) / instances
}
