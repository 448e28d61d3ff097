//! AWS's large model inference (LMI) containers: DJL Serving with vLLM or TensorRT-LLM.

use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

use stackwright_estimate::memory::{self, ModelShape};
use stackwright_schemas::large_models::{self, option_keys};
use stackwright_schemas::nearest;
use stackwright_synth::{Asset, CallerLocation, IntoValue, Value};

use super::{Container, ModelData};
use crate::deferred_error::DeferredError;
use crate::image::{ContainerImage, Processor};
use crate::s3::S3Location;

/// The directory of the model in a SageMaker container.
const MODEL_DIRECTORY: &str = "/opt/ml/model";

/// The weights of a large language model: a prefix in S3, or a repository of the Hugging Face Hub.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::container::Weights;
///
/// Weights::prefix(S3Location::new("my-models", "qwen3-8b/"));
/// Weights::hub("Qwen/Qwen3-8B").revision("b968826d9c46dd6066d109eabc6255188de91218");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Weights(From);

#[derive(Clone, Debug)]
enum From {
    Prefix(S3Location),
    Hub { model: Value<String>, revision: Option<Value<String>> },
}

impl Weights {
    /// Uses all objects below a location in S3, in the file layout of Hugging Face: `config.json`, the tokenizer, and files
    /// with weights. The role of the model may read the location.
    pub fn prefix(location: S3Location) -> Self {
        Self(From::Prefix(location))
    }

    /// Uses a public repository of the Hugging Face Hub, such as `Qwen/Qwen3-8B`, which is downloaded when an instance
    /// starts. Set the [`revision`](Self::revision) too; without it, the model can change without a deployment.
    #[track_caller]
    pub fn hub(model: impl IntoValue<String>) -> Self {
        Self(From::Hub { model: model.into().with_caller_location(), revision: None })
    }

    /// Sets the revision of a repository of the Hugging Face Hub, such as a commit ID. The default is the latest commit. It
    /// has no effect on weights in S3.
    #[track_caller]
    pub fn revision(mut self, commit: impl IntoValue<String>) -> Self {
        if let From::Hub { revision, .. } = &mut self.0 {
            *revision = Some(commit.into().with_caller_location());
        }
        self
    }

    /// Sets the weights as the model data of a container, and the environment variables that name them.
    pub(super) fn in_container(self, container: Container) -> Container {
        match self.0 {
            From::Prefix(prefix) => {
                container.model(ModelData::prefix(prefix)).environment("HF_MODEL_ID", MODEL_DIRECTORY)
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

    /// Lets the container download the weights itself, because its model data is something else.
    fn fetched_by(self, container: Container) -> Container {
        match self.0 {
            From::Prefix(prefix) => {
                let prefix = prefix.as_prefix();
                container.environment("HF_MODEL_ID", prefix.uri()).reads(prefix)
            }
            hub @ From::Hub { .. } => Self(hub).in_container(container),
        }
    }
}

/// The inference engine of a [`LargeModel`]: [`Vllm`] or [`TensorRtLlm`].
pub trait Engine {
    #[doc(hidden)]
    const KEYS: large_models::Engine;
    #[doc(hidden)]
    const ROLLING_BATCH: &'static str;
}

/// The inference engine vLLM: the type parameter of a [`LargeModel`] of [`LargeModel::vllm`].
#[derive(Clone, Copy, Debug)]
pub enum Vllm {}

/// The inference engine NVIDIA TensorRT-LLM: the type parameter of a [`LargeModel`] of [`LargeModel::tensorrt_llm`].
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

/// The data type of the weights of a large model in GPU memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// 32-bit floating point.
    Fp32,
    /// 16-bit floating point (`fp16`).
    Fp16,
    /// The 16-bit type bfloat16, which has the range of 32-bit floating point. It requires GPUs of compute capability 8.0 or
    /// later.
    Bf16,
}

/// The quantization that vLLM applies while it loads a model. A model that is quantized already needs no setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VllmQuantization {
    /// 8-bit floating point.
    Fp8,
    /// Quantization by the library `bitsandbytes`.
    BitsAndBytes,
}

/// The quantization that TensorRT-LLM applies while it compiles a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorRtLlmQuantization {
    /// SmoothQuant: 8-bit weights and activations.
    SmoothQuant,
    /// Activation-aware weight quantization (AWQ) with 4-bit weights.
    Awq,
    /// 8-bit floating point.
    Fp8,
}

/// Whether requests can join a batch that is running (rolling batch, also called continuous batching).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RollingBatch {
    /// The container chooses the kind of batching.
    Auto,
    /// The engine batches requests.
    Engine,
    /// Rolling batches are disabled.
    Disabled,
}

