//! The book in `docs/`: its commands run as they are shown, its links lead somewhere, and its generated pages are current.
//!
//! In a page, a block of commands is marked `sh`. The blocks of a page run in order, as one script, in a project that `new`
//! created, against local mode. `sh fails` means that the commands fail, `diff` is applied as a patch, and each line of a `text
//! output` block is part of what was printed. `sh no_run` marks commands that need something that a test does not have;
//! [`NOT_RUN`] gives the reasons.
//!
//! `UPDATE_DOCS=1 cargo test -p stackwright --features deploy --test book` writes the generated pages.
#![allow(clippy::unwrap_used)]

mod aws;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use aws::{Endpoint, environment};

/// The beginnings of the commands that no test runs here, and why.
const NOT_RUN: [(&str, &str); 7] = [
    (
        "cargo install --path cli",
        "builds the program for minutes; `cargo xtask ci` installs it from the packaged crates",
    ),
    ("cargo xtask ci", "runs this test"),
    ("cfn-lint ", "is another program"),
    ("cdk ", "the tests of the CDK's formats run it"),
    ("stackwright deploy --role ", "needs several accounts; a test in local_mode.rs has them"),
    ("stackwright import ", "needs a resource without a stack; a test in local_mode.rs has one"),
    ("stackwright graph --of stacks --format dot | dot", "needs Graphviz"),
];

/// The configuration of a small model, the usage and the price list that the page on estimates names.
const MODEL: &str = r#"{"model_type": "qwen3", "transformers_version": "5.0", "hidden_size": 2048, "num_hidden_layers": 28,
    "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 6144, "vocab_size": 151936,
    "tie_word_embeddings": true}"#;
const MODELS: &str = r#"{"models": [{"name": "scorer", "count": 40, "weights_bytes": 500000000}]}"#;
const USAGE: &str = r#"{"resources": {"Scorer": {"requests_per_month": 30000, "duration_ms": 120}}}"#;
const PRICES: &str = r#"{"formatVersion": "v1.0", "offerCode": "AmazonSageMaker", "version": "20261101",
    "publicationDate": "2026-11-01T00:00:00Z", "products": {"G6E": {"sku": "G6E", "productFamily": "ML Instance",
    "attributes": {"regionCode": "us-east-1", "usagetype": "USE1-Host:ml.g6e.2xlarge", "operation": "RunInstance"}}},
    "terms": {"OnDemand": {"G6E": {"G6E.1": {"priceDimensions": {"x": {"beginRange": "0", "pricePerUnit": {"USD": "2.8026"}}}}}}}}"#;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn docs() -> PathBuf {
    repository().join("docs")
}

