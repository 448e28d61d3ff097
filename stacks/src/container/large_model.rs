//! AWS's containers for large models (LMI): DJL Serving with vLLM or TensorRT-LLM.

use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

use stackwright_schemas::large_models::{self, option_keys};
use stackwright_schemas::nearest;
use stackwright_synth::{Asset, CallerLocation, IntoValue, Value};

use super::{Container, ModelData};
use crate::deferred_error::DeferredError;
use crate::image::{ContainerImage, Processor};
use crate::s3::S3Location;

/// Where a SageMaker container finds its model.
const MODEL_FOLDER: &str = "/opt/ml/model";

/// A large model: a folder in S3, or a repository of the Hugging Face hub.
#[derive(Clone, Debug)]
pub struct Weights(From);

#[derive(Clone, Debug)]
enum From {
    Folder(S3Location),
    Hub { model: Value<String>, revision: Option<Value<String>> },
}

impl Weights {
    /// Every object below a place, in the layout of Hugging Face.
    pub fn folder(location: S3Location) -> Self {
        Self(From::Folder(location))
    }

    /// A public repository of the hub, fetched when an instance starts: name the [`revision`](Self::revision) too,
    /// or what runs changes without a deployment.
    #[track_caller]
    pub fn hub(model: impl IntoValue<String>) -> Self {
        Self(From::Hub { model: model.into().with_caller_location(), revision: None })
    }

    /// The commit of the hub's repository.
    #[track_caller]
    pub fn revision(mut self, commit: impl IntoValue<String>) -> Self {
        if let From::Hub { revision, .. } = &mut self.0 {
            *revision = Some(commit.into().with_caller_location());
        }
        self
    }

    /// A container that gets the weights as its model, and knows where they are.
    pub(super) fn in_container(self, container: Container) -> Container {
        match self.0 {
            From::Folder(folder) => {
                container.model(ModelData::folder(folder)).environment("HF_MODEL_ID", MODEL_FOLDER)
            }
            From::Hub { model, revision } => {
                let container = container.environment("HF_MODEL_ID", model);
                match revision {
                    Some(commit) => container.environment("HF_MODEL_REVISION", commit),
                    None => container,
                }
            }
        }
    }

    /// A container that fetches the weights by itself, because its model is something else.
    fn fetched_by(self, container: Container) -> Container {
        match self.0 {
            From::Folder(folder) => {
                let folder = folder.as_folder();
                container.environment("HF_MODEL_ID", folder.uri()).reads(folder)
            }
            hub @ From::Hub { .. } => Self(hub).in_container(container),
        }
    }
}

/// What runs a large model.
pub trait Engine {
    #[doc(hidden)]
    const KEYS: large_models::Engine;
    #[doc(hidden)]
    const ROLLING_BATCH: &'static str;
}

/// vLLM.
#[derive(Clone, Copy, Debug)]
pub enum Vllm {}

/// NVIDIA TensorRT-LLM.
#[derive(Clone, Copy, Debug)]
pub enum TensorRtLlm {}

impl Engine for Vllm {
    const KEYS: large_models::Engine = large_models::Engine::Vllm;
    const ROLLING_BATCH: &'static str = "vllm";
}

impl Engine for TensorRtLlm {
    const KEYS: large_models::Engine = large_models::Engine::TensorRtLlm;
    const ROLLING_BATCH: &'static str = "trtllm";
}

/// The type of weights that the model is loaded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// 32 bit.
    Fp32,
    /// 16 bit.
    Fp16,
    /// 16 bit with the range of 32; needs a compute capability of 8.0.
    Bf16,
}

/// Numbers made smaller while vLLM loads a model. A model that was made smaller before needs no setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VllmQuantization {
    /// 8 bit floating point.
    Fp8,
    /// `bitsandbytes`
    BitsAndBytes,
}

/// Numbers made smaller while TensorRT-LLM compiles a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorRtLlmQuantization {
    /// Weights and activations of 8 bits.
    SmoothQuant,
    /// Activation-aware weights of 4 bits.
    Awq,
    /// 8 bit floating point.
    Fp8,
}

/// Whether requests join a batch that is running already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RollingBatch {
    /// As the container thinks fit.
    Auto,
    /// By the engine.
    Engine,
    /// Not at all.
    Disabled,
}

/// AWS's container for large models, with its settings as environment variables or, after
/// [`serving_properties`](Self::serving_properties), as a file.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::container::{DataType, LargeModel, VllmQuantization, Weights};
///
/// LargeModel::vllm("0.36.0", Weights::folder(S3Location::new("my-models", "qwen3-8b/")))
///     .tensor_parallel_degree(1)
///     .data_type(DataType::Bf16)
///     .quantize(VllmQuantization::Fp8)
///     .max_model_len(8_192);
/// ```
///
/// ```compile_fail
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::container::{LargeModel, TensorRtLlmQuantization, Weights};
///
/// // vLLM has no SmoothQuant.
/// LargeModel::vllm("0.36.0", Weights::folder(S3Location::new("my-models", "qwen3-8b/")))
///     .quantize(TensorRtLlmQuantization::SmoothQuant);
/// ```
#[derive(Clone, Debug)]
pub struct LargeModel<E> {
    image: ContainerImage,
    weights: Weights,
    options: Vec<(String, Value<String>, CallerLocation)>,
    job_queue_size: Option<Value<String>>,
    as_file: bool,
    problems: Vec<DeferredError>,
    engine: PhantomData<fn() -> E>,
}

