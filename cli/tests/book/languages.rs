//! Every block of a page has a language, and a test does with it what [`LANGUAGES`] states.

use std::fs;

use serde_json::Value as Json;
use stackwright_synth::Template;

use super::page::blocks;
use super::{docs, pages, repository};

/// The info string of a block (the text after the opening fence), and what a test does with the block.
const LANGUAGES: [(&str, &str); 14] = [
    ("rust", "`snapshots/lib.rs` compiles it"),
    ("rust,no_run", "`snapshots/lib.rs` compiles it"),
    ("sh", "runs"),
    ("sh fails", "runs, and fails"),
    ("sh no_run", "does not run; `NOT_RUN` gives the reason for each command"),
    ("diff", "is applied as a patch"),
    ("text output", "is compared with what the commands print"),
    ("text", "is neither code nor commands, which a test checks"),
    ("json", "is parsed"),
    ("yaml", "is parsed"),
    ("toml", "is the configuration that a test in `configuration.rs` reads"),
    ("python", "is a program for the SageMaker SDK, which a page compares with Rust"),
    ("ts", "is a program for the CDK, which a page compares with Rust"),
    ("lua", "is a configuration of an editor"),
];

/// The beginnings of lines that are code in Rust or commands.
const CODE: [&str; 12] = [
    "use ",
    "let ",
    "fn ",
    "pub ",
    "impl ",
    "struct ",
    "#[",
    "stack.",
    "$ ",
    "cargo ",
    "cd ",
    "stackwright ",
];

/// The pages outside of the book that have commands. `cargo xtask ci` runs the first ones of the README, and a test in
/// `commands.rs` runs the others.
const OTHERS: [&str; 4] = ["../README.md", "../CONTRIBUTING.md", "../examples/README.md", "../SECURITY.md"];

/// Returns the pages whose snippets in Rust are compiled.
fn compiled() -> Vec<String> {
    let text = fs::read_to_string(repository().join("snapshots/lib.rs")).unwrap();
    let paths = text.lines().filter_map(|line| line.trim().strip_prefix("#[doc = include_str!(\"../"));
    let paths = paths.map(|rest| rest.trim_end_matches("\")]"));
    paths.map(|path| path.strip_prefix("docs/").map_or_else(|| format!("../{path}"), str::to_owned)).collect()
}

/// Returns what is wrong with a block, if anything is.
fn fault(info: &str, text: &str, is_compiled: bool) -> Option<String> {
    if !LANGUAGES.iter().any(|(known, _)| *known == info) {
        return Some(format!("LANGUAGES does not have `{info}`"));
    }
    match info {
        "rust" | "rust,no_run" if !is_compiled => Some("snapshots/lib.rs does not compile the page".into()),
        "text" => {
            let code = text.lines().find(|line| CODE.iter().any(|start| line.starts_with(start)));
            code.map(|line| format!("`{line}` is code: write `rust` or `sh`"))
        }
        "json" => serde_json::from_str::<Json>(text).err().map(|error| error.to_string()),
        "yaml" => {
            let indented = text.replace('\n', "\n    ");
            let template = format!("Metadata:\n  Block:\n    {indented}\nResources: {{}}\n");
            Template::read(&template).err().map(|error| error.message)
        }
        _ => None,
    }
}

#[test]
fn a_test_handles_every_block_of_every_page() {
    let compiled = compiled();
    let mut faults = Vec::new();
    let mut count = 0;
    for page in pages().into_iter().chain(OTHERS.map(str::to_owned)) {
        let text = fs::read_to_string(docs().join(&page)).unwrap();
        for (info, text) in blocks(&text) {
            count += 1;
            let fault = fault(&info, &text, compiled.contains(&page));
            faults.extend(fault.map(|fault| format!("{page}: {fault}:\n{text}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 100, "only {count} blocks were found");
}

#[test]
fn blocks_that_no_test_would_handle_are_found() {
    let faults = |page: &str, is_compiled: bool| -> Vec<String> {
        blocks(page).iter().filter_map(|(info, text)| fault(info, text, is_compiled)).collect()
    };
    for (block, part) in [
        ("```\nuse stackwright::prelude::*;\n```", "does not have ``"),
        ("```rust,ignore\nApp::new(1);\n```", "does not have `rust,ignore`"),
        ("```bash\nstackwright synth\n```", "does not have `bash`"),
        ("```text\nlet app = App::new(\"a\");\n```", "is code"),
        ("```text\nstackwright synth\n```", "is code"),
        ("```json\n{\"a\": 1,}\n```", "trailing comma"),
        ("```yaml\na: {b: c\n```", "flow mapping"),
    ] {
        let found = faults(block, true);
        assert!(found.len() == 1 && found[0].contains(part), "{block}: {found:?}");
    }
    assert_eq!(faults("```rust\nfn a() {}\n```", true), [""; 0]);
    assert_eq!(faults("```rust\nfn a() {}\n```", false).len(), 1);
    assert_eq!(
        faults("```yaml\na: 1\nb: {c: d}\n```\n\n```json\n{}\n```\n```text\nerror: x\n```", false),
        [""; 0]
    );
}
