//! Events of a cluster: notifications about faulty nodes and about the status of the cluster.

use stackwright_resources::events::Rule;
use stackwright_resources::events::rule::{State, Target};
use stackwright_synth::{Json, Property, Scope, Value};

/// The details that EventBridge names in events of HyperPod (`awsome-distributed-training`,
/// `0.common/hyperpod-event-bridge-email.yaml`; SageMaker Developer Guide, cluster events reference).
const KINDS: [&str; 3] = [
    "SageMaker HyperPod Cluster State Change",
    "SageMaker HyperPod Cluster Node Health Event",
    "SageMaker HyperPod Cluster Event",
];

/// Adds a rule that sends the events of a cluster to SNS topics.
pub(super) fn notify(cluster_arn: &Value<String>, topics: &[Value<String>], scope: &mut Scope<'_>) {
    let kinds: Vec<String> = KINDS.map(str::to_owned).into();
    let kinds: Value<Vec<String>> = kinds.into();
    let source: Value<Vec<String>> = vec!["aws.sagemaker".to_owned()].into();
    let arns: Value<Vec<String>> = vec![cluster_arn.clone()].into();
    let detail: Value<Json> = Json::object([Property::new("ClusterArn", arns)]).into();
    let pattern = Json::object([
        Property::new("source", source),
        Property::new("detail-type", kinds),
        Property::new("detail", detail),
    ]);
    let targets: Vec<Value<Target>> = topics
        .iter()
        .enumerate()
        .map(|(index, topic)| Target::new().id(format!("Topic{}", index + 1)).arn(topic).into())
        .collect();
    let rule = Rule::new()
        .description("State and health of the HyperPod cluster")
        .event_pattern(pattern)
        .state(State::Enabled)
        .targets(targets);
    scope.add("Events", rule);
}
