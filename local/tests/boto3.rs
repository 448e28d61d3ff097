//! AWS's own client for Python drives the endpoint.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use stackwright_local::{Local, Options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boto3_drives_change_sets_from_their_making_to_the_end() {
    let local = Local::start(Options::default()).await.unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../.tools/python/bin/python");
    assert!(python.exists(), "Python's tools are not installed: run `cargo xtask tools`");
    let url = local.url();
    let output = tokio::task::spawn_blocking(move || {
        Command::new(python).arg(here.join("tests/life_cycles.py")).arg(url).output().unwrap()
    });
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("checks: "), "{said}");
}
