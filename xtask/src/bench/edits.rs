//! The daily loop: an edit of one line, and the time until the template has it, in a program of one and of eight stacks.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::measure::{measure, median};
use crate::tools::run;
use crate::{Result, root};

/// The number of edits; the median is printed.
const EDITS: usize = 5;

/// Measures edits in new projects whose stacks are those of `stackwright new`, each in a module of its own.
pub fn run_all() -> Result<()> {
    let scratch = root().join("target/measure-edits");
    for stacks in [1, 8] {
        let project = project(&scratch.join(format!("stacks-{stacks}")), stacks)?;
        let mut synth = Command::new(env!("CARGO"));
        synth
            .args(["run", "--quiet", "--", "synth", "--quiet"])
            .current_dir(&project)
            .env("CARGO_TARGET_DIR", scratch.join("target"));
        run(&mut synth)?;
        let template = project.join("out/Serving1.template.json");
        measure_edits(
            &format!("number of stacks: {stacks}"),
            &synth,
            &project.join("src/serving1.rs"),
            &template,
        )?;
    }
    Ok(())
}

/// Changes the maximum concurrency of an endpoint in a source file several times, runs the command, and prints the medians.
pub fn measure_edits(name: &str, synth: &Command, source: &Path, template: &Path) -> Result<()> {
    let before = fs::read_to_string(source)?;
    let (mut walls, mut processor) = (Vec::new(), Vec::new());
    for number in 1..=EDITS {
        let concurrency = 5 + number;
        fs::write(
            source,
            before.replace(".max_concurrency(5)", &format!(".max_concurrency({concurrency})")),
        )?;
        let taken = measure(synth, 1, &[0]);
        fs::write(source, &before)?;
        let taken = taken?;
        walls.push(taken.wall / 1000.0);
        processor.push(taken.processor / 1000.0);
        let text = fs::read_to_string(template)?;
        if !text.contains(&format!("\"MaxConcurrency\": {concurrency}")) {
            return Err("the edit did not reach the template".into());
        }
    }
    println!(
        "{name}: saved edit to new template: median {:.2} s of {walls:.2?}, {:.2} s of processor time",
        median(&mut walls.clone()),
        median(&mut processor)
    );
    Ok(())
}

/// Writes a project with the manifest and the stack of `stackwright new`, and with several such stacks.
fn project(directory: &Path, stacks: usize) -> Result<PathBuf> {
    let templates = root().join("cli/templates");
    let read =
        |path: PathBuf| fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()));
    let manifest = read(templates.join("common/Cargo.toml.hbs"))?
        .replace("{{package}}", &format!("stacks-{stacks}"))
        .replace("{{{source}}}", &format!("path = {:?}", root().join("cli").display().to_string()));
    let manifest: Vec<_> = manifest.lines().filter(|line| !line.starts_with("{{")).collect();
    let stack = read(templates.join("endpoint/lib.rs"))?;
    let (_, body) = stack.split_once("let stack = app").ok_or("the template has no stack")?;
    let (body, _) = body.rsplit_once("    app\n").ok_or("the template does not return its app")?;
    fs::create_dir_all(directory.join("src"))?;
    // Without `[workspace]`, Cargo would look for the project in the workspace of this repository.
    let mut library = String::new();
    let mut calls = String::new();
    for number in 1..=stacks {
        let _ = writeln!(library, "mod serving{number};");
        let _ = writeln!(calls, "    serving{number}::add(&app);");
        let body = body.replace("\"Serving\"", &format!("\"Serving{number}\""));
        let module = format!(
            "use stackwright::prelude::*;\n\npub fn add(app: &App) {{\n    let stack = app{body}}}\n"
        );
        fs::write(directory.join(format!("src/serving{number}.rs")), module)?;
    }
    let _ = write!(
        library,
        "\npub fn app() -> stackwright::App {{\n    let app = stackwright::App::new(\"loop\");\n{calls}    app\n}}\n"
    );
    let main = read(templates.join("common/main.rs.hbs"))?.replace("{{crate}}", &format!("stacks_{stacks}"));
    let model = directory.join("model/code");
    fs::create_dir_all(&model)?;
    fs::copy(templates.join("endpoint/model/code/inference.py"), model.join("inference.py"))?;
    for (path, text) in [
        ("Cargo.toml", manifest.join("\n") + "\n[workspace]\n"),
        ("src/lib.rs", library),
        ("src/main.rs", main),
    ] {
        fs::write(directory.join(path), text)?;
    }
    fs::copy(root().join("Cargo.lock"), directory.join("Cargo.lock"))?;
    Ok(directory.to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_project_of_eight_stacks_has_eight_modules() {
        let scratch = std::env::temp_dir().join(format!("stackwright-edits-{}", std::process::id()));
        let project = super::project(&scratch, 8).unwrap();
        let library = std::fs::read_to_string(project.join("src/lib.rs")).unwrap();
        let module = std::fs::read_to_string(project.join("src/serving8.rs")).unwrap();
        let manifest = std::fs::read_to_string(project.join("Cargo.toml")).unwrap();
        std::fs::remove_dir_all(scratch).unwrap();
        assert_eq!(library.matches("::add(&app);").count(), 8);
        assert!(
            module.contains(".stack(\"Serving8\")") && module.contains(".max_concurrency(5)"),
            "{module}"
        );
        assert!(manifest.contains("name = \"stacks-8\"") && manifest.contains("[profile.dev]"), "{manifest}");
        assert!(!manifest.contains("{{"), "{manifest}");
    }
}
