//! Feature groups.

mod unknown_feature;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[&unknown_feature::RULE];
