//! Rules about distributed training: SMDDP, SageMaker model parallel, torchrun, EFA.

mod container_without_smdistributed;
mod data_parallel_library_missing;
mod efa_needs_open_group;
mod hybrid_shard_on_one_instance;
mod instance_groups_without_strategy;
mod model_parallel_version_1_settings;
mod model_parallel_without_torchrun;
mod parallel_degree_does_not_fit;
mod sharded_on_one_accelerator;
mod smdistributed_with_mpi_on_p5;
mod torchrun_without_accelerator;
mod two_smdistributed_strategies;
mod unsupported_data_parallel_instance;
mod unsupported_model_parallel_instance;
mod unsupported_strategy_on_trainium;

use serde_json::Value as JsonValue;

use crate::check::cursor::Cursor;
use crate::check::job::Job;
use crate::check::rules::Rule;
use crate::check::value::{is_set, is_unresolved, items, string};
use crate::check::view::{Resource, View, referred};

pub(super) const RULES: &[&Rule] = &[
    &two_smdistributed_strategies::RULE,
    &unsupported_data_parallel_instance::RULE,
    &data_parallel_library_missing::RULE,
    &container_without_smdistributed::RULE,
    &smdistributed_with_mpi_on_p5::RULE,
    &unsupported_model_parallel_instance::RULE,
    &model_parallel_without_torchrun::RULE,
    &parallel_degree_does_not_fit::RULE,
    &model_parallel_version_1_settings::RULE,
    &torchrun_without_accelerator::RULE,
    &unsupported_strategy_on_trainium::RULE,
    &instance_groups_without_strategy::RULE,
    &sharded_on_one_accelerator::RULE,
    &hybrid_shard_on_one_instance::RULE,
    &efa_needs_open_group::RULE,
];

/// The hyperparameter that turns SMDDP on.
const DATA_PARALLEL: &str = "sagemaker_distributed_dataparallel_enabled";

/// Returns whether a job uses SMDDP: by its own launcher, or as the backend that the script uses.
fn uses_data_parallel(job: &Job<'_, '_>) -> bool {
    job.is_on(DATA_PARALLEL) || job.hyperparameter("ddp_dist_backend").is_some_and(|name| name == "smddp")
}

/// Returns whether parameters of model parallel are those of version 1, which splits a model into partitions.
fn is_version_1(parameters: &JsonValue) -> bool {
    ["partitions", "pipeline_parallel_degree", "microbatches", "ddp", "pipeline"]
        .iter()
        .any(|name| is_set(&parameters[*name]))
}

/// Returns the first of the security groups of an instance, with the reference to it, if none of them is open. One open group is
/// enough, because all instances with these groups are in it. `None` if a group is outside of the template.
pub(in crate::check) fn first_closed<'v, 'a>(
    view: &'v View<'a>,
    references: &'v Cursor<'a>,
    is_open: impl Fn(&Resource<'a>) -> bool,
) -> Option<(&'v Cursor<'a>, &'v Resource<'a>)> {
    let groups: Option<Vec<_>> =
        items(references).map(|reference| Some((reference, view.target(reference)?))).collect();
    let groups = groups.filter(|groups| !groups.iter().any(|(_, group)| is_open(group)))?;
    groups.first().copied()
}

/// Returns whether a security group of the template lets all traffic in from itself; what is not known counts as yes.
pub(in crate::check) fn lets_itself_in(view: &View<'_>, group: &Resource<'_>) -> bool {
    is_open_to_itself(view, group, ["SecurityGroupIngress", "SourceSecurityGroupId"])
}

/// Returns whether a security group of the template lets all traffic out to itself by a rule that names the group; what is not
/// known counts as yes.
pub(in crate::check) fn lets_itself_out(view: &View<'_>, group: &Resource<'_>) -> bool {
    is_open_to_itself(view, group, ["SecurityGroupEgress", "DestinationSecurityGroupId"])
}

/// Returns whether a security group has a rule for all protocols whose other end is the group. Rules are in the property `rules`,
/// and in resources of the type with the same name.
fn is_open_to_itself(view: &View<'_>, group: &Resource<'_>, [rules, other_end]: [&str; 2]) -> bool {
    if group.type_name != "AWS::EC2::SecurityGroup" {
        return true;
    }
    let is_itself = |location: &JsonValue| referred(location).as_deref() == Some(group.id);
    let inline = items(&(*group.properties)[rules]);
    let type_name = format!("AWS::EC2::{rules}");
    let apart = view.of_type(&type_name).map(|rule| &*rule.properties).filter(|rule| {
        is_itself(&rule["GroupId"]) || is_unresolved(&rule["GroupId"]) && referred(&rule["GroupId"]).is_none()
    });
    let in_doubt = is_unresolved(&group.properties[rules]);
    in_doubt
        || inline.chain(apart).any(|rule| {
            let everything = string(&rule["IpProtocol"]).is_none_or(|protocol| protocol == "-1");
            let end = &rule[other_end];
            everything && (is_itself(end) || is_unresolved(end) && referred(end).is_none())
        })
}
