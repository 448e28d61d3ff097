//! The statements of a template about the memory of training jobs and models.
//!
//! The statement is in the `Metadata` of the resource that starts the jobs (a pipeline, a state machine, a schedule), by the
//! name of the job (`*` is the only job), or of the `AWS::SageMaker::Model`:
//!
//! ```yaml
//! Metadata:
//!   stackwright-memory:
//!     Train: {model: {model_type: llama, ...}, strategy: full-shard, batch: 4, sequence: 2048}
//! ```

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;
use stackwright_schemas::instances;
use stackwright_synth::Assembly;

use super::inference::{Inference, InferenceError, InferenceEstimate, WeightPrecision, inference_estimate};
use super::packing::{PackedModel, PackingError, PackingEstimate, packed_models, packing_estimate};
use super::shape::{ModelShape, ShapeError};
use super::training::{Attention, Offload, Strategy, Training, TrainingError};
use super::verdict::{Gpu, TrainingEstimate, gpu_of, training_estimate};
use crate::cost::resolve::{Resolver, number, reference};
use crate::cost::{self, Options};

/// The member of `Metadata` that contains the descriptions of models and jobs (statements) from which memory is estimated.
pub const MEMBER: &str = "stackwright-memory";

/// The name in a statement that stands for the only job of a resource.
pub const ONLY: &str = "*";

