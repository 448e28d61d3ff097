//! A HyperPod cluster with Amazon EKS: p5 instances for two teams, spot instances, and a group that Karpenter scales.
//!
//! `Kubernetes` is deployed first. Then HyperPod's Helm chart is installed in it, and then `Cluster` is deployed
//! (`docs/clusters.md` shows the steps).

use stackwright::prelude::*;
use stackwright::stacks::cluster::{
    ClusterMonitoring, ClusterPolicy, ComputeAllocation, DeepHealthCheck, EksCluster, HyperPodAddons,
    HyperPodCluster, KarpenterGroup, KubernetesVersion, NodeGroup, Observability, TaintEffect,
    TaskGovernance,
};
use stackwright::stacks::network::{InterfaceEndpoint, Network};

/// Returns the app with the stacks of the project.
pub fn app() -> App {
    let app = App::new("hyperpod-eks");
    let kubernetes = app
        .stack("Kubernetes")
        .region("us-east-1")
        .description("A network, and an EKS cluster that meets the requirements of HyperPod");
    let network = kubernetes.add(
        "Network",
        Network::isolated("10.0.0.0/16", 2)
            .zone_ids(["use1-az4", "use1-az6"])
            .efa()
            .endpoints(InterfaceEndpoint::HYPERPOD_EKS),
    );
    let eks = kubernetes.add("Eks", EksCluster::new(&network, KubernetesVersion::V1_34));

    let stack = app.stack("Cluster").region("us-east-1").description("HyperPod with EKS, for two teams");
    let alarms = stack.add("Alarms", AlarmTopic::new().allow_service("events").email("ml-ops@example.com"));
    let cluster = stack.add(
        "Training",
        HyperPodCluster::eks_continuous(&eks, &network.in_subnet(0))
            .group(NodeGroup::new("system", "ml.m5.2xlarge", 2).volume_gb(200))
            .group(
                NodeGroup::new("p5", "ml.p5.48xlarge", 4)
                    .minimum_count(2)
                    .volume_gb(500)
                    .threads_per_core(2)
                    .label("workload", "training")
                    .deep_health_checks([DeepHealthCheck::InstanceStress]),
            )
            .group(
                NodeGroup::spot("spot", "ml.g5.12xlarge", 2)
                    .or_types(["ml.g6.12xlarge"])
                    .volume_gb(200)
                    .taint("spot", "true", TaintEffect::NoSchedule),
            )
            .karpenter(KarpenterGroup::new("burst", "ml.g5.8xlarge").volume_gb(200))
            .tiered_storage(20)
            .monitor(ClusterMonitoring::new(&alarms))
            // HyperPod's training operator works only on clusters with this tag.
            .tag("SageMaker", "true"),
    );
    stack.add(
        "Addons",
        HyperPodAddons::new(&cluster)
            .training_operator()
            .observability(Observability::new())
            .container_insights(&alarms)
            .fsx_csi_driver(),
    );

    let policy = ClusterPolicy::new().priority_class("production", 90).priority_class("research", 50);
    stack.add(
        "Governance",
        TaskGovernance::new(&cluster, policy)
            .team(ComputeAllocation::new("vision").instances("ml.p5.48xlarge", 2).weight(60))
            .team(
                ComputeAllocation::new("speech")
                    .accelerators("ml.p5.48xlarge", 16)
                    .lend_and_borrow(100)
                    .weight(40),
            ),
    );

    stack.add("ClusterArn", Output::new(cluster.arn()));
    app
}
