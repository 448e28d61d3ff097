//! The pipeline step that runs a batch transform job.

use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{IntoValue, Map, Properties, Value};

use super::get;
use super::model::ModelHandle;
use super::step::{Kind, Lowering, Options, Started, Step, StepOptions};
use crate::document::{tags, within};
use crate::key::EncryptionKey;
use crate::s3::S3Location;
use crate::training::RunLocation;

/// How SageMaker splits the objects of the input into records (`SplitType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitType {
    /// Each line is a record (`Line`).
    Line,
    /// The objects contain records in the format RecordIO (`RecordIO`).
    RecordIo,
    /// The objects contain records in TensorFlow's format TFRecord (`TFRecord`).
    TfRecord,
}

/// A pipeline step that runs a batch transform job: the job sends every record of a data set in S3 to a model.
///
/// The model reads and writes with its own role, which must be allowed to access the locations: see
/// [`CreateModelStep`](super::CreateModelStep).
///
/// ```
/// use stackwright_stacks::launch::{CreateModelStep, Pipeline, SplitType, TransformData, TransformStep};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
///
/// let data = S3Location::new("my-data", "batch/");
/// let predictions = S3Location::new("my-runs", "predictions/");
/// let mut pipeline = Pipeline::new();
/// let model = pipeline.step(
///     "Model",
///     CreateModelStep::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
///         .model(S3Location::new("my-models", "scorer/model.tar.gz"))
///         .reads(data.clone())
///         .writes(predictions.clone()),
/// );
/// pipeline.step(
///     "Predict",
///     TransformStep::new(&model, "ml.m5.xlarge", TransformData::read(data).write(predictions.per_run()))
///         .content_type("text/csv")
///         .split(SplitType::Line),
/// );
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TransformStep {
    arguments: Properties,
    processing: Option<Properties>,
    input: Properties,
    output: Properties,
    resources: Properties,
    environment: Map<String>,
    tags: Vec<(String, Value<String>)>,
    options: Options,
    location: S3Location,
}

/// The records that a batch transform job sends to a model, and the location of the responses.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::TransformData;
///
/// let answers = S3Location::new("my-runs", "predictions/").per_run();
/// TransformData::read(S3Location::new("my-data", "records/")).write(answers);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TransformData {
    records: RunLocation,
    responses: RunLocation,
}

impl TransformData {
    /// Reads the records from all objects in S3 whose URI starts with the URI of this location (`S3Prefix`).
    pub fn read(records: impl Into<RunLocation>) -> TransformRecords {
        TransformRecords(records.into())
    }
}

/// The records of a batch transform job. [`write`](Self::write) adds the location of the responses, which is required.
#[derive(Clone, Debug)]
#[must_use]
pub struct TransformRecords(RunLocation);

impl TransformRecords {
    /// Stores the responses below a location in S3 (`S3OutputPath`).
    pub fn write(self, responses: impl Into<RunLocation>) -> TransformData {
        TransformData { records: self.0, responses: responses.into() }
    }
}

impl TransformStep {
    /// Creates a step that invokes a model of the same pipeline, on one instance of a type, with the records of a data set.
    #[track_caller]
    pub fn new(model: &ModelHandle, instance_type: impl IntoValue<String>, data: TransformData) -> Self {
        let TransformData { records: data, responses: answers } = data;
        let mut arguments = Properties::default();
        arguments.put("ModelName", model.model_name());
        let mut source = Properties::default();
        source.put("S3DataType", "S3Prefix");
        source.put("S3Uri", data.uri());
        let input = within("DataSource", within("S3DataSource", source));
        let mut output = within("S3OutputPath", answers.uri());
        if let Some(key) = answers.known().encryption_key() {
            output.put("KmsKeyId", key.id());
        }
        let mut resources = Properties::default();
        resources.put("InstanceType", crate::instance_type::checked(instance_type));
        resources.put("InstanceCount", 1);
        Self {
            arguments,
            processing: None,
            input,
            output,
            resources,
            environment: Map::default(),
            tags: Vec::new(),
            options: Options::default(),
            location: answers.known().clone(),
        }
    }

    /// Sets the number of instances (`InstanceCount`). The default is 1.
    #[track_caller]
    pub fn instances(mut self, count: impl IntoValue<i64>) -> Self {
        self.resources.put("InstanceCount", unquoted(count).with_caller_location());
        self
    }

    /// Sets the MIME type of the records, such as `text/csv` (`ContentType`). By default, requests state none.
    #[track_caller]
    pub fn content_type(mut self, name: impl IntoValue<String>) -> Self {
        self.input.put("ContentType", name.into().with_caller_location());
        self
    }

    /// Sets the MIME type of the responses, such as `application/json` (`Accept`). By default, requests state none.
    #[track_caller]
    pub fn accept(mut self, name: impl IntoValue<String>) -> Self {
        self.output.put("Accept", name.into().with_caller_location());
        self
    }

