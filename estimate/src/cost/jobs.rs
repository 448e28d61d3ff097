//! Jobs that pipelines, state machines and schedules start: the maximum cost of a run is that of its instances for
//! its maximum run time.

use serde_json::Value as Json;
use stackwright_schemas::instances;

use super::money::Money;
use super::prices::Use;
use super::resolve::number;
use super::resources::{Scope, is_true};
use super::usage::ResourceUsage;
use super::{HOURS_A_MONTH, Line, Per};
use crate::duration;
use crate::memory::step_of;

/// The maximum run time in seconds that SageMaker applies if a request states none: one day.
const DEFAULT_SECONDS: u64 = 86_400;
/// The maximum depth to which documents are searched.
const DEPTH: u32 = 64;

/// A job found in a document.
struct Job {
    name: String,
    usage: Use,
    /// Instance type, number of instances and gigabytes of storage for each of them.
    instances: Vec<(Option<String>, Option<u64>, u64)>,
    seconds: Option<u64>,
    is_spot: bool,
    warm_seconds: u64,
    /// The number of jobs that a tuning job starts, and the number of them that run at the same time.
    runs: Option<(u64, u64)>,
}

pub(super) fn lines(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Vec<Line> {
    let mut jobs = Vec::new();
    find(properties, id, DEPTH, &mut jobs);
    let training = jobs.iter().filter(|job| job.usage == Use::Training).count();
    jobs.iter().flat_map(|job| of_job(scope, id, kind, job, training == 1)).collect()
}

/// A training job that a resource starts, as far as it is known before a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrainingJob {
    pub name: String,
    pub instance_type: Option<String>,
    pub count: Option<u64>,
}

/// Returns the training jobs of pipelines, state machines and schedules. If a job has several instance groups, only the first one
/// is used.
pub(crate) fn training_jobs(properties: &Json, id: &str) -> Vec<TrainingJob> {
    let mut jobs = Vec::new();
    find(properties, id, DEPTH, &mut jobs);
    let training = jobs.into_iter().filter(|job| job.usage == Use::Training);
    let known = training.filter_map(|job| {
        let (instance_type, count, _) = job.instances.into_iter().next()?;
        Some(TrainingJob { name: job.name, instance_type, count })
    });
    known.collect()
}

/// Returns the names of all jobs that a resource starts.
pub(super) fn names(properties: &Json, id: &str) -> Vec<String> {
    let mut jobs = Vec::new();
    find(properties, id, DEPTH, &mut jobs);
    jobs.into_iter().map(|job| job.name).collect()
}

/// Searches for job requests, including strings that contain JSON.
fn find(value: &Json, name: &str, depth: u32, jobs: &mut Vec<Job>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Json::String(text) if text.trim_start().starts_with('{') => {
            if let Ok(document) = serde_json::from_str::<Json>(text) {
                find(&document, name, depth, jobs);
            }
        }
        Json::Array(items) => {
            for item in items {
                find(item, name, depth, jobs);
            }
        }
        Json::Object(map) => {
            // A step of a pipeline has a name; a state of a state machine is a member.
            let named = map.get("Name").and_then(Json::as_str).unwrap_or(name);
            if let Some(found) = tuning(value, named) {
                jobs.extend(found);
                return;
            }
            if let Some(job) = job(value, named) {
                jobs.push(job);
                return;
            }
            for (member, inner) in map {
                let inner_name = if member.starts_with(|letter: char| letter.is_uppercase())
                    && inner.is_object()
                    && !KEYWORDS.contains(&member.as_str())
                {
                    member
                } else {
                    named
                };
                find(inner, inner_name, depth, jobs);
            }
        }
        _ => {}
    }
}

/// Members that are not names of states.
const KEYWORDS: [&str; 12] = [
    "Arguments",
    "Definition",
    "DefinitionString",
    "Input",
    "ItemProcessor",
    "Iterator",
    "Parameters",
    "PipelineDefinition",
    "Properties",
    "States",
    "Target",
    "Environment",
];

