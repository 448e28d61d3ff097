//! The event sources of a function, and their permissions: a service that pushes events needs a permission of the
//! function, and for a source that Lambda polls, the role of the function needs permissions.

use stackwright_resources::events::Rule;
use stackwright_resources::events::rule::{State, Target};
use stackwright_resources::lambda::{EventSourceMapping, Permission};
use stackwright_resources::sns::Subscription;
use stackwright_synth::{Json, Scope, Value};

use crate::iam::Statement;
use crate::topic::TopicReference;

/// An event source, which calls a function.
#[derive(Clone, Debug)]
pub(super) enum EventSource {
    Schedule(Value<String>),
    Pattern(Value<Json>),
    Queue { arn: Value<String>, batch: Value<i64> },
    Kinesis { arn: Value<String>, batch: Value<i64> },
    DynamoDb { arn: Value<String>, batch: Value<i64> },
    Topic(TopicReference),
}

impl EventSource {
    /// Returns the permissions that the role of the function needs.
    pub fn statements(&self) -> Vec<Statement> {
        match self {
            Self::Queue { arn, .. } => vec![
                Statement::allow(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"])
                    .on(arn),
            ],
            // AWS Lambda Developer Guide, "Process Amazon Kinesis Data Streams records with Lambda".
            Self::Kinesis { arn, .. } => vec![
                Statement::allow([
                    "kinesis:DescribeStream",
                    "kinesis:DescribeStreamSummary",
                    "kinesis:GetRecords",
                    "kinesis:GetShardIterator",
                    "kinesis:ListShards",
                    "kinesis:SubscribeToShard",
                ])
                .on(arn),
            ],
            Self::DynamoDb { arn, .. } => vec![
                Statement::allow([
                    "dynamodb:DescribeStream",
                    "dynamodb:GetRecords",
                    "dynamodb:GetShardIterator",
                ])
                .on(arn),
                // The action that lists streams does not support resource-level permissions.
                Statement::allow(["dynamodb:ListStreams"]).on("*"),
            ],
            Self::Schedule(_) | Self::Pattern(_) | Self::Topic(_) => Vec::new(),
        }
    }

    /// Connects the source with a function. `part` distinguishes the sources of a function in logical IDs.
    pub fn connect(self, part: &str, function: &Value<String>, scope: &mut Scope<'_>) {
        let rule = || {
            let target = Target::new().id("Function").arn(function);
            Rule::new().state(State::Enabled).targets([target])
        };
        let permit = |service: &'static str, source: Value<String>, scope: &mut Scope<'_>| {
            let permission = Permission::new()
                .function_name(function)
                .action("lambda:InvokeFunction")
                .principal(format!("{service}.amazonaws.com"))
                .source_arn(source);
            scope.add(&format!("{part}Permission"), permission);
        };
        match self {
            Self::Schedule(expression) => {
                let rule = scope.add(&format!("{part}Rule"), rule().schedule_expression(expression));
                permit("events", rule.arn(), scope);
            }
            Self::Pattern(pattern) => {
                let rule = scope.add(&format!("{part}Rule"), rule().event_pattern(pattern));
                permit("events", rule.arn(), scope);
            }
            Self::Topic(topic) => {
                permit("sns", topic.arn().clone(), scope);
                let subscription =
                    Subscription::new().topic_arn(topic.arn()).protocol("lambda").endpoint(function);
                scope.add(&format!("{part}Subscription"), subscription);
            }
            Self::Queue { arn, batch } => {
                let mapping = EventSourceMapping::new(function).event_source_arn(arn).batch_size(batch);
                scope.add(&format!("{part}Mapping"), mapping);
            }
            Self::Kinesis { arn, batch } | Self::DynamoDb { arn, batch } => {
                let mapping = EventSourceMapping::new(function)
                    .event_source_arn(arn)
                    .batch_size(batch)
                    .starting_position("TRIM_HORIZON");
                scope.add(&format!("{part}Mapping"), mapping);
            }
        }
    }
}
