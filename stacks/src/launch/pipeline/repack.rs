//! The pipeline step that adds inference code to the archive of a trained model.

use stackwright_synth::{Asset, IntoValue};

use super::processing::{ProcessingHandle, ProcessingJob, ProcessingStep};
use super::step::{Kind, Options, Step, StepOptions};
use crate::iam::{RoleOptions, RoleSettings};
use crate::image::ContainerImage;
use crate::key::EncryptionKey;
use crate::training::RunLocation;
use crate::vpc::VpcConfig;

/// The program of the processing job.
const SCRIPT: &str = include_str!("repack.py");

/// The names of the job's inputs and of its output.
const MODEL: &str = "model";
const CODE: &str = "inference";
const OUTPUT: &str = "archive";

/// A pipeline step that adds a directory with inference code to the archive of a trained model, as `code/`, where AWS's
/// inference images for PyTorch, Hugging Face, XGBoost and scikit-learn search for it. The step is a processing job, by
/// default on one `ml.m5.xlarge` with a volume of 30 GB.
///
/// ```
/// use stackwright_stacks::launch::{CreateModelStep, Pipeline, RepackStep, TrainingStep};
/// use stackwright_stacks::training::{Instances, TrainingJob};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
/// use stackwright_synth::Asset;
///
/// let runs = S3Location::new("my-runs", "");
/// let mut pipeline = Pipeline::new();
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), runs.join("models"));
/// let trained = pipeline.step("Train", TrainingStep::new(job));
/// let code = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
/// let packed = pipeline.step("Pack", RepackStep::new(trained.model(), code, runs.join("packed").per_run()));
/// let image = ContainerImage::pytorch_inference("2.6.0", Processor::Gpu);
/// pipeline.step("Model", CreateModelStep::new(image).model(packed.model()));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RepackStep {
    job: ProcessingJob,
    options: Options,
}

impl RepackStep {
    /// Creates a step that adds a directory with code to a model, given by its archive or by a directory with its files, and
    /// stores the result as `model.tar.gz` below a location in S3. The directory is uploaded with the stack's assets.
    pub fn new(model: impl Into<RunLocation>, code: Asset, output: impl Into<RunLocation>) -> Self {
        let job = ProcessingJob::new(ContainerImage::sklearn("1.2-1"), "ml.m5.xlarge")
            .source(Asset::archive().file("repack.py", SCRIPT), "repack.py")
            .input(MODEL, model.into())
            .asset(CODE, code)
            .output(OUTPUT, output.into());
        Self { job, options: Options::default() }
    }

    /// Sets the instance type of the job and the size of its volume in GB, which has to have space for three copies
    /// of the model. The default is `ml.m5.xlarge` with 30 GB.
    #[track_caller]
    pub fn on(mut self, instance_type: impl IntoValue<String>, volume_gb: impl IntoValue<i64>) -> Self {
        self.job = self.job.instance_type(instance_type).volume_gb(volume_gb);
        self
    }

    /// Connects the job to subnets and security groups of a VPC. The role of the job gets the permissions for network
    /// interfaces. By default, the job is not connected to a VPC.
    pub fn vpc(mut self, vpc: impl Into<VpcConfig>) -> Self {
        self.job = self.job.vpc(vpc);
        self
    }

    /// Encrypts the volume and the archive with a KMS key, given as a handle, an ARN, an ID or an alias. By default, they are
    /// encrypted with the default key of the stack; if there is none, the archive is encrypted with the key of its bucket.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.job = self.job.kms_key(key);
        self
    }
}

impl RoleOptions for RepackStep {
    fn role_settings(&mut self) -> &mut RoleSettings {
        self.job.role_settings()
    }
}

impl StepOptions for RepackStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for RepackStep {
    type Handle = RepackHandle;

    fn handle(&self, name: &str) -> RepackHandle {
        RepackHandle(ProcessingStep::new(self.job.clone()).handle(name))
    }

    fn into_kind(self) -> Kind {
        let mut step = ProcessingStep::new(self.job);
        *step.options() = self.options;
        step.into_kind()
    }
}

/// A [`RepackStep`] that was added to a pipeline, with the values that later steps can use.
#[derive(Clone, Debug)]
pub struct RepackHandle(ProcessingHandle);

impl RepackHandle {
    /// Returns the location in S3 of the archive `model.tar.gz` with the model and the code.
    pub fn model(&self) -> RunLocation {
        self.0.output(OUTPUT).join("model.tar.gz")
    }
}
