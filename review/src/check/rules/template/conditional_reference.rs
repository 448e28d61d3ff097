//! `conditional-reference`

use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::resolve::Resolver;
use crate::check::rules::rule;
use crate::check::view::{View, references};
use crate::check::written::has;

rule! {
    /// A resource or an output refers to a resource that some deployments do not create.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses such a deployment with "Unresolved resource dependencies".
    ///
    /// # How to fix
    ///
    /// Give both the same condition, or put the reference into an `Fn::If`.
    Warning "conditional-reference",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let template = view.template();
    if template.section("Conditions").next().is_none() {
        return;
    }
    let gone = |id: &str| has(template, "Resources", id) && view.resource(id).is_none();
    let mut found: Vec<(Option<&str>, String, String)> = Vec::new();
    for resource in &view.resources {
        let mut pointer = String::new();
        references(&resource.properties, &mut pointer, &mut |id, _, at| {
            if gone(id) {
                found.push((Some(resource.id), at.to_owned(), id.to_owned()));
            }
        });
    }
    for (resource, at, id) in found {
        let path: Vec<String> = at.split('/').skip(1).map(str::to_owned).collect();
        let function = path.iter().position(|step| step.starts_with("Fn::") || step == "Ref");
        let path = &path[..function.unwrap_or(path.len())];
        if let Some(resource) = resource.and_then(|id| view.resource(id)) {
            findings.add_at(resource, Some(path), message(&id), HELP);
        }
    }
    let resolver = Resolver::new(template, view.scenario);
    for (name, output) in template.section("Outputs") {
        let condition = output["Condition"].as_str().and_then(|name| view.scenario.conditions.get(name));
        if condition == Some(&false) {
            continue;
        }
        let value = resolver.resolve(&output["Value"]);
        let mut missing = Vec::new();
        references(&value, &mut String::new(), &mut |id, _, _| {
            if gone(id) {
                missing.push(id.to_owned());
            }
        });
        for id in missing {
            findings.add_written(None, pointer::of(["Outputs", name, "Value"]), message(&id), HELP);
        }
    }
}

const HELP: &str = "give both the same condition, or move the reference into an `Fn::If`";

fn message(id: &str) -> String {
    format!("`{id}` is not created in every deployment in which this refers to it")
}