/// The reason why a statement cannot be estimated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The statement does not have the documented members.
    #[error("the metadata `stackwright-memory` is not valid: {0}")]
    Form(String),
    /// The shape of the model cannot be read.
    #[error("the model of the metadata `stackwright-memory` is not valid: {0}")]
    Shape(#[from] ShapeError),
    /// A number of the step is out of its range.
    #[error("the metadata `stackwright-memory` is not valid: {0}")]
    Training(#[from] TrainingError),
    /// The models cannot be read.
    #[error("the metadata `stackwright-memory` is not valid: {0}")]
    Packing(#[from] PackingError),
    /// The inference cannot be estimated.
    #[error("the metadata `stackwright-memory` is not valid: {0}")]
    Inference(#[from] InferenceError),
    /// The resource does not start a job with this name.
    #[error(
        "the metadata `stackwright-memory` names `{0}`, but the resource starts no training job with this name"
    )]
    Job(String),
    /// The instance type of the job is not known.
    #[error("the instance type of `{0}` is not known, so that its memory is not known")]
    Instance(String),
}

impl Serialize for StatementError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrainingStatement {
    model: Json,
    strategy: Strategy,
    batch: u64,
    sequence: u64,
    #[serde(default)]
    attention: Attention,
    #[serde(default)]
    activation_checkpointing: bool,
    #[serde(default)]
    lora_rank: Option<u64>,
    #[serde(default)]
    quantized_base: bool,
    #[serde(default)]
    image_patches: u64,
    #[serde(default)]
    offload: Offload,
    #[serde(default)]
    tensor_parallel: Option<u64>,
    #[serde(default)]
    expert_parallel: Option<u64>,
    #[serde(default)]
    context_parallel: Option<u64>,
    /// The ranks of the job; its GPUs if it is not stated.
    #[serde(default)]
    ranks: Option<u64>,
    #[serde(default)]
    shard_ranks: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InferenceStatement {
    model: Json,
    #[serde(default)]
    sequences: Option<u64>,
    #[serde(default)]
    length: Option<u64>,
    #[serde(default)]
    weights: Option<WeightPrecision>,
    #[serde(default)]
    kv_bytes: Option<u64>,
    #[serde(default)]
    batched_tokens: Option<u64>,
    #[serde(default)]
    max_sequences: Option<u64>,
    #[serde(default)]
    tensor_parallel: Option<u64>,
    #[serde(default)]
    pipeline_parallel: Option<u64>,
    #[serde(default)]
    memory_percent: Option<u64>,
}

/// Returns a shape as this library writes it, or a Hugging Face configuration.
pub(super) fn shape(model: &Json) -> Result<ModelShape, ShapeError> {
    match ModelShape::deserialize(model) {
        Ok(shape) => shape.checked(),
        Err(_) => ModelShape::from_config(model),
    }
}

fn form(error: &serde_json::Error) -> StatementError {
    StatementError::Form(error.to_string())
}

/// Returns the model, the training step and the accelerator that a statement describes.
fn described(
    statement: &Json,
    instance_type: &str,
    count: u64,
) -> Result<(ModelShape, Training, Gpu), StatementError> {
    let stated = TrainingStatement::deserialize(statement).map_err(|error| form(&error))?;
    let shape = shape(&stated.model)?;
    let gpu = gpu_of(instance_type).filter(|gpu| gpu.usable_bytes.is_some());
    let gpu = gpu.ok_or_else(|| StatementError::Instance(instance_type.to_owned()))?;
    let of_instance = gpu.count.map_or(1, u64::from).max(1);
    let ranks = stated.ranks.unwrap_or_else(|| of_instance.saturating_mul(count)).max(1);
    let training = Training {
        shard_ranks: stated.shard_ranks.unwrap_or(of_instance).clamp(1, ranks),
        attention: stated.attention,
        activation_checkpointing: stated.activation_checkpointing,
        lora_rank: stated.lora_rank.filter(|rank| *rank > 0),
        quantized_base: stated.quantized_base,
        image_patches: stated.image_patches,
        offload: stated.offload,
        tensor_parallel: stated.tensor_parallel.unwrap_or(1),
        expert_parallel: stated.expert_parallel.unwrap_or(1),
        context_parallel: stated.context_parallel.unwrap_or(1),
        ..Training::new(stated.strategy, stated.sequence).ranks(ranks).batch(stated.batch)
    };
    training.validate()?;
    Ok((shape, training, gpu))
}

fn training(statement: &Json, instance_type: &str, count: u64) -> Result<TrainingEstimate, StatementError> {
    let (shape, training, gpu) = described(statement, instance_type, count)?;
    Ok(training_estimate(&shape, &training, Some(gpu)))
}

/// Returns the model and the step that the `Metadata` of a resource states of one of its training jobs; `only` is whether the
/// resource starts no other. `None` if there is no valid statement.
pub(crate) fn step_of(
    metadata: &Json,
    job: &str,
    only: bool,
    instance_type: &str,
    count: u64,
) -> Option<(ModelShape, Training)> {
    let statements = metadata[MEMBER].as_object()?;
    let statement = statements.get(job).or_else(|| statements.get(ONLY).filter(|_| only))?;
    let (shape, training, _) = described(statement, instance_type, count).ok()?;
    Some((shape, training))
}

/// Returns the statement about a training job, for the `Metadata` of the resource that starts it.
pub fn training_statement(shape: &ModelShape, training: &Training) -> Json {
    let mut statement = serde_json::to_value(training).unwrap_or_default();
    statement["model"] = serde_json::to_value(shape).unwrap_or_default();
    without_nulls(statement)
}

/// Returns a value without members that are null, which CloudFormation does not accept in a template.
fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let set = members.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(set.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        other => other,
    }
}

/// Returns the statement about a served model, for the `Metadata` of the `AWS::SageMaker::Model`.
pub fn model_statement(shape: &ModelShape) -> Json {
    without_nulls(serde_json::json!({ "model": shape }))
}

/// The estimate of a training job that a resource states.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobMemory {
    /// The name of the job in the statement.
    pub job: String,
    /// The estimate, or the reason why there is none.
    pub estimate: Result<TrainingEstimate, StatementError>,
}

/// Returns the estimates of the training jobs that a resource states. `properties` are those of the resource, with
/// known values resolved, and `metadata` is its `Metadata`.
pub fn training_statements(id: &str, metadata: &Json, properties: &Json) -> Vec<JobMemory> {
    let Some(statements) = metadata[MEMBER].as_object() else { return Vec::new() };
    let jobs = cost::training_jobs(properties, id);
    let estimates = statements.iter().map(|(name, statement)| {
        let only = jobs.first().filter(|_| name == ONLY && jobs.len() == 1);
        let job = only.or_else(|| jobs.iter().find(|job| job.name == *name));
        let estimate = match job.map(|job| (job.instance_type.as_deref(), job.count)) {
            None => Err(StatementError::Job(name.clone())),
            Some((Some(instance_type), Some(count))) => training(statement, instance_type, count),
            // A parameter of the run: nothing is known.
            Some(_) => return None,
        };
        Some(JobMemory { job: name.clone(), estimate })
    });
    estimates.flatten().collect()
}

