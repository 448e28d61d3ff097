//! Change sets and deletion previews as text and as Markdown.

use std::fmt::Write as _;

use serde_json::Value as Json;
use stackwright_deploy::{
    Annotation, Change, ChangeAction, ChangeOutcome, ChangeSet, ChangedProperty, DeletionPreview,
    Disposition, ParameterNote, ParameterReason, PolicyAction, PredictionDifference, Replacement,
    RequiredApproval,
};
use stackwright_review::diff;
use stackwright_review::markdown::MarkdownPart;

use crate::safe_text::{line, markdown, markdown_code};

/// The maximum number of characters of a value that are shown.
const MAX_VALUE_CHARS: usize = 60;

/// The number of equal characters that are shown before the first difference of two long values.
const CONTEXT_CHARS: usize = 15;

fn sign(change: &Change) -> &'static str {
    match (&change.action, &change.replacement) {
        (ChangeAction::Add, _) => "+",
        (ChangeAction::Remove, _) => "-",
        (ChangeAction::Import, _) => "<",
        (_, Some(Replacement::Yes)) => "±",
        _ => "~",
    }
}

/// Describes what happens to a resource beyond its action.
fn effect(change: &Change) -> String {
    let causes: Vec<_> = change.replacement_causes().collect();
    let by =
        if causes.is_empty() { String::new() } else { format!(" because of {}", line(&causes.join(", "))) };
    match (&change.replacement, &change.policy_action) {
        (Some(Replacement::Yes), _) => format!(" is replaced{by}"),
        (Some(Replacement::Conditional), _) => format!(" may be replaced{by}"),
        (_, Some(PolicyAction::Retain)) => " is removed from the stack and retained".into(),
        (_, Some(PolicyAction::Snapshot)) => " is deleted after a snapshot".into(),
        _ => String::new(),
    }
}

/// Returns two values so that their difference is visible, however long they are.
fn shown_pair(before: &str, after: &str) -> (String, String) {
    let (before, after): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let common = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let is_long = before.len().max(after.len()) > MAX_VALUE_CHARS;
    // The first difference has to be in the part that is shown.
    let start = if is_long { common.saturating_sub(CONTEXT_CHARS) } else { 0 };
    let shown = |value: &[char]| {
        let rest = value.get(start..).unwrap_or_default();
        let head = if start > 0 { "…" } else { "" };
        let text: String = rest.iter().take(MAX_VALUE_CHARS).collect();
        let tail = if rest.len() > MAX_VALUE_CHARS { "…" } else { "" };
        format!("{head}{}{tail}", line(&text))
    };
    let (one, other) = (shown(&before), shown(&after));
    if one != other || before == after {
        return (one, other);
    }
    // They differ in characters that a line cannot show, for example a line break and a space.
    let escaped = |value: &[char]| {
        let text: String = value.iter().skip(start).take(MAX_VALUE_CHARS).collect();
        text.escape_default().to_string()
    };
    (escaped(&before), escaped(&after))
}

fn shown(value: &str) -> String {
    shown_pair(value, value).0
}

/// The text in a change set for a value that is known only after the deployment.
const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// Returns a line for each difference of a property. Values that are objects or lists are compared by their contents.
fn property(resource_type: &str, change: &ChangedProperty) -> Vec<String> {
    let because = change.caused_by.as_ref().map(|cause| format!(" (because of {cause})")).unwrap_or_default();
    let lines = structured(resource_type, change).unwrap_or_else(|| vec![scalar(change)]);
    let readable = |text: String| line(&text.replace(KNOWN_AFTER_APPLY, "(known after deployment)"));
    lines.into_iter().map(|text| readable(format!("{text}{because}"))).collect()
}

/// Returns the differences of two values that are objects or lists, or `None` for other values.
fn structured(resource_type: &str, change: &ChangedProperty) -> Option<Vec<String>> {
    let read = |value: &Option<String>| -> Option<Json> {
        let value: Json = serde_json::from_str(value.as_deref()?).ok()?;
        (value.is_object() || value.is_array()).then_some(value)
    };
    let (before, after) = (read(&change.before)?, read(&change.after)?);
    let lines = diff::property_lines(resource_type, &change.name, &before, &after);
    // CloudFormation lists a change that has no effect, for example another order of tags: it is shown as it is.
    (!lines.is_empty()).then_some(lines)
}