impl LargeModel<Vllm> {
    /// vLLM in AWS's image by the image's version, with a model.
    #[track_caller]
    pub fn vllm(version: impl Into<String>, weights: Weights) -> Self {
        Self::of("djl-lmi", version.into(), weights)
    }

    /// Makes numbers smaller while the model is loaded.
    #[track_caller]
    pub fn quantize(self, how: VllmQuantization) -> Self {
        self.put(
            "quantize",
            match how {
                VllmQuantization::Fp8 => "fp8",
                VllmQuantization::BitsAndBytes => "bitsandbytes",
            },
        )
    }

    /// The most tokens of a prompt and its answer.
    #[track_caller]
    pub fn max_model_len(self, tokens: u32) -> Self {
        self.put("max_model_len", tokens)
    }

    /// The share of a GPU's memory that vLLM may take, 0 to 1.
    #[track_caller]
    pub fn gpu_memory_utilization(self, share: f64) -> Self {
        self.put("gpu_memory_utilization", share)
    }

    /// Keeps what it computed of prompts for others that start alike.
    #[track_caller]
    pub fn prefix_caching(self) -> Self {
        self.put("enable_prefix_caching", true)
    }

    /// Serves adapters beside the model: so many at a time, of so high a rank.
    #[track_caller]
    pub fn adapters(self, at_a_time: u32, rank: u32) -> Self {
        self.put("enable_lora", true).put("max_loras", at_a_time).put("max_lora_rank", rank)
    }

    /// A smaller model guesses several tokens, the model checks them. The smaller one is a path in the container or
    /// an id of the hub.
    #[track_caller]
    pub fn speculative_decoding(self, draft_model: &str, tokens: u32) -> Self {
        let config = serde_json::json!({ "model": draft_model, "num_speculative_tokens": tokens });
        self.put("speculative_config", config)
    }

    /// Leaves batches to vLLM's own server, which DJL Serving then stands in front of without queueing.
    #[track_caller]
    pub fn asynchronous(self) -> Self {
        self.put("async_mode", true)
            .put("rolling_batch", "disable")
            .put("entryPoint", "djl_python.lmi_vllm.vllm_async_service")
    }

    /// Any argument of vLLM's engine, passed on without a look at it.
    #[track_caller]
    pub fn engine_argument(self, name: &str, value: impl ToString) -> Self {
        self.put(name, value)
    }
}

impl LargeModel<TensorRtLlm> {
    /// TensorRT-LLM in AWS's image by the image's version, with a model, which is compiled when an instance starts.
    #[track_caller]
    pub fn tensorrt_llm(version: impl Into<String>, weights: Weights) -> Self {
        Self::of("djl-tensorrtllm", version.into(), weights)
    }

    /// Makes numbers smaller while the model is compiled.
    #[track_caller]
    pub fn quantize(self, how: TensorRtLlmQuantization) -> Self {
        self.put(
            "quantize",
            match how {
                TensorRtLlmQuantization::SmoothQuant => "smoothquant",
                TensorRtLlmQuantization::Awq => "awq",
                TensorRtLlmQuantization::Fp8 => "fp8",
            },
        )
    }

    /// The most tokens of all requests at a time.
    #[track_caller]
    pub fn max_num_tokens(self, tokens: u32) -> Self {
        self.put("max_num_tokens", tokens)
    }
}

impl<E: Engine> LargeModel<E> {
    #[track_caller]
    fn of(family: &'static str, version: String, weights: Weights) -> Self {
        Self {
            image: ContainerImage::aws(family, version, Processor::Gpu),
            weights,
            options: Vec::new(),
            job_queue_size: None,
            as_file: false,
            problems: Vec::new(),
            engine: PhantomData,
        }
    }

    /// Runs another image, such as one of yours that is based on AWS's, or a mirrored one.
    pub fn image(mut self, image: ContainerImage) -> Self {
        self.image = image;
        self
    }

    #[track_caller]
    fn put(mut self, key: &str, value: impl ToString) -> Self {
        let source = Location::caller();
        let value = Value::from(value.to_string()).with_location(Some(source));
        self.options.retain(|(known, ..)| known != key);
        self.options.push((key.to_owned(), value, source));
        self
    }

    /// Over how many accelerators the model is split.
    #[track_caller]
    pub fn tensor_parallel_degree(self, accelerators: u32) -> Self {
        self.put("tensor_parallel_degree", accelerators)
    }

