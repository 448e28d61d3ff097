//! What CloudFormation does with a resource beyond making it.

use crate::value::{Expression, IntoValue, Literal, Property, Value, set};

/// What becomes of a resource that leaves the stack, or is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// It is deleted.
    Delete,
    /// It stays, without the stack.
    Retain,
    /// It stays, unless the operation that made it failed.
    RetainExceptOnCreate,
    /// It is deleted after a snapshot, where the type has snapshots.
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
            /// A policy that says nothing yet.
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

/// Puts a property into a group of the policy, or at its top.
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
    /// When a resource counts as made.
    CreationPolicy {
        /// How many success signals have to come.
        signal_count => "ResourceSignal" / "Count": i64;
        /// How long to wait for them, as an ISO 8601 duration such as `PT15M`.
        signal_timeout => "ResourceSignal" / "Timeout": String;
        /// The share of instances of an Auto Scaling group that have to signal, in percent.
        minimum_successful_instances_percent =>
            "AutoScalingCreationPolicy" / "MinSuccessfulInstancesPercent": i64;
        /// Whether an AppStream fleet is started.
        start_fleet => "StartFleet": bool;
    }
}

policy! {
    /// How a resource is updated.
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
        /// Whether changes of group size that a scheduled action made are left alone.
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
