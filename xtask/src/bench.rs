//! Measures the figures of docs/performance.md: the whole process over many stacks, other validators that are
//! installed, builds, edits, and the number of crates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::tools::run;
use crate::{Result, root};

pub fn run_all(with_builds: bool) -> Result<()> {
    let scratch = root().join("target/measure");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    processes(&scratch)?;
    if with_builds {
        crates()?;
        builds(&scratch)?;
    }
    Ok(())
}

/// Returns the number of crates that a user's program is built from.
fn crates() -> Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "arr-coc", "-e", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut names: Vec<_> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    names.sort_unstable();
    names.dedup();
    println!("crates under arr-coc: {}", names.len());
    for heavy in ["aws-", "tokio", "rustls", "hyper"] {
        println!("  of them {heavy}*: {}", names.iter().filter(|name| name.starts_with(heavy)).count());
    }
    Ok(())
}

/// Measures the time from an empty target directory to the first template, and from an edit to the changed template.
fn builds(scratch: &Path) -> Result<()> {
    let target = scratch.join("target");
    let synth = || -> Result<f64> {
        let start = Instant::now();
        run(Command::new(env!("CARGO"))
            .args(["run", "--quiet", "-p", "arr-coc", "--", "synth", "--out"])
            .arg(scratch.join("out"))
            .env("CARGO_TARGET_DIR", &target)
            .stderr(Stdio::null())
            .current_dir(root()))?;
        Ok(start.elapsed().as_secs_f64())
    };
    println!("nothing built to first template: {:.1} s", synth()?);
    let source = root().join("examples/arr-coc/src/dev_test.rs");
    let before = fs::read_to_string(&source)?;
    let mut edits = Vec::new();
    for number in 1..=5 {
        fs::write(
            &source,
            before.replace(".max_concurrency(5)", &format!(".max_concurrency({})", 5 + number)),
        )?;
        let taken = synth();
        fs::write(&source, &before)?;
        edits.push(taken?);
        let template = fs::read_to_string(scratch.join("out/DevTest.template.json"))?;
        if !template.contains(&format!("\"MaxConcurrency\": {}", 5 + number)) {
            return Err("the edit did not reach the template".into());
        }
    }
    println!("saved edit to new template: median {:.2} s of {edits:.2?}", median(&mut edits));
    Ok(())
}

/// Measures the whole process in a release build, with output to a memory-backed directory if there is one, and the
/// validators that check the same templates.
fn processes(scratch: &Path) -> Result<()> {
    run(Command::new(env!("CARGO"))
        .args(["bench", "-p", "stackwright", "--bench", "scale", "--no-run"])
        .current_dir(root()))?;
    let program = newest(&root().join("target/release/deps"), "scale-")?;
    let tools = crate::tools::install()?.join("python/bin");
    let memory = Path::new("/dev/shm");
    let out = if memory.is_dir() { memory.join("stackwright-bench") } else { scratch.join("out") };
    println!("medians of the whole process, ms; peak memory, MiB");
    println!(
        "stacks | synth + check + write | memory | synth + write | memory | cfn-lint, check only | cloudformation-validate, check only"
    );
    for stacks in [1, 10, 100, 500] {
        let ours = |extra: &[&str]| -> Result<(f64, f64)> {
            let mut command = Command::new(&program);
            command.args(["synth", "--quiet", "--out"]).arg(&out).args(extra);
            command.env("STACKS", stacks.to_string()).env("PEAK_MEMORY", "1");
            let mut peaks = Vec::new();
            let time = timed(11, || {
                let output = command.output()?;
                let said = String::from_utf8_lossy(&output.stderr);
                let peak =
                    said.lines().find_map(|line| line.strip_prefix("peak memory: ")?.parse::<f64>().ok());
                peaks.push(peak.unwrap_or(f64::NAN) / 1024.0);
                if output.status.success() { Ok(()) } else { Err(said.into()) }
            })?;
            Ok((time, median(&mut peaks)))
        };
        let (bare, bare_memory) = ours(&["--no-check"])?;
        let (full, full_memory) = ours(&[])?;
        let templates: Vec<_> =
            (0..stacks).map(|number| out.join(format!("Serving{number}.template.json"))).collect();
        let peer = |command: &mut Command, most: usize| -> Result<String> {
            if stacks > most {
                return Ok("–".into());
            }
            // The validators report findings for these templates; only their run time counts here.
            command.args(&templates).stdout(Stdio::null()).stderr(Stdio::null());
            let time = timed(if stacks > 10 { 1 } else { 3 }, || Ok(command.status().map(drop)?))?;
            Ok(format!("{time:.0} ({:.0} times ours)", time / full))
        };
        let lint = peer(&mut Command::new(tools.join("cfn-lint")), 100)?;
        let mut validate = Command::new(tools.join("python"));
        let validate = peer(validate.args(["-c", VALIDATE]), 500)?;
        println!(
            "{stacks:6} | {full:6.1} | {full_memory:5.1} | {bare:6.1} | {bare_memory:5.1} | {lint} | {validate}"
        );
    }
    let estimate = timed(11, || {
        run(Command::new(&program)
            .args(["estimate", "--format", "json"])
            .env("STACKS", "100")
            .stdout(Stdio::null()))
    })?;
    println!("estimate of 100 stacks, with their synthesis: {estimate:.1} ms");
    let help = timed(11, || run(Command::new(&program).arg("--help").stdout(Stdio::null())))?;
    println!("--help: {help:.1} ms");
    fs::remove_dir_all(out)?;
    Ok(())
}

/// Runs cloudformation-validate on each of the given templates.
const VALIDATE: &str = "import sys, cloudformation_validate as c
engine = c.RegoEngine()
for path in sys.argv[1:]: engine.validate_template(path)";

/// Returns the median run time in ms.
fn timed(runs: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(&mut times))
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Returns the program that was built last under a name.
fn newest(directory: &Path, prefix: &str) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(prefix) && path.extension().is_none() {
            found.push((fs::metadata(&path)?.modified()?, path));
        }
    }
    found.sort();
    found
        .pop()
        .map(|(_, path)| path)
        .ok_or_else(|| format!("no program {prefix}* in {}", directory.display()).into())
}
