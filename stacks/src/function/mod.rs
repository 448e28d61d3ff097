//! Functions of AWS Lambda, for tasks beside jobs and endpoints, such as the selection of data in a pipeline or the
//! handling of events.

mod code;
mod source;

pub use code::Runtime;

use stackwright_resources::lambda;
use stackwright_resources::lambda::function::{Environment, LoggingConfig, VpcConfig as FunctionVpcConfig};
use stackwright_resources::logs::LogGroup;
use stackwright_synth::{Asset, Construct, IntoValue, Json, Map, ResourceOptions, Scope, Value, sub};

use crate::arn::{checked, known};
use crate::defaults;
use crate::duration::Seconds;
use crate::iam::{
    BuiltRole, PolicyDocument, RoleNeeded, RoleOptions, RoleReference, RoleSettings, Statement, arn,
};
use crate::image::ContainerImage;
use crate::key::EncryptionKey;
use crate::launch::ScheduleExpression;
use crate::secret::SecretReference;
use crate::topic::TopicReference;
use crate::vpc::VpcConfig;
use code::Code;
use source::EventSource;

/// A function of AWS Lambda with its role, its log group and its event sources.
///
/// The role may write to the log group of the function, and has the permissions that [`allow`](RoleOptions::allow) and the
/// event sources add. By default, the function has 128 MB of memory, a timeout of 3 seconds, and an x86 processor; its logs
/// are kept for 90 days.
///
/// It becomes `AWS::Lambda::Function`, `AWS::Logs::LogGroup`, `AWS::IAM::Role`, and the resources of the event sources.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::function::{Function, Runtime};
/// use stackwright_stacks::launch::{LambdaStep, OutputType, Pipeline};
/// use stackwright_stacks::{RoleOptions, Statement};
/// use stackwright_synth::Asset;
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Training").region("us-east-1");
/// let code = Asset::archive().file("index.py", "def handler(event, _): return {'prefix': '2026-11/'}");
/// let function = stack.add(
///     "ChooseData",
///     Function::zip(Runtime::python(), "index.handler", code)
///         .timeout(Duration::from_secs(30))
///         .allow(Statement::allow(["s3:ListBucket"]).on("arn:aws:s3:::my-data")),
/// );
/// let mut pipeline = Pipeline::new();
/// pipeline.step("Choose", LambdaStep::new(function.arn()).output("prefix", OutputType::String));
/// # stack.add("Pipeline", pipeline);
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Function {
    code: Code,
    description: Option<Value<String>>,
    memory_mb: Option<Value<i64>>,
    timeout: Option<Value<i64>>,
    architecture: Option<lambda::function::Architectures>,
    environment: Map<Json>,
    reserved_concurrency: Option<Value<i64>>,
    log_retention_days: Value<i64>,
    log_key: Option<EncryptionKey>,
    vpc: Option<VpcConfig>,
    key: Option<EncryptionKey>,
    sources: Vec<EventSource>,
    role: RoleSettings,
}

impl Function {
    /// Creates a function from a directory that is packed as `.zip`, or from a `.zip` file, with its runtime and its
    /// handler, such as `index.handler` for the function `handler` of the file `index.py`.
    #[track_caller]
    pub fn zip(runtime: impl Into<Runtime>, handler: impl IntoValue<String>, directory: Asset) -> Self {
        let handler = code::handler(handler);
        Self::of(Code::Zip { directory, runtime: runtime.into(), handler })
    }

    /// Creates a function from a container image in Amazon ECR, in the region of the stack, given by its digest. An image that
    /// is given by a tag is an error at the caller's line. Build and push the image before you deploy: the deployment does not
    /// run Docker.
    ///
    /// ```
    /// use stackwright_stacks::ContainerImage;
    /// use stackwright_stacks::function::Function;
    ///
    /// let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    /// let uri = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/choose-data@{digest}");
    /// Function::image(ContainerImage::from_uri(uri));
    /// ```
    #[track_caller]
    pub fn image(image: ContainerImage) -> Self {
        Self::of(Code::Image { image, source: std::panic::Location::caller() })
    }

