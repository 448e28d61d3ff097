//! x

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[];
