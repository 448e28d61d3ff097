//! A HyperPod cluster with Slurm: GPU workers, a login node, and FSx for Lustre, in a network that cannot be reached from the
//! internet.

use stackwright::prelude::*;
use stackwright::stacks::cluster::{LustreThroughput, ServiceNodes, WorkerGroup};

/// The stacks of this project.
pub fn app() -> App {
    let app = App::new("{{name}}");
    let network_stack = app.stack("Network").region("us-east-1").description("Private subnets for the cluster");
    let network = network_stack.add(
        "Network",
        Network::isolated("10.0.0.0/16", 1)
            // The Availability Zone in which the account has capacity.
            .zone_ids(["use1-az6"])
            .efa()
            .endpoints(InterfaceEndpoint::HYPERPOD_SLURM),
    );
    let zone = network.in_subnet(0);

    let stack = app
        .stack("Cluster")
        .region("us-east-1")
        .description("HyperPod with Slurm: ml.p5.48xlarge workers, FSx for Lustre, a login node");
    let runs = stack.add("Runs", PrivateBucket::new());
    let shared = stack.add("Shared", LustreFileSystem::new(&zone, 1_200, LustreThroughput::Mb250));
    let cluster = stack.add(
        "Training",
        HyperPodCluster::slurm(&zone, ServiceNodes::new("controller", "ml.m5.2xlarge"))
            .login(ServiceNodes::new("login", "ml.m5.xlarge"))
            // `stackwright estimate quotas` lists the service quotas that the instances need.
            .workers(WorkerGroup::new("workers", "ml.p5.48xlarge", 2).partition("training"))
            .mount(shared.mount())
            .scripts(LifecycleScripts::new().check_efa())
            .allow(Statement::allow(["s3:GetObject", "s3:PutObject"]).on(sub!("{}/*", runs.arn()))),
    );

    stack.add("ClusterArn", Output::new(cluster.arn()).description("Connect with Session Manager by this ARN"));
    stack.output("RunsBucket", runs.reference());
    app
}
