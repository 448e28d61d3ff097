//! The subcommands of `estimate` that read a model's `config.json`.
#![allow(clippy::unwrap_used)]

use std::process::Output;

use assert_cmd::Command;
use serde_json::Value as Json;

const LLAMA: &str = r#"{"model_type": "llama", "transformers_version": "5.0", "hidden_size": 4096, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
    "tie_word_embeddings": false}"#;

/// Runs `estimate` with arguments that are separated by spaces, and `--model` with Llama 3 8B.
fn estimate(words: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.json"), LLAMA).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command.env("NO_COLOR", "1").current_dir(directory.path());
    command.arg("estimate").args(words.split_whitespace()).args(["--model", "config.json"]).output().unwrap()
}

fn json(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap()
}

const JOB: &str =
    "duration --instance ml.p4d.24xlarge --ranks 8 --sequence 2048 --steps 1000 --strategy full-shard";

#[test]
fn a_duration_has_a_range_inputs_and_a_cost() {
    let output = estimate(&format!("{JOB} --mfu 0.5 --spot-saving 0.65 --format json"));
    assert_eq!(output.status.code(), Some(0));
    let duration = &json(&output)["duration"];
    // 1,000 steps of 48,250,773,504 × 2,048 / (312e12 × 0.5) = 0.633446 s.
    assert_eq!(duration["seconds"]["expected"], 634);
    assert_eq!(duration["job"]["tokens"], 16_384_000);
    assert!(duration["price"]["date"].is_string() && duration["spot_cost"]["high"].is_string());
    let published = estimate(JOB);
    let text = String::from_utf8_lossy(&published.stdout).into_owned();
    assert!(text.contains("expected") && text.contains("Source of the utilization: "), "{text}");
}

#[test]
fn a_duration_without_a_known_utilization_asks_for_one() {
    let output =
        estimate("duration --instance ml.p4d.24xlarge --ranks 8 --sequence 2048 --steps 10 --strategy ddp");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`--mfu`"));
}

#[test]
fn inference_that_does_not_fit_has_exit_code_4_and_types_that_do() {
    let output = estimate("inference --instance ml.g5.2xlarge --sequences 16 --length 8192 --format json");
    assert_eq!(output.status.code(), Some(4));
    let inference = &json(&output)["inference"];
    assert_eq!(inference["verdict"], "does_not_fit");
    // 16 × 8,192 tokens of 131,072 bytes.
    assert_eq!(inference["kv_cache_bytes"], 17_179_869_184_u64);
    let most = &inference["largest_sequences"];
    assert!(most.as_u64().unwrap() > 0);
    let cheapest = inference["cheapest"].as_array().unwrap();
    assert!(cheapest.iter().all(|one| one["instance_type"] != "ml.g5.2xlarge"));
    let fits = estimate(&format!("inference --instance ml.g5.2xlarge --sequences {most} --length 8192"));
    assert_eq!(fits.status.code(), Some(0));
}

#[test]
fn memory_lists_the_cheapest_types_with_date_and_source() {
    let words = "memory --strategy full-shard --ranks 8 --sequence 2048 --activation-checkpointing";
    let document = json(&estimate(&format!("{words} --format json")));
    let cheapest = document["cheapest"].as_array().unwrap();
    let first = cheapest.first().unwrap();
    assert!(first["usd_per_hour"].is_string() && first["price"]["date"].is_string(), "{first}");
    assert!(first["price"]["source"].is_string(), "{first}");
    let text = estimate(words);
    assert!(String::from_utf8_lossy(&text.stdout).contains("Cheapest instance types that fit:"));
}
