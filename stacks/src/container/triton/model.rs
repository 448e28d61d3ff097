//! Models with the settings of Triton's `config.pbtxt`.

use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as JsonValue, json};
use stackwright_synth::{Asset, CallerLocation};

/// The data type of the elements of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TritonType {
    /// Booleans (`TYPE_BOOL`).
    Bool,
    /// Unsigned 8-bit integers (`TYPE_UINT8`).
    Uint8,
    /// Unsigned 16-bit integers (`TYPE_UINT16`).
    Uint16,
    /// Unsigned 32-bit integers (`TYPE_UINT32`).
    Uint32,
    /// Unsigned 64-bit integers (`TYPE_UINT64`).
    Uint64,
    /// Signed 8-bit integers (`TYPE_INT8`).
    Int8,
    /// Signed 16-bit integers (`TYPE_INT16`).
    Int16,
    /// Signed 32-bit integers (`TYPE_INT32`).
    Int32,
    /// Signed 64-bit integers (`TYPE_INT64`).
    Int64,
    /// 16-bit floating point numbers (`TYPE_FP16`).
    Fp16,
    /// 32-bit floating point numbers (`TYPE_FP32`).
    Fp32,
    /// 64-bit floating point numbers (`TYPE_FP64`).
    Fp64,
    /// 16-bit floating point numbers in the format bfloat16 (`TYPE_BF16`).
    Bf16,
    /// Strings of bytes with any length (`TYPE_STRING`).
    String,
}

impl TritonType {
    /// Returns the name of the data type in `config.pbtxt`, such as `TYPE_FP32`.
    pub fn name(self) -> String {
        format!("TYPE_{}", format!("{self:?}").to_uppercase())
    }
}

/// An input or output tensor: its name, its type, and its shape without the batch dimension. `-1` stands for any
/// size.
///
/// ```
/// use stackwright_stacks::container::{Tensor, TritonType};
///
/// Tensor::new("features", TritonType::Fp32, [64]);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Tensor {
    pub(super) name: String,
    pub(super) data_type: TritonType,
    pub(super) dims: Vec<i64>,
    pub(super) optional: bool,
}

impl Tensor {
    /// Creates a tensor with a name, a data type and a shape: the size of each dimension without the batch dimension, or -1
    /// for any size.
    pub fn new(name: impl Into<String>, data_type: TritonType, dims: impl Into<Vec<i64>>) -> Self {
        Self { name: name.into(), data_type, dims: dims.into(), optional: false }
    }

    /// Declares the input as optional, so that requests may omit it (`optional`). By default, an input is required.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    fn fields(&self) -> JsonValue {
        json!({
            "name": self.name,
            "type": self.data_type.name(),
            "dims": self.dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            "optional": self.optional,
        })
    }
}

/// The number and the location of the execution instances of a model (`instance_group`): copies of the model that process
/// requests in parallel. By default, Triton runs one on each GPU.
///
/// ```
/// use stackwright_stacks::container::TritonInstanceGroup;
///
/// TritonInstanceGroup::gpu(2).on_gpus([0, 1]);
/// TritonInstanceGroup::cpu(4);
/// TritonInstanceGroup::model(1);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TritonInstanceGroup {
    kind: &'static str,
    count: u32,
    gpus: Vec<u32>,
}

impl TritonInstanceGroup {
    /// Creates a group with this number of instances on each GPU (`KIND_GPU`).
    pub fn gpu(count: u32) -> Self {
        Self { kind: "KIND_GPU", count, gpus: Vec::new() }
    }

    /// Creates a group with this number of instances on the CPU (`KIND_CPU`).
    pub fn cpu(count: u32) -> Self {
        Self { kind: "KIND_CPU", count, gpus: Vec::new() }
    }

    /// Creates a group with this number of instances whose device the model or its backend chooses, as vLLM does
    /// (`KIND_MODEL`).
    pub fn model(count: u32) -> Self {
        Self { kind: "KIND_MODEL", count, gpus: Vec::new() }
    }

    /// Restricts the instances to these GPUs, counted from 0. By default, all GPUs are used.
    pub fn on_gpus(mut self, gpus: impl Into<Vec<u32>>) -> Self {
        self.gpus = gpus.into();
        self
    }
}