/// Returns the estimate of serving a model with the settings of a container of AWS's large model inference images on
/// an instance type. `container` is the definition of the container, `accelerators` the number that an inference
/// component reserves for a copy of the model; without one, the model uses all accelerators of the instance.
///
/// # Errors
///
/// Returns an error if the statement is not valid, or if the instance type is not known.
pub fn inference_statement(
    statement: &Json,
    container: &Json,
    instance_type: &str,
    accelerators: Option<u64>,
) -> Result<InferenceEstimate, StatementError> {
    let stated = InferenceStatement::deserialize(statement).map_err(|error| form(&error))?;
    let shape = shape(&stated.model)?;
    let gpu = gpu_of(instance_type).filter(|gpu| gpu.usable_bytes.is_some());
    let gpu = gpu.ok_or_else(|| StatementError::Instance(instance_type.to_owned()))?;
    let option = |name: &str| container["Environment"][format!("OPTION_{name}")].as_str();
    let number = |name: &str| option(name).and_then(|text| text.parse::<u64>().ok());
    let length = stated.length.or(number("MAX_MODEL_LEN")).ok_or_else(|| {
        StatementError::Form(
            "set `length`, the maximum number of tokens of a sequence, or `OPTION_MAX_MODEL_LEN`".to_owned(),
        )
    })?;
    let mut inference = Inference::new(length).sequences(stated.sequences.unwrap_or(1));
    let quantized = match option("QUANTIZE") {
        Some("fp8") => Some(WeightPrecision::Fp8),
        Some("smoothquant") => Some(WeightPrecision::Int8),
        Some("awq" | "gptq" | "bitsandbytes") => Some(WeightPrecision::Int4),
        _ => None,
    };
    let wide = matches!(option("DTYPE"), Some("fp32" | "float32")).then_some(WeightPrecision::Fp32);
    inference.weights = stated.weights.or(quantized).or(wide).unwrap_or(WeightPrecision::Bf16);
    inference.kv_bytes = stated.kv_bytes.unwrap_or(inference.kv_bytes);
    inference.batched_tokens = stated.batched_tokens.unwrap_or(inference.batched_tokens);
    inference.max_sequences =
        stated.max_sequences.or(number("MAX_ROLLING_BATCH_SIZE")).unwrap_or(inference.max_sequences);
    let degree = match option("TENSOR_PARALLEL_DEGREE") {
        Some("max") => accelerators.or(gpu.count.map(u64::from)),
        Some(text) => text.parse().ok(),
        None => None,
    };
    inference.tensor_parallel = stated.tensor_parallel.or(degree).unwrap_or(1);
    inference.pipeline_parallel = stated.pipeline_parallel.unwrap_or(1);
    let share = option("GPU_MEMORY_UTILIZATION").and_then(|text| text.parse::<f64>().ok());
    let percent =
        share.filter(|share| (0.0..=1.0).contains(share)).map(|share| (share * 100.0).round() as u64);
    inference.memory_percent = stated.memory_percent.or(percent).unwrap_or(inference.memory_percent);
    let prices = cost::PriceBook::shipped();
    Ok(inference_estimate(&shape, &inference, Some(gpu), &prices, "us-east-1")?)
}

