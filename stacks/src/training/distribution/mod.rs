//! Distribution strategies, which divide a training job among its processes.
//!
//! A strategy adds hyperparameters for the launcher, environment variables and files to the job. The rules of `check`
//! evaluate settings that the request contains (instance types, versions, degrees); this module checks the other
//! settings.

mod data_parallel;
mod deepspeed;
mod deepspeed_file;
mod fsdp;
mod model_parallel;
mod mpi;

pub use data_parallel::{Ddp, Smddp};
pub use deepspeed::{ActivationCheckpointing, DeepSpeed, Precision, Stage1, Stage2, Stage3};
pub use deepspeed_file::DeepSpeedConfig;
pub use fsdp::{Fsdp, ShardingStrategy};
pub use model_parallel::ModelParallel;
pub use mpi::{Mpi, MultiWorkerMirrored, ParameterServer};

use serde_json::Value as JsonValue;
use stackwright_schemas::instances::efa_environment;
use stackwright_synth::{CallerLocation, Scope, Value};

use super::hyperparameter::{Hyperparameter, HyperparameterFormat};
use super::instances::Instances;

/// The distribution strategy of a training job. Each strategy converts into it. A job has at most one; the collectives of SMDDP
/// for FSDP or DeepSpeed are a setting of these strategies.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Distribution {
    /// Distributed data parallel (DDP) of PyTorch.
    Ddp(Ddp),
    /// Fully sharded data parallel (FSDP) of PyTorch.
    Fsdp(Fsdp),
    /// The SageMaker model parallelism library, based on FSDP.
    ModelParallel(ModelParallel),
    /// DeepSpeed with ZeRO.
    DeepSpeed(DeepSpeedConfig),
    /// The SageMaker distributed data parallel library (SMDDP), without FSDP or DeepSpeed.
    Smddp(Smddp),
    /// Processes that `mpirun` starts.
    Mpi(Mpi),
    /// The strategy `MultiWorkerMirroredStrategy` of TensorFlow.
    MultiWorkerMirrored(MultiWorkerMirrored),
    /// Parameter servers of TensorFlow.
    ParameterServer(ParameterServer),
}

macro_rules! distributions {
    ($($variant:ident($strategy:ty)),*) => {$(
        impl From<$strategy> for Distribution {
            fn from(strategy: $strategy) -> Self {
                Self::$variant(strategy)
            }
        }
    )*};
}
distributions!(
    Ddp(Ddp),
    Fsdp(Fsdp),
    ModelParallel(ModelParallel),
    DeepSpeed(DeepSpeedConfig),
    Smddp(Smddp),
    Mpi(Mpi),
    MultiWorkerMirrored(MultiWorkerMirrored),
    ParameterServer(ParameterServer)
);

impl Distribution {
    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        match self {
            Self::Ddp(ddp) => ddp.apply(launch),
            Self::Fsdp(fsdp) => fsdp.apply(launch),
            Self::ModelParallel(model_parallel) => model_parallel.apply(launch),
            Self::DeepSpeed(config) => config.apply(launch),
            Self::Smddp(smddp) => smddp.apply(launch),
            Self::Mpi(mpi) => mpi.apply(launch),
            Self::MultiWorkerMirrored(strategy) => strategy.apply(launch),
            Self::ParameterServer(servers) => servers.apply(launch),
        }
        launch.set_network_fabric();
    }

    /// Adds what a strategy sets besides the launcher, for a job that `torchrun` starts on a cluster; returns `false` for a
    /// strategy that only the training toolkit of SageMaker starts.
    pub(super) fn apply_on_cluster(&self, launch: &mut Launch<'_, '_>) -> bool {
        match self {
            Self::Ddp(ddp) => ddp.apply(launch),
            Self::Fsdp(fsdp) => fsdp.apply(launch),
            Self::DeepSpeed(config) => config.apply(launch),
            Self::ModelParallel(_)
            | Self::Smddp(_)
            | Self::Mpi(_)
            | Self::MultiWorkerMirrored(_)
            | Self::ParameterServer(_) => return false,
        }
        true
    }
}

/// The parts of a job that a strategy changes.
pub(super) struct Launch<'a, 's> {
    pub scope: &'a mut Scope<'s>,
    pub instances: &'a Instances,
    pub hyperparameters: Vec<(String, Value<String>)>,
    pub environment: Vec<(String, Value<String>)>,
    /// Files beside the entry point: name, content, and the location in the program that caused it.
    pub files: Vec<(String, String, CallerLocation)>,
}

impl Launch<'_, '_> {
    /// Adds a hyperparameter for the training toolkit, which reads JSON.
    fn hyperparameter(&mut self, name: &str, value: impl Into<Hyperparameter>, source: CallerLocation) {
        let written = value.into().written(HyperparameterFormat::Json).with_location(Some(source));
        self.hyperparameters.push((name.to_owned(), written));
    }

    fn environment(&mut self, name: &str, value: &str, source: CallerLocation) {
        self.environment.push((name.to_owned(), Value::from(value).with_location(Some(source))));
    }

    /// Starts one process per accelerator with torchrun.
    fn torchrun(&mut self, source: CallerLocation) {
        self.hyperparameter("sagemaker_torch_distributed_enabled", true, source);
        self.instance_type();
        self.instance_groups(source);
    }

    /// Sets the hyperparameter with the instance type for the launcher.
    fn instance_type(&mut self) {
        let instance_type = self.instances.instance_type();
        let source = instance_type.location();
        let written = Hyperparameter::from(instance_type).written(HyperparameterFormat::Json);
        self.hyperparameters.push(("sagemaker_instance_type".to_owned(), written.with_location(source)));
    }

    /// Sets the hyperparameter with the instance group of the strategy; on instances of other groups, the toolkit
    /// starts the script without the strategy.
    fn instance_groups(&mut self, source: CallerLocation) {
        if let Some(group) = self.instances.group() {
            let groups = stackwright_synth::sub!("[\"{}\"]", &group);
            let groups = groups.with_location(group.location().or(Some(source)));
            self.hyperparameters.push(("sagemaker_distribution_instance_groups".into(), groups));
        }
    }

    /// Enables the SMDDP collectives: the script passes the name of the backend to `init_process_group`.
    fn smddp_collectives(&mut self, source: CallerLocation) {
        self.hyperparameter("ddp_dist_backend", "smddp", source);
    }

    /// Sets the environment variables of the Elastic Fabric Adapter for instance types whose containers do not set
    /// them: the training toolkit has a list of type names that does not contain newer types.
    fn set_network_fabric(&mut self) {
        let instance_type = self.instances.instance_type();
        let Some(name) = instance_type.as_literal().and_then(JsonValue::as_str) else { return };
        let source = instance_type.location();
        for variable in efa_environment(name) {
            self.environment
                .push((variable.name.to_owned(), Value::from(variable.value).with_location(source)));
        }
    }
}
