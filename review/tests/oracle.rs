//! The verdicts of the check, of cfn-lint and of cloudformation-validate: on templates that are generated from the registry's
//! schemas, valid ones and the same with one fault, and on the shown cases.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use jsonschema::{Draft, Validator};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value as JsonValue, json};
use stackwright_review::Severity;
use stackwright_review::check::{Options, check};
use stackwright_schemas::registry::{ResourceType, Schema, resource_type, type_names};
use stackwright_synth::Assembly;

/// Types of the field beside all of SageMaker's.
const MORE: [&str; 18] = [
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::EC2Fleet",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::PlacementGroup",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EFS::FileSystem",
    "AWS::FSx::FileSystem",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
];

/// What the others find and we don't, and why we are right.
const THEIRS_ALONE: &[(&str, &str)] = &[
    ("E3061", "days until S3 moves objects into its archive tiers: not of this field"),
    (
        "E3511",
        "the role of a bucket's replication is a pattern of S3's, not in the registry: not of this field",
    ),
];

/// What we find and the others don't, and why we are right.
const OURS_ALONE: &[(&str, &str)] = &[
    ("min-above-max-capacity", "the service refuses it; a schema cannot compare two properties"),
    ("batch-size-out-of-range", "the service refuses it; a schema cannot compare two properties"),
    ("continuous-provisioning-without-eks", "the service refuses it; a schema cannot compare two properties"),
    ("cluster-autoscaling-requirements", "the service refuses it; a schema cannot compare two properties"),
    ("variant-without-capacity", "the service refuses it, and the registry requires neither"),
    ("adapter-with-compute", "the service refuses it; a schema cannot compare two properties"),
    ("capacity-block-fleet", "the service refuses it; a schema cannot compare two properties"),
    ("duplicate-variant-name", "the service refuses it; a schema cannot compare two properties"),
    (
        "ml.p2.16xlarge for hosting",
        "cfn-lint's own table states this, and cfn-lint uses it for experiments only",
    ),
    ("InstanceRequirements", "cfn-lint's own table states this, and cfn-lint does not use it there"),
    ("instance-with-serverless", "the service refuses it; a schema cannot compare two properties"),
    ("primary-container-with-containers", "the service refuses it; a schema cannot compare two properties"),
    ("unsupported-shadow-variant", "the service refuses it; a schema cannot compare two properties"),
    ("wrong-scalable-dimension", "the service refuses it; a schema cannot compare two properties"),
    ("wrong-traffic-routing", "the service refuses it; a schema cannot compare two properties"),
    ("unreadable-definition", "Step Functions refuses a definition that is no JSON"),
    ("malformed-schedule", "the service refuses it; the registry has no form of the expression"),
    ("does not fit `ScalableDimension`", "the service refuses it; a schema cannot compare two properties"),
    (
        "Properties/StepScalingPolicyConfiguration: the property",
        "the service requires them, and the registry does not",
    ),
    ("`EvaluationPeriods` is missing", ALARM),
    ("`ComparisonOperator` is missing", ALARM),
    ("`Namespace` is missing", ALARM),
    ("`Period` is missing", ALARM),
    ("`Threshold`, `ThresholdMetricId` is missing", ALARM),
    ("unsupported-model-data-source", "the service refuses it; a schema cannot compare two properties"),
    ("ModelPackageGroupPolicy: the policy has no `Statement`", "the registry has no form of this policy"),
    ("`SubnetId` is missing", "the service requires it where direct internet access is disabled"),
    ("Properties/FileSystemType:", "the service has four types, and the registry lists none"),
    ("unknown-feature", "the service refuses it; a schema cannot compare two properties"),
    (
        "`OnlineStoreConfig`, `OfflineStoreConfig`",
        "the service requires one of them, and the registry does not",
    ),
    ("`Image`, `ModelPackageName`", "the service requires one of them, and the registry does not"),
    ("component-without-memory", "the service requires it, and the registry does not"),
    (
        "pattern-mismatch /Resources/Subject/Properties/ResourceId:",
        "the service names resources as its documentation describes; the registry has no form",
    ),
    ("StepAdjustments: a step adjustment has neither", "the service refuses a step without a bound"),
    ("`Definition`, `DefinitionString`", "the service requires one of them, and the registry does not"),
];

