//! Measurements of processes: wall time, processor time and peak memory.

use std::process::Command;

use crate::Result;

/// The medians of several runs of a process.
#[derive(Clone, Copy)]
pub struct Measurement {
    /// Wall time in ms.
    pub wall: f64,
    /// Processor time of the process and its children in ms.
    pub processor: f64,
    /// Peak memory of the largest process in MiB. Values below the memory of the Python interpreter that starts the process are
    /// not exact.
    pub memory: f64,
}

/// Runs a command and prints its wall time, its processor time and its peak memory. The operating system counts them for children
/// that ended, which the standard library of Rust does not return.
const SCRIPT: &str = "import os, resource, subprocess, sys, time
null = open(os.devnull, 'w')
# What starts Python may have had children of its own.
before = resource.getrusage(resource.RUSAGE_CHILDREN)
start = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=null, stderr=null)
wall = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
print(code, wall * 1000, processor * 1000, used.ru_maxrss / 1024)";

/// Runs a command several times. Exit codes other than the given ones are errors; validators exit with a code for findings.
pub fn measure(command: &Command, runs: usize, codes: &[i32]) -> Result<Measurement> {
    let mut all: [Vec<f64>; 3] = Default::default();
    for _ in 0..runs {
        let mut python = Command::new("python3");
        python.args(["-c", SCRIPT]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                python.env(name, value);
            }
        }
        if let Some(directory) = command.get_current_dir() {
            python.current_dir(directory);
        }
        let output = python.output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let [code, rest @ ..] = numbers.as_slice() else {
            return Err(
                format!("{command:?} was not measured: {}", String::from_utf8_lossy(&output.stderr)).into()
            );
        };
        if !codes.iter().any(|one| f64::from(*one) == *code) {
            return Err(format!("{command:?} exited with {code}").into());
        }
        for (values, number) in all.iter_mut().zip(rest) {
            values.push(*number);
        }
    }
    let [wall, processor, memory] = all.map(|mut values| median(&mut values));
    Ok(Measurement { wall, processor, memory })
}

/// Returns the median; the larger one of the two in the middle.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