    /// Sets how objects are split into records (`SplitType`). By default, each object is one record. With
    /// [`SplitType::Line`], the responses are stored as lines of one object.
    pub fn split(mut self, split: SplitType) -> Self {
        let (name, assembled) = match split {
            SplitType::Line => ("Line", "Line"),
            SplitType::RecordIo => ("RecordIO", "None"),
            SplitType::TfRecord => ("TFRecord", "None"),
        };
        self.input.put("SplitType", name);
        self.output.put("AssembleWith", assembled);
        self
    }

    /// Declares that the objects of the input are compressed with gzip (`CompressionType`). By default, they are not
    /// compressed.
    pub fn gzip(mut self) -> Self {
        self.input.put("CompressionType", "Gzip");
        self
    }

    /// Sends one record in each request (`BatchStrategy: SingleRecord`). By default, a request has as many records as fit.
    pub fn single_record(mut self) -> Self {
        self.arguments.put("BatchStrategy", "SingleRecord");
        self
    }

    /// Sets the maximum size of a request in MB (`MaxPayloadInMB`). The default is 6; 0 stands for no limit.
    #[track_caller]
    pub fn max_payload_mb(mut self, size: impl IntoValue<i64>) -> Self {
        self.arguments.put("MaxPayloadInMB", unquoted(size).with_caller_location());
        self
    }

    /// Sets the maximum number of requests that an instance gets at the same time (`MaxConcurrentTransforms`). By default,
    /// SageMaker asks the container for a number, and uses 1 if the container states none.
    #[track_caller]
    pub fn max_concurrency(mut self, requests: impl IntoValue<i64>) -> Self {
        self.arguments.put("MaxConcurrentTransforms", unquoted(requests).with_caller_location());
        self
    }

    /// Sets the JSONPath expression that selects the part of a record to send (`InputFilter`), such as `$.features`. By
    /// default, whole records are sent.
    #[track_caller]
    pub fn input_filter(mut self, path: impl IntoValue<String>) -> Self {
        self.processing.get_or_insert_default().put("InputFilter", path.into().with_caller_location());
        self
    }

    /// Sets the JSONPath expression that selects the part of each response to store (`OutputFilter`), such as
    /// `$['id','SageMakerOutput']`; after [`join_input`](Self::join_input), it applies to the response and its record. By
    /// default, all of it is stored.
    #[track_caller]
    pub fn output_filter(mut self, path: impl IntoValue<String>) -> Self {
        self.processing.get_or_insert_default().put("OutputFilter", path.into().with_caller_location());
        self
    }

    /// Joins each response with its record (`JoinSource`). By default, only responses are stored.
    pub fn join_input(mut self) -> Self {
        self.processing.get_or_insert_default().put("JoinSource", "Input");
        self
    }

    /// Sets an environment variable of the container for the job (`Environment`). Everybody who may describe the job
    /// can read the value: do not set it to a secret. A second call for the same name replaces the value.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.environment = self.environment.set(name, value.into().with_caller_location());
        self
    }

    /// Encrypts the volumes and the responses with a KMS key. The role of the model must be allowed to use the key: add a
    /// statement to its [`CreateModelStep`](super::CreateModelStep). By default, the responses are encrypted with the key of
    /// their bucket.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        let key = key.into();
        self.output.put("KmsKeyId", key.id());
        self.resources.put("VolumeKmsKeyId", key.id());
        self
    }

    /// Adds a tag to the job (`Tags`). A second call for the same key replaces the value.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.tags, key, value.into().with_caller_location());
        self
    }

    pub(super) fn lower(self, step: &mut Properties, lowering: &mut Lowering) {
        let mut arguments = self.arguments;
        arguments.put("TransformInput", self.input);
        arguments.put("TransformOutput", self.output);
        arguments.put("TransformResources", self.resources);
        if let Some(processing) = self.processing {
            arguments.put("DataProcessing", processing);
        }
        if !self.environment.is_empty() {
            arguments.put("Environment", self.environment);
        }
        if !self.tags.is_empty() {
            arguments.put("Tags", tags(&self.tags));
        }
        step.put("Type", "Transform");
        step.put("Arguments", arguments);
        self.options.put(step);
        lowering.started.insert(Started::Transform);
    }
}

impl StepOptions for TransformStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for TransformStep {
    type Handle = TransformHandle;

    fn handle(&self, name: &str) -> TransformHandle {
        TransformHandle { name: name.to_owned(), output: self.location.clone() }
    }

    fn into_kind(self) -> Kind {
        Kind::Transform(Box::new(self))
    }
}

/// A [`TransformStep`] that was added to a pipeline, with the values that later steps can use.
#[derive(Clone, Debug)]
pub struct TransformHandle {
    name: String,
    output: S3Location,
}

impl TransformHandle {
    /// Returns the location in S3 of the responses.
    pub fn output(&self) -> RunLocation {
        let path = format!("Steps.{}.TransformOutput.S3OutputPath", self.name);
        RunLocation::within(self.output.clone(), get(&path))
    }
}
