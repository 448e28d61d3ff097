//! The roles of jobs, launchers and functions allow what their template names, and nothing on `*` where an ARN can stand.
//! What is needed is derived from the requests in the definitions, and from the keys of buckets.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::Value as Json;
use snapshots::template::{Need, Template};

const PIPELINES: &str = "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>";

/// The permissions that are derived from a template.
struct Needs<'t> {
    template: &'t Template,
    needed: Vec<Need>,
    /// The location in S3 of the outputs of steps, by the path that names them.
    outputs: BTreeMap<String, String>,
}

impl<'t> Needs<'t> {
    fn of(template: &'t Template) -> Self {
        Self { template, needed: Vec::new(), outputs: BTreeMap::new() }
    }

    fn add(&mut self, role: &str, action: &str, resource: impl Into<String>) {
        self.needed.push((role.to_owned(), action.to_owned(), resource.into()));
    }

    /// A string of a definition. What is known only when a run starts is `RUN`.
    fn text(&self, value: &Json) -> String {
        match value {
            Json::String(text) => self.template.substituted(text),
            Json::Object(_) => {
                if let Some(path) = value["Get"].as_str() {
                    return self.outputs.get(path).cloned().unwrap_or_else(|| "RUN".to_owned());
                }
                let parts = value["Std:Join"]["Values"].as_array().unwrap();
                parts.iter().map(|part| self.text(part)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn object(&self, uri: &Json) -> Option<String> {
        let uri = if uri.is_null() { return None } else { self.text(uri) };
        // What a Lambda step returns is not known.
        (uri != "RUN").then_some(uri)
    }

    fn reads(&mut self, role: &str, uri: &Json) {
        let Some(uri) = self.object(uri) else { return };
        let object = format!("arn:<AWS::Partition>:s3:::{}", uri.strip_prefix("s3://").unwrap());
        self.add(role, "s3:ListBucket", object.split_once('/').unwrap().0);
        self.add(role, "s3:GetObject", object);
        if let Some(key) = self.template.key_of(&uri) {
            self.add(role, "kms:Decrypt", key);
        }
    }

    fn writes(&mut self, role: &str, uri: &Json) {
        let Some(uri) = self.object(uri) else { return };
        let object = format!("arn:<AWS::Partition>:s3:::{}/object", uri.strip_prefix("s3://").unwrap());
        self.add(role, "s3:PutObject", object);
        if let Some(key) = self.template.key_of(&uri) {
            self.add(role, "kms:GenerateDataKey", key);
        }
    }

    fn image(&mut self, role: &str, image: &Json, log_group: &str) {
        let image = self.text(image);
        let (host, path) = image.split_once('/').unwrap();
        let (account, repository) = (host.split('.').next().unwrap(), path.split(':').next().unwrap());
        let arn = format!("arn:<AWS::Partition>:ecr:us-east-1:{account}:repository/{repository}");
        self.add(role, "ecr:BatchGetImage", arn.clone());
        self.add(role, "ecr:GetDownloadUrlForLayer", arn);
        self.add(role, "ecr:GetAuthorizationToken", "*");
        let logs = "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group";
        self.add(role, "logs:PutLogEvents", format!("{logs}:/aws/sagemaker/{log_group}:log-stream:1"));
    }

    fn key(&mut self, role: &str, key: &Json) {
        if !key.is_null() {
            let key = self.text(key);
            for action in ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"] {
                self.add(role, action, key.clone());
            }
        }
    }

    fn network(&mut self, role: &str, vpc: &Json) {
        if !vpc.is_null() {
            let ec2 = "arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>";
            self.add(role, "ec2:CreateNetworkInterface", format!("{ec2}:network-interface/eni-1"));
            self.add(role, "ec2:DescribeSubnets", "*");
        }
    }

    fn secrets(&mut self, role: &str, environment: &Json) {
        for value in environment.as_object().into_iter().flat_map(serde_json::Map::values) {
            if let Some(arn) = value.as_str().filter(|arn| arn.starts_with("arn:aws:secretsmanager:")) {
                self.add(role, "secretsmanager:GetSecretValue", arn);
                self.add(role, "kms:Decrypt", "<SecretsKey.Arn>");
            }
        }
    }

    /// `CreateTrainingJob`, or the definition of a tuning job; returns the role.
    fn training(&mut self, request: &Json) -> String {
        let role = self.template.role(&Json::from(self.text(&request["RoleArn"])));
        // SageMaker chooses the image of a serverless job.
        if request["ServerlessJobConfig"].is_null() {
            self.image(&role, &request["AlgorithmSpecification"]["TrainingImage"], "TrainingJobs");
        }
        for channel in request["InputDataConfig"].as_array().into_iter().flatten() {
            self.reads(&role, &channel["DataSource"]["S3DataSource"]["S3Uri"]);
        }
        let hyperparameters = ["HyperParameters", "StaticHyperParameters"].map(|name| &request[name]);
        for source in hyperparameters.into_iter().filter_map(|all| all["sagemaker_submit_directory"].as_str())
        {
            self.reads(&role, &Json::from(source.trim_matches('"')));
        }
        for uri in [
            &request["OutputDataConfig"]["S3OutputPath"],
            &request["CheckpointConfig"]["S3Uri"],
            &request["TensorBoardOutputConfig"]["S3OutputPath"],
            &request["DebugHookConfig"]["S3OutputPath"],
            &request["ProfilerConfig"]["S3OutputPath"],
        ] {
            self.writes(&role, uri);
        }
        self.reads(&role, &request["CheckpointConfig"]["S3Uri"]);
        self.key(&role, &request["ResourceConfig"]["VolumeKmsKeyId"]);
        self.key(&role, &request["OutputDataConfig"]["KmsKeyId"]);
        self.network(&role, &request["VpcConfig"]);
        self.secrets(&role, &request["Environment"]);
        role
    }

    fn processing(&mut self, request: &Json) -> String {
        let role = self.template.role(&Json::from(self.text(&request["RoleArn"])));
        self.image(&role, &request["AppSpecification"]["ImageUri"], "ProcessingJobs");
        for input in request["ProcessingInputs"].as_array().into_iter().flatten() {
            self.reads(&role, &input["S3Input"]["S3Uri"]);
        }
        for output in request["ProcessingOutputConfig"]["Outputs"].as_array().into_iter().flatten() {
            self.writes(&role, &output["S3Output"]["S3Uri"]);
        }
        self.key(&role, &request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"]);
        self.key(&role, &request["ProcessingOutputConfig"]["KmsKeyId"]);
        self.network(&role, &request["NetworkConfig"]["VpcConfig"]);
        self.secrets(&role, &request["Environment"]);
        role
    }

    /// A job that the role of a pipeline starts with a role of its own.
    fn starts(&mut self, role: &str, operation: &str, resource: &str, passed: &str) {
        self.add(role, operation, format!("{PIPELINES}:{resource}/pipelines-1-Step"));
        self.add(role, "iam:PassRole", format!("<{passed}.Arn>"));
    }

    fn step(&mut self, pipeline: &str, step: &Json, transformed: &mut Vec<(Json, Json)>) {
        let (name, request) = (step["Name"].as_str().unwrap(), &step["Arguments"]);
        match step["Type"].as_str().unwrap() {
            "Training" => {
                let role = self.training(request);
                self.starts(pipeline, "sagemaker:CreateTrainingJob", "training-job", &role);
                let output = self.text(&request["OutputDataConfig"]["S3OutputPath"]);
                let path = format!("Steps.{name}.ModelArtifacts.S3ModelArtifacts");
                self.outputs.insert(path, format!("{output}/job/output/model.tar.gz"));
            }
            "Tuning" => {
                let role = self.training(&request["TrainingJobDefinition"]);
                let resource = "hyper-parameter-tuning-job";
                self.starts(pipeline, "sagemaker:CreateHyperParameterTuningJob", resource, &role);
            }
            "Processing" => {
                let role = self.processing(request);
                self.starts(pipeline, "sagemaker:CreateProcessingJob", "processing-job", &role);
                for output in request["ProcessingOutputConfig"]["Outputs"].as_array().into_iter().flatten() {
                    let (uri, of) = (&output["S3Output"]["S3Uri"], output["OutputName"].as_str().unwrap());
                    let path = format!("Steps.{name}.ProcessingOutputConfig.Outputs['{of}'].S3Output.S3Uri");
                    let uri = self.text(uri);
                    self.outputs.insert(path, uri);
                }
            }
            "QualityCheck" => {
                let role = self.processing(request);
                self.starts(pipeline, "sagemaker:CreateProcessingJob", "processing-job", &role);
                let group = step["ModelPackageGroupName"].as_str().unwrap();
                let packages = format!("{PIPELINES}:model-package/{group}/1");
                self.add(pipeline, "sagemaker:DescribeModelPackage", packages);
            }
            "Callback" => {
                let queue = self.text(&step["SqsQueueUrl"]);
                let name = queue.rsplit('/').next().unwrap();
                self.add(pipeline, "sqs:SendMessage", format!("arn:aws:sqs:us-east-1:123456789012:{name}"));
            }
            "Model" => {
                let role = self.template.role(&Json::from(self.text(&request["ExecutionRoleArn"])));
                self.image(&role, &request["PrimaryContainer"]["Image"], "Endpoints/encrypted");
                self.reads(&role, &request["PrimaryContainer"]["ModelDataUrl"]);
                // Transform jobs run with the role of their model.
                for (input, output) in std::mem::take(transformed) {
                    self.reads(&role, &input);
                    self.writes(&role, &output);
                }
                self.starts(pipeline, "sagemaker:CreateModel", "model", &role);
            }
            "Transform" => {
                self.add(
                    pipeline,
                    "sagemaker:CreateTransformJob",
                    format!("{PIPELINES}:transform-job/pipelines-1-Step"),
                );
            }
            "Lambda" => {
                let function = self.text(&step["FunctionArn"]);
                self.add(pipeline, "lambda:InvokeFunction", function);
            }
            "RegisterModel" => {
                let group = self.text(&request["ModelPackageGroupName"]);
                self.add(pipeline, "sagemaker:CreateModelPackage", group);
                for container in request["InferenceSpecification"]["Containers"].as_array().unwrap() {
                    self.reads(pipeline, &container["ModelDataUrl"]);
                }
                let metrics = &request["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"];
                assert!(!metrics.is_null());
                self.reads(pipeline, metrics);
            }
            "EndpointConfig" => {
                let resource = format!("{PIPELINES}:endpoint-config/pipelines-1-Step");
                self.add(pipeline, "sagemaker:CreateEndpointConfig", resource);
            }
            "Endpoint" => {
                self.add(pipeline, "sagemaker:CreateEndpoint", format!("{PIPELINES}:endpoint/encrypted"));
            }
            "Condition" => {
                for list in ["IfSteps", "ElseSteps"] {
                    for step in request[list].as_array().unwrap() {
                        self.step(pipeline, step, transformed);
                    }
                }
            }
            "Fail" => {}
            other => panic!("a step of the type {other}"),
        }
    }

    fn pipelines(&mut self) {
        let template = self.template;
        for (_, pipeline) in template.of_type("AWS::SageMaker::Pipeline") {
            let definition = definition(&pipeline["PipelineDefinition"]["PipelineDefinitionBody"]);
            let role = template.role(&pipeline["RoleArn"]);
            let steps = definition["Steps"].as_array().unwrap();
            let of_type = |kind: &'static str| steps.iter().filter(move |step| step["Type"] == kind);
            let mut transformed: Vec<(Json, Json)> = of_type("Transform")
                .map(|step| {
                    let request = &step["Arguments"];
                    let input = request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"].clone();
                    (input, request["TransformOutput"]["S3OutputPath"].clone())
                })
                .collect();
            for step in steps {
                self.step(&role, step, &mut transformed);
            }
        }
    }

    fn machines(&mut self) {
        let template = self.template;
        for (id, machine) in template.of_type("AWS::StepFunctions::StateMachine") {
            let definition = definition(&machine["DefinitionString"]);
            let launcher = template.role(&machine["RoleArn"]);
            for state in definition["States"].as_object().unwrap().values() {
                let (call, parameters) =
                    (state["Resource"].as_str().unwrap_or_default(), &state["Parameters"]);
                match call.rsplit(":::").next().unwrap() {
                    "sagemaker:createTrainingJob.sync" => {
                        let role = self.training(&without_paths(parameters));
                        let job = format!("{PIPELINES}:training-job/jobs-Jobs-Train-1");
                        self.add(&launcher, "sagemaker:CreateTrainingJob", job);
                        self.add(&launcher, "iam:PassRole", format!("<{role}.Arn>"));
                        let rule = "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule";
                        let events = "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>";
                        self.add(&launcher, "events:PutRule", format!("{events}:{rule}"));
                    }
                    "sns:publish" => {
                        let topic = self.text(&parameters["TopicArn"]);
                        let id = topic.trim_matches(['<', '>']).to_owned();
                        self.add(&launcher, "sns:Publish", topic);
                        // SNS encrypts the message with the permissions of its sender.
                        let (_, topic) =
                            template.of_type("AWS::SNS::Topic").find(|(one, _)| **one == id).unwrap();
                        let key = template.text(&topic["KmsMasterKeyId"]);
                        self.add(&launcher, "kms:GenerateDataKey", key.clone());
                        self.add(&launcher, "kms:Decrypt", key);
                    }
                    "aws-sdk:sagemaker:createOptimizationJob" => {
                        let job = format!("{PIPELINES}:optimization-job/jobs-Jobs-Optimize-1");
                        self.add(&launcher, "sagemaker:CreateOptimizationJob", job);
                        let role = self.text(&parameters["RoleArn"]);
                        self.add(&launcher, "iam:PassRole", role.clone());
                        let role = template.role(&Json::from(role));
                        self.reads(&role, &parameters["ModelSource"]["S3"]["S3Uri"]);
                        self.writes(&role, &parameters["OutputConfig"]["S3OutputLocation"]);
                    }
                    "aws-sdk:ssm:putParameter" => {
                        let name = "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter";
                        let parameter = self.text(&parameters["Name"]);
                        self.add(&launcher, "ssm:PutParameter", format!("{name}{parameter}"));
                    }
                    _ => {}
                }
            }
            let starters = template.of_type("AWS::Events::Rule").map(|(_, rule)| &rule["Targets"][0]);
            let schedules = template.of_type("AWS::Scheduler::Schedule").map(|(_, one)| &one["Target"]);
            for target in starters.chain(schedules) {
                let arn = template.text(&target["Arn"]);
                if arn == format!("<{id}.Arn>") {
                    let role = template.role(&target["RoleArn"]);
                    self.add(&role, "states:StartExecution", arn);
                }
            }
        }
    }

    fn schedules(&mut self) {
        let template = self.template;
        for (_, schedule) in template.of_type("AWS::Scheduler::Schedule") {
            let target = &schedule["Target"];
            let (arn, role) = (template.text(&target["Arn"]), template.role(&target["RoleArn"]));
            if arn.ends_with(":startPipelineExecution") {
                let pipeline = format!("{PIPELINES}:pipeline/jobs-jobs-pipeline");
                self.add(&role, "sagemaker:StartPipelineExecution", pipeline);
            } else if arn.ends_with(":createTrainingJob") {
                let passed = self.training(&definition(&target["Input"]));
                let job = format!("{PIPELINES}:training-job/jobs-Jobs-Weekly-1");
                self.add(&role, "sagemaker:CreateTrainingJob", job);
                self.add(&role, "iam:PassRole", format!("<{passed}.Arn>"));
            }
        }
    }

    fn functions(&mut self) {
        let template = self.template;
        for (id, function) in template.of_type("AWS::Lambda::Function") {
            let role = template.role(&function["Role"]);
            let logs = template.text(&function["LoggingConfig"]["LogGroup"]);
            self.add(&role, "logs:PutLogEvents", format!("{}.Arn>", logs.trim_end_matches('>')));
            self.network(&role, &function["VpcConfig"]);
            self.secrets(&role, &function["Environment"]["Variables"]);
            let key = template.text(&function["KmsKeyArn"]);
            self.add(&role, "kms:Decrypt", key);
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
            assert!(!sources.is_empty(), "nothing calls {id}");
            assert_eq!(sources.len(), permitted.len(), "{sources:?} {permitted:?}");
            assert!(sources.iter().all(|source| permitted.contains(source)), "{sources:?} {permitted:?}");
        }
    }

    /// What Lambda does with the role of a function to read a source.
    fn polls(&mut self, role: &str, source: &str) {
        let (service, actions): (&str, &[&str]) = match source.split(':').nth(2).unwrap() {
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

/// A definition, in which references are still written as `${Id}`.
fn definition(value: &Json) -> Json {
    let text = value.as_str().or_else(|| value["Fn::Sub"].as_str()).unwrap();
    serde_json::from_str(text).unwrap()
}

/// Parameters of a state: what `States.Format` makes of values of the run is a string with `RUN`.
fn without_paths(value: &Json) -> Json {
    match value {
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let Some(name) = name.strip_suffix(".$") else { return (name.clone(), without_paths(value)) };
                let text = value.as_str().unwrap();
                let text = text.strip_prefix("States.Format('").and_then(|rest| rest.split_once("',"));
                let text = text.map_or("RUN".to_owned(), |(format, _)| format.replace("{}", "RUN"));
                (name.to_owned(), text.into())
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Json::Array(items) => items.iter().map(without_paths).collect(),
        other => other.clone(),
    }
}

#[test]
fn roles_of_jobs_allow_what_the_template_names() {
    let template = Template::of(&snapshots::encrypted_jobs::app());
    let mut needs = Needs::of(&template);
    needs.functions();
    needs.pipelines();
    needs.machines();
    needs.schedules();
    let needed = needs.needed;
    assert!(needed.len() > 220, "only {} permissions were derived", needed.len());
    for action in [
        "dynamodb:GetRecords",
        "kinesis:GetRecords",
        "sagemaker:CreateHyperParameterTuningJob",
        "sqs:ReceiveMessage",
        "ssm:PutParameter",
        "states:StartExecution",
    ] {
        assert!(needed.iter().any(|(_, one, _)| one == action), "{action} was not derived");
    }
    let lacking = template.lacking(&needed);
    assert!(lacking.is_empty(), "{lacking:#?}");
    assert_eq!(template.without_needs(&needed), Vec::<String>::new());
}

#[test]
fn no_action_of_jobs_is_allowed_on_everything_where_an_arn_can_stand() {
    let wide = Template::of(&snapshots::encrypted_jobs::app()).too_wide();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn the_repack_step_packs_the_code_beside_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/repack.py");
    let reported = snapshots::run(
        std::process::Command::new(snapshots::tool("python/bin/python")).arg(judge).arg(directory.path()),
    );
    assert!(reported.contains("model.pt, code/inference.py"), "{reported}");
}
