//! Lambda functions and what invokes them.

mod conditional_alias;
mod deprecated_runtime;
mod ended_runtime;
mod incomplete_policy_template;
mod stream_without_start;
mod visibility_below_timeout;
mod wrong_queue_batch;

use crate::check::cursor::Cursor;
use crate::check::rules::Rule;
use crate::check::view::{Resource, View};

pub(super) const RULES: &[&Rule] = &[
    &ended_runtime::RULE,
    &deprecated_runtime::RULE,
    &stream_without_start::RULE,
    &visibility_below_timeout::RULE,
    &wrong_queue_batch::RULE,
    &conditional_alias::RULE,
    &incomplete_policy_template::RULE,
];

/// Returns every function, of CloudFormation and of SAM, with its runtime.
fn runtimes<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = (&'v Resource<'a>, &'v Cursor<'a>)> {
    ["AWS::Lambda::Function", "AWS::Serverless::Function"]
        .into_iter()
        .flat_map(|name| view.of_type(name))
        .map(|function| (function, &function.properties["Runtime"]))
}
