//! The permissions that the roles of a template need, derived from what the template names: the locations, keys, images, networks,
//! secrets and jobs of its resources and definitions.

mod clusters;
mod endpoints;
mod functions;
mod jobs;
mod launchers;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use stackwright::App;

use crate::template::{Need, Template};

/// What is known of resources outside of the app: their KMS keys.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// The keys of buckets, by the names of the buckets.
    pub buckets: BTreeMap<String, String>,
    /// The keys of secrets, by the ARNs of the secrets.
    pub secrets: BTreeMap<String, String>,
}

/// The permissions that are derived from a template.
pub struct Needs<'t> {
    template: &'t Template,
    outside: &'t Outside,
    needed: Vec<Need>,
    /// The location in S3 of the outputs of steps, by the path that names them.
    outputs: BTreeMap<String, String>,
}

impl<'t> Needs<'t> {
    /// Derives the permissions that the roles of a template need.
    pub fn of(template: &'t Template, outside: &'t Outside) -> Vec<Need> {
        let mut needs = Self { template, outside, needed: Vec::new(), outputs: BTreeMap::new() };
        needs.endpoints();
        needs.functions();
        needs.pipelines();
        needs.machines();
        needs.schedules();
        needs.clusters();
        needs.addons();
        needs.fleets();
        needs.budgets();
        needs.needed
    }

    fn add(&mut self, role: &str, action: &str, resource: impl Into<String>) {
        // What a role outside of the app allows is not in the template.
        if !role.starts_with("arn:") {
            self.needed.push((role.to_owned(), action.to_owned(), resource.into()));
        }
    }

