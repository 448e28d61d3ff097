//! References between stacks through SSM parameters.
//!
//! The producing stack writes the value into an `AWS::SSM::Parameter`. The consuming stack reads it with a template
//! parameter of an SSM type when it is deployed. CloudFormation exports are not used, because they deadlock: an
//! export in use can neither change (when a resource is replaced) nor be deleted (when the last reference is
//! removed), since the exporting stack is updated first. The disadvantage of SSM parameters is that CloudFormation
//! does not refuse to delete a stack whose values are in use. `destroy` therefore deletes the stacks in the reverse
//! order of their dependencies, and requests an approval first.

use std::collections::HashSet;

use serde_json::{Value as JsonValue, json};
use stackwright_schemas::regions;

use crate::app::State;
use crate::cycle::cycle_from;
use crate::error::{Error, ErrorKind, RelatedLocation};
use crate::render::{Import, Rendered};
use crate::stack::is_region;
use crate::value::CallerLocation;

/// Adds the parameters of both sides of every import, and returns the dependencies of each stack.
pub(crate) fn connect(state: &State, rendered: &mut [Rendered], errors: &mut Vec<Error>) -> Vec<Vec<usize>> {
    let mut before: Vec<Vec<(usize, CallerLocation)>> = Vec::new();
    let mut mistyped = HashSet::new();
    for consumer in 0..rendered.len() {
        let mut needed: Vec<(usize, CallerLocation)> =
            rendered[consumer].after.iter().map(|(stack, source)| (stack.index, *source)).collect();
        let imports: Vec<_> = rendered[consumer]
            .imports
            .iter()
            .map(|(import, (name, source))| (import.clone(), name.clone(), *source))
            .collect();
        for (import, name, source) in imports {
            needed.push((import.stack.index, source));
            if state.stacks[consumer].environment != state.stacks[import.stack.index].environment {
                // A mistyped region of a stack is reported once, not for each reference from or to the stack.
                let unknown = [consumer, import.stack.index].into_iter().find_map(|index| {
                    let region = state.stacks[index].environment.region.as_deref()?;
                    (!regions::is_known(region)).then_some((index, region))
                });
                let is_reported = unknown.is_some_and(|(index, region)| {
                    // If the name does not have the form of a region, the stack itself reports the error.
                    !is_region(region) || !mistyped.insert(index)
                });
                if !is_reported {
                    let region = unknown.map(|(_, region)| region.to_owned());
                    errors.push(across_environments(state, consumer, &import, source, region));
                }
                continue;
            }
            let path = path(state, &import);
            let kind = if import.list { "List<String>" } else { "String" };
            let parameter = json!({ "Type": format!("AWS::SSM::Parameter::Value<{kind}>"), "Default": path });
            let mut add = |stack: usize, section: &str, id: String, value: JsonValue| {
                let taken = state.stacks[stack].logical_ids.contains_key(&id);
                let Rendered { template, provenance, .. } = &mut rendered[stack];
                if !taken && template.insert(section, &id, value) {
                    provenance.insert(&format!("/{section}/{id}"), source.into());
                } else {
                    errors.push(Error {
                        path: format!("{}/{id}", state.stacks[stack].id),
                        kind: ErrorKind::DuplicateLogicalId(id),
                        location: Some(source.into()),
                        related: None,
                    });
                }
            };
            add(consumer, "Parameters", name, parameter);
            let (id, resource) = export(&import, &path);
            add(import.stack.index, "Resources", id, resource);
        }
        needed.retain(|(index, _)| *index != consumer);
        before.push(needed);
    }
    find_cycle(state, &before, errors);
    before
        .into_iter()
        .map(|needed| {
            let mut indices: Vec<_> = needed.into_iter().map(|(index, _)| index).collect();
            indices.sort_unstable();
            indices.dedup();
            indices
        })
        .collect()
}

/// Returns the name of the SSM parameter.
fn path(state: &State, import: &Import) -> String {
    let stack = state.stack_name(import.stack.index);
    let attribute = import.attribute.as_deref().unwrap_or("Ref");
    format!("/stackwright/{stack}/{}/{attribute}", import.logical_id)
}

/// Adds the SSM parameter to the producing stack.
fn export(import: &Import, path: &str) -> (String, JsonValue) {
    let id = import.logical_id.as_ref();
    let attribute = import.attribute.as_deref();
    let logical_id =
        format!("Export{id}{}", attribute.unwrap_or("Ref")).replace(|c: char| !c.is_alphanumeric(), "");
    let value = match attribute {
        None => json!({ "Ref": id }),
        Some(attribute) => json!({ "Fn::GetAtt": [id, attribute] }),
    };
    let (kind, value) =
        if import.list { ("StringList", json!({ "Fn::Join": [",", value] })) } else { ("String", value) };
    let properties = json!({ "Type": kind, "Name": path, "Value": value });
    (logical_id, json!({ "Type": "AWS::SSM::Parameter", "Properties": properties }))
}

fn across_environments(
    state: &State,
    consumer: usize,
    import: &Import,
    source: CallerLocation,
    unknown_region: Option<String>,
) -> Error {
    let (from, to) = (&state.stacks[consumer], &state.stacks[import.stack.index]);
    let kind = ErrorKind::AcrossEnvironments {
        from: from.id.clone(),
        to: to.id.clone(),
        from_environment: from.environment.describe(),
        to_environment: to.environment.describe(),
        unknown_region,
    };
    let related = Some(RelatedLocation::new(format!("{} is added here", to.id), to.source));
    Error { kind, path: from.id.clone(), location: Some(source.into()), related }
}

/// Reports the first dependency cycle of stacks as a path.
fn find_cycle(state: &State, before: &[Vec<(usize, CallerLocation)>], errors: &mut Vec<Error>) {
    let needed: Vec<Vec<usize>> =
        before.iter().map(|stacks| stacks.iter().map(|(stack, _)| *stack).collect()).collect();
    let mut done = HashSet::new();
    let cycle = (0..needed.len()).find_map(|start| cycle_from(start, &mut done, |stack| &needed[stack]));
    let Some([.., from, to]) = cycle.as_deref() else { return };
    let ids = cycle.iter().flatten().map(|stack| state.stacks[*stack].id.as_str());
    let closing = before[*from].iter().find(|(stack, _)| stack == to);
    errors.push(Error {
        kind: ErrorKind::StackCycle(ids.collect::<Vec<_>>().join(" → ")),
        path: state.stacks[*to].id.clone(),
        location: closing.map(|(_, source)| (*source).into()),
        related: None,
    });
}

impl State {
    /// Returns the name of the stack in CloudFormation.
    pub(crate) fn stack_name(&self, index: usize) -> String {
        let contents = &self.stacks[index];
        contents.name.clone().unwrap_or_else(|| format!("{}-{}", self.name, contents.id))
    }
}