fn scalar(change: &ChangedProperty) -> String {
    let name = &change.name;
    match (&change.before, &change.after) {
        (None, None) => name.clone(),
        (Some(before), Some(after)) if before == after => format!("{name}: {}", shown(before)),
        (Some(before), Some(after)) => {
            let (before, after) = shown_pair(before, after);
            format!("{name}: {before} → {after}")
        }
        (Some(before), None) => format!("{name}: {} → —", shown(before)),
        (None, Some(after)) => format!("{name}: — → {}", shown(after)),
    }
}

/// Describes a parameter whose value the program does not set.
fn parameter(note: &ParameterNote) -> String {
    let ParameterNote { name, reason, current, new, .. } = note;
    let value = |text: &Option<String>| text.as_deref().map_or("a hidden value".into(), shown);
    let (current, new) = match (current, new) {
        (Some(current), Some(new)) => shown_pair(current, new),
        (current, new) => (value(current), value(new)),
    };
    line(&match reason {
        ParameterReason::Kept => format!(
            "parameter {name} keeps {current}, which an earlier deployment set; the default of the template is {new} \
             (`--parameter {name}=…` sets it)"
        ),
        ParameterReason::DefaultChanged => {
            format!("parameter {name}: {current} → {new}, the new default of the template")
        }
        ParameterReason::SsmValueChanged => {
            format!("parameter {name}: the value of its SSM parameter has changed, {current} → {new}")
        }
        ParameterReason::IgnoredByImport => format!(
            "parameter {name}: the given value {new} is not used, because an import changes nothing but the imported \
             resources; `deploy` sets it afterwards"
        ),
        _ => format!("parameter {name}: {current} → {new}"),
    })
}