/// Returns the estimate of the models of a multi-model endpoint on an instance type, from a statement with `models`,
/// and `on_every_gpu` (default: true). Returns `None` if the statement has no `models`.
pub fn packing_statement(
    statement: &Json,
    instance_type: &str,
) -> Option<Result<PackingEstimate, StatementError>> {
    let models = statement.get("models")?;
    let estimate = || {
        let unknown = statement.as_object().into_iter().flatten().map(|(name, _)| name);
        if let Some(name) =
            unknown.into_iter().find(|name| !["models", "on_every_gpu"].contains(&name.as_str()))
        {
            return Err(StatementError::Form(format!("unknown member `{name}` beside `models`")));
        }
        let models = packed_models(models)?;
        let every = statement["on_every_gpu"].as_bool().unwrap_or(true);
        let gpu = gpu_of(instance_type);
        gpu.and_then(|gpu| packing_estimate(&models, &gpu, every))
            .ok_or_else(|| StatementError::Instance(instance_type.to_owned()))
    };
    Some(estimate())
}

/// Returns the statement about the models of a multi-model endpoint, for the `Metadata` of the
/// `AWS::SageMaker::Model`.
pub fn models_statement(models: &[PackedModel], on_every_gpu: bool) -> Json {
    serde_json::json!({ "models": models, "on_every_gpu": on_every_gpu })
}

/// The description of one job or model in a template, with its estimate.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StatedMemory {
    /// The name of the stack.
    pub stack: String,
    /// The logical ID of the resource.
    pub resource: String,
    /// The name of the job, or the instance type of the model.
    pub name: String,
    /// The estimate, or the reason why there is none.
    pub estimate: Result<Stated, StatementError>,
}

/// The estimate for a description of memory in a template: of a training step, of a served model, or of several models.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stated {
    /// A training step.
    Training(Box<TrainingEstimate>),
    /// A served model.
    Inference(Box<InferenceEstimate>),
    /// The models of a multi-model endpoint.
    Packing(Box<PackingEstimate>),
}

/// Returns the estimates for all statements in the stacks of an assembly, with the defaults of parameters.
pub fn stated(assembly: &Assembly, options: &Options) -> Vec<StatedMemory> {
    let mut found = Vec::new();
    for stack in &assembly.stacks {
        let has_statement = stack.template.resources().any(|(_, body)| !body["Metadata"][MEMBER].is_null());
        if !has_statement {
            continue;
        }
        let region = stack.environment.region.as_deref().unwrap_or(&options.region);
        let resources = Resolver::new(&stack.template, region).resources();
        for (id, kind, properties) in &resources {
            let body = stack.template.resources().find(|(name, _)| name == id).map(|(_, body)| body);
            let Some(metadata) = body.map(|body| &body["Metadata"]) else { continue };
            let mut add = |name: String, estimate: Result<Stated, StatementError>| {
                found.push(StatedMemory {
                    stack: stack.id.clone(),
                    resource: (*id).to_owned(),
                    name,
                    estimate,
                });
            };
            if *kind == "AWS::SageMaker::Model" {
                let statement = &metadata[MEMBER];
                for (instance_type, accelerators) in
                    hosts(&resources, id).into_iter().filter(|_| statement.is_object())
                {
                    if let Some(packing) = packing_statement(statement, &instance_type) {
                        let estimate = packing.map(|one| Stated::Packing(Box::new(one)));
                        add(instance_type, estimate);
                        continue;
                    }
                    let container = container(properties);
                    let estimate = inference_statement(statement, container, &instance_type, accelerators);
                    let estimate = estimate.map(|one| Stated::Inference(Box::new(one)));
                    add(instance_type, estimate);
                }
                continue;
            }
            for JobMemory { job, estimate } in training_statements(id, metadata, properties) {
                add(job, estimate.map(|one| Stated::Training(Box::new(one))));
            }
        }
    }
    found
}

/// Returns the container of a model, or the first of several.
fn container(model: &Json) -> &Json {
    match &model["PrimaryContainer"] {
        Json::Null => &model["Containers"][0],
        primary => primary,
    }
}

