//! The commands of a page as one script.

use std::fmt::Write as _;

use super::page::blocks;

/// The beginnings of the commands that no test runs here, and why.
pub const NOT_RUN: [(&str, &str); 7] = [
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

/// Returns the script of a page, and the lines that it has to print.
pub fn script(page: &str) -> (String, Vec<String>) {
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
