//! SageMaker inference optimization jobs: they quantize, compile or shard a model before it is deployed.

use stackwright_synth::{Construct, IntoValue, Map, Properties, Scope, Value};

use crate::defaults;
use crate::document::{list, tags, within};
use crate::duration::Seconds;
use crate::iam::{self, RoleNeeded, RoleOptions, RoleSettings, Statement};
use crate::image::ContainerImage;
use crate::key::EncryptionKey;
use crate::s3::S3Location;
use crate::training::Request;
use crate::vpc::VpcConfig;

/// The quantization technique of an [`OptimizationJob`] without compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantization {
    /// Activation-aware weight quantization (AWQ) with 4-bit weights.
    Awq,
    /// 8-bit floating point (FP8).
    Fp8,
}

/// The quantization technique of an [`OptimizationJob`] that also compiles the model with TensorRT-LLM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompiledQuantization {
    /// Activation-aware weight quantization (AWQ) with 4-bit weights.
    Awq,
    /// 8-bit floating point (FP8).
    Fp8,
    /// SmoothQuant: 8-bit weights and activations.
    SmoothQuant,
}

/// Speculative decoding: a draft model proposes several tokens, and the target model verifies them. SageMaker trains
/// the draft model with the technique EAGLE (`ModelSpeculativeDecodingConfig`).
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::SpeculativeDecoding;
///
/// SpeculativeDecoding::new().training_data(S3Location::new("my-data", "prompts/"));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SpeculativeDecoding {
    data: Option<S3Location>,
}

impl SpeculativeDecoding {
    /// Creates settings for a draft model that is trained with SageMaker's default data.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the location in S3 of the prompts that the draft model is trained with. The role of the job may read the location.
    /// The default is SageMaker's own data.
    pub fn training_data(mut self, data: S3Location) -> Self {
        self.data = Some(data);
        self
    }
}

/// The optimizations that a job applies to a model. The constructors allow only combinations that SageMaker accepts:
/// compilation cannot be combined with speculative decoding, SmoothQuant requires compilation, and sharding cannot be
/// combined with anything else.
///
/// ```
/// use stackwright_stacks::launch::{CompiledQuantization, Optimizations, Quantization, SpeculativeDecoding};
///
/// Optimizations::quantization(Quantization::Fp8);
/// Optimizations::quantization_and_speculative_decoding(Quantization::Awq, SpeculativeDecoding::new());
/// Optimizations::compilation_and_quantization(CompiledQuantization::SmoothQuant);
/// Optimizations::sharding(8);
/// Optimizations::speculative_decoding(SpeculativeDecoding::new());
/// Optimizations::compilation();
/// ```
///
/// ```compile_fail
/// use stackwright_stacks::launch::{CompiledQuantization, Optimizations};
/// Optimizations::quantization(CompiledQuantization::SmoothQuant);
/// ```
#[derive(Clone, Debug)]
pub struct Optimizations {
    quantization: Option<&'static str>,
    compilation: bool,
    speculative_decoding: Option<SpeculativeDecoding>,
    sharding: Option<u32>,
}

impl Optimizations {
    const NONE: Self =
        Self { quantization: None, compilation: false, speculative_decoding: None, sharding: None };

