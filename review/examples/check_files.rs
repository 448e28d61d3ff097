//! Checks template files in one process and prints a line for each error: `cargo run --example check_files -- FILE…`.
//!
//! It measures how long that takes and how much memory, and serves to compare findings on a large number of templates. With
//! `--format` before the files, it writes the report in this format instead of lines, and measures that too.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that prints")]

use std::time::Instant;

use stackwright_review::check::{Options, check, unreadable};
use stackwright_review::{Report, Severity, report};
use stackwright_synth::{Assembly, Recovered};

fn main() {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let mut format = None;
    if files.len() > 1 && files[0] == "--format" {
        format = files.drain(..2).nth(1);
    }
    let (mut stacks, mut unread) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for file in &files {
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        match Assembly::of_template_with_errors(file, text) {
            Ok(Recovered { value: assembly, errors, .. }) => {
                stacks.extend(assembly.stacks);
                unread.extend(errors.iter().map(|error| unreadable(file, error)));
            }
            Err(error) => unread.push(unreadable(file, &error)),
        }
    }
    let read = start.elapsed();
    let options = Options::default().regions(["us-east-1"]);
    let mut found = check(&Assembly::new(stacks), &options);
    found.diagnostics.extend(unread);
    let checked = start.elapsed();
    match format {
        Some(format) => print!("{}", formatted(&found, &format)),
        None => lines(&found),
    }
    eprintln!(
        "{} files: read in {read:?}, checked after {checked:?}, written after {:?}; {}; {}",
        files.len(),
        start.elapsed(),
        peak_memory(),
        found.summary()
    );
}

fn lines(found: &Report) {
    for one in &found.diagnostics {
        if one.severity != Severity::Info {
            println!("{}\t{}\t{}\t{}\t{}", one.severity.name(), one.id, one.stack, one.path, one.message);
        }
    }
}

fn formatted(found: &Report, format: &str) -> String {
    match format {
        "json" => report::json(found),
        "sarif" => report::sarif(found),
        "junit" => report::junit(found, &[]),
        "markdown" => report::markdown(found),
        "github" => report::github(found),
        "gitlab" => report::gitlab(found),
        "all" => report::text(found, |file| std::fs::read_to_string(file).ok(), true),
        _ => report::text_up_to(found, |file| std::fs::read_to_string(file).ok(), true, Some(100)),
    }
}

/// The most memory that the process had, where the system reports it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "peak memory unknown".to_owned(), |peak| format!("peak memory {}", peak.trim()))
}
