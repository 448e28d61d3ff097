//! A comparison as one JSON document for programs, described in `docs/diff.schema.json`.

use serde_json::{Value as JsonValue, json};
use stackwright_synth::SourceLocation;

use crate::diff::model::{
    Because, Diff, FileChange, PropertyChange, Recreation, ResourceAction, ResourceChange, StackAction,
    StackDiff,
};
use crate::diff::security::SecurityChange;

/// Counts up when a field is removed or changes its meaning. New fields do not count.
const VERSION: u32 = 1;

/// Returns the comparison as JSON.
pub fn json(diff: &Diff) -> String {
    format!("{:#}\n", document(diff))
}

/// Returns the comparison as a JSON value.
pub(crate) fn document(diff: &Diff) -> JsonValue {
    let stacks: Vec<JsonValue> = diff.stacks.iter().map(stack).collect();
    json!({
        "version": VERSION,
        "unchangedStacks": diff.unchanged,
        "permissionsBroadened": diff.permissions_broadened(),
        "stacks": stacks,
        "moves": diff.moves.iter().map(|one| json!({
            "fromStack": one.from_stack,
            "fromId": one.from_id,
            "toStack": one.to_stack,
            "toId": one.to_id,
        })).collect::<Vec<_>>(),
    })
}

fn stack(stack: &StackDiff) -> JsonValue {
    let assets: Vec<JsonValue> = stack
        .assets
        .iter()
        .map(|asset| {
            json!({
                "before": asset.before,
                "after": asset.after,
                "files": asset.files.as_ref().map(|files| file_changes(files)),
            })
        })
        .collect();
    json!({
        "id": stack.id,
        "name": stack.name,
        "action": match stack.action {
            StackAction::Added => "added",
            StackAction::Removed => "removed",
            StackAction::Modified => "modified",
        },
        "settings": properties(&stack.settings),
        "sections": properties(&stack.sections),
        "resources": stack.resources.iter().map(resource).collect::<Vec<_>>(),
        "assets": assets,
        "security": stack.security.iter().map(security).collect::<Vec<_>>(),
        "notes": stack.notes,
    })
}

fn file_changes(files: &[FileChange]) -> JsonValue {
    let of = |wanted: char| -> Vec<&str> {
        files.iter().filter(|file| file.sign() == wanted).map(FileChange::name).collect()
    };
    json!({ "added": of('+'), "removed": of('-'), "modified": of('~') })
}

fn resource(change: &ResourceChange) -> JsonValue {
    json!({
        "logicalId": change.logical_id,
        "type": change.resource_type,
        "action": match change.action {
            ResourceAction::Added => "added",
            ResourceAction::Removed => "removed",
            ResourceAction::Modified => "modified",
            ResourceAction::Renamed => "renamed",
            ResourceAction::Moved => "moved",
        },
        "consequence": change.consequence.name(),
        "causes": change.causes().map(|cause| cause.path.clone()).collect::<Vec<_>>(),
        "holds": change.holds.map(stackwright_schemas::held::Held::name),
        "endangered": change.endangers().is_some(),
        "deletedElements": change.deleted_elements.iter().map(|one| json!({
            "path": one.path,
            "holds": one.holds.name(),
        })).collect::<Vec<_>>(),
        "renamedFrom": change.renamed_from,
        "condition": change.condition,
        "properties": properties(&change.properties),
        "attributes": properties(&change.attributes),
        "written": properties(&change.written),
        "notes": change.notes,
        "failures": change.failures,
        "location": change.location.as_ref().map(location),
    })
}

fn properties(changes: &[PropertyChange]) -> Vec<JsonValue> {
    let recreation = |recreation: Recreation| match recreation {
        Recreation::Never => "never",
        Recreation::Conditionally => "conditionally",
        Recreation::Always => "always",
    };
    let one = |change: &PropertyChange| {
        json!({
            "path": change.path,
            "before": change.before,
            "after": change.after,
            "order": change.is_order,
            "recreation": recreation(change.recreation),
            "because": change.because.as_ref().map(|because| match because {
                Because::Input(input, name) => json!({ "kind": input.name(), "name": name, "certain": true }),
                Because::Replacement(id, certain) => json!({ "kind": "replacement", "name": id, "certain": certain }),
            }),
            "location": change.location.as_ref().map(location),
        })
    };
    changes.iter().map(one).collect()
}

pub(crate) fn security(change: &SecurityChange) -> JsonValue {
    json!({
        "subject": change.subject.name(),
        "effect": change.effect.name(),
        "logicalId": change.logical_id,
        "path": change.path,
        "what": change.what,
    })
}

fn location(location: &SourceLocation) -> JsonValue {
    json!({ "file": location.file, "line": location.line, "column": location.column })
}