/// The settings of Triton's dynamic batcher, which combines requests into batches (`dynamic_batching`).
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::container::DynamicBatching;
///
/// DynamicBatching::new().preferred([16, 32]).max_queue_delay(Duration::from_micros(500));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct DynamicBatching {
    pub(super) preferred: Vec<u32>,
    delay: Option<Duration>,
    preserve_ordering: bool,
}

impl DynamicBatching {
    /// Creates settings with Triton's defaults: all waiting requests are combined, up to the maximum batch size of the model.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the preferred batch sizes (`preferred_batch_size`): a batch of one of these sizes runs at once. A size
    /// above the maximum batch size of the model is an error. By default, no size is preferred.
    pub fn preferred(mut self, sizes: impl Into<Vec<u32>>) -> Self {
        self.preferred = sizes.into();
        self
    }

    /// Sets the maximum time that a request waits for other requests of its batch, in whole microseconds
    /// (`max_queue_delay_microseconds`). By default, requests do not wait.
    pub fn max_queue_delay(mut self, time: Duration) -> Self {
        self.delay = Some(time);
        self
    }

    /// Returns responses in the order of the requests. By default, a response is returned as soon as it is available.
    pub fn preserve_ordering(mut self) -> Self {
        self.preserve_ordering = true;
        self
    }
}

/// The settings of Triton's sequence batcher (`sequence_batching`), for models that keep a state between requests: all
/// requests of a sequence are sent to the same instance of the model.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::container::{SequenceBatching, SequenceControl, TritonType};
///
/// SequenceBatching::oldest(16)
///     .max_idle(Duration::from_secs(10))
///     .control("START", SequenceControl::Start(TritonType::Int32))
///     .control("CORRID", SequenceControl::CorrelationId(TritonType::Uint64));
/// SequenceBatching::direct();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SequenceBatching {
    candidates: Option<u32>,
    max_idle: Option<Duration>,
    controls: Vec<(String, SequenceControl)>,
}

/// The control inputs by which Triton informs a model about a sequence. Flags are 0 or 1 in the given data type: `Fp32`,
/// `Bool`, or `Int32` for every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SequenceControl {
    /// A flag: whether the request is the first of the sequence (`CONTROL_SEQUENCE_START`).
    Start(TritonType),
    /// A flag: whether the request is the last of the sequence (`CONTROL_SEQUENCE_END`).
    End(TritonType),
    /// A flag: whether the slot of the batch has a request (`CONTROL_SEQUENCE_READY`).
    Ready(TritonType),
    /// The ID of the sequence in the given data type (`CONTROL_SEQUENCE_CORRID`).
    CorrelationId(TritonType),
}

impl SequenceBatching {
    /// Creates a sequence batcher with the direct strategy: each sequence has its own slot in the batch until it ends.
    pub fn direct() -> Self {
        Self { candidates: None, max_idle: None, controls: Vec::new() }
    }

    /// Creates a sequence batcher with the oldest strategy: the oldest requests of at most this number of sequences are
    /// batched dynamically.
    pub fn oldest(max_candidate_sequences: u32) -> Self {
        Self { candidates: Some(max_candidate_sequences), ..Self::direct() }
    }

    /// Sets the time without requests after which the slot of a sequence is freed, in whole microseconds
    /// (`max_sequence_idle_microseconds`). The default is one second.
    pub fn max_idle(mut self, time: Duration) -> Self {
        self.max_idle = Some(time);
        self
    }

    /// Adds a control input, by the name of the model's input that Triton sets. Do not add the input to the model with
    /// [`TritonModel::input`]. By default, there are none.
    pub fn control(mut self, input: impl Into<String>, control: SequenceControl) -> Self {
        self.controls.push((input.into(), control));
        self
    }

    fn fields(&self) -> JsonValue {
        let control = |(name, control): &(String, SequenceControl)| {
            let (kind, data_type) = match control {
                SequenceControl::Start(data_type) => ("CONTROL_SEQUENCE_START", data_type),
                SequenceControl::End(data_type) => ("CONTROL_SEQUENCE_END", data_type),
                SequenceControl::Ready(data_type) => ("CONTROL_SEQUENCE_READY", data_type),
                SequenceControl::CorrelationId(data_type) => ("CONTROL_SEQUENCE_CORRID", data_type),
            };
            let values = match (control, data_type) {
                (SequenceControl::CorrelationId(_), _) => None,
                (_, TritonType::Fp32) => Some("fp32_false_true: [0, 1]"),
                (_, TritonType::Bool) => Some("bool_false_true: [false, true]"),
                _ => Some("int32_false_true: [0, 1]"),
            };
            let data_type = values.is_none().then(|| data_type.name());
            json!({ "name": name, "kind": kind, "data_type": data_type, "values": values })
        };
        json!({
            "candidates": self.candidates,
            "max_idle": self.max_idle.map(|time| time.as_micros().to_string()),
            "controls": self.controls.iter().map(control).collect::<Vec<_>>(),
        })
    }
}