/// Returns the types of the instances that serve a model, and how many accelerators an inference component reserves there.
fn hosts(resources: &[(&str, &str, Json)], model: &str) -> Vec<(String, Option<u64>)> {
    let of_type = |wanted: &'static str| {
        resources
            .iter()
            .filter(move |(_, kind, _)| *kind == wanted)
            .map(|(id, _, properties)| (*id, properties))
    };
    let variants_of = |config: &Json| -> Vec<Json> {
        let members = ["ProductionVariants", "ShadowProductionVariants"].into_iter();
        members.flat_map(|member| config[member].as_array().cloned().unwrap_or_default()).collect()
    };
    let variants = of_type("AWS::SageMaker::EndpointConfig").flat_map(|(_, config)| variants_of(config));
    let of_model = variants.filter(|variant| reference(&variant["ModelName"]) == Some(model));
    let mut hosts: Vec<(Json, Option<u64>)> =
        of_model.map(|variant| (variant["InstanceType"].clone(), None)).collect();
    let find = |wanted: &'static str, name: &Json| {
        let id = reference(name)?;
        of_type(wanted).find(|(known, _)| *known == id).map(|(_, properties)| properties)
    };
    for (_, component) in of_type("AWS::SageMaker::InferenceComponent") {
        let config = find("AWS::SageMaker::Endpoint", &component["EndpointName"])
            .and_then(|endpoint| find("AWS::SageMaker::EndpointConfig", &endpoint["EndpointConfigName"]));
        let variants: Vec<Json> = config.map(variants_of).unwrap_or_default();
        let for_types = component["Specifications"].as_array().into_iter().flatten();
        let all = std::iter::once(&component["Specification"]).chain(for_types);
        for specification in all.filter(|one| reference(&one["ModelName"]) == Some(model)) {
            let required = &specification["ComputeResourceRequirements"];
            let reserved = number(&required["NumberOfAcceleratorDevicesRequired"]);
            let chosen = variants.iter().filter(|variant| {
                component["VariantName"].is_null() || component["VariantName"] == variant["VariantName"]
            });
            hosts.extend(chosen.map(|variant| {
                let of_specification = &specification["InstanceType"];
                let is_set = of_specification.is_string();
                let instance_type = if is_set { of_specification } else { &variant["InstanceType"] };
                (instance_type.clone(), reserved)
            }));
        }
    }
    let mut hosts: Vec<(String, Option<u64>)> = hosts
        .into_iter()
        .filter_map(|(name, reserved)| Some((name.as_str()?.to_owned(), reserved)))
        .filter(|(name, _)| instances::instance(name).is_some())
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryVerdict;

    const TEMPLATE: &str = r#"
