//! The step that processes: prepares data, or evaluates a model.

use serde_json::json;
use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{Asset, Construct, IntoValue, Json, Map, Properties, Property, Scope, Value};

use super::condition::Measure;
use super::get;
use super::step::{Kind, Lowering, Options, Step, id, options};
use crate::deferred_error::DeferredError;
use crate::document::{list, within};
use crate::duration::Seconds;
use crate::iam::{self, ExecutionRole, Statement};
use crate::image::Image;
use crate::s3::S3Location;
use crate::training::RunLocation;

/// The folder that everything of a processing job lies below.
const ROOT: &str = "/opt/ml/processing";

/// A processing job: a container that reads from and writes to S3.
///
/// ```
/// use stackwright_stacks::launch::ProcessingJob;
/// use stackwright_stacks::{Image, Processor, S3Location};
///
/// ProcessingJob::new(Image::pytorch_inference("2.6.0", Processor::Cpu), "ml.m5.xlarge")
///     .input("data", S3Location::new("my-data", "test/"))
///     .output("evaluation", S3Location::new("my-runs", "evaluation"));
/// ```
#[derive(Clone, Debug)]
pub struct ProcessingJob {
    image: Image,
    instance_type: Value<String>,
    instance_count: Value<i64>,
    volume_gb: Value<i64>,
    script: Option<Asset>,
    arguments: Vec<Value<String>>,
    inputs: Vec<(String, RunLocation)>,
    outputs: Vec<(String, RunLocation)>,
    environment: Map<String>,
    max_run: Value<i64>,
}

impl ProcessingJob {
    /// A job of an image on one instance of a type.
    #[track_caller]
    pub fn new(image: Image, instance_type: impl IntoValue<String>) -> Self {
        Self {
            image,
            instance_type: instance_type.into().with_caller_location(),
            instance_count: 1.into(),
            volume_gb: 30.into(),
            script: None,
            arguments: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            environment: Map::default(),
            max_run: 86_400.into(),
        }
    }

    /// Runs a Python script instead of the image's own program.
    pub fn script(mut self, file: Asset) -> Self {
        self.script = Some(file);
        self
    }

    /// An argument of the program.
    #[track_caller]
    pub fn argument(mut self, argument: impl IntoValue<String>) -> Self {
        self.arguments.push(argument.into().with_caller_location());
        self
    }

    /// On several instances.
    #[track_caller]
    pub fn instances(mut self, count: impl IntoValue<i64>) -> Self {
        self.instance_count = unquoted(count).with_caller_location();
        self
    }

    /// The size of each instance's volume in GB, 30 unless set.
    #[track_caller]
    pub fn volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.volume_gb = unquoted(size).with_caller_location();
        self
    }

    /// Data from S3 or from another step, put into `/opt/ml/processing/input/` and the name.
    pub fn input(mut self, name: impl Into<String>, data: impl Into<RunLocation>) -> Self {
        self.inputs.push((name.into(), data.into()));
        self
    }

    /// A folder `/opt/ml/processing/output/` and the name, put into S3 when the job ends.
    pub fn output(mut self, name: impl Into<String>, location: impl Into<RunLocation>) -> Self {
        self.outputs.push((name.into(), location.into()));
        self
    }

    /// An environment variable; no place for a secret.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.environment = self.environment.set(name, value.into().with_caller_location());
        self
    }

    /// How long it may run; one day unless set.
    #[track_caller]
    pub fn max_run(mut self, time: impl Into<Seconds>) -> Self {
        self.max_run = time.into().0.with_caller_location();
        self
    }
}

/// Adds what a job needs to a stack.
struct Definition(ProcessingJob);

