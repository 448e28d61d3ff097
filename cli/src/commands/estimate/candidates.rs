//! The cheapest instance types that fit, as lines of text.

use stackwright_estimate::memory::{Candidate, MemoryVerdict};

/// The number of instance types in a text; JSON has all of them.
const SHOWN: usize = 5;

/// Returns a line for each of the cheapest types, and one for the types without a known price.
pub(super) fn lines(candidates: &[Candidate]) -> Vec<String> {
    if candidates.is_empty() {
        return vec!["No instance type with a known GPU memory fits.".to_owned()];
    }
    let mut lines = vec!["Cheapest instance types that fit:".to_owned()];
    let priced = candidates.iter().filter_map(|one| Some((one, one.usd_per_hour?, one.price.as_ref()?)));
    for (one, usd, price) in priced.take(SHOWN) {
        let tight = if one.verdict == MemoryVerdict::Tight { ", tight" } else { "" };
        let accelerator = one.accelerator.as_deref().unwrap_or("accelerator unknown");
        let derived =
            if price.marks.is_empty() { String::new() } else { format!("; {}", price.marks.join("; ")) };
        lines.push(format!(
            "  {} × {} ({accelerator}{tight}): ${usd} an hour ({}, {}, {}{derived})",
            one.instances, one.instance_type, price.region, price.date, price.source
        ));
    }
    let unknown: Vec<&str> =
        candidates.iter().filter(|one| one.price.is_none()).map(|one| one.instance_type.as_str()).collect();
    if !unknown.is_empty() {
        lines.push(format!("These types fit, and their price is unknown: {}.", unknown.join(", ")));
    }
    lines
}
