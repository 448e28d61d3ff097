//! Findings of `check` that a change adds.

use std::collections::HashMap;

use stackwright_synth::Assembly;

use crate::check;
use crate::diagnostic::Diagnostic;

/// Findings of two assemblies, compared.
pub(crate) struct Compared {
    pub new: Vec<Diagnostic>,
    pub known: usize,
    pub fixed: usize,
}

/// Returns the findings of the new assembly that the old one does not have. A finding is the same if rule, stack, resource and
/// path are, or rule, stack, resource and message: lines and positions in lists move.
pub(crate) fn compare(old: &Assembly, new: &Assembly, options: &check::Options) -> Compared {
    let before = check::check(old, options).diagnostics;
    let after = check::check(new, options).diagnostics;
    // Two templates are compared whatever they are called.
    let ignores_stack = old.stacks.len() == 1 && new.stacks.len() == 1;
    let mut left: HashMap<String, usize> = HashMap::new();
    for one in before.iter().filter(|one| one.acknowledged.is_none()) {
        *left.entry(by_path(one, ignores_stack)).or_default() += 1;
    }
    let mut by_words: HashMap<String, usize> = HashMap::new();
    let mut open = Vec::new();
    let mut known = 0;
    for one in after.into_iter().filter(|one| one.acknowledged.is_none()) {
        match left.get_mut(&by_path(&one, ignores_stack)).filter(|number| **number > 0) {
            Some(number) => {
                *number -= 1;
                known += 1;
            }
            None => open.push(one),
        }
    }
    for one in before.iter().filter(|one| one.acknowledged.is_none()) {
        if let Some(number) = left.get_mut(&by_path(one, ignores_stack)).filter(|number| **number > 0) {
            *number -= 1;
            *by_words.entry(by_message(one, ignores_stack)).or_default() += 1;
        }
    }
    let mut new = Vec::new();
    for one in open {
        match by_words.get_mut(&by_message(&one, ignores_stack)).filter(|number| **number > 0) {
            Some(number) => {
                *number -= 1;
                known += 1;
            }
            None => new.push(one),
        }
    }
    Compared { new, known, fixed: by_words.values().sum() }
}

fn subject(one: &Diagnostic, ignores_stack: bool) -> String {
    let stack = if ignores_stack { "" } else { &one.stack };
    format!("{}\u{0}{stack}\u{0}{}", one.id, one.resource.as_deref().unwrap_or_default())
}

fn by_path(one: &Diagnostic, ignores_stack: bool) -> String {
    format!(
        "{}\u{0}{}\u{0}{}",
        subject(one, ignores_stack),
        one.path,
        one.when.as_deref().unwrap_or_default()
    )
}

fn by_message(one: &Diagnostic, ignores_stack: bool) -> String {
    format!("{}\u{0}{}", subject(one, ignores_stack), one.message)
}
