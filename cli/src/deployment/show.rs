//! A change set for people: what is made, changed, replaced and deleted, and what in it wants somebody's word.

use std::fmt::Write as _;

use stackwright_deploy::{Annotation, Change, ChangeSet, Concern, PropertyChange};

/// How much of a value is shown.
const MOST: usize = 60;

fn sign(change: &Change) -> &'static str {
    match (change.action.as_str(), change.replacement.as_deref()) {
        ("Add", _) => "+",
        ("Remove", _) => "-",
        ("Import", _) => "<",
        (_, Some("True")) => "±",
        _ => "~",
    }
}

fn fate(change: &Change) -> String {
    let causes: Vec<_> = change.causes().collect();
    let by = if causes.is_empty() { String::new() } else { format!(" by {}", causes.join(", ")) };
    match (change.replacement.as_deref(), change.policy_action.as_deref()) {
        (Some("True"), _) => format!(" replaced{by}"),
        (Some("Conditional"), _) => format!(" may be replaced{by}"),
        (_, Some("Retain")) => " kept, no longer the stack's".into(),
        (_, Some("Snapshot")) => " after a snapshot".into(),
        _ => String::new(),
    }
}

fn shortened(value: Option<&str>) -> String {
    let Some(value) = value else { return "—".into() };
    if value.chars().count() <= MOST {
        return value.replace('\n', " ");
    }
    let start: String = value.chars().take(MOST - 1).collect();
    format!("{}…", start.replace('\n', " "))
}

fn property(change: &PropertyChange) -> String {
    let because = change.because_of.as_ref().map(|cause| format!(" (of {cause})")).unwrap_or_default();
    match (&change.before, &change.after) {
        (None, None) => format!("{}{because}", change.name),
        (before, after) => {
            format!(
                "{}: {} → {}{because}",
                change.name,
                shortened(before.as_deref()),
                shortened(after.as_deref())
            )
        }
    }
}

/// A change set as lines.
pub(crate) fn change_set(change_set: &ChangeSet) -> String {
    let mut text = String::new();
    if change_set.changes.is_empty() {
        text.push_str("  outputs or metadata only\n");
    }
    for change in &change_set.changes {
        let _ = writeln!(
            text,
            "  {} {} {}{}",
            sign(change),
            change.logical_id,
            change.resource_type,
            fate(change)
        );
        if change.action == "Modify" {
            for one in &change.properties {
                let _ = writeln!(text, "      {}", property(one));
            }
        }
    }
    for concern in change_set.concerns().iter().filter(|one| one.loses.is_some()) {
        let _ = writeln!(text, "  ! {}", danger(concern));
    }
    for one in &change_set.warnings {
        let _ = writeln!(text, "  warning: {}: {} ({})", one.logical_id, one.reason, one.check);
        for annotation in &one.annotations {
            let _ = writeln!(text, "    {}", advice(annotation));
        }
    }
    text
}

/// What a hook advises, in a line.
pub(crate) fn advice(annotation: &Annotation) -> String {
    let Annotation { name, severity, message, remediation, link, .. } = annotation;
    let severity = severity.as_ref().map(|severity| format!(" ({severity})")).unwrap_or_default();
    let said: Vec<&str> = [message, remediation, link].into_iter().flatten().map(String::as_str).collect();
    format!("{name}{severity}: {}", said.join("; "))
}

fn danger(concern: &Concern) -> String {
    let what = concern.loses.as_deref().unwrap_or_default();
    format!("{} of {}, which holds {what}", concern.danger, concern.logical_id)
}

/// A change set as Markdown, for a pull request.
pub(crate) fn markdown(change_set: &ChangeSet) -> String {
    if change_set.changes.is_empty() {
        return "Outputs or metadata only.\n".into();
    }
    let mut text = String::from("| | resource | type | properties |\n|---|---|---|---|\n");
    for change in &change_set.changes {
        let names: Vec<String> = change
            .properties
            .iter()
            .filter(|_| change.action == "Modify")
            .map(|one| format!("`{}`", property(one).replace('|', "\\|").replace('`', "'")))
            .collect();
        let _ = writeln!(
            text,
            "| {} | `{}`{} | {} | {} |",
            sign(change),
            change.logical_id,
            fate(change),
            change.resource_type,
            names.join("<br>")
        );
    }
    for one in &change_set.warnings {
        let _ = writeln!(text, "\nWarning: `{}`: {} ({})", one.logical_id, one.reason, one.check);
        for annotation in &one.annotations {
            let _ = writeln!(text, "\n- {}", advice(annotation));
        }
    }
    let concerns = change_set.concerns();
    if !concerns.is_empty() {
        text.push_str("\nTo approve:\n\n");
        for concern in &concerns {
            let loses =
                concern.loses.as_ref().map(|what| format!(" — **it holds {what}**")).unwrap_or_default();
            let _ = writeln!(text, "- `--approve {}` ({}){loses}", concern.approval(), concern.logical_id);
        }
    }
    text
}
