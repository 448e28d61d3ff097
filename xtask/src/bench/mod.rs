//! Measures the figures of docs/performance.md: whole processes over many stacks, programs of other projects on the same work,
//! builds, edits, and the number of crates.

pub mod edits;
mod measure;
mod peers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use measure::measure;

use crate::tools::run;
use crate::{Result, root};

/// What is measured besides the whole process over many stacks.
pub struct Options {
    /// Builds, edits and the number of crates of a new project.
    pub builds: bool,
    /// The programs of other projects.
    pub peers: bool,
    /// A build of the benchmark `scale`, to compare builds.
    pub program: Option<PathBuf>,
}

pub fn run_all(options: Options) -> Result<()> {
    let scratch = root().join("target/measure");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    let program = match options.program {
        Some(program) => program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?,
        None => {
            run(Command::new(env!("CARGO"))
                .args(["bench", "-p", "stackwright", "--bench", "scale", "--no-run"])
                .current_dir(root()))?;
            newest(&root().join("target/release/deps"), "scale-")?
        }
    };
    // Files in memory, where there is such a directory.
    let memory = Path::new("/dev/shm");
    let files = if memory.is_dir() { memory.join("stackwright-bench") } else { scratch.join("files") };
    fs::create_dir_all(&files)?;
    processes(&program, &files)?;
    other_work(&program, &files)?;
    if options.peers {
        peers::write_table(&program, &files)?;
    }
    fs::remove_dir_all(files)?;
    if options.builds {
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

/// Measures the time from an empty target directory to the first template, and from an edit to the changed template, in the seed
/// project.
fn builds(scratch: &Path) -> Result<()> {
    let target = scratch.join("target");
    let mut synth = Command::new(env!("CARGO"));
    synth
        .args(["run", "--quiet", "-p", "arr-coc", "--", "synth", "--out"])
        .arg(scratch.join("out"))
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(root());
    let first = measure(&synth, 1, &[0])?;
    println!(
        "nothing built to first template: {:.1} s, {:.1} s of processor time",
        first.wall / 1000.0,
        first.processor / 1000.0
    );
    let source = root().join("examples/arr-coc/src/dev_test.rs");
    edits::measure_edits("arr-coc", &synth, &source, &scratch.join("out/DevTest.template.json"))
}

/// Measures synthesis over many stacks in a release build.
fn processes(program: &Path, files: &Path) -> Result<()> {
    let out = files.join("out");
    println!("medians of the whole process; wall time and processor time in ms, peak memory in MiB");
    println!("stacks | synth + check + write | processor | memory | synth + write | processor | memory");
    for stacks in [1, 10, 100, 500] {
        let ours = |extra: &[&str]| -> Result<(measure::Measurement, f64)> {
            let mut command = Command::new(program);
            command.args(["synth", "--quiet", "--out"]).arg(&out).args(extra);
            command.env("STACKS", stacks.to_string());
            let measurement = measure(&command, 11, &[0])?;
            let output = command.env("PEAK_MEMORY", "1").output()?;
            let reported = String::from_utf8_lossy(&output.stderr).into_owned();
            let peak =
                reported.lines().find_map(|line| line.strip_prefix("peak memory: ")?.parse::<f64>().ok());
            Ok((measurement, peak.unwrap_or(f64::NAN) / 1024.0))
        };
        let (bare, bare_memory) = ours(&["--no-check"])?;
        let (full, full_memory) = ours(&[])?;
        println!(
            "{stacks:6} | {:6.1} | {:6.1} | {full_memory:5.1} | {:6.1} | {:6.1} | {bare_memory:5.1}",
            full.wall, full.processor, bare.wall, bare.processor
        );
    }
    Ok(())
}

/// Measures the other commands: 100 stacks, and a graph of 500 resources.
fn other_work(program: &Path, files: &Path) -> Result<()> {
    let old = files.join("old");
    let new = files.join("new");
    let synth = |out: &Path, stacks: u32, variant: &str| {
        let mut command = Command::new(program);
        command.args(["synth", "--quiet", "--no-check", "--out"]).arg(out);
        run(command.env("STACKS", stacks.to_string()).env("VARIANT", variant).stdout(Stdio::null()))
    };
    synth(&old, 100, "ml.g5.2xlarge")?;
    synth(&new, 100, "ml.g5.4xlarge")?;
    let graph = files.join("graph");
    synth(&graph, 56, "ml.g5.2xlarge")?;
    let report = |name: &str, command: &Command| -> Result<()> {
        let taken = measure(command, 11, &[0])?;
        println!("{name}: {:.1} ms, {:.1} ms of processor time", taken.wall, taken.processor);
        Ok(())
    };
    let mut diff = Command::new(program);
    report("diff of two assemblies of 100 stacks", diff.arg("diff").args([&old, &new]))?;
    let mut estimate = Command::new(program);
    report("estimate of 100 stacks", estimate.arg("estimate").arg(&old))?;
    let mut drawn = Command::new(program);
    report("graph of 504 resources", drawn.args(["graph", "--max-nodes", "1000", "--input"]).arg(&graph))?;
    let mut help = Command::new(program);
    report("--help", help.arg("--help"))?;
    let start = Instant::now();
    run(Command::new(program).arg("--version").stdout(Stdio::null()))?;
    println!("an empty command, for comparison: {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
    Ok(())
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
