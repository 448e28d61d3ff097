//! The sizes of batches of copies, and the settings of a component on one instance type.

use stackwright_resources::sagemaker::inference_component::{
    InferenceComponentCapacitySize, InferenceComponentCapacitySizeType,
    InferenceComponentComputeResourceRequirements,
};
use stackwright_synth::{IntoValue, Value};

use crate::container::Container;

/// The size of a batch of copies of an inference component, as a percentage or as a number.
///
/// ```
/// use stackwright_stacks::endpoint::CopyBatch;
///
/// [CopyBatch::percent(25), CopyBatch::copies(1)];
/// ```
#[derive(Clone, Debug)]
pub struct CopyBatch {
    kind: InferenceComponentCapacitySizeType,
    size: Value<i64>,
}

impl CopyBatch {
    /// Returns a share of the copies in percent: 5 to 50 for an update, 5 to 100 for a rollback.
    #[track_caller]
    pub fn percent(share: impl IntoValue<i64>) -> Self {
        Self {
            kind: InferenceComponentCapacitySizeType::CapacityPercent,
            size: share.into().with_caller_location(),
        }
    }

    /// Returns a number of copies, between 5 and 50 percent of all copies for an update.
    #[track_caller]
    pub fn copies(number: impl IntoValue<i64>) -> Self {
        Self {
            kind: InferenceComponentCapacitySizeType::CopyCount,
            size: number.into().with_caller_location(),
        }
    }

    pub(super) fn lower(&self) -> InferenceComponentCapacitySize {
        InferenceComponentCapacitySize::new().type_(self.kind.clone()).value(&self.size)
    }
}

/// The settings of an inference component on one instance type that differ from those of the component, for
/// [`InferenceComponent::on_instance_type`](super::InferenceComponent::on_instance_type).
///
/// ```
/// use stackwright_stacks::endpoint::ForInstanceType;
///
/// ForInstanceType::new("ml.g6e.12xlarge").accelerators(1).memory_mb(32_768);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ForInstanceType {
    pub(super) instance_type: Value<String>,
    pub(super) container: Option<Container>,
    accelerators: Option<Value<f64>>,
    cpu_cores: Option<Value<f64>>,
    memory_mb: Option<Value<i64>>,
}

impl ForInstanceType {
    /// Creates the settings for an instance type, such as `ml.g6e.12xlarge`, which has to be one of the endpoint's instance
    /// pools. Without further calls, they are those of the component.
    #[track_caller]
    pub fn new(instance_type: impl IntoValue<String>) -> Self {
        Self {
            instance_type: crate::instance_type::checked(instance_type),
            container: None,
            accelerators: None,
            cpu_cores: None,
            memory_mb: None,
        }
    }

    /// Sets the container (`Container`). The default is that of the component.
    pub fn container(mut self, container: impl Into<Container>) -> Self {
        self.container = Some(container.into());
        self
    }

    /// Sets the number of accelerators of each copy (`NumberOfAcceleratorDevicesRequired`). The default is that of the
    /// component.
    #[track_caller]
    pub fn accelerators(mut self, number: impl IntoValue<f64>) -> Self {
        self.accelerators = Some(number.into().with_caller_location());
        self
    }

    /// Sets the number of CPU cores of each copy, at least 0.25 (`NumberOfCpuCoresRequired`). The default is that of
    /// the component.
    #[track_caller]
    pub fn cpu_cores(mut self, number: impl IntoValue<f64>) -> Self {
        self.cpu_cores = Some(number.into().with_caller_location());
        self
    }

    /// Sets the minimum host memory of each copy, in MB (`MinMemoryRequiredInMb`). The default is that of the
    /// component.
    #[track_caller]
    pub fn memory_mb(mut self, size: impl IntoValue<i64>) -> Self {
        self.memory_mb = Some(size.into().with_caller_location());
        self
    }

    /// Returns the component's requirements, overridden by the settings for the instance type.
    pub(super) fn requirements(
        &self,
        mut requirements: InferenceComponentComputeResourceRequirements,
    ) -> InferenceComponentComputeResourceRequirements {
        if let Some(number) = &self.accelerators {
            requirements = requirements.number_of_accelerator_devices_required(number);
        }
        if let Some(number) = &self.cpu_cores {
            requirements = requirements.number_of_cpu_cores_required(number);
        }
        if let Some(size) = &self.memory_mb {
            requirements = requirements.min_memory_required_in_mb(size);
        }
        requirements
    }
}
