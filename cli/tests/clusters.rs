//! The examples of clusters and fleets are deployed in local mode, again without a change, and deleted.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use stackwright::App;

/// Runs the binary on an assembly, and returns its output.
fn run(directory: &std::path::Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command.env("NO_COLOR", "1").current_dir(directory).args(["--app", "out"]).args(arguments);
    let output = command.output().unwrap();
    let reported =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {reported}");
    reported
}

fn is_deployed(app: &App, stacks: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    stackwright::testing::synth(app).write(&directory.path().join("out")).unwrap();
    let reported = run(directory.path(), &["deploy", "--local", "--yes"]);
    for stack in stacks {
        assert!(reported.contains(&format!("{stack}: deployed")), "{stack} in {reported}");
    }
    let again = run(directory.path(), &["deploy", "--local", "--yes"]);
    assert_eq!(again.matches("nothing changed").count(), stacks.len(), "{again}");
}

#[test]
fn a_slurm_cluster_is_deployed_in_local_mode() {
    is_deployed(&hyperpod_slurm::app(), &["hyperpod-slurm-Network", "hyperpod-slurm-Cluster"]);
}

#[test]
fn an_eks_cluster_is_deployed_in_local_mode() {
    is_deployed(&hyperpod_eks::app(), &["hyperpod-eks-Kubernetes", "hyperpod-eks-Cluster"]);
}

#[test]
fn fleets_are_deployed_in_local_mode() {
    is_deployed(&gpu_fleet::app(), &["gpu-fleet-Fleets"]);
}
