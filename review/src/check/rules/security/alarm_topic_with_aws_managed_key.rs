//! `alarm-topic-with-aws-managed-key`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{items, string};
use crate::check::view::View;

rule! {
    /// An alarm publishes to a topic that is encrypted with the AWS managed key `alias/aws/sns`.
    ///
    /// # Why it matters
    ///
    /// The key policy of the AWS managed key does not allow CloudWatch to use the key, and you cannot change that
    /// policy. The action of the alarm fails, and no notification is sent.
    ///
    /// # How to fix
    ///
    /// Encrypt the topic with a customer managed key whose policy allows `cloudwatch.amazonaws.com` the actions `kms:Decrypt`
    /// and `kms:GenerateDataKey*`. In Rust, `AlarmTopic` creates such a topic.
    Error "alarm-topic-with-aws-managed-key",
    source: "Amazon CloudWatch User Guide, \"Notifying users on alarm changes\", and re:Post knowledge center, \"Why didn't I receive an SNS notification for my CloudWatch alarm trigger?\"",
    applies_to: ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let alarms = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];
    let mut reported = Vec::new();
    for alarm in alarms.into_iter().flat_map(|name| view.of_type(name)) {
        for list in ["AlarmActions", "OKActions", "InsufficientDataActions"] {
            for action in items(&alarm.properties[list]) {
                let Some(topic) = view.target(action).filter(|one| one.type_name == "AWS::SNS::Topic") else {
                    continue;
                };
                let key = &topic.properties["KmsMasterKeyId"];
                let is_managed = string(key).is_some_and(|key| key.ends_with("alias/aws/sns"));
                if is_managed && !reported.contains(&topic.id) {
                    reported.push(topic.id);
                    findings.add(
                        topic,
                        key,
                        format!(
                            "the alarm {} publishes to this topic, and CloudWatch cannot use the key",
                            alarm.id
                        ),
                        "use a customer managed key whose policy allows `cloudwatch.amazonaws.com` to use it",
                    );
                }
            }
        }
    }
}
