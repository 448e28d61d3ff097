//! The model FLOPs utilization (MFU) that a run is expected to reach, from published runs.

use std::collections::BTreeSet;

use serde::Serialize;
use stackwright_schemas::mfu::{self, ActivationCheckpointing, PublishedStrategy, Utilization};

use crate::memory::Strategy;

/// A utilization as a range, with its sources.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UtilizationRange {
    /// The smallest value, as a share from 0 to 1.
    pub low: f64,
    /// The median of the published runs, or the utilization that the job sets, as a share from 0 to 1.
    pub expected: f64,
    /// The largest value, as a share from 0 to 1.
    pub high: f64,
    /// The number of published runs from which the range is computed; 0 if the job sets the utilization.
    pub runs: usize,
    /// The sources with their dates.
    pub sources: Vec<String>,
    /// The criteria by which the runs were selected.
    pub selection: String,
    /// Whether no published run has a similar number of GPUs, so that runs with other numbers were selected.
    #[serde(skip)]
    pub is_of_other_scale: bool,
}

impl UtilizationRange {
    /// Creates the range of a utilization that the job sets.
    pub(super) fn stated(share: f64, name: &str) -> Self {
        Self {
            low: share,
            expected: share,
            high: share,
            runs: 0,
            sources: Vec::new(),
            selection: format!("stated with `{name}`"),
            is_of_other_scale: false,
        }
    }
}

/// Returns the strategy of the published runs that use a strategy; `None` if no published run used it.
fn published_strategy(strategy: Strategy) -> Option<PublishedStrategy> {
    match strategy {
        Strategy::FullShard => Some(PublishedStrategy::FullShard),
        Strategy::ShardGradOp => Some(PublishedStrategy::ShardGradOp),
        Strategy::HybridShard => Some(PublishedStrategy::HybridShard),
        _ => None,
    }
}

/// Returns the class of a number of GPUs: one instance, some instances, many instances.
fn scale(gpus: u64) -> (u8, &'static str) {
    match gpus {
        0..=8 => (0, "up to 8 GPUs"),
        9..=64 => (1, "9 to 64 GPUs"),
        _ => (2, "more than 64 GPUs"),
    }
}

/// Returns the range of published runs with the same accelerator, strategy, activation checkpointing and scale. Without
/// a run of the same scale, runs of every scale are used, which the selection states.
pub(super) fn published(
    accelerator: &str,
    strategy: Strategy,
    checkpointing: bool,
    gpus: u64,
) -> Option<UtilizationRange> {
    // The H200 computes as fast as the H100; only its memory is larger.
    let counted_as = if accelerator == "H200" { "H100" } else { accelerator };
    let strategy = published_strategy(strategy)?;
    let checkpointing =
        if checkpointing { ActivationCheckpointing::Full } else { ActivationCheckpointing::None };
    let alike: Vec<&Utilization> = mfu::utilizations()
        .rows
        .iter()
        .filter(|row| {
            row.accelerator == counted_as && row.strategy == strategy && row.checkpointing == checkpointing
        })
        .collect();
    let of_scale: Vec<&Utilization> =
        alike.iter().copied().filter(|row| scale(row.gpus).0 == scale(gpus).0).collect();
    let is_of_other_scale = of_scale.is_empty();
    let (rows, scale) =
        if is_of_other_scale { (alike, "any number of GPUs") } else { (of_scale, scale(gpus).1) };
    let mut shares: Vec<f64> = rows.iter().map(|row| row.mfu_percent / 100.0).collect();
    shares.sort_by(f64::total_cmp);
    let (low, high) = (*shares.first()?, *shares.last()?);
    let sources: BTreeSet<String> = rows.iter().map(|row| format!("{} ({})", row.source, row.date)).collect();
    Some(UtilizationRange {
        low,
        expected: median(&shares)?,
        high,
        runs: rows.len(),
        sources: sources.into_iter().collect(),
        is_of_other_scale,
        selection: format!(
            "published runs on {counted_as}, {}, activation checkpointing {}, {scale}",
            strategy.as_str(),
            checkpointing.as_str()
        ),
    })
}

/// Returns the median of sorted values.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    sorted.get(middle.checked_sub(1)?).map(|lower| (lower + upper) / 2.0)
}
