//! The pipeline step that runs a processing job, for example to prepare data or to evaluate a model.

use serde_json::json;
use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{
    Asset, CallerLocation, Construct, IntoValue, Json, Map, Properties, Property, Scope, Value,
};

use super::condition::Measure;
use super::get;
use super::processing_data::{ProcessingInput, ProcessingOutput, ROOT};
use super::step::{Kind, Lowering, Options, Started, Step, StepOptions, id};
use crate::defaults;
use crate::document::{list, tags, within};
use crate::duration::Seconds;
use crate::iam::{self, RoleNeeded, RoleOptions, RoleSettings, Statement};
use crate::image::{ContainerImage, Processor};
use crate::key::EncryptionKey;
use crate::s3::{S3Location, access_to_set};
use crate::secret::SecretReference;
use crate::training::{ExperimentOptions, ExperimentSettings, Request, RunLocation};
use crate::vpc::VpcConfig;

/// A SageMaker processing job (`CreateProcessingJob`): a container that reads from and writes to S3. A
/// [`ProcessingStep`] of a pipeline runs the job.
///
/// By default, it has one instance with a volume of 30 GB, and runs for at most one day.
///
/// ```
/// use stackwright_stacks::launch::ProcessingJob;
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
///
/// ProcessingJob::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu), "ml.m5.xlarge")
///     .input("data", S3Location::new("my-data", "test/"))
///     .output("evaluation", S3Location::new("my-runs", "evaluation").per_run());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ProcessingJob {
    image: ContainerImage,
    instance_type: Value<String>,
    instance_count: Value<i64>,
    volume_gb: Value<i64>,
    program: Program,
    arguments: Vec<Value<String>>,
    inputs: Vec<(String, ProcessingInput)>,
    /// Directories that are uploaded with the stack, as inputs.
    assets: Vec<(&'static str, Asset)>,
    pub(super) outputs: Vec<(String, ProcessingOutput)>,
    environment: Map<String>,
    max_run: Value<i64>,
    vpc: Option<VpcConfig>,
    switches: Vec<(&'static str, Value<bool>)>,
    key: Option<EncryptionKey>,
    tags: Vec<(String, Value<String>)>,
    experiment: ExperimentSettings,
    statements: Vec<Statement>,
    others: Vec<(String, Value<Json>)>,
    role: RoleSettings,
}

/// The program that the container runs.
#[derive(Clone, Debug)]
enum Program {
    /// The program of the image.
    OfImage,
    /// A command.
    Entrypoint(Vec<Value<String>>),
    /// A single Python script.
    Script(Asset),
    /// A Python script in a directory.
    Source { directory: Asset, entry_point: String },
}

impl ProcessingJob {
    /// Creates a job that runs an image on one instance of a type, such as `ml.m5.xlarge`.
    #[track_caller]
    pub fn new(image: ContainerImage, instance_type: impl IntoValue<String>) -> Self {
        Self {
            image,
            instance_type: crate::instance_type::checked(instance_type),
            instance_count: 1.into(),
            volume_gb: 30.into(),
            program: Program::OfImage,
            arguments: Vec::new(),
            inputs: Vec::new(),
            assets: Vec::new(),
            outputs: Vec::new(),
            environment: Map::default(),
            max_run: 86_400.into(),
            vpc: None,
            switches: Vec::new(),
            key: None,
            tags: Vec::new(),
            experiment: ExperimentSettings::default(),
            statements: Vec::new(),
            others: Vec::new(),
            role: RoleSettings::default(),
        }
    }

    /// Creates a job that runs AWS's PyTorch image, by the version of PyTorch, such as `2.6.0`, on one instance of a type. The
    /// image is the one for the processor of the instance type, or the one for CPUs if the type is not known during synthesis.
    ///
    /// ```
    /// use stackwright_stacks::launch::ProcessingJob;
    /// use stackwright_synth::Asset;
    ///
    /// let directory = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    /// ProcessingJob::pytorch("2.6.0", "ml.g5.xlarge").source(directory, "evaluate.py");
    /// ```
    #[track_caller]
    pub fn pytorch(version: impl Into<String>, instance_type: impl IntoValue<String>) -> Self {
        let instance_type = crate::instance_type::checked(instance_type);
        let known = instance_type.as_literal().and_then(serde_json::Value::as_str);
        let processor = known.and_then(Processor::of_instance_type).unwrap_or(Processor::Cpu);
        let image = ContainerImage::for_instances("pytorch-training", version).on(Some(processor));
        Self::new(image, instance_type)
    }

    /// Runs a Python script, a file that is uploaded with the stack's assets, instead of the program of the image. It replaces
    /// [`source`](Self::source) and [`entrypoint`](Self::entrypoint).
    pub fn script(mut self, file: Asset) -> Self {
        self.program = Program::Script(file);
        self
    }

    /// Runs a Python script in a directory, given by the path of the script in the directory, instead of the program of the
    /// image. The directory is packed and uploaded with the stack's assets; its `requirements.txt` is installed before the
    /// script starts. The image must contain `bash`, `tar` and `pip`, as the framework images do. It replaces
    /// [`script`](Self::script) and [`entrypoint`](Self::entrypoint).
    pub fn source(mut self, directory: Asset, entry_point: impl Into<String>) -> Self {
        self.program = Program::Source { directory, entry_point: entry_point.into() };
        self
    }

    /// Runs a command, given as a list of words, instead of the program of the image (`ContainerEntrypoint`). It replaces
    /// [`script`](Self::script) and [`source`](Self::source).
    #[track_caller]
    pub fn entrypoint<A: IntoValue<String>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.program =
            Program::Entrypoint(words.into_iter().map(|word| word.into().with_caller_location()).collect());
        self
    }

    /// Adds an argument of the program (`ContainerArguments`). By default, there are none.
    #[track_caller]
    pub fn argument(mut self, argument: impl IntoValue<String>) -> Self {
        self.arguments.push(argument.into().with_caller_location());
        self
    }

    /// Sets the number of instances (`InstanceCount`). The default is 1.
    #[track_caller]
    pub fn instances(mut self, count: impl IntoValue<i64>) -> Self {
        self.instance_count = unquoted(count).with_caller_location();
        self
    }

    /// Sets the size of the EBS volume of each instance in GB (`VolumeSizeInGB`). The default is 30.
    #[track_caller]
    pub fn volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.volume_gb = unquoted(size).with_caller_location();
        self
    }

    /// Adds an input with a name: a location in S3 or the output of another step, copied to `/opt/ml/processing/input/NAME`, or
    /// a [`ProcessingInput`]. The role of the job may read it.
    pub fn input(mut self, name: impl Into<String>, data: impl Into<ProcessingInput>) -> Self {
        self.inputs.push((name.into(), data.into()));
        self
    }

    /// Adds an input with the archive of a directory, which is uploaded with the stack.
    pub(super) fn asset(mut self, name: &'static str, directory: Asset) -> Self {
        self.assets.push((name, directory));
        self
    }

    /// Replaces the instance type.
    #[track_caller]
    pub(super) fn instance_type(mut self, instance_type: impl IntoValue<String>) -> Self {
        self.instance_type = crate::instance_type::checked(instance_type);
        self
    }

    /// Adds an output with a name: a location in S3 to which `/opt/ml/processing/output/NAME` is uploaded when the job ends, or
    /// a [`ProcessingOutput`]. The role of the job may write there.
    pub fn output(mut self, name: impl Into<String>, output: impl Into<ProcessingOutput>) -> Self {
        self.outputs.push((name.into(), output.into()));
        self
    }

    /// Sets an environment variable of the container (`Environment`). Everybody who may describe the job can read the
    /// value: do not set it to a secret; use [`secret`](Self::secret). A second call for the same name replaces the value.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.environment = self.environment.set(name, value.into().with_caller_location());
        self
    }

    /// Sets an environment variable to a location in S3, and allows the role to read and write below it with the KMS
    /// key of its bucket (`Environment`).
    #[track_caller]
    pub fn environment_location(mut self, name: impl Into<String>, location: impl Into<RunLocation>) -> Self {
        let location = location.into();
        self.statements.extend(location.write());
        self.environment(name, location.uri())
    }

    /// Sets an environment variable to the ARN of a secret of AWS Secrets Manager (`Environment`). The role may read
    /// the secret's value.
    #[track_caller]
    pub fn secret(mut self, variable: impl Into<String>, secret: impl Into<SecretReference>) -> Self {
        let secret = secret.into();
        self.statements.extend(secret.allow_read());
        self.environment = self.environment.set(variable, secret.arn());
        self
    }

    /// Sets the maximum run time of the job (`MaxRuntimeInSeconds`). The default is one day.
    #[track_caller]
    pub fn max_run(mut self, time: impl Into<Seconds>) -> Self {
        self.max_run = time.into().0.with_caller_location();
        self
    }

    /// Connects the job to subnets and security groups of a VPC. The role of the job gets the permissions for network
    /// interfaces. By default, the job is not connected to a VPC.
    pub fn vpc(mut self, vpc: impl Into<VpcConfig>) -> Self {
        self.vpc = Some(vpc.into());
        self
    }

    /// Encrypts the traffic between the containers of the job (`EnableInterContainerTrafficEncryption`). By default, it is not
    /// encrypted.
    #[track_caller]
    pub fn encrypt_between_containers(mut self) -> Self {
        self.switches
            .push(("EnableInterContainerTrafficEncryption", Value::from(true).with_caller_location()));
        self
    }

    /// Disables the network access of the containers, except to each other (`EnableNetworkIsolation`). By default, they have
    /// network access.
    #[track_caller]
    pub fn network_isolation(mut self) -> Self {
        self.switches.push(("EnableNetworkIsolation", Value::from(true).with_caller_location()));
        self
    }

    /// Encrypts volumes and outputs with a KMS key, given as a handle, an ARN, an ID or an alias (`VolumeKmsKeyId` and
    /// `KmsKeyId`). By default, they are encrypted with the default key of the stack. If there is none, the outputs are
    /// encrypted with the key of their bucket. Local NVMe storage of instances is encrypted with a key of the instance.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds a tag to the job (`Tags`). A second call for the same key replaces the value.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.tags, key, value.into().with_caller_location());
        self
    }

    /// Sets any member of the request by its JSON pointer, such as `/AppSpecification/ContainerArguments`. Use it
    /// where a setter is missing. The result is checked like the rest of the request. The role may read a literal
    /// S3 URI in the value, and write below it if a member's name contains `Output`; for other values, add
    /// [`allow_read`](RoleOptions::allow_read) or [`allow_write`](RoleOptions::allow_write).
    #[track_caller]
    pub fn set(mut self, pointer: impl Into<String>, value: impl IntoValue<Json>) -> Self {
        self.others.push((pointer.into(), value.into().with_caller_location()));
        self
    }
}

