//! The capacity that a change needs: service quotas and GPU memory, before and after the change.

use std::collections::{BTreeMap, BTreeSet};

use stackwright_estimate::cost::Estimate;
use stackwright_estimate::memory::{Gpu, MemoryVerdict, Stated, StatedMemory, StatementError, gpu_of};
use stackwright_estimate::quotas::{Need, QuotaUnit};

/// A service quota whose needed amount changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaChange {
    /// The name of the quota in Service Quotas, with the account and the region if the stacks have several.
    pub name: String,
    /// The code of the quota; `None` is unknown.
    pub code: Option<String>,
    /// The unit of the quota.
    pub unit: QuotaUnit,
    /// The amount that all stacks need before the change, including a blue/green update; `None` is unknown.
    pub before: Option<u64>,
    /// The amount that all stacks need after the change; `None` is unknown.
    pub after: Option<u64>,
    /// AWS's default value; `None` is unknown.
    pub default: Option<u64>,
}

impl QuotaChange {
    /// Returns whether the amount after the change exceeds AWS's default value.
    pub fn exceeds_default(&self) -> bool {
        matches!((self.after, self.default), (Some(after), Some(default)) if after > default)
    }
}

/// The GPU memory of a resource whose instance type changes, or with a job or a model that states the memory that it
/// needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryChange {
    /// The stack and the logical ID of the resource, and the name of a job or the instance type of a model that states its
    /// memory.
    pub what: String,
    /// The GPU memory before the change, such as `ml.g5.2xlarge: 1 A10G, 22.3 GiB usable each`, or the part of it
    /// that is needed; `None` if there were no GPUs.
    pub before: Option<String>,
    /// The GPU memory after the change, in the same form; `None` if there are no GPUs.
    pub after: Option<String>,
    /// Whether the usable memory of one GPU decreases.
    pub shrinks: bool,
    /// The estimate after the change, or the reason why there is none; `None` if the resource states nothing.
    pub stated: Option<Result<Stated, StatementError>>,
}

impl MemoryChange {
    /// Returns whether the job or model fits after the change; `None` if the resource states nothing, or if the
    /// statement is not valid.
    pub fn fit(&self) -> Option<MemoryVerdict> {
        match self.stated.as_ref()? {
            Ok(stated) => Some(verdict(stated)),
            Err(_) => None,
        }
    }

    /// Returns whether the change is a risk: the usable memory decreases, or a job or model may not fit.
    pub fn is_risk(&self) -> bool {
        self.shrinks || matches!(self.fit(), Some(MemoryVerdict::Tight | MemoryVerdict::DoesNotFit))
    }

    /// Returns whether the card shows the change: it affects the memory, or the memory is a risk.
    pub fn is_shown(&self) -> bool {
        self.before != self.after || self.is_risk() || matches!(self.stated, Some(Err(_)))
    }
}

/// Returns the quotas whose needed amount changes.
pub(crate) fn quotas(before: Vec<Need>, after: Vec<Need>) -> Vec<QuotaChange> {
    let by_name = |needs: Vec<Need>| -> BTreeMap<_, Need> {
        let key = |need: &Need| (need.account.clone(), need.region.clone(), need.name.clone());
        needs.into_iter().map(|need| (key(&need), need)).collect()
    };
    let (before, after) = (by_name(before), by_name(after));
    let peak = |need: Option<&Need>| need.map_or(Some(0), Need::peak);
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    // The region is named only where there are several.
    let environments: BTreeSet<_> = keys.iter().map(|(account, region, _)| (account, region)).collect();
    let name = |(account, region, name): &(Option<String>, Option<String>, String)| {
        let location: Vec<&str> = [account, region].into_iter().flatten().map(String::as_str).collect();
        if environments.len() < 2 || location.is_empty() {
            return name.clone();
        }
        format!("{name} in {}", location.join(", "))
    };
    keys.into_iter()
        .filter_map(|key| {
            let (one, other) = (before.get(key), after.get(key));
            let need = other.or(one)?;
            let (before, after) = (peak(one), peak(other));
            (before != after).then(|| QuotaChange {
                name: name(key),
                code: need.code.clone(),
                unit: need.unit,
                before,
                after,
                default: need.default,
            })
        })
        .collect()
}

