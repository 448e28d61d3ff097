//! Keywords that JSON Schema does not have: those of the registry about properties that go together, and those of the
//! project's own constraints. A value that is not known passes each of the latter.

use jsonschema::{Keyword, ValidationError};
use serde_json::Value as JsonValue;

use super::compiled::matches_pattern;
use crate::check::text::{Piece, Text};
use crate::check::value::{boolean, entries, is_unresolved, items, number, string};

/// Separates the name of a property below from the message of a keyword.
pub(super) const BELOW: char = '\u{1f}';

pub(super) type Holds = fn(&JsonValue, &JsonValue) -> Result<(), String>;

/// Keywords about combinations of properties.
pub(super) const COMBINATIONS: &[(&str, Holds)] = &[
    ("requiredXor", |names, object| {
        if !object.is_object() {
            return Ok(());
        }
        let given = given(names, object);
        match given.len() {
            1 => Ok(()),
            0 => Err(format!("one of {} is missing", listed(&strings(names)))),
            _ => Err(format!("{} exclude each other", listed(&given))),
        }
    }),
    ("requiredOr", |names, object| {
        if object.is_object() && given(names, object).is_empty() {
            return Err(format!("one of {} is missing", listed(&strings(names))));
        }
        Ok(())
    }),
    ("dependentExcluded", |rules, object| {
        for (name, excluded) in rules.as_object().into_iter().flatten() {
            // Services take an empty list for one that is not set.
            let is_empty = |name: &str| object[name].as_array().is_some_and(Vec::is_empty);
            let mut given = given(excluded, object);
            given.retain(|name| !is_empty(name));
            if object.get(name).is_some() && !is_empty(name) && !given.is_empty() {
                return Err(format!("`{name}` excludes {}", listed(&given)));
            }
        }
        Ok(())
    }),
    ("dependentRequired", |rules, object| {
        for (name, needed) in rules.as_object().into_iter().flatten() {
            let missing: Vec<_> =
                strings(needed).into_iter().filter(|needed| object.get(needed).is_none()).collect();
            if object.get(name).is_some() && !missing.is_empty() {
                return Err(format!("`{name}` needs {}", listed(&missing)));
            }
        }
        Ok(())
    }),
    ("enumCaseInsensitive", |allowed, value| {
        let Some(text) = value.as_str() else { return Ok(()) };
        let allowed = strings(allowed);
        if allowed.iter().any(|known| known.eq_ignore_ascii_case(text)) {
            return Ok(());
        }
        Err(format!("`{text}` is not allowed here: use {}", listed(&allowed)))
    }),
];

/// A keyword that a function checks.
pub(super) struct Combination {
    value: JsonValue,
    holds: Holds,
}

impl Combination {
    /// Creates a keyword with its value in a schema.
    pub fn new(value: &JsonValue, holds: Holds) -> Self {
        Self { value: value.clone(), holds }
    }
}

impl<'i> Keyword<'i> for Combination {
    fn validate(&self, instance: &'i JsonValue) -> Result<(), ValidationError<'i>> {
        (self.holds)(&self.value, instance).map_err(ValidationError::custom)
    }

    fn is_valid(&self, instance: &'i JsonValue) -> bool {
        (self.holds)(&self.value, instance).is_ok()
    }
}

pub(super) fn strings(list: &JsonValue) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(JsonValue::as_str).collect()
}

/// Returns the properties of a list that an object has.
fn given<'n>(names: &'n JsonValue, object: &JsonValue) -> Vec<&'n str> {
    strings(names).into_iter().filter(|name| object.get(name).is_some()).collect()
}

pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The keywords for constraints that JSON Schema does not have, by name.
pub(super) const KEYWORDS: &[(&str, Holds)] = &[
    ("excluded", excluded),
    ("atLeast", |limit, value| bound(limit, value, |given, limit| given >= limit, "at least")),
    ("atMost", |limit, value| bound(limit, value, |given, limit| given <= limit, "at most")),
    ("numberIn", number_in),
    ("notAbove", not_above),
    ("startsWith", starts_with),
    ("bothMinusOne", both_minus_one),
    ("icmpPorts", icmp_ports),
    ("entriesBytes", entries_bytes),
    ("fargateSize", fargate_size),
    ("iopsForEachGib", iops_for_each_gib),
    ("throughputForEachIops", throughput_for_each_iops),
    ("stepIntervals", step_intervals),
    ("namesMatch", names_match),
    ("partsMatch", parts_match),
    ("expiresAfterTransitions", expires_after_transitions),
    ("oneReturnsData", one_returns_data),
    ("alarmWindow", alarm_window),
    ("jsonText", json_text),
];

