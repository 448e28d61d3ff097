//! The compute environment of jobs: its instances.

use stackwright_resources::Tag;
use stackwright_resources::batch::compute_environment::{
    ComputeResources, Ec2ConfigurationObject, LaunchTemplateSpecification,
};
use stackwright_resources::ec2::launch_template::{LaunchTemplateData, ResourceType, TagSpecification};
use stackwright_resources::ec2::placement_group::Strategy;
use stackwright_resources::ec2::{LaunchTemplate, PlacementGroup};
use stackwright_resources::iam::{InstanceProfile, Role};
use stackwright_synth::intrinsic::partition;
use stackwright_synth::{Scope, Value, sub};

use super::{Capacity, TrainingFleet};
use crate::cluster::role::trusted_by;
use crate::fleet::{instance, interfaces};

impl TrainingFleet {
    fn launch_template(&self, scope: &mut Scope<'_>) -> LaunchTemplateSpecification {
        let groups = self.network.security_group_ids();
        let interfaces = match self.facts().filter(|_| self.efa() > 0) {
            Some(facts) => interfaces::efa(facts, &groups),
            None => interfaces::plain(&groups),
        };
        let name = format!("{}/{}", scope.stack_name(), scope.id());
        let tags =
            TagSpecification::new().resource_type(ResourceType::Instance).tags([Tag::new("Name", name)]);
        let mut data = LaunchTemplateData::new()
            .metadata_options(instance::metadata())
            .block_device_mappings([instance::root_volume(
                "/dev/xvda",
                &self.volume_gb,
                self.key.as_ref(),
                scope,
            )])
            .network_interfaces(interfaces)
            .tag_specifications([tags]);
        if let Capacity::Block(id) = &self.capacity {
            data = instance::in_block(data, id);
        }
        let template = scope.add("Template", LaunchTemplate::new(data));
        LaunchTemplateSpecification::new()
            .launch_template_id(template.reference())
            .version(template.latest_version_number())
    }

    /// Returns the ARN of the instance profile: that of the program, or a new one.
    fn profile_arn(&self, scope: &mut Scope<'_>) -> Value<String> {
        if let Some(arn) = &self.profile {
            return arn.clone();
        }
        // The ECS agent registers the instance with a cluster whose name AWS Batch generates; AWS maintains the
        // necessary permissions in this policy.
        let policy =
            sub!("arn:{}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role", partition());
        let role = scope.add("InstanceRole", Role::new(trusted_by("ec2")).managed_policy_arns([policy]));
        scope.add("Profile", InstanceProfile::new([role.reference()])).arn()
    }

    pub(super) fn compute_resources(&self, scope: &mut Scope<'_>) -> ComputeResources {
        let profile = self.profile_arn(scope);
        let (kind, strategy) = match self.capacity {
            Capacity::Spot => ("SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED"),
            Capacity::OnDemand | Capacity::Block(_) => ("EC2", "BEST_FIT_PROGRESSIVE"),
        };
        let vcpus = self.facts().map_or(0, |facts| facts.vcpus);
        let types: Vec<&str> = self.types.iter().map(String::as_str).collect();
        let mut resources = ComputeResources::new()
            .type_(kind)
            .maxv_cpus(i64::from(vcpus.saturating_mul(self.max_nodes)))
            .minv_cpus(0)
            .allocation_strategy(strategy)
            .ec2_configuration([Ec2ConfigurationObject::new("ECS_AL2023_NVIDIA")])
            .instance_role(profile)
            .instance_types(types)
            .launch_template(self.launch_template(scope))
            .subnets(self.network.subnet_ids())
            .update_to_latest_image_version(true);
        if self.nodes > 1 && !matches!(self.capacity, Capacity::Block(_)) {
            let group = scope.add("Placement", PlacementGroup::new().strategy(Strategy::Cluster));
            resources = resources.placement_group(group.reference());
        }
        resources
    }
}
