//! Distribution strategies: how the processes of a training job share the work.
//!
//! Each is a value that brings what it needs: hyperparameters for the launcher, environment, files. What the
//! request says about it (instance types, versions, degrees) is checked by rules; what the request does not show
//! is checked here.

mod data_parallel;
mod deepspeed;
mod deepspeed_file;
mod fsdp;
mod model_parallel;

pub use data_parallel::{Ddp, Smddp};
pub use deepspeed::{ActivationCheckpointing, DeepSpeed, Precision, Stage1, Stage2, Stage3};
pub use deepspeed_file::DeepSpeedConfig;
pub use fsdp::{Fsdp, ShardingStrategy};
pub use model_parallel::ModelParallel;

use serde_json::Value as JsonValue;
use stackwright_schemas::instances::needs_efa_environment;
use stackwright_synth::{CallerLocation, Scope, Value};

use super::hyperparameter::Hyperparameter;
use super::instances::Instances;

/// A strategy. A job has one; SMDDP under FSDP or DeepSpeed is a setting of those.
#[derive(Clone, Debug)]
pub enum Distribution {
    /// PyTorch's distributed data parallel.
    Ddp(Ddp),
    /// PyTorch's fully sharded data parallel.
    Fsdp(Fsdp),
    /// SageMaker model parallel on top of FSDP.
    ModelParallel(ModelParallel),
    /// DeepSpeed's ZeRO.
    DeepSpeed(DeepSpeedConfig),
    /// SageMaker's distributed data parallel library, by itself.
    Smddp(Smddp),
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
distributions!(Ddp(Ddp), Fsdp(Fsdp), ModelParallel(ModelParallel), DeepSpeed(DeepSpeedConfig), Smddp(Smddp));

impl Distribution {
    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        match self {
            Self::Ddp(ddp) => ddp.apply(launch),
            Self::Fsdp(fsdp) => fsdp.apply(launch),
            Self::ModelParallel(model_parallel) => model_parallel.apply(launch),
            Self::DeepSpeed(config) => config.apply(launch),
            Self::Smddp(smddp) => smddp.apply(launch),
        }
        if let Some(group) = launch.instances.group() {
            let groups = stackwright_synth::sub!("[\"{}\"]", &group).with_location(group.location());
            launch.hyperparameters.push(("sagemaker_distribution_instance_groups".into(), groups));
        }
        launch.set_network_fabric();
    }
}

/// What a strategy writes to.
pub(super) struct Launch<'a, 's> {
    pub scope: &'a mut Scope<'s>,
    pub instances: &'a Instances,
    pub hyperparameters: Vec<(String, Value<String>)>,
    pub environment: Vec<(String, Value<String>)>,
    /// Beside the entry point: name, text, and the line that asked for it.
    pub files: Vec<(String, String, CallerLocation)>,
}

impl Launch<'_, '_> {
    fn hyperparameter(
        &mut self,
        name: &str,
        value: impl Into<Hyperparameter>,
        source: Option<CallerLocation>,
    ) {
        self.hyperparameters.push((name.to_owned(), value.into().0.with_location(source)));
    }

    fn environment(&mut self, name: &str, value: &str, source: CallerLocation) {
        self.environment.push((name.to_owned(), Value::from(value).with_location(Some(source))));
    }

    /// Starts one process for each accelerator with torchrun.
    fn torchrun(&mut self, source: CallerLocation) {
        self.hyperparameter("sagemaker_torch_distributed_enabled", true, Some(source));
        self.instance_type();
    }

    fn instance_type(&mut self) {
        let instance_type = self.instances.instance_type();
        let source = instance_type.location();
        self.hyperparameter("sagemaker_instance_type", instance_type, source);
    }

    /// The collectives of SMDDP: the script passes the name on to `init_process_group`.
    fn smddp_collectives(&mut self, source: CallerLocation) {
        self.hyperparameter("ddp_dist_backend", "smddp", Some(source));
    }

    /// Elastic Fabric Adapter for types whose containers do not set it by themselves: the training toolkit knows
    /// some types by name, and newer ones it does not know.
    fn set_network_fabric(&mut self) {
        let instance_type = self.instances.instance_type();
        let name = instance_type.as_literal().and_then(JsonValue::as_str);
        if !name.is_some_and(needs_efa_environment) {
            return;
        }
        let source = instance_type.location();
        for (name, value) in
            [("FI_PROVIDER", "efa"), ("FI_EFA_USE_DEVICE_RDMA", "1"), ("RDMAV_FORK_SAFE", "1")]
        {
            self.environment.push((name.to_owned(), Value::from(value).with_location(source)));
        }
    }
}