/// Returns the GPU memory that is stated, or of resources whose instance types change.
pub(crate) fn memory(
    (old, new): (&Estimate, &Estimate),
    (before, after): (Vec<StatedMemory>, Vec<StatedMemory>),
) -> Vec<MemoryChange> {
    let location = |one: &StatedMemory| format!("{}/{}", one.stack, one.resource);
    let stated: BTreeSet<String> = after.iter().map(location).collect();
    let mut changes = of_types(old, new);
    changes.retain(|change| !stated.contains(&change.what));
    let key = |one: &StatedMemory| format!("{}, {}", location(one), one.name);
    let mut before: BTreeMap<String, StatedMemory> = before.into_iter().map(|one| (key(&one), one)).collect();
    let unchanged: BTreeSet<String> = after.iter().map(key).collect();
    for one in after {
        let what = key(&one);
        let old = before.remove(&what).or_else(|| former_type(&mut before, &one, &unchanged));
        let old = old.map(|old| old.estimate);
        let usable = |stated: &Result<Stated, StatementError>| gpu(stated.as_ref().ok()?)?.usable_bytes;
        changes.push(MemoryChange {
            before: old.as_ref().map(in_words),
            after: Some(in_words(&one.estimate)),
            shrinks: old
                .as_ref()
                .and_then(usable)
                .zip(usable(&one.estimate))
                .is_some_and(|(old, new)| new < old),
            stated: Some(one.estimate),
            what,
        });
    }
    changes
}

/// Returns the statement of a model before its instance type changed: the one of the same resource whose instance type is not
/// used any more, if there is only one. Its name is the instance type.
fn former_type(
    before: &mut BTreeMap<String, StatedMemory>,
    new: &StatedMemory,
    unchanged: &BTreeSet<String>,
) -> Option<StatedMemory> {
    let is_model = |one: &StatedMemory| matches!(one.estimate, Ok(Stated::Inference(_) | Stated::Packing(_)));
    let is_former = |(key, one): &(&String, &StatedMemory)| {
        is_model(one)
            && (&one.stack, &one.resource) == (&new.stack, &new.resource)
            && !unchanged.contains(*key)
    };
    let found: Vec<String> = before.iter().filter(is_former).map(|(key, _)| key.clone()).collect();
    match found.as_slice() {
        [only] if is_model(new) => before.remove(only),
        _ => None,
    }
}

fn gpu(stated: &Stated) -> Option<&Gpu> {
    match stated {
        Stated::Training(step) => step.gpu.as_ref(),
        Stated::Inference(served) => served.gpu.as_ref(),
        Stated::Packing(packed) => Some(&packed.gpu),
        _ => None,
    }
}

fn verdict(stated: &Stated) -> MemoryVerdict {
    match stated {
        Stated::Training(step) => step.verdict,
        Stated::Inference(served) => served.verdict,
        Stated::Packing(packed) => packed.verdict,
        _ => MemoryVerdict::Unknown,
    }
}

/// Returns the GPU memory that is needed, and whether it fits: `ml.g5.2xlarge: 18.4 of 22.3 GiB, fits`.
fn in_words(stated: &Result<Stated, StatementError>) -> String {
    let stated = match stated {
        Ok(stated) => stated,
        Err(error) => return error.to_string(),
    };
    let (needed, available) = match stated {
        Stated::Training(step) => {
            let usable = step.gpu.as_ref().and_then(|gpu| gpu.usable_bytes);
            (step.upper_bytes.unwrap_or(step.peak.bytes), usable)
        }
        Stated::Inference(served) => (served.bytes, served.budget_bytes),
        Stated::Packing(packed) => (packed.largest_bytes, packed.gpu.usable_bytes),
        _ => return "the estimate is of a kind that is not known here".to_owned(),
    };
    let available = available.map_or(String::new(), |bytes| format!(" of {:.1}", gib(bytes)));
    let name = gpu(stated).map_or("an unknown type", |gpu| &gpu.instance_type);
    format!("{name}: {:.1}{available} GiB, {}", gib(needed), verdict(stated).words())
}

