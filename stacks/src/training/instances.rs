//! The machines of a training job.

use stackwright_schemas::instances::{Instance, instance};
use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{IntoValue, Properties, Value};

/// Instances of one type, or groups of several types.
///
/// ```
/// use stackwright_stacks::training::{InstanceGroup, Instances};
///
/// Instances::of("ml.p4d.24xlarge", 2);
/// Instances::groups([
///     InstanceGroup::new("train", "ml.p4d.24xlarge", 2),
///     InstanceGroup::new("data", "ml.c5.18xlarge", 4),
/// ]);
/// ```
#[derive(Clone, Debug)]
pub struct Instances(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Same { instance_type: Value<String>, count: Value<i64> },
    Groups(Vec<InstanceGroup>),
}

/// One group of a heterogeneous cluster.
#[derive(Clone, Debug)]
pub struct InstanceGroup {
    name: Value<String>,
    instance_type: Value<String>,
    count: Value<i64>,
}

impl InstanceGroup {
    /// A group by its name, with so many instances of a type.
    #[track_caller]
    pub fn new(
        name: impl IntoValue<String>,
        instance_type: impl IntoValue<String>,
        count: impl IntoValue<i64>,
    ) -> Self {
        Self {
            name: name.into().with_caller_location(),
            instance_type: instance_type.into().with_caller_location(),
            count: unquoted(count).with_caller_location(),
        }
    }
}

impl Instances {
    /// So many instances of a type.
    #[track_caller]
    pub fn of(instance_type: impl IntoValue<String>, count: impl IntoValue<i64>) -> Self {
        Self(Kind::Same {
            instance_type: instance_type.into().with_caller_location(),
            count: unquoted(count).with_caller_location(),
        })
    }

    /// A heterogeneous cluster. A distribution strategy runs on the first group.
    pub fn groups(groups: impl IntoIterator<Item = InstanceGroup>) -> Self {
        Self(Kind::Groups(groups.into_iter().collect()))
    }

    /// The type that trains.
    pub(super) fn instance_type(&self) -> Value<String> {
        match &self.0 {
            Kind::Same { instance_type, .. } => instance_type.clone(),
            Kind::Groups(groups) => {
                groups.first().map_or_else(|| "".into(), |group| group.instance_type.clone())
            }
        }
    }

    /// The group that trains, where there are groups.
    pub(super) fn group(&self) -> Option<Value<String>> {
        match &self.0 {
            Kind::Same { .. } => None,
            Kind::Groups(groups) => groups.first().map(|group| group.name.clone()),
        }
    }

    /// What is known of the type that trains, if the type is known.
    pub(super) fn hardware(&self) -> Option<&'static Instance> {
        instance(self.instance_type().as_literal()?.as_str()?)
    }

    /// How many accelerators train, if that is known.
    pub(super) fn accelerators(&self) -> Option<u64> {
        let count = match &self.0 {
            Kind::Same { count, .. } => count,
            Kind::Groups(groups) => &groups.first()?.count,
        };
        Some(count.as_literal()?.as_u64()? * u64::from(self.hardware()?.accelerator_count?))
    }

    /// Writes the part of `ResourceConfig` that says which.
    pub(crate) fn put(&self, resources: &mut Properties) {
        let one = |into: &mut Properties, instance_type: &Value<String>, count: &Value<i64>| {
            into.put("InstanceType", instance_type);
            into.put("InstanceCount", count);
        };
        match &self.0 {
            Kind::Same { instance_type, count } => one(resources, instance_type, count),
            Kind::Groups(groups) => {
                let groups: Vec<Value<Properties>> = groups
                    .iter()
                    .map(|group| {
                        let mut written = Properties::default();
                        written.put("InstanceGroupName", &group.name);
                        one(&mut written, &group.instance_type, &group.count);
                        written.into()
                    })
                    .collect();
                resources.put("InstanceGroups", Value::<Vec<Properties>>::from(groups));
            }
        }
    }
}