/// Returns the jobs of a tuning job: each definition as often as the tuning job starts jobs. `None` for another request.
fn tuning(value: &Json, name: &str) -> Option<Vec<Job>> {
    let limits = value.get("HyperParameterTuningJobConfig")?.get("ResourceLimits");
    let limit = |member: &str| limits.and_then(|limits| number(&limits[member]));
    let runs = (limit("MaxNumberOfTrainingJobs")?, limit("MaxParallelTrainingJobs").unwrap_or(1));
    let several = value["TrainingJobDefinitions"].as_array();
    let one = value.get("TrainingJobDefinition").filter(|definition| definition.is_object());
    let definitions = several.into_iter().flatten().chain(one);
    let found = definitions.filter_map(|definition| {
        let name =
            definition["DefinitionName"].as_str().map_or(name.to_owned(), |own| format!("{name} {own}"));
        Some(Job { runs: Some(runs), ..job(definition, &name)? })
    });
    Some(found.collect())
}

fn job(value: &Json, name: &str) -> Option<Job> {
    let cluster = |value: &Json| {
        let instance_type = value["InstanceType"].as_str().map(str::to_owned);
        (instance_type, number(&value["InstanceCount"]), number(&value["VolumeSizeInGB"]).unwrap_or(0))
    };
    if let Some(resources) = value
        .get("ResourceConfig")
        .filter(|_| value.get("AlgorithmSpecification").is_some() || value.get("OutputDataConfig").is_some())
    {
        let groups = resources["InstanceGroups"]
            .as_array()
            .map(|groups| groups.iter().map(cluster).collect::<Vec<_>>());
        return Some(Job {
            name: name.to_owned(),
            usage: Use::Training,
            instances: groups.filter(|groups| !groups.is_empty()).unwrap_or_else(|| vec![cluster(resources)]),
            seconds: longest(value),
            is_spot: is_true(&value["EnableManagedSpotTraining"]),
            warm_seconds: number(&resources["KeepAlivePeriodInSeconds"]).unwrap_or(0),
            runs: None,
        });
    }
    if value.get("OptimizationConfigs").is_some() {
        return Some(Job {
            name: name.to_owned(),
            usage: Use::Optimization,
            instances: vec![(value["DeploymentInstanceType"].as_str().map(str::to_owned), Some(1), 0)],
            seconds: longest(value),
            is_spot: false,
            warm_seconds: 0,
            runs: None,
        });
    }
    // Processing jobs; those of a monitoring schedule, and of the definition of a monitoring job that a schedule names.
    let processing = ["ProcessingResources", "MonitoringResources", "JobResources"];
    let (usage, resources) = if let Some(resources) = processing.iter().find_map(|name| value.get(*name)) {
        (Use::Processing, &resources["ClusterConfig"])
    } else if let Some(resources) = value.get("TransformResources") {
        (Use::Transform, resources)
    } else {
        return None;
    };
    Some(Job {
        name: name.to_owned(),
        usage,
        instances: vec![cluster(resources)],
        seconds: longest(value),
        is_spot: false,
        warm_seconds: 0,
        runs: None,
    })
}

fn longest(request: &Json) -> Option<u64> {
    match request.get("StoppingCondition").map(|condition| &condition["MaxRuntimeInSeconds"]) {
        None => Some(DEFAULT_SECONDS),
        Some(seconds) => number(seconds),
    }
}

fn of_job(scope: &Scope<'_>, id: &str, kind: &str, job: &Job, only: bool) -> Vec<Line> {
    let usage = scope.usage(&job.name).or(scope.usage(id));
    let mut lines = Vec::new();
    for instances in &job.instances {
        let expected = match usage.minutes_per_run {
            Some(minutes) => Some(Expected::stated(minutes)),
            None => by_duration(scope, id, job, instances, &usage, only),
        };
        let one = run(scope, id, kind, job, instances, expected);
        let month = usage.runs_per_month.map(|runs| monthly(&one, runs));
        lines.push(one);
        lines.extend(month);
    }
    lines.extend(job.instances.iter().filter_map(|instances| storage(scope, id, kind, job, instances)));
    if job.warm_seconds > 0 {
        let instances = &job.instances[0];
        lines.push(warm_pool(scope, id, kind, job, instances));
    }
    lines
}

/// The expected duration of a run.
struct Expected {
    /// The minimum and the expected number of seconds; `None` if they are not known.
    seconds: Option<[u64; 2]>,
    /// The inputs of the computation, or the reason why the seconds are not known.
    note: Option<String>,
}