/// Returns what SageMaker does with changed variants of an endpoint, which CloudFormation does not know: it refuses another
/// instance type of a scaled variant, and an endpoint may keep its weights.
fn of_variants(change: &Change) -> Vec<String> {
    if change.resource_type != "AWS::SageMaker::EndpointConfig" {
        return Vec::new();
    }
    let variants = |value: &Option<String>| -> Vec<Json> {
        value.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let changed = |member: &str| -> Vec<String> {
        let of_property = |one: &ChangedProperty| {
            let before = variants(&one.before);
            let differs = |after: &&Json| {
                let same = before.iter().find(|before| before["VariantName"] == after["VariantName"]);
                same.is_some_and(|before| before[member] != after[member])
            };
            let after = variants(&one.after);
            let names = after.iter().filter(differs).filter_map(|one| one["VariantName"].as_str());
            names.map(|name| line(&format!("`{}[{name}].{member}`", change.logical_id))).collect::<Vec<_>>()
        };
        change
            .properties
            .iter()
            .filter(|one| one.name == "ProductionVariants")
            .flat_map(of_property)
            .collect()
    };
    let refused = changed("InstanceType").into_iter().map(|path| {
        format!(
            "{path} changes: SageMaker refuses this while the variant is registered for automatic scaling; deploy once \
             without its scalable target"
        )
    });
    let kept = changed("InitialVariantWeight").into_iter().map(|path| {
        format!(
            "{path} changes: an endpoint with `RetainAllVariantProperties` keeps the current weight, unless it excludes \
             `DesiredWeight` (`.set_weights()`)"
        )
    });
    refused.chain(kept).collect()
}

/// Returns the lines about a change set that are not about resources.
fn notes(change_set: &ChangeSet) -> Vec<String> {
    let mut notes: Vec<String> = change_set.attributes.iter().map(|one| line(&one.to_string())).collect();
    notes.extend(change_set.parameters.iter().map(parameter));
    notes.extend(change_set.changes.iter().flat_map(of_variants));
    notes.extend(change_set.refused_replacements().map(|change| {
        line(&format!(
            "warning: {}{}: CloudFormation refuses a replacement with `--keep-failed`, because the update would not be rolled \
             back; deploy without it",
            change.logical_id,
            effect(change)
        ))
    }));
    if change_set.changes.is_empty() && change_set.attributes.is_empty() {
        notes.insert(0, "no resource changes, only outputs or metadata of the stack".into());
    }
    notes
}

/// Returns a line for each resource for which the change set differs from what the templates predict.
fn prediction(change_set: &ChangeSet) -> Vec<String> {
    let differences = change_set.prediction.iter().flatten();
    differences.map(difference_of_prediction).collect()
}

fn difference_of_prediction(difference: &PredictionDifference) -> String {
    let words = |outcome: &Option<ChangeOutcome>, nothing: &str| match outcome {
        None => nothing.to_owned(),
        Some(outcome) => {
            let causes: Vec<&str> = outcome.causes.iter().map(String::as_str).collect();
            let because =
                if causes.is_empty() { String::new() } else { format!(" because of {}", causes.join(", ")) };
            format!("{}{because}", outcome.consequence.words())
        }
    };
    let PredictionDifference { logical_id, resource_type, predicted, reported, .. } = difference;
    line(&format!(
        "{logical_id} {resource_type} {} in this change set; the templates predict that it {}",
        words(reported, "does not change"),
        words(predicted, "does not change"),
    ))
}

/// Returns a change set as text.
pub(crate) fn change_set(change_set: &ChangeSet) -> String {
    let mut text = String::new();
    for note in notes(change_set) {
        let _ = writeln!(text, "  {note}");
    }
    for change in &change_set.changes {
        let resource = line(&format!("{} {}", change.logical_id, change.resource_type));
        let _ = writeln!(text, "  {} {resource}{}", sign(change), effect(change));
        if change.action == ChangeAction::Modify {
            for one in change.properties.iter().flat_map(|one| property(&change.resource_type, one)) {
                let _ = writeln!(text, "      {one}");
            }
        }
    }
    if let Some(counts) = counts(&change_set.changes) {
        let _ = writeln!(text, "  in all: {counts}");
    }
    for one in prediction(change_set) {
        let _ = writeln!(text, "  warning: {one}");
    }
    for required in change_set.required_approvals().iter().filter(|one| one.loses.is_some()) {
        let _ = writeln!(text, "  ! {}", line(&required.to_string()));
    }
    for one in &change_set.warnings {
        let warning = line(&format!("{}: {} ({})", one.logical_id, one.reason, one.check));
        let _ = writeln!(text, "  warning: {warning}");
        for one in &one.annotations {
            let _ = writeln!(text, "    {}", annotation(one));
        }
    }
    text
}

/// Returns what a hook found, in one line.
pub(crate) fn annotation(annotation: &Annotation) -> String {
    let Annotation { name, severity, message, remediation, link, .. } = annotation;
    let severity = severity.as_ref().map(|severity| format!(" ({severity})")).unwrap_or_default();
    let parts: Vec<&str> = [message, remediation, link].into_iter().flatten().map(String::as_str).collect();
    line(&format!("{name}{severity}: {}", parts.join("; ")))
}

/// From this number of changes on, they are counted.
const MANY_CHANGES: usize = 20;

/// Returns how many resources are added, changed, replaced and so on, if there are many.
fn counts(changes: &[Change]) -> Option<String> {
    let kinds = [("+", "added"), ("~", "changed"), ("±", "replaced"), ("-", "removed"), ("<", "imported")];
    let count = |wanted: &str| changes.iter().filter(|change| sign(change) == wanted).count();
    let parts =
        kinds.into_iter().map(|(wanted, word)| (count(wanted), word)).filter(|(number, _)| *number > 0);
    let text = parts.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ");
    (changes.len() >= MANY_CHANGES).then_some(text)
}

/// From this number of resources on, the table of a change set in Markdown is divided, so that a part of it can be left out.
const MAX_ROWS: usize = 40;

/// Returns a change set as Markdown, for a pull request: a summary, and the tables of the resources.
pub(crate) fn change_set_markdown(stack: &str, change_set: &ChangeSet) -> (String, Vec<MarkdownPart>) {
    let mut text = String::new();
    if let Some(counts) = counts(&change_set.changes) {
        let _ = writeln!(text, "In all: {counts}.\n");
    }
    for note in notes(change_set) {
        let _ = writeln!(text, "- {}", markdown(&note));
    }
    for one in prediction(change_set) {
        let _ = writeln!(text, "- Warning: {}", markdown(&one));
    }
    for one in &change_set.warnings {
        let (id, reason) = (markdown_code(&one.logical_id), markdown(&one.reason));
        let _ = writeln!(text, "\nWarning: {id}: {reason} ({})", markdown(&one.check));
        for one in &one.annotations {
            let _ = writeln!(text, "\n- {}", markdown(&annotation(one)));
        }
    }
    text.push_str(&approvals_markdown(&change_set.required_approvals()));
    let tables = change_set.changes.chunks(MAX_ROWS).enumerate().map(|(index, changes)| {
        let first = index * MAX_ROWS + 1;
        let name = format!("the resources {first} to {} of {stack}", first + changes.len() - 1);
        MarkdownPart::new(name, table(changes))
    });
    (text, tables.collect())
}

/// Returns the table of some resources of a change set.
fn table(changes: &[Change]) -> String {
    let mut text = String::from("| | resource | type | properties |\n|---|---|---|---|\n");
    for change in changes {
        let is_modified = change.action == ChangeAction::Modify;
        let properties: Vec<String> = change
            .properties
            .iter()
            .filter(|_| is_modified)
            .flat_map(|one| property(&change.resource_type, one))
            .map(|one| markdown_code(&one))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {}{} | {} | {} |",
            sign(change),
            markdown_code(&change.logical_id),
            markdown(&effect(change)),
            markdown(&change.resource_type),
            properties.join("<br>")
        );
    }
    text.push('\n');
    text
}

