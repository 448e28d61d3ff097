//! A comparison as Markdown for pull requests.

use std::fmt::Write as _;

use super::text::{fate, summary};
use super::value::{Line, grouped};
use crate::diff::model::{Diff, PropertyChange, ResourceChange, StackAction, StackDiff};
use crate::markdown::{cell, code};

/// Returns the comparison as Markdown.
pub fn markdown(diff: &Diff) -> String {
    let mut text = format!("### Changes: {}\n", summary(diff));
    for stack in &diff.stacks {
        text.push_str(&stack_markdown(stack, true));
    }
    text
}

/// Returns a stack of a comparison as Markdown, with its resources or only with what else changes.
pub(crate) fn stack_markdown(stack: &StackDiff, with_resources: bool) -> String {
    let action = match stack.action {
        StackAction::Added => " (new)",
        StackAction::Removed => " (no longer in the program)",
        StackAction::Modified => "",
    };
    let mut text = format!("\n#### {}{action}\n\n", cell(&stack.id));
    for note in &stack.notes {
        let _ = writeln!(text, "> {}\n", cell(note));
    }
    if with_resources && !stack.resources.is_empty() {
        text.push_str("| | Resource | Consequence | Changes |\n|---|---|---|---|\n");
        for change in &stack.resources {
            text.push_str(&row(change));
        }
    }
    let others: Vec<&PropertyChange> = stack.settings.iter().chain(&stack.sections).collect();
    if !others.is_empty() {
        text.push_str("\n<details><summary>Changes outside of resources</summary>\n\n");
        for line in properties(others) {
            let _ = writeln!(text, "- {line}");
        }
        text.push_str("\n</details>\n");
    }
    if !stack.assets.is_empty() {
        text.push_str("\n<details><summary>Assets</summary>\n\n");
        for asset in &stack.assets {
            let key = |key: &Option<String>| key.as_ref().map_or("nothing".to_owned(), |key| code(key));
            let _ = writeln!(text, "- {} → {}", key(&asset.before), key(&asset.after));
            for file in asset.files.iter().flatten() {
                let _ = writeln!(text, "  - {} {}", file.sign(), code(file.name()));
            }
        }
        text.push_str("\n</details>\n");
    }
    text
}

fn row(change: &ResourceChange) -> String {
    let name = match &change.renamed_from {
        Some(old) => format!("{} → {}", code(old), code(&change.logical_id)),
        None => code(&change.logical_id),
    };
    let mut cells: Vec<String> = properties(change.shown());
    cells.extend(properties(&change.written).into_iter().map(|line| format!("as written: {line}")));
    cells.extend(change.failures.iter().map(|failure| format!("**Will fail:** {}", cell(failure))));
    cells.extend(change.notes.iter().map(|note| format!("*{}*", cell(note))));
    format!(
        "| {} | {name}<br>{} | {} | {} |\n",
        change.consequence.sign(),
        cell(&change.resource_type),
        cell(&fate(change)),
        cells.join("<br>")
    )
}

/// Changes as lines in a cell of a table.
pub(crate) fn properties<'a>(changes: impl IntoIterator<Item = &'a PropertyChange>) -> Vec<String> {
    let line = |line: Line| match line {
        Line::One(line) => code(&line),
        Line::Several(path, lines) => {
            let shown: Vec<String> =
                lines.iter().map(|(sign, number, line)| code(&format!("{sign}{number} {line}"))).collect();
            format!("{}:<br>{}", code(&path), shown.join("<br>"))
        }
    };
    grouped(changes).into_iter().map(line).collect()
}