/// A fenced block of a page: what follows the fence, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut is_open = false;
    for line in page.lines() {
        match line.trim_start().strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(info) => {
                is_open = true;
                blocks.push((info.trim().to_owned(), String::new()));
            }
            None if is_open => {
                let text = &mut blocks.last_mut().unwrap().1;
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    assert!(!is_open, "a block is not closed");
    blocks
}

/// Returns the script of a page, and the lines that it has to print.
fn script(page: &str) -> (String, Vec<String>) {
    let mut script = "set -euo pipefail\n".to_owned();
    let mut expected = Vec::new();
    for (info, text) in blocks(page) {
        match info.as_str() {
            "sh" => script.push_str(&text),
            "sh fails" => {
                let _ = writeln!(script, "if (set -e; {text}); then echo 'this should fail'; exit 99; fi");
            }
            "diff" => {
                let _ = writeln!(script, "patch --quiet -p1 <<'PATCH_END'\n{text}PATCH_END");
            }
            "text output" => expected.extend(text.lines().map(|line| line.trim().to_owned())),
            "sh no_run" => {
                for line in text.lines() {
                    let known = NOT_RUN.iter().any(|(command, _)| line.starts_with(command));
                    assert!(known, "{line}: NOT_RUN does not give the reason why it is not run");
                }
            }
            _ => {}
        }
    }
    (script, expected)
}

/// A project in a git repository, and files that the pages name.
struct Project {
    directory: tempfile::TempDir,
    endpoint: Endpoint,
}

impl Project {
    fn new() -> Self {
        let project = Self { directory: tempfile::tempdir().unwrap(), endpoint: Endpoint::local(&[]) };
        // A revision is built with a target directory of its own. Here it is the one of the workspace, so that dependencies are
        // not built twice. The executable of the revision then replaces the one of the project, which is built again.
        let cargo = project.path("cargo");
        let script = "#!/bin/sh\n\
            case \"$CARGO_TARGET_DIR\" in\n\
            */stackwright-base)\n\
            CARGO_TARGET_DIR=${CARGO_TARGET_DIR%/stackwright-base} \"$REAL_CARGO\" \"$@\" || exit 1\n\
            touch \"$PROJECT\"/src/*.rs ;;\n\
            *) exec \"$REAL_CARGO\" \"$@\" ;;\n\
            esac\n";
        fs::write(&cargo, script).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a script in a directory of the project, and returns what it printed.
    fn run(&self, directory: &Path, script: &str) -> String {
        let binaries = Path::new(env!("CARGO_BIN_EXE_stackwright")).parent().unwrap();
        let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
        // Standard error and standard output are written to one pipe, which keeps the order.
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1\n{script}")])
            .current_dir(directory)
            .envs(environment(&self.endpoint.url))
            .env("PATH", path)
            .env("CARGO_TARGET_DIR", target)
            .env("CARGO", self.path("cargo"))
            .env("PROJECT", directory)
            .env("REAL_CARGO", env!("CARGO"))
            .env("STACKWRIGHT_SOURCE", repository())
            .env("CDK_OUT", self.path("assembly"))
            .env("INSTA_UPDATE", "no")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}\n──\n{printed}");
        printed
    }

    /// Creates a project with the files that the pages name.
    ///
    /// Executables of projects are in the same target directory, so that each project has a name of its own.
    fn prepare(&self, name: &str) -> PathBuf {
        let new = "stackwright new \"$NAME\" --source \"$STACKWRIGHT_SOURCE\"\n\
                   cd \"$NAME\"\n\
                   stackwright synth --out ../assembly\n\
                   mkdir templates && cp ../assembly/*.template.json templates/serving.yaml\n\
                   cp ../assembly/*.template.json template.yaml\n\
                   cp -r ../assembly cdk.out && cp -r ../assembly OLD && cp -r ../assembly NEW\n\
                   echo '/cdk.out\n/OLD\n/NEW' >> .gitignore\n\
                   git init --quiet --initial-branch main\n\
                   git add . && git -c user.name=a -c user.email=a@example.com commit --quiet --message first\n";
        self.run(self.directory.path(), &format!("set -e\nNAME={name}\n{new}"));
        let directory = self.path(name);
        for (name, text) in [
            ("config.json", MODEL),
            ("usage.json", USAGE),
            ("models.json", MODELS),
            ("AmazonSageMaker-us-east-1.json", PRICES),
        ] {
            fs::write(directory.join(name), text).unwrap();
        }
        directory
    }
}

/// Runs the commands of a page in a directory, and compares what they print.
fn follow(name: &str, project: &Project, directory: &Path) {
    let page = fs::read_to_string(repository().join(name)).unwrap();
    let (script, expected) = script(&page);
    let printed = project.run(directory, &script);
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    for line in expected {
        assert!(lines(&printed).iter().any(|one| one.contains(&line)), "`{line}` is not in\n{printed}");
    }
}

fn follow_in_a_project(name: &str) {
    let project = Project::new();
    let stem = Path::new(name).file_stem().unwrap().to_string_lossy();
    let directory = project.prepare(&format!("page-{stem}"));
    follow(name, &project, &directory);
}

#[test]
fn the_ten_minutes_page_is_followed_literally() {
    let project = Project::new();
    let directory = project.directory.path();
    let page = "docs/first-stack.md";
    let text = fs::read_to_string(repository().join(page)).unwrap();
    // The page shows the program that `new` writes.
    let program = fs::read_to_string(repository().join("cli/templates/endpoint/lib.rs")).unwrap();
    for line in program.lines().filter(|line| line.starts_with("    ") && !line.contains("{{")) {
        assert!(text.lines().any(|shown| shown == line), "{page} does not show `{line}`");
    }
    follow(page, &project, directory);
}

#[test]
fn the_tutorial_is_followed_literally() {
    let project = Project::new();
    let example = repository().join("examples/arr-coc");
    let clean = || {
        for written in ["out", ".stackwright"] {
            let _ = fs::remove_dir_all(example.join(written));
        }
    };
    clean();
    follow("docs/tutorial.md", &project, project.directory.path());
    clean();
}

macro_rules! pages {
    ($($test:ident: $page:literal,)*) => {
        $(
            #[test]
            fn $test() {
                follow_in_a_project(concat!("docs/", $page));
            }
        )*

        /// The pages whose commands run in a project.
        const IN_A_PROJECT: &[&str] = &[$($page),*];
    };
}

pages! {
    the_commands_about_roles_run: "how-to/own-role.md",
    the_commands_about_vpcs_run: "how-to/vpc-only.md",
    the_commands_about_accounts_run: "how-to/accounts.md",
    the_commands_about_github_run: "how-to/github.md",
    the_commands_about_adoption_run: "how-to/adopt.md",
    the_commands_for_users_of_the_cdk_run: "how-to/from-cdk.md",
    the_commands_for_users_of_the_sdk_run: "how-to/from-sagemaker-sdk.md",
    the_commands_for_users_of_terraform_run: "how-to/from-terraform.md",
    the_commands_about_checks_run: "checking.md",
    the_commands_about_estimates_run: "estimating.md",
    the_commands_about_reviews_run: "reviewing.md",
    the_commands_about_deployments_run: "deploying.md",
}

/// Returns the pages of the book, in the order of its table of contents.
fn pages() -> Vec<String> {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).unwrap();
    links(&summary)
}