    fn option(quantization: Quantization) -> Option<&'static str> {
        Some(match quantization {
            Quantization::Awq => "awq",
            Quantization::Fp8 => "fp8",
        })
    }

    /// Quantizes the model, without another optimization.
    pub fn quantization(quantization: Quantization) -> Self {
        Self { quantization: Self::option(quantization), ..Self::NONE }
    }

    /// Trains a draft model for speculative decoding, without another optimization.
    pub fn speculative_decoding(how: SpeculativeDecoding) -> Self {
        Self { speculative_decoding: Some(how), ..Self::NONE }
    }

    /// Quantizes the model, and trains a draft model for speculative decoding.
    pub fn quantization_and_speculative_decoding(
        quantization: Quantization,
        how: SpeculativeDecoding,
    ) -> Self {
        Self { quantization: Self::option(quantization), speculative_decoding: Some(how), ..Self::NONE }
    }

    /// Compiles the model for the instance type of the job, without another optimization, so that an endpoint does not compile
    /// the model when it starts.
    pub fn compilation() -> Self {
        Self { compilation: true, ..Self::NONE }
    }

    /// Quantizes the model, and compiles it for the instance type of the job.
    pub fn compilation_and_quantization(quantization: CompiledQuantization) -> Self {
        let option = match quantization {
            CompiledQuantization::Awq => "awq",
            CompiledQuantization::Fp8 => "fp8",
            CompiledQuantization::SmoothQuant => "smoothquant",
        };
        Self { quantization: Some(option), ..Self::compilation() }
    }

    /// Splits the weights into shards for a tensor parallel degree, which is the number of accelerators that serve the model,
    /// so that the weights load faster.
    pub fn sharding(tensor_parallel_degree: u32) -> Self {
        Self { sharding: Some(tensor_parallel_degree), ..Self::NONE }
    }
}

/// An inference optimization job (`CreateOptimizationJob`). CloudFormation has no resource type for it; a
/// [`StateMachine`](super::StateMachine) runs it.
///
/// ```
/// use stackwright_stacks::launch::{OptimizationJob, Optimizations, Quantization};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
///
/// OptimizationJob::new(
///     S3Location::new("my-models", "llama/"),
///     "ml.g5.12xlarge",
///     S3Location::new("my-models", "llama-awq/"),
///     Optimizations::quantization(Quantization::Awq),
/// )
/// .image(ContainerImage::aws("djl-lmi", "0.33.0", Processor::Gpu));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct OptimizationJob {
    model: S3Location,
    instance_type: Value<String>,
    output: S3Location,
    optimizations: Optimizations,
    image: Option<ContainerImage>,
    environment: Map<String>,
    max_run: Value<i64>,
    key: Option<EncryptionKey>,
    vpc: Option<VpcConfig>,
    tags: Vec<(String, Value<String>)>,
    role: RoleSettings,
}

impl OptimizationJob {
    /// Creates a job that optimizes a model in S3 for an instance type, such as `ml.g5.12xlarge`, and stores the result at a
    /// location in S3. The role of the job may read the model and write the result.
    #[track_caller]
    pub fn new(
        model: S3Location,
        instance_type: impl IntoValue<String>,
        output: S3Location,
        optimizations: Optimizations,
    ) -> Self {
        Self {
            model,
            instance_type: crate::instance_type::checked(instance_type),
            output,
            optimizations,
            image: None,
            environment: Map::default(),
            max_run: 36_000.into(),
            key: None,
            vpc: None,
            tags: Vec::new(),
            role: RoleSettings::default(),
        }
    }

    /// Sets the image that runs the optimization. By default, SageMaker chooses one.
    pub fn image(mut self, image: ContainerImage) -> Self {
        self.image = Some(image);
        self
    }

    /// Sets an environment variable of the optimized model (`OptimizationEnvironment`). Everybody who may describe the job
    /// can read the value: do not set it to a secret. A second call for the same name replaces the value.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.environment = self.environment.set(name, value.into().with_caller_location());
        self
    }

    /// Sets the maximum run time of the job (`MaxRuntimeInSeconds`). The default is ten hours.
    #[track_caller]
    pub fn max_run(mut self, time: impl Into<Seconds>) -> Self {
        self.max_run = time.into().0.with_caller_location();
        self
    }

    /// Encrypts the output with a KMS key, given as a handle, an ARN, an ID or an alias (`KmsKeyId`). By default, the
    /// output is encrypted with the default key of the stack or, if there is none, with the key of the output's bucket.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Connects the job to subnets and security groups of a VPC. The role of the job gets the permissions for network
    /// interfaces. By default, the job is not connected to a VPC.
    pub fn vpc(mut self, vpc: impl Into<VpcConfig>) -> Self {
        self.vpc = Some(vpc.into());
        self
    }

    /// Adds a tag to the job (`Tags`). A second call for the same key replaces the value.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.tags, key, value.into().with_caller_location());
        self
    }
}

