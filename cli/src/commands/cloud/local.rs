//! `local`: a CloudFormation on a port, for any client.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use stackwright_local::{Local, Options};

use crate::deployment::{block_on, read_faults};
use crate::failure::Failure;

/// Serve a CloudFormation on loopback, for any client to rehearse with. Nothing is made in AWS.
///
/// It takes what the AWS CLI, the CDK CLI, SDKs and `deploy` send, keeps stacks and resources as records, and lets fail
/// what a file of faults names.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The port
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// Where what was deployed is kept; forgotten at the end unless named
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The account that everything belongs to
    #[arg(long, default_value = "000000000000")]
    account: String,
    /// How long it takes to make, change or delete a resource
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    resource_time: u64,
    /// What goes wrong, as JSON: `{"resources": [{"resource": "Endpoint", "on": "create", "reason": "no capacity"}],
    /// "requests": [{"action": "DescribeStacks", "kind": "throttle", "times": 3}], "hooks": [{"hook": "Company::Guard::Endpoints",
    /// "resource": "*", "target": "change-set", "mode": "WARN", "reason": "not encrypted"}]}`
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut options = Options::default();
    options.port = arguments.port;
    options.folder.clone_from(&arguments.state);
    options.account.clone_from(&arguments.account);
    options.resource_time = Duration::from_millis(arguments.resource_time);
    if let Some(path) = &arguments.faults {
        options.faults = read_faults(path)?;
    }
    block_on(async {
        let local = Local::start(options)
            .await
            .map_err(|error| Failure::new(format!("cannot serve on port {}: {error}", arguments.port)))?;
        anstream::println!("serving on {}, to rehearse with: nothing is made in AWS", local.url());
        anstream::println!(
            "export AWS_ENDPOINT_URL={} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1",
            local.url()
        );
        tokio::signal::ctrl_c().await?;
        Ok(())
    })
}
