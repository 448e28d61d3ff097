//! A dry run of the release workflow: its steps run in a clone, in their order, except those that publish something or that
//! only GitHub can run. These are listed with the reason.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value as Json;
use stackwright_synth::Template;

use crate::tools::run;
use crate::{Result, root};

const WORKFLOW: &str = ".github/workflows/release.yml";

/// The steps that are not run, by their names or actions, and why.
const NOT_RUN: [(&str, &str); 8] = [
    ("actions/checkout", "the clone replaces it"),
    ("actions/attest-build-provenance", "signs with the identity of the workflow"),
    ("actions/upload-artifact", "stores files at GitHub"),
    ("actions/download-artifact", "reads files at GitHub"),
    ("Only the wheels", "needs the downloaded files"),
    ("Publish", "uploads to crates.io"),
    ("pypa/gh-action-pypi-publish", "uploads to PyPI"),
    ("Release", "creates the release at GitHub"),
];

/// Programs without which a step cannot run, with arguments that test whether they work.
const NEEDED: [(&str, &[&str]); 2] = [("sudo ", &["sudo", "--version"]), ("docker ", &["docker", "info"])];

/// A step of a job of the workflow.
struct Step {
    job: String,
    /// The name, or the action without its version.
    name: String,
    /// The script; `None` if the step runs an action.
    script: Option<String>,
}

/// Runs the steps in a clone of the last commit below `target/`. Steps whose names are in `skipped` are not run.
pub fn run_all(skipped: &[String]) -> Result<()> {
    let steps = steps(&fs::read_to_string(root().join(WORKFLOW))?)?;
    if let Some(name) = skipped.iter().find(|name| !steps.iter().any(|step| step.name == **name)) {
        return Err(format!("{WORKFLOW} has no step `{name}`").into());
    }
    let place = Place::create()?;
    let mut not_run = Vec::new();
    let mut job = "";
    for step in &steps {
        if step.job != job {
            // On GitHub, every job starts in a new checkout. Here, build outputs are kept, so that jobs do not repeat builds.
            run(Command::new("git")
                .args(["clean", "-fdxq", "-e", "/target", "-e", "/.tools"])
                .current_dir(&place.clone))?;
            job = &step.job;
        }
        let reason = match &step.script {
            _ if skipped.contains(&step.name) => Some("skipped on request".to_owned()),
            None => Some(reason(&step.name).unwrap_or("is an action").to_owned()),
            Some(script) => reason(&step.name).map(str::to_owned).or_else(|| missing(script)),
        };
        match (reason, &step.script) {
            (None, Some(script)) => place.run(step, script)?,
            (reason, _) => {
                not_run.push(format!("{}: {}: {}", step.job, step.name, reason.unwrap_or_default()))
            }
        }
    }
    eprintln!("── {} of {} steps were run; not run:", steps.len() - not_run.len(), steps.len());
    for line in not_run {
        eprintln!("{line}");
    }
    Ok(())
}

fn reason(name: &str) -> Option<&'static str> {
    NOT_RUN.iter().find(|(step, _)| *step == name).map(|(_, reason)| *reason)
}

/// Returns why a script cannot run on this machine.
fn missing(script: &str) -> Option<String> {
    let is_missing = |arguments: &[&str]| {
        let output = Command::new(arguments[0]).args(&arguments[1..]).output();
        !output.is_ok_and(|output| output.status.success())
    };
    let needed =
        NEEDED.iter().find(|(program, arguments)| script.contains(program) && is_missing(arguments))?;
    Some(format!("needs `{}`, which does not work here", needed.0.trim_end()))
}

/// Reads the steps of a workflow. A job must come after the jobs that it needs.
fn steps(text: &str) -> Result<Vec<Step>> {
    let workflow = Template::read(text).map_err(|error| format!("{WORKFLOW}: {error}"))?;
    let jobs = workflow.sections().get("jobs").and_then(Json::as_object).ok_or("the workflow has no jobs")?;
    let mut steps: Vec<Step> = Vec::new();
    for (job, definition) in jobs {
        let needed = definition["needs"].as_str();
        if let Some(needed) = needed.filter(|needed| !steps.iter().any(|step| step.job == *needed)) {
            return Err(format!("{WORKFLOW}: the job `{job}` comes before `{needed}`, which it needs").into());
        }
        for step in definition["steps"].as_array().into_iter().flatten() {
            let text = |key: &str| step[key].as_str().map(str::to_owned);
            let action = || Some(text("uses")?.split('@').next()?.to_owned());
            let name = text("name").or_else(action).ok_or("a step has neither a name nor an action")?;
            steps.push(Step { job: job.clone(), name, script: text("run") });
        }
    }
    Ok(steps)
}