/// The shown cases (`review/cases/`) about which the others' verdict differs from the expected one, and why the expected one is
/// right.
const CASES: &[(&str, &str)] = &[
    ("aas-min-above-max-if.yaml", COMPARED),
    ("aas-namespace-by-parameter.yaml", COMPARED),
    ("aas-namespace-lambda-policy.yaml", COMPARED),
    ("aas-namespace-mismatch.yaml", COMPARED),
    ("aas-policy-no-metric.yaml", "the service requires one of them, and the registry does not"),
    ("aas-policy-two-metrics.yaml", "the service refuses both, and the registry does not"),
    ("aas-scheduled-action-expression.yaml", EXPRESSION),
    ("aas-step-with-tracking.yaml", COMPARED),
    ("aas-tracking-default-type-step.yaml", COMPARED),
    ("alarm-datapoints-above-periods.yaml", COMPARED),
    ("alarm-empty-dimensions-beside-metrics.yaml", "an empty list sets nothing"),
    ("alarm-no-evaluation-periods.yaml", COMPARED),
    ("asg-desired-above-max.yaml", COMPARED),
    ("asg-no-zones-no-subnets.yaml", COMPARED),
    ("asg-policy-type-mismatch.yaml", COMPARED),
    ("creation-policy-timeout-form.yaml", TEMPLATE),
    ("creation-policy-unknown-key.yaml", TEMPLATE),
    ("deletion-policy-function.yaml", "CloudFormation evaluates it with AWS::LanguageExtensions only"),
    ("deletion-policy-sub.yaml", TEMPLATE),
    ("duplicate-endpoint-name.yaml", "the name of an endpoint is unique in an account and a region"),
    ("dynref-in-sub.yaml", TEMPLATE),
    ("ec2-gp2-throughput.yaml", COMPARED),
    ("ec2-gp3-iops-high.yaml", COMPARED),
    ("ec2-iops-ratio.yaml", COMPARED),
    ("ec2-sg-egress-port-range.yaml", COMPARED),
    ("ec2-st1-too-small.yaml", COMPARED),
    ("ec2-volume-io2-no-iops.yaml", COMPARED),
    ("ec2-vpc-too-large.yaml", "the service takes blocks of /16 to /28; the registry does not state this"),
    ("ecs-fargate-fine.yaml", "ECS takes the name of a role as well as its ARN"),
    ("eks-nodes-desired.yaml", COMPARED),
    ("eks-nodes-min-max.yaml", COMPARED),
    ("eks-version-ended.yaml", "the version ended; the dates are data that neither of the others has"),
    ("events-cron-hour.yaml", EXPRESSION),
    ("fsx-type.yaml", "the service has four types, and the registry lists none"),
    ("hyperpod-minimum-above-count.yaml", COMPARED),
    ("iam-action-without-service.yaml", POLICY),
    ("iam-resource-short-arn.yaml", POLICY),
    ("iam-trust-principal-kind.yaml", POLICY),
    ("iam-trust-service-name.yaml", POLICY),
    ("join-of-get-azs.yaml", "`Fn::Join` takes a list from `Fn::GetAZs`"),
    ("lambda-s3-without-handler.yaml", "the service requires it, and the registry does not"),
    ("macro-may-change-it.yaml", "the macro may change the properties before CloudFormation reads them"),
    ("mapping-unknown-key.yaml", TEMPLATE),
    ("optional-subnets.yaml", "two optional parameters with the same empty default are no duplicate"),
    ("output-duplicate-export.yaml", "the export of an account and a region is unique"),
    ("parameter-empty-allowed.yaml", TEMPLATE),
    ("parameter-list-number-default.yaml", TEMPLATE),
    ("policy-kms-text.yaml", POLICY),
    ("policy-s3-text.yaml", "S3 refuses a policy that is not JSON"),
    ("policy-secret-effect.yaml", POLICY),
    ("ref-of-arn-for-name-sagemaker.yaml", "Ref of a model returns its ARN"),
    ("scheduler-at.yaml", EXPRESSION),
    ("scheduler-expression.yaml", EXPRESSION),
    ("scheduler-flexible-no-window.yaml", COMPARED),
    ("scheduler-rate-seconds.yaml", EXPRESSION),
    ("select-null-item.yaml", TEMPLATE),
    ("sfn-branch-unknown-state.yaml", STATE),
    ("sfn-catch-unknown-state.yaml", STATE),
    ("sfn-duplicate-name.yaml", STATE),
    ("sfn-express-sync.yaml", STATE),
    ("sfn-fine-jsonata.yaml", "the expression returns a number when the state runs"),
    ("sfn-function-unknown.yaml", STATE),
    ("sfn-jsonata-bracket.yaml", STATE),
    ("sfn-jsonata-unclosed.yaml", STATE),
    ("sfn-map-distributed-no-type.yaml", STATE),
    ("sfn-map-label-inline.yaml", STATE),
    ("sfn-next-unknown.yaml", STATE),
    ("sfn-parallel-empty.yaml", STATE),
    ("sfn-retry-all-not-last.yaml", STATE),
    ("sfn-retry-all-with-others.yaml", STATE),
    ("sfn-retry-rate.yaml", STATE),
    ("sfn-unreachable.yaml", STATE),
    ("sfn-wait-two.yaml", STATE),
    ("sm-feature-group-identifier.yaml", COMPARED),
    ("sm-model-container-without-image.yaml", "the service requires one of them, and the registry does not"),
    ("sm-notebook-direct-no-subnet.yaml", COMPARED),
    ("transform-in-sub.yaml", "CloudFormation evaluates transforms before functions"),
];