    fn of(code: Code) -> Self {
        Self {
            code,
            description: None,
            memory_mb: None,
            timeout: None,
            architecture: None,
            environment: Map::default(),
            reserved_concurrency: None,
            log_retention_days: 90.into(),
            log_key: None,
            vpc: None,
            key: None,
            sources: Vec::new(),
            role: RoleSettings::default(),
        }
    }

    /// Sets the description of the function, at most 256 characters (`Description`). By default, there is none.
    #[track_caller]
    pub fn description(mut self, text: impl IntoValue<String>) -> Self {
        self.description = Some(text.into().with_caller_location());
        self
    }

    /// Sets the memory in MB, 128 to 10,240 (`MemorySize`). The default is 128. The CPU share is proportional to the
    /// memory.
    #[track_caller]
    pub fn memory_mb(mut self, size: impl IntoValue<i64>) -> Self {
        self.memory_mb = Some(size.into().with_caller_location());
        self
    }

    /// Sets the maximum duration of a call, at most 15 minutes (`Timeout`). The default is 3 seconds.
    #[track_caller]
    pub fn timeout(mut self, time: impl Into<Seconds>) -> Self {
        self.timeout = Some(time.into().0.with_caller_location());
        self
    }

    /// Runs the function on Graviton processors (`arm64`). The default is `x86_64`.
    pub fn graviton(mut self) -> Self {
        self.architecture = Some(lambda::function::Architectures::Arm64);
        self
    }