impl ExperimentOptions for ProcessingJob {
    fn experiment_settings(&mut self) -> &mut ExperimentSettings {
        &mut self.experiment
    }
}

impl RoleOptions for ProcessingJob {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

/// Adds the role and the request of a job to a stack.
pub(super) struct Definition(pub ProcessingJob);

impl Construct for Definition {
    type Handle = Request;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> Request {
        let mut job = self.0;
        let key = defaults::encryption_key(job.key.take(), scope);
        let mut statements = job.statements.clone();
        let mut arguments = Properties::default();
        let application = job.application(scope, &mut statements);
        arguments.put("ProcessingResources", job.resources(key.as_ref()));
        arguments.put("AppSpecification", application);
        job.put_data(key.as_ref(), &mut arguments, &mut statements);
        if !job.environment.is_empty() {
            arguments.put("Environment", job.environment.clone());
        }
        arguments.put("StoppingCondition", within("MaxRuntimeInSeconds", &job.max_run));
        job.put_network(&mut arguments, &mut statements);
        if !job.tags.is_empty() {
            arguments.put("Tags", tags(&job.tags));
        }
        if let Some(config) = job.experiment.config() {
            arguments.put("ExperimentConfig", config);
        }
        statements.extend(key.as_ref().map(iam::use_key));
        statements.extend(job.others.iter().flat_map(|(pointer, value)| access_to_set(pointer, value)));
        let needed =
            RoleNeeded { id: "ExecutionRole".into(), service: "sagemaker", policy: "Execution", statements };
        let role = job.role.build(needed, scope);
        arguments.put("RoleArn", role.role.arn());
        for (pointer, value) in &job.others {
            arguments.put_at(pointer, value);
        }
        Request { arguments, role, memory: None }
    }
}

impl ProcessingJob {
    /// Writes `AppSpecification`; the program's code becomes an input.
    fn application(&mut self, scope: &mut Scope<'_>, statements: &mut Vec<Statement>) -> Properties {
        let known = self.instance_type.as_literal().and_then(serde_json::Value::as_str);
        let image = self.image.clone().on(known.and_then(Processor::of_instance_type)).resolve(scope);
        statements.extend(iam::container(&"/aws/sagemaker/ProcessingJobs".into(), &image));
        let mut application = Properties::default();
        application.put("ImageUri", &image.uri);
        let code = format!("{ROOT}/input/code");
        let entrypoint: Option<Vec<Value<String>>> = match std::mem::replace(
            &mut self.program,
            Program::OfImage,
        ) {
            Program::OfImage => None,
            Program::Entrypoint(words) => Some(words),
            Program::Script(file) => {
                let script = scope.add("Script", file);
                let words = vec!["python3".into(), format!("{code}/{}", script.key()).into()];
                self.inputs.push(("code".into(), S3Location::from(script).into()));
                Some(words)
            }
            Program::Source { directory, entry_point } => {
                let source = scope.add("Source", directory);
                self.inputs.push(("code".into(), S3Location::from(source).into()));
                let run = format!(
                    "set -e; cd {code}; tar xzf *.tar.gz; if [ -f requirements.txt ]; then pip install -r \
                     requirements.txt; fi; exec python3 {entry_point} \"$@\""
                );
                Some(["/bin/bash", "-c", &run, "--"].into_iter().map(Value::from).collect())
            }
        };
        for (name, directory) in std::mem::take(&mut self.assets) {
            let archive = scope.add("Inference", directory);
            self.inputs.push((name.to_owned(), S3Location::from(archive).into()));
        }
        if let Some(words) = entrypoint {
            application.put("ContainerEntrypoint", Value::<Vec<String>>::from(words));
        }
        if !self.arguments.is_empty() {
            application.put("ContainerArguments", Value::<Vec<String>>::from(self.arguments.clone()));
        }
        application
    }

