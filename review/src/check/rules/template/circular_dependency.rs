//! `circular-dependency`

use std::collections::{BTreeMap, HashSet};

use stackwright_synth::Template;
use stackwright_synth::cycle::cycle_from;
use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;
use crate::check::written::{Kind, Use, has};

rule! {
    /// Resources depend on each other in a cycle.
    ///
    /// # Why it matters
    ///
    /// CloudFormation cannot create any of them first, and refuses the template.
    ///
    /// # How to fix
    ///
    /// Remove one of the references, or move it into a resource of its own.
    ///
    /// # Limitations
    ///
    /// `Ref`, `Fn::GetAtt`, `Fn::Sub` and `DependsOn` are dependencies. Templates with a macro are not checked.
    Error "circular-dependency",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let template = view.template();
    if view.has_macro() {
        // A macro may take the cycle apart.
        return;
    }
    let mut waits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let written = view.written();
    let is_sam = view.is_sam();
    for one in &written.uses {
        // SAM makes resources of their own of events, gradual deployments and connectors.
        let is_apart = is_sam && is_taken_apart(template, one);
        let waiting = matches!(one.kind, Kind::Ref | Kind::Attribute(_) | Kind::DependsOn) && !is_apart;
        if let Some(from) = one.resource().filter(|_| waiting && has(template, "Resources", one.name)) {
            waits.entry(from).or_default().push(one.name);
        }
    }
    let mut done = HashSet::new();
    for (start, _) in template.resources() {
        let after = |id: &str| waits.get(id).map_or(&[][..], Vec::as_slice);
        if let Some(cycle) = cycle_from(start, &mut done, after) {
            let shown: Vec<String> = cycle.iter().take(20).map(|id| format!("`{id}`")).collect();
            let more = if cycle.len() > 20 { " → …" } else { "" };
            let message = format!("resources depend on each other in a cycle: {}{more}", shown.join(" → "));
            let help = "remove one of the references, or move it into a separate resource";
            findings.add_written(Some(cycle[0]), pointer::of(["Resources", cycle[0]]), message, help);
        }
    }
}

/// Returns whether SAM makes a resource of its own of the part that contains a reference.
fn is_taken_apart(template: &Template, one: &Use<'_>) -> bool {
    const APART: [&str; 3] =
        ["AWS::Serverless::GraphQLApi", "AWS::Serverless::WebSocketApi", "AWS::Serverless::Connector"];
    let parts = ["/Properties/Events/", "/Properties/DeploymentPreference/", "/Connectors/"];
    let of = |id: &str| template.sections().get("Resources").and_then(|all| all.get(id)?["Type"].as_str());
    let holder = one.resource().and_then(of).unwrap_or_default();
    // SAM makes several resources of one, so that a reference of it to itself need not be a cycle.
    let is_to_itself = one.resource() == Some(one.name) && holder.starts_with("AWS::Serverless::");
    is_to_itself || parts.iter().any(|part| one.pointer.contains(part)) || APART.contains(&holder)
}