fn excluded(names: &JsonValue, object: &JsonValue) -> Result<(), String> {
    match given(names, object).first() {
        Some(name) => Err(format!("{name}{BELOW}`{name}` is not allowed here")),
        None => Ok(()),
    }
}

fn bound(
    limit: &JsonValue,
    value: &JsonValue,
    fits: fn(f64, f64) -> bool,
    words: &str,
) -> Result<(), String> {
    match (number(value), limit.as_f64()) {
        (Some(given), Some(limit)) if !fits(given, limit) => {
            Err(format!("{given} is out of range: the value has to be {words} {limit}"))
        }
        _ => Ok(()),
    }
}

/// Checks that a number is one of the listed values, or a multiple of the step.
fn number_in(allowed: &JsonValue, value: &JsonValue) -> Result<(), String> {
    let Some(given) = number(value) else { return Ok(()) };
    let mut listed = items(&allowed["values"]).filter_map(JsonValue::as_f64);
    let is_multiple = |step: f64| given > 0.0 && given % step == 0.0;
    if listed.any(|known| known == given) || allowed["step"].as_f64().is_some_and(is_multiple) {
        return Ok(());
    }
    let values: Vec<String> = items(&allowed["values"]).map(ToString::to_string).collect();
    let step = allowed["step"].as_f64().map_or_else(String::new, |step| format!(" or a multiple of {step}"));
    Err(format!("{given} is not allowed: the value has to be {}{step}", values.join(", ")))
}

fn not_above(pairs: &JsonValue, object: &JsonValue) -> Result<(), String> {
    for pair in items(pairs) {
        let (Some(lower), Some(upper)) = (pair[0].as_str(), pair[1].as_str()) else { continue };
        let (least, most) = (number(&object[lower]), number(&object[upper]));
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            return Err(format!("{lower}{BELOW}`{lower}` {least} is above `{upper}` {most}"));
        }
    }
    Ok(())
}

/// Checks that a string starts with the value of another property and a colon.
fn starts_with(pairs: &JsonValue, object: &JsonValue) -> Result<(), String> {
    for (name, other) in entries(pairs) {
        let other = other.as_str().unwrap_or_default();
        if let (Some(whole), Some(start)) = (string(&object[name]), string(&object[other]))
            && !whole.starts_with(&format!("{start}:"))
        {
            return Err(format!("{other}{BELOW}`{other}` {start} does not fit `{name}` {whole}"));
        }
    }
    Ok(())
}

fn both_minus_one(names: &JsonValue, object: &JsonValue) -> Result<(), String> {
    let (Some(from), Some(to)) = (names[0].as_str(), names[1].as_str()) else { return Ok(()) };
    let (one, other) = (number(&object[from]), number(&object[to]));
    match (one, other) {
        (Some(-1.0), Some(port)) if port != -1.0 => Err(minus_one(to, from)),
        (Some(port), Some(-1.0)) if port != -1.0 => Err(minus_one(from, to)),
        _ => Ok(()),
    }
}

/// Checks the ICMP type and code of a rule: if the type is −1 (all types), the code has to be −1 (all codes).
fn icmp_ports(names: &JsonValue, object: &JsonValue) -> Result<(), String> {
    let (Some(from), Some(to)) = (names[0].as_str(), names[1].as_str()) else { return Ok(()) };
    match (number(&object[from]), number(&object[to])) {
        (Some(-1.0), Some(code)) if code != -1.0 => Err(minus_one(to, from)),
        _ => Ok(()),
    }
}

fn minus_one(wrong: &str, all: &str) -> String {
    format!("{wrong}{BELOW}`{wrong}` has to be -1, because `{all}` is -1, which stands for all")
}

