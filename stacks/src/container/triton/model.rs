//! Models as Triton's `config.pbtxt` describes them.

use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as JsonValue, json};
use stackwright_synth::{Asset, CallerLocation};

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TritonType {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Fp32,
    Fp64,
    Bf16,
    /// Bytes, of any length.
    String,
}

impl TritonType {
    /// Triton's name: `TYPE_FP32`.
    pub fn name(self) -> String {
        format!("TYPE_{}", format!("{self:?}").to_uppercase())
    }
}

/// An input or output by its name, type and shape, without the dimension of the batch. `-1` is any size.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub(super) name: String,
    pub(super) data_type: TritonType,
    pub(super) dims: Vec<i64>,
    pub(super) optional: bool,
}

impl Tensor {
    /// A tensor.
    pub fn new(name: impl Into<String>, data_type: TritonType, dims: impl Into<Vec<i64>>) -> Self {
        Self { name: name.into(), data_type, dims: dims.into(), optional: false }
    }

    /// Lets a request leave it out.
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

/// How many copies of a model run at a time, and where. Without one there is a copy on each GPU.
#[derive(Clone, Debug)]
pub struct TritonInstanceGroup {
    kind: &'static str,
    count: u32,
    gpus: Vec<u32>,
}

impl TritonInstanceGroup {
    /// Copies on each GPU.
    pub fn gpu(count: u32) -> Self {
        Self { kind: "KIND_GPU", count, gpus: Vec::new() }
    }

    /// Copies on the host's processors.
    pub fn cpu(count: u32) -> Self {
        Self { kind: "KIND_CPU", count, gpus: Vec::new() }
    }

    /// Copies that the model or its backend places by itself, as vLLM does.
    pub fn model(count: u32) -> Self {
        Self { kind: "KIND_MODEL", count, gpus: Vec::new() }
    }

    /// On these GPUs only, counted from 0.
    pub fn on_gpus(mut self, gpus: impl Into<Vec<u32>>) -> Self {
        self.gpus = gpus.into();
        self
    }
}

/// Requests put together into a batch.
#[derive(Clone, Debug, Default)]
pub struct DynamicBatching {
    pub(super) preferred: Vec<u32>,
    delay: Option<Duration>,
    preserve_ordering: bool,
}

impl DynamicBatching {
    /// Whatever waits together is run together.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sizes that are run at once when they are reached; none above the model's largest batch.
    pub fn preferred(mut self, sizes: impl Into<Vec<u32>>) -> Self {
        self.preferred = sizes.into();
        self
    }

    /// How long a request may wait for others.
    pub fn max_queue_delay(mut self, time: Duration) -> Self {
        self.delay = Some(time);
        self
    }

    /// Answers in the order of the requests.
    pub fn preserve_ordering(mut self) -> Self {
        self.preserve_ordering = true;
        self
    }
}

/// Requests that belong together, because the model keeps a state between them: each sequence is sent to the same copy of
/// the model.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::container::{SequenceBatching, SequenceControl, TritonType};
///
/// SequenceBatching::oldest(16)
///     .max_idle(Duration::from_secs(10))
///     .control("START", SequenceControl::Start(TritonType::Int32))
///     .control("CORRID", SequenceControl::CorrelationId(TritonType::Uint64));
/// ```
#[derive(Clone, Debug)]
pub struct SequenceBatching {
    candidates: Option<u32>,
    max_idle: Option<Duration>,
    controls: Vec<(String, SequenceControl)>,
}

/// What an input tells the model about a sequence. Flags are 0 or 1, in the given type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SequenceControl {
    /// Whether the request starts a sequence.
    Start(TritonType),
    /// Whether the request ends a sequence.
    End(TritonType),
    /// Whether there is a request in this slot of the batch.
    Ready(TritonType),
    /// The ID of the sequence.
    CorrelationId(TritonType),
}

impl SequenceBatching {
    /// Each sequence has a slot in the batch of its own, as long as it lasts.
    pub fn direct() -> Self {
        Self { candidates: None, max_idle: None, controls: Vec::new() }
    }