/// A warm-up request that Triton runs before a model becomes ready, so that one-time initialization of the backend
/// does not delay the first request.
///
/// ```
/// use stackwright_stacks::container::{Tensor, TritonType, WarmUp};
///
/// WarmUp::new("largest").batch_size(32).random(Tensor::new("features", TritonType::Fp32, [64]));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct WarmUp {
    name: String,
    batch_size: u32,
    repeat: Option<u32>,
    pub(super) inputs: Vec<(Tensor, bool)>,
}

impl WarmUp {
    /// Creates a warm-up request with a name, the batch size 1 and no inputs. Add each input of the model with
    /// [`zeros`](Self::zeros) or [`random`](Self::random).
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), batch_size: 1, repeat: None, inputs: Vec::new() }
    }

    /// Sets the number of requests in the batch (`batch_size`). The default is 1.
    pub fn batch_size(mut self, requests: u32) -> Self {
        self.batch_size = requests;
        self
    }

    /// Sets the number of times that the request is run (`count`). The default is 1.
    pub fn repeat(mut self, times: u32) -> Self {
        self.repeat = Some(times);
        self
    }

    /// Adds an input of zeros (`zero_data`). A dimension of variable size, or a tensor that does not match an input of
    /// the model, is an error.
    pub fn zeros(mut self, input: Tensor) -> Self {
        self.inputs.push((input, false));
        self
    }

    /// Adds an input of random numbers (`random_data`). A dimension of variable size, or a tensor that does not match
    /// an input of the model, is an error.
    pub fn random(mut self, input: Tensor) -> Self {
        self.inputs.push((input, true));
        self
    }

    fn fields(&self) -> JsonValue {
        let input = |(tensor, random): &(Tensor, bool)| {
            let data = if *random { "random_data" } else { "zero_data" };
            json!({ "tensor": tensor.fields(), "data": data })
        };
        json!({
            "name": self.name,
            "batch_size": self.batch_size,
            "count": self.repeat,
            "inputs": self.inputs.iter().map(input).collect::<Vec<_>>(),
        })
    }
}

/// The versions of a model that Triton serves, for [`TritonModel::version_policy`]. By default, Triton serves the latest one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum VersionPolicy {
    /// The given number of latest versions, those with the highest numbers.
    Latest(u32),
    /// All versions.
    All,
    /// The versions with the given numbers.
    Specific(Vec<u32>),
}

/// The settings with which ONNX Runtime compiles a model with TensorRT when the model is loaded, for
/// [`TritonModel::tensorrt`].
///
/// ```
/// use stackwright_stacks::container::TensorRtOptions;
///
/// TensorRtOptions::fp16().max_workspace_size(4 << 30);
/// TensorRtOptions::fp32();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TensorRtOptions {
    precision: &'static str,
    workspace: Option<u64>,
    cache: Option<String>,
}

impl TensorRtOptions {
    /// Creates settings for 32-bit precision.
    pub fn fp32() -> Self {
        Self { precision: "FP32", workspace: None, cache: None }
    }

    /// Creates settings for 16-bit precision in the layers where it is faster.
    pub fn fp16() -> Self {
        Self { precision: "FP16", ..Self::fp32() }
    }

    /// Sets the maximum GPU memory that TensorRT may use while it selects kernels, in bytes. The default is that of ONNX
    /// Runtime.
    pub fn max_workspace_size(mut self, bytes: u64) -> Self {
        self.workspace = Some(bytes);
        self
    }

    /// Caches compiled engines in a directory of the container, such as `/tmp/engines`, so that a model is compiled only when
    /// it is loaded for the first time. By default, it is compiled each time.
    pub fn engine_cache(mut self, directory: impl Into<String>) -> Self {
        self.cache = Some(directory.into());
        self
    }

    fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = vec![("precision_mode".to_owned(), self.precision.to_owned())];
        if let Some(bytes) = self.workspace {
            parameters.push(("max_workspace_size_bytes".into(), bytes.to_string()));
        }
        if let Some(directory) = &self.cache {
            parameters.push(("trt_engine_cache_enable".into(), "true".into()));
            parameters.push(("trt_engine_cache_path".into(), directory.clone()));
        }
        parameters
    }
}

/// The content of a version's directory.
#[derive(Clone, Debug)]
pub(super) enum VersionData {
    /// A file or directory on the machine that synthesizes.
    Path(PathBuf),
    /// A file with this content.
    Text(String),
    /// An asset that refers to no file or directory, which is an error.
    Missing,
}

impl VersionData {
    fn of(file: &Asset) -> Self {
        file.path().map_or(Self::Missing, |path| Self::Path(path.to_owned()))
    }
}

/// A model of a Triton model repository: its files, and the settings of its `config.pbtxt`.
///
/// Names of models consist of letters, digits, `_`, `-` and `.`; another name, or a name that two models of a repository
/// have, is an error. Files are assets that refer to a file or a directory ([`Asset::new`]).
///
/// ```
/// use stackwright_stacks::container::{Tensor, TritonModel, TritonType};
/// # use stackwright_synth::Asset;
///
/// # let file = || Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
/// TritonModel::onnx("scorer", file())
///     .input(Tensor::new("features", TritonType::Fp32, [64]))
///     .output(Tensor::new("score", TritonType::Fp32, [1]));
/// TritonModel::tensorrt_plan("scorer", file(), "ml.g5.xlarge");
/// TritonModel::torchscript("scorer", file());
/// TritonModel::python("preprocessing", file());
/// TritonModel::tensorflow_saved_model("ranker", Asset::new(env!("CARGO_MANIFEST_DIR")));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TritonModel {
    pub(super) name: String,
    platform: Option<&'static str>,
    backend: Option<String>,
    file_name: String,
    pub(super) versions: Vec<(u32, VersionData)>,
    pub(super) max_batch_size: u32,
    pub(super) inputs: Vec<Tensor>,
    pub(super) outputs: Vec<Tensor>,
    groups: Vec<TritonInstanceGroup>,
    pub(super) batching: Option<(DynamicBatching, CallerLocation)>,
    version_policy: Option<VersionPolicy>,
    tensorrt: Option<TensorRtOptions>,
    parameters: Vec<(String, String)>,
    response_cache: bool,
    pub(super) sequences: Option<(SequenceBatching, CallerLocation)>,
    pub(super) warm_ups: Vec<(WarmUp, CallerLocation)>,
    decoupled: bool,
    pub(super) built_on: Option<String>,
    pub(super) source: CallerLocation,
}

/// The name of a backend of Triton, such as `fil`, `dali` or `openvino`.
///
/// ```
/// use stackwright_stacks::container::TritonBackend;
///
/// TritonBackend::new("fil");
/// ```
#[derive(Clone, Debug)]
pub struct TritonBackend(String);

impl TritonBackend {
    /// Refers to a backend of the image, or to one of your own, by its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl TritonModel {
    #[track_caller]
    fn of(name: impl Into<String>, file_name: &str, file: &Asset) -> Self {
        Self::with_data(name.into(), file_name, vec![(1, VersionData::of(file))])
    }

    #[track_caller]
    fn with_data(name: String, file_name: &str, versions: Vec<(u32, VersionData)>) -> Self {
        Self {
            name,
            platform: None,
            backend: None,
            file_name: file_name.to_owned(),
            versions,
            max_batch_size: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            groups: Vec::new(),
            batching: None,
            version_policy: None,
            tensorrt: None,
            parameters: Vec::new(),
            response_cache: false,
            sequences: None,
            warm_ups: Vec::new(),
            decoupled: false,
            built_on: None,
            source: Location::caller(),
        }
    }

    /// Creates a model with a name from a TensorRT plan that was built on an instance type such as `ml.g5.xlarge`. The plan
    /// runs only on GPUs of the same compute capability and with the same version of TensorRT. An endpoint on instances with
    /// other GPUs is an error.
    #[track_caller]
    pub fn tensorrt_plan(name: impl Into<String>, plan: Asset, built_on: impl Into<String>) -> Self {
        let model = Self::of(name, "model.plan", &plan);
        Self { platform: Some("tensorrt_plan"), built_on: Some(built_on.into()), ..model }
    }