    /// Sets an environment variable of the function (`Environment`). Everybody who may describe the function can read
    /// the value: do not set it to a secret; use [`secret`](Self::secret). A second call for the same name replaces it.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        let value: Value<String> = value.into().with_caller_location();
        self.environment = self.environment.set(name, value.cast::<Json>());
        self
    }

    /// Sets an environment variable to the ARN of a secret of AWS Secrets Manager, and allows the role to read its
    /// value (`Environment`).
    #[track_caller]
    pub fn secret(self, variable: impl Into<String>, secret: impl Into<SecretReference>) -> Self {
        let secret = secret.into();
        let function = self.environment(variable, secret.arn());
        secret.allow_read().into_iter().fold(function, RoleOptions::allow)
    }

    /// Sets the maximum number of calls that run at the same time, which Lambda reserves for the function
    /// (`ReservedConcurrentExecutions`). By default, the function shares the concurrency of the account.
    #[track_caller]
    pub fn reserved_concurrency(mut self, calls: impl IntoValue<i64>) -> Self {
        self.reserved_concurrency = Some(calls.into().with_caller_location());
        self
    }

    /// Sets the number of days for which logs are kept, one of the values that CloudWatch Logs accepts, such as 30 or
    /// 365 (`RetentionInDays`). The default is 90.
    #[track_caller]
    pub fn log_retention_days(mut self, days: impl IntoValue<i64>) -> Self {
        self.log_retention_days = days.into().with_caller_location();
        self
    }

    /// Encrypts the log group with a KMS key, given as a handle or an ARN. Without this call, CloudWatch Logs encrypts the logs
    /// with a key of its own, even if the stack has a default key. An alias is an error.
    ///
    /// The policy of the key has to allow CloudWatch Logs to use it:
    /// [`PrivateKey::allow_log_groups`](crate::PrivateKey::allow_log_groups) adds that statement.
    #[track_caller]
    pub fn log_kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.log_key = Some(key.into());
        self
    }

    /// Connects the function to subnets and security groups of a VPC. The role gets the permissions for network interfaces. By
    /// default, the function is not connected to a VPC.
    pub fn vpc(mut self, vpc: impl Into<VpcConfig>) -> Self {
        self.vpc = Some(vpc.into());
        self
    }

    /// Encrypts the environment variables with a KMS key, given as a handle or an ARN (`KmsKeyArn`). By default, they
    /// are encrypted with the default key of the stack or, if there is none, with a key of Lambda. An alias is an
    /// error. The role may decrypt with the key.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Calls the function at the times of a schedule in UTC, such as `"rate(1 day)"` or `"cron(0 2 * * ? *)"`
    /// (`AWS::Events::Rule`). An invalid expression is an error at the caller's line.
    #[track_caller]
    pub fn on_schedule(mut self, expression: impl Into<ScheduleExpression>) -> Self {
        self.sources.push(EventSource::Schedule(expression.into().0));
        self
    }

    /// Calls the function for each event of the default bus of Amazon EventBridge that matches an event pattern
    /// (`AWS::Events::Rule`).
    ///
    /// ```
    /// use stackwright_stacks::function::{Function, Runtime};
    /// use stackwright_synth::Asset;
    ///
    /// let code = Asset::archive().file("index.py", "def handler(event, _): print(event)");
    /// Function::zip(Runtime::python(), "index.handler", code).on_event(serde_json::json!({
    ///     "source": ["aws.sagemaker"],
    ///     "detail-type": ["SageMaker Training Job State Change"],
    ///     "detail": { "TrainingJobStatus": ["Failed"] },
    /// }));
    /// ```
    #[track_caller]
    pub fn on_event(mut self, pattern: impl IntoValue<Json>) -> Self {
        self.sources.push(EventSource::Pattern(pattern.into().with_caller_location()));
        self
    }

    /// Calls the function with up to ten messages of a queue of Amazon SQS, given by its ARN. The role may receive and delete
    /// messages. The visibility timeout of the queue has to be at least the timeout of the function; AWS recommends six times
    /// as much. An ARN of another service is an error at the caller's line.
    ///
    /// If the queue is encrypted with a customer managed KMS key, allow the role to decrypt with the key:
    /// `.allow(EncryptionKey::from("alias/queues").allow(["kms:Decrypt"]))`.
    #[track_caller]
    pub fn on_queue(mut self, queue_arn: impl IntoValue<String>) -> Self {
        let arn = checked(queue_arn, "sqs", "arn:aws:sqs:us-east-1:123456789012:uploads");
        self.sources.push(EventSource::Queue { arn, batch: 10.into() });
        self
    }

    /// Calls the function with up to a hundred records at a time of a stream of Amazon Kinesis, given by its ARN, starting with
    /// the oldest (`TRIM_HORIZON`). The role may read the stream. An ARN of another service is an error at the caller's line.
    ///
    /// If the stream is encrypted with a customer managed KMS key, allow the role to decrypt with the key:
    /// `.allow(EncryptionKey::from("alias/streams").allow(["kms:Decrypt"]))`.
    #[track_caller]
    pub fn on_kinesis_stream(mut self, stream_arn: impl IntoValue<String>) -> Self {
        let arn = checked(stream_arn, "kinesis", "arn:aws:kinesis:us-east-1:123456789012:stream/clicks");
        self.sources.push(EventSource::Kinesis { arn, batch: 100.into() });
        self
    }

    /// Calls the function with up to a hundred changes at a time of a table of Amazon DynamoDB, given by the ARN of the table's
    /// stream, starting with the oldest (`TRIM_HORIZON`). The role may read the stream. An ARN that is not that of a stream is
    /// an error at the caller's line.
    ///
    /// If the table is encrypted with a customer managed KMS key, allow the role to decrypt with the key:
    /// `.allow(EncryptionKey::from("alias/tables").allow(["kms:Decrypt"]))`.
    #[track_caller]
    pub fn on_dynamodb_stream(mut self, stream_arn: impl IntoValue<String>) -> Self {
        let example = "arn:aws:dynamodb:us-east-1:123456789012:table/Features/stream/2026-11-01T00:00:00.000";
        let arn = checked(stream_arn, "dynamodb", example);
        let arn = match known(&arn) {
            Some(text) if !text.contains("/stream/") => {
                let message = format!("`{text}` is not the ARN of a stream of a DynamoDB table");
                Value::invalid("invalid-arn", message, format!("use an ARN such as `{example}`"))
            }
            _ => arn,
        };
        self.sources.push(EventSource::DynamoDb { arn, batch: 100.into() });
        self
    }

    /// Calls the function for each message of a topic of Amazon SNS, given by its handle or ARN (`AWS::SNS::Subscription`).
    #[track_caller]
    pub fn on_topic(mut self, topic: impl Into<TopicReference>) -> Self {
        self.sources.push(EventSource::Topic(topic.into()));
        self
    }
}

