//! What the roles of HyperPod clusters, their add-ons, fleets and budgets need.

use serde_json::Value as Json;

use super::Needs;

impl Needs<'_> {
    pub(super) fn clusters(&mut self) {
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
                if !database["SecretArn"].is_null() {
                    let secret = self.text(&database["SecretArn"]);
                    self.add(&role, "secretsmanager:GetSecretValue", secret);
                }
                if let Some(autoscaler) = cluster.get("ClusterRole") {
                    let autoscaler = template.role(autoscaler);
                    for action in ["sagemaker:BatchAddClusterNodes", "sagemaker:BatchDeleteClusterNodes"] {
                        self.add(&autoscaler, action, self.arn("sagemaker", "cluster/a1b2c3"));
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
        let group = self.arn("logs", &format!("log-group:/aws/sagemaker/Clusters/{cluster}/a1b2c3"));
        self.add(role, "logs:CreateLogGroup", group.clone());
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            self.add(role, action, format!("{group}:log-stream:LifecycleConfig/a/i-1"));
        }
        self.add(role, "cloudwatch:PutMetricData", "*");
        for action in ["ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"] {
            self.add(role, action, self.arn("ec2", "network-interface/eni-1"));
        }
        self.add(role, "ec2:CreateNetworkInterface", self.arn("ec2", "subnet/subnet-1"));
        self.add(role, "ec2:DescribeSubnets", "*");
    }

    fn scripts(&mut self, role: &str, uri: &Json) {
        let Some(uri) = self.uri(uri) else { return };
        self.add(role, "s3:ListBucket", format!("arn:aws:s3:::{}", super::bucket(&uri)));
        let object = format!("arn:aws:s3:::{}/on_create.sh", uri.trim_start_matches("s3://"));
        self.add(role, "s3:GetObject", object);
    }

    fn pods(&mut self, role: &str) {
        let image = format!("arn:aws:ecr:{}:602401143452:repository/eks/pause", self.template.region());
        for action in ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] {
            self.add(role, action, image.clone());
        }
        self.add(role, "ecr:GetAuthorizationToken", "*");
        // A name that CloudFormation generates is not known.
        let cluster = self.arn("eks", "cluster/generated");
        self.add(role, "eks-auth:AssumeRoleForPodIdentity", cluster);
    }

    /// The add-ons of EKS.
    ///
    /// # Panics
    /// If an add-on with a role is unknown.
    pub(super) fn addons(&mut self) {
        let template = self.template;
        for (id, addon) in template.of_type("AWS::EKS::Addon") {
            let Some(identity) = addon["PodIdentityAssociations"].get(0) else { continue };
            let role = template.role(&identity["RoleArn"]);
            match addon["AddonName"].as_str().unwrap_or_default() {
                "amazon-sagemaker-hyperpod-training-operator" => {
                    let arn = self.operated();
                    self.add(&role, "sagemaker:DescribeClusterNode", arn);
                }
                "amazon-sagemaker-hyperpod-observability" => {
                    let values = self.definition(&addon["ConfigurationValues"]);
                    let workspace = self.text(&values["ampWorkspace"]["arn"]);
                    self.add(&role, "aps:RemoteWrite", workspace);
                    if values["logging"]["enabled"] == true {
                        let cluster = self.operated();
                        let cluster = cluster.trim_matches(['<', '>']).trim_end_matches(".ClusterArn");
                        let name = self.text(&template.resources[cluster]["Properties"]["ClusterName"]);
                        let group = format!("log-group:/aws/sagemaker/Clusters/{name}/pods");
                        let stream = self.arn("logs", &format!("{group}:log-stream:1"));
                        self.add(&role, "logs:PutLogEvents", stream);
                    }
                }
                // The role has a policy of AWS.
                "amazon-cloudwatch-observability" => {}
                other => panic!("{id} is {other}"),
            }
        }
    }

    /// The ARN of the HyperPod cluster that an add-on belongs to. Add-ons name the EKS cluster only; where several HyperPod clusters
    /// have one EKS cluster, it is the one with continuous provisioning.
    fn operated(&self) -> String {
        let template = self.template;
        let clusters = template.of_type("AWS::SageMaker::Cluster");
        let mut clusters: Vec<_> =
            clusters.filter(|(_, cluster)| !cluster["Orchestrator"]["Eks"].is_null()).collect();
        clusters.sort_by_key(|(_, cluster)| cluster.get("ClusterRole").is_none());
        format!("<{}.ClusterArn>", clusters[0].0)
    }

    pub(super) fn budgets(&mut self) {
        let template = self.template;
        for (_, action) in template.of_type("AWS::Budgets::BudgetsAction") {
            let role = template.role(&action["ExecutionRoleArn"]);
            let definition = &action["Definition"]["IamActionDefinition"];
            for restricted in definition["Roles"].as_array().into_iter().flatten() {
                let restricted = template.text(restricted);
                let arn = format!("arn:aws:iam::<AWS::AccountId>:role/{restricted}");
                for action in ["iam:AttachRolePolicy", "iam:DetachRolePolicy"] {
                    self.add(&role, action, arn.clone());
                }
            }
        }
    }

    pub(super) fn fleets(&mut self) {
        let template = self.template;
        for (_, job) in template.of_type("AWS::Batch::JobDefinition") {
            let container = &job["ContainerProperties"];
            let variables = container["Environment"].as_array().into_iter().flatten();
            for variable in variables.filter(|variable| variable["Name"] == "CHECKPOINTS") {
                let role = template.role(&container["JobRoleArn"]);
                self.reads(&role, &variable["Value"]);
                self.writes(&role, &variable["Value"]);
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
            self.add(&role, "ssm:UpdateInstanceInformation", self.arn("ec2", "instance/i-1"));
        }
    }
}

/// The keys of the volumes of an instance group.
fn volume_keys(group: &Json) -> impl Iterator<Item = &Json> {
    let volumes = group["InstanceStorageConfigs"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| volume["EbsVolumeConfig"].get("VolumeKmsKeyId"))
}