/// AWS's large model inference (LMI) container: DJL Serving with the engine `E`, [`Vllm`] or [`TensorRtLlm`].
///
/// The settings become environment variables (`OPTION_…`) or, after [`serving_properties`](Self::serving_properties), lines
/// of a file. A setting whose setter is not called is not passed to the container, so that the default of DJL Serving or of
/// the engine applies.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::container::{DataType, LargeModel, TensorRtLlmQuantization, VllmQuantization, Weights};
///
/// LargeModel::vllm("0.36.0", Weights::prefix(S3Location::new("my-models", "qwen3-8b/")))
///     .tensor_parallel_degree(1)
///     .data_type(DataType::Bf16)
///     .quantize(VllmQuantization::Fp8)
///     .max_model_len(8_192);
/// LargeModel::tensorrt_llm("0.36.0", Weights::prefix(S3Location::new("my-models", "qwen3-8b/")))
///     .quantize(TensorRtLlmQuantization::SmoothQuant);
/// ```
///
/// ```compile_fail
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::container::{LargeModel, TensorRtLlmQuantization, Weights};
///
/// // vLLM has no SmoothQuant.
/// LargeModel::vllm("0.36.0", Weights::prefix(S3Location::new("my-models", "qwen3-8b/")))
///     .quantize(TensorRtLlmQuantization::SmoothQuant);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LargeModel<E> {
    image: ContainerImage,
    weights: Weights,
    options: Vec<(String, Value<String>, CallerLocation)>,
    job_queue_size: Option<Value<String>>,
    as_file: bool,
    memory: Option<serde_json::Value>,
    problems: Vec<DeferredError>,
    engine: PhantomData<fn() -> E>,
}

impl LargeModel<Vllm> {
    /// Creates a container with vLLM in AWS's image `djl-inference`, with the version of the image, such as `0.36.0`, and the
    /// weights of a model.
    #[track_caller]
    pub fn vllm(version: impl Into<String>, weights: Weights) -> Self {
        Self::of("djl-lmi", version.into(), weights)
    }

    /// Quantizes the weights while the model is loaded (option `quantize`). By default, the weights are used as they are.
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

    /// Sets the maximum number of tokens of a prompt and its response together (option `max_model_len`). The default is the
    /// maximum of the model.
    #[track_caller]
    pub fn max_model_len(self, tokens: u32) -> Self {
        self.put("max_model_len", tokens)
    }

    /// Sets the share of the GPU memory that vLLM may use, from 0 to 1 (option `gpu_memory_utilization`). The default is that
    /// of vLLM.
    #[track_caller]
    pub fn gpu_memory_utilization(self, share: f64) -> Self {
        self.put("gpu_memory_utilization", share)
    }

    /// Caches the computation for prompts, and reuses it for prompts with the same prefix (option `enable_prefix_caching`).
    /// The default is that of vLLM.
    #[track_caller]
    pub fn prefix_caching(self) -> Self {
        self.put("enable_prefix_caching", true)
    }

    /// Serves LoRA adapters in addition to the model, with a maximum number of adapters in one batch (options `enable_lora` and
    /// `max_loras`). By default, adapters are not supported.
    #[track_caller]
    pub fn adapters(self, at_a_time: u32) -> Self {
        self.put("enable_lora", true).put("max_loras", at_a_time)
    }

    /// Sets the maximum rank of the adapters (option `max_lora_rank`). The default is that of vLLM.
    #[track_caller]
    pub fn max_adapter_rank(self, rank: u32) -> Self {
        self.put("max_lora_rank", rank)
    }

    /// Enables speculative decoding: a smaller draft model proposes this number of tokens at a time, and the model verifies
    /// them (option `speculative_config`). The draft model is given as a path in the container or as an ID of the Hugging
    /// Face Hub. By default, it is disabled.
    #[track_caller]
    pub fn speculative_decoding(self, draft_model: &str, tokens: u32) -> Self {
        let config = serde_json::json!({ "model": draft_model, "num_speculative_tokens": tokens });
        self.put("speculative_config", config)
    }

    /// Lets vLLM's asynchronous engine batch the requests (option `async_mode`). It replaces
    /// [`rolling_batch`](Self::rolling_batch), because rolling batches of DJL Serving are disabled. By default, DJL Serving
    /// chooses.
    #[track_caller]
    pub fn asynchronous(self) -> Self {
        self.put("async_mode", true)
            .put("rolling_batch", "disable")
            .put("entryPoint", "djl_python.lmi_vllm.vllm_async_service")
    }

    /// Sets any argument of vLLM's engine, by its name with underscores, such as `max_num_seqs`. Neither the name nor the
    /// value is validated. The same name replaces an earlier value.
    #[track_caller]
    pub fn engine_argument(self, name: &str, value: impl ToString) -> Self {
        self.put(name, value)
    }
}

impl LargeModel<TensorRtLlm> {
    /// Creates a container with TensorRT-LLM in AWS's image, with the version of the image, such as `0.36.0`, and the weights
    /// of a model, which is compiled when an instance starts.
    #[track_caller]
    pub fn tensorrt_llm(version: impl Into<String>, weights: Weights) -> Self {
        Self::of("djl-tensorrtllm", version.into(), weights)
    }

