//! What differs between two assemblies, and what follows from it.
//!
//! Values are compared in one canonical form (`node`), so that what AWS treats alike is no difference; lists of named
//! elements are compared by name (`lists`). Edits carry paths and can be applied: the old value with its edits is the new
//! value (`edit`). Each resource is compared twice, as it is written and as it is deployed with the default of every
//! parameter (`effective`). What follows from a change comes from the registry (`consequence`) and from references to
//! what is replaced (`chain`).
//!
//! ```
//! use stackwright_review::diff;
//! use stackwright_synth::Assembly;
//!
//! let read = |size: &str| {
//!     let text = format!("Resources: {{Topic: {{Type: AWS::SNS::Topic, Properties: {{TopicName: {size}}}}}}}");
//!     Assembly::of_template("topic.yaml", text)
//! };
//! let found = diff::compare(&read("jobs")?, &read("tasks")?);
//! let change = &found.stacks[0].resources[0];
//! assert_eq!(change.consequence, diff::Consequence::Replaced);
//! assert_eq!(change.properties[0].path, "TopicName");
//! # Ok::<(), stackwright_synth::TemplateError>(())
//! ```

#[cfg(test)]
mod apply;
mod chain;
mod consequence;
mod edit;
mod effective;
mod lists;
mod model;
mod node;
mod notes;
mod path;
mod rename;
mod resource;
mod security;
mod stack;
#[cfg(test)]
mod tests;
mod view;

use stackwright_synth::{Assembly, StackArtifact, Template};

pub use effective::Input;
pub use model::{
    AssetChange, Because, Consequence, DeletedElement, Diff, PropertyChange, Recreation, ResourceAction,
    ResourceChange, StackAction, StackDiff,
};
pub(crate) use node::Node;
pub use security::{Effect, Permission, SecurityChange, Subject, permissions};
pub(crate) use view::{Line, document, fate, grouped, stack_markdown, summary};
pub use view::{json, markdown, text};

/// Compares two assemblies, stack by stack. Stacks are matched by ID, then by name; two assemblies of one template each
/// are compared whatever the templates are called.
pub fn compare(old: &Assembly, new: &Assembly) -> Diff {
    if let ([one], [other]) = (old.stacks.as_slice(), new.stacks.as_slice())
        && one.id != other.id
    {
        let found = stack::compare(one, other, false);
        return Diff { unchanged: usize::from(found.is_none()), stacks: found.into_iter().collect() };
    }
    let mut found = Diff::default();
    let partner = |stack: &StackArtifact, among: &Assembly| -> Option<usize> {
        let by_id = among.stacks.iter().position(|other| other.id == stack.id);
        by_id.or_else(|| among.stacks.iter().position(|other| other.name == stack.name))
    };
    let mut taken = vec![false; old.stacks.len()];
    for new in &new.stacks {
        let stack = match partner(new, old).filter(|at| !taken[*at]) {
            Some(at) => {
                taken[at] = true;
                stack::compare(&old.stacks[at], new, true)
            }
            None => Some(stack::one_sided(new, StackAction::Added)),
        };
        match stack {
            Some(stack) => found.stacks.push(stack),
            None => found.unchanged += 1,
        }
    }
    for (old, _) in old.stacks.iter().zip(&taken).filter(|(_, taken)| !**taken) {
        found.stacks.push(stack::one_sided(old, StackAction::Removed));
    }
    found
}

/// Compares two templates of one stack. Environment, tags and assets are those of `stack`, and do not differ.
///
/// This is what `plan` shows of a stack whose change set cannot be created yet: `old` is the template that is deployed.
pub fn compare_templates(stack: &StackArtifact, old: &Template, new: &Template) -> Option<StackDiff> {
    let with = |template: &Template| {
        let mut one = stack.clone();
        one.template = template.clone();
        one
    };
    stack::compare(&with(old), &with(new), true)
}

/// Properties of a resource in the spelling in which they are compared: text that holds JSON is opened, intrinsic functions
/// and lists have one form.
pub fn canonical(resource_type: &str, properties: &serde_json::Value) -> serde_json::Value {
    resource::properties(resource_type, properties).json()
}

/// Whether two values are the same to AWS, however they are written.
pub fn is_same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    Node::of(one, "", None) == Node::of(other, "", None)
}

/// Compares the values of one property, such as those that CloudFormation returns for a change set, and returns a line for
/// each difference: `ProductionVariants[Main].InstanceType: ml.g5.2xlarge → ml.g6.2xlarge`.
///
/// `name` is the name of the property in the resource type. The result is empty if AWS treats the values alike.
pub fn property_lines(
    resource_type: &str,
    name: &str,
    before: &serde_json::Value,
    after: &serde_json::Value,
) -> Vec<String> {
    let node =
        |value: &serde_json::Value| resource::properties(resource_type, &serde_json::json!({ name: value }));
    let changes: Vec<PropertyChange> =
        edit::edits(&node(before), &node(after)).iter().map(resource::property).collect();
    let lines = |line| match line {
        Line::One(text) => vec![text],
        Line::Several(path, lines) => {
            let changed = lines.into_iter().map(|(sign, number, text)| format!("  {sign} {number}: {text}"));
            std::iter::once(format!("{path}:")).chain(changed).collect()
        }
    };
    view::grouped(&changes).into_iter().flat_map(lines).collect()
}
