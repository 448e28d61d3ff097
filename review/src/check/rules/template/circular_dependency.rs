//! `circular-dependency`

use std::collections::{BTreeMap, BTreeSet};

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::view::View;
use crate::check::written::{Kind, has};

rule! {
    /// Resources that wait for each other: none of them can be made first. The message shows the way around.
    ///
    /// `Ref`, `Fn::GetAtt`, `Fn::Sub` and `DependsOn` make a resource wait.
    Error "circular-dependency",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Written(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let template = view.template();
    if view.is_transformed() {
        // A macro may take the circle apart.
        return;
    }
    let mut waits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let written = view.written();
    for one in &written.uses {
        let waiting = matches!(one.kind, Kind::Ref | Kind::Attribute(_) | Kind::DependsOn);
        if let Some(from) = one.resource().filter(|_| waiting && has(template, "Resources", one.name)) {
            waits.entry(from).or_default().push(one.name);
        }
    }
    let mut done = BTreeSet::new();
    for (start, _) in template.resources() {
        if let Some(circle) = circle(start, &waits, &mut done) {
            let shown: Vec<String> = circle.iter().map(|id| format!("`{id}`")).collect();
            let message = format!("resources wait for each other: {}", shown.join(" → "));
            let help = "take one of the references out, or move it into a resource of its own";
            findings.add_written(Some(circle[0]), format!("/Resources/{}", circle[0]), message, help);
        }
    }
}

/// A circle that can be reached from a resource; the resources that were looked at are done.
fn circle<'a>(
    start: &'a str,
    waits: &BTreeMap<&'a str, Vec<&'a str>>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    // Each entry is a resource on the way, and how many of those it waits for were looked at.
    let mut way: Vec<(&str, usize)> = vec![(start, 0)];
    if !done.insert(start) {
        return None;
    }
    while let Some((id, next)) = way.last_mut() {
        let Some(after) = waits.get(id).and_then(|after| after.get(*next)).copied() else {
            way.pop();
            continue;
        };
        *next += 1;
        if let Some(at) = way.iter().position(|(id, _)| *id == after) {
            return Some(way[at..].iter().map(|(id, _)| *id).chain([after]).collect());
        }
        if done.insert(after) {
            way.push((after, 0));
        }
    }
    None
}
