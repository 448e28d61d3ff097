//! Pipelines of CodePipeline.

mod misplaced_source_action;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[&misplaced_source_action::RULE];