impl Construct for Definition {
    type Handle = crate::training::Request;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> Self::Handle {
        let mut job = self.0;
        let image = job.image.resolve(scope);
        let mut statements: Vec<Statement> =
            iam::container(&"/aws/sagemaker/ProcessingJobs".into(), &image).into();
        let mut application = Properties::default();
        application.put("ImageUri", &image.uri);
        if let Some(script) = job.script {
            let script = scope.add("Script", script);
            let program = format!("{ROOT}/input/code/{}", script.key());
            application.put("ContainerEntrypoint", Value::<Vec<String>>::from(["python3", program.as_str()]));
            job.inputs.push(("code".into(), S3Location::from(script).into()));
        }
        if !job.arguments.is_empty() {
            application.put("ContainerArguments", Value::<Vec<String>>::from(job.arguments));
        }
        for (_, location) in job.inputs.iter().chain(&job.outputs) {
            location.report(scope);
        }
        let inputs = job.inputs.iter().map(|(name, data)| {
            let mut s3 = Properties::default();
            s3.put("S3Uri", data.uri());
            s3.put("LocalPath", format!("{ROOT}/input/{name}"));
            s3.put("S3DataType", "S3Prefix");
            s3.put("S3InputMode", "File");
            s3.put("S3DataDistributionType", "FullyReplicated");
            let mut input = Properties::default();
            input.put("InputName", name);
            input.put("S3Input", s3);
            input
        });
        let outputs = job.outputs.iter().map(|(name, location)| {
            let mut s3 = Properties::default();
            s3.put("S3Uri", location.uri());
            s3.put("LocalPath", format!("{ROOT}/output/{name}"));
            s3.put("S3UploadMode", "EndOfJob");
            let mut output = Properties::default();
            output.put("OutputName", name);
            output.put("S3Output", s3);
            output
        });
        let mut cluster = Properties::default();
        cluster.put("InstanceType", &job.instance_type);
        cluster.put("InstanceCount", &job.instance_count);
        cluster.put("VolumeSizeInGB", &job.volume_gb);
        let mut arguments = Properties::default();
        arguments.put("ProcessingResources", within("ClusterConfig", cluster));
        arguments.put("AppSpecification", application);
        arguments.put("ProcessingInputs", list(inputs));
        if !job.outputs.is_empty() {
            arguments.put("ProcessingOutputConfig", within("Outputs", list(outputs)));
        }
        if !job.environment.is_empty() {
            arguments.put("Environment", job.environment);
        }
        arguments.put("StoppingCondition", within("MaxRuntimeInSeconds", &job.max_run));
        statements.extend(job.inputs.iter().flat_map(|(_, data)| data.read()));
        statements.extend(job.outputs.iter().flat_map(|(_, location)| location.write()));
        let role = scope.add("ExecutionRole", ExecutionRole::new(statements));
        arguments.put("RoleArn", role.arn());
        crate::training::Request { arguments, role }
    }
}

/// A step that runs a [`ProcessingJob`].
#[derive(Clone, Debug)]
pub struct ProcessingStep {
    job: ProcessingJob,
    property_files: Vec<(String, String, String)>,
    options: Options,
}
options!(ProcessingStep);

impl ProcessingStep {
    /// A step for a job.
    pub fn new(job: ProcessingJob) -> Self {
        Self { job, property_files: Vec::new(), options: Options::default() }
    }

    /// A JSON file in one of the job's outputs that conditions read, by a name of its own.
    pub fn property_file(
        mut self,
        name: impl Into<String>,
        output: impl Into<String>,
        path: impl Into<String>,
    ) -> Self {
        self.property_files.push((name.into(), output.into(), path.into()));
        self
    }

    pub(super) fn lower(
        self,
        name: &str,
        scope: &mut Scope<'_>,
        step: &mut Properties,
        lowering: &mut Lowering,
    ) {
        let request = scope.add(&id(name), Definition(self.job));
        step.put("Type", "Processing");
        step.put("Arguments", request.arguments);
        if !self.property_files.is_empty() {
            let files: Vec<_> = self
                .property_files
                .iter()
                .map(|(name, output, path)| {
                    json!({ "PropertyFileName": name, "OutputName": output, "FilePath": path })
                })
                .collect();
            step.put("PropertyFiles", json!(files));
        }
        self.options.put(step);
        lowering.processes = true;
        lowering.roles.push(request.role);
    }
}

impl Step for ProcessingStep {
    type Handle = ProcessingHandle;

    fn handle(&self, name: &str) -> ProcessingHandle {
        ProcessingHandle { name: name.to_owned(), outputs: self.job.outputs.clone() }
    }

    fn into_kind(self) -> Kind {
        Kind::Processing(Box::new(self))
    }
}

/// What later steps take from a processing step.
#[derive(Clone, Debug)]
pub struct ProcessingHandle {
    name: String,
    outputs: Vec<(String, RunLocation)>,
}

impl ProcessingHandle {
    /// What the job stores in S3 for one of its outputs, by the output's name. A name that no output has is an error at
    /// this line, which is reported where the output is used.
    #[track_caller]
    pub fn output(&self, name: &str) -> RunLocation {
        if let Some((_, location)) = self.outputs.iter().find(|(known, _)| known == name) {
            let path = format!("Steps.{}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri", self.name);
            return RunLocation::within(location.known().clone(), get(&path));
        }
        let names: Vec<&str> = self.outputs.iter().map(|(known, _)| known.as_str()).collect();
        RunLocation::from(S3Location::new("unknown", "")).with_error(DeferredError {
            name: "unknown-output",
            message: format!("the step `{}` has no output `{name}`", self.name),
            help: format!("its outputs are: {}", names.join(", ")),
            source: std::panic::Location::caller(),
        })
    }

    /// A number in a property file, by its path: `metrics.accuracy.value`.
    pub fn measure(&self, property_file: &str, path: &str) -> Measure {
        let file = get(&format!("Steps.{}.PropertyFiles.{property_file}", self.name));
        let read = Json::object([Property::new("PropertyFile", file), Property::new("Path", path)]);
        let read: Value<Json> =
            Json::object([Property::new("Std:JsonGet", Value::<Json>::from(read))]).into();
        Measure::of(read.cast())
    }
}
