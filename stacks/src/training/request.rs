//! Converts a training job to a request, with its role and its source.

use stackwright_synth::intrinsic::region;
use stackwright_synth::{Asset, CallerLocation, Construct, Map, Properties, Scope, Value};

use super::capacity::TrainingCapacity;
use super::checkpoints::Checkpoints;
use super::distribution::{Distribution, Launch};
use super::hyperparameter::{Hyperparameter, HyperparameterFormat};
use super::input::Input;
use super::instances::Instances;
use super::job::{Algorithm, Code, OutputCompression, Source, TrainingJob};
use super::recipe::{RECIPE_CHANNEL, RECIPE_FILE};
use super::run::RunLocation;
use crate::defaults;
use crate::document::{list, object, tags};
use crate::iam::{self, BuiltRole, RoleNeeded, Statement};
use crate::image::ContainerImage;
use crate::key::EncryptionKey;
use crate::s3::{S3Location, access_to_set};

/// A training job in a stack: the request that starts it, without the job's name.
pub(crate) struct Request {
    pub arguments: Properties,
    pub role: BuiltRole,
    /// The statement about the memory of a training step.
    pub memory: Option<serde_json::Value>,
}

/// Adds the role and the source of a job to a stack.
pub(crate) struct Definition {
    pub job: TrainingJob,
    /// Whether a tuning job starts the training job: then the request has fewer members, and the hyperparameters have
    /// another name.
    pub is_tuned: bool,
}

impl Construct for Definition {
    type Handle = Request;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> Request {
        let mut builder = Builder {
            job: &self.job,
            is_tuned: self.is_tuned,
            key: defaults::encryption_key(self.job.key.clone(), scope),
            arguments: Properties::default(),
            statements: Vec::new(),
            hyperparameters: Vec::new(),
            environment: Vec::new(),
        };
        let files = builder.distribution(scope);
        builder.source(files, scope);
        builder.algorithm(scope);
        builder.data(scope);
        builder.resources();
        builder.stopping(scope);
        builder.network();
        builder.observation(scope);
        builder.customization();
        builder.maps();
        builder.finish(scope)
    }
}

/// A file of a strategy beside the entry point: its name, its content, and the location in the program that caused
/// it.
type File = (String, String, CallerLocation);

/// The parts of a request while it is built.
struct Builder<'j> {
    job: &'j TrainingJob,
    is_tuned: bool,
    /// The job's KMS key, or the default key of the stack.
    key: Option<EncryptionKey>,
    arguments: Properties,
    statements: Vec<Statement>,
    hyperparameters: Vec<(String, Value<String>)>,
    environment: Vec<(String, Value<String>)>,
}

