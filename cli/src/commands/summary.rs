//! The lines about cost, GPU memory and quotas that `synth` and `plan` print.

use stackwright_estimate::cost::{self, Options};
use stackwright_estimate::memory::{self, MemoryVerdict, Stated};
use stackwright_estimate::quotas::{self, Need};
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
        let range = range(&total);
        let unknown = match total.unknown {
            0 => String::new(),
            1 => ", and 1 cost that is unknown".to_owned(),
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

/// Describes a sum by its minimum and its maximum, or by one figure if they are equal.
pub(super) fn range(total: &cost::Total) -> String {
    if total.floor == total.ceiling {
        return format!("${}", total.floor);
    }
    format!("${} to ${}", total.floor, total.ceiling)
}

fn memory_line(stated: &memory::StatedMemory) -> String {
    let location = format!("{}.{}, {}", stated.stack, stated.resource, stated.name);
    let fit = |verdict: MemoryVerdict| match verdict {
        MemoryVerdict::Fits => "fits in",
        MemoryVerdict::Tight => "barely fits in",
        MemoryVerdict::DoesNotFit => "does not fit in",
        _ => "is not comparable with",
    };
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    match &stated.estimate {
        Err(error) => format!("{location}: {error}"),
        Ok(Stated::Training(one)) => format!(
            "{location}: a training step takes an estimated {:.1} GiB and {} the GPU memory of {}",
            gib(one.upper_bytes.unwrap_or(one.peak.bytes)),
            fit(one.verdict),
            one.gpu.as_ref().map_or("an unknown instance type", |gpu| &gpu.instance_type)
        ),
        Ok(Stated::Inference(one)) => format!(
            "{location}: the model takes an estimated {:.1} GiB and {} the GPU memory; {} sequences of {} tokens fit",
            gib(one.bytes),
            fit(one.verdict),
            one.largest_sequences.map_or("an unknown number of".to_owned(), |number| number.to_string()),
            one.inference.length
        ),
        Ok(Stated::Packing(one)) => format!(
            "{location}: {} of {} models are loaded at the same time on an instance at the least; {}",
            one.least_loaded,
            one.models,
            match one.verdict {
                MemoryVerdict::Fits => "all fit in the GPU memory",
                MemoryVerdict::Tight => "SageMaker unloads models when memory is short",
                _ => "the largest model does not fit in the GPU memory",
            }
        ),
        Ok(_) => location,
    }
}

/// Whether the values of the account are part of the needs.
#[cfg_attr(
    not(feature = "deploy"),
    expect(dead_code, reason = "only commands that send requests to AWS read values")
)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AccountValues<'a> {
    /// They were read.
    Read,
    /// They could not be read, for this reason.
    Refused(&'a str),
    /// The command sends no requests.
    NotRequested,
}

/// Describes the quotas of the stacks that AWS's defaults do not cover.
pub(super) fn default_quota_lines(assembly: &Assembly) -> Vec<String> {
    quota_lines(&quotas::of_assembly(assembly, &Options::default()), AccountValues::NotRequested)
}

/// Describes the quotas that are too small for the stacks, and those of instance types whose value is not known.
pub(super) fn quota_lines(needs: &[Need], account: AccountValues<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for need in needs {
        let is_shown = need.is_of_instances || need.is_exceeded() == Some(true);
        let Some(peak) = need.peak().filter(|_| is_shown) else {
            continue;
        };
        let has = match (need.account_value, need.default) {
            (Some(value), _) if peak <= value => continue,
            (Some(value), _) => {
                format!(
                    "the account has {value}: request an increase in Service Quotas before the deployment"
                )
            }
            (None, Some(default)) if peak <= default => continue,
            (None, Some(default)) => {
                format!("AWS's default is {default}, and the account's value was not read")
            }
            (None, None) if account == AccountValues::Read && need.code.is_some() => {
                "Service Quotas has no value for the account".to_owned()
            }
            (None, None) => "AWS's default is unknown, and the account's value was not read".to_owned(),
        };
        let update = if need.needed == Some(peak) { "" } else { " during an update" };
        let code = need.code.as_deref().map_or(String::new(), |code| format!(" ({code})"));
        let location = need.region.as_deref().map_or(String::new(), |region| format!(" in {region}"));
        let unit = if peak == 1 { need.unit.singular().to_owned() } else { need.unit.to_string() };
        lines.push(format!(
            "the stacks need {peak} {unit}{update} of the quota `{}`{code}{location}; {has}",
            need.name
        ));
    }
    match account {
        AccountValues::Refused(error) => lines.push(format!(
            "the account's service quotas were not read: {error} (`permissions plan` prints the permissions)"
        )),
        AccountValues::Read if lines.is_empty() && !needs.is_empty() => lines.push(
            "the service quotas of the account are large enough for the stacks; the present usage of the account is not counted"
                .to_owned(),
        ),
        AccountValues::Read if !lines.is_empty() => {
            lines.push("the present usage of the account is not counted".to_owned());
        }
        AccountValues::Read | AccountValues::NotRequested => {}
    }
    // Names of types come from the template, and errors from outside.
    lines.iter().map(|line| line.replace(char::is_control, "\u{FFFD}")).collect()
}
