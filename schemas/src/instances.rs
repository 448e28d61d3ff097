//! ML instance types: their hardware, and the SageMaker services that offer them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// The facts about an instance type with the prefix `ml.`. `None` means unknown, never zero.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct Instance {
    /// The name, such as `ml.p4d.24xlarge`.
    pub instance_type: String,
    /// The number of vCPUs; `None` is unknown.
    pub vcpu: Option<u32>,
    /// The memory of the host in MiB; `None` is unknown.
    pub memory_mib: Option<u64>,
    /// The name of the accelerator, such as `A100`; `None` if the type has none, or if it is unknown.
    pub accelerator: Option<String>,
    /// The number of accelerators; 0 for a type without accelerators.
    pub accelerator_count: Option<u32>,
    /// The memory of one accelerator in MiB, as EC2 reports it; `None` is unknown, or the type has no accelerators.
    pub accelerator_memory_mib: Option<u64>,
    /// The number of Elastic Fabric Adapter (EFA) interfaces; 0 if the type has none.
    pub efa_interfaces: Option<u32>,
    /// The network performance, as EC2 describes it: `400 Gigabit`, `Up to 10 Gigabit`; `None` is unknown.
    pub network_performance: Option<String>,
    /// The size of the local NVMe storage in GB; `None` is unknown.
    pub local_nvme_gb: Option<u64>,
    training: bool,
    hosting: bool,
    transform: bool,
    processing: bool,
    cluster: bool,
    training_plan: bool,
    optimization: bool,
}

/// A use of instances in SageMaker. Each one has its own list of instance types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstanceUse {
    /// Training jobs.
    Training,
    /// Endpoints.
    Hosting,
    /// Batch transform jobs.
    Transform,
    /// Processing jobs.
    Processing,
    /// HyperPod clusters.
    Cluster,
    /// Capacity that a training plan reserves.
    TrainingPlan,
    /// The deployment target of an inference optimization job.
    Optimization,
}

impl Instance {
    /// Returns whether SageMaker's API lists the type for a use.
    pub fn is_for(&self, usage: InstanceUse) -> bool {
        match usage {
            InstanceUse::Training => self.training,
            InstanceUse::Hosting => self.hosting,
            InstanceUse::Transform => self.transform,
            InstanceUse::Processing => self.processing,
            InstanceUse::Cluster => self.cluster,
            InstanceUse::TrainingPlan => self.training_plan,
            InstanceUse::Optimization => self.optimization,
        }
    }

    /// Returns facts about the type's accelerators that no API reports; `None` if there are none.
    pub fn accelerators(&self) -> Option<&'static Accelerators> {
        accelerators().get(&self.instance_type)
    }
}

/// Facts about a type with accelerators that no API reports.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct Accelerators {
    instance_type: String,
    /// The connection of the accelerators of an instance with each other; `None` is unknown.
    #[serde(rename = "nvlink")]
    pub interconnect: Option<Interconnect>,
    /// The peak performance of one accelerator with dense bf16 matrices, in TFLOPS.
    pub peak_bf16_dense_tflops_per_gpu: Option<f64>,
    /// The peak performance of one accelerator with dense fp16 matrices, in TFLOPS.
    pub peak_fp16_dense_tflops_per_gpu: Option<f64>,
    /// The CUDA compute capability, such as 8.0; `None` for accelerators without CUDA.
    pub cuda_compute_capability: Option<f64>,
    /// The memory of one accelerator in GiB, if the value that EC2 reports is known to be wrong.
    pub accelerator_memory_gib_override: Option<f64>,
    /// Whether GPU multi-model endpoints support the type; `None` is unknown.
    #[serde(deserialize_with = "python_bool")]
    pub mme_gpu: Option<bool>,
    /// The support of SageMaker's distributed data parallel library (SMDDP) for the type; `None` is unknown.
    pub smddp: Option<SmddpSupport>,
    /// Whether SageMaker model parallel version 2 supports the type; `None` is unknown.
    #[serde(deserialize_with = "python_bool")]
    pub smp_v2: Option<bool>,
    /// Whether SageMaker model parallel version 1 supports the type; `None` is unknown.
    #[serde(deserialize_with = "python_bool")]
    pub smp_v1: Option<bool>,
    /// A restriction or a correction of the numbers, which is shown with them.
    pub note: Option<String>,
}

