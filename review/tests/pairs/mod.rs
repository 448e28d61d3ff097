//! Pairs of templates: edits to templates of the examples as they were in November 2026, to small templates of other
//! services, edits that are easily misjudged, and consecutive versions from the histories of public repositories. Each edit replaces texts of the old template
//! once.

use std::path::{Path, PathBuf};

#[allow(dead_code, reason = "not every test that has these pairs uses all of them")]
mod tricky;

/// An edit of a template.
pub struct Pair {
    /// What is edited.
    pub name: &'static str,
    base: &'static str,
    replacements: &'static [(&'static str, &'static str)],
}

impl Pair {
    /// The template before the edit.
    pub fn before(&self) -> String {
        self.base.to_owned()
    }

    /// The template after the edit.
    pub fn after(&self) -> String {
        self.replacements.iter().fold(self.before(), |text, (from, to)| {
            assert!(text.contains(from), "{}: the template does not contain {from}", self.name);
            // A new name is used wherever the old one was.
            if self.name.ends_with("-renamed") { text.replace(from, to) } else { text.replacen(from, to, 1) }
        })
    }
}

const SERVING: &str = include_str!("../../fixtures/cards/serving.yaml");
const TRAINING: &str = include_str!("../../fixtures/cards/training.yaml");
const MACHINE: &str = include_str!("../../fixtures/cards/machine.yaml");
#[allow(dead_code, reason = "not every test that has these pairs uses all of them")]
const OTHERS: &str = include_str!("../../fixtures/cards/others.yaml");

const fn pair(
    name: &'static str,
    base: &'static str,
    replacements: &'static [(&'static str, &'static str)],
) -> Pair {
    Pair { name, base, replacements }
}

/// Edits to the examples: their cards are snapshots.
pub const EXAMPLES: [Pair; 25] = [
    pair("image", SERVING, &[("sagemaker-tritonserver:25.09-py3", "sagemaker-tritonserver:25.10-py3")]),
    pair("instance-type", SERVING, &[("InstanceType: ml.g5.2xlarge", "InstanceType: ml.g6.2xlarge")]),
    pair(
        "weights",
        SERVING,
        &[(
            "ModelDataUrl: !Sub s3://stackwright-assets-${AWS::AccountId}-${AWS::Region}/0123",
            "ModelDataUrl: !Sub s3://stackwright-assets-${AWS::AccountId}-${AWS::Region}/aaaa",
        )],
    ),
    pair("role", SERVING, &[("!GetAtt ScorersMainRole.Arn", "arn:aws:iam::123456789012:role/serving")]),
    pair(
        "bucket-rename",
        SERVING,
        &[
            ("  Captured:\n", "  Requests:\n"),
            ("Bucket: !Ref Captured\n", "Bucket: !Ref Requests\n"),
            ("!GetAtt Captured.Arn", "!GetAtt Requests.Arn"),
            ("!Sub ${Captured.Arn}/*", "!Sub ${Requests.Arn}/*"),
            ("${Captured.Arn}/requests/*", "${Requests.Arn}/requests/*"),
            ("!GetAtt Captured.Arn", "!GetAtt Requests.Arn"),
            ("s3://${Captured}/requests/", "s3://${Requests}/requests/"),
        ],
    ),
    pair(
        "scaling-bounds",
        SERVING,
        &[("MinCapacity: 1\n      MaxCapacity: 4\n", "MinCapacity: 2\n      MaxCapacity: 8\n")],
    ),
    pair("first-count", SERVING, &[("InitialInstanceCount: 1", "InitialInstanceCount: 2")]),
    pair("scaling-target", SERVING, &[("TargetValue: 3000.0", "TargetValue: 2000")]),
    pair(
        "environment",
        SERVING,
        &[("MODEL_NAME: relevance", "MODEL_NAME: relevance\n          LOG_LEVEL: debug")],
    ),
    pair("network-isolation-off", SERVING, &[("      EnableNetworkIsolation: true\n", "")]),
    pair(
        "policy-widened",
        SERVING,
        &[("          Resource: !Sub ${Captured.Arn}/requests/*", "          Resource: \"*\"")],
    ),
    pair("policy-narrowed", SERVING, &[("          - s3:PutObject\n", "")]),
    pair(
        "encryption-in-transit-off",
        SERVING,
        &[("\"aws:SecureTransport\": \"false\"", "\"aws:SecureTransport\": \"true\"")],
    ),
    pair("public-access", SERVING, &[("BlockPublicPolicy: true", "BlockPublicPolicy: false")]),
    pair("alarm-threshold", SERVING, &[("Threshold: 500000.0", "Threshold: 250000.0")]),
    pair("dashboard", SERVING, &[("Main: Requests and errors", "Requests and errors")]),
    pair("blue-green-canary", SERVING, &[("Value: 10\n", "Value: 50\n")]),
    pair(
        "output-only",
        SERVING,
        &[("Description: Invoke it by this name", "Description: The endpoint's name")],
    ),
    pair("description-only", SERVING, &[("autoscaled", "scaled automatically")]),
    pair(
        "pipeline-step-instance",
        TRAINING,
        &[("\\\"InstanceType\\\":\\\"ml.p4d.24xlarge", "\\\"InstanceType\\\":\\\"ml.p5.48xlarge")],
    ),
    pair("pipeline-parameter", TRAINING, &[("\\\"DefaultValue\\\":0.62", "\\\"DefaultValue\\\":0.7")]),
    pair(
        "pipeline-spot-off",
        TRAINING,
        &[("\\\"EnableManagedSpotTraining\\\":true", "\\\"EnableManagedSpotTraining\\\":false")],
    ),
    pair("registry-renamed", TRAINING, &[("Models", "Registry")]),
    pair("state-machine-count", MACHINE, &[("\\\"InstanceCount\\\":16", "\\\"InstanceCount\\\":32")]),
    pair("schedule", MACHINE, &[("cron(0 6 1 */3 ? *)", "cron(0 6 1 * ? *)")]),
];

