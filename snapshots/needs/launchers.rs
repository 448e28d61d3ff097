//! What the roles of pipelines, state machines and schedules need, and those of the jobs that they start.

use serde_json::Value as Json;

use super::Needs;

/// What the models and transform jobs of a pipeline share.
#[derive(Default)]
struct Deployed {
    /// The inputs and outputs of transform jobs, which run with the role of their model.
    transformed: Vec<(Json, Json)>,
    /// The names of the endpoints.
    endpoints: Vec<String>,
}

impl Needs<'_> {
    pub(super) fn pipelines(&mut self) {
        let template = self.template;
        for (_, pipeline) in template.of_type("AWS::SageMaker::Pipeline") {
            let definition = self.definition(&pipeline["PipelineDefinition"]["PipelineDefinitionBody"]);
            let role = template.role(&pipeline["RoleArn"]);
            let mut steps = Vec::new();
            flatten(&definition["Steps"], &mut steps);
            let mut deployed = Deployed::default();
            for step in &steps {
                let request = &step["Arguments"];
                match step["Type"].as_str().unwrap_or_default() {
                    "Transform" => {
                        let input = &request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"];
                        let output = &request["TransformOutput"]["S3OutputPath"];
                        deployed.transformed.push((input.clone(), output.clone()));
                    }
                    "Endpoint" => deployed.endpoints.push(self.text(&request["EndpointName"])),
                    _ => {}
                }
            }
            for step in steps {
                self.step(&role, step, &deployed);
            }
        }
    }

    /// A job that the role of a pipeline starts with a role of its own.
    fn starts(&mut self, role: &str, operation: &str, resource: &str, passed: &str) {
        self.add(role, operation, self.arn("sagemaker", &format!("{resource}/pipelines-1-Step")));
        self.passes(role, passed);
    }

    fn passes(&mut self, role: &str, passed: &str) {
        let arn = if passed.starts_with("arn:") { passed.to_owned() } else { format!("<{passed}.Arn>") };
        self.add(role, "iam:PassRole", arn);
    }

    /// A step of a pipeline.
    ///
    /// # Panics
    /// If its type is unknown.
    fn step(&mut self, pipeline: &str, step: &Json, deployed: &Deployed) {
        let (name, request) = (step["Name"].as_str().unwrap_or_default(), &step["Arguments"]);
        match step["Type"].as_str().unwrap_or_default() {
            "Training" => {
                let role = self.training(request);
                self.starts(pipeline, "sagemaker:CreateTrainingJob", "training-job", &role);
                let output = self.text(&request["OutputDataConfig"]["S3OutputPath"]);
                let path = format!("Steps.{name}.ModelArtifacts.S3ModelArtifacts");
                self.outputs
                    .insert(path, format!("{}/job/output/model.tar.gz", output.trim_end_matches('/')));
            }
            "Tuning" => {
                let definitions = request["TrainingJobDefinitions"].as_array().into_iter().flatten();
                for definition in definitions.chain(request.get("TrainingJobDefinition")) {
                    let role = self.training(definition);
                    let resource = "hyper-parameter-tuning-job";
                    self.starts(pipeline, "sagemaker:CreateHyperParameterTuningJob", resource, &role);
                }
            }
            "Processing" => {
                let role = self.processing(request);
                self.starts(pipeline, "sagemaker:CreateProcessingJob", "processing-job", &role);
                for output in request["ProcessingOutputConfig"]["Outputs"].as_array().into_iter().flatten() {
                    let of = output["OutputName"].as_str().unwrap_or_default();
                    let path = format!("Steps.{name}.ProcessingOutputConfig.Outputs['{of}'].S3Output.S3Uri");
                    let uri = self.text(&output["S3Output"]["S3Uri"]);
                    self.outputs.insert(path, uri);
                }
            }
            "QualityCheck" | "ClarifyCheck" => {
                let role = self.processing(request);
                self.starts(pipeline, "sagemaker:CreateProcessingJob", "processing-job", &role);
                let group = step["ModelPackageGroupName"].as_str().unwrap_or_default();
                let packages = self.arn("sagemaker", &format!("model-package/{group}/1"));
                self.add(pipeline, "sagemaker:DescribeModelPackage", packages);
            }
            "Model" => self.created_model(pipeline, request, deployed),
            "RegisterModel" => self.registered(pipeline, request),
            "Fail" | "Condition" => {}
            _ => self.other_step(pipeline, step),
        }
    }

    /// A step that starts no job with a role of its own.
    fn other_step(&mut self, pipeline: &str, step: &Json) {
        let request = &step["Arguments"];
        match step["Type"].as_str().unwrap_or_default() {
            "Callback" => {
                let queue = self.text(&step["SqsQueueUrl"]);
                let parts: Vec<&str> = queue.split(['/', '.']).collect();
                let (name, account) = (parts[parts.len() - 1], parts[parts.len() - 2]);
                let arn = format!("arn:aws:sqs:{}:{account}:{name}", self.template.region());
                self.add(pipeline, "sqs:SendMessage", arn);
            }
            "Transform" => {
                let job = self.arn("sagemaker", "transform-job/pipelines-1-Step");
                self.add(pipeline, "sagemaker:CreateTransformJob", job);
            }
            "Lambda" => {
                let function = self.text(&step["FunctionArn"]);
                self.add(pipeline, "lambda:InvokeFunction", function);
            }
            "EndpointConfig" => {
                let config = self.arn("sagemaker", "endpoint-config/pipelines-1-Step");
                self.add(pipeline, "sagemaker:CreateEndpointConfig", config);
            }
            "Endpoint" => {
                let endpoint = self.text(&request["EndpointName"]);
                let endpoint = self.arn("sagemaker", &format!("endpoint/{endpoint}"));
                self.add(pipeline, "sagemaker:CreateEndpoint", endpoint.clone());
                self.add(pipeline, "sagemaker:UpdateEndpoint", endpoint);
            }
            other => panic!("a step of the type {other}"),
        }
    }

    fn created_model(&mut self, pipeline: &str, request: &Json, deployed: &Deployed) {
        let role = self.role(&request["ExecutionRoleArn"]);
        let containers = request["Containers"].as_array().into_iter().flatten();
        for container in containers.chain(request.get("PrimaryContainer")) {
            self.image(&role, &container["Image"], &Json::Null);
            self.reads(&role, &container["ModelDataUrl"]);
            self.reads(&role, &container["ModelDataSource"]["S3DataSource"]["S3Uri"]);
            self.secrets(&role, &container["Environment"]);
        }
        for (input, output) in &deployed.transformed {
            self.reads(&role, input);
            self.writes(&role, output);
            self.logs(&role, "TransformJobs");
        }
        for endpoint in &deployed.endpoints {
            self.logs(&role, &format!("Endpoints/{endpoint}"));
        }
        self.network(&role, &request["VpcConfig"]);
        self.starts(pipeline, "sagemaker:CreateModel", "model", &role);
    }

    fn registered(&mut self, pipeline: &str, request: &Json) {
        let group = self.text(&request["ModelPackageGroupName"]);
        let is_name = !group.contains([':', '<']);
        let name = if is_name { group.clone() } else { format!("<1 of {group}>") };
        let group =
            if is_name { self.arn("sagemaker", &format!("model-package-group/{group}")) } else { group };
        let package = self.arn("sagemaker", &format!("model-package/{name}/1"));
        self.add(pipeline, "sagemaker:CreateModelPackage", group);
        self.add(pipeline, "sagemaker:CreateModelPackage", package);
        for container in request["InferenceSpecification"]["Containers"].as_array().into_iter().flatten() {
            self.reads(pipeline, &container["ModelDataUrl"]);
            self.reads(pipeline, &container["ModelDataSource"]["S3DataSource"]["S3Uri"]);
        }
        let metrics = &request["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"];
        self.reads(pipeline, metrics);
    }

    pub(super) fn machines(&mut self) {
        let template = self.template;
        for (id, machine) in template.of_type("AWS::StepFunctions::StateMachine") {
            let definition = self.definition(&machine["DefinitionString"]);
            let launcher = template.role(&machine["RoleArn"]);
            let states = || definition["States"].as_object().into_iter().flat_map(serde_json::Map::values);
            // A state chooses the name of a job that several states use.
            for chosen in states().filter(|state| state["Type"] == "Pass") {
                let name = without_paths(&chosen["Parameters"])["Name"].clone();
                if let Some(path) = chosen["ResultPath"].as_str().filter(|_| name.is_string()) {
                    self.outputs.insert(format!("{path}.Name"), self.text(&name));
                }
            }
            for state in states() {
                self.state(&launcher, state);
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

    /// A state of a state machine.
    ///
    /// # Panics
    /// If its task is unknown.
    fn state(&mut self, launcher: &str, state: &Json) {
        let call = state["Resource"].as_str().unwrap_or_default();
        let mut parameters = without_paths(&state["Parameters"]);
        for (name, value) in state["Parameters"].as_object().into_iter().flatten() {
            let chosen = value.as_str().and_then(|path| self.outputs.get(path));
            if let (Some(name), Some(chosen)) = (name.strip_suffix(".$"), chosen) {
                parameters[name] = chosen.as_str().into();
            }
        }
        let parameters = &parameters;
        match call.rsplit(":::").next().unwrap_or_default() {
            "" => {}
            "sagemaker:createTrainingJob.sync" => {
                let role = self.training(parameters);
                let job = self.named(parameters, "TrainingJobName", "training-job");
                self.add(launcher, "sagemaker:CreateTrainingJob", job.clone());
                self.add(launcher, "sagemaker:DescribeTrainingJob", job.clone());
                self.add(launcher, "sagemaker:StopTrainingJob", job);
                self.passes(launcher, &role);
                let rule = self.arn("events", "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule");
                for action in ["events:DescribeRule", "events:PutRule", "events:PutTargets"] {
                    self.add(launcher, action, rule.clone());
                }
            }
            "sns:publish" => {
                let topic = self.text(&parameters["TopicArn"]);
                self.publishes(launcher, &topic);
            }
            "aws-sdk:sagemaker:createOptimizationJob" => {
                let job = self.named(parameters, "OptimizationJobName", "optimization-job");
                self.add(launcher, "sagemaker:CreateOptimizationJob", job);
                let role = self.role(&parameters["RoleArn"]);
                self.passes(launcher, &role);
                self.reads(&role, &parameters["ModelSource"]["S3"]["S3Uri"]);
                self.writes(&role, &parameters["OutputConfig"]["S3OutputLocation"]);
            }
            "aws-sdk:sagemaker:describeOptimizationJob" => {
                let job = self.named(parameters, "OptimizationJobName", "optimization-job");
                self.add(launcher, "sagemaker:DescribeOptimizationJob", job);
            }
            "aws-sdk:ssm:putParameter" => {
                let parameter = self.text(&parameters["Name"]);
                self.add(launcher, "ssm:PutParameter", self.arn("ssm", &format!("parameter{parameter}")));
            }
            // The ARN of the package is in the event.
            "aws-sdk:sagemaker:describeModelPackage" => {
                let allowed = self.template.allowed();
                let is_allowed = |(action, _): &(String, String)| action == "sagemaker:DescribeModelPackage";
                assert!(allowed[launcher].iter().any(is_allowed), "{launcher}");
            }
            other => panic!("a state that calls {other}"),
        }
    }

    /// The ARN of a job by its name in a request, or one with any name if the name is that of a run.
    fn named(&self, request: &Json, member: &str, resource: &str) -> String {
        let name = self.text(&request[member]);
        self.arn("sagemaker", &format!("{resource}/{name}"))
    }

    pub(super) fn schedules(&mut self) {
        let template = self.template;
        for (id, schedule) in template.of_type("AWS::Scheduler::Schedule") {
            let target = &schedule["Target"];
            let (arn, role) = (template.text(&target["Arn"]), template.role(&target["RoleArn"]));
            let input = self.definition(&target["Input"]);
            match arn.rsplit(':').next().unwrap_or_default() {
                "startPipelineExecution" => {
                    let name = self.text(&input["PipelineName"]);
                    let resource = template.resources.get(name.trim_matches(['<', '>']));
                    let name = resource.map_or(name, |one| self.text(&one["Properties"]["PipelineName"]));
                    let pipeline = self.arn("sagemaker", &format!("pipeline/{name}"));
                    self.add(&role, "sagemaker:StartPipelineExecution", pipeline);
                }
                "createTrainingJob" => {
                    let passed = self.training(&input);
                    let job = self.named(&input, "TrainingJobName", "training-job");
                    self.add(&role, "sagemaker:CreateTrainingJob", job);
                    self.passes(&role, &passed);
                }
                "putRetentionPolicy" => {
                    let group = self.text(&input["LogGroupName"]);
                    self.add(
                        &role,
                        "logs:PutRetentionPolicy",
                        self.arn("logs", &format!("log-group:{group}")),
                    );
                }
                _ => assert!(
                    template
                        .of_type("AWS::StepFunctions::StateMachine")
                        .any(|(machine, _)| { arn == format!("<{machine}.Arn>") }),
                    "{id} starts {arn}"
                ),
            }
        }
    }
}

/// The steps of a pipeline and of its conditions, in their order.
fn flatten<'d>(steps: &'d Json, found: &mut Vec<&'d Json>) {
    for step in steps.as_array().into_iter().flatten() {
        found.push(step);
        for list in ["IfSteps", "ElseSteps"] {
            flatten(&step["Arguments"][list], found);
        }
    }
}

/// Parameters of a state: what `States.Format` makes of values of the run is a string with `RUN`.
fn without_paths(value: &Json) -> Json {
    match value {
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let Some(name) = name.strip_suffix(".$") else { return (name.clone(), without_paths(value)) };
                let text = value.as_str().unwrap_or_default();
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
