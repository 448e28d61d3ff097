//! What calls a function, and the permissions that follow: services that push events need a permission of the function,
//! and for sources that Lambda polls, the role of the function needs permissions.

use stackwright_resources::events::Rule;
use stackwright_resources::events::rule::{State, Target};
use stackwright_resources::lambda::{EventSourceMapping, Permission};
use stackwright_resources::sns::Subscription;
use stackwright_synth::{Json, Scope, Value};

use crate::iam::Statement;
use crate::topic::TopicReference;

/// What calls a function.
#[derive(Clone, Debug)]
pub(super) enum EventSource {
    Schedule(Value<String>),
    Pattern(Value<Json>),
    Queue { arn: Value<String>, batch: Value<i64> },
    Stream { arn: Value<String>, batch: Value<i64>, is_dynamodb: bool },
    Topic(TopicReference),
}

impl EventSource {
    /// What the role of the function needs.
    pub fn statements(&self) -> Vec<Statement> {
        match self {
            Self::Queue { arn, .. } => vec![
                Statement::allow(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"])
                    .on(arn),
            ],
            Self::Stream { arn, is_dynamodb, .. } => {
                let service = if *is_dynamodb { "dynamodb" } else { "kinesis" };
                let actions = ["DescribeStream", "GetRecords", "GetShardIterator", "ListShards"];
                let actions = match is_dynamodb {
                    // ListShards of Kinesis; DynamoDB describes its shards with the stream.
                    true => &actions[..3],
                    false => &actions[..],
                };
                let mut statements = vec![
                    Statement::allow(actions.iter().map(|action| format!("{service}:{action}"))).on(arn),
                ];
                if *is_dynamodb {
                    // AWS gives the listing no resource that could be named.
                    statements.push(Statement::allow(["dynamodb:ListStreams"]).on("*"));
                }
                statements
            }
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
            Self::Stream { arn, batch, .. } => {
                let mapping = EventSourceMapping::new(function)
                    .event_source_arn(arn)
                    .batch_size(batch)
                    .starting_position("TRIM_HORIZON");
                scope.add(&format!("{part}Mapping"), mapping);
            }
        }
    }
}