    /// The oldest requests of a number of candidate sequences are batched dynamically.
    pub fn oldest(max_candidate_sequences: u32) -> Self {
        Self { candidates: Some(max_candidate_sequences), ..Self::direct() }
    }

    /// How long a sequence may be without a request before its slot is freed; a second unless set.
    pub fn max_idle(mut self, time: Duration) -> Self {
        self.max_idle = Some(time);
        self
    }

    /// An input of the model that Triton itself fills in. It is not one of the model's inputs here.
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

/// A request that Triton runs when a model is loaded, before it counts as ready: so that the first real request does not
/// wait for what the backend does once.
///
/// ```
/// use stackwright_stacks::container::{Tensor, TritonType, WarmUp};
///
/// WarmUp::new("largest").batch_size(32).random(Tensor::new("features", TritonType::Fp32, [64]));
/// ```
#[derive(Clone, Debug)]
pub struct WarmUp {
    name: String,
    batch_size: u32,
    repeat: Option<u32>,
    pub(super) inputs: Vec<(Tensor, bool)>,
}

impl WarmUp {
    /// A request of one element, without inputs yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), batch_size: 1, repeat: None, inputs: Vec::new() }
    }

    /// The size of the batch.
    pub fn batch_size(mut self, requests: u32) -> Self {
        self.batch_size = requests;
        self
    }

    /// How often the request is run; once unless set.
    pub fn repeat(mut self, times: u32) -> Self {
        self.repeat = Some(times);
        self
    }

    /// An input of zeros, whose shape has no open dimensions.
    pub fn zeros(mut self, input: Tensor) -> Self {
        self.inputs.push((input, false));
        self
    }

    /// An input of random numbers, whose shape has no open dimensions.
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

/// Which of a model's versions are served; the latest one unless set.
#[derive(Clone, Debug)]
pub enum VersionPolicy {
    /// So many of the latest.
    Latest(u32),
    /// All of them.
    All,
    /// These.
    Specific(Vec<u32>),
}

/// How ONNX Runtime compiles a model with TensorRT when it is loaded.
#[derive(Clone, Debug)]
pub struct TensorRtOptions {
    precision: &'static str,
    workspace: Option<u64>,
    cache: Option<String>,
}

impl TensorRtOptions {
    /// In 32 bit.
    pub fn fp32() -> Self {
        Self { precision: "FP32", workspace: None, cache: None }
    }

    /// In 16 bit where that is faster.
    pub fn fp16() -> Self {
        Self { precision: "FP16", ..Self::fp32() }
    }

    /// The most memory that choosing kernels may take, in bytes.
    pub fn max_workspace_size(mut self, bytes: u64) -> Self {
        self.workspace = Some(bytes);
        self
    }

