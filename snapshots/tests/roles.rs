//! The roles of endpoints allow what their templates name, and nothing on `*` where an ARN can stand. What is needed is
//! derived from the template: from the models, the configurations and the keys of buckets.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::Value as Json;
use snapshots::template::{Need, Template};
use stackwright::prelude::*;
use stackwright::resources::sagemaker::EndpointConfig;
use stackwright::stacks::container::Container;
use stackwright::stacks::endpoint::ServerlessEndpoint;

/// The app with every kind of endpoint.
fn encrypted() -> App {
    snapshots::encrypted_endpoints::app(1)
}

/// What each role of endpoints needs.
struct Needs<'t>(&'t Template);

impl Needs<'_> {
    /// The KMS key of the bucket of a URI, by its ARN.
    fn key_of(&self, uri: &str) -> Option<String> {
        match uri.starts_with("s3://company-requests/") {
            true => Some(snapshots::encrypted_endpoints::external_key("us-east-1")),
            false => self.0.key_of(uri),
        }
    }

    /// What each role needs: an action and a resource, and where in the template that is named.
    fn needed(&self) -> Vec<Need> {
        let mut needed = Vec::new();
        let mut role_of_model = BTreeMap::new();
        for (id, model) in self.0.of_type("AWS::SageMaker::Model") {
            let role = self.0.role(&model["ExecutionRoleArn"]);
            role_of_model.insert(id.clone(), role.clone());
            let container = &model["PrimaryContainer"];
            self.reads(&role, &container["ModelDataUrl"], &mut needed);
            self.reads(&role, &container["ModelDataSource"]["S3DataSource"]["S3Uri"], &mut needed);
            let image = self.0.text(&container["Image"]);
            let (host, path) = image.split_once('/').unwrap();
            let account = host.split('.').next().unwrap();
            let repository = path.split(':').next().unwrap();
            let arn = format!("arn:<AWS::Partition>:ecr:us-east-1:{account}:repository/{repository}");
            for action in ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] {
                needed.push((role.clone(), action.to_owned(), arn.clone()));
            }
            needed.push((role.clone(), "ecr:GetAuthorizationToken".to_owned(), "*".into()));
            if !model["VpcConfig"].is_null() {
                let arn = "arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:network-interface/eni-1";
                needed.push((role.clone(), "ec2:CreateNetworkInterface".to_owned(), arn.into()));
            }
        }
        for (_, config) in self.0.of_type("AWS::SageMaker::EndpointConfig") {
            let mut roles: Vec<String> = Vec::new();
            for variant in config["ProductionVariants"].as_array().unwrap() {
                match variant.get("ModelName") {
                    Some(name) => {
                        let model = self.0.text(name);
                        let model = model.trim_matches(['<', '>']).trim_end_matches(".ModelName").to_owned();
                        roles.push(role_of_model[&model].clone());
                    }
                    None => roles.push(self.0.role(&config["ExecutionRoleArn"])),
                }
                let role = roles.last().unwrap();
                self.writes(role, &variant["CoreDumpConfig"]["DestinationS3Uri"], &mut needed);
            }
            for role in &roles {
                self.writes(role, &config["DataCaptureConfig"]["DestinationS3Uri"], &mut needed);
                let output = &config["AsyncInferenceConfig"]["OutputConfig"];
                self.writes(role, &output["S3OutputPath"], &mut needed);
                self.writes(role, &output["S3FailurePath"], &mut needed);
                if !output.is_null() {
                    let requests = Json::from("s3://company-requests/requests/1.json");
                    self.reads(role, &requests, &mut needed);
                }
                for topic in ["SuccessTopic", "ErrorTopic"] {
                    let Some(topic) = output["NotificationConfig"].get(topic) else { continue };
                    needed.push((role.clone(), "sns:Publish".to_owned(), self.0.text(topic)));
                    needed.push((role.clone(), "kms:GenerateDataKey".to_owned(), "<TopicKey.Arn>".into()));
                }
                if let Some(key) = config.get("KmsKeyId") {
                    for action in ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"] {
                        needed.push((role.clone(), action.to_owned(), self.0.text(key)));
                    }
                }
                needed.push((role.clone(), "cloudwatch:PutMetricData".to_owned(), "*".into()));
            }
        }
        for (_, component) in self.0.of_type("AWS::SageMaker::InferenceComponent") {
            let adapter = &component["Specification"]["Container"]["ArtifactUrl"];
            self.reads("HostRole", adapter, &mut needed);
        }
        needed
    }

    fn reads(&self, role: &str, uri: &Json, needed: &mut Vec<Need>) {
        if uri.is_null() {
            return;
        }
        let uri = self.0.text(uri);
        let object = format!("arn:<AWS::Partition>:s3:::{}", uri.strip_prefix("s3://").unwrap());
        needed.push((role.to_owned(), "s3:GetObject".to_owned(), object.clone()));
        let bucket = object.split_once('/').unwrap().0.to_owned();
        needed.push((role.to_owned(), "s3:ListBucket".to_owned(), bucket));
        needed.extend(self.key_of(&uri).map(|key| (role.to_owned(), "kms:Decrypt".to_owned(), key)));
    }

    fn writes(&self, role: &str, uri: &Json, needed: &mut Vec<Need>) {
        if uri.is_null() {
            return;
        }
        let uri = self.0.text(uri);
        let object = format!("arn:<AWS::Partition>:s3:::{}object", uri.strip_prefix("s3://").unwrap());
        needed.push((role.to_owned(), "s3:PutObject".to_owned(), object));
        needed.extend(self.key_of(&uri).map(|key| (role.to_owned(), "kms:GenerateDataKey".to_owned(), key)));
    }
}