/// The connection of the accelerators of an instance with each other.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interconnect {
    /// The accelerators are connected only by the bus of the host, or there is only one.
    #[serde(rename = "no")]
    None,
    /// NVIDIA NVLink.
    #[serde(rename = "yes")]
    NvLink,
    /// NeuronLink, between accelerators of AWS.
    #[serde(rename = "neuronlink")]
    NeuronLink,
}

/// The support of SageMaker's distributed data parallel library (SMDDP) for an instance type.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub enum SmddpSupport {
    /// The library does not support the type.
    #[serde(rename = "no")]
    Unsupported,
    /// The library supports the type.
    #[serde(rename = "yes")]
    Supported,
    /// The library has only the operation AllReduce for the type, and is not developed further for it.
    #[serde(rename = "AllReduce only, frozen")]
    AllReduceOnly,
}

/// Reads `True` and `False`; an empty field is unknown.
fn python_bool<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "" => Ok(None),
        "True" => Ok(Some(true)),
        "False" => Ok(Some(false)),
        other => Err(serde::de::Error::custom(format!("`{other}` is neither `True` nor `False`"))),
    }
}

/// Returns the facts about a type such as `ml.g5.2xlarge`; `None` for an unknown type.
pub fn instance(name: &str) -> Option<&'static Instance> {
    instances().get(name)
}

/// Returns all instance types with the prefix `ml.`, by name.
pub fn instances() -> &'static BTreeMap<String, Instance> {
    static TABLE: OnceLock<BTreeMap<String, Instance>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let rows: Vec<Instance> = rows(include_str!("../data/instances.csv"));
        rows.into_iter().map(|row| (row.instance_type.clone(), row)).collect()
    })
}

fn accelerators() -> &'static BTreeMap<String, Accelerators> {
    static TABLE: OnceLock<BTreeMap<String, Accelerators>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let rows: Vec<Accelerators> = rows(include_str!("../facts/accelerators.csv"));
        rows.into_iter().map(|row| (row.instance_type.clone(), row)).collect()
    })
}

/// Reads an embedded table.
pub(crate) fn rows<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("a test reads every embedded table")
}

/// An environment variable with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvironmentVariable {
    /// The name of the variable.
    pub name: &'static str,
    /// The value of the variable.
    pub value: &'static str,
}

/// Returns the environment variables that a training job must set for Elastic Fabric Adapter (EFA) on an instance
/// type. They are needed for types with EFA that the training toolkit in AWS's containers does not recognize; for
/// other types the list is empty.
pub fn efa_environment(name: &str) -> &'static [EnvironmentVariable] {
    const PROVIDER: EnvironmentVariable = EnvironmentVariable { name: "FI_PROVIDER", value: "efa" };
    const DEVICE_RDMA: EnvironmentVariable =
        EnvironmentVariable { name: "FI_EFA_USE_DEVICE_RDMA", value: "1" };
    const FORK_SAFE: EnvironmentVariable = EnvironmentVariable { name: "RDMAV_FORK_SAFE", value: "1" };

    #[derive(Deserialize)]
    struct Document {
        efa_set: BTreeSet<String>,
        rdma_not_set: BTreeSet<String>,
    }
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| embedded(include_str!("../facts/training_toolkit.json")));
    let has_efa = instance(name).and_then(|known| known.efa_interfaces).is_some_and(|count| count > 0);
    if !has_efa || document.efa_set.contains(name) {
        &[]
    } else if document.rdma_not_set.contains(name) {
        &[PROVIDER, DEVICE_RDMA, FORK_SAFE]
    } else {
        &[PROVIDER, FORK_SAFE]
    }
}

/// A service, or a use of instances in SageMaker, for which the instance types of each region are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfferedFor {
    /// HyperPod clusters.
    Cluster,
    /// Amazon EC2.
    Ec2,
    /// Endpoints.
    Hosting,
    /// Processing jobs.
    Processing,
    /// Batch transform jobs.
    Transform,
}

