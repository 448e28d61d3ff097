//! The Auto Scaling group of a fleet.

use stackwright_resources::autoscaling::auto_scaling_group::{LaunchTemplateSpecification, TagProperty};
use stackwright_resources::autoscaling::{AutoScalingGroup, AutoScalingGroupHandle};
use stackwright_resources::ec2::LaunchTemplateHandle;
use stackwright_synth::{Construct, ResourceOptions, Scope, UpdatePolicy, Value};

use super::GpuFleet;
use super::capacity::Capacity;
use super::scaling::LifecycleHook;
use crate::iam::RoleReference;

impl<C> Construct for GpuFleet<C> {
    type Handle = GpuFleetHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> GpuFleetHandle {
        self.check(scope);
        for error in &self.settings.user_data.errors {
            error.clone().report(scope);
        }
        let (template, profile) = self.launch_template(scope);
        let specification = LaunchTemplateSpecification::new(template.latest_version_number())
            .launch_template_id(template.reference());
        let text = |value: &Value<i64>| -> Value<String> { as_text(value) };
        let mut group = AutoScalingGroup::new()
            .min_size(text(&self.settings.minimum))
            .max_size(text(&self.settings.maximum))
            .vpc_zone_identifier(self.network.subnet_ids())
            .health_check_type("EC2");
        group = match &self.capacity {
            Capacity::Mixed(mix) => group
                .mixed_instances_policy(mix.policy(specification))
                // A replacement is started when EC2 warns of an interruption.
                .capacity_rebalance(true),
            Capacity::Reserved(reservations) => group
                .launch_template(specification)
                .capacity_reservation_specification(reservations.specification()),
            Capacity::OnDemand | Capacity::Block(_) => group.launch_template(specification),
        };
        if let Some(time) = &self.settings.lifetime {
            group = group.max_instance_lifetime(time);
        }
        if let Some(time) = &self.settings.warm_up {
            group = group.default_instance_warmup(time);
        }
        if !self.settings.hooks.is_empty() {
            let hooks: Vec<_> = self.settings.hooks.iter().map(LifecycleHook::specification).collect();
            group = group.lifecycle_hook_specification_list(hooks);
        }
        // A deployment does not change the size that schedules, alarms or people have set.
        let policy = match &self.settings.refresh {
            Some(refresh) => refresh.policy(),
            None => UpdatePolicy::new().ignore_unmodified_group_size_properties(true),
        };
        group = group.update_policy(policy);
        if self.settings.protected {
            group = group.new_instances_protected_from_scale_in(true);
        }
        let tags: Vec<_> = self
            .settings
            .tags
            .iter()
            .map(|(key, value)| TagProperty::new().value(value).key(key.as_str()).propagate_at_launch(true))
            .collect();
        if !tags.is_empty() {
            group = group.tags(tags);
        }
        let before = self.network.ready().iter().chain(&profile.policy);
        group = before.fold(group, |group, handle| group.depends_on(handle));
        let group = scope.add_default(group);
        for size in &self.settings.schedule {
            size.add(&group, scope);
        }
        if let Some(prepared) = &self.settings.prepared {
            prepared.add(&group, scope);
        }
        if let Some(tracking) = &self.settings.tracking {
            tracking.add(&group, scope);
        }
        if let Some(idle) = &self.settings.idle {
            idle.add(&group, scope);
        }
        GpuFleetHandle { group, template, role: profile.role }
    }
}

/// Converts a number for a property in which CloudFormation expects a string.
fn as_text(value: &Value<i64>) -> Value<String> {
    match value.as_literal() {
        Some(number) => Value::from(number.to_string()).with_location(value.location()),
        None => value.clone().cast(),
    }
}

/// A [`GpuFleet`] that was added to a stack.
#[derive(Clone, Debug)]
pub struct GpuFleetHandle {
    group: AutoScalingGroupHandle,
    template: LaunchTemplateHandle,
    role: Option<RoleReference>,
}

impl GpuFleetHandle {
    /// Returns the name of the Auto Scaling group.
    pub fn group_name(&self) -> Value<String> {
        self.group.reference()
    }

    /// Returns the handle of the `AWS::AutoScaling::AutoScalingGroup`.
    pub fn group(&self) -> &AutoScalingGroupHandle {
        &self.group
    }

    /// Returns the role of the instances, or `None` if [`instance_profile`](GpuFleet::instance_profile) sets an existing
    /// instance profile, because its role is not known.
    pub fn role(&self) -> Option<&RoleReference> {
        self.role.as_ref()
    }

    /// Returns the handle of the `AWS::EC2::LaunchTemplate`.
    pub fn launch_template(&self) -> &LaunchTemplateHandle {
        &self.template
    }
}
