//! A HyperPod cluster with Slurm: two groups of p5 instances (one of them with the capacity of a training plan in its
//! own Availability Zone), FSx for Lustre, and a login node. No part of it can be reached from the internet.

use std::time::Duration;

use stackwright::prelude::*;
use stackwright::stacks::cluster::{
    ClusterMonitoring, DeepHealthCheck, HyperPodCluster, LifecycleScripts, LustreFileSystem,
    LustreThroughput, NodeShare, RollingBatches, ServiceNodes, SharedUser, WorkerGroup,
};
use stackwright::stacks::network::{InterfaceEndpoint, Network};

/// The training plan that provides the capacity of the second group.
const PLAN: &str = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/pretraining";

/// Returns the app with the stacks of the project.
pub fn app() -> App {
    let app = App::new("hyperpod-slurm");
    let network_stack =
        app.stack("Network").region("us-east-1").description("Private subnets for the cluster");
    let network = network_stack.add(
        "Network",
        Network::isolated("10.0.0.0/16", 2)
            .zone_ids(["use1-az4", "use1-az6"])
            .efa()
            .endpoints(InterfaceEndpoint::HYPERPOD_SLURM),
    );

    let stack = app
        .stack("Cluster")
        .region("us-east-1")
        .description("HyperPod with Slurm: two groups of ml.p5.48xlarge, FSx for Lustre, a login node");
    let runs = stack.add("Runs", PrivateBucket::new());
    let alarms = stack.add("Alarms", AlarmTopic::new().allow_service("events").email("ml-ops@example.com"));
    let main_zone = network.in_subnet(0);
    let shared = stack.add("Shared", LustreFileSystem::new(&main_zone, 9_600, LustreThroughput::Mb250).efa());

    let health = [DeepHealthCheck::InstanceStress, DeepHealthCheck::InstanceConnectivity];
    let batches = RollingBatches::new(NodeShare::percent(25)).wait(Duration::from_mins(10));
    let cluster = stack.add(
        "Training",
        HyperPodCluster::slurm(&main_zone, ServiceNodes::new("controller", "ml.m5.4xlarge").volume_gb(500))
            .login(ServiceNodes::new("login", "ml.m5.2xlarge").volume_gb(500))
            .workers(
                WorkerGroup::new("p5", "ml.p5.48xlarge", 8)
                    .partition("research")
                    .volume_gb(500)
                    .threads_per_core(2)
                    .deep_health_checks(health)
                    .update_at("cron(0 3 ? * SUN *)", batches),
            )
            .workers(
                WorkerGroup::planned("p5-planned", "ml.p5.48xlarge", 16, PLAN)
                    .partition("pretraining")
                    .volume_gb(500)
                    .threads_per_core(2)
                    .capacity_zone_id("use1-az6")
                    .network(&network.in_subnet(1))
                    .deep_health_checks(health),
            )
            .mount(shared.mount())
            .monitor(ClusterMonitoring::new(&alarms))
            .scripts(
                LifecycleScripts::new()
                    .users([
                        SharedUser::new("ada", 2001, "/fsx/ada"),
                        SharedUser::new("grace", 2002, "/fsx/grace"),
                    ])
                    .docker_on_local_disk()
                    .check_efa()
                    .cloudwatch_agent(),
            )
            .allow(Statement::allow(["s3:GetObject", "s3:PutObject"]).on(sub!("{}/*", runs.arn())))
            .tag("team", "research"),
    );

    stack.add("ClusterArn", Output::new(cluster.arn()));
    stack.add(
        "LogGroups",
        Output::new(cluster.log_group_prefix()).description("The prefix of the log groups of the nodes"),
    );
    app
}