    /// Creates a model with a name from an ONNX file. [`tensorrt`](Self::tensorrt) lets ONNX Runtime compile the model for
    /// the GPU that it is loaded on.
    #[track_caller]
    pub fn onnx(name: impl Into<String>, file: Asset) -> Self {
        Self { platform: Some("onnxruntime_onnx"), ..Self::of(name, "model.onnx", &file) }
    }

    /// Creates a model with a name from a TorchScript file.
    #[track_caller]
    pub fn torchscript(name: impl Into<String>, file: Asset) -> Self {
        Self { platform: Some("pytorch_libtorch"), ..Self::of(name, "model.pt", &file) }
    }

    /// Creates a Python model with a name from a file with a class `TritonPythonModel`, or from a directory that contains
    /// such a file as `model.py`.
    #[track_caller]
    pub fn python(name: impl Into<String>, file_or_directory: Asset) -> Self {
        Self { backend: Some("python".into()), ..Self::of(name, "model.py", &file_or_directory) }
    }

    /// Creates a TensorFlow model with a name from the directory of a SavedModel.
    #[track_caller]
    pub fn tensorflow_saved_model(name: impl Into<String>, directory: Asset) -> Self {
        let name = name.into();
        let model = Self::of(name, "model.savedmodel", &directory);
        Self { platform: Some("tensorflow_savedmodel"), ..model }
    }

    /// Creates a large language model for vLLM with a name and the arguments of vLLM's engine, a JSON object that becomes
    /// `model.json`. The backend adds the inputs and outputs, and responses are streamed.
    ///
    /// ```
    /// use stackwright_stacks::container::TritonModel;
    ///
    /// TritonModel::vllm("chat", serde_json::json!({ "model": "/opt/ml/model/weights", "gpu_memory_utilization": 0.9 }));
    /// ```
    #[track_caller]
    pub fn vllm(name: impl Into<String>, engine_arguments: JsonValue) -> Self {
        let text = format!("{engine_arguments:#}\n");
        let model = Self::with_data(name.into(), "model.json", vec![(1, VersionData::Text(text))]);
        let model = Self { backend: Some("vllm".into()), decoupled: true, ..model };
        model.instances(TritonInstanceGroup::model(1))
    }

    /// Creates a model for any other backend of Triton, such as `fil` (XGBoost, LightGBM), `dali` or `openvino`. The
    /// file keeps its name, which must be the one that the backend expects: `xgboost.json`, `model.dali`. The
    /// contents of a directory become the contents of the version.
    ///
    /// ```
    /// use stackwright_stacks::container::{Tensor, TritonBackend, TritonModel, TritonType};
    /// # use stackwright_synth::Asset;
    ///
    /// # let file = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    /// TritonModel::in_backend(TritonBackend::new("fil"), "fraud", file)
    ///     .max_batch_size(1_024)
    ///     .input(Tensor::new("input__0", TritonType::Fp32, [32]))
    ///     .output(Tensor::new("output__0", TritonType::Fp32, [1]))
    ///     .parameter("model_type", "xgboost_json");
    /// ```
    #[track_caller]
    pub fn in_backend(backend: TritonBackend, name: impl Into<String>, file_or_directory: Asset) -> Self {
        let path = file_or_directory.path();
        let file_name =
            path.and_then(|path| path.file_name()).and_then(|name| name.to_str()).unwrap_or("model");
        Self { backend: Some(backend.0), ..Self::of(name, file_name, &file_or_directory) }
    }

    /// Adds an input tensor (`input`). Backends that complete the configuration themselves, such as ONNX Runtime, need
    /// none.
    pub fn input(mut self, tensor: Tensor) -> Self {
        self.inputs.push(tensor);
        self
    }

    /// Adds an output tensor (`output`). Backends that complete the configuration themselves, such as ONNX Runtime,
    /// need none.
    pub fn output(mut self, tensor: Tensor) -> Self {
        self.outputs.push(tensor);
        self
    }

    /// Adds a version with its number and its file. The file of the constructor is version 1.
    pub fn version(mut self, number: u32, file: Asset) -> Self {
        self.versions.push((number, VersionData::of(&file)));
        self
    }

    /// Enables the sequence batcher (`sequence_batching`). By default, it is disabled. A model with both the sequence
    /// batcher and the dynamic batcher ([`dynamic_batching`](Self::dynamic_batching)) is an error.
    #[track_caller]
    pub fn sequence_batching(mut self, sequences: SequenceBatching) -> Self {
        self.sequences = Some((sequences, Location::caller()));
        self
    }

