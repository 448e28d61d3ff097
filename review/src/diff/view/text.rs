//! A comparison as text for terminals.

use std::fmt::Write as _;

use stackwright_schemas::consequence::Consequence;

use super::value::{Line, grouped};
use crate::diff::model::{
    Diff, PropertyChange, Recreation, ResourceAction, ResourceChange, StackAction, StackDiff,
};
use crate::diff::security::Effect;
use crate::visible::visible;

const RESET: &str = "\x1b[0m";

/// Colours of a terminal, or none.
struct Style(bool);

impl Style {
    fn paint(&self, code: &str, text: &str) -> String {
        let text = visible(text);
        if self.0 { format!("\x1b[{code}m{text}{RESET}") } else { text.into_owned() }
    }

    fn consequence(&self, consequence: Consequence, text: &str) -> String {
        let code = match consequence {
            Consequence::Refused
            | Consequence::Replaced
            | Consequence::Deleted
            | Consequence::MayBeReplaced => "31",
            Consequence::Retained | Consequence::Snapshot | Consequence::Updated => "33",
            Consequence::Created | Consequence::Moved => "32",
            _ => "2",
        };
        self.paint(code, text)
    }
}

/// Returns the comparison as text. `styled` adds colors for a terminal.
pub fn text(diff: &Diff, styled: bool) -> String {
    let style = Style(styled);
    let mut text = String::new();
    for stack in &diff.stacks {
        one(stack, &style, &mut text);
        text.push('\n');
    }
    text.push_str(&summary(diff));
    text.push('\n');
    text
}

/// Returns the summary in one line: `1 replaced, 2 updated in place; 3 stacks are unchanged`.
pub(crate) fn summary(diff: &Diff) -> String {
    let count = |wanted: Consequence| diff.resources().filter(|change| change.consequence == wanted).count();
    let words = [
        (Consequence::Refused, "refused"),
        (Consequence::Replaced, "replaced"),
        (Consequence::Deleted, "deleted"),
        (Consequence::MayBeReplaced, "perhaps replaced"),
        (Consequence::Retained, "kept outside the stack"),
        (Consequence::Snapshot, "deleted after a snapshot"),
        (Consequence::Created, "created"),
        (Consequence::Updated, "updated in place"),
        (Consequence::Moved, "kept under another logical ID"),
        (Consequence::AttributesOnly, "changed in the stack only"),
        (Consequence::Unchanged, "written differently"),
    ];
    let mut parts: Vec<String> = words
        .iter()
        .map(|(consequence, words)| (count(*consequence), words))
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    if parts.is_empty() && !diff.stacks.is_empty() {
        parts.push("no resource changes".into());
    }
    if diff.unchanged > 0 {
        let stacks = if diff.unchanged == 1 { "stack is" } else { "stacks are" };
        parts.push(format!("{} {stacks} unchanged", diff.unchanged));
    }
    if parts.is_empty() { "nothing differs".into() } else { parts.join(", ") }
}

fn one(stack: &StackDiff, style: &Style, text: &mut String) {
    let action = match stack.action {
        StackAction::Added => " is new",
        StackAction::Removed => " is no longer in the program",
        StackAction::Modified => "",
    };
    let _ = writeln!(text, "{}{action}", style.paint("1", &stack.id));
    for note in &stack.notes {
        let _ = writeln!(text, "  note: {}", visible(note));
    }
    list(&stack.settings, "  ~ stack ", style, text);
    for change in &stack.resources {
        resource(change, style, text);
    }
    list(&stack.sections, "  ~ ", style, text);
    for asset in &stack.assets {
        let key = |key: &Option<String>| key.as_deref().map_or("nothing".into(), visible).into_owned();
        let _ = writeln!(text, "  ~ asset {} → {}", key(&asset.before), key(&asset.after));
        for file in asset.files.iter().flatten() {
            let _ = writeln!(text, "      {} {}", file.sign(), visible(file.name()));
        }
    }
    for change in &stack.security {
        let (sign, code) = match change.effect {
            Effect::Broadened => ("!", "31"),
            Effect::Changed => ("~", "33"),
            Effect::Narrowed => ("-", "32"),
        };
        let line = format!(
            "  {sign} {} {}: {} {} ({})",
            change.subject.name(),
            change.effect.name(),
            change.logical_id,
            change.what,
            change.path
        );
        let _ = writeln!(text, "{}", style.paint(code, &line));
    }
}

fn resource(change: &ResourceChange, style: &Style, text: &mut String) {
    let ResourceChange { resource_type, consequence, .. } = change;
    let line = format!("{} {} {resource_type} {}", consequence.sign(), change.name(), fate(change));
    let _ = writeln!(text, "  {}", style.consequence(*consequence, &line));
    list(change.shown(), "      ", style, text);
    list(&change.written, "      (as written) ", style, text);
    for failure in &change.failures {
        let _ = writeln!(text, "      {}", style.paint("31", &format!("will fail: {failure}")));
    }
    for note in &change.notes {
        let _ = writeln!(text, "      note: {}", visible(note));
    }
}

/// Returns the consequence for a resource in words, with its cause, and with the data or traffic that it affects.
pub(crate) fn fate(change: &ResourceChange) -> String {
    let words = change.consequence.words();
    let mut words = match (change.action, change.consequence) {
        (ResourceAction::Renamed, _) => format!("is renamed: the old resource {words}"),
        (ResourceAction::Moved, Consequence::Moved) => {
            "is kept: a stack refactor gives it the new logical ID".into()
        }
        (ResourceAction::Moved, _) => {
            format!("is kept by a stack refactor, which gives it the new logical ID, and then {words}")
        }
        _ => words.to_owned(),
    };
    let causes: Vec<&str> = change
        .causes()
        .filter(|cause| change.consequence != Consequence::Replaced || cause.recreation == Recreation::Always)
        .map(|cause| cause.path.as_str())
        .collect();
    if !causes.is_empty() {
        words.push_str(&format!(" because of {}", causes.join(", ")));
    }
    if let Some(held) = change.endangers() {
        words.push_str(&format!("; it {}", held.predicate()));
    }
    if let Some(condition) = &change.condition {
        words.push_str(&format!(", if the condition {condition} holds"));
    }
    words
}

fn list<'a>(
    changes: impl IntoIterator<Item = &'a PropertyChange>,
    indent: &str,
    style: &Style,
    text: &mut String,
) {
    for line in grouped(changes) {
        match line {
            Line::One(line) => _ = writeln!(text, "{indent}{line}"),
            Line::Several(path, lines) => {
                let _ = writeln!(text, "{indent}{path}:");
                for (sign, number, line) in lines {
                    let code = if sign == '+' { "32" } else { "31" };
                    let line = style.paint(code, &format!("{sign}{number:>4} {line}"));
                    let _ = writeln!(text, "{indent}  {line}");
                }
            }
        }
    }
}
