//! `local`: a CloudFormation endpoint on this machine, for any client.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use stackwright_local::{Local, Options};

use crate::deployment::{block_on, key_file, read_faults, stop_signal};
use crate::failure::Failure;

/// Serve a CloudFormation endpoint on this machine, which any client can deploy to. Nothing is created in AWS.
///
/// The endpoint accepts requests from the AWS CLI, the CDK CLI, SDKs and `deploy`; the command prints the environment
/// variables that clients need. It stores stacks, resources and S3 objects as records, validates requests and templates as
/// CloudFormation does, and simulates the failures of `--faults`. The command runs until Ctrl-C or SIGTERM.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 a signal ended the command, 1 failure, 2 usage error.")]
pub(crate) struct Arguments {
    /// Listen on this port of 127.0.0.1; 0 selects a free port, which the command prints
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// Store the state in this directory, and continue with the state that it contains. Default: the state is lost when the
    /// command ends
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Set the account ID of all stacks and resources
    #[arg(long, default_value = "000000000000")]
    account: String,
    /// Set the time in milliseconds that the creation, update or deletion of each resource takes
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    resource_time: u64,
    /// Simulate failures, and set the results of custom resources, from a JSON file; docs/deploying.md describes its format.
    /// Default: nothing fails, and attributes of custom resources are placeholders. Example: `{"resources": [{"resource":
    /// "Endpoint", "on": "create", "reason": "no capacity"}], "requests": [{"action": "DescribeStacks", "kind": "throttle",
    /// "times": 3}], "hooks": [{"hook": "Company::Guard::Endpoints", "resource": "*", "target": "change-set", "mode": "WARN",
    /// "reason": "not encrypted"}], "custom_resources": [{"resource": "Lookup", "attributes": {"Name": "value"}}]}`
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut options = Options::new()
        .port(arguments.port)
        .account(&arguments.account)
        .resource_time(Duration::from_millis(arguments.resource_time))
        // A client of the endpoint can send signals.
        .assumes_signals(false);
    if let Some(directory) = &arguments.state {
        options = options.directory(directory);
    }
    if let Some(file) = key_file() {
        options = options.key_file(file);
    }
    if let Some(path) = &arguments.faults {
        options = options.faults(read_faults(path)?);
    }
    block_on(async {
        let local = Local::start(options).await.map_err(|error| not_started(arguments.port, &error))?;
        anstream::println!("local mode serves CloudFormation on {} (nothing is created in AWS)", local.url());
        anstream::println!(
            "export AWS_ENDPOINT_URL={} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1",
            local.url()
        );
        stop_signal().await?;
        for assumption in local.assumptions() {
            anstream::eprintln!("local mode assumed: {assumption}");
        }
        match &arguments.state {
            Some(directory) => anstream::eprintln!("stopped; the state is kept in {}", directory.display()),
            None => anstream::eprintln!("stopped; the state was not kept (`--state DIR` keeps it)"),
        }
        Ok(())
    })
}

fn not_started(port: u16, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(format!("the port {port} is in use"))
            .hint("choose another one with `--port`, or `--port 0` for a free one"),
        _ => Failure::new(format!("the endpoint cannot start: {error}")),
    }
}