/// Returns the targets of the links of a page.
fn links(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        // What is in backticks is no link.
        let text: String = line.split('`').step_by(2).collect();
        if !is_code {
            found
                .extend(text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
        }
    }
    found
}

/// Returns the anchors of the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let slug = |heading: &str| -> String {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    page.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| slug(line.trim_start_matches('#').trim()))
        .collect()
}

#[test]
fn every_page_is_in_the_book_and_every_link_leads_somewhere() {
    let pages = pages();
    let mut files = Vec::new();
    for directory in [docs(), docs().join("how-to")] {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path.strip_prefix(docs()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    for file in &files {
        assert!(file == "SUMMARY.md" || pages.contains(file), "{file} is not in SUMMARY.md");
    }
    for page in pages.iter().map(String::as_str).chain([
        "../README.md",
        "../CONTRIBUTING.md",
        "../examples/README.md",
    ]) {
        let path = docs().join(page);
        let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{page} does not exist"));
        // `cargo xtask ci` tests the links to the built documentation of the crates.
        let is_documentation = |link: &str| link.trim_start_matches("../").starts_with("doc/");
        for link in links(&text).iter().filter(|link| !link.contains("://") && !is_documentation(link)) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{page}: {link} leads nowhere");
            let is_in_book = target.canonicalize().unwrap().starts_with(docs().canonicalize().unwrap());
            assert!(page.starts_with("..") || is_in_book, "{page}: {link} leads out of the book");
            if !anchor.is_empty() {
                let found = anchors(&fs::read_to_string(&target).unwrap());
                assert!(found.contains(anchor), "{page}: {link} has no such heading");
            }
        }
    }
}

#[test]
fn the_commands_of_every_page_are_run_by_a_test() {
    for page in pages() {
        let text = fs::read_to_string(docs().join(&page)).unwrap();
        let has_commands = blocks(&text).iter().any(|(info, _)| info == "sh" || info == "sh fails");
        let is_run = ["first-stack.md", "tutorial.md"].contains(&page.as_str())
            || IN_A_PROJECT.contains(&page.as_str());
        assert_eq!(has_commands, is_run, "{page}");
        for (info, _) in blocks(&text) {
            let language = info.split([' ', ',']).next().unwrap();
            assert!(
                !["bash", "shell", "console"].contains(&language),
                "{page}: write `sh`, so that it is run"
            );
        }
    }
}

/// Returns the code in backticks outside of blocks.
fn code_spans(page: &str) -> Vec<String> {
    let mut is_block = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

#[test]
fn the_commands_in_the_table_of_the_readme_run() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let table: String = readme
        .lines()
        .filter(|line| line.starts_with("| "))
        .fold(String::new(), |all, line| all + line + "\n");
    let mut script = "set -euo pipefail\n".to_owned();
    let mut count = 0;
    for command in code_spans(&table) {
        let words: Vec<_> = command.split(' ').collect();
        match words.as_slice() {
            // It serves until a signal ends it; the tests in local_mode.rs use it.
            ["stackwright", "local"] => continue,
            // The simulated failure.
            ["stackwright", "deploy", "--local", "--faults", _] => {
                let _ = writeln!(script, "if {command} --yes; then echo 'this should fail'; exit 99; fi");
            }
            // Nobody is there to approve.
            ["stackwright", "deploy", "--plan", _] => {
                let _ = writeln!(script, "{command} --approve permissions");
            }
            ["stackwright", "deploy", ..] => {
                let _ = writeln!(script, "{} --yes", command.replace("PATH", "cdk.out"));
            }
            ["stackwright", _, ..] | ["cargo", "run", "--", ..] => {
                let _ = writeln!(script, "{command}");
            }
            _ => continue,
        }
        count += 1;
    }
    assert!(count >= 12, "{script}");
    let project = Project::new();
    let directory = project.prepare("page-readme");
    let faults =
        r#"{ "resources": [{ "resource": "Scorer", "on": "create", "reason": "insufficient capacity" }] }"#;
    fs::write(directory.join("faults.json"), faults).unwrap();
    let printed = project.run(&directory, &script);
    assert!(printed.contains("insufficient capacity"), "{printed}");
}

#[test]
fn commands_within_sentences_have_existing_names_and_options() {
    let binary = env!("CARGO_BIN_EXE_stackwright");
    let help = |words: &[&str]| {
        let output = Command::new(binary).args(words).arg("--help").output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    };
    let all = help(&[]).unwrap();
    let (_, list) = all.split_once("Commands:\n").unwrap();
    let commands: BTreeSet<&str> = list
        .lines()
        .map_while(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(commands.contains("deploy") && commands.contains("estimate"), "{all}");
    let mut count = 0;
    let others = ["../README.md", "../CONTRIBUTING.md", "../examples/README.md"].map(str::to_owned);
    for page in pages().into_iter().chain(others) {
        for span in code_spans(&fs::read_to_string(docs().join(&page)).unwrap()) {
            let words: Vec<_> = span.split_whitespace().collect();
            let start = match words.as_slice() {
                // A program without the feature `deploy` has not all commands; `docs/` uses the installed binary for the others.
                ["cargo", "run", "--", command, ..] => {
                    assert!(
                        ["synth", "check"].contains(command),
                        "{page}: `{span}`: use `stackwright {command}`"
                    );
                    3
                }
                ["stackwright", name, ..]
                    if !name.starts_with('-') && name.chars().all(|c| c.is_ascii_lowercase()) =>
                {
                    1
                }
                [name, ..] if commands.contains(name) && span.contains("--") => 0,
                _ => continue,
            };
            let command = &words[start..];
            assert!(commands.contains(command[0]), "{page}: `{span}`: there is no command `{}`", command[0]);
            let of_subcommand = command.get(1).filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
            let text = of_subcommand
                .and_then(|name| help(&[command[0], name]))
                .or_else(|| help(&command[..1]))
                .unwrap();
            for option in command.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
                let name = option.split('=').next().unwrap();
                let is_option = text.split([' ', ',', '\n', '[', ']', '=']).any(|word| word == name);
                assert!(is_option, "{page}: `{span}`: `{}` has no option {name}", command[0]);
            }
            count += 1;
        }
    }
    assert!(count > 40, "{count} commands were found");
}

/// Compares a generated page with the file, or writes it.
fn is_current(name: &str, text: &str) {
    let path = docs().join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    }
    assert!(
        fs::read_to_string(&path).is_ok_and(|page| page == text),
        "docs/{name} is not current: UPDATE_DOCS=1 cargo test -p stackwright --features deploy --test book"
    );
}

