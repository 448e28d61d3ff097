//! The card of each edit to an example, as a snapshot: what a reviewer sees.
//!
//! After a change that is intended: `INSTA_UPDATE=always cargo test -p stackwright-review --test cards`, and review the
//! difference.
#![allow(clippy::unwrap_used)]

mod pairs;

use stackwright_review::card::{GITHUB_LIMIT, Options, card, markdown};
use stackwright_review::check;
use stackwright_synth::Assembly;

/// Edits that no example has, and whose cards are snapshots too.
const SERVICES: [&str; 2] = ["tag-only", "parameter-default"];

#[test]
fn cards_of_edits_to_the_examples_are_as_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../fixtures/cards");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        let services = pairs::SERVICES.iter().filter(|pair| SERVICES.contains(&pair.name));
        for pair in pairs::EXAMPLES.iter().chain(services) {
            let read = |text: String| Assembly::of_template("Stack.yaml", text).unwrap();
            // Rules and their messages have snapshots of their own.
            let check = check::Options::default().only(["dangling-reference"]);
            let estimate = stackwright_estimate::cost::Options::default();
            let options = Options::new("main").check(check).estimate(estimate);
            let card = card(&read(pair.before()), &read(pair.after()), options);
            insta::assert_snapshot!(pair.name, markdown(&card, GITHUB_LIMIT));
        }
    });
}

/// Two values that differ are shown differently, in the edits to all services too.
#[test]
fn no_card_shows_two_equal_texts_as_a_change() {
    for pair in pairs::EXAMPLES.iter().chain(&pairs::SERVICES) {
        let read = |text: String| Assembly::of_template("Stack.yaml", text).unwrap();
        let card = card(&read(pair.before()), &read(pair.after()), Options::default());
        let text = markdown(&card, GITHUB_LIMIT);
        assert!(!card.diff.is_empty(), "{}", pair.name);
        for (before, after) in
            text.lines().flat_map(|line| line.split("<br>")).filter_map(|cell| cell.split_once(" → "))
        {
            let before = before.rsplit(": ").next().unwrap();
            let after = after.split([' ', '`']).next().unwrap();
            assert_ne!(before, after, "{}: {text}", pair.name);
        }
    }
}