/// The kinds of cases in `review/cases/more/`, by the start of their names, about which the verdict of the others may differ from the
/// expected one, and why the expected one is right.
const MORE_CASES: &[(&str, &str)] = &[
    ("aas-", SERVICE),
    ("alarm-", SERVICE),
    ("asg-", SERVICE),
    ("codepipeline-action-order-zero", SERVICE),
    ("cond-bool", TEMPLATE),
    ("creation-policy-", TEMPLATE),
    ("dashboard-body-malformed", "CloudWatch refuses a body that is not JSON"),
    ("ec2-", SERVICE),
    ("eks-", SERVICE),
    ("events-", SERVICE),
    ("fn-cidr-", TEMPLATE),
    ("fn-select-", TEMPLATE),
    ("fn-getatt-attribute-ref", "CloudFormation takes a `Ref` as the attribute of `Fn::GetAtt`"),
    ("fsx-", SERVICE),
    ("iam-", POLICY),
    ("interface-label-misspelled", "CloudFormation does not read the labels of parameters; only consoles do"),
    ("lambda-", SERVICE),
    ("mapping-", TEMPLATE),
    ("metadata-text", TEMPLATE),
    ("null-in-list", TEMPLATE),
    ("parameter-pattern-of-number", "no source confirms that CloudFormation refuses it"),
    ("parameter-", TEMPLATE),
    ("rule-", TEMPLATE),
    ("s3-", SERVICE),
    ("sam-generated-role", "SAM creates the alias and the role of a function"),
    ("scheduler-", SERVICE),
    ("sfn-", STATE),
    ("sm-pipeline-", "the service refuses the definition; neither of the others evaluates it"),
    ("sm-", SERVICE),
    ("sns-", SERVICE),
    ("sqs-", SERVICE),
    ("update-policy-", TEMPLATE),
];

const SERVICE: &str =
    "the service refuses it, and the registry does not state it; the source is in the facts or at the rule";
