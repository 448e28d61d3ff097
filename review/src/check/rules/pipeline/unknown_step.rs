//! `unknown-step`

use std::collections::HashSet;

use stackwright_schemas::nearest;

use crate::check::findings::Findings;
use crate::check::rules::pipeline::{definitions, steps_of};
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
        let all = steps_of(definition);
        let in_order: Vec<&str> = all.iter().filter_map(|step| string(&step["Name"])).collect();
        let names: HashSet<&str> = in_order.iter().copied().collect();
        let known = in_order.len() == all.len() && !is_unresolved(&definition["Steps"]);
        let mut before = HashSet::new();
        for step in all {
            if let Some(name) = string(&step["Name"]).filter(|name| !before.insert(*name)) {
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
                        help(name, &in_order),
                    );
                }
            }
        }
    }
}

/// Names all steps of a small pipeline, and the most similar one of a large pipeline.
fn help(name: &str, steps: &[&str]) -> String {
    if steps.len() <= 20 {
        return format!("the steps are {}", steps.join(", "));
    }
    let near = nearest(name, steps.iter().copied());
    near.map_or_else(String::new, |near| format!("the step with the most similar name is {near}"))
}