#[test]
fn roles_allow_what_the_template_names() {
    let template = Template::of(&encrypted());
    let needed = Needs(&template).needed();
    assert!(needed.len() > 60, "only {} permissions were derived", needed.len());
    let lacking = template.lacking(&needed);
    assert!(lacking.is_empty(), "{lacking:#?}");
    assert_eq!(template.without_needs(&needed), Vec::<String>::new());
}

#[test]
fn no_action_is_allowed_on_everything_where_an_arn_can_stand() {
    let wide = Template::of(&encrypted()).too_wide();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn no_role_of_an_example_is_too_wide() {
    for (name, app) in snapshots::examples() {
        for template in Template::all(&app) {
            let wide = template.too_wide();
            assert!(wide.is_empty(), "{name}: {wide:#?}");
        }
    }
}

#[test]
fn the_key_of_volumes_is_left_out_where_storage_is_local() {
    let template = Template::of(&encrypted());
    let keys: BTreeMap<&str, bool> = template
        .of_type("AWS::SageMaker::EndpointConfig")
        .map(|(id, config)| (id.as_str(), config.get("KmsKeyId").is_some()))
        .collect();
    assert!(keys["RealTimeConfig"] && keys["MultiModelConfig"]);
    assert!(keys["AsynchronousConfig"] && !keys["LocalStorageConfig"] && !keys["HostConfig"]);
}

#[test]
fn a_role_of_the_users_is_used_and_its_missing_permissions_are_reported() {
    let container = || {
        Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
            .model(S3Location::new("my-models", "model.tar.gz"))
    };
    let app = App::new("roles");
    let stack = app.stack("Serving").region("us-east-1");
    let endpoint = ServerlessEndpoint::new(container()).role("arn:aws:iam::123456789012:role/Serving");
    let endpoint = stack.add("Given", endpoint);
    let statement =
        || Statement::allow(["dynamodb:GetItem"]).on("arn:aws:dynamodb:us-east-1:123456789012:table/F");
    stack.add("More", ServerlessEndpoint::new(container()).allow(statement()));
    let needed = endpoint.roles[0].permissions().len();
    let template = Template::of(&app);
    assert!(needed > 4);
    assert!(!template.resources.contains_key("GivenRole"));
    assert_eq!(
        template.resources["GivenModel"]["Properties"]["ExecutionRoleArn"],
        "arn:aws:iam::123456789012:role/Serving"
    );
    assert!(template.allowed()["MoreRole"].iter().any(|(action, _)| action == "dynamodb:GetItem"));

    let app = App::new("roles");
    let stack = app.stack("Serving").region("us-east-1");
    let given = ServerlessEndpoint::new(container()).role("arn:aws:iam::123456789012:role/Serving");
    stack.add("Given", given.allow(statement()));
    assert!(snapshots::findings(&app).contains("role-outside-of-app"));
}

#[test]
fn every_resource_of_an_endpoint_can_be_changed() {
    let app = App::new("custom");
    let stack = app.stack("Serving").region("us-east-1");
    let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu));
    let endpoint = ServerlessEndpoint::new(container.model(S3Location::new("my-models", "model.tar.gz")));
    stack.add(
        "Scorer",
        endpoint.customize(|config: EndpointConfig| {
            config.property_at("/ProductionVariants/0/ServerlessConfig/MaxConcurrency", 7)
        }),
    );
    let template = Template::of(&app);
    let variant = &template.resources["ScorerConfig"]["Properties"]["ProductionVariants"][0];
    assert_eq!(variant["ServerlessConfig"]["MaxConcurrency"], 7);
    assert_eq!(variant["ServerlessConfig"]["MemorySizeInMB"], 2048);
}
