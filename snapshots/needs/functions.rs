//! What the roles of functions need, and the permissions of what calls the functions.

use serde_json::Value as Json;

use super::Needs;

impl Needs<'_> {
    /// Derives the needs of functions.
    ///
    /// # Panics
    /// If what calls a function has no permission for it.
    pub(super) fn functions(&mut self) {
        let template = self.template;
        for (id, function) in template.of_type("AWS::Lambda::Function") {
            let role = template.role(&function["Role"]);
            let logs = template.text(&function["LoggingConfig"]["LogGroup"]);
            self.add(&role, "logs:PutLogEvents", format!("{}.Arn>", logs.trim_end_matches('>')));
            self.network(&role, &function["VpcConfig"]);
            self.secrets(&role, &function["Environment"]["Variables"]);
            if !function["KmsKeyArn"].is_null() {
                self.add(&role, "kms:Decrypt", template.text(&function["KmsKeyArn"]));
            }
            let is_it = |location: &Json| template.text(location) == format!("<{id}.Arn>");
            for (_, mapping) in template.of_type("AWS::Lambda::EventSourceMapping") {
                if is_it(&mapping["FunctionName"]) {
                    self.polls(&role, &template.text(&mapping["EventSourceArn"]));
                }
            }
            // What pushes events has a permission of the function for its own ARN.
            let permitted: Vec<String> = template
                .of_type("AWS::Lambda::Permission")
                .filter(|(_, permission)| is_it(&permission["FunctionName"]))
                .map(|(_, permission)| template.text(&permission["SourceArn"]))
                .collect();
            let rules = template.of_type("AWS::Events::Rule");
            let rules = rules.filter(|(_, rule)| is_it(&rule["Targets"][0]["Arn"]));
            let topics = template.of_type("AWS::SNS::Subscription");
            let topics = topics.filter(|(_, one)| is_it(&one["Endpoint"]));
            let sources: Vec<String> = rules
                .map(|(rule, _)| format!("<{rule}.Arn>"))
                .chain(topics.map(|(_, one)| template.text(&one["TopicArn"])))
                .collect();
            assert_eq!(sources.len(), permitted.len(), "{id}: {sources:?} {permitted:?}");
            assert!(sources.iter().all(|source| permitted.contains(source)), "{sources:?} {permitted:?}");
        }
    }

    /// What Lambda does with the role of a function to read a source.
    fn polls(&mut self, role: &str, source: &str) {
        let (service, actions): (&str, &[&str]) = match source.split(':').nth(2).unwrap_or_default() {
            "sqs" => ("sqs", &["DeleteMessage", "GetQueueAttributes", "ReceiveMessage"]),
            "kinesis" => (
                "kinesis",
                &["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"],
            ),
            "dynamodb" => ("dynamodb", &["DescribeStream", "GetRecords", "GetShardIterator"]),
            other => panic!("{other}"),
        };
        for action in actions {
            self.add(role, &format!("{service}:{action}"), source);
        }
        if service == "dynamodb" {
            self.add(role, "dynamodb:ListStreams", "*");
        }
    }
}