fn entries_bytes(limit: &JsonValue, map: &JsonValue) -> Result<(), String> {
    let bytes: usize = entries(map).map(|(name, value)| name.len() + string(value).map_or(0, str::len)).sum();
    match limit.as_u64() {
        Some(limit) if bytes as u64 > limit => {
            Err(format!("the names and values have {bytes} bytes, and {limit} are allowed"))
        }
        _ => Ok(()),
    }
}

/// The number of IOPS that a volume can have independently of its size.
const BASELINE_IOPS: f64 = 3000.0;

/// Checks the maximum number of IOPS for each GiB of a volume; gp3 has its baseline at every size.
fn iops_for_each_gib(limit: &JsonValue, volume: &JsonValue) -> Result<(), String> {
    let size = ["VolumeSize", "Size"].into_iter().find_map(|name| number(&volume[name]));
    let (Some(iops), Some(size), Some(limit)) = (number(&volume["Iops"]), size, limit.as_f64()) else {
        return Ok(());
    };
    let has_baseline = string(&volume["VolumeType"]) == Some("gp3") && iops <= BASELINE_IOPS;
    if has_baseline || iops <= size * limit {
        return Ok(());
    }
    Err(format!(
        "Iops{BELOW}{iops} IOPS are too many for a volume of {size} GiB: at most {limit} for each GiB are possible"
    ))
}

/// Checks the maximum throughput for each of the IOPS of a volume.
fn throughput_for_each_iops(limit: &JsonValue, volume: &JsonValue) -> Result<(), String> {
    let iops = if volume["Iops"].is_null() { Some(BASELINE_IOPS) } else { number(&volume["Iops"]) };
    match (number(&volume["Throughput"]), iops, limit.as_f64()) {
        (Some(throughput), Some(iops), Some(limit)) if throughput > iops * limit => Err(format!(
            "Throughput{BELOW}{throughput} MiB/s are too much for {iops} IOPS: at most {} MiB/s are possible",
            iops * limit
        )),
        _ => Ok(()),
    }
}

/// Checks that the ranges of step adjustments do not overlap and have no gap between them.
fn step_intervals(_: &JsonValue, steps: &JsonValue) -> Result<(), String> {
    let bound = |step: &JsonValue, name: &str, open: f64| match &step[name] {
        JsonValue::Null => Some(open),
        given => number(given),
    };
    let mut ranges = Vec::new();
    for step in items(steps) {
        let lower = bound(step, "MetricIntervalLowerBound", f64::NEG_INFINITY);
        let upper = bound(step, "MetricIntervalUpperBound", f64::INFINITY);
        let (Some(lower), Some(upper)) = (lower, upper) else { return Ok(()) };
        if lower.is_infinite() && upper.is_infinite() {
            return Err("a step adjustment has neither a lower nor an upper bound".to_owned());
        }
        ranges.push((lower, upper));
    }
    ranges.sort_by(|one, other| one.0.total_cmp(&other.0));
    for pair in ranges.windows(2) {
        if pair[0].1 > pair[1].0 {
            return Err(format!(
                "the step adjustments that start at {} and {} overlap",
                pair[0].0, pair[1].0
            ));
        }
        if pair[0].1 < pair[1].0 {
            return Err(format!("no step adjustment covers the range from {} to {}", pair[0].1, pair[1].0));
        }
    }
    Ok(())
}

fn names_match(pattern: &JsonValue, map: &JsonValue) -> Result<(), String> {
    let Some(pattern) = pattern.as_str() else { return Ok(()) };
    let mut names = entries(map).map(|(name, _)| name).filter(|name| !name.starts_with("Fn::"));
    match names.find(|name| matches_pattern(pattern, name) == Some(false)) {
        Some(name) => Err(format!("{name}{BELOW}the name `{name}` does not match `{pattern}`")),
        None => Ok(()),
    }
}

/// Checks each known part of a string whose other parts are resolved at deployment.
fn parts_match(pattern: &JsonValue, value: &JsonValue) -> Result<(), String> {
    let Some(pattern) = pattern.as_str() else { return Ok(()) };
    for piece in &Text::of(value).0 {
        if let Piece::Known(part) = piece
            && matches_pattern(pattern, part) == Some(false)
        {
            return Err(format!("`{part}` contains characters that are not allowed here: `{pattern}`"));
        }
    }
    Ok(())
}

