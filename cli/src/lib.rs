//! Infrastructure as code for machine learning on AWS.
//!
//! A stack is written in Rust, becomes a CloudFormation template, is checked, and is deployed through a change
//! set. A program is its stacks and one line:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use stackwright::resources::s3::Bucket;
//! use stackwright::prelude::*;
//!
//! fn main() -> ExitCode {
//!     stackwright::run(app())
//! }
//!
//! fn app() -> App {
//!     let app = App::new("shop");
//!     let storage = app.stack("Storage").region("us-east-1");
//!     let models = storage.add("Models", Bucket::new());
//!     storage.output("ModelsArn", models.arn());
//!     app
//! }
//! ```
//!
//! Such a program has the commands that need no AWS account (`synth`, `check`, `diff`, `review`, `graph`, `estimate`,
//! `explain`, `list`), and builds without the AWS SDK. With the Cargo feature `deploy` it has every command. The binary
//! `stackwright` has every command as well, for the program in the current directory, for an assembly, or for a template.
//!
//! # The book
//!
#![cfg_attr(not(docsrs), doc = include_str!("book.md"))]
#![cfg_attr(
    docsrs,
    doc = "The guides are a book: the directory `docs/` of the repository, and `stackwright-book.tar.gz` in every release. Begin with \
           `docs/first-stack.md`."
)]
//!
//! This crate holds the commands, each a thin file, and the items that programs import. Logic is in the libraries.

mod base;
mod baseline;
mod checked;
mod commands;
mod configuration;
#[cfg(feature = "deploy")]
mod deployment;
mod failure;
mod git_paths;
mod input;
#[cfg(feature = "lint")]
mod language_server;
mod origin;
mod program;
#[cfg(feature = "deploy")]
mod project;
#[cfg_attr(
    not(feature = "deploy"),
    allow(dead_code, reason = "only commands that send requests to AWS print every form")
)]
mod safe_text;
pub mod testing;
#[cfg(feature = "deploy")]
mod watch;

pub use stackwright_estimate as estimate;
pub use stackwright_resources as resources;
pub use stackwright_review as review;
pub use stackwright_stacks as stacks;
pub use stackwright_synth as synth;
pub use stackwright_synth::{App, Stack, asset, intrinsic, sub};

pub use commands::run;
#[cfg(feature = "deploy")]
#[doc(hidden)]
pub use commands::run_binary;

/// The types that ordinary programs use: `use stackwright::prelude::*;`.
///
/// Typed resources of single services are in [`resources`]; less common types are in the modules of [`stacks`].
pub mod prelude {
    pub use stackwright_estimate::cost::ResourceUsage;
    pub use stackwright_stacks::autoscaling::{
        CapacityRange, MetricMath, Scaling, ScheduledCapacity, StepScaling, TargetTracking,
    };
    pub use stackwright_stacks::cluster::{
        ClusterJob, ClusterPolicy, ComputeAllocation, EksCluster, HyperPodCluster, JobNodeOptions,
        KubernetesNodeOptions, KubernetesVersion, LifecycleScripts, LustreFileSystem, LustreThroughput,
        MountOptions, NodeGroup, NodeOptions, NodeSoftwareOptions, ServiceNodes, TaskGovernance, WorkerGroup,
    };
    pub use stackwright_stacks::container::{
        Container, Containers, DataType, DynamicBatching, Ensemble, EnsembleStep, LargeModel, ModelData,
        ModelRepository, Tensor, TensorRtLlmQuantization, TensorRtOptions, TextGeneration, Triton,
        TritonBackend, TritonInstanceGroup, TritonModel, TritonType, VllmQuantization, Weights,
    };
    pub use stackwright_stacks::endpoint::{
        AdapterComponent, AsynchronousEndpoint, BlueGreen, CapacitySize, ComponentEndpoint, DataCapture,
        ExternalEndpoint, InferenceComponent, InstancePool, MemorySize, MultiModelEndpoint,
        NotificationTopic, RealTimeEndpoint, Rolling, Routing, ServerlessEndpoint, Variant,
    };
    pub use stackwright_stacks::fleet::{
        Ami, GpuFleet, MonthlyBudget, Os, Reservations, SpotMix, TrainingFleet, UserData,
    };
    pub use stackwright_stacks::iam::{ExecutionRole, PolicyDocument};
    pub use stackwright_stacks::launch::{
        CompiledQuantization, ConditionStep, CreateModelStep, FailStep, Objective, OptimizationJob,
        Optimizations, ParameterRange, Pipeline, ProcessingJob, ProcessingStep, PropertyFile, Quantization,
        RegisterModelStep, Schedule, ScheduleExpression, SpeculativeDecoding, StateMachine, TrainingStep,
        TransformData, TransformStep, TuningJob, TuningStep,
    };
    pub use stackwright_stacks::network::{InterfaceEndpoint, Network, NetworkHandle, NetworkSubnet};
    pub use stackwright_stacks::training::{
        Checkpoints, Customization, CustomizationTechnique, Ddp, DeepSpeed, DeepSpeedConfig, EvaluationType,
        ExperimentOptions, Fsdp, Input, InstanceGroup, Instances, ModelParallel, Precision, RunLocation,
        RunVariable, ShardingStrategy, Smddp, Spot, TrainingCapacity, TrainingJob, TrainingPlan, WarmPool,
    };
    pub use stackwright_stacks::{
        AlarmTopic, Arn, AutoscalingOptions, BlueGreenOptions, ContainerImage, Defaults, EncryptionKey,
        EndpointOptions, ExternalBucket, HostingOptions, InstanceCountOptions, Metric, MetricNamespace,
        MetricsOptions, Mirror, PrivateBucket, PrivateBucketHandle, PrivateKey, PrivateKeyHandle, Processor,
        RoleOptions, RoleReference, RollingOptions, S3Location, SecretReference, SecurityOptions,
        SsmParameter, StackSet, Statement, Statistic, TopicReference, UsageOptions, VpcConfig,
    };
    pub use stackwright_synth::{
        App, Asset, AwsParameterType, Condition, Construct, DeletionPolicy, ForEach, Handle, IntoValue, Map,
        Mapping, Output, Parameter, Resource, ResourceOptions, Scope, Stack, Value, asset, intrinsic, sub,
    };
}