impl Builder<'_> {
    /// Writes the settings of the strategy and then those of the job; returns the files of the strategy.
    fn distribution(&mut self, scope: &mut Scope<'_>) -> Vec<File> {
        let mut files = Vec::new();
        if let (Some(distribution), Some(instances)) = (&self.job.distribution, &self.job.instances) {
            instances.check(scope);
            let mut launch = Launch {
                scope,
                instances,
                hyperparameters: Vec::new(),
                environment: Vec::new(),
                files: Vec::new(),
            };
            distribution.apply(&mut launch);
            self.hyperparameters = launch.hyperparameters;
            self.environment = launch.environment;
            files = launch.files;
        }
        let format = self.job.format();
        let own = self.job.hyperparameters.iter();
        self.hyperparameters.extend(own.map(|(name, value)| (name.clone(), value.clone().written(format))));
        self.environment.extend(self.job.environment.iter().cloned());
        files
    }

    /// Writes the source, and the hyperparameters with which the training toolkit finds it.
    fn source(&mut self, files: Vec<File>, scope: &mut Scope<'_>) {
        if let (Some(package), None) = (&self.job.source_model_package, &self.job.model_package_group) {
            scope.error(
                "source-without-model-package-group",
                "the job continues from a model package, but registers the result in no model package group"
                    .into(),
                "set the group with `.model_package_group(…)`; it may be the group of the package".into(),
                package.location(),
            );
        }
        if let Some((recipe, location)) = &self.job.recipe {
            let count = self.job.instances.as_ref().and_then(Instances::count);
            super::recipe::check(recipe, count, location, scope);
        }
        let Some(Source { code, entry_point, location }) = &self.job.source else {
            report_missing_source(&files, scope);
            return;
        };
        let archive: RunLocation = match code {
            Code::Asset(directory) => {
                let directory =
                    files.into_iter().fold(directory.clone(), |all, (name, text, _)| all.file(name, text));
                let archive = S3Location::from(scope.add("Source", directory));
                self.statements.extend(archive.read_object());
                archive.into()
            }
            Code::Archive(archive) => {
                report_missing_source(&files, scope);
                self.statements.extend(archive.read());
                (**archive).clone()
            }
        };
        let own =
            |value: Hyperparameter| value.written(HyperparameterFormat::Json).with_location(Some(location));
        self.hyperparameters.extend([
            ("sagemaker_program".to_owned(), own(entry_point.as_str().into())),
            ("sagemaker_submit_directory".to_owned(), own(archive.uri().into())),
            ("sagemaker_container_log_level".to_owned(), own(20.into())),
            ("sagemaker_region".to_owned(), own(region().into())),
        ]);
    }

    /// Writes `AlgorithmSpecification`, or `ServerlessJobConfig` for a customization.
    fn algorithm(&mut self, scope: &mut Scope<'_>) {
        let job = self.job;
        let mut algorithm = Properties::default();
        let image = match &job.algorithm {
            Algorithm::Customization(customization) => {
                self.arguments.put("ServerlessJobConfig", customization.config());
                self.statements.extend(customization.statements());
                return;
            }
            Algorithm::Named(name) => {
                algorithm.put("AlgorithmName", name);
                None
            }
            Algorithm::Image(image) => {
                Some(image.clone().on(job.instances.as_ref().map(Instances::processor)))
            }
            Algorithm::PyTorch { version, source } => Some(self.pytorch(version, source)),
        };
        if let Some(image) = image {
            let image = image.resolve(scope);
            algorithm.put("TrainingImage", &image.uri);
            self.statements.extend(iam::container(&"/aws/sagemaker/TrainingJobs".into(), &image));
        }
        algorithm.put("TrainingInputMode", job.input_mode.name());
        for (name, words) in
            [("ContainerEntrypoint", &job.entrypoint), ("ContainerArguments", &job.container_arguments)]
        {
            if !words.is_empty() {
                algorithm.put(name, Value::<Vec<String>>::from(words.clone()));
            }
        }
        if !job.metrics.is_empty() {
            let definitions =
                job.metrics.iter().map(|(name, regex)| object([("Name", name), ("Regex", regex)]));
            algorithm.put("MetricDefinitions", list(definitions));
        }
        let unless_set = (!job.metrics.is_empty()).then(|| Value::from(true));
        if let Some(is_on) = job.metrics_time_series.clone().or(unless_set).filter(|_| !self.is_tuned) {
            algorithm.put("EnableSageMakerMetricsTimeSeries", is_on);
        }
        self.arguments.put("AlgorithmSpecification", algorithm);
    }

    /// Returns the PyTorch image for the strategy and the instances.
    fn pytorch(&self, version: &str, source: CallerLocation) -> ContainerImage {
        let image = match &self.job.distribution {
            Some(Distribution::ModelParallel(_)) => ContainerImage::model_parallel(version),
            _ => {
                let processor = self.job.instances.as_ref().map(Instances::processor);
                ContainerImage::for_instances_or_gpus("pytorch-training", version).on(processor)
            }
        };
        image.with_location(source)
    }

    /// Writes `InputDataConfig` and `OutputDataConfig`.
    fn data(&mut self, scope: &mut Scope<'_>) {
        let job = self.job;
        for location in job.inputs.iter().flat_map(|(_, input)| input.locations()) {
            self.statements.extend(location.read());
        }
        let mut channels: Vec<_> = job.inputs.iter().map(|(name, input)| input.channel(name)).collect();
        if let Some(recipe) = self.recipe(scope) {
            channels.push(Input::s3(recipe).channel(&RECIPE_CHANNEL.into()));
        }
        if !channels.is_empty() {
            self.arguments.put("InputDataConfig", list(channels));
        }
        let mut output = Properties::default();
        output.put("S3OutputPath", job.output.uri());
        if let Some(key) = self.key.as_ref().or(job.output.known().encryption_key()) {
            output.put("KmsKeyId", key.id());
        }
        match job.output_compression {
            None => {}
            Some(OutputCompression::Gzip) => output.put("CompressionType", "GZIP"),
            Some(OutputCompression::None) => output.put("CompressionType", "NONE"),
        }
        self.arguments.put("OutputDataConfig", output);
        self.statements.extend(job.output.write());
    }

    /// Uploads a recipe that the image reads from a channel, and returns its location.
    fn recipe(&mut self, scope: &mut Scope<'_>) -> Option<S3Location> {
        let (recipe, location) = self.job.recipe_channel.as_ref()?;
        super::recipe::check_channel(
            recipe,
            self.job.instances.as_ref().and_then(Instances::count),
            location,
            scope,
        );
        let uploaded = scope.add("Recipe", Asset::archive().file(RECIPE_FILE, recipe.as_str()).unpacked());
        let recipe = S3Location::new(uploaded.bucket(), format!("{}/{RECIPE_FILE}", uploaded.prefix()));
        self.statements.extend(recipe.read_object());
        Some(recipe)
    }

    /// Writes `ResourceConfig`.
    fn resources(&mut self) {
        let job = self.job;
        let Some(instances) = &job.instances else { return };
        let mut resources = Properties::default();
        instances.put(&mut resources);
        resources.put("VolumeSizeInGB", &job.volume_gb);
        let is_on_nvme = instances.hardware().is_some_and(|hardware| hardware.local_nvme_gb.unwrap_or(0) > 0);
        // NVMe storage is encrypted by the instance, and the API rejects a key for it.
        if let Some(key) = self.key.as_ref().filter(|_| !is_on_nvme) {
            resources.put("VolumeKmsKeyId", key.id());
        }
        match &job.capacity {
            Some(TrainingCapacity::WarmPool(pool)) => {
                resources.put("KeepAlivePeriodInSeconds", &pool.keep_alive)
            }
            Some(TrainingCapacity::TrainingPlan(plan)) => resources.put("TrainingPlanArn", &plan.arn),
            _ => {}
        }
        self.arguments.put("ResourceConfig", resources);
    }

    /// Writes `StoppingCondition`, the spot settings, checkpoints and retries.
    fn stopping(&mut self, scope: &Scope<'_>) {
        let job = self.job;
        let mut stopping = Properties::default();
        let mut checkpoints: Option<&Checkpoints> = job.checkpoints.as_ref();
        let mut retries = job.retries.clone();
        for (name, time) in
            [("MaxRuntimeInSeconds", &job.max_run), ("MaxPendingTimeInSeconds", &job.max_pending)]
        {
            if let Some(time) = time {
                stopping.put(name, time);
            }
        }
        if let Some(TrainingCapacity::Spot(spot)) = &job.capacity {
            stopping.put("MaxWaitTimeInSeconds", &spot.max_wait);
            self.arguments.put("EnableManagedSpotTraining", true);
            checkpoints = Some(&spot.checkpoints);
            retries = retries.or(Some(3.into()));
        }
        if job.max_run.is_some() || job.max_pending.is_some() {
            self.arguments.put("StoppingCondition", stopping);
        }
        if let Some(checkpoints) = checkpoints {
            let location = checkpoints.location(scope.id());
            self.arguments.put("CheckpointConfig", checkpoints.config(&location));
            self.statements.extend(location.write());
        }
        if let Some(attempts) = retries {
            self.arguments.put("RetryStrategy", object([("MaximumRetryAttempts", &attempts)]));
        }
    }

    /// Writes the VPC configuration, and the members that enable or disable a feature.
    fn network(&mut self) {
        let job = self.job;
        if let Some(vpc) = &job.vpc {
            let mut config = Properties::default();
            config.put("SecurityGroupIds", &vpc.security_groups);
            config.put("Subnets", &vpc.subnets);
            self.arguments.put("VpcConfig", config);
            self.statements.extend(iam::network_interfaces());
        }
        for (path, value) in &job.switches {
            match path {
                [member] => self.arguments.put(*member, value),
                [member, inner] => self.arguments.put(*member, object([(*inner, value)])),
                _ => {}
            }
            if path.contains(&"EnableRemoteDebug") {
                self.statements.push(session_manager());
            }
        }
    }

    /// Writes profiler, debugger, TensorBoard, experiments and tags, which the training jobs of a tuning job do not
    /// have.
    fn observation(&mut self, scope: &mut Scope<'_>) {
        if self.is_tuned {
            return;
        }
        let job = self.job;
        job.observation.put(&mut self.arguments, &mut self.statements, scope);
        if let Some(config) = job.experiment.config() {
            self.arguments.put("ExperimentConfig", config);
        }
        if !job.tags.is_empty() {
            self.arguments.put("Tags", tags(&job.tags));
        }
    }

    /// Writes the MLflow configuration and the model package of a customization.
    fn customization(&mut self) {
        let job = self.job;
        if let Some(mlflow) = &job.mlflow {
            self.statements.extend(mlflow.statements());
            match job.algorithm {
                Algorithm::Customization(_) => self.arguments.put("MlflowConfig", mlflow.config()),
                _ => self.environment.push(("MLFLOW_TRACKING_ARN".into(), mlflow.arn().clone())),
            }
        }
        if let Some(group) = &job.model_package_group {
            let mut config = Properties::default();
            config.put("ModelPackageGroupArn", group);
            let (of_group, of_packages) = iam::group_and_packages(group);
            let mut packages = Statement::allow([
                "sagemaker:CreateModelPackage",
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
            ])
            .on(of_group)
            .on(of_packages);
            if let Some(package) = &job.source_model_package {
                config.put("SourceModelPackageArn", package);
                packages = packages.on(package);
            }
            self.arguments.put("ModelPackageConfig", config);
            self.statements.push(packages);
        }
    }

    /// Writes the hyperparameters and the environment.
    fn maps(&mut self) {
        let hyperparameters = if self.is_tuned { "StaticHyperParameters" } else { "HyperParameters" };
        for (name, entries) in [
            (hyperparameters, std::mem::take(&mut self.hyperparameters)),
            ("Environment", std::mem::take(&mut self.environment)),
        ] {
            if !entries.is_empty() {
                let map = entries
                    .into_iter()
                    .fold(Map::<String>::default(), |map, (key, value)| map.set(key, value));
                self.arguments.put(name, map);
            }
        }
    }

    /// Writes the role, and the members that the user set by JSON pointer.
    fn finish(mut self, scope: &mut Scope<'_>) -> Request {
        if let Some(key) = &self.key {
            self.statements.push(iam::use_key(key));
        }
        self.statements.extend(self.job.statements.iter().cloned());
        for (pointer, value) in &self.job.others {
            self.statements.extend(access_to_set(pointer, value));
        }
        let needed = RoleNeeded {
            id: "ExecutionRole".into(),
            service: "sagemaker",
            policy: "Execution",
            statements: self.statements,
        };
        let role = self.job.role.clone().build(needed, scope);
        self.arguments.put("RoleArn", role.role.arn());
        for (pointer, value) in &self.job.others {
            self.arguments.put_at(pointer, value);
        }
        Request { arguments: self.arguments, role, memory: self.job.memory.clone() }
    }
}

