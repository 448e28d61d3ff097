//! Fixes restore templates with a spelling mistake, or leave them as they are.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use stackwright_review::check::{Options, check, fix};
use stackwright_synth::{Assembly, Template};

/// The templates without findings of the rules, as they are written and in two forms of JSON.
static EXAMPLES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".good.yaml"));
    paths.sort();
    let mut found = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        let text = std::fs::read_to_string(path).unwrap();
        let template = Template::read(&text).unwrap();
        found.push(match number % 5 {
            0 => template.json().to_owned(),
            1 => serde_json::to_string(template.sections()).unwrap(),
            2 => template.to_yaml(),
            3 => format!("\u{feff}{}", text.replace('\n', "\r\n")),
            _ => text,
        });
    }
    found
});

fn findings(text: &str) -> Option<BTreeSet<(String, String)>> {
    let assembly = Assembly::of_template("t.yaml", text.to_owned()).ok()?;
    let found = check(&assembly, &Options::default()).diagnostics;
    Some(found.into_iter().map(|one| (one.id.into_owned(), one.message)).collect())
}

/// The words of a template that can have a spelling mistake, with their positions.
fn words(text: &str) -> Vec<(usize, &str)> {
    let all = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_word = |word: &&str| word.len() > 3 && word.starts_with(|first: char| first.is_ascii_alphabetic());
    // The words are parts of the text: the difference of their addresses is the position.
    all.filter(is_word).map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word)).collect()
}

/// Leaves out, repeats, replaces or exchanges letters of a word.
fn misspelled(word: &str, kind: usize, at: usize) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = at % (letters.len() - 1);
    match kind % 4 {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        2 => letters[at] = 'q',
        _ => letters.swap(at, at + 1),
    }
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_mistake_is_corrected_or_left_as_it_is(
        (example, word, kind, at) in (any::<usize>(), any::<usize>(), any::<usize>(), any::<usize>()),
    ) {
        let original = &EXAMPLES[example % EXAMPLES.len()];
        let all: Vec<(usize, &str)> = words(original);
        let (start, word) = all[word % all.len()];
        let wrong = misspelled(word, kind, at);
        prop_assume!(wrong != word && !original.contains(&wrong));
        let mutant = format!("{}{wrong}{}", &original[..start], &original[start + word.len()..]);
        let fixed = fix("t.yaml", &mutant, &Options::default());
        // Where a logical ID has the mistake, its references may follow it.
        let restored = fixed.text.replace(&wrong, word) == *original;
        prop_assert!(fixed.text == mutant || restored, "{wrong}:\n{}\n{:?}", mutant, fixed.changes);
        prop_assert_eq!(fixed.changes.is_empty(), fixed.text == mutant);
        let (Some(before), Some(good)) = (findings(&mutant), findings(original)) else { return Ok(()) };
        let after = findings(&fixed.text);
        prop_assert!(after.is_some(), "{}", fixed.text);
        let after = after.unwrap();
        let new: Vec<_> = after.iter().filter(|one| !before.contains(*one) && !good.contains(*one)).collect();
        prop_assert!(new.is_empty() || fixed.text.contains(&wrong), "{new:?}\n{}", fixed.text);
        prop_assert!(after.len() <= before.len().max(good.len()), "{after:?}\n{before:?}");
        let again = fix("t.yaml", &fixed.text, &Options::default());
        prop_assert!(again.changes.is_empty() && again.text == fixed.text, "{:?}", again.changes);
    }
}

#[test]
fn most_misspelled_types_and_properties_are_corrected() {
    let (mut wrong, mut corrected) = (0, 0);
    for (number, original) in EXAMPLES.iter().enumerate() {
        let Some((start, word)) = words(original).into_iter().find(|(start, word)| {
            let after = &original[start + word.len()..];
            let is_key = after.starts_with(": ") || after.starts_with("\": ") || after.starts_with("\":");
            is_key && word.len() > 6 && *word != "Resources" && *word != "Properties"
        }) else {
            continue;
        };
        let mutant = format!(
            "{}{}{}",
            &original[..start],
            misspelled(word, number, 2),
            &original[start + word.len()..]
        );
        if findings(&mutant) == findings(original) || mutant == *original {
            continue;
        }
        wrong += 1;
        corrected += usize::from(fix("t.yaml", &mutant, &Options::default()).text == *original);
    }
    assert!(wrong > 50 && corrected * 2 > wrong, "{corrected} of {wrong}");
}
