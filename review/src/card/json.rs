//! A card for programs: one JSON document, described in `docs/card.schema.json`.

use serde_json::json;

use super::Card;
use crate::diff;
use crate::report;

/// Counts up when a field is removed or changes its meaning. New fields do not count.
const VERSION: u32 = 1;

/// Returns the card as JSON.
pub fn json(card: &Card) -> String {
    let approvals: Vec<_> = card
        .approvals
        .iter()
        .map(|one| {
            json!({
                "stack": one.stack,
                "approval": one.approval.to_string(),
                "words": one.words(),
                "reason": one.reason,
                "dangerous": one.is_dangerous,
            })
        })
        .collect();
    let cost: Vec<_> = card
        .cost
        .iter()
        .map(|one| json!({ "what": one.what, "before": one.before, "after": one.after, "note": one.note }))
        .collect();
    let document = json!({
        "version": VERSION,
        "base": card.base,
        "verdict": card.verdict.name(),
        "approvals": approvals,
        "findings": {
            "new": card.new_findings.iter().map(report::diagnostic_json).collect::<Vec<_>>(),
            "known": card.known_findings,
            "fixed": card.fixed_findings,
        },
        "cost": cost,
        "prices": card.prices.iter().map(|one| json!({
            "item": one.item,
            "usd": one.usd.exact(),
            "region": one.region,
            "date": one.date,
            "source": one.source,
            "marks": one.marks,
        })).collect::<Vec<_>>(),
        "quotas": card.quotas.iter().map(|one| json!({
            "name": one.name,
            "code": one.code,
            "unit": one.unit,
            "before": one.before,
            "after": one.after,
            "default": one.default,
            "exceedsDefault": one.exceeds_default(),
        })).collect::<Vec<_>>(),
        "memory": card.memory.iter().map(|one| json!({
            "what": one.what,
            "before": one.before,
            "after": one.after,
            "shrinks": one.shrinks,
            "fit": one.fit(),
        })).collect::<Vec<_>>(),
        "diff": diff::document(&card.diff),
    });
    format!("{document:#}\n")
}