impl RoleOptions for Function {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

impl Construct for Function {
    type Handle = FunctionHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> FunctionHandle {
        let key = defaults::encryption_key(self.key, scope);
        let mut logs = LogGroup::new().retention_in_days(self.log_retention_days);
        if let Some(key) = &self.log_key {
            logs = logs.kms_key_id(key.without_alias("CloudWatch Logs", scope));
        }
        let logs = scope.add("Logs", logs);
        let mut statements =
            vec![Statement::allow(["logs:CreateLogStream", "logs:PutLogEvents"]).on(logs.arn())];
        statements.extend(self.sources.iter().flat_map(EventSource::statements));
        if self.vpc.is_some() {
            statements.extend(network_interfaces());
        }
        if let Some(key) = key.as_ref().filter(|_| !self.environment.is_empty()) {
            statements.push(key.allow(["kms:Decrypt"]));
        }
        let needed = RoleNeeded { id: "Role".into(), service: "lambda", policy: "Function", statements };
        let trust = PolicyDocument::new([Statement::allow(["sts:AssumeRole"]).to_service("lambda")]);
        let BuiltRole { role, policy } = self.role.build_trusting(trust, needed, scope);
        let mut function =
            self.code.put(role.arn(), scope).logging_config(LoggingConfig::new().log_group(logs.reference()));
        if let Some(text) = self.description {
            function = function.description(text);
        }
        if let Some(size) = self.memory_mb {
            function = function.memory_size(size);
        }
        if let Some(time) = self.timeout {
            function = function.timeout(time);
        }
        if let Some(architecture) = self.architecture {
            function = function.architectures([architecture]);
        }
        if let Some(calls) = self.reserved_concurrency {
            function = function.reserved_concurrent_executions(calls);
        }
        if !self.environment.is_empty() {
            function = function.environment(Environment::new().variables(self.environment));
            if let Some(key) = &key {
                function = function.kms_key_arn(key.without_alias("Lambda", scope));
            }
        }
        if let Some(vpc) = &self.vpc {
            let config =
                FunctionVpcConfig::new().subnet_ids(&vpc.subnets).security_group_ids(&vpc.security_groups);
            function = function.vpc_config(config);
        }
        if let Some(policy) = &policy {
            function = function.depends_on(policy);
        }
        let function = scope.add_default(function);
        for (number, source) in self.sources.into_iter().enumerate() {
            source.connect(&format!("Source{}", number + 1), &function.arn(), scope);
        }
        FunctionHandle { function, role }
    }
}

/// The permissions that Lambda needs to create the network interfaces of a function in a VPC ("Giving Lambda
/// functions access to resources in an Amazon VPC", Lambda Developer Guide).
fn network_interfaces() -> [Statement; 2] {
    [
        Statement::allow([
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:UnassignPrivateIpAddresses",
        ])
        .on(arn("ec2", "network-interface/*"))
        .on(arn("ec2", "subnet/*"))
        .on(arn("ec2", "security-group/*")),
        // The actions that describe networks do not support resource-level permissions.
        Statement::allow([
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ])
        .on("*"),
    ]
}

/// A [`Function`] that was added to a stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FunctionHandle {
    /// The handle of the `AWS::Lambda::Function`.
    pub function: lambda::FunctionHandle,
    /// The execution role of the function.
    pub role: RoleReference,
}

impl FunctionHandle {
    /// Returns the function's name.
    pub fn name(&self) -> Value<String> {
        self.function.reference()
    }

    /// Returns the function's ARN.
    pub fn arn(&self) -> Value<String> {
        self.function.arn()
    }

