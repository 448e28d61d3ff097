//! The chain of replacements across stacks: a value of a replaced resource reaches other stacks through SSM parameters and
//! exports.

use std::collections::BTreeMap;

use serde_json::Value as JsonValue;
use stackwright_schemas::consequence::Consequence;
use stackwright_synth::function::{below, children, function, references};

use super::chain::{self, Use, is_replaced};
use super::model::ResourceChange;
use super::node::scalar_text;
use super::stack::{Draft, Pair};
use crate::check::scenario::is_read_from_ssm;

/// The way in which a stack passes a value to other stacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Channel {
    /// As an SSM parameter of this name.
    SsmParameter(String),
    /// As an export of this name.
    Export(String),
}

/// A value of a replaced resource that other stacks can read.
struct Exposed {
    channel: Channel,
    /// The position of the stack.
    stack: usize,
    logical_id: String,
    is_certain: bool,
}

/// Adds what follows for the resources of other stacks to their comparisons. A stack of which nothing differs gets one if
/// something follows.
pub(crate) fn follow<'a>(pairs: &'a [Pair<'a>], drafts: &mut [Option<Draft<'a>>]) {
    let mut done: BTreeMap<(usize, Channel), bool> = BTreeMap::new();
    loop {
        let new: Vec<Exposed> = exposed(drafts)
            .into_iter()
            .filter(|one| {
                let known = done.get(&(one.stack, one.channel.clone()));
                known.is_none_or(|was_certain| one.is_certain && !was_certain)
            })
            .collect();
        if new.is_empty() {
            return;
        }
        for one in new {
            done.insert((one.stack, one.channel.clone()), one.is_certain);
            for consumer in (0..pairs.len()).filter(|consumer| *consumer != one.stack) {
                follow_into(pairs, drafts, &one, consumer);
            }
        }
    }
}

fn exposed(drafts: &[Option<Draft<'_>>]) -> Vec<Exposed> {
    let mut found = Vec::new();
    for (stack, draft) in drafts.iter().enumerate() {
        let Some(draft) = draft.as_ref().filter(|draft| draft.is_modified()) else { continue };
        if !draft.changes.iter().any(is_replaced) {
            continue;
        }
        let template = draft.sides.after.template;
        let mut add = |channel: Channel, value: &JsonValue| {
            references(value, &mut String::new(), &mut |id, _, _| {
                let replaced = draft.changes.iter().find(|it| it.logical_id == id && is_replaced(it));
                if let Some(change) = replaced {
                    let is_certain = change.consequence == Consequence::Replaced;
                    found.push(Exposed {
                        channel: channel.clone(),
                        stack,
                        logical_id: id.to_owned(),
                        is_certain,
                    });
                }
            });
        };
        let text = |value: &JsonValue| {
            let value = draft.sides.after.value(value);
            value.as_str().map(str::to_owned)
        };
        for (_, body) in template.resources().filter(|(_, body)| body["Type"] == "AWS::SSM::Parameter") {
            if let Some(name) = text(&body["Properties"]["Name"]) {
                add(Channel::SsmParameter(name), &body["Properties"]["Value"]);
            }
        }
        for (_, output) in template.section("Outputs") {
            if let Some(name) = text(&output["Export"]["Name"]) {
                add(Channel::Export(name), &output["Value"]);
            }
        }
    }
    found
}

/// Adds what follows from one value for one stack.
fn follow_into<'a>(pairs: &'a [Pair<'a>], drafts: &mut [Option<Draft<'a>>], one: &Exposed, consumer: usize) {
    let (from, to) = (pairs[one.stack].new_stack(), pairs[consumer].new_stack());
    if from.environment != to.environment {
        return;
    }
    let mut draft = drafts[consumer].take().unwrap_or_else(|| Draft::empty(&pairs[consumer]));
    let uses = match &one.channel {
        Channel::SsmParameter(name) => uses_of_parameter(&draft, name),
        Channel::Export(name) => uses_of_export(&draft, name),
    };
    if draft.is_modified() && !uses.is_empty() {
        let source = format!("{}/{}", from.id, one.logical_id);
        match &one.channel {
            Channel::SsmParameter(_) => {
                for (using, is_certain) in uses.iter().map(|using| (using, one.is_certain)) {
                    chain::add(&draft.sides, &mut draft.changes, using, &source, is_certain);
                }
                chain::follow(&draft.sides, &mut draft.changes);
            }
            Channel::Export(name) => {
                if let Some(producer) = &mut drafts[one.stack] {
                    refuse(&mut producer.changes, one, name, &to.id);
                }
            }
        }
    }
    // A stack for which nothing follows stays unchanged.
    if !draft.changes.is_empty() || pairs[consumer].may_differ() {
        drafts[consumer] = Some(draft);
    }
}

/// CloudFormation does not change an export that another stack imports.
fn refuse(changes: &mut [ResourceChange], one: &Exposed, export: &str, importer: &str) {
    let Some(change) = changes.iter_mut().find(|it| it.logical_id == one.logical_id) else { return };
    let text = format!(
        "The value of the export `{export}` changes with the resource. CloudFormation refuses that while the stack \
         `{importer}` imports it."
    );
    let list = if one.is_certain { &mut change.failures } else { &mut change.notes };
    if !list.contains(&text) {
        list.push(text);
    }
}

/// Returns the locations at which resources use the template parameters that read an SSM parameter.
fn uses_of_parameter(draft: &Draft<'_>, name: &str) -> Vec<Use> {
    let parameters: Vec<&str> = draft
        .sides
        .after
        .template
        .section("Parameters")
        .filter(|(_, parameter)| {
            is_read_from_ssm(parameter)
                && parameter.get("Default").is_some_and(|default| scalar_text(default) == name)
        })
        .map(|(id, _)| id)
        .collect();
    if parameters.is_empty() {
        return Vec::new();
    }
    let mut uses = chain::uses(&draft.sides);
    parameters.into_iter().flat_map(|id| uses.remove(id).unwrap_or_default()).collect()
}

/// Returns the locations at which deployed resources import an export.
fn uses_of_export(draft: &Draft<'_>, name: &str) -> Vec<Use> {
    let mut found = Vec::new();
    for (user, body) in draft.sides.before.template.resources() {
        if draft.sides.before.is_deployed(body) != Some(false) {
            imports(draft, &body["Properties"], name, &mut String::new(), &mut |pointer| {
                found.push(Use { user: user.to_owned(), pointer: pointer.to_owned() });
            });
        }
    }
    found
}

fn imports(
    draft: &Draft<'_>,
    value: &JsonValue,
    name: &str,
    pointer: &mut String,
    found: &mut impl FnMut(&str),
) {
    if let Some(("Fn::ImportValue", argument)) = function(value)
        && draft.sides.before.value(argument).as_str() == Some(name)
    {
        found(pointer);
    }
    for (step, inner) in children(value) {
        below(pointer, &step, |pointer| imports(draft, inner, name, pointer, found));
    }
}