/// Returns the help of a command.
fn help(command: &[String]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    let output =
        program.args(command).arg("--help").env("COLUMNS", "110").env("NO_COLOR", "1").output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn describe(command: &[String], page: &mut String) {
    let text = help(command);
    let _ = writeln!(page, "\n## `{}`\n\n```text", [&["stackwright".to_owned()], command].concat().join(" "));
    for line in text.trim_end().lines() {
        let _ = writeln!(page, "{}", line.trim_end());
    }
    page.push_str("```\n");
    let names =
        text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for name in names.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = name.split_whitespace().next().unwrap();
        if name != "help" {
            describe(&[command, &[name.to_owned()]].concat(), page);
        }
    }
}

#[test]
fn the_page_of_commands_is_current() {
    let mut page = "# Commands\n\nThe help of every command of the installed program. A program that defines stacks has the \
                    commands that need no AWS account; with the feature `deploy` it has all of them. `stackwright man` prints \
                    manual pages, `stackwright completions` a script for your shell.\n"
        .to_owned();
    describe(&[], &mut page);
    is_current("commands.md", &page);
}

/// A public item of a source file: its kind, its name, the first paragraph of its documentation, and its methods.
#[derive(Default)]
struct Item {
    summary: String,
    constructors: Vec<String>,
    setters: Vec<String>,
}