    /// Writes `ProcessingResources`.
    fn resources(&self, key: Option<&EncryptionKey>) -> Properties {
        let mut cluster = Properties::default();
        cluster.put("InstanceType", &self.instance_type);
        cluster.put("InstanceCount", &self.instance_count);
        cluster.put("VolumeSizeInGB", &self.volume_gb);
        let known = self.instance_type.as_literal().and_then(serde_json::Value::as_str);
        let hardware = known.and_then(stackwright_schemas::instances::instance);
        // NVMe storage is encrypted by the instance, and the API rejects a key for it.
        let is_on_nvme = hardware.is_some_and(|hardware| hardware.local_nvme_gb.unwrap_or(0) > 0);
        if let Some(key) = key.filter(|_| !is_on_nvme) {
            cluster.put("VolumeKmsKeyId", key.id());
        }
        within("ClusterConfig", cluster)
    }

    /// Writes `ProcessingInputs` and `ProcessingOutputConfig`.
    fn put_data(
        &self,
        key: Option<&EncryptionKey>,
        arguments: &mut Properties,
        statements: &mut Vec<Statement>,
    ) {
        if !self.inputs.is_empty() {
            arguments
                .put("ProcessingInputs", list(self.inputs.iter().map(|(name, data)| data.written(name))));
        }
        if !self.outputs.is_empty() {
            let outputs = self.outputs.iter().map(|(name, output)| output.written(name));
            let mut config = within("Outputs", list(outputs));
            let of_bucket =
                self.outputs.iter().find_map(|(_, output)| output.location.known().encryption_key());
            if let Some(key) = key.or(of_bucket) {
                config.put("KmsKeyId", key.id());
            }
            arguments.put("ProcessingOutputConfig", config);
        }
        statements.extend(self.inputs.iter().flat_map(|(_, data)| data.location.read()));
        statements.extend(self.outputs.iter().flat_map(|(_, output)| output.location.write()));
    }

