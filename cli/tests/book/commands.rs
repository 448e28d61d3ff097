//! Tests of the commands that pages show.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::page::{blocks, code_spans};
use super::project::{Project, follow, follow_in_a_project};
use super::{docs, is_current, pages, repository};

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

#[test]
fn the_commands_of_every_page_are_run_by_a_test() {
    for page in pages() {
        let text = fs::read_to_string(docs().join(&page)).unwrap();
        let has_commands = blocks(&text).iter().any(|(info, _)| info == "sh" || info == "sh fails");
        let is_run = ["first-stack.md", "tutorial.md"].contains(&page.as_str())
            || IN_A_PROJECT.contains(&page.as_str());
        assert_eq!(has_commands, is_run, "{page}");
    }
}

/// The block runs as it is shown, except that `--yes` approves the deployment and a time limit ends `--watch`. `cargo xtask ci`
/// runs the commands of the README's other blocks.
#[test]
fn the_commands_with_which_the_readme_starts_a_project_run() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let commands: Vec<_> = blocks(&readme).into_iter().filter(|(info, _)| info == "sh").collect();
    let tested = ["cargo demo\n", "cargo xtask ci\n"];
    let (_, block) = commands.iter().find(|(_, text)| text.starts_with("stackwright new ")).unwrap();
    assert_eq!(commands.len(), tested.len() + 1);
    assert!(tested.iter().all(|tested| commands.iter().any(|(_, text)| text == tested)), "{commands:?}");
    let project = Project::new();
    let clone = project.path("PATH-OF-THE-CLONE");
    std::os::unix::fs::symlink(repository(), clone).unwrap();
    let mut script = "set -euo pipefail\n".to_owned();
    for line in block.lines() {
        let command = line.split(" # ").next().unwrap().trim();
        let _ = match command {
            "stackwright deploy --local" => writeln!(script, "{command} --yes"),
            // `synth --watch` runs until a signal ends it.
            "stackwright synth --watch" => {
                writeln!(script, "timeout 10 {command} || [ $? = 124 ]")
            }
            _ => writeln!(script, "{command}"),
        };
    }
    let printed = project.run(project.directory.path(), &script);
    assert!(printed.contains("my-stacks-Serving: deployed"), "{printed}");
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
            // `local` serves requests until a signal ends it; the tests in local_mode.rs run it.
            ["stackwright", "local"] => continue,
            // The command fails because of the simulated failure.
            ["stackwright", "deploy", "--local", "--faults", _] => {
                let _ = writeln!(script, "if {command} --yes; then echo 'this should fail'; exit 99; fi");
            }
            // No user can answer a question in this test, so the option gives the approval.
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
                // A program without the feature `deploy` does not have all commands. `docs/` uses the installed binary for the
                // other commands.
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
