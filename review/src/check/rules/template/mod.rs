//! The template as a whole: sections, quotas, names that lead somewhere, functions.

mod acknowledgement_without_reason;
mod circular_dependency;
mod conditional_reference;
mod dangling_reference;
mod illegal_logical_id;
mod import_of_own_export;
mod malformed_function;
mod malformed_mapping;
mod malformed_output;
mod malformed_parameter;
mod malformed_resource;
mod missing_language_extensions;
mod name_of_parameter_and_resource;
mod no_resources;
mod quota_exceeded;
mod quota_nearly_reached;
mod unknown_attribute;
mod unknown_format_version;
mod unknown_mapping_key;
mod unknown_section;
mod unreadable_template;
mod unused_acknowledgement;
mod unused_condition;
mod unused_mapping;
mod unused_parameter;

pub(in crate::check) use acknowledgement_without_reason::RULE as ACKNOWLEDGEMENT_WITHOUT_REASON;
pub(in crate::check) use unreadable_template::RULE as UNREADABLE_TEMPLATE;
pub(in crate::check) use unused_acknowledgement::RULE as UNUSED_ACKNOWLEDGEMENT;

use crate::check::rules::Rule;

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
    &malformed_function::RULE,
    &quota_exceeded::RULE,
    &quota_nearly_reached::RULE,
    &dangling_reference::RULE,
    &import_of_own_export::RULE,
    &unknown_attribute::RULE,
    &unknown_mapping_key::RULE,
    &circular_dependency::RULE,
    &conditional_reference::RULE,
    &unused_parameter::RULE,
    &unused_condition::RULE,
    &unused_mapping::RULE,
    &unused_acknowledgement::RULE,
    &acknowledgement_without_reason::RULE,
];