    /// Keeps compiled engines in a folder of the container, so that only its first start compiles.
    pub fn engine_cache(mut self, folder: impl Into<String>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = vec![("precision_mode".to_owned(), self.precision.to_owned())];
        if let Some(bytes) = self.workspace {
            parameters.push(("max_workspace_size_bytes".into(), bytes.to_string()));
        }
        if let Some(folder) = &self.cache {
            parameters.push(("trt_engine_cache_enable".into(), "true".into()));
            parameters.push(("trt_engine_cache_path".into(), folder.clone()));
        }
        parameters
    }
}

/// What lies in the directory of a version.
#[derive(Clone, Debug)]
pub(super) enum VersionData {
    /// A file or a directory of the program's.
    Path(PathBuf),
    /// A file with this content.
    Text(String),
}

/// A model of a repository: its file, and what `config.pbtxt` says of it.
#[derive(Clone, Debug)]
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

impl TritonModel {
    #[track_caller]
    fn of(name: impl Into<String>, file_name: &str, file: &Asset) -> Self {
        let data = file.path().map(|path| (1, VersionData::Path(path.to_owned())));
        Self::with_data(name.into(), file_name, data.into_iter().collect())
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

    /// A TensorRT plan, built on an instance type such as `ml.g5.xlarge`: it runs on GPUs of the same compute
    /// capability only, and with the same version of TensorRT.
    #[track_caller]
    pub fn tensorrt_plan(name: impl Into<String>, plan: Asset, built_on: impl Into<String>) -> Self {
        let model = Self::of(name, "model.plan", &plan);
        Self { platform: Some("tensorrt_plan"), built_on: Some(built_on.into()), ..model }
    }

    /// A model in ONNX, which [`tensorrt`](Self::tensorrt) has compiled for whatever GPU it is loaded on.
    #[track_caller]
    pub fn onnx(name: impl Into<String>, file: Asset) -> Self {
        Self { platform: Some("onnxruntime_onnx"), ..Self::of(name, "model.onnx", &file) }
    }

    /// A model in TorchScript.
    #[track_caller]
    pub fn torchscript(name: impl Into<String>, file: Asset) -> Self {
        Self { platform: Some("pytorch_libtorch"), ..Self::of(name, "model.pt", &file) }
    }

    /// Python: a file with a class `TritonPythonModel`, or a folder with such a `model.py` in it.
    #[track_caller]
    pub fn python(name: impl Into<String>, file_or_folder: Asset) -> Self {
        Self { backend: Some("python".into()), ..Self::of(name, "model.py", &file_or_folder) }
    }

    /// A model of TensorFlow: the directory of a SavedModel.
    #[track_caller]
    pub fn tensorflow_saved_model(name: impl Into<String>, folder: Asset) -> Self {
        let name = name.into();
        let model = Self::of(name, "model.savedmodel", &folder);
        Self { platform: Some("tensorflow_savedmodel"), ..model }
    }

    /// A large language model that vLLM serves, by the arguments of its engine: they become `model.json`. Triton finds the
    /// inputs and outputs by itself, and answers are streamed.
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

    /// A model of any backend that Triton has, such as `fil` (XGBoost, LightGBM), `dali` or `openvino`. The file keeps its
    /// name in the repository, which has to be the one that the backend expects: `xgboost.json`, `model.dali`. The contents
    /// of a directory are the contents of the version.
    ///
    /// ```
    /// use stackwright_stacks::container::{Tensor, TritonModel, TritonType};
    /// # use stackwright_synth::Asset;
    ///
    /// # let file = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    /// TritonModel::backend("fraud", "fil", file)
    ///     .max_batch_size(1_024)
    ///     .input(Tensor::new("input__0", TritonType::Fp32, [32]))
    ///     .output(Tensor::new("output__0", TritonType::Fp32, [1]))
    ///     .parameter("model_type", "xgboost_json");
    /// ```
    #[track_caller]
    pub fn backend(name: impl Into<String>, backend: impl Into<String>, file_or_folder: Asset) -> Self {
        let path = file_or_folder.path();
        let file_name =
            path.and_then(|path| path.file_name()).and_then(|name| name.to_str()).unwrap_or("model");
        Self { backend: Some(backend.into()), ..Self::of(name, file_name, &file_or_folder) }
    }

    /// An input.
    pub fn input(mut self, tensor: Tensor) -> Self {
        self.inputs.push(tensor);
        self
    }

    /// An output.
    pub fn output(mut self, tensor: Tensor) -> Self {
        self.outputs.push(tensor);
        self
    }

    /// A further version, beside version 1 that the model was made with.
    pub fn version(mut self, number: u32, file: Asset) -> Self {
        self.versions.extend(file.path().map(|path| (number, VersionData::Path(path.to_owned()))));
        self
    }

    /// Keeps requests of a sequence together. It excludes [`dynamic_batching`](Self::dynamic_batching).
    #[track_caller]
    pub fn sequence_batching(mut self, sequences: SequenceBatching) -> Self {
        self.sequences = Some((sequences, Location::caller()));
        self
    }

    /// Runs a request when the model is loaded. Several calls add up.
    #[track_caller]
    pub fn warm_up(mut self, request: WarmUp) -> Self {
        self.warm_ups.push((request, Location::caller()));
        self
    }

    /// Whether the model may answer a request with any number of responses, in any order (`decoupled`): for streamed
    /// tokens.
    pub fn decoupled(mut self, decoupled: bool) -> Self {
        self.decoupled = decoupled;
        self
    }

    /// The most requests that are run at once; 0, the default, if the model takes no batches.
    pub fn max_batch_size(mut self, requests: u32) -> Self {
        self.max_batch_size = requests;
        self
    }

    /// Where copies of it run. Several groups add up.
    pub fn instances(mut self, group: TritonInstanceGroup) -> Self {
        self.groups.push(group);
        self
    }

    /// Puts requests together.
    #[track_caller]
    pub fn dynamic_batching(mut self, batching: DynamicBatching) -> Self {
        self.batching = Some((batching, Location::caller()));
        self
    }

    /// Which versions are served.
    pub fn version_policy(mut self, policy: VersionPolicy) -> Self {
        self.version_policy = Some(policy);
        self
    }

    /// Has ONNX Runtime compile the model with TensorRT.
    pub fn tensorrt(mut self, options: TensorRtOptions) -> Self {
        self.tensorrt = Some(options);
        self
    }

    /// A parameter of the backend.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Keeps answers for requests that come again.
    pub fn response_cache(mut self) -> Self {
        self.response_cache = true;
        self
    }

    /// The name that a version's file has in the repository.
    pub(super) fn file_name(&self) -> &str {
        &self.file_name
    }

    /// What the template of `config.pbtxt` fills in.
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

/// Numbers in brackets, or nothing where there are none.
fn list(numbers: &[u32]) -> Option<String> {
    (!numbers.is_empty()).then(|| format!("{numbers:?}"))
}

fn pairs(pairs: &[(String, String)]) -> Vec<JsonValue> {
    pairs.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// Models in a row or beside each other, which a request reaches as one. It has no copies of its own: those of its
/// models run.
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
pub struct Ensemble {
    pub(super) name: String,
    pub(super) max_batch_size: u32,
    pub(super) inputs: Vec<Tensor>,
    pub(super) outputs: Vec<Tensor>,
    pub(super) steps: Vec<EnsembleStep>,
    pub(super) source: CallerLocation,
}

impl Ensemble {
    /// An ensemble without steps.
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

    /// An input.
    pub fn input(mut self, tensor: Tensor) -> Self {
        self.inputs.push(tensor);
        self
    }

    /// An output.
    pub fn output(mut self, tensor: Tensor) -> Self {
        self.outputs.push(tensor);
        self
    }

    /// The most requests that are run at once: none of its models may take fewer.
    pub fn max_batch_size(mut self, requests: u32) -> Self {
        self.max_batch_size = requests;
        self
    }

    /// A model that runs as soon as all of its inputs are there.
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

/// A model within an ensemble, with the names that its tensors have there.
#[derive(Clone, Debug)]
pub struct EnsembleStep {
    pub(super) model: String,
    version: Option<u32>,
    pub(super) inputs: Vec<(String, String)>,
    pub(super) outputs: Vec<(String, String)>,
    pub(super) source: CallerLocation,
}

impl EnsembleStep {
    /// A model of the repository by its name.
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

    /// A version of the model; the latest unless set.
    pub fn version(mut self, number: u32) -> Self {
        self.version = Some(number);
        self
    }

    /// An input of the model, and the tensor of the ensemble that it gets.
    pub fn input(mut self, of_model: impl Into<String>, tensor: impl Into<String>) -> Self {
        self.inputs.push((of_model.into(), tensor.into()));
        self
    }

    /// An output of the model, and the tensor of the ensemble that it becomes.
    pub fn output(mut self, of_model: impl Into<String>, tensor: impl Into<String>) -> Self {
        self.outputs.push((of_model.into(), tensor.into()));
        self
    }
}
