//! `topic-with-aws-managed-key`

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{items, string};
use crate::check::view::View;

rule! {
    /// An alarm or an EventBridge rule publishes to a topic that is encrypted with the AWS managed key `alias/aws/sns`.
    ///
    /// # Why it matters
    ///
    /// The key policy of the AWS managed key does not allow CloudWatch and EventBridge to use the key, and you cannot change that
    /// policy. Publishing fails, and no notification is sent.
    ///
    /// # How to fix
    ///
    /// Encrypt the topic with a customer managed key whose policy allows `cloudwatch.amazonaws.com` or `events.amazonaws.com` the
    /// actions `kms:Decrypt` and `kms:GenerateDataKey*`. In Rust, `AlarmTopic` creates such a topic; `allow_service("events")`
    /// allows EventBridge to publish to it.
    ///
    /// # Limitations
    ///
    /// Other services that publish to topics, such as Amazon S3 and AWS Budgets, are not checked.
    Error "topic-with-aws-managed-key",
    source: "Amazon CloudWatch User Guide, \"Notifying users on alarm changes\", and re:Post knowledge center, \"Why didn't I receive an SNS notification for my CloudWatch alarm trigger?\" and \"Why isn't my Amazon SNS topic receiving EventBridge notifications?\"",
    applies_to: ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::Events::Rule"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let mut reported = Vec::new();
    for (kind, id, service, arn) in publications(view) {
        let Some(topic) = view.target(arn).filter(|one| one.type_name == "AWS::SNS::Topic") else { continue };
        let key = &topic.properties["KmsMasterKeyId"];
        let is_managed = string(key).is_some_and(|key| key.ends_with("alias/aws/sns"));
        if is_managed && !reported.contains(&topic.id) {
            reported.push(topic.id);
            findings.add(
                topic,
                key,
                format!("the {kind} {id} publishes to this topic, and {service} cannot use the key"),
                "use a customer managed key whose policy allows the service to use it",
            );
        }
    }
}

/// Returns the resources that publish to a topic: the kind, the logical ID, the service, and the ARN that each names.
fn publications<'v, 'a>(
    view: &'v View<'a>,
) -> impl Iterator<Item = (&'static str, &'a str, &'static str, &'v Cursor<'a>)> {
    let alarms = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];
    let alarms = alarms.into_iter().flat_map(|name| view.of_type(name)).flat_map(|alarm| {
        let lists = ["AlarmActions", "OKActions", "InsufficientDataActions"];
        let actions = lists.into_iter().flat_map(|list| items(&alarm.properties[list]));
        actions.map(|action| ("alarm", alarm.id, "CloudWatch", action))
    });
    let rules = view.of_type("AWS::Events::Rule").flat_map(|rule| {
        let targets = items(&rule.properties["Targets"]);
        targets.map(|target| ("rule", rule.id, "EventBridge", &target["Arn"]))
    });
    alarms.chain(rules)
}