    /// Adds a warm-up request, which runs when the model is loaded (`model_warmup`). By default, there are none.
    #[track_caller]
    pub fn warm_up(mut self, request: WarmUp) -> Self {
        self.warm_ups.push((request, Location::caller()));
        self
    }

    /// Sets whether the model is decoupled (`model_transaction_policy`): whether it may send any number of responses to
    /// a request, such as streamed tokens. The default is `false`, and `true` for [`vllm`](Self::vllm).
    pub fn decoupled(mut self, decoupled: bool) -> Self {
        self.decoupled = decoupled;
        self
    }

    /// Sets the maximum batch size (`max_batch_size`). The default is 0, which is for models that do not support
    /// batching.
    pub fn max_batch_size(mut self, requests: u32) -> Self {
        self.max_batch_size = requests;
        self
    }

    /// Adds a group of execution instances (`instance_group`). By default, Triton runs one instance on each GPU.
    pub fn instances(mut self, group: TritonInstanceGroup) -> Self {
        self.groups.push(group);
        self
    }

    /// Enables the dynamic batcher (`dynamic_batching`). By default, it is disabled. A model with both the dynamic
    /// batcher and the sequence batcher ([`sequence_batching`](Self::sequence_batching)) is an error.
    #[track_caller]
    pub fn dynamic_batching(mut self, batching: DynamicBatching) -> Self {
        self.batching = Some((batching, Location::caller()));
        self
    }

    /// Sets the versions that are served (`version_policy`). By default, Triton serves the latest one.
    pub fn version_policy(mut self, policy: VersionPolicy) -> Self {
        self.version_policy = Some(policy);
        self
    }

    /// Lets ONNX Runtime compile the model with TensorRT when it is loaded. It applies to models of [`onnx`](Self::onnx). By
    /// default, ONNX Runtime does not use TensorRT.
    pub fn tensorrt(mut self, options: TensorRtOptions) -> Self {
        self.tensorrt = Some(options);
        self
    }

    /// Adds a parameter of the backend (`parameters`), such as `model_type` with the value `xgboost_json`. Neither the name
    /// nor the value is validated.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Enables Triton's cache of responses, which returns the same response for identical requests (`response_cache`).
    /// By default, it is disabled.
    pub fn response_cache(mut self) -> Self {
        self.response_cache = true;
        self
    }

    /// Returns the file name of a version in the repository.
    pub(super) fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Returns the values for the template of `config.pbtxt`.
    pub(super) fn fields(&self) -> JsonValue {
        let policy = self.version_policy.as_ref().map(|policy| match policy {
            VersionPolicy::Latest(number) => format!("latest: {{ num_versions: {number} }}"),
            VersionPolicy::All => "all: { }".to_owned(),
            VersionPolicy::Specific(numbers) => format!("specific: {{ versions: {numbers:?} }}"),
        });
        let groups: Vec<_> = self
            .groups
            .iter()
            .map(|group| json!({ "kind": group.kind, "count": group.count, "gpus": list(&group.gpus) }))
            .collect();
        let batching = self.batching.as_ref().map(|(batching, _)| {
            json!({
                "preferred": list(&batching.preferred),
                "delay": batching.delay.map(|time| time.as_micros().to_string()),
                "preserve_ordering": batching.preserve_ordering,
            })
        });
        json!({
            "name": self.name,
            "platform": self.platform,
            "backend": self.backend,
            "max_batch_size": self.max_batch_size,
            "inputs": self.inputs.iter().map(Tensor::fields).collect::<Vec<_>>(),
            "outputs": self.outputs.iter().map(Tensor::fields).collect::<Vec<_>>(),
            "groups": groups,
            "batching": batching,
            "sequences": self.sequences.as_ref().map(|(sequences, _)| sequences.fields()),
            "warm_ups": self.warm_ups.iter().map(|(request, _)| request.fields()).collect::<Vec<_>>(),
            "decoupled": self.decoupled,
            "version_policy": policy,
            "tensorrt": self.tensorrt.as_ref().map(|options| json!({ "parameters": pairs(&options.parameters()) })),
            "parameters": pairs(&self.parameters),
            "response_cache": self.response_cache,
        })
    }
}

/// Formats numbers in brackets; an empty list returns an empty string.
fn list(numbers: &[u32]) -> Option<String> {
    (!numbers.is_empty()).then(|| format!("{numbers:?}"))
}

