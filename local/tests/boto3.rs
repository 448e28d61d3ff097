//! Clients of CloudFormation drive the endpoint: boto3, the AWS CLI, the CDK CLI, SAM CLI, sceptre, formica and Ansible.
//! `cargo xtask tools` installs them; a scenario whose client is missing is skipped with a message.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use stackwright_local::{Local, Options};

/// Runs a script of scenarios against a separate endpoint.
#[expect(clippy::print_stderr, reason = "the message of a test")]
async fn run(script: &'static str) {
    let local = Local::start(Options::new().assumes_signals(false)).await.unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../.tools/python/bin/python");
    if !python.exists() {
        eprintln!("skipped: the Python tools are not installed; run `cargo xtask tools`");
        return;
    }
    let aws = here.join("../.tools/aws/bin/aws");
    let clients = here.join("../.tools/clients");
    let cdk = here.join("../.tools/node/node_modules/aws-cdk/bin/cdk");
    let url = local.url();
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(python);
        command.arg(here.join("tests").join(script)).arg(url);
        if aws.exists() {
            command.env("AWS_CLI", aws);
        }
        if clients.join("bin/sam").exists() {
            command.env("CLIENTS", clients);
        }
        if cdk.exists() {
            command.env("CDK_CLI", cdk);
        }
        command.output().unwrap()
    });
    let output = output.await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("checks: "), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stacks_live_from_their_creation_to_their_deletion() {
    run("life_cycles.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stack_sets_deploy_to_several_accounts_and_regions() {
    run("stack_sets.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stack_refactors_move_resources() {
    run("refactors.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_keep_their_content() {
    run("s3.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_plane_is_as_clients_expect_it() {
    run("control_plane.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_as_cloudformation_documents_it() {
    run("operations.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_clients_deploy_change_fail_and_delete() {
    run("clients.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cdk_cli_deploys_a_default_application() {
    run("cdk.py").await;
}