const ALARM: &str = "the service requires it for an alarm on one metric, and the registry does not";
const COMPARED: &str = "the service refuses it; a schema cannot compare two properties";
const EXPRESSION: &str = "the service refuses it; the registry has no form of the expression";
const STATE: &str = "the service refuses the definition; neither of the others evaluates this part of it";
const TEMPLATE: &str = "CloudFormation refuses it; neither of the others evaluates it";
const POLICY: &str = "the service refuses the policy; neither of the others evaluates this part of it";

/// Texts that mean something, tried before one is made up from a pattern.
const TEXTS: [&str; 24] = [
    "arn:aws:iam::111122223333:role/Serving",
    "s3://models/arr-coc/",
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "subnet-0123456789abcdef0",
    "sg-0123456789abcdef0",
    "vpc-0123456789abcdef0",
    "ami-0123456789abcdef0",
    "fs-0123456789abcdef0",
    "lt-0123456789abcdef0",
    "arn:aws:sagemaker:us-east-1:111122223333:model-package-group/arr-coc",
    "arn:aws:sns:us-east-1:111122223333:alarms",
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:s3:::models",
    "arn:aws:lambda:us-east-1:111122223333:function:score",
    "111122223333.dkr.ecr.us-east-1.amazonaws.com/scorer:1",
    "111122223333",
    "arr-coc",
    "10.0.0.0/16",
    "/opt/ml/input",
    "2026-11-24T00:00:00Z",
    "cron(0 12 * * ? *)",
    "1.0.0",
    "12",
    "PT1H",
];

struct Maker<'a> {
    runner: &'a mut TestRunner,
    resource: &'static ResourceType,
}

impl Maker<'_> {
    fn below(&mut self, limit: usize) -> usize {
        (0..limit.max(1)).new_tree(self.runner).unwrap().current()
    }

    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// A value that fits a schema, as far as that can be determined here.
    fn value(&mut self, schema: Schema<'_>, path: &str, depth: usize) -> Option<JsonValue> {
        let schema = schema.resolved();
        let node = schema.node();
        let listed: Vec<&JsonValue> = schema.enumeration().collect();
        if !listed.is_empty() {
            return Some(listed[self.below(listed.len())].clone());
        }
        if let Some(only) = node.get("const") {
            return Some(only.clone());
        }
        let is_open = schema.types().is_empty() && node["properties"].is_null();
        if let Some(first) = schema.alternatives().find(|_| is_open) {
            return self.value(first, path, depth);
        }
        let types = schema.types();
        let by_properties = if node["properties"].is_object() { "object" } else { "string" };
        let kind = types.first().copied().unwrap_or(by_properties);
        match kind {
            "boolean" => Some(self.chance(2).into()),
            "integer" | "number" => {
                let least = schema.bound("minimum").and_then(JsonValue::as_f64).unwrap_or(1.0);
                let most = schema.bound("maximum").and_then(JsonValue::as_f64).unwrap_or(least + 10.0);
                let number = least + self.below((most - least).min(1000.0) as usize + 1) as f64;
                Some(if kind == "integer" { (number.ceil() as i64).into() } else { number.into() })
            }
            "array" => {
                let least = schema.bound("minItems").and_then(JsonValue::as_u64).unwrap_or(1).max(1) as usize;
                let items = schema.items()?;
                (depth < 7).then_some(())?;
                (0..least).map(|_| self.value(items, path, depth + 1)).collect()
            }
            "object" => self.object(schema, path, depth),
            _ => self.text(node),
        }
    }

    fn object(&mut self, schema: Schema<'_>, path: &str, depth: usize) -> Option<JsonValue> {
        (depth < 8).then_some(())?;
        let required: Vec<&str> = schema.required().collect();
        let mut made = Map::new();
        for (name, property) in schema.properties() {
            let at = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            let settable = !self.resource.is_read_only(&at) && !self.resource.is_deprecated(&at);
            let must = required.contains(&name);
            let wanted = must || settable && depth < 3 && self.chance(3 + depth);
            match wanted.then(|| self.value(property, &at, depth + 1)) {
                Some(Some(value)) => {
                    made.insert(name.to_owned(), value);
                }
                Some(None) if must => return None,
                _ => {}
            }
        }
        if made.is_empty()
            && schema.properties().next().is_none()
            && let Some(values) = schema.map_values()
        {
            made.insert("Key".into(), self.value(values, path, depth + 1)?);
        }
        Some(JsonValue::Object(made))
    }

    fn text(&mut self, node: &JsonValue) -> Option<JsonValue> {
        let mut schema = Map::new();
        for keyword in ["pattern", "minLength", "maxLength"] {
            if let Some(value) = node.get(keyword) {
                schema.insert(keyword.into(), value.clone());
            }
        }
        let fits = validator(&JsonValue::Object(schema))?;
        let start = self.below(TEXTS.len());
        let named = node["format"].as_str().and_then(|format| {
            let wanted = match format {
                "AWS::EC2::Subnet.Id" => "subnet-",
                "AWS::EC2::SecurityGroup.Id" => "sg-",
                "AWS::EC2::VPC.Id" => "vpc-",
                "AWS::EC2::Image.Id" => "ami-",
                "AWS::IAM::Role.Arn" => "arn:aws:iam",
                _ => return None,
            };
            TEXTS.into_iter().find(|text| text.starts_with(wanted))
        });
        let around = TEXTS.into_iter().cycle().skip(start).take(TEXTS.len());
        let known = named.into_iter().chain(around).map(JsonValue::from).find(|text| fits.is_valid(text));
        if known.is_some() {
            return known;
        }
        let made = proptest::string::string_regex(node["pattern"].as_str().unwrap_or("[a-z]{4}")).ok()?;
        (0..20)
            .map(|_| JsonValue::from(made.new_tree(self.runner).unwrap().current()))
            .find(|text| fits.is_valid(text))
    }
}

