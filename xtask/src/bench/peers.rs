//! The programs of other projects on the same work, measured in the same run, and the table of docs/performance.md.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::measure::{Measurement, measure};
use crate::{Result, root, tools};

/// Where the table is, and what surrounds it.
const PAGE: &str = "docs/performance.md";
const START: &str = "<!-- `cargo xtask bench --peers` writes from here -->";
const END: &str = "<!-- to here -->";

/// Runs `cloudformation-validate` on each of the given templates.
const VALIDATE: &str = "import sys, cloudformation_validate as c
engine = c.RegoEngine()
for path in sys.argv[1:]: engine.validate_template(path)";

/// A row of the table: a program, and its measurement for each number of stacks.
type Row = (String, Vec<Option<Measurement>>);

/// Measures the programs, and writes the table with the date and the machine.
pub fn write_table(program: &Path, scratch: &Path) -> Result<()> {
    let python = tools::install()?.join("python/bin");
    let peers = tools::peers()?;
    let sizes = [1, 10, 100, 500];
    let mut rows: Vec<Row> = [
        "stackwright: synth, check, write",
        "stackwright: synth, write",
        "CDK: `cdk synth --quiet`",
        "CDK: the app alone (`node app.js`)",
        "troposphere: synth, write",
        "cloudformation-validate: check",
        "cfn-lint: check",
    ]
    .map(|name| (name.to_owned(), Vec::new()))
    .into();
    for stacks in sizes {
        let number = stacks.to_string();
        let out = scratch.join("peers/ours");
        let with = |mut command: Command| {
            command.env("STACKS", &number);
            command
        };
        let ours = |extra: &[&str]| {
            let mut command = Command::new(program);
            command.args(["synth", "--quiet", "--out"]).arg(&out).args(extra);
            measure(&with(command), 11, &[0])
        };
        let runs = if stacks > 10 { 1 } else { 3 };
        rows[0].1.push(Some(ours(&[])?));
        rows[1].1.push(Some(ours(&["--no-check"])?));
        let mut cdk = Command::new(peers.join("node/node_modules/.bin/cdk"));
        let app = peers.join("node/app.js");
        cdk.args(["synth", "--quiet", "--no-notices", "--no-version-reporting", "--app"])
            .arg(format!("node {}", app.display()))
            .arg("--output")
            .arg(scratch.join("peers/cdk"))
            .current_dir(scratch);
        rows[2].1.push(Some(measure(&with(cdk), runs, &[0])?));
        let mut node = Command::new("node");
        node.arg(&app).arg(scratch.join("peers/node"));
        rows[3].1.push(Some(measure(&with(node), runs, &[0])?));
        let mut troposphere = Command::new(peers.join("python/bin/python"));
        troposphere.arg(root().join("xtask/tools/peers/app.py")).arg(scratch.join("peers/troposphere"));
        rows[4].1.push(Some(measure(&with(troposphere), runs, &[0])?));
        let templates = (0..stacks).map(|number| out.join(format!("Serving{number}.template.json")));
        let templates: Vec<_> = templates.collect();
        let mut validate = Command::new(python.join("python"));
        validate.args(["-c", VALIDATE]).args(&templates);
        rows[5].1.push(Some(measure(&validate, runs, &[0])?));
        // For 500 templates cfn-lint takes minutes.
        let mut lint = Command::new(python.join("cfn-lint"));
        lint.args(&templates);
        let lint = (stacks <= 100).then(|| measure(&lint, runs, &[0, 2, 4, 6, 8, 10, 12, 14]));
        rows[6].1.push(lint.transpose()?);
    }
    let text = table(&sizes, &rows)?;
    print!("{text}");
    let page = fs::read_to_string(root().join(PAGE))?;
    let (before, rest) = page.split_once(START).ok_or_else(|| format!("{PAGE} has no line {START}"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("{PAGE} has no line {END}"))?;
    fs::write(root().join(PAGE), format!("{before}{START}\n\n{text}\n{END}{after}"))?;
    Ok(())
}

fn table(sizes: &[usize], rows: &[Row]) -> Result<String> {
    let mut text =
        format!("Measured on {} on {}.\n\n| wall time; processor time; peak memory |", date()?, machine());
    for size in sizes {
        let _ = write!(text, " {size} |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(sizes.len()));
    text.push('\n');
    for (name, cells) in rows {
        let _ = write!(text, "| {name} |");
        for cell in cells {
            let _ = match cell {
                Some(cell) => {
                    write!(text, " {}; {}; {:.0} MiB |", time(cell.wall), time(cell.processor), cell.memory)
                }
                None => write!(text, " – |"),
            };
        }
        text.push('\n');
    }
    Ok(text)
}

fn time(milliseconds: f64) -> String {
    if milliseconds < 100.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{:.2} s", milliseconds / 1000.0)
    }
}

fn date() -> Result<String> {
    let output = Command::new("date").arg("+%Y-%m-%d").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Names the processor and the load, without which a wall time cannot be interpreted.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let information = read("/proc/cpuinfo");
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').nth(1).unwrap_or("unknown");
    format!(
        "{cores} cores of {}, load in the last five minutes {load}",
        model.map_or("an unknown processor", |(_, name)| name.trim())
    )
}
