//! Inference components.

mod adapter_with_compute;
mod component_larger_than_instance;
mod component_without_memory;
mod incomplete_scale_to_zero;
mod model_name_beside_components;
mod specification_with_specifications;

use crate::check::cursor::Cursor;
use crate::check::rules::Rule;
use crate::check::value::{is_set, items};
use crate::check::view::Resource;

pub(super) const RULES: &[&Rule] = &[
    &specification_with_specifications::RULE,
    &component_without_memory::RULE,
    &component_larger_than_instance::RULE,
    &adapter_with_compute::RULE,
    &model_name_beside_components::RULE,
    &incomplete_scale_to_zero::RULE,
];

/// Returns the specifications of a component: one, or one for each instance type.
fn specifications<'v, 'a>(component: &'v Resource<'a>) -> impl Iterator<Item = &'v Cursor<'a>> {
    let one = &component.properties["Specification"];
    is_set(one).then_some(one).into_iter().chain(items(&component.properties["Specifications"]))
}