fn validator(schema: &JsonValue) -> Option<Validator> {
    jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(false).build(schema).ok()
}

/// A way to make a good template wrong.
type Fault = fn(&[Location], &mut JsonValue) -> Option<()>;

/// A value of the properties: the pointer, the schema's node, and what is required where it stands.
struct Location {
    pointer: String,
    node: JsonValue,
    required: Vec<String>,
}

/// Every value of the properties with its schema.
fn locations(value: &JsonValue, schema: Schema<'_>, pointer: String, found: &mut Vec<Location>) {
    let schema = schema.resolved();
    found.push(Location {
        pointer: pointer.clone(),
        node: schema.node().clone(),
        required: schema.required().map(str::to_owned).collect(),
    });
    match value {
        JsonValue::Object(map) => {
            for (name, inner) in map {
                if let Some(property) = schema.property(name) {
                    locations(inner, property, format!("{pointer}/{name}"), found);
                }
            }
        }
        JsonValue::Array(items) => {
            for (number, inner) in items.iter().enumerate() {
                if let Some(schema) = schema.items() {
                    locations(inner, schema, format!("{pointer}/{number}"), found);
                }
            }
        }
        _ => {}
    }
}

/// Puts another value into the first position for which there is one.
fn replace(
    locations: &[Location],
    properties: &mut JsonValue,
    with: impl Fn(&JsonValue) -> Option<JsonValue>,
) -> Option<()> {
    let (location, value) = locations.iter().find_map(|location| Some((location, with(&location.node)?)))?;
    *properties.pointer_mut(&location.pointer)? = value;
    Some(())
}