    /// Splits the model over all accelerators of the instance.
    #[track_caller]
    pub fn tensor_parallel_over_all(self) -> Self {
        self.put("tensor_parallel_degree", "max")
    }

    /// The type of weights that the model is loaded with.
    #[track_caller]
    pub fn data_type(self, name: DataType) -> Self {
        self.put(
            "dtype",
            match name {
                DataType::Fp32 => "fp32",
                DataType::Fp16 => "fp16",
                DataType::Bf16 => "bf16",
            },
        )
    }

    /// Whether requests join a running batch.
    #[track_caller]
    pub fn rolling_batch(self, how: RollingBatch) -> Self {
        self.put(
            "rolling_batch",
            match how {
                RollingBatch::Auto => "auto",
                RollingBatch::Engine => E::ROLLING_BATCH,
                RollingBatch::Disabled => "disable",
            },
        )
    }

    /// The most requests in a batch.
    #[track_caller]
    pub fn max_rolling_batch_size(self, requests: u32) -> Self {
        self.put("max_rolling_batch_size", requests)
    }

    /// How long loading the model may take; half an hour unless set. The endpoint's own timeouts have to allow it.
    #[track_caller]
    pub fn model_loading_timeout(self, time: Duration) -> Self {
        self.put("model_loading_timeout", time.as_secs())
    }

    /// How many requests wait before more are refused; 1,000 unless set.
    #[track_caller]
    pub fn job_queue_size(mut self, requests: u32) -> Self {
        self.job_queue_size = Some(Value::from(requests.to_string()).with_caller_location());
        self
    }

    /// Any other setting that DJL Serving documents, by its key without `option.`; another key is refused.
    #[track_caller]
    pub fn option(mut self, key: &str, value: impl IntoValue<String>) -> Self {
        let source = Location::caller();
        if !option_keys(E::KEYS).any(|known| known == key) {
            let help = nearest(key, option_keys(E::KEYS)).map_or_else(
                || {
                    "vLLM's own go through `.engine_argument(…)`; DJL Serving's user guides list the rest"
                        .into()
                },
                |name| format!("the nearest is `{name}`"),
            );
            let message = format!("DJL Serving does not document the setting `{key}` for this engine");
            self.problems.push(DeferredError { name: "unknown-option", message, help, source });
        }
        self.options.retain(|(other, ..)| other != key);
        self.options.push((key.to_owned(), value.into().with_caller_location(), source));
        self
    }

    /// Ships the settings as `serving.properties` in an archive of their own, so that they can differ between models
    /// of one container. The model then is fetched by the container.
    pub fn serving_properties(mut self) -> Self {
        self.as_file = true;
        self
    }

    fn properties(&self) -> String {
        let mut lines = vec!["engine=Python".to_owned()];
        if E::KEYS == large_models::Engine::TensorRtLlm {
            lines.push("option.mpi_mode=true".into());
        }
        let text =
            |value: &Value<String>| value.as_literal().and_then(|text| text.as_str().map(str::to_owned));
        lines
            .extend(self.job_queue_size.iter().filter_map(text).map(|size| format!("job_queue_size={size}")));
        lines.extend(
            self.options.iter().filter_map(|(key, value, _)| Some(format!("option.{key}={}", text(value)?))),
        );
        lines.join("\n") + "\n"
    }
}

impl<E: Engine> std::convert::From<LargeModel<E>> for Container {
    fn from(mut server: LargeModel<E>) -> Self {
        if server.as_file {
            for (key, value, source) in &server.options {
                if value.as_literal().is_none() {
                    server.problems.push(DeferredError {
                        name: "not-known-yet",
                        message: format!(
                            "`{key}` is known when the stack is deployed, and the file is made before"
                        ),
                        help: "give a literal, or leave `.serving_properties()` out".into(),
                        source,
                    });
                }
            }
        }
        let container = Container::new(server.image.clone());
        let mut container = if server.as_file {
            let archive = Asset::archive().file("serving.properties", server.properties());
            server.weights.fetched_by(container.model(archive))
        } else {
            let mut container = server.weights.in_container(container);
            if let Some(size) = server.job_queue_size {
                container = container.environment("SERVING_JOB_QUEUE_SIZE", size);
            }
            server.options.into_iter().fold(container, |container, (key, value, source)| {
                let name = format!("OPTION_{}", key.to_uppercase());
                container.environment(name, value.with_location(Some(source)))
            })
        };
        container.problems.extend(server.problems);
        container
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_a_file() {
        let server = LargeModel::vllm("0.36.0", Weights::hub("Qwen/Qwen3-8B"))
            .tensor_parallel_over_all()
            .rolling_batch(RollingBatch::Engine)
            .job_queue_size(50)
            .option("tokenizer_mode", "mistral");
        assert_eq!(
            server.properties(),
            "engine=Python\njob_queue_size=50\noption.tensor_parallel_degree=max\noption.rolling_batch=vllm\n\
             option.tokenizer_mode=mistral\n"
        );
    }
}