/// Returns a text without links to items, which only rustdoc can follow.
fn without_links(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, link)) = rest.split_once("](") {
        let (target, after) = link.split_once(')').unwrap_or((link, ""));
        let start = before.rfind('[').unwrap_or(before.len());
        plain.push_str(&before[..start]);
        match target.contains("://") {
            true => plain.push_str(&format!("{}]({target})", &before[start..])),
            false => plain.push_str(&before[(start + 1).min(before.len())..]),
        }
        rest = after;
    }
    plain.push_str(rest);
    plain.replace("[`", "`").replace("`]", "`")
}

/// Finds an item in the sources of the libraries.
fn item(name: &str, sources: &[String]) -> Option<Item> {
    let is_name = |rest: &str| {
        rest.strip_prefix(name)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let mut item: Option<Item> = None;
    for source in sources {
        let lines: Vec<&str> = source.lines().collect();
        // The depth of the `impl` block that is open.
        let mut of_item = false;
        // The methods of a trait are public without `pub`.
        let mut is_trait = false;
        for (number, line) in lines.iter().enumerate() {
            let declared = ["pub struct ", "pub enum ", "pub trait ", "pub type ", "macro_rules! "]
                .iter()
                .any(|keyword| line.strip_prefix(keyword).is_some_and(is_name))
                || ["pub fn ", "pub const fn "]
                    .iter()
                    .any(|keyword| line.strip_prefix(keyword).is_some_and(is_name));
            if declared {
                let mut documentation: Vec<&str> = lines[..number]
                    .iter()
                    .rev()
                    .take_while(|line| {
                        line.starts_with("///")
                            || line.starts_with('#')
                            || line.starts_with(')')
                            || line.starts_with("    ")
                    })
                    .copied()
                    .collect();
                documentation.reverse();
                let text = documentation.iter().filter_map(|line| line.strip_prefix("///")).map(str::trim);
                let summary = text.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
                item.get_or_insert_default().summary = without_links(&summary);
            }
            if line.starts_with("impl") && line.ends_with('{') {
                // The type of an inherent `impl`, without its parameters.
                let rest = line.trim_start_matches("impl");
                let rest = if rest.starts_with('<') {
                    rest.split_once("> ").map_or("", |(_, rest)| rest)
                } else {
                    rest.trim_start()
                };
                of_item = is_name(rest) && !line.contains(" for ");
                is_trait = false;
            } else if line.strip_prefix("pub trait ").is_some_and(is_name) {
                of_item = true;
                is_trait = true;
            } else if *line == "}" {
                of_item = false;
            }
            let method = line
                .strip_prefix("    pub fn ")
                .or_else(|| line.strip_prefix("    pub const fn "))
                .or_else(|| line.strip_prefix("    fn ").filter(|_| is_trait));
            if let Some(method) = method.filter(|_| of_item) {
                let signature = lines[number..].iter().take(3).copied().collect::<Vec<_>>().join(" ");
                let method = method.split(['(', '<']).next().unwrap().to_owned();
                let arguments = signature.split_once('(').map_or("", |(_, rest)| rest.trim_start());
                let is_hidden = number > 0
                    && lines[..number]
                        .iter()
                        .rev()
                        .take_while(|line| line.starts_with("    #") || line.starts_with("    ///"))
                        .any(|line| line.contains("doc(hidden)"));
                let item = item.get_or_insert_default();
                let methods = if ["self", "mut self", "&self", "&mut self"]
                    .iter()
                    .any(|own| arguments.starts_with(own))
                {
                    &mut item.setters
                } else {
                    &mut item.constructors
                };
                if !is_hidden && !methods.contains(&method) {
                    methods.push(method);
                }
            }
        }
    }
    item.filter(|item| !item.summary.is_empty())
}

/// Reads the sources below a directory, in the order of their paths.
fn sources(directory: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn the_page_of_constructs_is_current() {
    let library = fs::read_to_string(repository().join("cli/src/lib.rs")).unwrap();
    let (_, prelude) = library.split_once("pub mod prelude {").unwrap();
    let mut page = "# Constructs\n\nThe types of the prelude, `use stackwright::prelude::*;`, with the first paragraph of their \
                    documentation, their constructors, and their methods. Setters that several constructs share are in traits, \
                    which the prelude has too. `cargo doc --open -p stackwright` shows types, units and defaults.\n"
        .to_owned();
    for uses in prelude.split("pub use ").skip(1) {
        let uses = uses.split(';').next().unwrap();
        let (module, names) = uses.split_once("::{").or_else(|| uses.rsplit_once("::")).unwrap();
        let crate_name = module.split("::").next().unwrap().trim_start_matches("stackwright_");
        let mut found = Vec::new();
        let directory = repository().join(crate_name).join("src");
        let own = module.split("::").nth(1).map(|name| directory.join(name));
        sources(&directory, &mut found);
        found.sort();
        // The sources of the module come first, because another module may have a type of the same name.
        found.sort_by_key(|(path, _)| own.as_ref().is_some_and(|own| !path.starts_with(own)));
        let only_own = own.is_some_and(|own| own.is_dir());
        let texts: Vec<String> = found
            .iter()
            .filter(|(path, _)| {
                !only_own || path.starts_with(directory.join(module.split("::").nth(1).unwrap()))
            })
            .map(|(_, text)| text.clone())
            .collect();
        let public = module.replace("stackwright_", "stackwright::");
        let _ = writeln!(page, "\n## `{public}`");
        let _ = writeln!(page, "\n[Documentation](../doc/{}/index.html)", module.replace("::", "/"));
        // `Processor` comes from another crate, and `intrinsic` is a module.
        for name in names.trim_end_matches('}').split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let Some(item) = item(name, &texts) else {
                assert!(
                    ["Processor", "intrinsic"].contains(&name),
                    "{name} has no declaration with documentation"
                );
                continue;
            };
            let _ = writeln!(page, "\n**`{name}`** — {}", item.summary);
            let list = |names: &[String]| {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            };
            if !item.constructors.is_empty() {
                let names: Vec<_> = item.constructors.iter().map(|one| format!("{name}::{one}")).collect();
                let _ = writeln!(page, "\n- Constructors: {}", list(&names));
            }
            if !item.setters.is_empty() {
                let start = if item.constructors.is_empty() { "\n" } else { "" };
                let _ = writeln!(page, "{start}- Methods: {}", list(&item.setters));
            }
        }
    }
    is_current("constructs.md", &page);
}