/// The directories in which the steps run.
struct Place {
    clone: PathBuf,
    temporary: PathBuf,
}

impl Place {
    fn create() -> Result<Self> {
        let directory = root().join("target/dry-run");
        let place = Self { clone: directory.join("clone"), temporary: directory.join("temporary") };
        if place.temporary.exists() {
            fs::remove_dir_all(&place.temporary)?;
        }
        fs::create_dir_all(&place.temporary)?;
        if place.clone.exists() {
            let update =
                format!("git fetch --quiet {:?} HEAD && git checkout --quiet --force FETCH_HEAD", root());
            run(Command::new("sh").args(["-c", &update]).current_dir(&place.clone))?;
        } else {
            run(Command::new("git").args(["clone", "--quiet"]).arg(root()).arg(&place.clone))?;
        }
        // The steps install programs into this virtual environment, not into the environment of the user.
        run(Command::new("python3").args(["-m", "venv"]).arg(place.temporary.join("python")))?;
        Ok(place)
    }

    fn run(&self, step: &Step, script: &str) -> Result<()> {
        eprintln!("── {}: {}", step.job, step.name);
        let start = Instant::now();
        let file = self.temporary.join("step.sh");
        fs::write(&file, script)?;
        let installed = self.temporary.join("cargo");
        let path = std::env::var("PATH")?;
        let path = format!(
            "{}:{}:{path}",
            self.temporary.join("python/bin").display(),
            installed.join("bin").display()
        );
        // GitHub runs scripts without `shell` in this way.
        run(Command::new("bash")
            .arg("-e")
            .arg(&file)
            .current_dir(&self.clone)
            .env("CI", "true")
            .env("PATH", path)
            .env("CARGO_INSTALL_ROOT", installed)
            .env("CARGO_TARGET_DIR", self.clone.join("target"))
            .env("GITHUB_REF_NAME", format!("v{}", env!("CARGO_PKG_VERSION")))
            .env("RUNNER_TEMP", &self.temporary))
        .map_err(|_| format!("the step `{}` has failed:\n{script}", step.name))?;
        eprintln!("── {}: {:.0} s", step.name, start.elapsed().as_secs_f64());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_release() -> Vec<Step> {
        steps(&fs::read_to_string(root().join(WORKFLOW)).unwrap()).unwrap()
    }

    #[test]
    fn steps_that_are_not_run_exist_and_have_a_reason() {
        let steps = of_release();
        for (name, reason) in NOT_RUN {
            assert!(steps.iter().any(|step| step.name == name), "no step `{name}`: {reason}");
        }
        for step in steps {
            assert!(
                step.script.is_some() || reason(&step.name).is_some(),
                "{}: why is it not run?",
                step.name
            );
        }
    }

    #[test]
    fn only_the_steps_that_publish_have_secrets() {
        let text = fs::read_to_string(root().join(WORKFLOW)).unwrap();
        let workflow = Template::read(&text).unwrap();
        let mut count = 0;
        for job in workflow.sections()["jobs"].as_object().unwrap().values() {
            for step in
                job["steps"].as_array().unwrap().iter().filter(|step| step.to_string().contains("${{"))
            {
                let name = step["name"].as_str().unwrap();
                assert!(["Publish", "Release"].contains(&name), "{name}");
                count += 1;
            }
        }
        assert_eq!(count, 2);
    }

    #[test]
    fn a_job_before_the_one_that_it_needs_is_refused() {
        let text = "jobs:\n  b:\n    needs: a\n    steps: [{run: 'true', name: x}]\n  a:\n    steps: []\n";
        let error = steps(text).err().unwrap().to_string();
        assert!(error.contains("`b` comes before `a`"), "{error}");
    }
}