impl Expected {
    fn stated(minutes: u64) -> Self {
        let seconds = minutes.saturating_mul(60);
        Self { seconds: Some([seconds, seconds]), note: None }
    }
}

/// Returns the duration of a training job from its model, which its `Metadata` states, and the tokens or steps of its usage.
fn by_duration(
    scope: &Scope<'_>,
    id: &str,
    job: &Job,
    instances: &(Option<String>, Option<u64>, u64),
    usage: &ResourceUsage,
    only: bool,
) -> Option<Expected> {
    let (Some(instance_type), Some(count), _) = instances else { return None };
    if job.usage != Use::Training || usage.tokens_per_run.or(usage.steps_per_run).is_none() {
        return None;
    }
    let step =
        scope.metadata(id).and_then(|metadata| step_of(metadata, &job.name, only, instance_type, *count));
    let Some((shape, training)) = step else {
        let note = "the usage states tokens or steps, but the `stackwright-memory` of the resource states no valid model \
                    of the job: the duration is not estimated";
        return Some(Expected { seconds: None, note: Some(note.to_owned()) });
    };
    let per_step = training.ranks.saturating_mul(training.batch).saturating_mul(training.sequence);
    let of_steps = || usage.steps_per_run.map(|steps| steps.saturating_mul(per_step));
    let tokens = usage.tokens_per_run.or_else(of_steps)?;
    let mut run = duration::Job::new(instance_type, training.ranks, training.strategy, tokens);
    run.batch = training.batch;
    run.sequence = training.sequence;
    run.activation_checkpointing = training.activation_checkpointing;
    run.lora_rank = training.lora_rank;
    run.mfu = usage.mfu_percent.map(|percent| f64::from(percent) / 100.0);
    run.region = scope.region.to_owned();
    Some(match duration::training_duration(&shape, &run, &scope.options.prices) {
        Ok(found) => {
            let hours = |seconds: u64| format!("{:.1} h", seconds as f64 / 3600.0);
            let note = format!(
                "expected duration {} ({} to {}): {tokens} tokens in {} steps on {} GPUs, {:.3e} operations for each token, {} \
                 TFLOPS, utilization {:.2} to {:.2} ({})",
                hours(found.seconds.expected),
                hours(found.seconds.low),
                hours(found.seconds.high),
                found.steps,
                training.ranks,
                found.flops_per_token.model() as f64,
                found.peak_tflops,
                found.utilization.low,
                found.utilization.high,
                found.utilization.selection,
            );
            Expected { seconds: Some([found.seconds.low, found.seconds.expected]), note: Some(note) }
        }
        Err(error) => {
            Expected { seconds: None, note: Some(format!("the duration is not estimated: {error}")) }
        }
    })
}

fn what(usage: Use) -> &'static str {
    match usage {
        Use::Training => "training job",
        Use::Processing => "processing job",
        Use::Optimization => "optimization job",
        _ => "transform job",
    }
}

fn run(
    scope: &Scope<'_>,
    id: &str,
    kind: &str,
    job: &Job,
    instances: &(Option<String>, Option<u64>, u64),
    expected: Option<Expected>,
) -> Line {
    let line = scope.line(id, kind, format!("{} {}", what(job.usage), job.name), Per::Run);
    let (Some(instance_type), Some(count), _) = instances else {
        return line.unknown("the instance type or the number of instances is a parameter of the run");
    };
    let line = Line { item: format!("{}, {count} x {instance_type}", line.item), ..line };
    let (runs, parallel) = job.runs.unwrap_or((1, 1));
    let most = count.saturating_mul(parallel);
    let line = line.with_capacity(job.usage, instance_type, 0, most, job.is_spot);
    let Some((price, hourly)) = scope.instance(job.usage, instance_type) else {
        let what = if job.usage == Use::Optimization { "optimization jobs on " } else { "" };
        return line.unknown(format!("no price of {what}{instance_type} is known for {}", scope.region));
    };
    let Some(seconds) = job.seconds else {
        return line.unknown("the longest run time is a parameter of the run");
    };
    let amount = |seconds: u64| hourly.times(*count).times(runs).times_ratio(seconds, 3600);
    let (duration, expected) = match expected {
        Some(Expected { seconds, note }) => (note, seconds.map(|seconds| seconds.map(amount))),
        None => (None, None),
    };
    let times = job.runs.map_or(String::new(), |(runs, _)| format!("{runs} jobs x "));
    let saving = scope.options.spot_saving.filter(|_| job.is_spot);
    let less = |amount: Money| saving.map_or(amount, |saving| amount.less(saving));
    let mut line = Line {
        typical: expected.map(|[_, expected]| less(expected)),
        floor: expected.map_or(Some(Money::ZERO), |[least, _]| Some(less(least))),
        ceiling: Some(amount(seconds)),
        formula: format!(
            "{times}{count} x {instance_type} x {seconds} s / 3600 x ${}, at most",
            hourly.exact()
        ),
        price: Some(price),
        ..line
    };
    line.notes.extend(duration);
    match (job.is_spot, saving) {
        (true, Some(saving)) => line.note(format!(
            "managed spot training with the given saving of {saving}; the maximum is the on-demand price"
        )),
        (true, None) => line.note("managed spot training; set its saving with --spot-saving"),
        _ => line,
    }
}

