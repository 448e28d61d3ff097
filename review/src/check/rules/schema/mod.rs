//! Resources and requests against the schemas that AWS publishes of them.

mod deprecated_property;
mod instance_type_not_in_region;
mod missing_property;
mod out_of_range;
mod pattern_mismatch;
mod read_only_property;
mod type_not_in_region;
mod unknown_property;
mod unknown_resource_type;
mod value_not_allowed;
mod wrong_combination;
mod wrong_type;

pub(in crate::check) use deprecated_property::RULE as DEPRECATED_PROPERTY;
pub(in crate::check) use missing_property::RULE as MISSING_PROPERTY;
pub(in crate::check) use out_of_range::RULE as OUT_OF_RANGE;
pub(in crate::check) use pattern_mismatch::RULE as PATTERN_MISMATCH;
pub(in crate::check) use read_only_property::RULE as READ_ONLY_PROPERTY;
pub(in crate::check) use unknown_property::RULE as UNKNOWN_PROPERTY;
pub(in crate::check) use value_not_allowed::RULE as VALUE_NOT_ALLOWED;
pub(in crate::check) use wrong_combination::RULE as WRONG_COMBINATION;
pub(in crate::check) use wrong_type::RULE as WRONG_TYPE;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &unknown_resource_type::RULE,
    &unknown_property::RULE,
    &missing_property::RULE,
    &value_not_allowed::RULE,
    &pattern_mismatch::RULE,
    &wrong_type::RULE,
    &out_of_range::RULE,
    &wrong_combination::RULE,
    &read_only_property::RULE,
    &deprecated_property::RULE,
    &type_not_in_region::RULE,
    &instance_type_not_in_region::RULE,
];
