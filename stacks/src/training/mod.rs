//! Training jobs.
//!
//! CloudFormation has no resource type for them. A [`TrainingJob`] is a typed `CreateTrainingJob` request that a
//! launcher sends when it runs: a [`Pipeline`](crate::launch::Pipeline), a
//! [`StateMachine`](crate::launch::StateMachine), or a [`Schedule`](crate::launch::Schedule). The request is the same
//! with each of them, and it is checked like a resource.

mod built_in_rule;
mod capacity;
mod checkpoints;
mod customization;
mod distribution;
mod experiment;
mod hyperparameter;
mod input;
mod instances;
mod job;
mod observation;
mod on_cluster;
mod recipe;
mod request;
mod run;

pub use built_in_rule::BuiltInRule;
pub use capacity::{Spot, TrainingCapacity, TrainingPlan, WarmPool};
pub use checkpoints::Checkpoints;
pub use customization::{Customization, CustomizationTechnique, EvaluationType, Mlflow};
pub use distribution::{
    ActivationCheckpointing, Ddp, DeepSpeed, DeepSpeedConfig, Distribution, Fsdp, ModelParallel, Mpi,
    MultiWorkerMirrored, ParameterServer, Precision, ShardingStrategy, Smddp, Stage1, Stage2, Stage3,
};
pub use experiment::{ExperimentOptions, ExperimentSettings};
pub use hyperparameter::{Hyperparameter, HyperparameterFormat};
pub use input::{Input, InputMode};
pub use instances::{InstanceGroup, Instances};
pub use job::{OutputCompression, TrainingJob};
pub use observation::{DebuggerHook, DebuggerRule, Profiler, TensorBoard};
pub use run::{RunLocation, RunVariable};

pub(crate) use on_cluster::OnCluster;
pub(crate) use request::{Definition, Request};