    /// Writes `NetworkConfig`.
    fn put_network(&self, arguments: &mut Properties, statements: &mut Vec<Statement>) {
        let mut network = Properties::default();
        for (name, value) in &self.switches {
            network.put(*name, value);
        }
        if let Some(vpc) = &self.vpc {
            let mut config = Properties::default();
            config.put("SecurityGroupIds", &vpc.security_groups);
            config.put("Subnets", &vpc.subnets);
            network.put("VpcConfig", config);
            statements.extend(iam::network_interfaces());
        }
        if self.vpc.is_some() || !self.switches.is_empty() {
            arguments.put("NetworkConfig", network);
        }
    }
}

/// A pipeline step that runs a [`ProcessingJob`].
///
/// ```
/// use stackwright_stacks::launch::{Pipeline, ProcessingJob, ProcessingStep, TrainingStep};
/// use stackwright_stacks::training::{Instances, TrainingJob};
/// use stackwright_stacks::S3Location;
///
/// let runs = S3Location::new("my-runs", "");
/// let mut pipeline = Pipeline::new();
/// let prepare = ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
///     .input("raw", S3Location::new("my-data", "raw/"))
///     .output("train", runs.join("prepared").per_run());
/// let prepared = pipeline.step("Prepare", ProcessingStep::new(prepare));
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), runs.join("models"))
///     .input("train", prepared.output("train"));
/// pipeline.step("Train", TrainingStep::new(job));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ProcessingStep {
    job: ProcessingJob,
    property_files: Vec<(String, PropertyFile)>,
    options: Options,
}

