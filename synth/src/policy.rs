//! Resource attributes that control creation, update and deletion.

use crate::value::{Expression, IntoValue, Json, Literal, Property, Value, set};

/// `DeletionPolicy` and `UpdateReplacePolicy`: what CloudFormation does with a resource that is removed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeletionPolicy {
    /// Deletes the resource.
    Delete,
    /// Keeps the resource outside of the stack.
    Retain,
    /// Keeps the resource, except after a failed creation.
    RetainExceptOnCreate,
    /// Creates a snapshot and deletes the resource. Only some resource types support it.
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
        pub struct $name(Vec<Property>);

        impl $name {
            /// Creates an empty policy.
            pub fn new() -> Self {
                Self::default()
            }

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
    /// `CreationPolicy`: when CloudFormation regards a resource as created.
    CreationPolicy {
        /// The number of success signals to wait for.
        signal_count => "ResourceSignal" / "Count": i64;
        /// How long to wait for the signals, as an ISO 8601 duration such as `PT15M`.
        signal_timeout => "ResourceSignal" / "Timeout": String;
        /// The percentage of instances of an Auto Scaling group that must signal success.
        minimum_successful_instances_percent =>
            "AutoScalingCreationPolicy" / "MinSuccessfulInstancesPercent": i64;
        /// Whether an AppStream fleet is started.
        start_fleet => "StartFleet": bool;
    }
}

policy! {
    /// `UpdatePolicy`: how CloudFormation updates a resource.
    UpdatePolicy {
        /// Whether an Auto Scaling group is replaced as a whole.
        will_replace => "AutoScalingReplacingUpdate" / "WillReplace": bool;
        /// How many instances a rolling update changes at a time.
        rolling_max_batch_size => "AutoScalingRollingUpdate" / "MaxBatchSize": i64;
        /// How many instances stay in service during a rolling update.
        rolling_min_instances_in_service => "AutoScalingRollingUpdate" / "MinInstancesInService": i64;
        /// How long a rolling update pauses after each batch, as an ISO 8601 duration.
        rolling_pause_time => "AutoScalingRollingUpdate" / "PauseTime": String;
        /// Whether a rolling update waits for signals.
        rolling_wait_on_resource_signals => "AutoScalingRollingUpdate" / "WaitOnResourceSignals": bool;
        /// How an instance refresh replaces instances of an Auto Scaling group: `Rolling` or `ReplaceRootVolume`. It excludes
        /// a rolling update.
        instance_refresh_strategy => "AutoScalingInstanceRefresh" / "Strategy": String;
        /// The preferences of an instance refresh: healthy percentages, checkpoints, alarms.
        instance_refresh_preferences => "AutoScalingInstanceRefresh" / "Preferences": Json;
        /// Whether CloudFormation ignores changes of the group size by scheduled actions.
        ignore_unmodified_group_size_properties =>
            "AutoScalingScheduledAction" / "IgnoreUnmodifiedGroupSizeProperties": bool;
        /// Whether an ElastiCache replication group can be resharded without replacement.
        use_online_resharding => "UseOnlineResharding": bool;
        /// Whether an OpenSearch domain can change its version without replacement.
        enable_version_upgrade => "EnableVersionUpgrade": bool;
        /// The CodeDeploy application that shifts a Lambda alias.
        code_deploy_application_name => "CodeDeployLambdaAliasUpdate" / "ApplicationName": String;
        /// The CodeDeploy deployment group that shifts a Lambda alias.
        code_deploy_deployment_group_name => "CodeDeployLambdaAliasUpdate" / "DeploymentGroupName": String;
    }
}
