//! The instances of a training job.

use stackwright_schemas::instances::{Instance, instance};
use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{IntoValue, Properties, Scope, Value};

use crate::image::Processor;

/// The instances of a training job: instances of one type, or a heterogeneous cluster of several instance groups.
///
/// ```
/// use stackwright_stacks::training::{InstanceGroup, Instances};
///
/// Instances::of("ml.p4d.24xlarge", 2);
/// Instances::groups([
///     InstanceGroup::new("train", "ml.p4d.24xlarge", 2),
///     InstanceGroup::new("data", "ml.c5.18xlarge", 4),
/// ])
/// .distributed_on("train");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Instances(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Same { instance_type: Value<String>, count: Value<i64> },
    Groups { groups: Vec<InstanceGroup>, trains: Option<Value<String>> },
}

/// An instance group of a heterogeneous cluster, for [`Instances::groups`].
///
/// ```
/// use stackwright_stacks::training::InstanceGroup;
///
/// InstanceGroup::new("data", "ml.c5.18xlarge", 4);
/// ```
#[derive(Clone, Debug)]
pub struct InstanceGroup {
    name: Value<String>,
    instance_type: Value<String>,
    count: Value<i64>,
}

impl InstanceGroup {
    /// Creates an instance group with a name, an instance type, such as `ml.c5.18xlarge`, and the number of instances.
    #[track_caller]
    pub fn new(
        name: impl IntoValue<String>,
        instance_type: impl IntoValue<String>,
        count: impl IntoValue<i64>,
    ) -> Self {
        Self {
            name: name.into().with_caller_location(),
            instance_type: crate::instance_type::checked(instance_type),
            count: unquoted(count).with_caller_location(),
        }
    }
}

impl Instances {
    /// Creates a cluster of `count` instances of one type, such as `ml.p4d.24xlarge`.
    ///
    /// ```
    /// use stackwright_stacks::training::Instances;
    ///
    /// Instances::of("ml.p4d.24xlarge", 2);
    /// ```
    #[track_caller]
    pub fn of(instance_type: impl IntoValue<String>, count: impl IntoValue<i64>) -> Self {
        Self(Kind::Same {
            instance_type: crate::instance_type::checked(instance_type),
            count: unquoted(count).with_caller_location(),
        })
    }

    /// Creates a heterogeneous cluster of instance groups. A distribution strategy runs on the first group unless
    /// [`distributed_on`](Self::distributed_on) names another one.
    ///
    /// ```
    /// use stackwright_stacks::training::{InstanceGroup, Instances};
    ///
    /// Instances::groups([
    ///     InstanceGroup::new("train", "ml.p4d.24xlarge", 2),
    ///     InstanceGroup::new("data", "ml.c5.18xlarge", 4),
    /// ]);
    /// ```
    pub fn groups(groups: impl IntoIterator<Item = InstanceGroup>) -> Self {
        Self(Kind::Groups { groups: groups.into_iter().collect(), trains: None })
    }

    /// Sets the instance group that the distribution strategy runs on, by its name. The default is the first group. A name that no
    /// group has is an error at the caller's line. The call has no effect on instances of one type.
    #[track_caller]
    pub fn distributed_on(mut self, group: impl IntoValue<String>) -> Self {
        if let Kind::Groups { trains, .. } = &mut self.0 {
            *trains = Some(group.into().with_caller_location());
        }
        self
    }

    /// Returns the instance group that the distribution strategy runs on.
    fn training_group(&self) -> Option<&InstanceGroup> {
        match &self.0 {
            Kind::Same { .. } => None,
            Kind::Groups { groups, trains: None } => groups.first(),
            Kind::Groups { groups, trains: Some(name) } => groups.iter().find(|group| group.name == *name),
        }
    }

    /// Reports an error if the distribution strategy is to run on a group that the cluster does not have.
    pub(super) fn check(&self, scope: &Scope<'_>) {
        let Kind::Groups { groups, trains: Some(name) } = &self.0 else { return };
        if self.training_group().is_some() {
            return;
        }
        let names = groups.iter().filter_map(|group| group.name.as_literal()?.as_str()).collect::<Vec<_>>();
        scope.error(
            "unknown-instance-group",
            "the distribution strategy runs on an instance group that the cluster does not have".into(),
            format!("the groups are {}", names.join(", ")),
            name.location(),
        );
    }

    /// Returns the instance type that the distribution strategy runs on.
    pub(super) fn instance_type(&self) -> Value<String> {
        match &self.0 {
            Kind::Same { instance_type, .. } => instance_type.clone(),
            Kind::Groups { .. } => {
                self.training_group().map_or_else(|| "".into(), |group| group.instance_type.clone())
            }
        }
    }

    /// Returns the name of the instance group that the distribution strategy runs on; `None` without groups.
    pub(super) fn group(&self) -> Option<Value<String>> {
        self.training_group().map(|group| group.name.clone())
    }

    /// Returns the processor for which the job needs an image. An unknown instance type is assumed to have GPUs.
    pub(super) fn processor(&self) -> Processor {
        let instance_type = self.instance_type();
        let known = instance_type.as_literal().and_then(serde_json::Value::as_str);
        known.and_then(Processor::of_instance_type).unwrap_or(Processor::Gpu)
    }

    /// Returns the facts about the instance type that the distribution strategy runs on; `None` for an unknown type.
    pub(super) fn hardware(&self) -> Option<&'static Instance> {
        instance(self.instance_type().as_literal()?.as_str()?)
    }

    /// Returns the total number of accelerators of the distribution strategy; `None` if it is not known during
    /// synthesis.
    pub(super) fn accelerators(&self) -> Option<u64> {
        let count = match &self.0 {
            Kind::Same { count, .. } => count,
            Kind::Groups { .. } => &self.training_group()?.count,
        };
        Some(count.as_literal()?.as_u64()? * u64::from(self.hardware()?.accelerator_count?))
    }

    /// Returns the number of instances; `None` for a heterogeneous cluster, or if the number is not known during
    /// synthesis.
    pub(super) fn count(&self) -> Option<u64> {
        match &self.0 {
            Kind::Same { count, .. } => count.as_literal()?.as_u64(),
            Kind::Groups { .. } => None,
        }
    }

    /// Writes the members of `ResourceConfig` that describe the instances.
    pub(crate) fn put(&self, resources: &mut Properties) {
        let one = |into: &mut Properties, instance_type: &Value<String>, count: &Value<i64>| {
            into.put("InstanceType", instance_type);
            into.put("InstanceCount", count);
        };
        match &self.0 {
            Kind::Same { instance_type, count } => one(resources, instance_type, count),
            Kind::Groups { groups, .. } => {
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