/// A JSON file that a processing job writes to one of its outputs, and that conditions can read.
///
/// ```
/// use stackwright_stacks::launch::PropertyFile;
///
/// PropertyFile::in_output("evaluation").path("metrics/evaluation.json");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PropertyFile {
    output: String,
    path: String,
    source: CallerLocation,
}

impl PropertyFile {
    /// Refers to a file in the output with this name. Its path in the output is `NAME.json` unless
    /// [`path`](Self::path) sets another one.
    #[track_caller]
    pub fn in_output(name: impl Into<String>) -> Self {
        let output = name.into();
        Self { path: format!("{output}.json"), output, source: std::panic::Location::caller() }
    }

    /// Sets the path of the file in the output, such as `metrics/evaluation.json`. The default is `NAME.json` with the name
    /// of the output.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }
}

impl ProcessingStep {
    /// Creates a step that runs a processing job, without property files.
    pub fn new(job: ProcessingJob) -> Self {
        Self { job, property_files: Vec::new(), options: Options::default() }
    }

    /// Declares a property file, which conditions can read by its name ([`ProcessingHandle::measure`]): a JSON file in one of
    /// the outputs of the job.
    pub fn property_file(mut self, name: impl Into<String>, file: PropertyFile) -> Self {
        self.property_files.push((name.into(), file));
        self
    }

