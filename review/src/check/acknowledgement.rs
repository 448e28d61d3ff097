//! Acknowledgements of findings: in a resource's `Metadata`, or in the template's `Metadata` for the whole template.
//!
//! ```yaml
//! Metadata: {stackwright: {acknowledge: {rule-name: the reason}}}
//! ```

use std::collections::BTreeMap;

use serde_json::Value as JsonValue;
use stackwright_synth::pointer;

use super::findings::{Findings, Found};
use super::rules::{rule_named, template};
use super::value::entries;
use super::view::View;
use super::{Options, nearest_rule};
use crate::diagnostic::Diagnostic;

/// One acknowledgement in a template.
struct Acknowledgement<'a> {
    /// The resource whose findings are acknowledged; `None` for the whole template.
    resource: Option<&'a str>,
    rule: &'a str,
    reason: &'a str,
    pointer: String,
}

/// Marks the findings that are acknowledged, and warns about acknowledgements that match no finding.
pub(super) fn apply(view: &View<'_>, options: &Options, found: &mut Vec<Diagnostic>) {
    for diagnostic in found.iter_mut().filter(|one| options.allow.iter().any(|name| *name == one.id)) {
        diagnostic.acknowledged = Some("the caller of the check allows the rule".to_owned());
    }
    let stated = acknowledgements(view);
    if stated.is_empty() {
        return;
    }
    // A construct writes the same acknowledgement into each of its resources: it is enough if it matches at one of them.
    let mut used: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for one in &stated {
        let matching = found.iter_mut().filter(|diagnostic| {
            let of_it = one.resource.is_none() || diagnostic.resource.as_deref() == one.resource;
            of_it && diagnostic.id == one.rule
        });
        let mut matched = false;
        for diagnostic in matching {
            diagnostic.acknowledged.get_or_insert_with(|| one.reason.to_owned());
            matched = true;
        }
        *used.entry((one.rule, one.reason)).or_default() |= matched;
    }
    let mut added = Found::default();
    for one in &stated {
        if one.reason.trim().is_empty() && options.evaluates(template::ACKNOWLEDGEMENT_WITHOUT_REASON.name) {
            let mut findings =
                Findings { view, rule: &template::ACKNOWLEDGEMENT_WITHOUT_REASON, found: &mut added };
            let message = format!("`{}` is acknowledged without a reason", one.rule);
            findings.add_written(
                one.resource,
                one.pointer.clone(),
                message,
                "state in a few words why the finding is intentional",
            );
        }
        let was_evaluated = rule_named(one.rule).is_none_or(|rule| options.evaluates(rule.name));
        let is_first = used.remove(&(one.rule, one.reason)) == Some(false);
        if !is_first || !was_evaluated || !options.evaluates(template::UNUSED_ACKNOWLEDGEMENT.name) {
            continue;
        }
        let mut findings = Findings { view, rule: &template::UNUSED_ACKNOWLEDGEMENT, found: &mut added };
        let (message, help) = match rule_named(one.rule) {
            Some(_) => (
                format!("the acknowledgement of `{}` matches no finding", one.rule),
                "remove the acknowledgement, so that it does not hide a later finding".to_owned(),
            ),
            None => {
                let help = nearest_rule(one.rule);
                let help = help.map_or("`stackwright explain` lists all rules".to_owned(), |nearest| {
                    format!("the most similar name is `{nearest}`")
                });
                (format!("there is no rule `{}`", one.rule), help)
            }
        };
        findings.add_written(one.resource, one.pointer.clone(), message, help);
    }
    found.extend(added.finish());
}

fn acknowledgements<'a>(view: &View<'a>) -> Vec<Acknowledgement<'a>> {
    let template = view.template();
    let whole = template.sections().get("Metadata").map(|metadata| (None, metadata));
    let each = template.resources().filter_map(|(id, body)| Some((Some(id), body.get("Metadata")?)));
    let mut found = Vec::new();
    for (resource, metadata) in whole.into_iter().chain(each) {
        for (rule, reason) in entries(&metadata["stackwright"]["acknowledge"]) {
            let holder = resource.into_iter().flat_map(|id| ["Resources", id]);
            let reason: &JsonValue = reason;
            found.push(Acknowledgement {
                resource,
                rule,
                reason: reason.as_str().unwrap_or_default(),
                pointer: pointer::of(holder.chain(["Metadata", "stackwright", "acknowledge", rule])),
            });
        }
    }
    found
}
