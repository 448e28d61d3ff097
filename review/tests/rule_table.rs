//! The table of `docs/checking.md` has every rule of cfn-lint, and names only rules that exist here.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use stackwright_review::check::rule_named;

fn table() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/checking.md");
    let page = std::fs::read_to_string(page).unwrap();
    let start = page.find("| cfn-lint | stackwright |").unwrap();
    page[start..].lines().take_while(|line| line.starts_with('|')).collect::<Vec<_>>().join("\n")
}

/// An ID of a rule of cfn-lint: a letter and four digits.
fn id(word: &str) -> Option<(char, u32)> {
    let letter = word.chars().next().filter(|letter| "EWI".contains(*letter))?;
    let digits = word.get(1..).filter(|digits| digits.len() == 4)?;
    digits.parse().ok().map(|number| (letter, number))
}

/// The IDs in the first column, with those inside of ranges.
fn named_ids(table: &str) -> BTreeSet<(char, u32)> {
    let mut ids = BTreeSet::new();
    for row in table.lines() {
        let first = row.split('|').nth(1).unwrap_or_default();
        for word in first.split(|letter: char| letter.is_whitespace() || letter == ',') {
            let (one, other) = word.split_once('–').unwrap_or((word, word));
            if let (Some((letter, from)), Some((_, to))) = (id(one), id(other)) {
                ids.extend((from..=to).map(|number| (letter, number)));
            }
        }
    }
    ids
}

#[test]
fn each_rule_of_cfn_lint_has_a_row() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/python/bin/cfn-lint");
    if !program.exists() {
        eprintln!("skipped: cfn-lint is not installed; run `cargo xtask tools`");
        return;
    }
    let output = Command::new(program).arg("--list-rules").output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let known: BTreeSet<_> =
        listed.lines().filter_map(|line| id(line.split(':').next().unwrap_or_default())).collect();
    assert!(known.len() > 300, "{}", known.len());
    let named = named_ids(&table());
    let missing: Vec<_> =
        known.difference(&named).map(|(letter, number)| format!("{letter}{number:04}")).collect();
    assert!(missing.is_empty(), "no row has {missing:?}");
}

#[test]
fn each_rule_of_this_check_in_the_table_exists() {
    let table = table();
    let quoted = table
        .lines()
        .skip(2)
        .filter_map(|row| row.split('|').nth(2))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let unknown: Vec<_> = quoted.filter(|name| name.contains('-') && rule_named(name).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
