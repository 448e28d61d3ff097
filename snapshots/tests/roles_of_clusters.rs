//! The roles of clusters and fleets allow what their templates name, and nothing on `*` where an ARN can stand. What is needed
//! is derived from the properties of clusters, add-ons, schedules, budgets and launch templates.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::Value as Json;
use snapshots::encrypted_clusters::KeyOf;
use snapshots::template::{Need, Template};

const ACCOUNT: &str = "<AWS::Region>:<AWS::AccountId>";

/// The permissions that are derived from a template.
struct Needs<'t> {
    template: &'t Template,
    needed: Vec<Need>,
}

impl Needs<'_> {
    fn add(&mut self, role: &str, action: &str, resource: impl Into<String>) {
        self.needed.push((role.to_owned(), action.to_owned(), resource.into()));
    }

    fn arn(service: &str, resource: &str) -> String {
        format!("arn:<AWS::Partition>:{service}:{ACCOUNT}:{resource}")
    }

    fn clusters(&mut self) {
        let template = self.template;
        for (_, cluster) in template.of_type("AWS::SageMaker::Cluster") {
            let name = template.text(&cluster["ClusterName"]);
            let lists = ["InstanceGroups", "RestrictedInstanceGroups"].map(|list| &cluster[list]);
            for group in lists.into_iter().filter_map(Json::as_array).flatten() {
                let role = template.role(&group["ExecutionRole"]);
                self.nodes(&role, &name);
                self.scripts(&role, &group["LifeCycleConfig"]["SourceS3Uri"]);
                for key in volume_keys(group) {
                    self.add(&role, "kms:CreateGrant", template.text(key));
                }
                if !cluster["Orchestrator"]["Eks"].is_null() {
                    self.pods(&role);
                }
                let database = &cluster["Orchestrator"]["Slurm"]["AccountingDatabase"];
                if let Some(secret) = database["SecretArn"].as_str() {
                    self.add(&role, "secretsmanager:GetSecretValue", secret);
                }
                if let Some(autoscaler) = cluster.get("ClusterRole") {
                    let autoscaler = template.role(autoscaler);
                    for action in ["sagemaker:BatchAddClusterNodes", "sagemaker:BatchDeleteClusterNodes"] {
                        self.add(&autoscaler, action, Self::arn("sagemaker", "cluster/a1b2c3"));
                    }
                    for key in volume_keys(group) {
                        self.add(&autoscaler, "kms:CreateGrant", template.text(key));
                    }
                }
            }
        }
    }

    /// What every node does: it writes logs and metrics of its cluster, and HyperPod puts interfaces into the subnets.
    fn nodes(&mut self, role: &str, cluster: &str) {
        let group = Self::arn("logs", &format!("log-group:/aws/sagemaker/Clusters/{cluster}/a1b2c3"));
        self.add(role, "logs:CreateLogGroup", group.clone());
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            self.add(role, action, format!("{group}:log-stream:LifecycleConfig/a/i-1"));
        }
        self.add(role, "cloudwatch:PutMetricData", "*");
        for action in ["ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"] {
            self.add(role, action, Self::arn("ec2", "network-interface/eni-1"));
        }
        self.add(role, "ec2:CreateNetworkInterface", Self::arn("ec2", "subnet/subnet-1"));
        self.add(role, "ec2:DescribeSubnets", "*");
    }

    fn scripts(&mut self, role: &str, uri: &Json) {
        if uri.is_null() {
            return;
        }
        let uri = self.template.text(uri);
        let object = format!("arn:<AWS::Partition>:s3:::{}/on_create.sh", uri.strip_prefix("s3://").unwrap());
        self.add(role, "s3:ListBucket", object.split_once('/').unwrap().0);
        self.add(role, "s3:GetObject", object);
    }

    fn pods(&mut self, role: &str) {
        let image = "arn:<AWS::Partition>:ecr:us-east-1:602401143452:repository/eks/pause";
        for action in ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] {
            self.add(role, action, image);
        }
        self.add(role, "ecr:GetAuthorizationToken", "*");
        self.add(role, "eks-auth:AssumeRoleForPodIdentity", Self::arn("eks", "cluster/encrypted"));
    }

    fn addons(&mut self) {
        let template = self.template;
        for (id, addon) in template.of_type("AWS::EKS::Addon") {
            let Some(identity) = addon["PodIdentityAssociations"].get(0) else { continue };
            let role = template.role(&identity["RoleArn"]);
            match addon["AddonName"].as_str().unwrap() {
                "amazon-sagemaker-hyperpod-training-operator" => {
                    self.add(&role, "sagemaker:DescribeClusterNode", "<Burst.ClusterArn>");
                }
                "amazon-sagemaker-hyperpod-observability" => {
                    let values: Json =
                        serde_json::from_str(&template.text(&addon["ConfigurationValues"])).unwrap();
                    let workspace = values["ampWorkspace"]["arn"].as_str().unwrap();
                    self.add(&role, "aps:RemoteWrite", workspace);
                    assert_eq!(values["logging"]["enabled"], true);
                    let group = "log-group:/aws/sagemaker/Clusters/<AWS::StackName>-Burst/pods";
                    let stream = Self::arn("logs", &format!("{group}:log-stream:1"));
                    self.add(&role, "logs:PutLogEvents", stream);
                }
                // The role has a policy of AWS.
                "amazon-cloudwatch-observability" => {}
                other => panic!("{id} is {other}"),
            }
        }
    }

    fn others(&mut self) {
        let template = self.template;
        for (_, schedule) in template.of_type("AWS::Scheduler::Schedule") {
            let target = &schedule["Target"];
            assert!(template.text(&target["Arn"]).ends_with(":putRetentionPolicy"), "{target}");
            let input: Json = serde_json::from_str(&template.text(&target["Input"])).unwrap();
            let group = input["LogGroupName"].as_str().unwrap();
            let role = template.role(&target["RoleArn"]);
            self.add(&role, "logs:PutRetentionPolicy", Self::arn("logs", &format!("log-group:{group}")));
        }
        for (_, action) in template.of_type("AWS::Budgets::BudgetsAction") {
            let role = template.role(&action["ExecutionRoleArn"]);
            for restricted in action["Definition"]["IamActionDefinition"]["Roles"].as_array().unwrap() {
                let restricted = template.text(restricted);
                let arn = format!("arn:<AWS::Partition>:iam::<AWS::AccountId>:role/{restricted}");
                self.add(&role, "iam:AttachRolePolicy", arn);
            }
        }
        for (_, job) in template.of_type("AWS::Batch::JobDefinition") {
            let container = &job["ContainerProperties"];
            let variables = container["Environment"].as_array().into_iter().flatten();
            for variable in variables.filter(|variable| variable["Name"] == "CHECKPOINTS") {
                let (role, uri) =
                    (template.role(&container["JobRoleArn"]), template.text(&variable["Value"]));
                // The bucket is in another stack, which exports its name and its ARN.
                let bucket = uri.strip_prefix("s3://").unwrap().replace("Ref>", "Arn>");
                let object = format!("{bucket}/object");
                self.add(&role, "s3:GetObject", object.clone());
                self.add(&role, "s3:PutObject", object);
            }
        }
        for (_, launch) in template.of_type("AWS::EC2::LaunchTemplate") {
            let Some(profile) = launch["LaunchTemplateData"]["IamInstanceProfile"].get("Arn") else {
                continue;
            };
            let profile = template.role(profile);
            let roles = &template.resources[&profile]["Properties"]["Roles"];
            let role = template.role(&roles[0]);
            self.add(&role, "ssmmessages:OpenDataChannel", "*");
            self.add(&role, "ssm:UpdateInstanceInformation", Self::arn("ec2", "instance/i-1"));
        }
    }
}

