//! The book in `docs/`: its commands run as they are shown, the targets of its links exist, and its generated pages are current.
//!
//! In a page, a block of commands is marked `sh`. The blocks of a page run in order, as one script, in a project that `new`
//! created, against local mode. `sh fails` means that the commands fail, `diff` is applied as a patch, and each line of a `text
//! output` block is part of what was printed. `sh no_run` marks commands that need something that a test does not have;
//! [`script::NOT_RUN`] gives the reasons. [`languages`] has what tests do with each language.
//!
//! `UPDATE_DOCS=1 cargo test -p stackwright --features deploy --test book` writes the generated pages.
#![allow(clippy::unwrap_used)]

#[path = "../aws/mod.rs"]
mod aws;
mod commands;
mod constructs;
mod languages;
mod links;
mod page;
mod project;
mod script;

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn docs() -> PathBuf {
    repository().join("docs")
}

/// Returns the pages of the book, in the order of its table of contents.
fn pages() -> Vec<String> {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).unwrap();
    page::links(&summary)
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
