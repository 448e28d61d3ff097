//! Small templates whose edits are easily misjudged: intrinsic functions inside of lists, names behind parameters and mappings,
//! documents in text, attributes of resources, resources that follow a replaced one, and values that are only spelled differently.

use super::{Pair, pair};

const NETWORK: &str = include_str!("../../fixtures/cards/network.yaml");

const TASKS: &str = include_str!("../../fixtures/cards/tasks.yaml");

const DOCUMENTS: &str = include_str!("../../fixtures/cards/documents.yaml");
const NESTED: &str = include_str!("../../fixtures/cards/nested.yaml");

/// Edits that are easily misjudged.
pub const TRICKY: [Pair; 26] = [
    pair("if-in-list", NETWORK, &[("FromPort: 80, ToPort: 80", "FromPort: 8080, ToPort: 8080")]),
    pair("if-turned-off", NETWORK, &[("Default: \"yes\"", "Default: \"no\"")]),
    pair(
        "list-reordered",
        NETWORK,
        &[
            ("        - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: !Ref Office}\n", ""),
            (
                "!Ref \"AWS::NoValue\"]\n",
                "!Ref \"AWS::NoValue\"]\n        - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: !Ref Office}\n",
            ),
        ],
    ),
    pair("mapping-value", NETWORK, &[("{type: t3.small, disk: 20}", "{type: t3.medium, disk: 20}")]),
    pair("mapping-key", NETWORK, &[("[Sizes, small, disk]", "[Sizes, large, disk]")]),
    pair("parameter-renamed", NETWORK, &[("Office", "Home")]),
    pair("user-data", NETWORK, &[("echo ${AWS::StackName}", "echo ${AWS::Region}")]),
    pair("group-description", NETWORK, &[("GroupDescription: web", "GroupDescription: all web servers")]),
    pair("condition-removed", NETWORK, &[("    Condition: IsOpen\n", "")]),
    pair("numbers-as-text", NETWORK, &[("FromPort: 443, ToPort: 443", "FromPort: \"443\", ToPort: \"443\"")]),
    pair("task-image-by-parameter", TASKS, &[("Default: \"1.0\"", "Default: \"1.1\"")]),
    pair(
        "task-environment",
        TASKS,
        &[(
            "[{Name: MODE, Value: fast}, {Name: LEVEL, Value: info}]",
            "[{Name: LEVEL, Value: debug}, {Name: MODE, Value: fast}]",
        )],
    ),
    pair(
        "task-container-added",
        TASKS,
        &[(
            "        - {Name: log, Image: registry.example/log:1}\n",
            "        - {Name: log, Image: registry.example/log:1}\n        - {Name: proxy, Image: registry.example/proxy:1}\n",
        )],
    ),
    pair("launch-template-image", TASKS, &[("ami-0123456789abcdef0", "ami-0fedcba9876543210")]),
    pair("state-machine-text", DOCUMENTS, &[("\"MessageBody\": \"a\"", "\"MessageBody\": \"b\"")]),
    pair("dashboard-text", DOCUMENTS, &[("\"markdown\": \"one\"", "\"markdown\": \"two\"")]),
    pair("queue-name-chain", DOCUMENTS, &[("QueueName: jobs", "QueueName: work")]),
    pair(
        "statement-reordered",
        DOCUMENTS,
        &[
            (
                "              - {Sid: Send, Effect: Allow, Action: [sqs:SendMessage], Resource: !GetAtt Queue.Arn}\n",
                "",
            ),
            (
                "Resource: \"*\"}\n",
                "Resource: \"*\"}\n              - {Sid: Send, Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn}\n",
            ),
        ],
    ),
    pair(
        "statement-narrowed",
        DOCUMENTS,
        &[(
            "[sqs:ReceiveMessage, sqs:DeleteMessage], Resource: \"*\"",
            "[sqs:ReceiveMessage], Resource: \"*\"",
        )],
    ),
    pair("nested-template", NESTED, &[("child-1.yaml", "child-2.yaml")]),
    pair("nested-parameter", NESTED, &[("Name: one", "Name: two")]),
    pair(
        "retained-deleted",
        DOCUMENTS,
        &[(
            "  Failed:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Properties: {VisibilityTimeout: 60}\n",
            "",
        )],
    ),
    pair(
        "policy-attribute-only",
        DOCUMENTS,
        &[("    DeletionPolicy: Retain\n", "    DeletionPolicy: Delete\n")],
    ),
    pair(
        "type-changed",
        DOCUMENTS,
        &[("    Type: AWS::CloudFormation::WaitConditionHandle\n", "    Type: AWS::SNS::Topic\n")],
    ),
    pair("custom-resource-property", DOCUMENTS, &[("      Size: 1\n", "      Size: 2\n")]),
    pair("custom-resource-handler", DOCUMENTS, &[("function:thing", "function:other")]),
];
