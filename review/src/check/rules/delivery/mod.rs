//! Pipelines of CodePipeline.

mod duplicate_stage_or_action;
mod misplaced_source_action;
mod unknown_artifact;
mod wrong_pipeline_action;

use crate::check::cursor::Cursor;
use crate::check::rules::Rule;
use crate::check::value::{items, number};

pub(super) const RULES: &[&Rule] = &[
    &misplaced_source_action::RULE,
    &duplicate_stage_or_action::RULE,
    &unknown_artifact::RULE,
    &wrong_pipeline_action::RULE,
];

/// The type of pipelines.
const PIPELINE: &str = "AWS::CodePipeline::Pipeline";

/// Returns the actions of a stage in the order in which they run: those with the same number run at the same time.
fn in_order<'c, 'v>(stage: &'c Cursor<'v>) -> Vec<(i64, &'c Cursor<'v>)> {
    let order = |action: &Cursor<'_>| number(&action["RunOrder"]).map_or(1, |order| order as i64);
    let mut actions: Vec<_> = items(&stage["Actions"]).map(|action| (order(action), action)).collect();
    actions.sort_by_key(|(order, _)| *order);
    actions
}
