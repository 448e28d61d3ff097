//! The examples, for the tests that look at all of them (a new example is a line here), and what several tests need.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stackwright::App;

/// The snippets of `docs/clusters.md` compile as shown.
#[cfg(doctest)]
#[doc = include_str!("../docs/clusters.md")]
pub struct ClustersPage;

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

/// What is wrong with an app, as a user sees it.
pub fn findings(app: &App) -> String {
    match app.synth() {
        Err(errors) => errors.to_string(),
        Ok(assembly) => {
            let report = stackwright::review::check::check(&assembly, &Default::default());
            stackwright::review::report::text(&report, |_| None, false)
        }
    }
}

/// Holds that a rule finds something wrong in an app, at the line of the call.
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

/// A program that `cargo xtask tools` installs, by its path there.
pub fn tool(path: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools").join(path);
    assert!(tool.exists(), "{path} is not installed: run `cargo xtask tools`");
    tool
}

/// What a command says, if it succeeds.
pub fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?}: {error}"),
    };
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{text}");
    text
}

/// What a judge in Python, a file of `tests/`, says of an assembly, if it has nothing against it.
pub fn judged_by(judge: &str, assembly: &Path) -> String {
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(judge);
    run(Command::new(tool("python/bin/python")).arg(judge).arg(assembly))
}

/// The snippets of `docs/serving.md`, which have to compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/serving.md")]
pub mod serving_page {}

/// The snippets of `docs/training.md`, which have to compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/training.md")]
pub mod training_page {}
