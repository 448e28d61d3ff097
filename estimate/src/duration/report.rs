//! The duration as text, JSON and Markdown.

use serde_json::json;

use super::{DurationEstimate, EstimateRange};
use crate::cost::Money;

/// Returns the estimate as one JSON document.
pub fn json(estimate: &DurationEstimate) -> String {
    format!("{:#}\n", json!({ "version": 1, "duration": estimate }))
}

/// Returns the estimate as a table in plain text.
pub fn text(estimate: &DurationEstimate) -> String {
    let rows = rows(estimate);
    let width = rows.iter().map(|row| row[0].len()).max().unwrap_or(0);
    let mut text = format!("{:width$}  {:>14}  {:>14}  {:>14}\n", "", "low", "expected", "high");
    for [name, low, expected, high] in rows {
        text.push_str(&format!("{name:width$}  {low:>14}  {expected:>14}  {high:>14}\n"));
    }
    text.push('\n');
    for line in inputs(estimate) {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// Returns the estimate as a Markdown table, for pull requests.
pub fn markdown(estimate: &DurationEstimate) -> String {
    let mut text = "| | low | expected | high |\n|---|---:|---:|---:|\n".to_owned();
    for row in rows(estimate) {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text.push('\n');
    for line in inputs(estimate) {
        text.push_str(&format!("- {line}\n"));
    }
    text
}

fn row<T: Copy>(name: &str, range: EstimateRange<T>, shown: impl Fn(T) -> String) -> [String; 4] {
    [name.to_owned(), shown(range.low), shown(range.expected), shown(range.high)]
}

fn rows(estimate: &DurationEstimate) -> Vec<[String; 4]> {
    let dollars = |usd: Money| format!("${usd}");
    let mut rows = vec![
        row("duration", estimate.seconds, clock),
        row("one step", estimate.step_seconds, |seconds| format!("{seconds:.3} s")),
    ];
    let unknown = || "unknown".to_owned();
    rows.push(match estimate.cost {
        Some(cost) => row("cost of the run, on demand", cost, dollars),
        None => ["cost of the run, on demand".to_owned(), unknown(), unknown(), unknown()],
    });
    if let Some(cost) = estimate.spot_cost {
        rows.push(row("cost of the run, spot", cost, dollars));
    }
    rows
}

fn clock(seconds: u64) -> String {
    let minutes = seconds.div_ceil(60);
    if seconds < 60 { format!("{seconds} s") } else { format!("{} h {:02} min", minutes / 60, minutes % 60) }
}

/// Returns the inputs of the estimate.
fn inputs(estimate: &DurationEstimate) -> Vec<String> {
    let (job, flops, utilization) = (&estimate.job, &estimate.flops_per_token, &estimate.utilization);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut lines = vec![
        format!(
            "Job: {} tokens in {} steps on {} GPUs ({} × {}), {} samples of {} tokens per GPU and step.",
            job.tokens,
            estimate.steps,
            job.ranks,
            estimate.instances,
            job.instance_type,
            job.batch,
            job.sequence
        ),
        format!(
            "Operations per token: {:.3e} model FLOPs ({} active parameters × 6, and attention), {:.3e} with recomputation.",
            flops.model() as f64,
            flops.active_parameters,
            flops.hardware() as f64
        ),
        format!("Peak: {} TFLOPS of one accelerator, dense bf16.", estimate.peak_tflops),
        format!(
            "Utilization: {} to {}, median {} ({}).",
            percent(utilization.low),
            percent(utilization.high),
            percent(utilization.expected),
            utilization.selection
        ),
    ];
    lines.extend(utilization.sources.iter().map(|source| format!("Source of the utilization: {source}.")));
    lines.push(match estimate.communication_seconds {
        Some(seconds) => format!("Communication between instances: at least {seconds:.3} s of a step."),
        None => "Communication between instances: unknown.".to_owned(),
    });
    let interval =
        job.checkpoint_interval_seconds.map_or("never".to_owned(), |seconds| format!("every {seconds} s"));
    lines.push(format!(
        "Checkpoints: {interval}, {} s each. Interruptions: {}, {} s until the training continues.",
        job.checkpoint_seconds, job.interruptions, job.restart_seconds
    ));
    if let Some(hours) = job.hours_between_failures {
        lines.push(format!("Failures: one in {hours} hours of each instance on average, as stated."));
    }
    match &estimate.price {
        Some(price) => {
            lines.push(format!(
                "Price: ${} an instance hour ({}, {}, {}).",
                price.usd.exact(),
                price.region,
                price.date,
                price.source
            ));
            lines.extend(price.marks.iter().map(|mark| format!("Note on the price: {mark}.")));
        }
        None => lines.push(format!("Price: unknown for training on {}.", job.instance_type)),
    }
    if let Some(saving) = job.spot_saving {
        lines.push(format!("Saving of managed spot training: {saving}, as stated."));
    }
    lines.extend(estimate.notes.iter().map(|note| format!("Note: {note}.")));
    lines
}