#[expect(clippy::cast_precision_loss, reason = "a tenth of a GiB is shown")]
fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Returns the GPU memory of resources whose instance types change. A resource can have several, such as the variants of an
/// endpoint.
fn of_types(old: &Estimate, new: &Estimate) -> Vec<MemoryChange> {
    let by_resource = |estimate: &Estimate| -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in &estimate.lines {
            if let Some(capacity) = &line.capacity {
                let types = found.entry(format!("{}/{}", line.stack, line.resource)).or_default();
                if !types.contains(&capacity.instance_type) {
                    types.push(capacity.instance_type.clone());
                }
            }
        }
        found
    };
    let (before, after) = (by_resource(old), by_resource(new));
    let change = |what: &String, new_types: &Vec<String>| {
        let old_types = before.get(what).filter(|types| *types != new_types)?;
        let of = |types: &[String]| types.iter().map(|name| accelerators(name)).collect::<Vec<_>>();
        let (one, other) = (of(old_types), of(new_types));
        let has_gpu = |found: &[Option<(String, Option<u64>)>]| found.iter().any(Option::is_some);
        if !has_gpu(&one) && !has_gpu(&other) {
            return None;
        }
        let words = |found: &[Option<(String, Option<u64>)>]| {
            let texts: Vec<&str> = found.iter().flatten().map(|(text, _)| text.as_str()).collect();
            (!texts.is_empty()).then(|| texts.join("; "))
        };
        // A type without GPUs has none of their memory.
        let least = |found: &[Option<(String, Option<u64>)>]| {
            found.iter().map(|one| one.as_ref().map_or(Some(0), |(_, usable)| *usable)).min().flatten()
        };
        Some(MemoryChange {
            what: what.clone(),
            shrinks: matches!((least(&one), least(&other)), (Some(one), Some(other)) if other < one),
            before: words(&one),
            after: words(&other),
            stated: None,
        })
    };
    after.iter().filter_map(|(what, types)| change(what, types)).collect()
}

/// Returns the accelerators of an instance type in words, and the bytes of one that can be used.
fn accelerators(instance_type: &str) -> Option<(String, Option<u64>)> {
    // EC2's own types have no prefix.
    let gpu = gpu_of(instance_type).or_else(|| gpu_of(&format!("ml.{instance_type}")))?;
    let count = gpu.count.filter(|count| *count > 0)?;
    let name = gpu.name.as_deref().unwrap_or("accelerator");
    let memory = gpu
        .usable_bytes
        .map_or_else(|| "memory unknown".to_owned(), |bytes| format!("{:.1} GiB usable each", gib(bytes)));
    Some((format!("{instance_type}: {count} {name}, {memory}"), gpu.usable_bytes))
}

#[cfg(test)]
mod tests {
    use stackwright_estimate::cost::{Options, of_assembly};
    use stackwright_estimate::{memory as estimates, quotas as needs};
    use stackwright_synth::Assembly;

    use super::*;

    fn assembly(text: String) -> Assembly {
        Assembly::of_template("Stack.yaml", text).unwrap()
    }

    fn endpoint(types: &[(&str, u32)]) -> Assembly {
        let variants: String = types
            .iter()
            .enumerate()
            .map(|(number, (instance_type, count))| {
                format!(
                    "        - {{VariantName: V{number}, ModelName: m, InstanceType: {instance_type}, InitialInstanceCount: {count}}}\n"
                )
            })
            .collect();
        assembly(format!(
            "Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
{variants}
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties: {{EndpointConfigName: !GetAtt Config.EndpointConfigName}}
"
        ))
    }

    fn changes(old: &Assembly, new: &Assembly) -> (Vec<QuotaChange>, Vec<MemoryChange>) {
        let options = Options::default();
        let cost = |assembly: &Assembly| of_assembly(assembly, &options);
        let of = |assembly: &Assembly| needs::of_assembly(assembly, &options);
        let stated = |assembly: &Assembly| estimates::stated(assembly, &options);
        (quotas(of(old), of(new)), memory((&cost(old), &cost(new)), (stated(old), stated(new))))
    }

