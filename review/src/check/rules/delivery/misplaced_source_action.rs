//! `misplaced-source-action`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{items, string};
use crate::check::view::View;

rule! {
    /// The first stage of a pipeline has an action that is not a source, or a later stage has a source.
    ///
    /// # Why it matters
    ///
    /// CodePipeline refuses the pipeline: the first stage has source actions only, and no other stage has any.
    ///
    /// # How to fix
    ///
    /// Move source actions into the first stage, and every other action into a later one.
    Error "misplaced-source-action",
    source: "AWS CodePipeline User Guide, \"CodePipeline pipeline structure reference\"",
    applies_to: ["AWS::CodePipeline::Pipeline"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for pipeline in view.of_type("AWS::CodePipeline::Pipeline") {
        let stages = &pipeline.properties["Stages"];
        let has = |stage: &JsonValue, is_source: bool| {
            let categories =
                items(&stage["Actions"]).filter_map(|action| string(&action["ActionTypeId"]["Category"]));
            categories.into_iter().any(|category| (category == "Source") == is_source)
        };
        let misplaced = items(stages).skip(1).find(|stage| has(stage, true));
        if let Some(stage) = misplaced {
            let message = "a source action is outside of the first stage";
            findings.add(pipeline, stage, message, "move the action into the first stage");
        } else if let Some(first) = items(stages).next().filter(|stage| has(stage, false)) {
            let message = "the first stage takes source actions only";
            findings.add(pipeline, first, message, "move the other actions into a later stage");
        }
    }
}