    /// Quantizes the weights while the model is compiled (option `quantize`). By default, the weights are used as they are.
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

    /// Sets the maximum number of tokens of all concurrent requests (option `max_num_tokens`). The default is that of DJL
    /// Serving.
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
            memory: None,
            problems: Vec::new(),
            engine: PhantomData,
        }
    }

    /// Sets another image, for example one that is based on AWS's image, or a copy of it in the account (`Image`). The
    /// default is AWS's image with the version of the constructor.
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

    /// States the shape of the model, so that `check`, `synth` and `estimate` compare its memory with that of the
    /// GPUs. It is written into the `Metadata` of the `AWS::SageMaker::Model` as `stackwright-memory`.
    ///
    /// ```
    /// use stackwright_estimate::memory::ModelShape;
    /// use stackwright_stacks::S3Location;
    /// use stackwright_stacks::container::{LargeModel, Weights};
    ///
    /// let config = serde_json::json!({
    ///     "model_type": "qwen3", "hidden_size": 4096, "num_hidden_layers": 36, "num_attention_heads": 32,
    ///     "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936
    /// });
    /// LargeModel::vllm("0.36.0", Weights::prefix(S3Location::new("my-models", "qwen3-8b/")))
    ///     .max_model_len(8_192)
    ///     .model_shape(&ModelShape::from_config(&config)?);
    /// # Ok::<(), stackwright_estimate::memory::ShapeError>(())
    /// ```
    pub fn model_shape(mut self, shape: &ModelShape) -> Self {
        self.memory = Some(memory::model_statement(shape));
        self
    }

    /// Sets the number of accelerators that the model is split over (option `tensor_parallel_degree`). The default is that of
    /// DJL Serving. It replaces [`tensor_parallel_over_all`](Self::tensor_parallel_over_all).
    #[track_caller]
    pub fn tensor_parallel_degree(self, accelerators: u32) -> Self {
        self.put("tensor_parallel_degree", accelerators)
    }

    /// Splits the model over all accelerators of the instance (option `tensor_parallel_degree=max`). It replaces
    /// [`tensor_parallel_degree`](Self::tensor_parallel_degree).
    #[track_caller]
    pub fn tensor_parallel_over_all(self) -> Self {
        self.put("tensor_parallel_degree", "max")
    }

    /// Sets the data type of the weights in GPU memory (option `dtype`). By default, DJL Serving chooses.
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

    /// Sets whether requests can join a running batch (option `rolling_batch`). By default, DJL Serving chooses.
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

    /// Sets the maximum number of requests in a batch (option `max_rolling_batch_size`). The default is that of DJL Serving.
    #[track_caller]
    pub fn max_rolling_batch_size(self, requests: u32) -> Self {
        self.put("max_rolling_batch_size", requests)
    }

    /// Sets the time within which the model must be loaded (option `model_loading_timeout`), in whole seconds. The default is
    /// 30 minutes. The timeouts of the endpoint
    /// ([`health_check_timeout`](crate::endpoint::HostingOptions::health_check_timeout)) must not be shorter.
    #[track_caller]
    pub fn model_loading_timeout(self, time: Duration) -> Self {
        self.put("model_loading_timeout", time.as_secs())
    }

    /// Sets the number of requests that may wait before further requests are rejected (`job_queue_size`). The default is
    /// 1,000.
    #[track_caller]
    pub fn job_queue_size(mut self, requests: u32) -> Self {
        self.job_queue_size = Some(Value::from(requests.to_string()).with_caller_location());
        self
    }

    /// Sets any documented option of DJL Serving, by its key without the prefix `option.`, such as `trust_remote_code`. An
    /// unknown key is an error at the caller's line. The same key replaces an earlier value, also of another setter.
    #[track_caller]
    pub fn option(mut self, key: &str, value: impl IntoValue<String>) -> Self {
        let source = Location::caller();
        if !option_keys(E::KEYS).any(|known| known == key) {
            let help = nearest(key, option_keys(E::KEYS)).map_or_else(
                || {
                    "use `.engine_argument(…)` for arguments of vLLM; the user guides of DJL Serving list the other settings"
                        .into()
                },
                |name| format!("the most similar name is `{name}`"),
            );
            let message = format!("DJL Serving does not document the setting `{key}` for this engine");
            self.problems.push(DeferredError { name: "unknown-option", message, help, source });
        }
        self.options.retain(|(other, ..)| other != key);
        self.options.push((key.to_owned(), value.into().with_caller_location(), source));
        self
    }

    /// Writes the settings to the file `serving.properties` in an archive, which is the model data, instead of environment
    /// variables. The settings can then differ between the models of one container. The container downloads the weights
    /// itself, and a value that is not a literal is an error.
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
                            "the value of `{key}` is known only during deployment, and the file is written before"
                        ),
                        help: "use a literal, or remove `.serving_properties()`".into(),
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
        container.memory = server.memory;
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
