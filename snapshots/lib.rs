//! The list of examples and the helpers of the tests that run over all of them.

pub mod encrypted_clusters;
pub mod encrypted_endpoints;
pub mod encrypted_jobs;
pub mod needs;
pub mod template;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stackwright::App;

/// Every example by name.
pub fn examples() -> Vec<(&'static str, App)> {
    vec![
        ("arr-coc", arr_coc::app()),
        ("gpu-fleet", gpu_fleet::app()),
        ("hyperpod-eks", hyperpod_eks::app()),
        ("hyperpod-slurm", hyperpod_slurm::app()),
        ("llm", llm::app()),
        ("multi-model", multi_model::app()),
        ("smp-fsdp", smp_fsdp::app()),
        ("zero3", zero3::app()),
    ]
}

/// The partition of a region.
pub fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The ARN of a resource in a region.
pub fn arn(region: &str, service: &str, resource: &str) -> String {
    format!("arn:{}:{service}:{region}:123456789012:{resource}", partition(region))
}

/// The registry of an account in a region.
pub fn registry(region: &str) -> String {
    let suffix = if partition(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("123456789012.dkr.ecr.{region}.{suffix}")
}

/// Returns the report about an app as text, as a user sees it.
pub fn findings(app: &App) -> String {
    match app.synth() {
        Err(errors) => errors.to_string(),
        Ok(assembly) => {
            let report = stackwright::review::check::check(&assembly, &Default::default());
            stackwright::review::report::text(&report, |_| None, false)
        }
    }
}

/// Asserts that a rule finds an error in an app at the line of the call.
#[macro_export]
macro_rules! refused {
    ($rule:literal, $app:expr) => {{
        let file = std::path::Path::new(file!()).file_name().unwrap().display();
        let at = format!("{file}:{}:", line!());
        let found = $crate::findings(&$app);
        assert!(found.contains($rule), "no {} in\n{found}", $rule);
        assert!(found.contains(&at), "{} is not at {at} in\n{found}", $rule);
    }};
}

/// Ends a test with a message if one of the programs that it needs, and that `cargo xtask tools` installs, is missing.
#[macro_export]
macro_rules! needs {
    ($($program:literal),+) => {
        for program in [$($program),+] {
            if !$crate::is_installed(program) {
                return;
            }
        }
    };
}

fn path_of_tool(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools").join(path)
}

/// Returns whether a program is installed that `cargo xtask tools` installs. If it is missing, a message says that the test is
/// skipped.
#[expect(clippy::print_stderr, reason = "only tests call it")]
pub fn is_installed(path: &str) -> bool {
    let is_installed = path_of_tool(path).exists();
    if !is_installed {
        eprintln!("skipped: {path} is not installed; run `cargo xtask tools`");
    }
    is_installed
}

/// Returns the path of a program that `cargo xtask tools` installs. A test calls [`needs!`](crate::needs!) before.
pub fn tool(path: &str) -> PathBuf {
    let tool = path_of_tool(path);
    assert!(tool.exists(), "{path} is not installed: run `cargo xtask tools`");
    tool
}

/// Runs a command and returns its output. It panics if the command fails.
pub fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?}: {error}"),
    };
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{text}");
    text
}

/// Runs a Python file of `tests/` over an assembly and returns its output. It panics if the file finds an error.
pub fn judged_by(judge: &str, assembly: &Path) -> String {
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(judge);
    run(Command::new(tool("python/bin/python")).arg(judge).arg(assembly))
}

/// The Rust snippets of the README and of the book compile as they are shown.
#[cfg(doctest)]
mod snippets {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/clusters.md")]
    struct Clusters;
    #[doc = include_str!("../docs/deploying.md")]
    struct Deploying;
    #[doc = include_str!("../docs/estimating.md")]
    struct Estimating;
    #[doc = include_str!("../docs/reviewing.md")]
    struct Reviewing;
    #[doc = include_str!("../docs/serving.md")]
    struct Serving;
    #[doc = include_str!("../docs/training.md")]
    struct Training;
    #[doc = include_str!("../docs/first-stack.md")]
    struct FirstStack;
    #[doc = include_str!("../docs/tutorial.md")]
    struct Tutorial;
    #[doc = include_str!("../docs/how-to/own-role.md")]
    struct OwnRole;
    #[doc = include_str!("../docs/how-to/vpc-only.md")]
    struct VpcOnly;
    #[doc = include_str!("../docs/how-to/accounts.md")]
    struct Accounts;
    #[doc = include_str!("../docs/how-to/adopt.md")]
    struct Adopt;
    #[doc = include_str!("../docs/how-to/from-cdk.md")]
    struct FromCdk;
    #[doc = include_str!("../docs/how-to/from-sagemaker-sdk.md")]
    struct FromSageMakerSdk;
}
