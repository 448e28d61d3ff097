//! The lines about cost, GPU memory and quotas that `synth` and `plan` print.

use stackwright_estimate::cost::{self, Options};
use stackwright_estimate::memory::{self, Stated, Verdict};
use stackwright_estimate::quotas;
use stackwright_synth::Assembly;

/// Describes the cost of each stack, and the stated memory of its jobs and models.
pub(super) fn lines(assembly: &Assembly) -> Vec<String> {
    let options = Options::default();
    let estimate = cost::of_assembly(assembly, &options);
    let mut lines = Vec::new();
    for stack in &assembly.stacks {
        let total = estimate.monthly_of(&stack.id);
        let is_priced = estimate.lines.iter().any(|line| line.stack == stack.id && line.unknown.is_none());
        if !is_priced {
            continue;
        }
        let range = if total.floor == total.ceiling {
            format!("${}", total.floor)
        } else {
            format!("${} to ${}", total.floor, total.ceiling)
        };
        let unknown = match total.unknown {
            0 => String::new(),
            number => format!(", and {number} costs that are unknown"),
        };
        let run = estimate.most_expensive_run_of(&stack.id);
        let run = run.map_or(String::new(), |usd| format!("; one run of a job costs at most ${usd}"));
        lines.push(format!(
            "{}: estimated {range} a month{unknown}{run} (`estimate` has the details)",
            stack.id
        ));
    }
    lines.extend(memory::stated(assembly, &options).iter().map(memory_line));
    // Names of jobs come from the template.
    lines.iter().map(|line| line.replace(char::is_control, "\u{FFFD}")).collect()
}

fn memory_line(stated: &memory::StatedMemory) -> String {
    let place = format!("{}.{}, {}", stated.stack, stated.resource, stated.name);
    let fit = |verdict: Verdict| match verdict {
        Verdict::Fits => "fits in",
        Verdict::Tight => "barely fits in",
        Verdict::DoesNotFit => "does not fit in",
        _ => "is not comparable with",
    };
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    match &stated.estimate {
        Err(error) => format!("{place}: {error}"),
        Ok(Stated::Training(one)) => format!(
            "{place}: a training step takes an estimated {:.1} GiB and {} the GPU memory of {}",
            gib(one.upper_bytes.unwrap_or(one.peak.bytes)),
            fit(one.verdict),
            one.gpu.as_ref().map_or("an unknown instance type", |gpu| &gpu.instance_type)
        ),
        Ok(Stated::Inference(one)) => format!(
            "{place}: the model takes an estimated {:.1} GiB and {} the GPU memory; {} sequences of {} tokens fit",
            gib(one.bytes),
            fit(one.verdict),
            one.largest_sequences.map_or("an unknown number of".to_owned(), |number| number.to_string()),
            one.inference.length
        ),
        Ok(_) => place,
    }
}

/// Describes the quotas of instance types that a deployment needs and whose default is smaller or unknown.
pub(super) fn quota_lines(assembly: &Assembly) -> Vec<String> {
    let needs = quotas::of_assembly(assembly, &Options::default());
    let by_type = needs.iter().filter(|need| need.name.contains(" usage") || need.unit == "vCPUs");
    let short = by_type.filter_map(|need| {
        let needed = need.during_update.or(need.needed)?;
        if need.default.is_some_and(|default| default >= needed) {
            return None;
        }
        let default = need.default.map_or("unknown".to_owned(), |default| default.to_string());
        let code = need.code.as_deref().map_or(String::new(), |code| format!(" ({code})"));
        Some(format!(
            "the stacks need {needed} {} of the quota `{}`{code}; AWS's default is {default}, and the account's value was not read",
            need.unit, need.name
        ))
    });
    short.collect()
}
