//! `duplicate-stage-or-action`

use std::collections::HashSet;

use super::PIPELINE;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{items, string};
use crate::check::view::View;

rule! {
    /// Two stages of a pipeline, or two actions of a stage, have the same name.
    ///
    /// # Why it matters
    ///
    /// CodePipeline refuses the pipeline.
    ///
    /// # How to fix
    ///
    /// Give each stage its own name, and each action its own name in the stage.
    Error "duplicate-stage-or-action",
    source: "AWS CodePipeline User Guide, \"CodePipeline pipeline structure reference\"",
    applies_to: [PIPELINE],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for pipeline in view.of_type(PIPELINE) {
        let mut stages = HashSet::new();
        for stage in items(&pipeline.properties["Stages"]) {
            let name = &stage["Name"];
            if let Some(known) = string(name).filter(|known| !stages.insert(*known)) {
                let message = format!("more than one stage has the name {known}");
                findings.add(pipeline, name, message, "give each stage its own name");
            }
            let mut actions = HashSet::new();
            for action in items(&stage["Actions"]) {
                let name = &action["Name"];
                if let Some(known) = string(name).filter(|known| !actions.insert(*known)) {
                    let message = format!("more than one action of the stage has the name {known}");
                    findings.add(pipeline, name, message, "give each action its own name in the stage");
                }
            }
        }
    }
}
