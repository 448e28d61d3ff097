//! The line of the program, or of the template, that a resource comes from.

use std::fmt::Write as _;

use stackwright_deploy::ValidationFailure;
use stackwright_synth::{SourceLocation, StackArtifact};

use crate::origin;

/// Returns the line that a resource comes from. In `logical_id`, a nested stack and a slash may precede the ID.
pub(super) fn of_resource<'s>(stack: &'s StackArtifact, logical_id: &str) -> Option<&'s SourceLocation> {
    let outermost = logical_id.split('/').next().unwrap_or_default();
    stack.provenance.find(&format!("/Resources/{}", resource_key(stack, outermost)?))
}

/// Returns the line that a finding of CloudFormation or of a hook is about.
pub(super) fn of_failure<'s>(
    stack: &'s StackArtifact,
    failure: &ValidationFailure,
) -> Option<&'s SourceLocation> {
    let is_nested = failure.logical_id.contains('/');
    if !is_nested && failure.path.starts_with("/Resources/") {
        let found = stack.provenance.find(&failure.path);
        if found.is_some() {
            return found;
        }
    }
    of_resource(stack, &failure.logical_id)
}

/// Returns the key of a resource in the template: its logical ID, the loop that creates it, or the nested stack whose name
/// is given.
fn resource_key(stack: &StackArtifact, id: &str) -> Option<String> {
    let keys = || stack.template.resources().map(|(key, _)| key);
    if keys().any(|key| key == id) {
        return Some(id.to_owned());
    }
    let of_loop = |key: &&str| key.strip_prefix("Fn::ForEach::").is_some_and(|name| id.starts_with(name));
    let of_nested = |key: &&str| id.starts_with(&format!("{}-{key}-", stack.name));
    let longest = |is_it: &dyn Fn(&&str) -> bool| keys().filter(|key| is_it(key)).max_by_key(|key| key.len());
    longest(&of_loop).or_else(|| longest(&of_nested)).map(str::to_owned)
}

/// Returns a line of the source with its number, in the form of the compiler's messages.
pub(super) fn excerpt(location: &SourceLocation) -> String {
    let mut text = format!("  --> {location}");
    let index = usize::try_from(location.line).unwrap_or_default().checked_sub(1);
    let source = origin::source(&location.file);
    if let (Some(index), Some(source)) = (index, &source)
        && let Some(line) = source.lines().nth(index)
    {
        let number = location.line.to_string();
        let margin = " ".repeat(number.len());
        let _ = write!(text, "\n{margin} |\n{number} | {}\n{margin} |", line.trim_end());
    }
    text
}
