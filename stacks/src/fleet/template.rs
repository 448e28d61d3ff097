//! The launch template of a fleet.

use stackwright_resources::Tag;
use stackwright_resources::ec2::launch_template::{
    IamInstanceProfile, LaunchTemplateData, NetworkInterface, Placement, ResourceType, TagSpecification,
};
use stackwright_resources::ec2::{LaunchTemplate, LaunchTemplateHandle, PlacementGroup};
use stackwright_resources::iam::InstanceProfile;
use stackwright_schemas::ec2_network::network_facts;
use stackwright_synth::{Handle, Scope, Value};

use super::capacity::Capacity;
use super::{GpuFleet, UserData, instance, interfaces, role};
use crate::cluster::role::trusted_by;
use crate::iam::{BuiltRole, RoleNeeded, RoleReference};

/// The instance profile of a fleet.
pub(super) struct Profile {
    arn: Value<String>,
    /// Its role, unless the program names a profile.
    pub role: Option<RoleReference>,
    /// The policy that has to exist before an instance runs with the role.
    pub policy: Option<Handle>,
}

impl<C> GpuFleet<C> {
    fn network_interfaces(&self) -> Vec<NetworkInterface> {
        let groups = self.network.security_group_ids();
        match network_facts(&self.instance_type).filter(|_| self.settings.efa) {
            Some(facts) => interfaces::efa(facts, &groups),
            None => interfaces::plain(&groups),
        }
    }

    /// Returns the user data of the instances: the parts that the fleet itself needs, and then those of the program.
    fn user_data_parts(&self) -> UserData {
        let mut parts = UserData::new();
        if self.settings.local_disks {
            parts = parts.script(include_str!("scripts/local_disks.sh"));
        }
        if self.settings.agent {
            parts = parts.script(include_str!("scripts/cloudwatch_agent.sh"));
        }
        parts.extend(self.settings.user_data.clone());
        parts
    }

    /// Adds an instance profile with the role.
    fn profile(&self, scope: &mut Scope<'_>) -> Profile {
        if let Some(arn) = &self.settings.profile {
            return Profile { arn: arn.clone(), role: None, policy: None };
        }
        let needed = RoleNeeded {
            id: "Role".into(),
            service: "ec2",
            policy: "Instance",
            statements: role::of_instances(self.settings.agent),
        };
        let BuiltRole { role, policy } =
            self.settings.role.clone().build_trusting(trusted_by("ec2"), needed, scope);
        let name = role.name().unwrap_or_else(|| {
            scope.error(
                "fleet-role",
                "an instance profile refers to its role by name, but this role has only an ARN, which is resolved during deployment"
                    .into(),
                "name the role with `RoleReference::from_name(…)`, or an instance profile with `.instance_profile(…)`"
                    .into(),
                Some(self.location),
            );
            "".into()
        });
        let arn = scope.add("Profile", InstanceProfile::new([name])).arn();
        Profile { arn, role: Some(role), policy }
    }

    /// Adds the launch template and the instance profile.
    pub(super) fn launch_template(&self, scope: &mut Scope<'_>) -> (LaunchTemplateHandle, Profile) {
        let profile = self.profile(scope);
        let mut data = LaunchTemplateData::new()
            .image_id(self.ami.image())
            .instance_type(self.instance_type.as_str())
            .iam_instance_profile(IamInstanceProfile::new().arn(&profile.arn))
            .metadata_options(instance::metadata())
            .block_device_mappings([instance::root_volume(
                self.ami.root_device(),
                &self.settings.root_gb,
                self.settings.key.as_ref(),
                scope,
            )])
            .network_interfaces(self.network_interfaces());
        let user_data = self.user_data_parts();
        if !user_data.is_empty() {
            data = data.user_data(user_data.rendered());
        }
        if let Some(strategy) = &self.settings.placement {
            let group = scope.add("Placement", PlacementGroup::new().strategy(strategy.clone()));
            data = data.placement(Placement::new().group_name(group.reference()));
        }
        if let Capacity::Block(id) = &self.capacity {
            data = instance::in_block(data, id);
        }
        let tags: Vec<_> = self.tag_list(scope);
        let tags = |kind| TagSpecification::new().resource_type(kind).tags(tags.clone());
        data = data.tag_specifications([tags(ResourceType::Instance), tags(ResourceType::Volume)]);
        (scope.add("Template", LaunchTemplate::new(data)), profile)
    }

    fn tag_list(&self, scope: &Scope<'_>) -> Vec<Tag> {
        let name = format!("{}/{}", scope.stack_name(), scope.id());
        let mut tags = vec![("Name".to_owned(), Value::from(name))];
        for (key, value) in &self.settings.tags {
            crate::entries::set(&mut tags, key.as_str(), value.clone());
        }
        tags.into_iter().map(|(key, value)| Tag::new(key, value)).collect()
    }
}
