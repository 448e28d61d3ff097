//! The estimate of GPU memory against measured runs (`schemas/facts/gpu_*.jsonl`).

use stackwright_estimate::memory::measured::{MeasuredComparison, compare, errors};
use stackwright_estimate::memory::{Strategy, training_peak};

const PLAIN: &str = include_str!("../../schemas/facts/gpu_memory_measured.jsonl");
const HUGGING_FACE: &str = include_str!("../../schemas/facts/gpu_training_measured.jsonl");
const MORE: &str = include_str!("../../schemas/facts/gpu_runs_measured.jsonl");

fn within(comparisons: &[MeasuredComparison], count: usize, mean: f64, worst: f64) {
    assert_eq!(comparisons.len(), count);
    for one in comparisons {
        let limit =
            format!("{} {} {}: {:+.2} %", one.run.model, one.run.strategy, one.run.seq, one.error() * 100.0);
        assert!(one.error().abs() <= worst, "{limit}");
    }
    let found = errors(comparisons);
    assert!(found.mean <= mean, "the mean error is {:.2} %", found.mean * 100.0);
}

#[test]
fn the_plain_decoder_is_estimated_within_one_percent() {
    within(&compare(PLAIN), 14, 0.003, 0.01);
}

#[test]
fn hugging_face_models_are_estimated_within_one_percent() {
    let (ddp, rest): (Vec<_>, Vec<_>) =
        compare(HUGGING_FACE).into_iter().partition(|one| one.run.strategy == Strategy::Ddp);
    within(&rest, 16, 0.003, 0.01);
    // Both were measured in their second step, with the old buckets.
    assert_eq!(ddp.len(), 2);
    for one in ddp {
        let most = training_peak(&one.run.shape().unwrap(), &one.run.training()).most_bytes as f64;
        assert!((most / one.run.peak_allocated as f64 - 1.0).abs() < 0.01, "{}", one.run.model);
        assert!(one.error().abs() < 0.08, "{}", one.run.model);
    }
}

#[test]
fn further_runs_of_other_sizes_architectures_and_strategies_are_estimated_within_three_percent() {
    let (ddp, rest): (Vec<_>, Vec<_>) =
        compare(MORE).into_iter().partition(|one| one.run.strategy == Strategy::Ddp);
    within(&rest, 198, 0.003, 0.03);
    assert_eq!(ddp.len(), 34);
    // DistributedDataParallel: between the peak without and the one with the old buckets.
    for one in ddp {
        let peak = training_peak(&one.run.shape().unwrap(), &one.run.training());
        let (least, most) = (peak.least_bytes as f64, peak.most_bytes as f64);
        let measured = one.run.peak_allocated as f64;
        assert!(least * 0.99 < measured && measured < most * 1.01, "{} {peak:?}", one.run.model);
    }
}

#[test]
fn the_parameters_of_every_measured_model_are_counted_exactly() {
    for line in [PLAIN, HUGGING_FACE, MORE].iter().flat_map(|file| file.lines()) {
        let run: serde_json::Value = serde_json::from_str(line).unwrap();
        let parsed = &compare(line)[0].run;
        if parsed.lora == 0 {
            let parameters = parsed.shape().unwrap().parameters();
            assert_eq!(Some(parameters), run["params"].as_u64(), "{}", parsed.model);
        }
    }
}

#[test]
fn a_smaller_step_never_takes_more() {
    for one in compare(HUGGING_FACE) {
        let shape = one.run.shape().unwrap();
        let mut smaller = one.run.training();
        smaller.batch = smaller.batch.div_ceil(2);
        let peak = training_peak(&shape, &smaller).bytes;
        assert!(peak <= one.estimated, "{}", one.run.model);
    }
}