impl OfferedFor {
    /// Returns the instance types that are offered in a region; `None` if that is not known.
    ///
    /// ```
    /// use stackwright_schemas::instances::OfferedFor;
    ///
    /// let types = OfferedFor::Hosting.in_region("us-east-1").unwrap();
    /// assert!(types.iter().any(|name| name == "ml.g5.2xlarge"));
    /// ```
    pub fn in_region(self, region: &str) -> Option<&'static [String]> {
        self.offers().regions().get(region).map(Vec::as_slice)
    }

    /// Returns the instance types that are offered in any region.
    pub fn anywhere(self) -> &'static BTreeSet<&'static str> {
        let offers = self.offers();
        offers.anywhere.get_or_init(|| {
            let regions = offers.regions().values();
            regions.flatten().map(String::as_str).collect()
        })
    }

    /// Returns the name of the use, such as `hosting`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Ec2 => "ec2",
            Self::Hosting => "hosting",
            Self::Processing => "processing",
            Self::Transform => "transform",
        }
    }

    fn offers(self) -> &'static Offers {
        static CLUSTER: Offers = Offers::new(include_str!("../data/instance-types/cluster.json"));
        static EC2: Offers = Offers::new(include_str!("../data/instance-types/ec2.json"));
        static HOSTING: Offers = Offers::new(include_str!("../data/instance-types/hosting.json"));
        static PROCESSING: Offers = Offers::new(include_str!("../data/instance-types/processing.json"));
        static TRANSFORM: Offers = Offers::new(include_str!("../data/instance-types/transform.json"));
        match self {
            Self::Cluster => &CLUSTER,
            Self::Ec2 => &EC2,
            Self::Hosting => &HOSTING,
            Self::Processing => &PROCESSING,
            Self::Transform => &TRANSFORM,
        }
    }
}

/// The instance types that are offered for one use. A table is parsed at its first use.
struct Offers {
    text: &'static str,
    by_region: OnceLock<BTreeMap<String, Vec<String>>>,
    /// Collecting the types of all regions takes longer than the check of a template.
    anywhere: OnceLock<BTreeSet<&'static str>>,
}

impl Offers {
    const fn new(text: &'static str) -> Self {
        Self { text, by_region: OnceLock::new(), anywhere: OnceLock::new() }
    }

    fn regions(&self) -> &BTreeMap<String, Vec<String>> {
        self.by_region.get_or_init(|| embedded(self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p4d_is_what_it_is() {
        let p4d = instance("ml.p4d.24xlarge").unwrap();
        assert_eq!((p4d.accelerator.as_deref(), p4d.accelerator_count), (Some("A100"), Some(8)));
        assert_eq!((p4d.accelerator_memory_mib, p4d.efa_interfaces), (Some(40_960), Some(4)));
        assert!(p4d.is_for(InstanceUse::Training) && !p4d.is_for(InstanceUse::Transform));
        assert_eq!(p4d.accelerators().unwrap().interconnect, Some(Interconnect::NvLink));
    }

    #[test]
    fn unknown_stays_unknown() {
        // No EC2 catalogue at hand describes this one.
        let gb200 = instance("ml.p6e-gb200.36xlarge").unwrap();
        assert_eq!((gb200.vcpu, gb200.accelerator_count, gb200.efa_interfaces), (None, None, None));
        assert_eq!(instance("ml.c5.xlarge").unwrap().accelerator_count, Some(0));
        assert_eq!(OfferedFor::Hosting.in_region("mars-north-1"), None);
        assert!(OfferedFor::Hosting.in_region("us-east-1").unwrap().contains(&"ml.g5.2xlarge".to_owned()));
        assert!(OfferedFor::Ec2.anywhere().contains("m5.large"));
    }

    #[test]
    fn facts_kept_by_hand_name_types_that_exist() {
        assert_eq!(efa_environment("ml.p5en.48xlarge").len(), 3);
        assert_eq!(
            efa_environment("ml.g6e.48xlarge").first(),
            Some(&EnvironmentVariable { name: "FI_PROVIDER", value: "efa" })
        );
        assert!(efa_environment("ml.p4d.24xlarge").is_empty() && efa_environment("ml.g5.2xlarge").is_empty());
        for name in accelerators().keys() {
            assert!(instance(name).is_some() || name.contains("gr6") || name.contains("trn2.3"), "{name}");
        }
    }
}