Resources:
  Pipeline:
    Type: AWS::SageMaker::Pipeline
    Metadata:
      stackwright-memory:
        Train:
          model: {model_type: llama, transformers_version: "5", hidden_size: 4096, num_hidden_layers: 32, num_attention_heads: 32, num_key_value_heads: 8, intermediate_size: 14336, vocab_size: 128256, tie_word_embeddings: false}
          strategy: full-shard
          batch: 1
          sequence: 4096
          activation_checkpointing: true
        Absent: {model: {}, strategy: ddp, batch: 1, sequence: 1}
    Properties:
      PipelineDefinition:
        PipelineDefinitionBody: '{"Steps": [{"Name": "Train", "Arguments": {"AlgorithmSpecification": {}, "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2}}}]}'
  Model:
    Type: AWS::SageMaker::Model
    Metadata:
      stackwright-memory:
        model: {model_type: llama, transformers_version: "5", hidden_size: 4096, num_hidden_layers: 32, num_attention_heads: 32, num_key_value_heads: 8, intermediate_size: 14336, vocab_size: 128256, tie_word_embeddings: false}
        sequences: 4
    Properties: {PrimaryContainer: {Image: djl, Environment: {OPTION_MAX_MODEL_LEN: "8192", OPTION_TENSOR_PARALLEL_DEGREE: max}}}
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties: {ProductionVariants: [{VariantName: a, ModelName: !GetAtt Model.ModelName, InstanceType: ml.g5.12xlarge}]}
"#;

    #[test]
    fn statements_of_a_template_are_estimated() {
        let assembly = Assembly::of_template("s.yaml", TEMPLATE.into()).unwrap();
        let found = stated(&assembly, &Options::default());
        let find = |name: &str| found.iter().find(|one| one.name == name).unwrap();
        // 16 ranks of two instances.
        let Ok(Stated::Training(train)) = &find("Train").estimate else { panic!("{found:?}") };
        let alone =
            Training { activation_checkpointing: true, ..Training::new(Strategy::FullShard, 4096).ranks(16) };
        let config = serde_json::json!({
            "model_type": "llama", "transformers_version": "5", "hidden_size": 4096, "num_hidden_layers": 32,
            "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336,
            "vocab_size": 128256, "tie_word_embeddings": false
        });
        let shape = ModelShape::from_config(&config).unwrap();
        assert_eq!(train.peak.bytes, super::super::training_peak(&shape, &alone).bytes);
        assert_eq!(train.verdict, MemoryVerdict::Fits);
        let error = find("Absent").estimate.as_ref().unwrap_err();
        assert!(error.to_string().contains("names `Absent`"), "{error}");
        // All four GPUs of the type share the weights, and the length is that of the container.
        let Ok(Stated::Inference(served)) = &find("ml.g5.12xlarge").estimate else { panic!("{found:?}") };
        assert_eq!((served.inference.tensor_parallel, served.inference.length), (4, 8192));
        // A shape as it is written states the same as the configuration.
        assert_eq!(super::shape(&serde_json::to_value(&shape).unwrap()).unwrap(), shape);
    }

    #[test]
    fn the_model_of_an_inference_component_is_estimated_on_the_instances_of_its_endpoint() {
        let text = TEMPLATE.replace(", ModelName: !GetAtt Model.ModelName", "")
            + "  Endpoint: {Type: AWS::SageMaker::Endpoint, Properties: {EndpointConfigName: !GetAtt Config.EndpointConfigName}}
  Component:
    Type: AWS::SageMaker::InferenceComponent
    Properties:
      EndpointName: !GetAtt Endpoint.EndpointName
      VariantName: a
      Specification: {ModelName: !GetAtt Model.ModelName, ComputeResourceRequirements: {NumberOfAcceleratorDevicesRequired: 2}}
";
        let assembly = Assembly::of_template("s.yaml", text).unwrap();
        let found = stated(&assembly, &Options::default());
        let served: Vec<_> = found.iter().filter(|one| one.resource == "Model").collect();
        let [one] = served.as_slice() else { panic!("{found:?}") };
        let Ok(Stated::Inference(estimate)) = &one.estimate else { panic!("{one:?}") };
        // The model is split over the accelerators that the component reserves, not over the four of the instance.
        assert_eq!((one.name.as_str(), estimate.inference.tensor_parallel), ("ml.g5.12xlarge", 2));
    }

    #[test]
    fn a_written_statement_is_read_again() {
        let config = serde_json::json!({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257});
        let shape = ModelShape::from_config(&config).unwrap();
        let step = Training { lora_rank: Some(8), ..Training::new(Strategy::Zero2, 1024).ranks(8).batch(4) };
        let metadata = serde_json::json!({MEMBER: {ONLY: training_statement(&shape, &step)}});
        let properties = serde_json::json!({"Target": {"Input": r#"{"AlgorithmSpecification": {}, "ResourceConfig":
            {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 1}}"#}});
        let found = training_statements("Schedule", &metadata, &properties);
        let estimate = found[0].estimate.as_ref().unwrap();
        assert_eq!(estimate.peak.bytes, super::super::training_peak(&shape, &step).bytes);
    }

    #[test]
    fn invalid_metadata_is_an_error_that_names_the_member() {
        let metadata = serde_json::json!({MEMBER: {"Train": {"strategy": "fsdp", "batch": 1, "sequence": 1, "model": {}}}});
        let properties = serde_json::json!({"Steps": [{"Name": "Train", "Arguments": {"AlgorithmSpecification": {},
            "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 1}}}]});
        let found = training_statements("Pipeline", &metadata, &properties);
        let error = found[0].estimate.as_ref().unwrap_err().to_string();
        assert!(error.contains("fsdp") && error.contains("full-shard"), "{error}");
    }
}
