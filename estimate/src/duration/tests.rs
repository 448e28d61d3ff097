//! Durations against values that were computed by hand.

use serde_json::json;

use super::*;

/// Llama 3 8B: 8,030,261,248 parameters, of which the input embedding has 128,256 × 4,096 = 525,336,576.
fn llama() -> ModelShape {
    ModelShape::from_config(&json!({
        "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": false
    }))
    .unwrap()
}

fn estimate(job: &Job) -> Result<DurationEstimate, DurationError> {
    training_duration(&llama(), job, &PriceBook::shipped())
}

fn job() -> Job {
    let mut job = Job::new("ml.p4d.24xlarge", 8, Strategy::FullShard, 16_384_000);
    job.mfu = Some(0.5);
    job
}

#[test]
fn flops_of_a_token() {
    let flops = flops_per_token(&llama(), 2048, true).unwrap();
    assert_eq!(flops.active_parameters, 7_504_924_672);
    assert_eq!(flops.matrices, 45_029_548_032);
    // 12 × 32 layers × 4,096 × 2,048 tokens.
    assert_eq!(flops.attention, 3_221_225_472);
    assert_eq!(flops.model(), 48_250_773_504);
    assert_eq!(flops.recomputation, 16_083_591_168);
    assert_eq!(flops.hardware(), 64_334_364_672);
}

#[test]
fn experts_that_a_token_is_not_sent_to_do_not_count() {
    let mixtral = ModelShape::from_config(&json!({
        "model_type": "mixtral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000, "num_local_experts": 8,
        "num_experts_per_tok": 2, "tie_word_embeddings": false
    }))
    .unwrap();
    // 46,702,792,704 parameters − 131,072,000 of the embedding − 3 × 32 × 6 × 4,096 × 14,336.
    assert_eq!(flops_per_token(&mixtral, 2048, false).unwrap().active_parameters, 12_748_853_248);
}

#[test]
fn the_time_of_a_run_on_one_instance() {
    let estimate = estimate(&job()).unwrap();
    // 16,384,000 tokens / (8 × 2,048) = 1,000 steps of 48,250,773,504 × 2,048 / (312e12 × 0.5) = 0.633446 s.
    assert_eq!((estimate.steps, estimate.instances), (1000, 1));
    assert!((estimate.step_seconds.expected - 0.633_446).abs() < 1e-6, "{estimate:?}");
    assert_eq!(estimate.seconds, EstimateRange { low: 634, expected: 634, high: 634 });
    // The price of an hour × 634 / 3,600.
    let hour = estimate.price.as_ref().unwrap().usd;
    assert_eq!(estimate.cost.unwrap().expected, hour.times_ratio(634, 3600));
}

#[test]
fn a_hardware_utilization_counts_recomputation() {
    let job = Job { mfu: None, hfu: Some(0.5), activation_checkpointing: true, ..job() };
    // Four thirds of 0.633446 s.
    assert!((estimate(&job).unwrap().step_seconds.expected - 0.844_595).abs() < 1e-6);
}

#[test]
fn checkpoints_and_interruptions() {
    let job = Job {
        checkpoint_interval_seconds: Some(100),
        checkpoint_seconds: 5,
        interruptions: 2,
        restart_seconds: 300,
        spot_saving: Rate::parse("0.65"),
        ..job()
    };
    let estimate = estimate(&job).unwrap();
    // 633.45 s + 6 checkpoints × 5 s + 2 × (300 s + nothing, half or all of 100 s), rounded up.
    assert_eq!(estimate.seconds, EstimateRange { low: 1264, expected: 1364, high: 1464 });
    let (cost, spot) = (estimate.cost.unwrap().expected, estimate.spot_cost.unwrap().expected);
    assert_eq!(spot, cost.less(Rate::parse("0.65").unwrap()));
    let lost = Job { checkpoint_interval_seconds: None, ..job };
    assert_eq!(
        training_duration(&llama(), &lost, &PriceBook::shipped()).unwrap_err(),
        DurationError::NoCheckpoints(2)
    );
}

