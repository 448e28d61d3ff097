//! Resource attributes that control creation, update and deletion.

use std::time::Duration;

use crate::value::{Expression, IntoValue, Json, Literal, Property, Value, set};

/// The action of CloudFormation when a resource is removed or replaced (`DeletionPolicy` and `UpdateReplacePolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeletionPolicy {
    /// Deletes the resource.
    Delete,
    /// Keeps the resource outside of the stack.
    Retain,
    /// Keeps the resource like [`Retain`](Self::Retain), but deletes it when the operation that created it is rolled
    /// back. It is not possible as an `UpdateReplacePolicy`.
    RetainExceptOnCreate,
    /// Creates a snapshot and deletes the resource. Only types that have snapshots support it, such as
    /// `AWS::EC2::Volume`.
    Snapshot,
}

impl DeletionPolicy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Retain => "Retain",
            Self::RetainExceptOnCreate => "RetainExceptOnCreate",
            Self::Snapshot => "Snapshot",
        }
    }
}

macro_rules! policy {
    ($(#[$doc:meta])* $name:ident { $($(#[$entry_doc:meta])* $function:ident => $path:literal $(/ $inner:literal)?: $type:ty;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[must_use]
        pub struct $name(Vec<Property>);

        impl $name {
            $(
                $(#[$entry_doc])*
                #[track_caller]
                pub fn $function(mut self, value: impl IntoValue<$type>) -> Self {
                    let value: Value<$type> = value.into();
                    let property = Property::new(policy!(@name $path $(/ $inner)?), value);
                    nest(&mut self.0, policy!(@group $path $(/ $inner)?), property);
                    self
                }
            )*
        }

        impl Literal for $name {
            fn into_expression(self) -> Expression {
                Expression::Object(self.0)
            }
        }
    };
    (@name $path:literal / $inner:literal) => { $inner };
    (@name $path:literal) => { $path };
    (@group $path:literal / $inner:literal) => { Some($path) };
    (@group $path:literal) => { None };
}

/// Sets a property in a group of the policy, or at its top level.
fn nest(entries: &mut Vec<Property>, group: Option<&'static str>, property: Property) {
    let Some(group) = group else { return set(entries, property) };
    match entries.iter_mut().find(|entry| entry.name == group) {
        Some(Property { value: Expression::Object(inner), .. }) => set(inner, property),
        _ => {
            let (source, from_value) = (property.source, property.from_value);
            let value = Expression::Object(vec![property]);
            entries.push(Property { name: group.into(), value, source, from_value });
        }
    }
}

policy! {
    /// The condition under which CloudFormation considers a resource created (`CreationPolicy`), for
    /// [`ResourceOptions::creation_policy`](crate::ResourceOptions::creation_policy).
    CreationPolicy {
        /// Sets the number of success signals to wait for (`ResourceSignal/Count`). CloudFormation's default is 1.
        signal_count => "ResourceSignal" / "Count": i64;
        /// Sets the percentage of the instances of an Auto Scaling group that have to signal success, 0 to 100
        /// (`AutoScalingCreationPolicy/MinSuccessfulInstancesPercent`). CloudFormation's default is 100.
        minimum_successful_instances_percent =>
            "AutoScalingCreationPolicy" / "MinSuccessfulInstancesPercent": i64;
        /// Sets whether CloudFormation starts an AppStream fleet after its creation (`StartFleet`).
        start_fleet => "StartFleet": bool;
    }
}

policy! {
    /// The way in which CloudFormation updates a resource (`UpdatePolicy`), for
    /// [`ResourceOptions::update_policy`](crate::ResourceOptions::update_policy).
    UpdatePolicy {
        /// Sets whether an Auto Scaling group is replaced as a whole (`AutoScalingReplacingUpdate/WillReplace`).
        /// CloudFormation's default is `false`.
        will_replace => "AutoScalingReplacingUpdate" / "WillReplace": bool;
        /// Sets the maximum number of instances that a rolling update of an Auto Scaling group replaces at a time
        /// (`AutoScalingRollingUpdate/MaxBatchSize`). CloudFormation's default is 1.
        rolling_max_batch_size => "AutoScalingRollingUpdate" / "MaxBatchSize": i64;
        /// Sets the minimum number of instances that are in service during a rolling update, less than the maximum size
        /// of the group (`AutoScalingRollingUpdate/MinInstancesInService`). CloudFormation's default is 0.
        rolling_min_instances_in_service => "AutoScalingRollingUpdate" / "MinInstancesInService": i64;
        /// Sets whether a rolling update waits for a success signal of each new instance before it continues
        /// (`AutoScalingRollingUpdate/WaitOnResourceSignals`). CloudFormation's default is `false`.
        rolling_wait_on_resource_signals => "AutoScalingRollingUpdate" / "WaitOnResourceSignals": bool;
        /// Sets the preferences of an instance refresh, such as `MinHealthyPercentage`, as an object
        /// (`AutoScalingInstanceRefresh/Preferences`).
        instance_refresh_preferences => "AutoScalingInstanceRefresh" / "Preferences": Json;
        /// Sets whether an update keeps the sizes of an Auto Scaling group that the template did not change, such as
        /// those that a scheduled action set (`AutoScalingScheduledAction/IgnoreUnmodifiedGroupSizeProperties`).
        /// CloudFormation's default is `false`.
        ignore_unmodified_group_size_properties =>
            "AutoScalingScheduledAction" / "IgnoreUnmodifiedGroupSizeProperties": bool;
        /// Sets whether the shards of an ElastiCache replication group change without its replacement
        /// (`UseOnlineResharding`).
        use_online_resharding => "UseOnlineResharding": bool;
        /// Sets whether the version of an OpenSearch domain changes without its replacement (`EnableVersionUpgrade`).
        enable_version_upgrade => "EnableVersionUpgrade": bool;
        /// Sets the name of the CodeDeploy application that shifts the traffic of a Lambda alias
        /// (`CodeDeployLambdaAliasUpdate/ApplicationName`). It needs the deployment group.
        code_deploy_application_name => "CodeDeployLambdaAliasUpdate" / "ApplicationName": String;
        /// Sets the name of the CodeDeploy deployment group that shifts the traffic of a Lambda alias
        /// (`CodeDeployLambdaAliasUpdate/DeploymentGroupName`). It needs the application.
        code_deploy_deployment_group_name => "CodeDeployLambdaAliasUpdate" / "DeploymentGroupName": String;
    }
}

impl CreationPolicy {
    /// Creates an empty policy.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use stackwright_synth::CreationPolicy;
    ///
    /// CreationPolicy::new().signal_count(3).signal_timeout(Duration::from_mins(15));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum time to wait for the signals (`ResourceSignal/Timeout`): whole seconds, as fractions are
    /// dropped, and at most 12 hours. CloudFormation's default is 5 minutes.
    #[track_caller]
    pub fn signal_timeout(mut self, time: Duration) -> Self {
        nest(&mut self.0, Some("ResourceSignal"), text("Timeout", &iso_8601(time)));
        self
    }
}

/// The strategy by which an instance refresh of an Auto Scaling group replaces instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstanceRefreshStrategy {
    /// New instances replace the existing instances, some at a time.
    Rolling,
    /// The instances are kept, and get a new root volume.
    ReplaceRootVolume,
}

impl UpdatePolicy {
    /// Creates an empty policy.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use stackwright_synth::UpdatePolicy;
    ///
    /// UpdatePolicy::new().rolling_max_batch_size(1).rolling_pause_time(Duration::from_mins(5));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time for which a rolling update pauses after each batch, or the maximum time to wait for signals if
    /// [`rolling_wait_on_resource_signals`](Self::rolling_wait_on_resource_signals) is set
    /// (`AutoScalingRollingUpdate/PauseTime`): whole seconds, as fractions are dropped, and at most one hour.
    /// CloudFormation's default is 5 minutes with signals, and no pause without them.
    #[track_caller]
    pub fn rolling_pause_time(mut self, time: Duration) -> Self {
        nest(&mut self.0, Some("AutoScalingRollingUpdate"), text("PauseTime", &iso_8601(time)));
        self
    }

    /// Sets how an instance refresh updates the instances of an Auto Scaling group
    /// (`AutoScalingInstanceRefresh/Strategy`). It excludes a rolling update.
    #[track_caller]
    pub fn instance_refresh_strategy(mut self, strategy: InstanceRefreshStrategy) -> Self {
        let name = match strategy {
            InstanceRefreshStrategy::Rolling => "Rolling",
            InstanceRefreshStrategy::ReplaceRootVolume => "ReplaceRootVolume",
        };
        nest(&mut self.0, Some("AutoScalingInstanceRefresh"), text("Strategy", name));
        self
    }
}

#[track_caller]
fn text(name: &'static str, value: &str) -> Property {
    let value: Value<String> = value.into();
    Property::new(name, value)
}

/// Formats a duration in ISO 8601, as CloudFormation requires, such as `PT1H30M`.
fn iso_8601(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')];
    let parts: String = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if parts.is_empty() { "PT0S".to_owned() } else { format!("PT{parts}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_form_that_cloudformation_reads() {
        let texts = [0, 60, 90, 3_600, 5_400, 43_200].map(|seconds| iso_8601(Duration::from_secs(seconds)));
        assert_eq!(texts, ["PT0S", "PT1M", "PT1M30S", "PT1H", "PT1H30M", "PT12H"]);
    }
}
