//! CloudWatch Container Insights on the nodes of a HyperPod cluster.

use stackwright_resources::cloudwatch::Alarm;
use stackwright_resources::cloudwatch::alarm::{
    ComparisonOperator, Dimension, Metric, MetricDataQuery, MetricStat, TreatMissingData,
};
use stackwright_synth::{Scope, Value};

use super::{Addons, ClusterAddon, EksAddon, PodRole};
use crate::iam::RoleReference;
use crate::topic::TopicReference;

/// The metrics that count faulty nodes, by the action that HyperPod is about to perform. The metrics have the
/// dimension `ClusterName` (CloudWatch User Guide, "Amazon EKS and Kubernetes Container Insights with enhanced
/// observability metrics"; `awscontainerinsightreceiver` of the CloudWatch agent; read 2026-11-26).
const FAULTY: [(&str, &str); 2] = [
    ("reboot", "hyperpod_node_health_status_unschedulable_pending_reboot"),
    ("replacement", "hyperpod_node_health_status_unschedulable_pending_replacement"),
];

/// The length of a period of the alarm in seconds.
const PERIOD: i64 = 300;

/// Adds the add-on with a role for its agent, and an alarm on faulty nodes.
pub(super) fn add(addons: &Addons, topic: &TopicReference, scope: &mut Scope<'_>) -> RoleReference {
    let addon = ClusterAddon::CONTAINER_INSIGHTS;
    // AWS maintains the permissions that the agent needs in this policy; it names no resources.
    let role = addons.managed_role(PodRole::ContainerInsights, "CloudWatchAgentServerPolicy", scope);
    let identity = Addons::identity(&addon, &role);
    let with_identity = |resource: EksAddon| match identity {
        Some(identity) => resource.pod_identity_associations([identity]),
        None => resource,
    };
    addons.add("ContainerInsights", &addon, with_identity, &[], scope);
    let dimension = || Dimension::new().value(&addons.eks_name).name("ClusterName");
    let mut queries: Vec<Value<MetricDataQuery>> = FAULTY
        .iter()
        .map(|(id, name)| {
            let metric =
                Metric::new().namespace("ContainerInsights").metric_name(*name).dimensions([dimension()]);
            let stat = MetricStat::new().stat("Maximum").period(PERIOD).metric(metric);
            MetricDataQuery::new(*id).metric_stat(stat).return_data(false).into()
        })
        .collect();
    let sum = MetricDataQuery::new("faulty").expression("reboot + replacement").label("Faulty nodes");
    queries.push(sum.return_data(true).into());
    let alarm = Alarm::new()
        .alarm_description("HyperPod is about to reboot or replace nodes of the cluster")
        .metrics(queries)
        .evaluation_periods(1)
        .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
        .threshold(1.0)
        .treat_missing_data(TreatMissingData::NotBreaching)
        .alarm_actions([topic.arn().clone()]);
    scope.add("FaultyNodes", alarm);
    role
}
