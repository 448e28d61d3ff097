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
pub enum Service {
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
    pub fn is_for(&self, service: Service) -> bool {
        match service {
            Service::Training => self.training,
            Service::Hosting => self.hosting,
            Service::Transform => self.transform,
            Service::Processing => self.processing,
            Service::Cluster => self.cluster,
            Service::TrainingPlan => self.training_plan,
            Service::Optimization => self.optimization,
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
    /// Whether the accelerators are connected with each other: `yes`, `no`, or the name of the interconnect.
    pub nvlink: Option<String>,
    /// The peak performance of one accelerator with dense bf16 matrices, in TFLOPS.
    pub peak_bf16_dense_tflops_per_gpu: Option<f64>,
    /// The peak performance of one accelerator with dense fp16 matrices, in TFLOPS.
    pub peak_fp16_dense_tflops_per_gpu: Option<f64>,
    /// The CUDA compute capability, such as 8.0; `None` for accelerators without CUDA.
    pub cuda_compute_capability: Option<f64>,
    /// The memory of one accelerator in GiB, if the value that EC2 reports is known to be wrong.
    pub accelerator_memory_gib_override: Option<f64>,
    /// Whether GPU multi-model endpoints support the type (`True`, `False`); `None` is unknown.
    pub mme_gpu: Option<String>,
    /// Whether SageMaker's distributed data parallel library (SMDDP) supports the type (`True`, `False`); `None` is unknown.
    pub smddp: Option<String>,
    /// Whether SageMaker model parallel version 2 supports the type (`True`, `False`); `None` is unknown.
    pub smp_v2: Option<String>,
    /// Whether SageMaker model parallel version 1 supports the type (`True`, `False`); `None` is unknown.
    pub smp_v1: Option<String>,
    /// A restriction or a correction of the numbers, which is shown with them.
    pub note: Option<String>,
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

/// Returns the environment variables that a training job must set for Elastic Fabric Adapter (EFA) on an instance
/// type. They are needed for types with EFA that the training toolkit in AWS's containers does not recognize; for
/// other types the list is empty.
pub fn efa_environment(name: &str) -> &'static [(&'static str, &'static str)] {
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
        &[("FI_PROVIDER", "efa"), ("FI_EFA_USE_DEVICE_RDMA", "1"), ("RDMAV_FORK_SAFE", "1")]
    } else {
        &[("FI_PROVIDER", "efa"), ("RDMAV_FORK_SAFE", "1")]
    }
}

/// Returns the instance types that a service offers in a region, by the service's name in the data (`hosting`,
/// `processing`, `transform`, `cluster`, `ec2`); `None` if that is not known.
pub fn in_region(service: &str, region: &str) -> Option<&'static [String]> {
    regions_of(service)?.get(region).map(Vec::as_slice)
}

/// Returns the instance types that a service offers in any region; `None` for an unknown service.
pub fn anywhere(service: &str) -> Option<&'static BTreeSet<&'static str>> {
    let offers = offers(service)?;
    Some(offers.anywhere.get_or_init(|| {
        let regions = offers.regions().values();
        regions.flatten().map(String::as_str).collect()
    }))
}

/// Returns the instance types of a service by region.
fn regions_of(service: &str) -> Option<&'static BTreeMap<String, Vec<String>>> {
    Some(offers(service)?.regions())
}

/// The instance types of a service. A table is parsed at its first use.
struct Offers {
    service: &'static str,
    text: &'static str,
    by_region: OnceLock<BTreeMap<String, Vec<String>>>,
    /// Collecting the types of all regions takes longer than the check of a template.
    anywhere: OnceLock<BTreeSet<&'static str>>,
}

impl Offers {
    const fn new(service: &'static str, text: &'static str) -> Self {
        Self { service, text, by_region: OnceLock::new(), anywhere: OnceLock::new() }
    }

    fn regions(&self) -> &BTreeMap<String, Vec<String>> {
        self.by_region.get_or_init(|| embedded(self.text))
    }
}

fn offers(service: &str) -> Option<&'static Offers> {
    static ALL: [Offers; 5] = [
        Offers::new("cluster", include_str!("../data/instance-types/cluster.json")),
        Offers::new("ec2", include_str!("../data/instance-types/ec2.json")),
        Offers::new("hosting", include_str!("../data/instance-types/hosting.json")),
        Offers::new("processing", include_str!("../data/instance-types/processing.json")),
        Offers::new("transform", include_str!("../data/instance-types/transform.json")),
    ];
    ALL.iter().find(|offers| offers.service == service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p4d_is_what_it_is() {
        let p4d = instance("ml.p4d.24xlarge").unwrap();
        assert_eq!((p4d.accelerator.as_deref(), p4d.accelerator_count), (Some("A100"), Some(8)));
        assert_eq!((p4d.accelerator_memory_mib, p4d.efa_interfaces), (Some(40_960), Some(4)));
        assert!(p4d.is_for(Service::Training) && !p4d.is_for(Service::Transform));
        assert_eq!(p4d.accelerators().unwrap().nvlink.as_deref(), Some("yes"));
    }

    #[test]
    fn unknown_stays_unknown() {
        // No EC2 catalogue at hand describes this one.
        let gb200 = instance("ml.p6e-gb200.36xlarge").unwrap();
        assert_eq!((gb200.vcpu, gb200.accelerator_count, gb200.efa_interfaces), (None, None, None));
        assert_eq!(instance("ml.c5.xlarge").unwrap().accelerator_count, Some(0));
        assert_eq!(in_region("hosting", "mars-north-1"), None);
        assert!(in_region("hosting", "us-east-1").unwrap().contains(&"ml.g5.2xlarge".to_owned()));
        assert!(anywhere("ec2").unwrap().contains("m5.large") && anywhere("no-service").is_none());
    }

    #[test]
    fn facts_kept_by_hand_name_types_that_exist() {
        assert_eq!(efa_environment("ml.p5en.48xlarge").len(), 3);
        assert_eq!(efa_environment("ml.g6e.48xlarge").first(), Some(&("FI_PROVIDER", "efa")));
        assert!(efa_environment("ml.p4d.24xlarge").is_empty() && efa_environment("ml.g5.2xlarge").is_empty());
        for name in accelerators().keys() {
            assert!(instance(name).is_some() || name.contains("gr6") || name.contains("trn2.3"), "{name}");
        }
    }
}