/// Edits to other services.
#[allow(dead_code, reason = "not every test that has these pairs uses all of them")]
pub const SERVICES: [Pair; 18] = [
    pair("tag-only", OTHERS, &[("Value: research", "Value: production")]),
    pair("parameter-default", OTHERS, &[("Default: orders", "Default: invoices")]),
    pair(
        "table-key",
        OTHERS,
        &[("AttributeName: id, KeyType: HASH", "AttributeName: number, KeyType: HASH")],
    ),
    pair("table-billing", OTHERS, &[("BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED")]),
    pair("queue-fifo", OTHERS, &[("VisibilityTimeout: 30", "VisibilityTimeout: 30\n      FifoQueue: true")]),
    pair("queue-timeout", OTHERS, &[("VisibilityTimeout: 30", "VisibilityTimeout: 60")]),
    pair("security-group-open", OTHERS, &[("CidrIp: 10.0.0.0/8", "CidrIp: 0.0.0.0/0")]),
    pair(
        "security-group-description",
        OTHERS,
        &[("GroupDescription: workers", "GroupDescription: all workers")],
    ),
    pair("function-memory", OTHERS, &[("MemorySize: 128", "MemorySize: 256")]),
    pair("function-code", OTHERS, &[("return 1", "return 2")]),
    pair(
        "function-name",
        OTHERS,
        &[("Runtime: python3.12", "Runtime: python3.12\n      FunctionName: worker")],
    ),
    pair("log-group-name", OTHERS, &[("LogGroupName: /workers", "LogGroupName: /worker")]),
    pair("key-rotation", OTHERS, &[("EnableKeyRotation: true", "EnableKeyRotation: false")]),
    pair("volume-size", OTHERS, &[("Size: 100", "Size: 200")]),
    pair("volume-zone", OTHERS, &[("AvailabilityZone: us-east-1a", "AvailabilityZone: us-east-1b")]),
    pair("instance-image", OTHERS, &[("ImageId: ami-0123456789abcdef0", "ImageId: ami-0fedcba9876543210")]),
    pair(
        "repository-deleted",
        OTHERS,
        &[("  Images:\n    Type: AWS::ECR::Repository\n    DeletionPolicy: Retain\n", "")],
    ),
    pair("condition", OTHERS, &[("Default: \"no\"", "Default: \"yes\"")]),
];

/// Two versions of a template.
#[allow(dead_code, reason = "not every test that has these pairs uses all of them")]
pub struct Versions {
    /// What is edited; of a public repository, the path and the commit.
    pub name: String,
    /// The old version.
    pub old: String,
    /// The new version.
    pub new: String,
}

/// Every pair.
#[allow(dead_code, reason = "not every test that has these pairs uses all of them")]
pub fn all() -> Vec<Versions> {
    let edits = EXAMPLES.iter().chain(&SERVICES).chain(&tricky::TRICKY);
    edits
        .map(|pair| Versions { name: pair.name.to_owned(), old: pair.before(), new: pair.after() })
        .chain(histories())
        .collect()
}

/// Consecutive versions of templates in public repositories, which `fixtures/histories` has.
#[allow(dead_code, reason = "not every test that has these pairs uses all of them")]
pub fn histories() -> Vec<Versions> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../review/fixtures/histories");
    let lines = include_str!("histories.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [repository, path, _, new] = words.try_into().unwrap();
            let (stem, extension) = path.rsplit_once('.').unwrap();
            let version = |which: &str| {
                let file: PathBuf =
                    root.join(repository).join(format!("{stem}@{}.{which}.{extension}", &new[..8]));
                std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
            };
            Versions { name: format!("{path}@{}", &new[..8]), old: version("old"), new: version("new") }
        })
        .collect()
}