const FAULTS: [(&str, Fault); 9] = [
    ("a required property is missing", |locations, properties| {
        let location = locations.iter().find(|location| !location.required.is_empty())?;
        properties.pointer_mut(&location.pointer)?.as_object_mut()?.shift_remove(&location.required[0]);
        Some(())
    }),
    ("a list is a text", |locations, properties| {
        replace(locations, properties, |node| (node["type"] == "array").then(|| "no list".into()))
    }),
    ("a number is a word", |locations, properties| {
        let is_number = |node: &JsonValue| node["type"] == "integer" || node["type"] == "number";
        replace(locations, properties, |node| is_number(node).then(|| "many".into()))
    }),
    ("a value is not listed", |locations, properties| {
        let is_listed = |node: &JsonValue| node["enum"].is_array() && node["type"] == "string";
        replace(locations, properties, |node| is_listed(node).then(|| "NoSuchValueAnywhere".into()))
    }),
    ("a number is too large", |locations, properties| {
        replace(locations, properties, |node| Some(node["maximum"].as_i64()?.checked_add(1)?.into()))
    }),
    ("a text has another form", |locations, properties| {
        replace(locations, properties, |node| {
            let pattern = validator(&json!({ "pattern": node["pattern"].as_str()? }))?;
            let wrong = JsonValue::from("§ no such form §");
            (!pattern.is_valid(&wrong)).then_some(wrong)
        })
    }),
    ("a text is too long", |locations, properties| {
        replace(locations, properties, |node| {
            let most = node["maxLength"].as_u64().filter(|most| *most < 3000)? as usize;
            let long = JsonValue::from("a".repeat(most + 1));
            let pattern = node["pattern"].as_str().map(|form| validator(&json!({ "pattern": form })));
            pattern.is_none_or(|form| form.is_some_and(|form| form.is_valid(&long))).then_some(long)
        })
    }),
    ("a property does not exist", |locations, properties| {
        let location = locations.iter().find(|location| location.node["additionalProperties"] == false)?;
        let holder = properties.pointer_mut(&location.pointer)?.as_object_mut()?;
        holder.insert("NoSuchProperty".into(), "x".into());
        Some(())
    }),
    ("a reference leads nowhere", |locations, properties| {
        replace(locations, properties, |node| (node["type"] == "string").then(|| json!({ "Ref": "Nobody" })))
    }),
];

fn template(type_name: &str, properties: &JsonValue) -> JsonValue {
    json!({ "Resources": { "Subject": { "Type": type_name, "Properties": properties } } })
}

/// Good templates and faulty ones, by a name that describes them.
fn cases(attempts: usize) -> BTreeMap<String, JsonValue> {
    let mut cases = BTreeMap::new();
    let mut runner = TestRunner::deterministic();
    let types = type_names().filter(|name| name.starts_with("AWS::SageMaker::")).chain(MORE);
    for type_name in types {
        let resource = resource_type(type_name).unwrap();
        let Some(fits) = validator(resource.document()) else { continue };
        for number in 0..attempts {
            let mut maker = Maker { runner: &mut runner, resource };
            let made = (0..30)
                .filter_map(|_| maker.value(resource.schema(), "", 0))
                .find(|made| fits.is_valid(made));
            let Some(made) = made else { continue };
            let short = type_name.trim_start_matches("AWS::").replace("::", "-");
            cases.insert(format!("{short} {number} good"), template(type_name, &made));
            for (fault, change) in FAULTS {
                let mut found = Vec::new();
                locations(&made, resource.schema(), String::new(), &mut found);
                let start = maker.below(found.len());
                found.rotate_left(start);
                let mut wrong = made.clone();
                if change(&found, &mut wrong).is_some() && wrong != made {
                    cases.insert(format!("{short} {number} {fault}"), template(type_name, &wrong));
                }
            }
        }
    }
    cases
}

