//! The differences between two assemblies, and their consequences.
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
mod assets;
mod chain;
mod change_set;
mod consequence;
mod cross_stack;
mod edit;
mod effective;
mod lists;
mod model;
mod node;
mod notes;
mod path;
mod policy;
mod rename;
mod resource;
mod sam;
mod security;
mod stack;
#[cfg(test)]
mod tests;
mod unknown;
mod view;

use std::collections::HashMap;

use stackwright_synth::{Assembly, StackArtifact};

pub use change_set::{Disagreement, ReportedChange, ResourceOutcome, disagreements};
pub use effective::ValueInput;
pub use model::{
    AssetChange, Because, Diff, FileChange, MovedResource, PropertyChange, Recreation, RemovedElement,
    ResourceAction, ResourceChange, StackAction, StackDiff,
};
pub(crate) use node::Node;
pub use security::{Effect, Permission, SecurityChange, Subject, permissions};
pub use stack::Parameters;
use stack::{Draft, Pair};
pub use stackwright_schemas::consequence::Consequence;
pub(crate) use view::{Line, document, fate, grouped, shown, stack_markdown, summary};
pub use view::{json, markdown, text};

/// Compares two assemblies, stack by stack. Stacks are matched by ID, then by name; two assemblies of one template each
/// are compared whatever the templates are called.
pub fn compare(old: &Assembly, new: &Assembly) -> Diff {
    if let ([one], [other]) = (old.stacks.as_slice(), new.stacks.as_slice())
        && one.id != other.id
    {
        return compare_pairs(&[Pair::new(one, other, false)]);
    }
    let by = |key: fn(&StackArtifact) -> &str| -> HashMap<&str, usize> {
        // Of several, the first one.
        old.stacks.iter().enumerate().rev().map(|(at, stack)| (key(stack), at)).collect()
    };
    let (by_id, by_name) = (by(|stack| &stack.id), by(|stack| &stack.name));
    let mut taken = vec![false; old.stacks.len()];
    let mut pairs = Vec::new();
    for new in &new.stacks {
        let partner = by_id.get(new.id.as_str()).or_else(|| by_name.get(new.name.as_str()));
        pairs.push(match partner.filter(|at| !taken[**at]) {
            Some(at) => {
                taken[*at] = true;
                Pair::new(&old.stacks[*at], new, true)
            }
            None => Pair::one_sided(new, StackAction::Added),
        });
    }
    for (old, _) in old.stacks.iter().zip(&taken).filter(|(_, taken)| !**taken) {
        pairs.push(Pair::one_sided(old, StackAction::Removed));
    }
    compare_pairs(&pairs)
}

fn compare_pairs(pairs: &[Pair<'_>]) -> Diff {
    let mut drafts: Vec<Option<Draft<'_>>> = pairs.iter().map(Draft::of).collect();
    let between = rename::between_stacks(&mut drafts);
    cross_stack::follow(pairs, &mut drafts);
    let mut found = Diff { moves: rename::moves(&drafts), ..Diff::default() };
    found.moves.extend(between);
    for (pair, draft) in pairs.iter().zip(drafts) {
        match draft.map_or_else(|| stack::unchanged_resources(pair), Draft::finish) {
            Some(stack) => found.stacks.push(stack),
            None => found.unchanged += 1,
        }
    }
    found
}

/// The deployed version of a stack, for a comparison with the program.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct DeployedVersion {
    /// The deployed template, tags and termination protection, and all other settings of the program.
    pub stack: StackArtifact,
    /// The current values of the parameters.
    pub parameters: Parameters,
    /// The values of the parameters after the deployment.
    pub next_parameters: Parameters,
    /// The stack policy, as a JSON document, if the stack has one.
    pub policy: Option<String>,
}

impl DeployedVersion {
    /// Creates the deployed version of a stack. `stack` has the template, tags and termination protection that are deployed; its
    /// other settings are those of the program. By default, the version has no values of parameters and no stack policy.
    pub fn new(stack: StackArtifact) -> Self {
        Self {
            stack,
            parameters: Parameters::default(),
            next_parameters: Parameters::default(),
            policy: None,
        }
    }

    /// Sets the current values of the parameters.
    pub fn parameters(mut self, parameters: Parameters) -> Self {
        self.parameters = parameters;
        self
    }

    /// Sets the values of the parameters after the deployment.
    pub fn next_parameters(mut self, parameters: Parameters) -> Self {
        self.next_parameters = parameters;
        self
    }

    /// Sets the stack policy, a JSON document; `None` if the stack has none.
    pub fn policy(mut self, policy: Option<String>) -> Self {
        self.policy = policy;
        self
    }
}

/// A stack of the program with its deployed version.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ComparedStack<'a> {
    /// The deployed version; `None` if the stack is not deployed.
    pub deployed: Option<DeployedVersion>,
    /// The stack of the program.
    pub new: &'a StackArtifact,
}

impl<'a> ComparedStack<'a> {
    /// Creates the pair of a deployed version, `None` if the stack is not deployed, and the stack of the program.
    #[must_use]
    pub fn new(deployed: Option<DeployedVersion>, new: &'a StackArtifact) -> Self {
        Self { deployed, new }
    }
}

/// Compares deployed stacks with the stacks of the program: the values of parameters are those of the deployed stack, and
/// a stack policy that forbids an update is known. A stack that is not deployed is new.
///
/// ```
/// use stackwright_review::diff::{ComparedStack, DeployedVersion, compare_deployed};
/// use stackwright_synth::Assembly;
///
/// let read = |name: &str| Assembly::of_template("s.yaml", format!("Resources: {{{name}: {{Type: AWS::SNS::Topic}}}}"));
/// let (old, new) = (read("A")?, read("B")?);
/// let deployed = DeployedVersion::new(old.stacks[0].clone());
/// assert!(!compare_deployed(&[ComparedStack::new(Some(deployed), &new.stacks[0])]).is_empty());
/// # Ok::<(), stackwright_synth::TemplateError>(())
/// ```
pub fn compare_deployed(stacks: &[ComparedStack<'_>]) -> Diff {
    let pairs: Vec<Pair<'_>> = stacks
        .iter()
        .map(|ComparedStack { deployed, new }| match deployed {
            Some(deployed) => {
                let (before, after) = (deployed.parameters.clone(), deployed.next_parameters.clone());
                Pair::new(&deployed.stack, new, true).with_parameters(before, after)
            }
            None => Pair::one_sided(new, StackAction::Added),
        })
        .collect();
    let mut found = compare_pairs(&pairs);
    for ComparedStack { deployed, new } in stacks {
        let policy = deployed.as_ref().and_then(|deployed| deployed.policy.as_deref());
        let stack = found.stacks.iter_mut().find(|stack| stack.id == new.id);
        if let (Some(policy), Some(stack)) = (policy, stack) {
            policy::apply(policy, stack);
        }
    }
    found
}

/// Returns the properties of a resource in the canonical form in which they are compared: strings that contain JSON are parsed,
/// and intrinsic functions and lists have one form.
pub fn canonical(resource_type: &str, properties: &serde_json::Value) -> serde_json::Value {
    resource::properties(resource_type, properties).json()
}

/// Returns whether two values have the same meaning for AWS, also if they are written differently.
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
