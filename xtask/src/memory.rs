//! The errors of the GPU memory estimates against measured runs.

use std::fs;

use stackwright_estimate::memory::measured::{compare, errors};

use crate::{Result, root};

/// The files of measured runs.
const FILES: [&str; 3] =
    ["gpu_memory_measured.jsonl", "gpu_training_measured.jsonl", "gpu_runs_measured.jsonl"];

pub fn print_errors() -> Result<()> {
    for file in FILES {
        let text = fs::read_to_string(root().join("schemas/facts").join(file))?;
        let compared = compare(&text);
        println!("{file}");
        for one in &compared {
            let run = &one.run;
            let checkpoint = if run.checkpoint { "checkpointing" } else { "" };
            println!(
                "  {:16} {:13} {:3} ranks, {:2} x {:5} tokens, {checkpoint:13} measured {:6.2} GB, estimated {:6.2} GB, {:+5.2} %",
                run.model,
                run.strategy,
                run.world,
                run.batch,
                run.seq,
                run.peak_allocated as f64 / 1e9,
                one.estimated as f64 / 1e9,
                one.error() * 100.0
            );
        }
        let found = errors(&compared);
        let (mean, largest) = (found.mean * 100.0, found.largest * 100.0);
        println!("  {} runs: mean error {mean:.2} %, worst {largest:.2} %", compared.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_errors_on_every_file_of_measured_runs_are_printed() {
        super::print_errors().unwrap();
    }
}
