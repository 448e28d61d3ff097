//! The template as a whole: sections, quotas, names that lead somewhere, functions.

mod acknowledgement_without_reason;
mod circular_dependency;
mod conditional_dependency;
mod conditional_reference;
mod dangling_reference;
mod deployments_not_evaluated;
mod duplicate_name;
mod illegal_logical_id;
mod import_of_own_export;
mod malformed_condition;
mod malformed_dynamic_reference;
mod malformed_function;
mod malformed_mapping;
mod malformed_output;
mod malformed_parameter;
mod malformed_resource;
mod malformed_template;
mod missing_language_extensions;
mod missing_sub;
mod name_of_parameter_and_resource;
mod no_resources;
mod null_value;
mod quota_exceeded;
mod quota_nearly_reached;
mod unknown_attribute;
mod unknown_format_version;
mod unknown_mapping_key;
mod unknown_region;
mod unknown_section;
mod unreadable_template;
mod unused_acknowledgement;
mod unused_condition;
mod unused_mapping;
mod unused_parameter;

pub(in crate::check) use acknowledgement_without_reason::RULE as ACKNOWLEDGEMENT_WITHOUT_REASON;
pub(in crate::check) use unreadable_template::RULE as UNREADABLE_TEMPLATE;
pub(in crate::check) use unused_acknowledgement::RULE as UNUSED_ACKNOWLEDGEMENT;

use crate::check::findings::{Findings, Found};
use crate::check::rules::Rule;
use crate::check::view::View;

pub(super) const RULES: &[&Rule] = &[
    &unreadable_template::RULE,
    &unknown_section::RULE,
    &unknown_format_version::RULE,
    &missing_language_extensions::RULE,
    &name_of_parameter_and_resource::RULE,
    &no_resources::RULE,
    &malformed_resource::RULE,
    &illegal_logical_id::RULE,
    &malformed_parameter::RULE,
    &malformed_mapping::RULE,
    &malformed_output::RULE,
    &null_value::RULE,
    &missing_sub::RULE,
    &malformed_template::RULE,
    &malformed_dynamic_reference::RULE,
    &malformed_condition::RULE,
    &duplicate_name::RULE,
    &deployments_not_evaluated::RULE,
    &conditional_dependency::RULE,
    &malformed_function::RULE,
    &quota_exceeded::RULE,
    &quota_nearly_reached::RULE,
    &dangling_reference::RULE,
    &import_of_own_export::RULE,
    &unknown_attribute::RULE,
    &unknown_mapping_key::RULE,
    &unknown_region::RULE,
    &circular_dependency::RULE,
    &conditional_reference::RULE,
    &unused_parameter::RULE,
    &unused_condition::RULE,
    &unused_mapping::RULE,
    &unused_acknowledgement::RULE,
    &acknowledgement_without_reason::RULE,
];

/// Reports how many values and pairs of values of parameters no evaluated deployment has.
pub(in crate::check) fn deployments_not_evaluated(
    view: &View<'_>,
    evaluated: usize,
    left_out: usize,
    found: &mut Found,
) {
    let mut findings = Findings { view, rule: &deployments_not_evaluated::RULE, found };
    let message = format!(
        "{evaluated} deployments were evaluated; {left_out} further values or pairs of values of parameters were not"
    );
    findings.add_written(None, "/Parameters".into(), message, "");
}