    /// Reports property files in outputs that the job does not have.
    fn check_property_files(&self, scope: &Scope<'_>) {
        let names: Vec<&str> = self.job.outputs.iter().map(|(name, _)| name.as_str()).collect();
        for (file, PropertyFile { output, source, .. }) in &self.property_files {
            if !names.contains(&output.as_str()) {
                let message = format!("the job has no output `{output}` with the property file `{file}`");
                let help = format!("its outputs are: {}", names.join(", "));
                scope.error("unknown-output", message, help, Some(source));
            }
        }
    }

    pub(super) fn lower(
        self,
        name: &str,
        scope: &mut Scope<'_>,
        step: &mut Properties,
        lowering: &mut Lowering,
    ) {
        self.check_property_files(scope);
        let request = scope.add(&id(name), Definition(self.job));
        step.put("Type", "Processing");
        step.put("Arguments", request.arguments);
        if !self.property_files.is_empty() {
            let files: Vec<_> = self
                .property_files
                .iter()
                .map(|(name, PropertyFile { output, path, .. })| {
                    json!({ "PropertyFileName": name, "OutputName": output, "FilePath": path })
                })
                .collect();
            step.put("PropertyFiles", json!(files));
        }
        self.options.put(step);
        lowering.starts(name, Started::Processing, request.role);
    }
}

impl StepOptions for ProcessingStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for ProcessingStep {
    type Handle = ProcessingHandle;

    fn handle(&self, name: &str) -> ProcessingHandle {
        let outputs = self.job.outputs.iter().map(|(name, output)| (name.clone(), output.location.clone()));
        let files = self.property_files.iter().map(|(name, _)| name.clone());
        ProcessingHandle {
            name: name.to_owned(),
            outputs: outputs.collect(),
            property_files: files.collect(),
        }
    }

    fn into_kind(self) -> Kind {
        Kind::Processing(Box::new(self))
    }
}

/// A [`ProcessingStep`] that was added to a pipeline, with the values that later steps can use.
#[derive(Clone, Debug)]
pub struct ProcessingHandle {
    name: String,
    outputs: Vec<(String, RunLocation)>,
    property_files: Vec<String>,
}

impl ProcessingHandle {
    /// Returns the location in S3 of an output of the job, by the output's name. A name that the job does not have is an error
    /// at the caller's line.
    #[track_caller]
    pub fn output(&self, name: &str) -> RunLocation {
        if let Some((_, location)) = self.outputs.iter().find(|(known, _)| known == name) {
            let path = format!("Steps.{}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri", self.name);
            return RunLocation::within(location.known().clone(), get(&path));
        }
        let names: Vec<&str> = self.outputs.iter().map(|(known, _)| known.as_str()).collect();
        let unknown = Value::invalid(
            "unknown-output",
            format!("the step `{}` has no output `{name}`", self.name),
            format!("its outputs are: {}", names.join(", ")),
        );
        RunLocation::within(S3Location::new("unknown", ""), unknown)
    }

    /// Returns a number in a property file, by the name of the file ([`ProcessingStep::property_file`]) and the JSON path of
    /// the number, such as `metrics.accuracy.value`. If the step has no such property file, synthesis reports an error at the
    /// caller's line. The path is not validated.
    #[track_caller]
    pub fn measure(&self, property_file: &str, path: &str) -> Measure {
        if !self.property_files.iter().any(|known| known == property_file) {
            return Measure::of(Value::invalid(
                "unknown-property-file",
                format!("the step `{}` has no property file `{property_file}`", self.name),
                format!("its property files are: {}", self.property_files.join(", ")),
            ));
        }
        let file = get(&format!("Steps.{}.PropertyFiles.{property_file}", self.name));
        let read = Json::object([Property::new("PropertyFile", file), Property::new("Path", path)]);
        let read: Value<Json> =
            Json::object([Property::new("Std:JsonGet", Value::<Json>::from(read))]).into();
        Measure::of(read.cast())
    }

    /// Returns the name of the processing job, which is resolved when the pipeline runs.
    pub fn job_name(&self) -> Value<String> {
        get(&format!("Steps.{}.ProcessingJobName", self.name))
    }
}