    /// The ARN of a resource in the account and the region of the stack.
    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:<AWS::AccountId>:{resource}", self.template.region())
    }

    /// A string of a template or of a definition. What is known only when a run starts is `RUN`.
    fn text(&self, value: &Json) -> String {
        match value {
            Json::String(text) => self.template.substituted(text),
            Json::Object(members) if members.contains_key("Get") => {
                let output = value["Get"].as_str().and_then(|path| self.outputs.get(path));
                output.cloned().unwrap_or_else(|| "RUN".to_owned())
            }
            Json::Object(members) if members.contains_key("Std:Join") => {
                let parts = value["Std:Join"]["Values"].as_array().into_iter().flatten();
                parts.map(|part| self.text(part)).collect()
            }
            other => self.template.text(other),
        }
    }

    fn role(&self, arn: &Json) -> String {
        self.template.role(&Json::from(self.text(arn)))
    }

    /// A definition of a pipeline or of a state machine, or an input of a schedule.
    ///
    /// # Panics
    /// If it is not JSON.
    fn definition(&self, value: &Json) -> Json {
        let text = match &value["Fn::Sub"] {
            Json::Array(parts) => {
                let variables = parts[1].as_object().into_iter().flatten();
                variables.fold(parts[0].as_str().unwrap_or_default().to_owned(), |text, (name, value)| {
                    text.replace(&format!("${{{name}}}"), &self.text(value))
                })
            }
            Json::String(text) => text.clone(),
            _ => value.as_str().unwrap_or_default().to_owned(),
        };
        match serde_json::from_str(&text) {
            Ok(definition) => definition,
            Err(error) => panic!("{error}: {text}"),
        }
    }

    /// The URI of an object, unless it is known only when a run starts.
    fn uri(&self, uri: &Json) -> Option<String> {
        let uri = if uri.is_null() { return None } else { self.text(uri) };
        uri.starts_with("s3://").then_some(uri)
    }

    fn key_of(&self, uri: &str) -> Option<String> {
        self.template.key_of(uri).or_else(|| self.outside.buckets.get(bucket(uri)).cloned())
    }

    fn reads(&mut self, role: &str, uri: &Json) {
        let Some(uri) = self.uri(uri) else { return };
        let object = format!("arn:aws:s3:::{}", uri.trim_start_matches("s3://"));
        self.add(role, "s3:ListBucket", format!("arn:aws:s3:::{}", bucket(&uri)));
        self.add(role, "s3:GetObject", object);
        if let Some(key) = self.key_of(&uri) {
            self.add(role, "kms:Decrypt", key);
        }
    }

    fn writes(&mut self, role: &str, uri: &Json) {
        let Some(uri) = self.uri(uri) else { return };
        let uri = uri.trim_end_matches('/');
        self.add(role, "s3:PutObject", format!("arn:aws:s3:::{}/object", uri.trim_start_matches("s3://")));
        if let Some(key) = self.key_of(uri) {
            self.add(role, "kms:GenerateDataKey", key);
        }
    }

    /// The image of a container, and the permission of the function that returns the credentials of a private registry.
    fn image(&mut self, role: &str, image: &Json, credentials: &Json) {
        if !credentials.is_null() {
            let function = self.text(credentials);
            self.add(role, "lambda:InvokeFunction", function);
        }
        if image.is_null() {
            return;
        }
        let image = self.text(image);
        let Some((host, path)) = image.split_once('/') else { return };
        let [account, "dkr", "ecr", region, ..] = host.split('.').collect::<Vec<_>>()[..] else { return };
        let repository = path.split([':', '@']).next().unwrap_or_default();
        let arn = format!("arn:aws:ecr:{region}:{account}:repository/{repository}");
        for action in ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] {
            self.add(role, action, arn.clone());
        }
        self.add(role, "ecr:GetAuthorizationToken", "*");
    }

    /// The log group of SageMaker for containers, and their metrics.
    fn logs(&mut self, role: &str, log_group: &str) {
        let group = self.arn("logs", &format!("log-group:/aws/sagemaker/{log_group}"));
        self.add(role, "logs:CreateLogGroup", group.clone());
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            self.add(role, action, format!("{group}:log-stream:1"));
        }
        self.add(role, "cloudwatch:PutMetricData", "*");
    }

    /// The key of volumes and results.
    fn key(&mut self, role: &str, key: &Json) {
        if key.is_null() {
            return;
        }
        let key = self.text(key);
        for action in ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"] {
            self.add(role, action, key.clone());
        }
    }

    fn network(&mut self, role: &str, vpc: &Json) {
        if vpc.is_null() {
            return;
        }
        for action in ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"] {
            self.add(role, action, self.arn("ec2", "network-interface/eni-1"));
        }
        for resource in ["subnet/subnet-1", "security-group/sg-1"] {
            self.add(role, "ec2:CreateNetworkInterface", self.arn("ec2", resource));
        }
        for action in ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DescribeVpcs"] {
            self.add(role, action, "*");
        }
    }

    /// The secrets whose ARNs are variables of a container.
    fn secrets(&mut self, role: &str, environment: &Json) {
        let values = environment.as_object().into_iter().flat_map(serde_json::Map::values);
        let arns: Vec<String> = values
            .filter(|value| value.is_string())
            .map(|value| self.text(value))
            .filter(|text| text.starts_with("arn:aws:secretsmanager:"))
            .collect();
        for arn in arns {
            if let Some(key) = self.outside.secrets.get(&arn) {
                self.add(role, "kms:Decrypt", key.clone());
            }
            self.add(role, "secretsmanager:GetSecretValue", arn);
        }
    }
}

/// The bucket of a URI: its name, or a reference, which may contain the name of a stack before a slash.
fn bucket(uri: &str) -> &str {
    let rest = uri.trim_start_matches("s3://");
    let end = match rest.starts_with('<') {
        true => rest.find('>').map(|end| end + 1),
        false => rest.find('/'),
    };
    rest.split_at(end.unwrap_or(rest.len())).0
}

/// Asserts that the roles of an app allow what its templates name, and nothing on `*` where an ARN can stand; returns what was
/// derived. A role of which nothing is derived must be in `programs`: the program itself states what such a role allows.
///
/// # Panics
/// If a role lacks a permission, is too wide, or has no derived need.
pub fn assert_sufficient(name: &str, app: &App, outside: &Outside, programs: &[&str]) -> Vec<Need> {
    let assembly = match app.synth() {
        Ok(assembly) => assembly,
        Err(errors) => panic!("{name}: {errors}"),
    };
    let mut all = Vec::new();
    for template in Template::of_assembly(&assembly) {
        let needed = Needs::of(&template, outside);
        let lacking: BTreeSet<String> = template.lacking(&needed).into_iter().collect();
        assert!(lacking.is_empty(), "{name}: {lacking:#?}");
        let wide = template.too_wide();
        assert!(wide.is_empty(), "{name}: {wide:#?}");
        let mut rest = template.without_needs(&needed);
        rest.retain(|role| !programs.contains(&role.as_str()));
        assert!(rest.is_empty(), "{name}: nothing is derived for {rest:?}");
        all.extend(needed);
    }
    all
}