impl RoleOptions for OptimizationJob {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

/// Adds the role and the request of a job to a stack.
pub(super) struct Definition(pub OptimizationJob);

impl Construct for Definition {
    type Handle = Request;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> Request {
        let job = self.0;
        let mut statements: Vec<Statement> = Vec::new();
        let image = job.image.map(|image| image.resolve(scope));
        if let Some(image) = &image {
            statements.extend(iam::container(&"/aws/sagemaker/OptimizationJobs".into(), image));
        }
        let technique = |name: &'static str, environment: &[(&str, String)]| {
            let mut inner = Properties::default();
            if let Some(image) = &image {
                inner.put("Image", &image.uri);
            }
            if !environment.is_empty() {
                let set = |map: Map<String>, (name, value): &(&str, String)| map.set(*name, value.as_str());
                inner.put("OverrideEnvironment", environment.iter().fold(Map::default(), set));
            }
            within(name, inner)
        };
        let Optimizations { quantization, compilation, speculative_decoding, sharding } = job.optimizations;
        let mut configs = Vec::new();
        if let Some(option) = quantization {
            configs.push(technique("ModelQuantizationConfig", &[("OPTION_QUANTIZE", option.to_owned())]));
        }
        if compilation {
            configs.push(technique("ModelCompilationConfig", &[]));
        }
        if let Some(degree) = sharding {
            configs.push(technique(
                "ModelShardingConfig",
                &[("OPTION_TENSOR_PARALLEL_DEGREE", degree.to_string())],
            ));
        }
        if let Some(speculative) = speculative_decoding {
            let mut inner = Properties::default();
            inner.put("Technique", "EAGLE");
            if let Some(data) = speculative.data {
                let mut source = Properties::default();
                source.put("S3Uri", data.uri());
                source.put("S3DataType", "S3Prefix");
                inner.put("TrainingDataSource", source);
                statements.extend(data.read());
            }
            configs.push(within("ModelSpeculativeDecodingConfig", inner));
        }
        let mut output = Properties::default();
        output.put("S3OutputLocation", job.output.uri());
        let key = defaults::encryption_key(job.key, scope);
        if let Some(key) = key.as_ref().or(job.output.encryption_key()) {
            output.put("KmsKeyId", key.id());
        }
        if let Some(key) = &key {
            statements.push(key.allow(["kms:Decrypt", "kms:GenerateDataKey"]));
        }
        let mut arguments = Properties::default();
        arguments.put("ModelSource", within("S3", within("S3Uri", job.model.uri())));
        arguments.put("DeploymentInstanceType", &job.instance_type);
        arguments.put("OptimizationConfigs", list(configs));
        arguments.put("OutputConfig", output);
        arguments.put("StoppingCondition", within("MaxRuntimeInSeconds", &job.max_run));
        if !job.environment.is_empty() {
            arguments.put("OptimizationEnvironment", job.environment);
        }
        statements.extend(job.model.read());
        statements.extend(job.output.write());
        if let Some(vpc) = &job.vpc {
            let mut config = Properties::default();
            config.put("SecurityGroupIds", &vpc.security_groups);
            config.put("Subnets", &vpc.subnets);
            arguments.put("VpcConfig", config);
            statements.extend(iam::network_interfaces());
        }
        if !job.tags.is_empty() {
            arguments.put("Tags", tags(&job.tags));
        }
        let needed =
            RoleNeeded { id: "ExecutionRole".into(), service: "sagemaker", policy: "Execution", statements };
        let role = job.role.build(needed, scope);
        arguments.put("RoleArn", role.role.arn());
        Request { arguments, role, memory: None }
    }
}