/// Reports files of a strategy if the job has no source directory for them.
fn report_missing_source(files: &[File], scope: &Scope<'_>) {
    if let Some((name, _, source)) = files.first() {
        scope.error(
            "no-source-directory",
            format!(
                "the distribution strategy adds {name} to the directory of the training script, and the job has no such directory"
            ),
            "set the directory and the script with `.source(asset!(\"…\"), \"train.py\")`".into(),
            Some(source),
        );
    }
}

/// The permissions that the SSM agent in a container needs for remote debugging. These actions support no resource
/// types.
fn session_manager() -> Statement {
    Statement::allow([
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ])
    .on("*")
}

#[cfg(test)]
mod tests {
    use stackwright_synth::App;

    use super::super::CustomizationTechnique;
    use super::super::customization::Customization;
    use super::*;
    use crate::ExternalBucket;
    use crate::launch::{Pipeline, TrainingStep};

    #[test]
    fn a_source_package_needs_a_group() {
        let base = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/llama-3-2-1b-instruct/1.0.0";
        let package = "arn:aws:sagemaker:us-east-1:123456789012:model-package/scorers/3";
        let tune = Customization::fine_tuning(base, CustomizationTechnique::SupervisedFineTuning);
        let bucket = ExternalBucket::from_name("company-runs");
        let job = TrainingJob::serverless(tune, bucket.location("models")).source_model_package(package);
        let app = App::new("app");
        let mut pipeline = Pipeline::new();
        pipeline.step("Tune", TrainingStep::new(job));
        app.stack("Main").add("Runs", pipeline);
        let errors = app.synth().unwrap_err().to_string();
        assert!(errors.contains("registers the result in no model package group"), "{errors}");
    }
}