fn pairs(pairs: &[(String, String)]) -> Vec<JsonValue> {
    pairs.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// An ensemble: a graph of models of a Triton model repository that serves a request as one model. It has no execution
/// instances of its own and uses those of its models.
///
/// ```
/// use stackwright_stacks::container::{Ensemble, EnsembleStep, Tensor, TritonType};
///
/// Ensemble::new("relevance")
///     .max_batch_size(64)
///     .input(Tensor::new("features", TritonType::Fp32, [64]))
///     .output(Tensor::new("relevance", TritonType::Fp32, [1]))
///     .step(EnsembleStep::new("coupling").input("features", "features").output("score", "coupling"))
///     .step(EnsembleStep::new("combine").input("scores", "coupling").output("relevance", "relevance"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Ensemble {
    pub(super) name: String,
    pub(super) max_batch_size: u32,
    pub(super) inputs: Vec<Tensor>,
    pub(super) outputs: Vec<Tensor>,
    pub(super) steps: Vec<EnsembleStep>,
    pub(super) source: CallerLocation,
}

impl Ensemble {
    /// Creates an ensemble with a name and without steps. It needs at least one [`step`](Self::step); an ensemble without one
    /// is an error.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            max_batch_size: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            steps: Vec::new(),
            source: Location::caller(),
        }
    }

    /// Adds an input tensor of the ensemble, which its steps can use (`input`).
    pub fn input(mut self, tensor: Tensor) -> Self {
        self.inputs.push(tensor);
        self
    }

    /// Adds an output tensor of the ensemble (`output`). An output that no step produces, or that has another data
    /// type, is an error.
    pub fn output(mut self, tensor: Tensor) -> Self {
        self.outputs.push(tensor);
        self
    }

    /// Sets the maximum batch size (`max_batch_size`). The default is 0, without batching. A size above that of a model
    /// of the ensemble is an error.
    pub fn max_batch_size(mut self, requests: u32) -> Self {
        self.max_batch_size = requests;
        self
    }

    /// Adds a step (`ensemble_scheduling`): a model that runs as soon as all of its inputs are available.
    pub fn step(mut self, step: EnsembleStep) -> Self {
        self.steps.push(step);
        self
    }

    pub(super) fn fields(&self) -> JsonValue {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|step| {
                json!({
                    "model": step.model,
                    "version": step.version.map_or("-1".to_owned(), |version| version.to_string()),
                    "inputs": pairs(&step.inputs),
                    "outputs": pairs(&step.outputs),
                })
            })
            .collect();
        json!({
            "name": self.name,
            "platform": "ensemble",
            "max_batch_size": self.max_batch_size,
            "inputs": self.inputs.iter().map(Tensor::fields).collect::<Vec<_>>(),
            "outputs": self.outputs.iter().map(Tensor::fields).collect::<Vec<_>>(),
            "ensemble": { "steps": steps },
        })
    }
}

/// A step of an ensemble: a model, and the mapping of its tensors to those of the ensemble.
///
/// ```
/// use stackwright_stacks::container::EnsembleStep;
///
/// EnsembleStep::new("scorer").input("features", "image_features").output("score", "score");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EnsembleStep {
    pub(super) model: String,
    version: Option<u32>,
    pub(super) inputs: Vec<(String, String)>,
    pub(super) outputs: Vec<(String, String)>,
    pub(super) source: CallerLocation,
}

impl EnsembleStep {
    /// Creates a step that runs a model of the repository, given by its name. A name that no model has is an error at the
    /// caller's line.
    #[track_caller]
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            version: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            source: Location::caller(),
        }
    }

    /// Sets the version of the model (`model_version`). The default is the latest one.
    pub fn version(mut self, number: u32) -> Self {
        self.version = Some(number);
        self
    }

    /// Maps an input of the model, by its name, to the name of the tensor of the ensemble that it gets. Every input that is
    /// not optional has to be mapped.
    pub fn input(mut self, of_model: impl Into<String>, tensor: impl Into<String>) -> Self {
        self.inputs.push((of_model.into(), tensor.into()));
        self
    }

    /// Maps an output of the model, by its name, to the name of the tensor of the ensemble that it becomes.
    pub fn output(mut self, of_model: impl Into<String>, tensor: impl Into<String>) -> Self {
        self.outputs.push((of_model.into(), tensor.into()));
        self
    }
}
