//! DeepSpeed with ZeRO. A setter exists only for the stages that support the setting.

use std::marker::PhantomData;
use std::panic::Location;

use serde_json::{Map, Value as JsonValue, json};
use stackwright_synth::CallerLocation;

use super::Distribution;
use super::deepspeed_file::DeepSpeedConfig;

/// The precision of the forward and the backward pass of a training job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// The 16-bit type bfloat16. It requires NVIDIA GPUs of the generation of the A100 or newer.
    Bf16,
    /// 16-bit floating point, with loss scaling.
    Fp16,
    /// 32-bit floating point.
    Fp32,
}

impl Precision {
    /// The name in Accelerate.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
            Self::Fp32 => "no",
        }
    }
}

/// The marker of ZeRO stage 1: optimizer states are sharded over the accelerators.
#[derive(Clone, Copy, Debug)]
pub enum Stage1 {}

/// The marker of ZeRO stage 2: optimizer states and gradients are sharded over the accelerators.
#[derive(Clone, Copy, Debug)]
pub enum Stage2 {}

/// The marker of ZeRO stage 3: optimizer states, gradients and parameters are sharded over the accelerators.
#[derive(Clone, Copy, Debug)]
pub enum Stage3 {}

/// DeepSpeed with ZeRO, started by `torchrun`. The configuration is written to the file `ds_config.json` beside the entry
/// point, because a hyperparameter has at most 2,500 characters. The script gets the name of the file in the hyperparameter
/// `deepspeed_config`, which DeepSpeed's function `add_config_arguments` reads.
///
/// Options that DeepSpeed does not have, and combinations that it refuses, are errors at the line of the constructor.
///
/// ```
/// use stackwright_stacks::training::{ActivationCheckpointing, DeepSpeed, Precision};
///
/// DeepSpeed::zero_3(1)
///     .precision(Precision::Bf16)
///     .gradient_accumulation_steps(8)
///     .gradient_clipping(1.0)
///     .offload_optimizer_to_cpu()
///     .offload_parameters_to_nvme("/tmp")
///     .activation_checkpointing(ActivationCheckpointing::new().partitioned());
/// DeepSpeed::zero_1(8).precision(Precision::Fp16);
/// ```
///
/// Below stage 3, parameters are not sharded and cannot be offloaded:
///
/// ```compile_fail
/// # use stackwright_stacks::training::DeepSpeed;
/// DeepSpeed::zero_2(4).offload_parameters_to_cpu();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DeepSpeed<Stage> {
    config: Map<String, JsonValue>,
    zero: Map<String, JsonValue>,
    smddp: Option<CallerLocation>,
    source: CallerLocation,
    stage: PhantomData<Stage>,
}

impl DeepSpeed<Stage1> {
    /// Creates a configuration with ZeRO stage 1, which shards optimizer states, and the micro-batch size per accelerator.
    #[track_caller]
    pub fn zero_1(micro_batch_size: u32) -> Self {
        Self::of(1, micro_batch_size, Location::caller())
    }
}

impl DeepSpeed<Stage2> {
    /// Creates a configuration with ZeRO stage 2, which shards optimizer states and gradients, and the micro-batch size per
    /// accelerator.
    #[track_caller]
    pub fn zero_2(micro_batch_size: u32) -> Self {
        Self::of(2, micro_batch_size, Location::caller())
    }
}

impl DeepSpeed<Stage3> {
    /// Creates a configuration with ZeRO stage 3, which shards optimizer states, gradients and parameters, and the micro-batch
    /// size per accelerator.
    #[track_caller]
    pub fn zero_3(micro_batch_size: u32) -> Self {
        let mut this = Self::of(3, micro_batch_size, Location::caller());
        // Without this setting, a saved model contains no weights.
        this.zero.insert("stage3_gather_16bit_weights_on_model_save".into(), true.into());
        this
    }

    /// Offloads parameters to the host's memory while they are not used (`offload_param`). By default, they stay on the
    /// accelerators.
    pub fn offload_parameters_to_cpu(self) -> Self {
        self.zero("offload_param", json!({ "device": "cpu", "pin_memory": true }))
    }

    /// Offloads parameters to a directory on the instance's NVMe storage, such as `/tmp`, while they are not used
    /// (`offload_param`). By default, they stay on the accelerators.
    pub fn offload_parameters_to_nvme(self, directory: &str) -> Self {
        self.zero("offload_param", json!({ "device": "nvme", "nvme_path": directory, "pin_memory": true }))
    }

    /// Offloads optimizer states to a directory on the instance's NVMe storage, such as `/tmp` (`offload_optimizer`). By default,
    /// they stay on the accelerators.
    pub fn offload_optimizer_to_nvme(self, directory: &str) -> Self {
        self.zero(
            "offload_optimizer",
            json!({ "device": "nvme", "nvme_path": directory, "pin_memory": true }),
        )
    }
}

