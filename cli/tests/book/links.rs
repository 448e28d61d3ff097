//! Tests of the links of pages.

use std::fs;

use super::page::{anchors, links};
use super::{docs, pages};

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
        // `cargo xtask ci` tests the links to the documentation of the crates.
        for link in links(&text).iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{page}: the target of {link} does not exist");
            let is_in_book = target.canonicalize().unwrap().starts_with(docs().canonicalize().unwrap());
            assert!(page.starts_with("..") || is_in_book, "{page}: the target of {link} is not in the book");
            if !anchor.is_empty() {
                let found = anchors(&fs::read_to_string(&target).unwrap());
                assert!(found.contains(anchor), "{page}: {link} has no such heading");
            }
        }
    }
}
