//! Checks template files in one process and prints a line for each error: `cargo run --example check_files -- FILE…`.
//!
//! It measures how long that takes, and serves to compare findings on a large number of templates.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that prints")]

use std::time::Instant;

use stackwright_review::Severity;
use stackwright_review::check::{Options, check, unreadable};
use stackwright_synth::Assembly;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let (mut stacks, mut unread) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for file in &files {
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        match Assembly::of_template_with_errors(file, text) {
            Ok((assembly, errors)) => {
                stacks.extend(assembly.stacks);
                unread.extend(errors.iter().map(|error| unreadable(file, error)));
            }
            Err(error) => unread.push(unreadable(file, &error)),
        }
    }
    let read = start.elapsed();
    let options = Options { regions: vec!["us-east-1".into()], ..Options::default() };
    let mut report = check(&Assembly { stacks }, &options);
    report.diagnostics.extend(unread);
    eprintln!(
        "{} files: read in {read:?}, checked after {:?}; {}",
        files.len(),
        start.elapsed(),
        report.summary()
    );
    for one in &report.diagnostics {
        if one.severity != Severity::Info {
            println!("{}\t{}\t{}\t{}\t{}", one.severity.name(), one.id, one.stack, one.path, one.message);
        }
    }
}