/// Returns the monthly cost of a job whose number of runs per month is stated.
fn monthly(run: &Line, runs: u64) -> Line {
    let times = |amount: Option<Money>| amount.map(|amount| amount.times(runs));
    Line {
        item: format!("{}, {runs} runs a month", run.item),
        per: Per::Month,
        floor: times(run.floor),
        typical: times(run.typical),
        ceiling: times(run.ceiling),
        formula: if run.formula.is_empty() { String::new() } else { format!("{runs} x ({})", run.formula) },
        // The line of the run already contains its instances.
        capacity: None,
        ..run.clone()
    }
}

/// Returns the volumes of the instances of a run, by the second. Instances with local disks use those.
fn storage(
    scope: &Scope<'_>,
    id: &str,
    kind: &str,
    job: &Job,
    instances: &(Option<String>, Option<u64>, u64),
) -> Option<Line> {
    let (Some(instance_type), Some(count), gigabytes) = instances else { return None };
    let has_disk =
        instances::instance(instance_type).is_some_and(|facts| facts.local_nvme_gb.unwrap_or(0) > 0);
    if *gigabytes == 0 || has_disk {
        return None;
    }
    let line = scope.line(id, kind, format!("storage of {} {}", what(job.usage), job.name), Per::Run);
    let item = match job.usage {
        Use::Training => "SageMaker gp2 volume, training",
        Use::Processing => "SageMaker gp2 volume, processing",
        _ => return Some(line.unknown("no price of the storage of this kind of job is known")),
    };
    let (Some(price), Some(seconds)) = (scope.unit(item), job.seconds) else {
        return Some(line.unknown("the price of the storage or the longest run time is not known"));
    };
    let runs = job.runs.map_or(1, |(runs, _)| runs);
    let stored = price.usd.times(*gigabytes).times(*count).times(runs);
    Some(Line {
        floor: Some(Money::ZERO),
        ceiling: Some(stored.times_ratio(seconds, HOURS_A_MONTH * 3600)),
        formula: format!(
            "{runs} x {count} x {gigabytes} GB x {seconds} s / ({HOURS_A_MONTH} x 3600) x ${}, at most",
            price.usd.exact()
        ),
        price: Some(price),
        ..line
    })
}

fn warm_pool(
    scope: &Scope<'_>,
    id: &str,
    kind: &str,
    job: &Job,
    instances: &(Option<String>, Option<u64>, u64),
) -> Line {
    let line = scope.line(id, kind, format!("warm pool of {}", job.name), Per::Run);
    let (Some(instance_type), Some(count), _) = instances else {
        return line.unknown("the instance type is a parameter of the run");
    };
    let line = line.with_capacity(Use::WarmPool, instance_type, 0, *count, false);
    let Some((price, hourly)) = scope.instance(Use::Training, instance_type) else {
        return line.unknown(format!("no price of {instance_type} is known for {}", scope.region));
    };
    let seconds = job.warm_seconds;
    let most = hourly.times(*count).times_ratio(seconds, 3600);
    Line {
        floor: Some(Money::ZERO),
        ceiling: Some(most),
        formula: format!("{count} x {instance_type} x {seconds} s / 3600 x ${}, at most", hourly.exact()),
        price: Some(price),
        ..line
    }
}
