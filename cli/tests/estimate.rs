//! The subcommands of `estimate` that read a model's `config.json`.
#![allow(clippy::unwrap_used)]

use std::process::Output;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value as Json;
use stackwright::estimate::memory::{ModelShape, Strategy, Training};
use stackwright::prelude::*;
use stackwright::review::check;
use stackwright::testing;

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

#[test]
fn the_error_about_a_file_that_cannot_be_read_names_it() {
    for words in [&["no/such.yaml"][..], &["quotas", "no/such.yaml"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        let output = command.env("NO_COLOR", "1").arg("estimate").args(words).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.starts_with("error: no/such.yaml: No such file"), "{printed}");
    }
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
fn a_duration_without_a_known_utilization_is_an_error_that_names_the_option() {
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

#[test]
fn a_step_that_does_not_fit_has_exit_code_4_and_a_breakdown() {
    let words = "memory --instance ml.p4d.24xlarge --strategy shard-grad-op --ranks 8 --sequence 2048 --attention sdpa \
                 --activation-checkpointing --format json --batch";
    let output = estimate(&format!("{words} 4"));
    assert_eq!(output.status.code(), Some(4));
    let document = json(&output);
    let parts = document["breakdown"].as_object().unwrap().values().map(|bytes| bytes.as_u64().unwrap());
    assert_eq!(document["peak_bytes"].as_u64(), Some(parts.sum()));
    assert_eq!((&document["verdict"], &document["fits"]), (&"does_not_fit".into(), &false.into()));
    let largest = document["largest_batch"].as_u64().unwrap();
    assert_eq!(estimate(&format!("{words} {largest}")).status.code(), Some(0));
}

#[test]
fn a_configuration_that_makes_no_model_is_an_error_with_the_member() {
    for (config, expected) in [
        (r#"{"model_type": "llama", "hidden_size": -1}"#, "`hidden_size` of the configuration is -1"),
        (r#"{"model_type": "llama", "hidden_size": 1e300}"#, "`hidden_size` of the configuration is 1e+300"),
        (r#"{"model_type": "mamba", "hidden_size": 768}"#, "the architecture `mamba` is not known"),
        (r#"{"model_type": "llama", "hidden_size": 4096}"#, "the configuration has no `num_hidden_layers`"),
        (r#"{"model_type": "llama", "hidden_size": NaN}"#, "expected value"),
        ("[]", "the configuration is not a JSON object"),
        (r#"{"model_type": "llama", "#, "EOF while parsing"),
        (
            r#"{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 0}"#,
            "has no `num_hidden_layers`",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.json"), config).unwrap();
        let words = "estimate memory --model config.json --strategy ddp --sequence 128";
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        let output = command.current_dir(directory.path()).args(words.split_whitespace()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{config}: {stderr}");
        assert!(stderr.contains(expected), "{config}: {stderr}");
    }
}

#[test]
fn a_model_is_described_by_explicit_numbers() {
    let words = "estimate memory --hidden-size 4096 --layers 32 --heads 32 --kv-heads 8 --intermediate-size 14336 --vocabulary \
                 128256 --strategy full-shard --ranks 8 --sequence 2048 --format json";
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    let numbers = command.args(words.split_whitespace()).output().unwrap();
    let file = estimate("memory --strategy full-shard --ranks 8 --sequence 2048 --format json");
    assert_eq!(json(&numbers)["parameters"], 8_030_261_248_u64);
    assert_eq!(json(&numbers)["peak_bytes"], json(&file)["peak_bytes"]);
    // A number replaces the one of the file.
    let shallow =
        estimate("memory --strategy full-shard --ranks 8 --sequence 2048 --layers 16 --format json");
    assert!(json(&shallow)["parameters"].as_u64() < Some(5_000_000_000));
}

#[test]
fn models_are_packed_into_the_memory_of_a_gpu() {
    let directory = tempfile::tempdir().unwrap();
    let packed = |models: &str| {
        std::fs::write(directory.path().join("models.json"), models).unwrap();
        let words = "estimate packing --models models.json --instance ml.g5.2xlarge --format json";
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command.current_dir(directory.path()).args(words.split_whitespace()).output().unwrap()
    };
    // 20,632,983,272 bytes are for models: 20 of 1 GB.
    let output = packed(r#"{"models": [{"name": "scorer", "count": 50, "weights_bytes": 1000000000}]}"#);
    assert_eq!(output.status.code(), Some(0));
    let packing = &json(&output)["packing"];
    assert_eq!((&packing["least_loaded"], &packing["instances_for_all"]), (&20.into(), &3.into()));
    assert_eq!(packed(r#"[{"name": "large", "weights_bytes": 30000000000}]"#).status.code(), Some(4));
    assert_eq!(packed(r#"[{"name": "large"}]"#).status.code(), Some(2));
}

#[test]
fn memory_uses_the_prices_of_a_price_list() {
    let directory = tempfile::tempdir().unwrap();
    let prices = directory.path().join("prices.csv");
    let rows = "stackwright_use,item,region,usd,date,source\ntraining,ml.p4d.24xlarge,us-east-1,0.01,2026-11-01,a test\n";
    std::fs::write(&prices, rows).unwrap();
    let words = "memory --strategy full-shard --ranks 8 --sequence 512 --activation-checkpointing --format json --prices";
    let output = estimate(&format!("{words} {}", prices.display()));
    assert_eq!(json(&output)["cheapest"][0]["instance_type"], "ml.p4d.24xlarge");
}

#[test]
fn numbers_of_a_step_that_are_out_of_range_are_errors() {
    for (words, expected) in [
        ("--batch 0 --sequence 128", "`batch` is 0"),
        ("--batch 1 --sequence 18446744073709551615", "`sequence` is 18446744073709551615"),
        ("--batch 65536 --sequence 4194304", "`batch x sequence` is 274877906944"),
        ("--ranks 4 --sequence 128 --tensor-parallel 8", "`tensor_parallel` is 8"),
    ] {
        let output = estimate(&format!("memory --strategy full-shard {words}"));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words}: {stderr}");
        assert!(stderr.contains(expected), "{words}: {stderr}");
    }
}

#[test]
fn prices_of_a_price_list_are_saved_and_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let offer = r#"{"offerCode": "AmazonSageMaker", "publicationDate": "2026-09-20T02:56:06Z",
        "products": {"A": {"attributes": {"regionCode": "us-east-1", "usagetype": "USE1-Host:ml.g5.xlarge"}}},
        "terms": {"OnDemand": {"A": {"A.1": {"priceDimensions": {"A.1.1": {"beginRange": "0", "pricePerUnit": {"USD": "2.0000000000"}}}}}}}}"#;
    let template = "Resources:
  Endpoint: {Type: AWS::SageMaker::Endpoint, Properties: {EndpointConfigName: !GetAtt Config.EndpointConfigName}}
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties: {ProductionVariants: [{VariantName: a, ModelName: m, InstanceType: ml.g5.xlarge, InitialInstanceCount: 1}]}
";
    std::fs::write(path("offer.json"), offer).unwrap();
    std::fs::write(path("template.yaml"), template).unwrap();
    let cost = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command
            .current_dir(directory.path())
            .args(["estimate", "--format", "json"])
            .args(words.split_whitespace());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        json(&output)["monthly"]["ceiling"].clone()
    };
    // 730 h x 2.00.
    assert_eq!(cost("template.yaml --prices offer.json --save-prices small.csv"), "1460.00");
    assert_eq!(cost("template.yaml --prices small.csv"), "1460.00");
}

/// CloudFormation accepts what `model_shape` writes into a template, and the check reports only what does not fit.
#[test]
fn programs_that_describe_their_models_are_valid() {
    let shape = ModelShape::from_config(&serde_json::from_str(LLAMA).unwrap()).unwrap();
    let app = App::new("language");
    let stack = app.stack("Models").region("us-east-1");
    let step = Training::new(Strategy::FullShard, 2048).ranks(8);
    let job = TrainingJob::new(
        ContainerImage::pytorch_training("2.6.0"),
        Instances::of("ml.p4d.24xlarge", 1),
        S3Location::new("my-runs", "models"),
    )
    .model_shape(&shape, &step)
    .max_run(Duration::from_hours(1));
    let mut pipeline = Pipeline::new();
    pipeline.step("Train", TrainingStep::new(job));
    stack.add("Pipeline", pipeline);
    let host = stack.add("Host", ComponentEndpoint::new("ml.g5.12xlarge", 1..=1));
    let served = |accelerators: u32| {
        LargeModel::vllm("0.36.0", Weights::prefix(S3Location::new("my-models", "llama/")))
            .max_model_len(8_192)
            .tensor_parallel_degree(accelerators)
            .model_shape(&shape)
    };
    stack.add("Large", InferenceComponent::new(&host, served(4), 16_384).accelerators(4));
    testing::assert_no_findings(&app, &[]);
    // 8 billion weights of two bytes are more than the 24 GB of one of the GPUs leave beside the cache.
    stack.add(
        "Small",
        InferenceComponent::new(&host, served(1).max_model_len(131_072), 16_384).accelerators(1),
    );
    let found = check::check(&app.synth().unwrap(), &check::Options::default());
    let ids: Vec<&str> = found.diagnostics.iter().map(|one| &*one.id).collect();
    assert_eq!(ids, ["inference-memory-exceeded"]);
}

/// Runs `estimate` with limits over an endpoint that costs 730 x 1.515 USD a month, and a job that costs 24 x 0.23 USD a run.
#[test]
fn a_cost_above_a_limit_has_exit_code_4() {
    let directory = tempfile::tempdir().unwrap();
    let template = r#"Resources:
  Endpoint: {Type: AWS::SageMaker::Endpoint, Properties: {EndpointConfigName: !GetAtt Config.EndpointConfigName}}
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties: {ProductionVariants: [{VariantName: a, ModelName: m, InstanceType: ml.g5.2xlarge, InitialInstanceCount: 1}]}
  Pipeline:
    Type: AWS::SageMaker::Pipeline
    Properties:
      PipelineDefinition:
        PipelineDefinitionBody: '{"Steps": [{"Name": "Prepare", "Arguments": {"ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}}}}]}'
"#;
    std::fs::write(directory.path().join("template.yaml"), template).unwrap();
    for (limit, code, message) in [
        ("--max-monthly 1105.95", 0, ""),
        (
            "--max-monthly 1105.94",
            4,
            "the stacks cost up to $1105.95 a month, more than --max-monthly 1105.94",
        ),
        ("--max-run 5.52", 0, ""),
        ("--max-run 5.51", 4, "one run of a job costs up to $5.52, more than --max-run 5.51"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command.current_dir(directory.path()).env("NO_COLOR", "1").args(["estimate", "template.yaml"]);
        let output = command.args(limit.split(' ')).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{limit}: {stderr}");
        assert!(stderr.contains(message), "{limit}: {stderr}");
    }
}

#[test]
fn a_directory_without_a_manifest_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("templates")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    let output = command.current_dir(directory.path()).args(["estimate", "templates"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("no manifest.json") && stderr.contains("`templates/*.yaml`"), "{stderr}");
}
