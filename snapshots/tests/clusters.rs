//! Networks, HyperPod clusters and GPU fleets: what other programs say of their templates (the project's own check, cfn-lint,
//! botocore's shapes of the requests, moto), what is refused at the user's line, and what an edit changes.
#![allow(clippy::unwrap_used)]

use serde_json::Value as Json;
use stackwright::prelude::*;
use stackwright::stacks::cluster::{HyperPodCluster, ServiceNodes, WorkerGroup};
use stackwright::stacks::network::{Endpoint, Network, NetworkHandle};

/// Judges an app by every program, and holds that the judges looked at what is named.
fn judged(app: &App, looked_at: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let assembly = folder.path().join("out");
    stackwright::testing::synth(app).write(&assembly).unwrap();
    let said = snapshots::judged_by("clusters.py", &assembly);
    for looked in looked_at {
        assert!(said.contains(looked), "no `{looked}` in\n{said}");
    }
}

#[test]
fn the_examples_are_what_others_take() {
    judged(
        &hyperpod_slurm::app(),
        &["templates: 2", "CreateCluster: 1", "instance groups: 4", "CreateFileSystem: 1"],
    );
    judged(
        &hyperpod_eks::app(),
        &["templates: 2", "CreateCluster: 2", "instance groups: 4", "CreateAddon: 3"],
    );
    judged(&gpu_fleet::app(), &["templates: 1", "CreateAutoScalingGroup: 2", "EFA interfaces: 32"]);
}

fn network(stack: &Stack) -> NetworkHandle {
    stack.add("Network", Network::isolated("10.0.0.0/16", 1).efa().endpoints(Endpoint::HYPERPOD_SLURM))
}

/// The properties of each resource of an app's only stack, by logical ID.
fn resources(app: &App) -> Json {
    let assembly = app.synth().unwrap();
    let template: Json = serde_json::from_str(assembly.stacks[0].template.json()).unwrap();
    template["Resources"].clone()
}

#[test]
fn the_order_of_groups_changes_nothing() {
    let app = |reversed: bool| {
        let app = App::new("cluster");
        let stack = app.stack("Main").region("us-east-1");
        let network = network(&stack);
        let cluster = HyperPodCluster::slurm(&network, ServiceNodes::new("controller", "ml.m5.4xlarge"));
        let one = WorkerGroup::new("a", "ml.g5.8xlarge", 1);
        let other = WorkerGroup::new("b", "ml.g5.8xlarge", 1);
        let cluster =
            if reversed { cluster.workers(other).workers(one) } else { cluster.workers(one).workers(other) };
        stack.add("Cluster", cluster);
        resources(&app)
    };
    assert_eq!(app(false), app(true));
}

#[test]
fn a_network_is_closed() {
    let app = App::new("network");
    app.stack("Main").region("us-east-1").add("Network", Network::isolated("10.0.0.0/16", 2).lustre());
    let resources = resources(&app);
    for (name, resource) in resources.as_object().unwrap() {
        assert_ne!(resource["Type"], "AWS::EC2::InternetGateway", "{name}");
        assert_ne!(resource["Type"], "AWS::EC2::Route", "{name}");
    }
    let group = &resources["NetworkInstances"]["Properties"];
    assert!(group["SecurityGroupIngress"].is_null());
    assert_eq!(group["SecurityGroupEgress"].as_array().unwrap().len(), 1);
    assert_eq!(resources["NetworkLustre1In"]["Properties"]["FromPort"], 988);
}
