//! `wrong-alarm-dimension`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{function, items, string};
use crate::check::view::View;

rule! {
    /// A dimension of an alarm belongs to another service than the namespace, or its value is a reference that returns
    /// an ARN or a URL, but the metric has the name as its dimension.
    ///
    /// # Why it matters
    ///
    /// CloudWatch accepts the alarm. No metric has such a dimension, so the alarm never has data and never enters `ALARM`.
    ///
    /// # How to fix
    ///
    /// Use the dimensions that the service publishes with the metric. `Ref` of an endpoint returns its ARN: use
    /// `!GetAtt Endpoint.EndpointName`.
    ///
    /// # Limitations
    ///
    /// Only dimensions and namespaces of services that machine learning stacks commonly use are checked.
    Warning "wrong-alarm-dimension",
    source: "Amazon SageMaker AI Developer Guide, Metrics for monitoring SageMaker AI with Amazon CloudWatch; the pages about CloudWatch metrics of Amazon SQS, SNS, S3, EC2, DynamoDB, RDS, Lambda, Step Functions and Elastic Load Balancing; CloudFormation Template Reference, return values",
    applies_to: ["AWS::CloudWatch::Alarm"],
    check: Each(check),
}

/// Dimensions that only some services publish, with their namespaces.
const NAMESPACES: [(&str, &[&str]); 13] = [
    ("AutoScalingGroupName", &["AWS/AutoScaling", "AWS/EC2"]),
    ("BucketName", &["AWS/S3"]),
    ("DBInstanceIdentifier", &["AWS/RDS"]),
    ("EndpointName", &["AWS/SageMaker"]),
    ("FunctionName", &["AWS/Lambda"]),
    ("InstanceId", &["AWS/EC2"]),
    ("LoadBalancer", &["AWS/ApplicationELB", "AWS/GatewayELB", "AWS/NetworkELB"]),
    ("QueueName", &["AWS/SQS"]),
    ("StateMachineArn", &["AWS/States"]),
    ("TableName", &["AWS/DynamoDB"]),
    ("TargetGroup", &["AWS/ApplicationELB", "AWS/GatewayELB", "AWS/NetworkELB"]),
    ("TopicName", &["AWS/SNS"]),
    ("VariantName", &["AWS/SageMaker"]),
];

/// Dimensions whose value is a name, the type whose `Ref` returns something else, and the attribute that returns the name.
const NAMES: [(&str, &str, &str); 5] = [
    ("EndpointName", "AWS::SageMaker::Endpoint", "EndpointName"),
    ("LoadBalancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerFullName"),
    ("QueueName", "AWS::SQS::Queue", "QueueName"),
    ("TargetGroup", "AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupFullName"),
    ("TopicName", "AWS::SNS::Topic", "TopicName"),
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for alarm in view.of_type("AWS::CloudWatch::Alarm") {
        let metrics = items(&alarm.properties["Metrics"]).map(|query| &query["MetricStat"]["Metric"]);
        for metric in [&alarm.properties].into_iter().chain(metrics) {
            let namespace = string(&metric["Namespace"]);
            for dimension in items(&metric["Dimensions"]) {
                let Some(name) = string(&dimension["Name"]) else { continue };
                let of_service = NAMESPACES.iter().find(|(known, _)| *known == name).map(|(_, all)| *all);
                let is_known = |given: &str| NAMESPACES.iter().any(|(_, all)| all.contains(&given));
                if let (Some(given), Some(wanted)) = (namespace.filter(|given| is_known(given)), of_service)
                    && !wanted.contains(&given)
                {
                    let message = format!("metrics of {given} do not have the dimension `{name}`");
                    let help = format!("`{name}` is a dimension of {}", wanted.join(", "));
                    findings.add(alarm, &dimension["Name"], message, help);
                }
                let value = &dimension["Value"];
                let named = NAMES.iter().find(|(known, ..)| *known == name);
                let target = view.target(value).filter(|_| is_ref(value));
                if let (Some((_, type_name, attribute)), Some(target)) = (named, target)
                    && target.type_name == *type_name
                {
                    let message =
                        format!("`Ref` of `{}` does not return the name that `{name}` has", target.id);
                    findings.add(alarm, value, message, format!("use `!GetAtt {}.{attribute}`", target.id));
                }
            }
        }
    }
}

fn is_ref(value: &serde_json::Value) -> bool {
    matches!(function(value), Some(("Ref", _)))
}