/// Returns the approvals that changes need as Markdown, with the options to type; empty if there are none.
pub(crate) fn approvals_markdown(required: &[RequiredApproval]) -> String {
    let mut text = String::new();
    if !required.is_empty() {
        text.push_str("\nTo approve:\n\n");
    }
    for one in required {
        let approval = markdown_code(&format!("--approve {}", one.approval()));
        let change = markdown(&one.to_string());
        let change = if one.loses.is_some() { format!("**{change}**") } else { change };
        let _ = writeln!(text, "- {approval}: {change}");
    }
    text
}

/// Returns what the deletion of a stack would do, as text.
pub(crate) fn deletion_preview(preview: &DeletionPreview) -> String {
    let mut text = String::from("the deletion of the stack would have these effects:\n");
    for one in &preview.resources {
        let resource = line(&format!("{} {}", one.logical_id, one.resource_type));
        let _ = match one.disposition {
            Disposition::Retained => writeln!(text, "  retained: {resource}"),
            Disposition::Snapshot => writeln!(text, "  - {resource} (deleted after a snapshot)"),
            _ => writeln!(text, "  - {resource}"),
        };
    }
    for one in &preview.lost_keys {
        let warning = line(&format!(
            "{} is retained, but its KMS key {} is deleted: its content cannot be read afterwards",
            one.resource, one.key
        ));
        let _ = writeln!(text, "  warning: {warning}");
    }
    for name in &preview.change_sets {
        let _ = writeln!(text, "  - change set {}", line(name));
    }
    if !preview.dependents.is_empty() {
        let names = line(&preview.dependents.join(", "));
        let _ = writeln!(text, "  warning: {names} depends on this stack and is deployed");
    }
    if preview.termination_protection {
        text.push_str("  termination protection is enabled\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_where_they_differ() {
        let long = |end: &str| format!("{}{end}", "x".repeat(300));
        let (before, after) = shown_pair(&long("one"), &long("two"));
        assert!(before.ends_with("xone") && after.ends_with("xtwo"), "{before} {after}");
        assert!(before.chars().count() < 40 && before.starts_with('…'));
        let (before, after) = shown_pair(&long(""), &long(&"y".repeat(200)));
        assert_ne!(before, after);
        assert_eq!(shown_pair("one", "two"), ("one".into(), "two".into()));
    }

    #[test]
    fn two_different_values_are_never_shown_alike() {
        let (before, after) = shown_pair("a b", "a\nb");
        assert_ne!(before, after);
        let same = |middle: &str| format!("{}{middle}{}", "x".repeat(100), "y".repeat(100));
        let (before, after) = shown_pair(&same("1"), &same("2"));
        assert_ne!(before, after);
        let (before, after) = shown_pair(&same("\t"), &same(" "));
        assert_ne!(before, after);
    }
}
