//! `unknown-step`

use crate::check::findings::Findings;
use crate::check::rules::pipeline::definitions;
use crate::check::rules::pipeline::steps;
use crate::check::rules::rule;
use crate::check::value::{is_unresolved, items, string};
use crate::check::view::View;

rule! {
    /// A pipeline step depends on a step that the pipeline does not have, or two steps have the same name.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the pipeline.
    ///
    /// # How to fix
    ///
    /// Use the name of an existing step, and give each step its own name.
    Error "unknown-step",
    source: "Amazon SageMaker Pipelines, definition schema",
    applies_to: ["AWS::SageMaker::Pipeline"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (pipeline, definition) in definitions(view) {
        let all: Vec<_> = steps(view).filter(|(of, _)| of.id == pipeline.id).map(|(_, step)| step).collect();
        let names: Vec<&str> = all.iter().filter_map(|step| string(&step["Name"])).collect();
        let known = names.len() == all.len() && !is_unresolved(&definition["Steps"]);
        for (number, step) in all.iter().enumerate() {
            if let Some(name) = string(&step["Name"])
                .filter(|name| all[..number].iter().any(|other| string(&other["Name"]) == Some(name)))
            {
                findings.add(pipeline, &step["Name"], format!("two steps have the name {name}"), "");
            }
            for location in items(&step["DependsOn"]).filter(|_| known) {
                // A step inside of a collection is named with a path.
                let missing = string(location).filter(|name| !names.contains(name) && !name.contains('.'));
                if let Some(name) = missing {
                    findings.add(
                        pipeline,
                        location,
                        format!("the step {name} does not exist"),
                        format!("the steps are {}", names.join(", ")),
                    );
                }
            }
        }
    }
}
