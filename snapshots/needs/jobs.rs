//! What the roles of training and processing jobs need, by the requests that start them.

use serde_json::Value as Json;

use super::Needs;

/// What a client of MLflow calls to record a run and a model.
const MLFLOW: [&str; 8] = [
    "CreateExperiment",
    "CreateRun",
    "GetExperimentByName",
    "GetRun",
    "LogBatch",
    "LogMetric",
    "SetTag",
    "UpdateRun",
];

impl Needs<'_> {
    /// `CreateTrainingJob`, or the definition of a tuning job; returns the role.
    pub(super) fn training(&mut self, request: &Json) -> String {
        let role = self.role(&request["RoleArn"]);
        if request["ServerlessJobConfig"].is_null() {
            let algorithm = &request["AlgorithmSpecification"];
            let credentials = &algorithm["TrainingImageConfig"]["TrainingRepositoryAuthConfig"];
            let credentials = &credentials["TrainingRepositoryCredentialsProviderArn"];
            self.image(&role, &algorithm["TrainingImage"], credentials);
            self.logs(&role, "TrainingJobs");
        } else {
            self.customization(&role, request);
        }
        for channel in request["InputDataConfig"].as_array().into_iter().flatten() {
            self.reads(&role, &channel["DataSource"]["S3DataSource"]["S3Uri"]);
        }
        for name in ["HyperParameters", "StaticHyperParameters"] {
            if let Some(source) = request[name]["sagemaker_submit_directory"].as_str() {
                self.reads(&role, &Json::from(source.trim_matches('"')));
            }
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
        self.rules(&role, request);
        self.key(&role, &request["ResourceConfig"]["VolumeKmsKeyId"]);
        self.key(&role, &request["OutputDataConfig"]["KmsKeyId"]);
        self.network(&role, &request["VpcConfig"]);
        self.secrets(&role, &request["Environment"]);
        for server in
            [&request["MlflowConfig"]["MlflowResourceArn"], &request["Environment"]["MLFLOW_TRACKING_ARN"]]
        {
            self.mlflow(&role, server);
        }
        if request["RemoteDebugConfig"]["EnableRemoteDebug"] == true {
            for channel in
                ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"]
            {
                self.add(&role, &format!("ssmmessages:{channel}"), "*");
            }
        }
        role
    }

    /// The rules of the debugger and the profiler, which are processing jobs with the role of the training job.
    fn rules(&mut self, role: &str, request: &Json) {
        for name in ["DebugRuleConfigurations", "ProfilerRuleConfigurations"] {
            for rule in request[name].as_array().into_iter().flatten() {
                self.image(role, &rule["RuleEvaluatorImage"], &Json::Null);
                self.logs(role, "ProcessingJobs");
                self.writes(role, &rule["S3OutputPath"]);
            }
        }
    }

    /// A job whose image and instances SageMaker chooses.
    fn customization(&mut self, role: &str, request: &Json) {
        let config = &request["ServerlessJobConfig"];
        for content in ["BaseModelArn", "EvaluatorArn"] {
            if !config[content].is_null() {
                let content = self.text(&config[content]);
                self.add(role, "sagemaker:DescribeHubContent", content);
            }
        }
        self.add(
            role,
            "s3:GetObject",
            format!("arn:aws:s3:::jumpstart-cache-prod-{}/model", self.template.region()),
        );
        let group = &request["ModelPackageConfig"]["ModelPackageGroupArn"];
        if !group.is_null() {
            let group = self.text(group);
            let name = match group.rsplit_once('/') {
                Some((_, name)) => name.to_owned(),
                None => format!("<1 of {group}>"),
            };
            let package = self.arn("sagemaker", &format!("model-package/{name}/1"));
            for action in ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"] {
                self.add(role, action, package.clone());
            }
            self.add(role, "sagemaker:CreateModelPackage", group.clone());
            self.add(role, "sagemaker:DescribeModelPackageGroup", group);
        }
    }

    /// Managed MLflow: an app has a permission of its own before those of the operations.
    fn mlflow(&mut self, role: &str, server: &Json) {
        if server.is_null() {
            return;
        }
        let server = self.text(server);
        for action in MLFLOW {
            self.add(role, &format!("sagemaker-mlflow:{action}"), server.clone());
        }
        if server.contains(":mlflow-app/") {
            self.add(role, "sagemaker:CallMlflowAppApi", server);
        }
    }

    /// `CreateProcessingJob`; returns the role.
    pub(super) fn processing(&mut self, request: &Json) -> String {
        let role = self.role(&request["RoleArn"]);
        self.image(&role, &request["AppSpecification"]["ImageUri"], &Json::Null);
        self.logs(&role, "ProcessingJobs");
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
}