/// The keys of the volumes of an instance group.
fn volume_keys(group: &Json) -> impl Iterator<Item = &Json> {
    let volumes = group["InstanceStorageConfigs"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| volume["EbsVolumeConfig"].get("VolumeKmsKeyId"))
}

#[test]
fn roles_of_clusters_and_fleets_allow_what_the_template_names() {
    for key_of in [KeyOf::Setters, KeyOf::Stack] {
        let templates = Template::all(&snapshots::encrypted_clusters::app(key_of));
        let mut derived = BTreeSet::new();
        let mut number = 0;
        for template in &templates {
            let mut needs = Needs { template, needed: Vec::new() };
            needs.clusters();
            needs.addons();
            needs.others();
            let needed = needs.needed;
            number += needed.len();
            derived.extend(needed.iter().map(|(_, action, _)| action.clone()));
            let lacking = template.lacking(&needed);
            assert!(lacking.is_empty(), "{lacking:#?}");
            // What the containers of jobs do is not in the template: the program allows one role to write.
            let rest = template.without_needs(&needed);
            assert!(rest.is_empty() || rest == ["JobsRole"], "{rest:?}");
        }
        assert!(number > 150, "only {number} permissions were derived");
        for action in [
            "aps:RemoteWrite",
            "eks-auth:AssumeRoleForPodIdentity",
            "iam:AttachRolePolicy",
            "kms:CreateGrant",
            "logs:PutRetentionPolicy",
            "s3:GetObject",
            "s3:PutObject",
            "sagemaker:BatchAddClusterNodes",
            "sagemaker:DescribeClusterNode",
            "secretsmanager:GetSecretValue",
            "ssm:UpdateInstanceInformation",
        ] {
            assert!(derived.contains(action), "{action} was not derived");
        }
    }
}

#[test]
fn no_action_of_clusters_and_fleets_is_allowed_on_everything_where_an_arn_can_stand() {
    for template in Template::all(&snapshots::encrypted_clusters::app(KeyOf::Setters)) {
        let wide = template.too_wide();
        assert!(wide.is_empty(), "{wide:#?}");
    }
}