fn expires_after_transitions(_: &JsonValue, rule: &JsonValue) -> Result<(), String> {
    let Some(expiration) = number(&rule["ExpirationInDays"]) else { return Ok(()) };
    let all = items(&rule["Transitions"]).chain([&rule["Transition"]]);
    match all.filter_map(|one| number(&one["TransitionInDays"])).find(|days| *days >= expiration) {
        Some(days) => Err(format!(
            "ExpirationInDays{BELOW}the objects expire after {expiration} days, and move to another storage class after {days}"
        )),
        None => Ok(()),
    }
}

fn one_returns_data(_: &JsonValue, metrics: &JsonValue) -> Result<(), String> {
    if items(metrics).any(|metric| is_unresolved(metric) || is_unresolved(&metric["ReturnData"])) {
        return Ok(());
    }
    let returning = items(metrics).filter(|metric| boolean(&metric["ReturnData"]) != Some(false)).count();
    if metrics.as_array().is_none_or(|all| all.is_empty()) || returning == 1 {
        return Ok(());
    }
    Err(format!("{returning} metrics return data, but exactly one has to"))
}

const DAY: f64 = 86_400.0;

/// Checks the time that an alarm evaluates: the sum of its periods.
fn alarm_window(_: &JsonValue, alarm: &JsonValue) -> Result<(), String> {
    let (Some(period), Some(periods)) = (number(&alarm["Period"]), number(&alarm["EvaluationPeriods"]))
    else {
        return Ok(());
    };
    let most = if period < 3600.0 { DAY } else { 7.0 * DAY };
    if period * periods <= most {
        return Ok(());
    }
    Err(format!(
        "EvaluationPeriods{BELOW}{periods} periods of {period} seconds are {} seconds, and {most} are possible",
        period * periods
    ))
}

/// Checks that a string is JSON; a string with parts that are known only at deployment is not checked.
fn json_text(_: &JsonValue, value: &JsonValue) -> Result<(), String> {
    match value.as_str().filter(|text| !text.contains("{{resolve:")).map(serde_json::from_str::<JsonValue>) {
        Some(Err(error)) => Err(format!("the string is not JSON: {error}")),
        _ => Ok(()),
    }
}

/// The CPU units of Fargate, and the memory in MiB that is valid for each: minimum, maximum, step.
const FARGATE: [(u32, u32, u32, u32); 8] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
    (32768, 61440, 249_856, 8192),
];

fn fargate_size(names: &JsonValue, task: &JsonValue) -> Result<(), String> {
    let (Some(cpu), Some(memory)) = (names[0].as_str(), names[1].as_str()) else { return Ok(()) };
    let Some(units) = quantity(&task[cpu], "vcpu") else { return Ok(()) };
    let Some((_, least, most, step)) = FARGATE.into_iter().find(|(known, ..)| f64::from(*known) == units)
    else {
        let known: Vec<String> = FARGATE.iter().map(|(units, ..)| units.to_string()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(format!(
            "{cpu}{BELOW}Fargate has no task with {units} CPU units: use {}",
            listed(&known)
        ));
    };
    let Some(given) = quantity(&task[memory], "gb") else { return Ok(()) };
    // A quarter of a CPU takes 512, 1024 or 2048; half one 1 to 4 GiB.
    let of_quarter = units != 256.0 || given != 1536.0;
    let fits = given >= f64::from(least) && given <= f64::from(most) && given % f64::from(step) == 0.0;
    if fits && of_quarter {
        return Ok(());
    }
    Err(format!(
        "{memory}{BELOW}Fargate has no task with {units} CPU units and {given} MiB of memory: use {least} to {most} MiB \
         in steps of {step}"
    ))
}

/// Parses a number, or a number with a unit of 1024.
fn quantity(value: &JsonValue, unit: &str) -> Option<f64> {
    if is_unresolved(value) {
        return None;
    }
    if let Some(number) = number(value) {
        return Some(number);
    }
    let text = string(value)?.to_ascii_lowercase();
    let number = text.trim().strip_suffix(unit)?.trim();
    Some(format!("0{number}").parse::<f64>().ok()? * 1024.0)
}
