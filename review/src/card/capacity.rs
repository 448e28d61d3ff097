//! What a change needs of the account and of its GPUs: quotas and memory before and after.

use std::collections::BTreeMap;

use stackwright_estimate::cost::Estimate;
use stackwright_estimate::memory::gpu_of;
use stackwright_estimate::quotas::{Need, needed};

/// A service quota of which a change needs more or less.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaChange {
    /// The name in Service Quotas.
    pub name: String,
    /// The code; `None` is unknown.
    pub code: Option<String>,
    /// `instances` or `vCPUs`.
    pub unit: &'static str,
    /// What all stacks need before, during a blue/green update; `None` is unknown.
    pub before: Option<u64>,
    /// What they need after; `None` is unknown.
    pub after: Option<u64>,
    /// AWS's default value; `None` is unknown.
    pub default: Option<u64>,
}

impl QuotaChange {
    /// Whether more is needed than accounts have by default.
    pub fn exceeds_default(&self) -> bool {
        matches!((self.after, self.default), (Some(after), Some(default)) if after > default)
    }
}

/// The GPU memory of a resource whose instance type changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryChange {
    /// The stack and the logical ID of the resource.
    pub what: String,
    /// The GPUs before: `ml.g5.2xlarge: 1 A10G, 22.3 GiB usable each`; `None` if there were none.
    pub before: Option<String>,
    /// The GPUs after.
    pub after: Option<String>,
    /// Whether one GPU has less memory that can be used than before.
    pub shrinks: bool,
}

/// The quotas of which a change needs another amount.
pub(crate) fn quotas(old: &Estimate, new: &Estimate) -> Vec<QuotaChange> {
    let by_name = |estimate: &Estimate| -> BTreeMap<String, Need> {
        needed(estimate).into_iter().map(|need| (need.name.clone(), need)).collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    let peak = |need: Option<&Need>| match need {
        None => Some(0),
        Some(need) => need.during_update.or(need.needed),
    };
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let (one, other) = (before.get(name), after.get(name));
            let need = other.or(one)?;
            let (before, after) = (peak(one), peak(other));
            (before != after).then(|| QuotaChange {
                name: name.clone(),
                code: need.code.clone(),
                unit: need.unit,
                before,
                after,
                default: need.default,
            })
        })
        .collect()
}

/// The GPU memory of resources whose instance types change.
pub(crate) fn memory(old: &Estimate, new: &Estimate) -> Vec<MemoryChange> {
    let by_resource = |estimate: &Estimate| -> BTreeMap<String, String> {
        let lines = estimate.lines.iter();
        lines
            .filter_map(|line| {
                let capacity = line.capacity.as_ref()?;
                let what = format!("{}/{}", line.stack, line.resource);
                Some((what, capacity.instance_type.clone()))
            })
            .collect()
    };
    let (before, after) = (by_resource(old), by_resource(new));
    after
        .iter()
        .filter_map(|(what, instance_type)| {
            let old_type = before.get(what)?;
            let (one, other) = (accelerators(old_type), accelerators(instance_type));
            let is_changed = old_type != instance_type && (one.is_some() || other.is_some());
            let usable =
                |found: &Option<(String, Option<u64>)>| found.as_ref().and_then(|(_, usable)| *usable);
            is_changed.then(|| MemoryChange {
                what: what.clone(),
                shrinks: matches!((usable(&one), usable(&other)), (Some(one), Some(other)) if other < one)
                    || one.is_some() && other.is_none(),
                before: one.map(|(text, _)| text),
                after: other.map(|(text, _)| text),
            })
        })
        .collect()
}

/// The accelerators of an instance type in words, and the bytes of one that can be used.
fn accelerators(instance_type: &str) -> Option<(String, Option<u64>)> {
    // EC2's own types have no prefix.
    let gpu = gpu_of(instance_type).or_else(|| gpu_of(&format!("ml.{instance_type}")))?;
    let count = gpu.count.filter(|count| *count > 0)?;
    let name = gpu.name.as_deref().unwrap_or("accelerator");
    #[expect(clippy::cast_precision_loss, reason = "a tenth of a GiB is shown")]
    let gib = |bytes: u64| format!("{:.1} GiB usable each", bytes as f64 / f64::from(1 << 30));
    let memory = gpu.usable_bytes.map_or_else(|| "memory unknown".to_owned(), gib);
    Some((format!("{instance_type}: {count} {name}, {memory}"), gpu.usable_bytes))
}

#[cfg(test)]
mod tests {
    use stackwright_estimate::cost::{Options, of_assembly};
    use stackwright_synth::Assembly;

    use super::*;

    fn estimate(instance_type: &str, count: u32) -> Estimate {
        let text = format!(
            "Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - {{VariantName: A, ModelName: m, InstanceType: {instance_type}, InitialInstanceCount: {count}}}
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties: {{EndpointConfigName: !GetAtt Config.EndpointConfigName}}
"
        );
        of_assembly(&Assembly::of_template("Stack.yaml", text).unwrap(), &Options::default())
    }

    #[test]
    fn another_instance_type_needs_another_quota_and_has_another_memory() {
        let (old, new) = (estimate("ml.g5.2xlarge", 1), estimate("ml.g4dn.xlarge", 2));
        let found = quotas(&old, &new);
        let [less, more] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            (less.name.as_str(), less.before, less.after),
            ("ml.g4dn.xlarge for endpoint usage", Some(0), Some(4))
        );
        assert_eq!((more.before, more.after), (Some(2), Some(0)));
        let [memory] = memory(&old, &new).try_into().unwrap();
        assert!(
            memory.before.as_deref().is_some_and(|text| text.starts_with("ml.g5.2xlarge: 1 A10G, ")),
            "{memory:?}"
        );
        assert!(
            memory.after.as_deref().is_some_and(|text| text.starts_with("ml.g4dn.xlarge: 1 T4, ")),
            "{memory:?}"
        );
        assert!(memory.shrinks);
        assert_eq!(quotas(&old, &old), []);
        assert_eq!(super::memory(&old, &old), []);
        // Processors have no memory of a GPU.
        assert_eq!(super::memory(&estimate("ml.m5.large", 1), &estimate("ml.m5.xlarge", 1)), []);
    }
}