impl<Stage> DeepSpeed<Stage> {
    fn of(stage: u32, micro_batch_size: u32, source: CallerLocation) -> Self {
        let config = Map::from_iter([
            ("train_micro_batch_size_per_gpu".to_owned(), micro_batch_size.into()),
            ("gradient_accumulation_steps".to_owned(), 1.into()),
            ("bf16".to_owned(), json!({ "enabled": true })),
        ]);
        let zero = Map::from_iter([
            ("stage".to_owned(), stage.into()),
            ("overlap_comm".to_owned(), true.into()),
            ("contiguous_gradients".to_owned(), true.into()),
        ]);
        Self { config, zero, smddp: None, source, stage: PhantomData }
    }

    /// Sets the precision. The default is [`Precision::Bf16`].
    pub fn precision(mut self, precision: Precision) -> Self {
        self.config.remove("bf16");
        self.config.remove("fp16");
        match precision {
            Precision::Bf16 => self.set("bf16", json!({ "enabled": true })),
            // A loss scale of 0 enables dynamic loss scaling.
            Precision::Fp16 => self.set("fp16", json!({ "enabled": true, "loss_scale": 0 })),
            Precision::Fp32 => self,
        }
    }

    /// Sets the number of gradient accumulation steps (`gradient_accumulation_steps`). The default is 1.
    pub fn gradient_accumulation_steps(self, steps: u32) -> Self {
        self.set("gradient_accumulation_steps", steps)
    }

    /// Sets the maximum norm of the gradients (`gradient_clipping`). By default, gradients are not clipped.
    pub fn gradient_clipping(self, norm: f64) -> Self {
        self.set("gradient_clipping", norm)
    }

    /// Sets the optimizer, by its name in DeepSpeed, such as `AdamW`, with a JSON object of its parameters. By default, the
    /// script creates the optimizer.
    pub fn optimizer(self, name: &str, parameters: JsonValue) -> Self {
        self.set("optimizer", json!({ "type": name, "params": parameters }))
    }

    /// Sets the learning rate scheduler, by its name in DeepSpeed, such as `WarmupLR`, with a JSON object of its parameters. By
    /// default, the script creates the scheduler.
    pub fn scheduler(self, name: &str, parameters: JsonValue) -> Self {
        self.set("scheduler", json!({ "type": name, "params": parameters }))
    }

    /// Offloads optimizer states to the host's memory, where the CPU updates them (`offload_optimizer`). By default, they stay on
    /// the accelerators.
    pub fn offload_optimizer_to_cpu(self) -> Self {
        self.zero("offload_optimizer", json!({ "device": "cpu", "pin_memory": true }))
    }

    /// Enables activation checkpointing: activations are recomputed in the backward pass instead of being stored. By default,
    /// they are stored.
    pub fn activation_checkpointing(self, how: ActivationCheckpointing) -> Self {
        self.set("activation_checkpointing", how.0)
    }

    /// Sets an option of `zero_optimization` by its name, such as `reduce_bucket_size`. An option that DeepSpeed does not have is
    /// an error at the line of the constructor.
    pub fn zero(mut self, name: &str, value: impl Into<JsonValue>) -> Self {
        self.zero.insert(name.to_owned(), value.into());
        self
    }

    /// Sets any other option of the configuration by its name, such as `steps_per_print`. An option that DeepSpeed does not have
    /// is an error at the line of the constructor.
    pub fn set(mut self, name: &str, value: impl Into<JsonValue>) -> Self {
        self.config.insert(name.to_owned(), value.into());
        self
    }

    /// Enables the collectives of SMDDP, like [`Fsdp::smddp`](super::Fsdp::smddp). By default, they are not used.
    #[track_caller]
    pub fn smddp(mut self) -> Self {
        self.smddp = Some(Location::caller());
        self
    }
}

impl<Stage> From<DeepSpeed<Stage>> for DeepSpeedConfig {
    fn from(typed: DeepSpeed<Stage>) -> Self {
        let mut config = typed.config;
        config.insert("zero_optimization".into(), typed.zero.into());
        Self::new(config.into(), typed.smddp, typed.source)
    }
}

impl<Stage> From<DeepSpeed<Stage>> for Distribution {
    fn from(typed: DeepSpeed<Stage>) -> Self {
        Self::DeepSpeed(typed.into())
    }
}

/// The settings of activation checkpointing, for [`DeepSpeed::activation_checkpointing`].
///
/// ```
/// use stackwright_stacks::training::ActivationCheckpointing;
///
/// ActivationCheckpointing::new();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ActivationCheckpointing(Map<String, JsonValue>);

impl ActivationCheckpointing {
    /// Creates settings with DeepSpeed's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    fn set(mut self, key: &str, value: impl Into<JsonValue>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Partitions the checkpoints over the accelerators of a tensor parallel group (`partition_activations`). By default, they are
    /// not partitioned.
    pub fn partitioned(self) -> Self {
        self.set("partition_activations", true)
    }

    /// Partitions the checkpoints, and offloads them to the host's memory (`cpu_checkpointing`). By default, they stay on the
    /// accelerators.
    pub fn on_cpu(self) -> Self {
        self.set("partition_activations", true).set("cpu_checkpointing", true)
    }

    /// Sets the number of checkpoints, usually one per layer (`number_checkpoints`). The default is that of DeepSpeed.
    pub fn count(self, checkpoints: u32) -> Self {
        self.set("number_checkpoints", checkpoints)
    }
}
