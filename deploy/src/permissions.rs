//! The IAM policy with the least permissions for each command.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde_json::{Value as Json, json};
use stackwright_synth::{Partition, StackArtifact};

/// A command that sends requests to AWS, and for which [`policy`] returns the permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// `diff --deployed`
    Diff,
    /// `plan`
    Plan,
    /// `deploy`
    Deploy,
    /// `refactor`
    Refactor,
    /// `destroy`
    Destroy,
    /// `recover`
    Recover,
    /// `drift`
    Drift,
    /// `status`, `outputs`, `diagnose`
    Status,
}

impl Command {
    /// All commands that send requests to AWS.
    pub const ALL: [Self; 8] = [
        Self::Diff,
        Self::Plan,
        Self::Deploy,
        Self::Refactor,
        Self::Destroy,
        Self::Recover,
        Self::Drift,
        Self::Status,
    ];

    /// Returns the name of the command, such as `deploy`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Diff => "diff",
            Self::Plan => "plan",
            Self::Deploy => "deploy",
            Self::Refactor => "refactor",
            Self::Destroy => "destroy",
            Self::Recover => "recover",
            Self::Drift => "drift",
            Self::Status => "status",
        }
    }

    fn actions(self) -> Vec<&'static str> {
        let read = ["DescribeStacks", "DescribeEvents", "DescribeStackEvents", "ListStackResources"];
        let change_sets = [
            "CreateChangeSet",
            "DeleteChangeSet",
            "DescribeChangeSet",
            "GetTemplateSummary",
            // For the empty stack that is left when the first change set of a stack is not executed.
            "DeleteStack",
            "ListChangeSets",
        ];
        let deployed = ["GetStackPolicy", "GetTemplate", "GetTemplateSummary"];
        let mut actions = read.to_vec();
        match self {
            Self::Diff => actions.extend(deployed),
            Self::Plan => {
                actions.extend(change_sets);
                // For stacks whose change set can be created only later.
                actions.extend(deployed);
            }
            Self::Refactor => actions.extend(deployed),
            Self::Deploy => {
                actions.extend(change_sets);
                actions.extend([
                    "ExecuteChangeSet",
                    "GetTemplate",
                    "UpdateTerminationProtection",
                    "TagResource",
                ]);
            }
            Self::Destroy => actions.extend([
                "DeleteStack",
                "GetTemplate",
                "ListChangeSets",
                "UpdateTerminationProtection",
            ]),
            Self::Recover => actions.extend([
                "CancelUpdateStack",
                "ContinueUpdateRollback",
                "DeleteStack",
                "RollbackStack",
            ]),
            Self::Drift => actions.extend([
                "DescribeStackDriftDetectionStatus",
                "DescribeStackResourceDrifts",
                "DetectStackDrift",
                "DetectStackResourceDrift",
            ]),
            Self::Status => {}
        }
        actions
    }

    fn uploads(self) -> bool {
        matches!(self, Self::Plan | Self::Deploy | Self::Refactor)
    }
}

impl FromStr for Command {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|command| command.name() == text);
        found.ok_or_else(|| format!("`{text}` is not a command that sends requests to AWS"))
    }
}

/// Returns the IAM policy document, as JSON, that a command needs for some stacks.
pub fn policy(command: Command, stacks: &[&StackArtifact]) -> Json {
    let environment = |stack: &StackArtifact| {
        let any = |bound: &Option<String>| bound.clone().unwrap_or_else(|| "*".into());
        let partition = stack.environment.partition().unwrap_or(Partition::Aws);
        (partition, any(&stack.environment.region), any(&stack.environment.account))
    };
    let mut buckets = BTreeSet::new();
    for stack in stacks {
        let (partition, region, account) = environment(stack);
        let large = stack.template_object_key().is_some().then(|| stack.template_bucket());
        for bucket in stack.assets.iter().map(|asset| asset.bucket.as_str()).chain(large) {
            let name = bucket
                .replace("${AWS::AccountId}", &account)
                .replace("${AWS::Region}", &region)
                .replace("${AWS::Partition}", partition.name());
            buckets.insert(format!("arn:{partition}:s3:::{name}"));
        }
    }
    let mut actions: Vec<String> =
        command.actions().into_iter().map(|action| format!("cloudformation:{action}")).collect();
    actions.sort();
    actions.dedup();
    let resources: Vec<String> = stacks
        .iter()
        .map(|stack| {
            let (partition, region, account) = environment(stack);
            format!("arn:{partition}:cloudformation:{region}:{account}:stack/{}/*", stack.name)
        })
        .collect();
    let mut statements = vec![json!({
        "Sid": "Stacks",
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources,
    })];
    let renames = stacks.iter().any(|stack| !stack.former_ids.is_empty());
    if command == Command::Refactor || command == Command::Deploy && renames {
        // A stack refactor has no ARN. Whether its operations can be limited to stacks is not confirmed.
        statements.push(json!({
            "Sid": "Refactors",
            "Effect": "Allow",
            "Action": [
                "cloudformation:CreateStackRefactor", "cloudformation:DescribeStackRefactor",
                "cloudformation:ExecuteStackRefactor",
            ],
            "Resource": "*",
        }));
    }
    if command == Command::Plan {
        // IAM cannot limit these two actions to resources.
        statements.push(json!({
            "Sid": "Quotas",
            "Effect": "Allow",
            "Action": ["servicequotas:GetAWSDefaultServiceQuota", "servicequotas:GetServiceQuota"],
            "Resource": "*",
        }));
    }
    if command.uploads() && !buckets.is_empty() {
        let of = |suffix: &str| -> Vec<String> {
            buckets.iter().map(|bucket| format!("{bucket}{suffix}")).collect()
        };
        statements.push(json!({
            "Sid": "Bucket",
            "Effect": "Allow",
            "Action": [
                "s3:CreateBucket", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
                "s3:PutEncryptionConfiguration",
            ],
            "Resource": of(""),
        }));
        statements.push(json!({
            "Sid": "Assets",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
            "Resource": of("/*"),
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}
