//! Measures what docs/performance.md states: builds, edits, and the whole process over many stacks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::tools::run;
use crate::{Result, root};

pub fn run_all() -> Result<()> {
    let scratch = root().join("target/measure");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    processes(&scratch)?;
    crates()?;
    builds(&scratch)
}

/// How many crates a user's program is built of.
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

/// From nothing to the first template, and from a saved edit to a changed one.
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

/// The whole process in a release build, written to memory where there is a memory-backed folder.
fn processes(scratch: &Path) -> Result<()> {
    run(Command::new(env!("CARGO"))
        .args(["bench", "-p", "stackwright", "--bench", "scale", "--no-run"])
        .current_dir(root()))?;
    let program = newest(&root().join("target/release/deps"), "scale-")?;
    let memory = Path::new("/dev/shm");
    let out = if memory.is_dir() { memory.join("stackwright-measure") } else { scratch.join("out") };
    println!("stacks | synth + check + write | synth + write");
    for stacks in [1, 10, 100, 500] {
        let mut medians = Vec::new();
        for extra in [&[][..], &["--no-check"]] {
            let mut times = Vec::new();
            for _ in 0..11 {
                let start = Instant::now();
                run(Command::new(&program)
                    .args(["synth", "--out"])
                    .arg(&out)
                    .args(extra)
                    .env("STACKS", stacks.to_string())
                    .stderr(Stdio::null()))?;
                times.push(start.elapsed().as_secs_f64() * 1000.0);
            }
            medians.push(median(&mut times));
        }
        println!("{stacks:6} | {:18.1} ms | {:.1} ms", medians[0], medians[1]);
    }
    against_cfn_lint(&program, &out)?;
    let mut times = Vec::new();
    for _ in 0..11 {
        let start = Instant::now();
        run(Command::new(&program).arg("--help").stdout(Stdio::null()))?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    println!("--help: {:.1} ms", median(&mut times));
    fs::remove_dir_all(out)?;
    Ok(())
}

/// The same templates, synthesized and checked by us and checked by cfn-lint, in turns: a ratio says the same on
/// every machine.
fn against_cfn_lint(program: &Path, out: &Path) -> Result<()> {
    let lint = crate::tools::install()?.join("python/bin/cfn-lint");
    for stacks in [1, 10] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let start = Instant::now();
            run(Command::new(program)
                .args(["synth", "--out"])
                .arg(out)
                .env("STACKS", stacks.to_string())
                .stderr(Stdio::null()))?;
            ours.push(start.elapsed().as_secs_f64() * 1000.0);
            let templates: Vec<_> =
                (0..stacks).map(|number| out.join(format!("Serving{number}.template.json"))).collect();
            let start = Instant::now();
            // It finds things to say about these templates: only its time counts here.
            Command::new(&lint).args(templates).stdout(Stdio::null()).status()?;
            theirs.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        let (ours, theirs) = (median(&mut ours), median(&mut theirs));
        println!(
            "{stacks} stacks: ours with synthesis {ours:.1} ms, cfn-lint {theirs:.0} ms, {:.0} times as fast",
            theirs / ours
        );
    }
    Ok(())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The program that was built last under a name.
fn newest(folder: &Path, prefix: &str) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
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
        .ok_or_else(|| format!("no program {prefix}* in {}", folder.display()).into())
}