    /// Returns a statement that allows the role of a client to invoke the function and each of its versions and aliases.
    pub fn allow_invoke(&self) -> Statement {
        Statement::allow(["lambda:InvokeFunction"]).on(self.arn()).on(sub!("{}:*", self.arn()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as JsonValue, json};
    use stackwright_synth::App;

    use super::*;
    use crate::ssm_parameter::SsmParameter;

    fn resources(function: Function) -> Result<JsonValue, String> {
        let app = App::new("functions");
        app.stack("Main").region("us-east-1").add("Work", function);
        let assembly = app.synth().map_err(|errors| errors.to_string())?;
        let template: JsonValue = serde_json::from_str(assembly.stacks[0].template.json()).unwrap();
        Ok(template["Resources"].clone())
    }

    fn zip() -> Function {
        let code = Asset::archive().file("index.py", "def handler(event, _): return event");
        Function::zip(Runtime::python(), "index.handler", code)
    }

    /// The actions that the role of the function allows.
    fn actions(resources: &JsonValue) -> String {
        resources["WorkRole"]["Properties"]["Policies"].to_string()
    }

    #[test]
    fn streams_are_polled_from_the_oldest_record_on() {
        let parameter = |name: &str| -> Value<String> { SsmParameter::new(name).into() };
        for (function, service) in [
            (zip().on_kinesis_stream("arn:aws:kinesis:us-east-1:123456789012:stream/clicks"), "kinesis"),
            // If an ARN is known only during deployment, the setter determines its service.
            (zip().on_kinesis_stream(parameter("/streams/clicks")), "kinesis"),
            (zip().on_dynamodb_stream(parameter("/streams/features")), "dynamodb"),
        ] {
            let resources = resources(function).unwrap();
            let allowed = actions(&resources);
            for service in ["kinesis", "dynamodb"].iter().filter(|one| **one != service) {
                assert!(!allowed.contains(&format!("{service}:")), "{allowed}");
            }
            assert!(allowed.contains(&format!("{service}:GetRecords")), "{allowed}");
            let mapping = &resources["WorkSource1Mapping"]["Properties"];
            assert_eq!(
                (&mapping["BatchSize"], &mapping["StartingPosition"]),
                (&json!(100), &json!("TRIM_HORIZON"))
            );
        }
    }

    #[test]
    fn a_queue_is_polled_without_a_starting_position() {
        let resources = resources(zip().on_queue("arn:aws:sqs:us-east-1:123456789012:uploads")).unwrap();
        let mapping = &resources["WorkSource1Mapping"]["Properties"];
        assert_eq!(mapping["EventSourceArn"], "arn:aws:sqs:us-east-1:123456789012:uploads");
        assert_eq!(mapping["BatchSize"], 10);
        assert!(mapping["StartingPosition"].is_null(), "{mapping}");
    }

    #[test]
    fn an_event_pattern_calls_the_function_by_a_rule_that_may_call_it() {
        let pattern = json!({ "source": ["aws.sagemaker"], "detail": { "TrainingJobStatus": ["Failed"] } });
        let resources = resources(zip().on_event(pattern.clone())).unwrap();
        let rule = &resources["WorkSource1Rule"]["Properties"];
        assert_eq!((&rule["EventPattern"], &rule["State"]), (&pattern, &json!("ENABLED")));
        let permission = &resources["WorkSource1Permission"]["Properties"];
        assert_eq!(permission["SourceArn"]["Fn::GetAtt"][0], "WorkSource1Rule");
        assert_eq!(permission["Principal"], "events.amazonaws.com");
    }

    #[test]
    fn an_image_is_named_by_its_digest() {
        let repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/choose";
        let digest = format!("sha256:{}", "0a".repeat(32));
        let by_digest =
            resources(Function::image(ContainerImage::from_uri(format!("{repository}@{digest}")))).unwrap();
        let function = &by_digest["Work"]["Properties"];
        assert_eq!(function["Code"]["ImageUri"], format!("{repository}@{digest}"));
        assert_eq!(function["PackageType"], "Image");
        assert!(function["Runtime"].is_null() && function["Handler"].is_null(), "{function}");

        let tagged = ContainerImage::from_uri(format!("{repository}:3"));
        let (function, line) = (Function::image(tagged), line!());
        let by_tag = resources(function).unwrap_err();
        assert!(by_tag.contains("named by a tag") && by_tag.contains(&format!("mod.rs:{line}")), "{by_tag}");
    }

    #[test]
    fn an_arn_of_another_service_is_an_error_at_its_line() {
        let table = "arn:aws:dynamodb:us-east-1:123456789012:table/Features";
        for (function, line, message) in [
            (zip().on_kinesis_stream(table), line!(), "`kinesis` is expected"),
            (zip().on_dynamodb_stream(table), line!(), "is not the ARN of a stream"),
            (zip().on_queue(table), line!(), "`sqs` is expected"),
        ] {
            let error = resources(function).unwrap_err();
            assert!(error.contains(message) && error.contains(&format!("mod.rs:{line}")), "{error}");
        }
    }
}
