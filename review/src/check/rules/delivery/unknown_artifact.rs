//! `unknown-artifact`

use std::collections::HashSet;

use super::{PIPELINE, in_order};
use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items, string};
use crate::check::view::{Resource, View};
use stackwright_schemas::nearest;

rule! {
    /// An action of a pipeline has an input artifact that no earlier action outputs, or an output artifact with the
    /// name of another one.
    ///
    /// An action is earlier if its stage is earlier, or if its `RunOrder` in the same stage is lower.
    ///
    /// # Why it matters
    ///
    /// CodePipeline refuses the pipeline.
    ///
    /// # How to fix
    ///
    /// Use the name of an output artifact of an earlier action, and give each output artifact its own name.
    ///
    /// # Limitations
    ///
    /// If an action or a name is known only at deployment, later actions are not checked.
    Error "unknown-artifact",
    source: "AWS CodePipeline API Reference, InputArtifact and OutputArtifact",
    applies_to: [PIPELINE],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for pipeline in view.of_type(PIPELINE) {
        check_pipeline(pipeline, findings);
    }
}

fn check_pipeline(pipeline: &Resource<'_>, findings: &mut Findings<'_, '_, '_>) {
    // `misplaced-source-action` reports sources in later stages.
    let mut made: HashSet<&str> = items(&pipeline.properties["Stages"])
        .skip(1)
        .flat_map(|stage| items(&stage["Actions"]))
        .filter(|action| is_source(action))
        .flat_map(|action| items(&action["OutputArtifacts"]))
        .filter_map(|artifact| string(&artifact["Name"]))
        .collect();
    // The output artifacts of an unknown action are not known either.
    let mut is_known = true;
    for (number, stage) in items(&pipeline.properties["Stages"]).enumerate() {
        is_known &= is_readable(stage) && is_readable(&stage["Actions"]);
        let actions = in_order(stage);
        for same_time in actions.chunk_by(|one, other| one.0 == other.0) {
            for (_, action) in same_time {
                for artifact in items(&action["InputArtifacts"]).filter(|_| is_known) {
                    let Some(name) = string(&artifact["Name"]).filter(|name| !made.contains(*name)) else {
                        continue;
                    };
                    let help = match nearest(name, made.iter().copied()) {
                        Some(near) => format!("the most similar name is `{near}`"),
                        None => "name an output artifact of an earlier action".to_owned(),
                    };
                    let message = format!("no earlier action outputs the artifact {name}");
                    findings.add(pipeline, &artifact["Name"], message, help);
                }
            }
            for (_, action) in same_time {
                let outputs = &action["OutputArtifacts"];
                is_known &= is_readable(action) && (!is_set(outputs) || is_readable(outputs));
                is_known &= !is_unresolved(&action["RunOrder"]);
                for artifact in items(outputs) {
                    is_known &= is_readable(artifact) && !is_unresolved(&artifact["Name"]);
                    let Some(name) = string(&artifact["Name"])
                        .filter(|name| !made.insert(*name) && (number == 0 || !is_source(action)))
                    else {
                        continue;
                    };
                    let message = format!("more than one action outputs the artifact {name}");
                    findings.add(
                        pipeline,
                        &artifact["Name"],
                        message,
                        "give each output artifact its own name",
                    );
                }
            }
        }
    }
}

fn is_source(action: &Cursor<'_>) -> bool {
    string(&action["ActionTypeId"]["Category"]) == Some("Source")
}

/// Returns whether a list or an object is written in the template, and not returned by a function.
fn is_readable(value: &Cursor<'_>) -> bool {
    !is_unresolved(value) && value.as_array().is_none_or(|list| !list.iter().any(is_unresolved))
}
