//! NVIDIA Triton Inference Server, in AWS's image for SageMaker.

mod check;
mod model;
mod repository;

pub use model::{
    DynamicBatching, Ensemble, EnsembleStep, SequenceBatching, SequenceControl, Tensor, TensorRtOptions,
    TritonBackend, TritonInstanceGroup, TritonModel, TritonType, VersionPolicy, WarmUp,
};
pub use repository::ModelRepository;

use std::panic::Location;

use stackwright_synth::{CallerLocation, IntoValue, Value};

use super::Container;
use crate::deferred_error::DeferredError;
use crate::image::{ContainerImage, Processor};

/// The container of NVIDIA Triton Inference Server in AWS's image, with a model repository, which is packed and uploaded with
/// the stack's assets.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::Processor;
/// use stackwright_stacks::container::{
///     DynamicBatching, TritonInstanceGroup, ModelRepository, Tensor, TensorRtOptions, Triton, TritonModel, TritonType,
/// };
/// # use stackwright_synth::Asset;
///
/// # let file = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
/// let scorer = TritonModel::onnx("coupling", file)
///     .max_batch_size(64)
///     .input(Tensor::new("features", TritonType::Fp32, [64]))
///     .output(Tensor::new("score", TritonType::Fp32, [1]))
///     .instances(TritonInstanceGroup::gpu(1))
///     .tensorrt(TensorRtOptions::fp16())
///     .dynamic_batching(DynamicBatching::new().preferred([16, 32]).max_queue_delay(Duration::from_micros(500)));
/// Triton::new("25.09", ModelRepository::new().model(scorer));
/// // An image without CUDA, for instances without GPUs.
/// Triton::on("25.09", Processor::Cpu, ModelRepository::new());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Triton {
    image: ContainerImage,
    repository: ModelRepository,
    default_model: Option<Value<String>>,
    source: CallerLocation,
}

impl Triton {
    /// Creates a Triton container with the version of the image, such as `25.09`, and a model repository. The image is the
    /// one for the processor of the instances, or the one for GPUs if the instance type is not known during synthesis.
    #[track_caller]
    pub fn new(version: impl Into<String>, repository: ModelRepository) -> Self {
        Self::of(ContainerImage::for_instances_or_gpus("tritonserver", version), repository)
    }

    /// Creates a Triton container with the version of the image, such as `25.09`, the processor that the image is for, and a
    /// model repository.
    #[track_caller]
    pub fn on(version: impl Into<String>, processor: Processor, repository: ModelRepository) -> Self {
        Self::of(ContainerImage::triton(version, processor), repository)
    }

    #[track_caller]
    fn of(image: ContainerImage, repository: ModelRepository) -> Self {
        Self { image, repository, default_model: None, source: Location::caller() }
    }

    /// Sets another image, for example one that is based on AWS's image, or a copy of it in the account (`Image`). The
    /// default is AWS's image with the version of the constructor.
    pub fn image(mut self, image: ContainerImage) -> Self {
        self.image = image;
        self
    }

    /// Sets the model for requests that name no model (environment variable `SAGEMAKER_TRITON_DEFAULT_MODEL_NAME`). The
    /// default is the only ensemble of the repository or, without ensembles, its only model. If there are several, a missing
    /// call is an error.
    #[track_caller]
    pub fn default_model(mut self, name: impl IntoValue<String>) -> Self {
        self.default_model = Some(name.into().with_caller_location());
        self
    }
}

impl From<Triton> for Container {
    fn from(triton: Triton) -> Self {
        let mut problems = Vec::new();
        let by_itself = triton.repository.main_model().map(Value::from);
        let mut container = Container::new(triton.image);
        match triton.default_model.or(by_itself) {
            Some(name) => container = container.environment("SAGEMAKER_TRITON_DEFAULT_MODEL_NAME", name),
            None => problems.push(DeferredError {
                name: "no-default-model",
                message: "the repository has several models, and no default model for requests".into(),
                help: "set it with `.default_model(…)`, or combine the models in one ensemble".into(),
                source: triton.source,
            }),
        }
        container.needs = triton.repository.needs();
        let (archive, of_models) = triton.repository.into_archive();
        problems.extend(of_models);
        container.problems = problems;
        container.model(archive)
    }
}