    #[test]
    fn another_instance_type_needs_another_quota_and_has_another_memory() {
        let (old, new) = (endpoint(&[("ml.g5.2xlarge", 1)]), endpoint(&[("ml.g4dn.xlarge", 2)]));
        let (found, memory) = changes(&old, &new);
        let shown: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.before, one.after)).collect();
        assert_eq!(
            shown,
            [
                ("Maximum number of instances per endpoint", Some(1), Some(2)),
                ("Number of instances across active endpoints", Some(1), Some(2)),
                ("ml.g4dn.xlarge for endpoint usage", Some(0), Some(4)),
                ("ml.g5.2xlarge for endpoint usage", Some(2), Some(0)),
            ]
        );
        let [memory] = memory.try_into().unwrap();
        assert!(
            memory.before.as_deref().is_some_and(|text| text.starts_with("ml.g5.2xlarge: 1 A10G, ")),
            "{memory:?}"
        );
        assert!(
            memory.after.as_deref().is_some_and(|text| text.starts_with("ml.g4dn.xlarge: 1 T4, ")),
            "{memory:?}"
        );
        assert!(memory.shrinks && memory.is_risk());
        let (quotas, memory) = changes(&old, &old);
        assert!(quotas.is_empty() && memory.is_empty());
        // Processors have no memory of a GPU.
        let (_, memory) = changes(&endpoint(&[("ml.m5.large", 1)]), &endpoint(&[("ml.m5.xlarge", 1)]));
        assert!(memory.is_empty());
    }

    #[test]
    fn each_variant_of_an_endpoint_counts() {
        let old = endpoint(&[("ml.g5.2xlarge", 1), ("ml.g6e.2xlarge", 1)]);
        let new = endpoint(&[("ml.g4dn.xlarge", 1), ("ml.g6e.2xlarge", 1)]);
        let (_, memory) = changes(&old, &new);
        let [memory] = memory.try_into().unwrap();
        assert!(memory.shrinks, "{memory:?}");
        assert!(memory.after.as_deref().unwrap().contains("; ml.g6e.2xlarge: 1 L40S, "), "{memory:?}");
    }

    #[test]
    fn a_model_on_another_instance_type_is_compared_with_the_former_one() {
        let text = include_str!("../../fixtures/inference-memory-exceeded.good.yaml");
        let former = "ml.g6e.2xlarge";
        assert!(text.contains(former));
        let new = text.replace(former, "ml.g6e.4xlarge");
        let (_, found) = changes(&assembly(text.to_owned()), &assembly(new));
        let changed: Vec<&MemoryChange> = found.iter().filter(|one| one.before != one.after).collect();
        assert!(!changed.is_empty(), "{found:?}");
        for one in changed {
            assert!(one.before.as_deref().is_some_and(|text| text.starts_with(former)), "{one:?}");
            assert!(one.after.as_deref().is_some_and(|text| text.starts_with("ml.g6e.4xlarge")), "{one:?}");
        }
    }

    #[test]
    fn the_statement_of_a_job_determines_whether_it_fits_before_and_after() {
        let text = include_str!("../../fixtures/training-memory-exceeded.bad.yaml");
        let fits = include_str!("../../fixtures/training-memory-exceeded.good.yaml");
        let (_, found) = changes(&assembly(fits.to_owned()), &assembly(text.to_owned()));
        let risks: Vec<&MemoryChange> = found.iter().filter(|one| one.is_risk()).collect();
        assert!(!risks.is_empty(), "{found:?}");
        for one in risks {
            assert_eq!(one.fit(), Some(MemoryVerdict::DoesNotFit), "{one:?}");
            assert!(one.before.as_deref().unwrap().ends_with(" GiB, fits"), "{one:?}");
            assert!(one.after.as_deref().unwrap().ends_with(" GiB, does not fit"), "{one:?}");
        }
        // Memory that fits and does not change is not shown.
        let (_, found) = changes(&assembly(fits.to_owned()), &assembly(fits.to_owned()));
        assert!(!found.is_empty() && found.iter().all(|one| !one.is_shown()), "{found:?}");
    }
}
