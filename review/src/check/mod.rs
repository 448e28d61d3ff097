//! Finds what is wrong in templates before anything is deployed.

mod registry;

use stackwright_synth::{Assembly, StackArtifact};

use crate::diagnostic::Diagnostic;

/// Checks every stack of an assembly.
pub fn check(assembly: &Assembly) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = assembly.stacks.iter().flat_map(check_stack).collect();
    found.sort_by(|one, other| {
        (one.severity, &one.location, &one.path).cmp(&(other.severity, &other.location, &other.path))
    });
    found
}

/// Checks one stack.
pub fn check_stack(stack: &StackArtifact) -> Vec<Diagnostic> {
    registry::check(stack)
}
