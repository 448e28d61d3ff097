//! A simulated CloudFormation, a connection to it, and a separate client that brings stacks into any status.
#![allow(dead_code, reason = "each test uses some of it")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::{Credentials, Region};
use aws_sdk_cloudformation::types::{ChangeSetStatus, ChangeSetType, ResourceToImport, StackStatus};
use serde_json::{Value as Json, json};
use stackwright_deploy::{
    Connection, DeployError, Options, Outcome, Prepared, Profile, Progress, execute, keep_unchanged, prepare,
};
use stackwright_local::{Faults, Local};
use stackwright_synth::{Assembly, StackArtifact};

/// The name of the stack.
pub const STACK: &str = "simulated";

pub struct Simulation {
    pub local: Local,
    pub client: Client,
    pub s3: aws_sdk_s3::Client,
    pub connection: Connection,
    /// The progress reports.
    pub reports: Mutex<Vec<String>>,
    made: AtomicU32,
}

/// Two topics, of which the second depends on the first. Another `display` updates them, another `name` replaces them.
pub fn topics(name: &str, display: &str) -> Json {
    let topic = |name: String| json!({ "Type": "AWS::SNS::Topic", "Properties": { "TopicName": name, "DisplayName": display } });
    let mut second = topic("second".into());
    second["DependsOn"] = "First".into();
    json!({ "Resources": { "First": topic(format!("first{name}")), "Second": second } })
}

/// Returns how many requests the endpoint has received.
pub fn total(local: &Local) -> usize {
    local.requests().values().sum()
}

/// Returns a stack with a template.
pub fn stack(template: &Json) -> StackArtifact {
    let assembly = Assembly::of_template(&format!("{STACK}.json"), template.to_string()).unwrap();
    assembly.stacks.into_iter().next().unwrap()
}

/// Returns a stack with a name.
pub fn named(name: &str, template: &Json) -> StackArtifact {
    let mut stack = stack(template);
    stack.id = name.to_owned();
    stack.name = name.to_owned();
    stack
}

pub fn faults(document: Json) -> Faults {
    serde_json::from_value(document).unwrap()
}

impl Simulation {
    pub async fn start() -> Self {
        let local = Local::start(stackwright_local::Options::default()).await.unwrap();
        let any = Credentials::new("local", "local", None, None, "local");
        let config = aws_sdk_cloudformation::Config::builder()
            .endpoint_url(local.url())
            .credentials_provider(any)
            .region(Region::from_static("us-east-1"))
            .behavior_version_latest()
            .build();
        let s3 = aws_sdk_s3::Config::builder()
            .endpoint_url(local.url())
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .region(Region::from_static("us-east-1"))
            .force_path_style(true)
            .behavior_version_latest()
            .build();
        let profile = Profile::for_endpoint(local.url());
        let connection = Connection::for_stack(&stack(&topics("", "")), &profile).await.unwrap();
        Self {
            local,
            client: Client::from_conf(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            connection,
            reports: Mutex::default(),
            made: AtomicU32::new(0),
        }
    }

    pub fn fail(&self, document: Json) {
        self.local.set_faults(faults(document));
    }

    pub fn heal(&self) {
        self.local.set_faults(Faults::default());
    }

    /// Creates and executes a change set as another client would, without waiting for the end.
    pub async fn begin(
        &self,
        template: &Json,
        kind: ChangeSetType,
        keep_failed: bool,
        imports: &[(&str, &str)],
    ) {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let name = &format!("by-hand-{number}");
        let mut request = self
            .client
            .create_change_set()
            .stack_name(STACK)
            .change_set_name(name)
            .change_set_type(kind)
            .template_body(template.to_string());
        for (id, name) in imports {
            let import = ResourceToImport::builder()
                .logical_resource_id(*id)
                .resource_type("AWS::S3::Bucket")
                .resource_identifier("BucketName", *name)
                .build();
            request = request.resources_to_import(import);
        }
        request.send().await.unwrap();
        loop {
            let described = self.client.describe_change_set().stack_name(STACK).change_set_name(name);
            let described = described.send().await.unwrap();
            match described.status.unwrap() {
                ChangeSetStatus::CreateComplete => break,
                ChangeSetStatus::Failed => panic!("{:?}", described.status_reason),
                _ => {}
            }
        }
        let request = self.client.execute_change_set().stack_name(STACK).change_set_name(name);
        request.disable_rollback(keep_failed).send().await.unwrap();
    }

    /// Waits until the stack has a status.
    pub async fn reach(&self, status: &str) {
        let mut seen = Vec::new();
        for _ in 0..2_000 {
            let now = self.status().await;
            if now == status {
                return;
            }
            if seen.last() != Some(&now) {
                seen.push(now);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("{status} was not reached, but {seen:?}");
    }

    /// Returns all events of all stacks with the name, as `STATUS LOGICAL_ID`, oldest first.
    pub async fn history(&self) -> Vec<String> {
        let stacks = self.client.list_stacks().send().await.unwrap();
        let mut history = Vec::new();
        for one in stacks.stack_summaries() {
            let request = self.client.describe_stack_events().stack_name(one.stack_id().unwrap());
            let mut events: Vec<_> = request
                .send()
                .await
                .unwrap()
                .stack_events()
                .iter()
                .map(|event| {
                    let status = event.resource_status().map_or("", |status| status.as_str());
                    format!("{status} {}", event.logical_resource_id().unwrap())
                })
                .collect();
            events.reverse();
            history.extend(events);
        }
        history
    }

    pub async fn status(&self) -> String {
        match self.client.describe_stacks().stack_name(STACK).send().await {
            Ok(found) => {
                found.stacks()[0].stack_status.clone().unwrap_or(StackStatus::CreateFailed).to_string()
            }
            Err(_) => "DELETE_COMPLETE".into(),
        }
    }

    pub fn report(&self, progress: Progress) {
        self.reports.lock().unwrap().push(format!("{progress:?}"));
    }

    pub async fn plan(&self, stack: &StackArtifact) -> Result<Prepared, DeployError> {
        prepare(&self.connection, stack, &Options::default(), &|progress| self.report(progress)).await
    }

    pub async fn deploy(&self, stack: &StackArtifact) -> Result<Outcome, DeployError> {
        match self.plan(stack).await? {
            Prepared::Unchanged { attributes } => {
                keep_unchanged(&self.connection, stack, &attributes, &|progress| self.report(progress)).await
            }
            Prepared::Ready(change_set) => {
                execute(&self.connection, stack, &change_set, &|progress| self.report(progress)).await
            }
            other => panic!("{other:?}"),
        }
    }
}