#[test]
fn findings_agree_with_other_programs_or_the_difference_has_a_reason() {
    let cases = cases(2);
    let directory = tempfile::tempdir().unwrap();
    for (name, template) in &cases {
        std::fs::write(directory.path().join(format!("{name}.json")), template.to_string()).unwrap();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = |below: &str| -> Vec<_> {
        let entries = std::fs::read_dir(root.join(below)).unwrap();
        entries.map(|file| file.unwrap().path()).filter(|path| path.is_file()).collect()
    };
    let (shown, more) = (files("cases"), files("cases/more"));
    for file in shown.iter().chain(&more) {
        std::fs::copy(file, directory.path().join(file.file_name().unwrap())).unwrap();
    }
    let python = root.join("../.tools/python/bin/python");
    assert!(python.exists(), "cfn-lint is not installed: run `cargo xtask tools`");
    let output =
        Command::new(python).arg(root.join("tests/judges.py")).arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reported: BTreeMap<String, BTreeMap<String, Vec<String>>> =
        serde_json::from_slice(&output.stdout).unwrap();
    let mut disagreements = Vec::new();
    let (mut good, mut bad) = (0, 0);
    for (name, template) in &cases {
        let assembly = Assembly::of_template(name, template.to_string()).unwrap();
        let options = Options { regions: vec!["us-east-1".into()], ..Options::default() };
        let report = check(&assembly, &options);
        let ours: Vec<String> = report
            .diagnostics
            .iter()
            .filter(|one| one.counts_as(Severity::Error))
            .map(|one| format!("{} {}: {}", one.id, one.path, one.message))
            // A property that the service requires can also hold a reference that leads nowhere.
            .filter(|reported| {
                reported.starts_with("dangling-reference")
                    || !OURS_ALONE.iter().any(|(known, _)| reported.contains(known))
            })
            .collect();
        let theirs = |judge: &str| -> Vec<&String> {
            let reported = &reported[&format!("{name}.json")][judge];
            reported
                .iter()
                .filter(|reported| !THEIRS_ALONE.iter().any(|(known, _)| reported.contains(known)))
                .collect()
        };
        let (lint, validate) = (theirs("cfn-lint"), theirs("cloudformation-validate"));
        if ours.is_empty() {
            good += 1;
        } else {
            bad += 1;
        }
        if ours.is_empty() != lint.is_empty() || ours.is_empty() && !validate.is_empty() {
            disagreements.push(format!("{name}: ours {ours:?}, cfn-lint {lint:?}, validate {validate:?}"));
        }
    }
    for file in &shown {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let is_wrong = std::fs::read_to_string(file).unwrap().starts_with("# expect: error");
        let theirs = &reported[&name];
        let agrees = theirs.values().any(|found| !found.is_empty()) == is_wrong;
        let is_explained = CASES.iter().any(|(known, _)| *known == name);
        if agrees == is_explained {
            disagreements.push(format!("{name}: error {is_wrong}, explained {is_explained}, {theirs:?}"));
        }
    }
    disagreements.extend(unexplained(&more, &reported));
    assert!(good > 60 && bad > 100, "{good} good, {bad} bad: these are too few for a comparison");
    let number = disagreements.len();
    assert!(number == 0, "{number} of {}\n{}", cases.len(), disagreements.join("\n"));
}

/// The cases about which the verdicts differ without a kind that explains it, and the kinds that explain nothing.
fn unexplained(
    files: &[std::path::PathBuf],
    reported: &BTreeMap<String, BTreeMap<String, Vec<String>>>,
) -> Vec<String> {
    let mut unused: Vec<&str> = MORE_CASES.iter().map(|(kind, _)| *kind).collect();
    let mut unexplained = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let is_wrong = std::fs::read_to_string(file).unwrap().starts_with("# expect: error");
        let theirs = &reported[&name];
        if theirs.values().any(|found| !found.is_empty()) == is_wrong {
            continue;
        }
        match MORE_CASES.iter().find(|(kind, _)| name.starts_with(kind)) {
            Some((kind, _)) => unused.retain(|one| one != kind),
            None => unexplained.push(format!("{name}: error {is_wrong}, {theirs:?}")),
        }
    }
    unexplained.extend(unused.iter().map(|kind| format!("the kind `{kind}` explains nothing")));
    unexplained
}