#[test]
fn failures_of_instances_interrupt_by_their_rate() {
    let base = Job { checkpoint_interval_seconds: Some(100), restart_seconds: 300, ..job() };
    let estimate = estimate(&Job { hours_between_failures: Some(0.1), ..base }).unwrap();
    // 633.446 s on one instance, 360 s between failures: 1.75957 failures of 300 s + 50 s; the most is
    // 1.75957 + 2 x sqrt(1.75957) = 4.41255 of 300 s + 100 s.
    assert_eq!(estimate.seconds, EstimateRange { low: 634, expected: 1250, high: 2399 });
}

#[test]
fn frozen_weights_have_no_gradients() {
    let estimate = estimate(&Job { lora_rank: Some(16), activation_checkpointing: true, ..job() }).unwrap();
    let flops = estimate.flops_per_token;
    assert_eq!(flops.matrices, 4 * flops.active_parameters);
    assert_eq!(flops.recomputation, 2 * flops.active_parameters + flops.attention / 3);
}

#[test]
fn a_step_takes_at_least_as_long_as_its_communication() {
    let job = Job { ranks: 16, sequence: 128, ..job() };
    let estimate = estimate(&job).unwrap();
    // 8 bytes × 8,030,261,248 × 1/2 over 4 × 100 Gbit/s = 50e9 bytes a second.
    let expected = 8.0 * 8_030_261_248.0 / 2.0 / 50e9;
    assert!((estimate.communication_seconds.unwrap() - expected).abs() < 1e-9);
    assert_eq!(estimate.step_seconds.low, estimate.communication_seconds.unwrap());
}

#[test]
fn bandwidth_as_ec2_writes_it() {
    assert_eq!(network::bandwidth("4x 100 Gigabit"), Some((50e9, false)));
    assert_eq!(network::bandwidth("3200 Gigabit"), Some((400e9, false)));
    assert_eq!(network::bandwidth("Up to 25 Gigabit"), Some((3.125e9, true)));
    assert_eq!(network::bandwidth("High"), None);
}

#[test]
fn published_utilizations_are_a_range_with_sources() {
    let job = Job { mfu: None, ..job() };
    let utilization = estimate(&job).unwrap().utilization;
    assert!(utilization.runs > 3 && utilization.low < utilization.expected, "{utilization:?}");
    assert!(utilization.expected < utilization.high && !utilization.sources.is_empty(), "{utilization:?}");
    let ddp = Job { strategy: Strategy::Ddp, ..job };
    let error = estimate(&ddp).unwrap_err();
    assert!(error.to_string().contains("`--mfu`"), "{error}");
}

#[test]
fn an_unknown_peak_is_an_error_that_names_the_missing_input() {
    let job = Job { instance_type: "ml.g4dn.12xlarge".to_owned(), ..job() };
    let error = estimate(&job).unwrap_err();
    assert!(error.to_string().contains("`--peak-tflops`"), "{error}");
    assert!(estimate(&Job { peak_tflops: Some(100.0), ..job.clone() }).is_ok());
    let wrong = Job { mfu: Some(40.0), ..job };
    assert!(matches!(estimate(&wrong), Err(DurationError::Invalid { name: "--mfu", .. })));
}

#[test]
fn reports_show_inputs_source_and_date() {
    let estimate = estimate(&Job { mfu: None, ..job() }).unwrap();
    for report in [text(&estimate), markdown(&estimate), super::json(&estimate)] {
        assert!(report.contains("llm-foundry") && report.contains("2024-04-22"), "{report}");
    }
}

#[test]
fn measured_steps_reach_less_than_the_peak() {
    let runs =
        crate::memory::measured::read(include_str!("../../../schemas/facts/gpu_training_measured.jsonl"));
    let steps: Vec<_> = runs.iter().filter_map(|run| measured_utilization(run, 989.0)).collect();
    assert!(steps.len() > 5);
    for step in steps {
        println!(
            "| {} | {} | {} | {:.3} | {:.1} % |",
            step.model,
            step.strategy,
            step.checkpointing,
            step.seconds,
            step.mfu * 100.0
        );
        assert!(step.mfu > 0.01 && step.mfu < 0.8, "{step:?}");
    }
}
