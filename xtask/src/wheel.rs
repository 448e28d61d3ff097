//! The Python wheel with the binary: it is built, installed into a new environment, and used there.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tools::{self, run};
use crate::{Result, extras, root};

const TEMPLATE: &str =
    "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicNam: alarms\n";

/// The directory whose files maturin adds to the wheel: `data/` is installed below the prefix of the Python environment.
const DATA: &str = "stackwright.data";

/// Builds the wheel from the artifacts of the development profile, which CI has built already, checks a template with
/// the installed program, and tests the installed manual pages and completions.
///
/// `binary` is the program that writes these pages.
pub fn test(binary: &Path) -> Result<()> {
    let maturin = tools::install()?.join("python/bin/maturin");
    let data = root().join(DATA);
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    extras::write(binary, &data.join("data"))?;
    let directory = root().join("target/wheel-test");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    run(Command::new(maturin)
        .args(["build", "--quiet", "--profile", "dev", "--compatibility", "linux", "--out"])
        .arg(&directory)
        .envs(tools::build_settings())
        .current_dir(root()))?;
    let wheel = fs::read_dir(&directory)?
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or("maturin wrote no wheel")?;
    let environment = directory.join("environment");
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run(Command::new(environment.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "--no-index"])
        .arg(&wheel))?;
    let template = directory.join("template.yaml");
    fs::write(&template, TEMPLATE)?;
    let output = Command::new(environment.join("bin/stackwright")).arg("check").arg(&template).output()?;
    let report = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(1) && report.contains("TopicNam") {
        return extras::test(&environment);
    }
    Err(format!("`stackwright check` from the wheel did not find the error: {}\n{report}", output.status)
        .into())
}
