//! Networks, HyperPod clusters and GPU fleets: how other programs judge their templates (the project's own check, cfn-lint,
//! botocore's shapes of the requests, moto), what is refused at the user's line, and what an edit changes.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value as Json;
use snapshots::encrypted_clusters::KeyOf;
use snapshots::refused;
use stackwright::prelude::*;
use stackwright::stacks::cluster::{
    AccountingDatabase, ClusterJob, ClusterMonitoring, ClusterPolicy, ComputeAllocation, Continuous,
    DeepHealthCheck, Eks, EksCluster, EksClusterHandle, HyperPodAddons, HyperPodCluster, HyperPodHandle,
    InferenceOperator, KarpenterGroup, KubernetesVersion, LifecycleScripts, LustreThroughput, NodeGroup,
    NodeShare, Observability, PatchTime, PodRole, RestrictedGroup, RollingBatches, ServiceNodes,
    SharedStorage, SharedUser, Slurm, SlurmStrategy, TaintEffect, TaskGovernance, WorkerGroup,
};
use stackwright::stacks::fleet::{
    Ami, GpuFleet, InstanceRefresh, LaunchBan, LifecycleHook, MonthlyBudget, Os, Reservations, ScheduledSize,
    SpotAllocation, SpotMix, TrainingFleet, UserData,
};
use stackwright::stacks::iam::{RoleOptions, RoleReference};
use stackwright::stacks::network::{InterfaceEndpoint, Network, NetworkHandle, NetworkSubnet};
use stackwright::stacks::training::{
    DeepSpeed, Fsdp, Instances, ModelParallel, ShardingStrategy, TrainingJob,
};

const PLAN: &str = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/pretraining";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:cluster";

/// Judges an app by every program, and checks that the programs evaluated the named files.
fn judged(app: &App, expected_lines: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let assembly = directory.path().join("out");
    stackwright::testing::synth(app).write(&assembly).unwrap();
    let reported = snapshots::judged_by("clusters.py", &assembly);
    for expected in expected_lines {
        assert!(reported.contains(expected), "no `{expected}` in\n{reported}");
    }
}

#[test]
fn the_examples_are_what_others_take() {
    snapshots::needs!("python/bin/python");
    judged(
        &hyperpod_slurm::app(),
        &["templates: 2", "CreateCluster: 1", "instance groups: 4", "CreateFileSystem: 1"],
    );
    judged(
        &hyperpod_eks::app(),
        &["templates: 2", "CreateCluster: 2", "instance groups: 4", "CreateAddon: 10", "PutMetricAlarm: 3"],
    );
    judged(
        &gpu_fleet::app(),
        &[
            "templates: 1",
            "CreateAutoScalingGroup: 2",
            "EFA interfaces: 32",
            "CreateBudget: 1",
            "CreateBudgetAction: 1",
        ],
    );
}

fn of_subnet() -> NetworkHandle {
    NetworkHandle::existing(
        "vpc-0123456789abcdef0",
        [NetworkSubnet::existing("subnet-0123456789abcdef0").in_zone_id("use1-az4")],
        ["sg-0123456789abcdef0"],
    )
}

fn eks() -> EksClusterHandle {
    EksClusterHandle::existing("models", "arn:aws:eks:us-east-1:123456789012:cluster/models")
}

fn controller() -> ServiceNodes {
    ServiceNodes::new("controller", "ml.m5.4xlarge")
}

fn batches() -> RollingBatches {
    RollingBatches::new(NodeShare::nodes(1))
        .rollback_batch(NodeShare::percent(100))
        .wait(Duration::from_mins(5))
        .rollback_on("training-health")
}

/// Every setting that there is.
fn everything() -> App {
    let app = App::new("everything");
    let stack = |name: &str| app.stack(name).region("us-east-1");
    let shared = || SharedStorage::lustre("fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com", "abcdefgh");
    stack("Slurm").add(
        "Cluster",
        HyperPodCluster::slurm(&of_subnet(), controller().count(1).threads_per_core(2).volume_key(KEY))
            .strategy(SlurmStrategy::Managed)
            .login(ServiceNodes::new("login", "ml.m5.2xlarge").image_release("1.2.3"))
            .workers(
                WorkerGroup::new("a", "ml.p5.48xlarge", 2)
                    .partition("train")
                    .volume_gb(500)
                    .volume_key(KEY)
                    .image_id("ami-0123456789abcdef0")
                    .efa_only()
                    .deep_health_checks([DeepHealthCheck::InstanceStress])
                    .update_at("cron(0 3 ? * SUN *)", batches())
                    .mount(shared().at("/data")),
            )
            .workers(
                WorkerGroup::planned("b", "ml.p5.48xlarge", 2, PLAN)
                    .network(&of_subnet())
                    .capacity_zone_id("use1-az4"),
            )
            .workers(WorkerGroup::new("c", "ml.g5.8xlarge", 1).patch(PatchTime::WhenIdle, batches()))
            .scripts(LifecycleScripts::new().check_efa())
            .mount(shared())
            .mount(SharedStorage::open_zfs("fs-0123456789abcdef1.fsx.us-east-1.amazonaws.com"))
            .name("training")
            .node_recovery(false)
            .monitor(ClusterMonitoring::new(TOPIC).log_retention_days(90))
            .allow(Statement::allow(["s3:GetObject"]).on("arn:aws:s3:::data/*"))
            .tag("team", "research"),
    );
    let database = AccountingDatabase::new(
        "accounting.cluster-abc.us-east-1.rds.amazonaws.com",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:slurm-abcdef",
        "slurm_training",
    );
    stack("Continuous").add(
        "Cluster",
        HyperPodCluster::slurm_continuous(&of_subnet(), controller())
            .accounting_database(database.port(3306))
            .workers(WorkerGroup::new("a", "ml.p5.48xlarge", 4).minimum_count(2))
            .workers(WorkerGroup::new("b", "ml.g5.12xlarge", 2).or_types(["ml.g6.12xlarge"]))
            .workers(WorkerGroup::new("c", "ml.g5.8xlarge", 1))
            .role("arn:aws:iam::123456789012:role/Nodes"),
    );
    stack("Scripted").add(
        "Cluster",
        HyperPodCluster::slurm_by_scripts(&of_subnet(), controller())
            .login(ServiceNodes::new("login", "ml.m5.2xlarge"))
            .workers(WorkerGroup::new("workers", "ml.p5.48xlarge", 2).partition("dev"))
            .mount_lustre("fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com", "abcdefgh")
            .mount_open_zfs("fs-0123456789abcdef1.fsx.us-east-1.amazonaws.com")
            .scripts(LifecycleScripts::new().check_efa().enroot()),
    );
    let groups = stack("Eks");
    let cluster = groups.add(
        "Cluster",
        HyperPodCluster::eks_continuous(&eks(), &of_subnet())
            .group(NodeGroup::new("system", "ml.m5.2xlarge", 2))
            .group(NodeGroup::spot("spot", "ml.g5.12xlarge", 2).taint("spot", "true", TaintEffect::NoExecute))
            .group(NodeGroup::planned("planned", "ml.p5.48xlarge", 2, PLAN).label("workload", "training"))
            .karpenter(KarpenterGroup::new("burst", "ml.g5.8xlarge").volume_key(KEY))
            .tiered_storage(30),
    );
    groups.add("Governance", governance(&cluster, 2));
    groups.add(
        "Addons",
        HyperPodAddons::new(&cluster)
            .training_operator()
            .observability(Observability::new().container_logs())
            .container_insights(TOPIC)
            .inference(inference_operator()),
    );
    stack("AllOrNothing").add(
        "Cluster",
        HyperPodCluster::eks(&eks(), &of_subnet()).group(NodeGroup::new("workers", "ml.g5.8xlarge", 1)),
    );
    stack("Restricted").add(
        "Cluster",
        HyperPodCluster::restricted(&eks(), &of_subnet())
            .group(
                RestrictedGroup::new("b", "ml.p5.48xlarge", 4)
                    .lustre(4_800, LustreThroughput::Mb250)
                    .volume_gb(500)
                    .volume_key(KEY)
                    .deep_health_checks([DeepHealthCheck::InstanceStress])
                    .network(&of_subnet()),
            )
            .group(RestrictedGroup::planned("a", "ml.p5.48xlarge", 4, PLAN))
            .shared_lustre(4_800, LustreThroughput::Mb250, true),
    );
    fleets(&app);
    app
}

#[track_caller]
fn governance(cluster: &HyperPodHandle<Eks<Continuous>>, instances: u64) -> TaskGovernance {
    let policy = ClusterPolicy::new().priority_class("production", 90);
    TaskGovernance::new(cluster, policy.share_idle_resources(true).fair_share(false))
        .team(
            ComputeAllocation::new("research").instances("ml.p5.48xlarge", instances).keep().never_preempt(),
        )
        .team(
            ComputeAllocation::new("vision")
                .accelerators("ml.g5.12xlarge", 4)
                .lend_and_borrow(100)
                .weight(40),
        )
        .team(
            ComputeAllocation::new("speech")
                .vcpus("ml.m5.2xlarge", 4.0)
                .memory_gib("ml.m5.2xlarge", 16.0)
                .lend(),
        )
}

#[track_caller]
fn inference_operator() -> InferenceOperator {
    InferenceOperator::new()
        .execution_role("arn:aws:iam::123456789012:role/SageMakerHyperPodInference-models")
        .certificate_bucket("hyperpod-tls-models")
        .load_balancer_role("arn:aws:iam::123456789012:role/models-alb")
        .autoscaler_role("arn:aws:iam::123456789012:role/models-keda")
}

fn ami() -> Ami {
    Ami::deep_learning_base(Os::Ubuntu2404)
}

fn fleets(app: &App) {
    let network = of_subnet();
    let stack = app.stack("Fleets").region("us-east-1");
    for (id, reservations) in [
        ("Only", Reservations::only(["cr-0123456789abcdef0"])),
        ("First", Reservations::first(["cr-0123456789abcdef0"])),
        (
            "OfGroup",
            Reservations::of_group_only(["arn:aws:resource-groups:us-east-1:123456789012:group/gpus"]),
        ),
        (
            "GroupFirst",
            Reservations::of_group_first(["arn:aws:resource-groups:us-east-1:123456789012:group/gpus"]),
        ),
    ] {
        stack.add(id, GpuFleet::reserved(&network, "p4d.24xlarge", ami(), reservations).efa());
    }
    stack.add(
        "OnDemand",
        GpuFleet::new(&network, "g5.12xlarge", Ami::eks_gpu(KubernetesVersion::V1_33))
            .instances(1..=4)
            .warm_pool(2)
            .cluster_placement()
            .volume_key(KEY)
            .maximum_lifetime(Duration::from_hours(24 * 14))
            .instance_warm_up(Duration::from_mins(5))
            .protect_from_scale_in()
            .lifecycle_hook(LifecycleHook::launching("Ready", Duration::from_mins(10)))
            .instance_refresh(
                InstanceRefresh::keeping_healthy(100)
                    .up_to(150)
                    .warm_up(Duration::from_mins(5))
                    .bake(Duration::from_mins(10))
                    .rollback_on("fleet-health"),
            )
            .user_data(UserData::new().cloud_config("packages: [htop]"))
            .allow(Statement::allow(["s3:GetObject"]).on("arn:aws:s3:::data/*")),
    );
    let image = || ContainerImage::from_uri("123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3");
    let command = ["torchrun", "train.py"];
    stack.add(
        "Jobs",
        TrainingFleet::new(&network, "p5.48xlarge", 4, image())
            .max_nodes(8)
            .command(command)
            .environment("NCCL_DEBUG", "INFO")
            .attempts(2)
            .timeout(Duration::from_hours(48))
            .volume_key(KEY)
            .root_volume_gb(500)
            .allow(Statement::allow(["s3:GetObject"]).on("arn:aws:s3:::data/*")),
    );
    stack.add(
        "Block",
        TrainingFleet::capacity_block(&network, "p4d.24xlarge", 2, image(), "cr-0123456789abcdef0"),
    );
    let budget = stack.add("Budget", MonthlyBudget::new(20_000.0).topic(TOPIC).at_percent(90));
    stack.add(
        "Ban",
        LaunchBan::new(budget.reference(), 100.0).role("Researchers").topic(TOPIC).needs_approval(),
    );
    stack.add("Spot", TrainingFleet::spot(&network, ["g5.12xlarge", "g6.12xlarge"], image()).max_nodes(4));
    stack.add(
        "Mixed",
        GpuFleet::mixed(
            &network,
            SpotMix::of(["g5.48xlarge", "g6.48xlarge"])
                .allocation(SpotAllocation::CapacityOptimizedPrioritized)
                .max_price("20")
                .cheapest_on_demand(),
            Ami::ecs_gpu(),
        )
        .efa(),
    );
}

#[test]
fn every_setting_is_what_others_take() {
    snapshots::needs!("python/bin/python");
    judged(
        &everything(),
        &[
            "templates: 7",
            "CreateCluster: 6",
            "CreateAddon: 10",
            "CreateBudgetAction: 1",
            "CreateSchedule: 1",
            "PutMetricAlarm: 3",
            "CreateComputeQuota: 3",
            "CreateAutoScalingGroup: 6",
            "PutWarmPool: 1",
        ],
    );
}

/// The templates of an app, by the names of its stacks.
fn templates(app: &App) -> Vec<Json> {
    let assembly = app.synth().unwrap_or_else(|errors| panic!("{errors}"));
    let parsed = |text: &str| serde_json::from_str(text).unwrap();
    assembly.stacks.iter().map(|stack| parsed(stack.template.json())).collect()
}

/// The properties of all resources of a type, with the resources of their templates.
fn of_type<'t>(templates: &'t [Json], name: &'t str) -> Vec<(&'t Json, &'t Json)> {
    let of_template = |template: &'t Json| {
        let resources = &template["Resources"];
        let found = resources.as_object().unwrap().values().filter(move |resource| resource["Type"] == name);
        found.map(move |resource| (&resource["Properties"], resources))
    };
    templates.iter().flat_map(of_template).collect()
}

#[test]
fn encrypted_clusters_and_fleets_are_what_others_take() {
    snapshots::needs!("python/bin/python");
    for key_of in [KeyOf::Setters, KeyOf::Stack] {
        judged(
            &snapshots::encrypted_clusters::app(key_of),
            &["templates: 3", "CreateCluster: 7", "CreateFileSystem: 1", "CreateLaunchTemplate: 7"],
        );
    }
}

#[test]
fn the_key_reaches_every_volume_and_whoever_has_to_use_it() {
    for key_of in [KeyOf::Setters, KeyOf::Stack] {
        let templates = templates(&snapshots::encrypted_clusters::app(key_of));
        let mut volumes = 0;
        for (cluster, resources) in of_type(&templates, "AWS::SageMaker::Cluster") {
            let lists = ["InstanceGroups", "RestrictedInstanceGroups"].map(|name| &cluster[name]);
            for group in lists.into_iter().filter_map(Json::as_array).flatten() {
                let storage = group["InstanceStorageConfigs"].as_array().unwrap();
                let keys: Vec<&Json> = storage
                    .iter()
                    .filter(|one| one["EbsVolumeConfig"].is_object())
                    .map(|one| &one["EbsVolumeConfig"]["VolumeKmsKeyId"])
                    .collect();
                assert!(!keys.is_empty(), "{group}");
                let role = group["ExecutionRole"]["Fn::GetAtt"][0].as_str().unwrap();
                for key in keys {
                    assert!(!key.is_null(), "{group}");
                    volumes += 1;
                    for action in ["kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext"] {
                        assert!(allows(&resources[role], action, key), "{role} lacks {action} on {key}");
                    }
                }
            }
            if let Some(role) = cluster["ClusterRole"]["Fn::GetAtt"][0].as_str() {
                let burst = &cluster["InstanceGroups"][0]["InstanceStorageConfigs"][0]["EbsVolumeConfig"];
                assert!(allows(&resources[role], "kms:CreateGrant", &burst["VolumeKmsKeyId"]), "{role}");
            }
        }
        assert!(volumes >= 12, "{volumes}");
        let launch_templates = of_type(&templates, "AWS::EC2::LaunchTemplate");
        assert_eq!(launch_templates.len(), 7);
        for (template, _) in launch_templates {
            let volume = &template["LaunchTemplateData"]["BlockDeviceMappings"][0]["Ebs"];
            assert!(!volume["KmsKeyId"].is_null() && volume["Encrypted"] == true, "{volume}");
        }
        let (file_system, _) = of_type(&templates, "AWS::FSx::FileSystem")[0];
        assert!(!file_system["KmsKeyId"].is_null(), "{file_system}");
        let (eks, _) = of_type(&templates, "AWS::EKS::Cluster")[0];
        assert!(!eks["EncryptionConfig"][0]["Provider"]["KeyArn"].is_null(), "{eks}");
        let (key, _) = of_type(&templates, "AWS::KMS::Key")[0];
        let principals = key["KeyPolicy"].to_string();
        assert!(principals.contains("role/aws-service-role/autoscaling.amazonaws.com/"), "{principals}");
        // Who reads and writes an encrypted bucket may use its key.
        let text = templates.iter().map(Json::to_string).collect::<String>();
        assert_eq!(text.matches(r#""kms:Decrypt","kms:GenerateDataKey"]"#).count(), 3);
    }
}

#[test]
fn no_role_is_created_where_each_is_given() {
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/ml/{name}");
    let app = App::new("given");
    let stack = app.stack("Main").region("us-east-1");
    let network = NetworkHandle::existing(
        "vpc-0123456789abcdef0",
        [
            NetworkSubnet::existing("subnet-0123456789abcdef0"),
            NetworkSubnet::existing("subnet-0123456789abcdef1"),
        ],
        ["sg-0123456789abcdef0"],
    );
    let one = network.in_subnet(0);
    let eks = EksCluster::new(&network, KubernetesVersion::V1_33).role(role("Eks").as_str());
    let eks = stack.add("Eks", eks);
    let monitoring = ClusterMonitoring::new(TOPIC).retention_role(role("Retention").as_str());
    let cluster = stack.add(
        "Cluster",
        HyperPodCluster::eks_continuous(&eks, &one)
            .group(NodeGroup::new("system", "ml.m5.2xlarge", 2))
            .karpenter(KarpenterGroup::new("burst", "ml.g5.8xlarge"))
            .karpenter_role(role("Karpenter").as_str())
            .monitor(monitoring)
            .role(role("Nodes").as_str()),
    );
    let addons = stack.add(
        "Addons",
        HyperPodAddons::new(&cluster)
            .training_operator()
            .observability(Observability::new())
            .container_insights(TOPIC)
            .pod_role(PodRole::TrainingOperator, role("Operator").as_str())
            .pod_role(PodRole::Observability, role("Collector").as_str())
            .pod_role(PodRole::ContainerInsights, role("Agent").as_str()),
    );
    let image = ContainerImage::from_uri("123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3");
    let profile = "arn:aws:iam::123456789012:instance-profile/Jobs";
    let jobs = TrainingFleet::new(&one, "p4d.24xlarge", 2, image);
    stack.add("Jobs", jobs.role(role("Job").as_str()).instance_profile(profile));
    let fleet = || GpuFleet::new(&one, "g5.12xlarge", ami());
    let fleet_handle = stack.add("ByArn", fleet().role(role("Fleet").as_str()));
    stack.add("ByName", fleet().role(RoleReference::from_name("ml/Named")));
    let ban = LaunchBan::new("budget", 100.0).role("Researchers").email("ml@example.com");
    let ban = stack.add("Ban", ban.execution_role(role("Budgets").as_str()));

    let templates = templates(&app);
    assert!(of_type(&templates, "AWS::IAM::Role").is_empty());
    let text = templates[0].to_string();
    let given =
        ["Eks", "Retention", "Nodes", "Karpenter", "Operator", "Collector", "Agent", "Job", "Budgets"];
    for name in given {
        assert!(text.contains(&role(name)), "{name}");
    }
    // An instance profile names its role without the path.
    let profiles = of_type(&templates, "AWS::IAM::InstanceProfile");
    let names: BTreeSet<&str> =
        profiles.iter().map(|(profile, _)| profile["Roles"][0].as_str().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["Fleet", "Named"]));
    // What roles of the program have to allow is in the handles.
    let needed = [
        fleet_handle.role(),
        Some(cluster.role()),
        cluster.karpenter_role(),
        cluster.retention_role(),
        addons.role(PodRole::TrainingOperator),
        addons.role(PodRole::Observability),
        Some(ban.role()),
    ];
    for role in needed {
        assert!(!role.unwrap().permissions().is_empty(), "{role:?}");
    }
    let with_policies_of_aws = [eks.role(), addons.role(PodRole::ContainerInsights)];
    assert!(with_policies_of_aws.iter().all(Option::is_some));

    let unknown = with(|stack, network| {
        let role = SsmParameter::new("/roles/fleet");
        stack.add("Fleet", GpuFleet::new(network, "g5.12xlarge", ami()).role(role));
    });
    assert!(snapshots::findings(&unknown).contains("this role has only an ARN"));
}

#[test]
fn a_file_system_follows_the_removal_policy_of_its_stack() {
    let policy = |app: App, own: Option<DeletionPolicy>| {
        let stack = app.stack("Main").region("us-east-1");
        let network = of_subnet();
        let shared = LustreFileSystem::new(&network, 1_200, LustreThroughput::Mb125);
        stack.add("Shared", own.into_iter().fold(shared, LustreFileSystem::removal_policy));
        let resource = resources(&app)["Shared"].clone();
        assert_eq!(resource["DeletionPolicy"], resource["UpdateReplacePolicy"]);
        resource["DeletionPolicy"].as_str().unwrap().to_owned()
    };
    let deleting = || App::new("storage").removal_policy(DeletionPolicy::Delete);
    assert_eq!(policy(App::new("storage"), None), "Retain");
    assert_eq!(policy(deleting(), None), "Delete");
    assert_eq!(policy(deleting(), Some(DeletionPolicy::Retain)), "Retain");
}

/// Whether a policy of a role allows an action on a resource.
fn allows(role: &Json, action: &str, resource: &Json) -> bool {
    let policies = role["Properties"]["Policies"].as_array().into_iter().flatten();
    let mut statements =
        policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten());
    statements.any(|statement| {
        let actions = statement["Action"].as_array().into_iter().flatten();
        actions.into_iter().any(|one| one == action) && statement["Resource"] == *resource
    })
}

/// The paths of the properties that a schema allows, without the indices of lists.
fn allowed(schema: stackwright_schemas::registry::Schema<'_>, path: &str, found: &mut BTreeSet<String>) {
    let schema = schema.resolved();
    for alternative in schema.alternatives() {
        allowed(alternative, path, found);
    }
    if let Some(items) = schema.items() {
        allowed(items, path, found);
    }
    for (name, inner) in schema.properties() {
        let inner_path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        allowed(inner, &inner_path, found);
        found.insert(inner_path);
    }
}

/// The paths of the properties that a value has.
fn given(value: &Json, path: &str, found: &mut BTreeSet<String>) {
    for item in value.as_array().into_iter().flatten() {
        given(item, path, found);
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let inner_path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        given(inner, &inner_path, found);
        found.insert(inner_path);
    }
}

#[test]
fn every_property_has_a_setter_or_is_listed() {
    // What `customize` sets.
    let without_setter = [
        "AWS::SageMaker::Cluster InstanceGroups.AutoPatchConfig.PatchSchedule",
        "AWS::SageMaker::Cluster InstanceGroups.CapacityRequirements.OnDemand",
        "AWS::SageMaker::Cluster InstanceGroups.CurrentCount",
        "AWS::SageMaker::Cluster RestrictedInstanceGroups.CurrentCount",
        "AWS::SageMaker::Cluster RestrictedInstanceGroups.InstanceStorageConfigs.FsxLustreConfig",
        "AWS::SageMaker::Cluster RestrictedInstanceGroups.InstanceStorageConfigs.FsxOpenZfsConfig",
        "AWS::SageMaker::ClusterSchedulerConfig Description",
        "AWS::SageMaker::ClusterSchedulerConfig Tags",
        "AWS::SageMaker::ComputeQuota ActivationState",
        "AWS::SageMaker::ComputeQuota ComputeQuotaConfig.ComputeQuotaResources.AcceleratorPartition",
        "AWS::SageMaker::ComputeQuota ComputeQuotaConfig.ResourceSharingConfig.AbsoluteBorrowLimits",
        "AWS::SageMaker::ComputeQuota Description",
        "AWS::SageMaker::ComputeQuota Tags",
    ];
    let page = include_str!("../../docs/clusters.md");
    let assembly = everything().synth().unwrap();
    let mut missing = BTreeSet::new();
    for name in
        ["AWS::SageMaker::Cluster", "AWS::SageMaker::ClusterSchedulerConfig", "AWS::SageMaker::ComputeQuota"]
    {
        let kind = stackwright_schemas::registry::resource_type(name).unwrap();
        let mut of_schema = BTreeSet::new();
        for (property, schema) in kind.properties().filter(|(property, _)| !kind.is_read_only(property)) {
            allowed(schema, property, &mut of_schema);
            of_schema.insert(property.to_owned());
        }
        assert!(of_schema.len() > 10, "{of_schema:?}");
        let mut of_templates = BTreeSet::new();
        for stack in &assembly.stacks {
            let template: Json = serde_json::from_str(stack.template.json()).unwrap();
            for resource in template["Resources"].as_object().unwrap().values() {
                if resource["Type"] == name {
                    given(&resource["Properties"], "", &mut of_templates);
                }
            }
        }
        for path in of_schema.difference(&of_templates) {
            missing.insert(format!("{name} {path}"));
        }
    }
    let listed = |path: &str| {
        without_setter
            .iter()
            .any(|one| path == *one || path.strip_prefix(one).is_some_and(|rest| rest.starts_with('.')))
    };
    let unlisted: Vec<&String> = missing.iter().filter(|path| !listed(path)).collect();
    assert!(unlisted.is_empty(), "no setter, and not listed: {unlisted:#?}");
    for one in without_setter {
        assert!(missing.contains(one), "{one} has a setter");
        let path = one.split(' ').nth(1).unwrap();
        let last = path.rsplit('.').next().unwrap();
        assert!(page.contains(&format!("`{last}`")), "docs/clusters.md does not list {path}");
    }
}

#[test]
fn the_page_has_the_lines_of_the_examples() {
    let page = include_str!("../../docs/clusters.md");
    for (example, text) in [
        ("hyperpod-slurm", include_str!("../../examples/hyperpod-slurm/src/lib.rs")),
        ("hyperpod-eks", include_str!("../../examples/hyperpod-eks/src/lib.rs")),
    ] {
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let lines = text.lines().filter(is_code).count();
        assert!(
            page.contains(&format!("{lines} (`examples/{example}`")),
            "{example} has {lines} lines of code"
        );
    }
}

fn with(add: impl FnOnce(&Stack, &NetworkHandle)) -> App {
    let app = App::new("wrong");
    let stack = app.stack("Main").region("us-east-1");
    add(&stack, &of_subnet());
    app
}

#[test]
#[rustfmt::skip]
fn invalid_settings_are_errors_at_the_users_line() {
    // Networks
    refused!("is not an IPv4 address block", with(|stack, _| drop(stack.add("Network", Network::isolated("10.0.0.0", 2)))));
    refused!("too small for 3 subnets", with(|stack, _| drop(stack.add("Network", Network::private("10.0.0.0/28", 3)))));
    refused!("1 Availability Zones are set", with(|stack, _| drop(stack.add("Network", Network::isolated("10.0.0.0/16", 2).zones(["us-east-1a"])))));
    // Clusters
    let slurm = |network: &NetworkHandle| HyperPodCluster::slurm(network, controller());
    refused!("two groups of the cluster have the name `a`", with(|stack, network| drop(stack.add("Cluster", slurm(network).workers(WorkerGroup::new("a", "ml.g5.8xlarge", 1)).workers(WorkerGroup::new("a", "ml.g5.8xlarge", 1))))));
    refused!("is not a valid Linux user name", with(|stack, network| drop(stack.add("Cluster", slurm(network).scripts(LifecycleScripts::new().users([SharedUser::new("Ada L", 2001, "/fsx/ada")]))))));
    refused!("Windows line endings", with(|stack, network| drop(stack.add("Cluster", slurm(network).scripts(LifecycleScripts::new().step("a", "#!/bin/bash\r\n"))))));
    refused!("the nodes need", with(|stack, _| { let network = stack.add("Network", Network::isolated("10.0.0.0/24", 1).efa()); stack.add("Cluster", slurm(&network).workers(WorkerGroup::new("a", "ml.p5.48xlarge", 8))); }));
    let continuous = |network: &NetworkHandle| HyperPodCluster::eks_continuous(&eks(), network).group(NodeGroup::new("p5", "ml.p5.48xlarge", 2));
    refused!("3 instances of", with(|stack, network| { let cluster = stack.add("Cluster", continuous(network)); stack.add("Governance", governance(&cluster, 3)); }));
    refused!("the capacity of the group `a` is in the zone use1-az6", with(|stack, network| drop(stack.add("Cluster", slurm(network).workers(WorkerGroup::planned("a", "ml.g5.8xlarge", 1, PLAN).capacity_zone_id("use1-az6"))))));
    let addons = |operator: InferenceOperator| with(|stack, network| { let cluster = stack.add("Cluster", continuous(network)); stack.add("Addons", HyperPodAddons::new(&cluster).inference(operator)); });
    refused!("has no certificate bucket", addons(InferenceOperator::new()));
    refused!("does not start with `hyperpod-tls-`", addons(inference_operator().certificate_bucket("certificates")));
    // Fleets
    refused!("needs a role to restrict", with(|stack, _| drop(stack.add("Ban", LaunchBan::new("budget", 100.0)))));
    refused!("the reserved capacity of the fleet is in the zone use1-az6", with(|stack, network| drop(stack.add("Fleet", GpuFleet::capacity_block(network, "p5.48xlarge", ami(), "cr-0123456789abcdef0").capacity_zone_id("use1-az6")))));
    refused!("is not offered in capacity blocks", with(|stack, network| drop(stack.add("Fleet", GpuFleet::capacity_block(network, "g5.12xlarge", ami(), "cr-0123456789abcdef0")))));
    refused!("does not support Elastic Fabric Adapter", with(|stack, network| drop(stack.add("Fleet", GpuFleet::new(network, "g5.2xlarge", ami()).efa()))));
    refused!("different numbers of EFA interfaces", with(|stack, network| drop(stack.add("Fleet", GpuFleet::mixed(network, SpotMix::of(["g6e.24xlarge", "g6e.48xlarge"]), ami()).efa()))));
    refused!("stays in one Availability Zone", with(|stack, _| { let network = stack.add("Network", Network::isolated("10.0.0.0/16", 2).efa()); stack.add("Fleet", GpuFleet::new(&network, "p4d.24xlarge", ami()).efa()); }));
}

#[test]
fn a_fleet_is_scaled_to_nothing_at_night() {
    let app = with(|stack, network| {
        let night = ScheduledSize::new("Night", "0 20 * * *", 0..=0);
        stack.add("Fleet", GpuFleet::new(network, "g5.12xlarge", ami()).schedule(night));
    });
    let action = &resources(&app)["FleetNight"]["Properties"];
    assert_eq!((&action["MaxSize"], &action["DesiredCapacity"]), (&Json::from(0), &Json::from(0)));
}

/// The files of the only assets of an app, in a directory.
fn uploaded(app: &App, directory: &Path) {
    for asset in &app.synth().unwrap().stacks[0].assets {
        let (_, name) = asset.object_key.split_once('/').unwrap();
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(&asset.path, path).unwrap();
    }
}

#[test]
fn shellcheck_finds_nothing_in_the_scripts() {
    snapshots::needs!("python/bin/shellcheck");
    let stacks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stacks/src");
    let mut checked = 0;
    for directory in ["cluster/scripts", "fleet/scripts"] {
        for entry in std::fs::read_dir(stacks.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "sh") {
                snapshots::run(Command::new(snapshots::tool("python/bin/shellcheck")).arg(&path));
                checked += 1;
            }
        }
    }
    assert!(checked >= 8, "{checked}");
}

fn network(stack: &Stack) -> NetworkHandle {
    stack.add(
        "Network",
        Network::isolated("10.0.0.0/16", 1).efa().endpoints(InterfaceEndpoint::HYPERPOD_SLURM),
    )
}

/// The properties of each resource of an app's only stack, by logical ID.
fn resources(app: &App) -> Json {
    let assembly = app.synth().unwrap();
    let template: Json = serde_json::from_str(assembly.stacks[0].template.json()).unwrap();
    template["Resources"].clone()
}

#[test]
fn the_order_of_groups_changes_nothing() {
    let app = |reversed: bool| {
        let app = App::new("cluster");
        let stack = app.stack("Main").region("us-east-1");
        let network = network(&stack);
        let cluster = HyperPodCluster::slurm(&network, ServiceNodes::new("controller", "ml.m5.4xlarge"));
        let one = WorkerGroup::new("a", "ml.g5.8xlarge", 1);
        let other = WorkerGroup::new("b", "ml.g5.8xlarge", 1);
        let cluster =
            if reversed { cluster.workers(other).workers(one) } else { cluster.workers(one).workers(other) };
        stack.add("Cluster", cluster);
        resources(&app)
    };
    assert_eq!(app(false), app(true));
}

#[test]
fn only_the_name_and_the_network_replace_a_cluster() {
    let app = |change: &dyn Fn(HyperPodCluster<Slurm>) -> HyperPodCluster<Slurm>, network: &NetworkHandle| {
        let app = App::new("cluster");
        let workers = WorkerGroup::new("a", "ml.g5.8xlarge", 1);
        let cluster = HyperPodCluster::slurm(network, controller()).workers(workers);
        app.stack("Main").region("us-east-1").add("Cluster", change(cluster));
        resources(&app)["Cluster"]["Properties"].clone()
    };
    let of_type = stackwright_schemas::registry::resource_type("AWS::SageMaker::Cluster").unwrap();
    let replacing = |edited: Json| {
        let before = app(&|cluster| cluster, &of_subnet());
        let names = edited.as_object().unwrap().keys().filter(|name| edited[*name] != before[*name]);
        let changed: Vec<&String> = names.collect();
        assert!(!changed.is_empty());
        changed.into_iter().filter(|name| of_type.is_create_only(name)).cloned().collect::<Vec<_>>()
    };
    let group = || WorkerGroup::new("b", "ml.p5.48xlarge", 2).volume_gb(500);
    let scripts = || LifecycleScripts::new().step("packages", "apt-get update");
    let none: [&str; 0] = [];
    assert_eq!(replacing(app(&|cluster| cluster.workers(group()), &of_subnet())), none);
    assert_eq!(replacing(app(&|cluster| cluster.scripts(scripts()), &of_subnet())), none);
    assert_eq!(replacing(app(&|cluster| cluster.node_recovery(false).tag("a", "b"), &of_subnet())), none);
    assert_eq!(replacing(app(&|cluster| cluster.name("other"), &of_subnet())), ["ClusterName"]);
    let subnets = [NetworkSubnet::existing("subnet-0123456789abcdef9")];
    let other = NetworkHandle::existing("vpc-0123456789abcdef0", subnets, ["sg-0123456789abcdef0"]);
    assert_eq!(replacing(app(&|cluster| cluster, &other)), ["VpcConfig"]);
}

#[test]
fn karpenter_changes_no_number_of_the_template() {
    // Karpenter requires groups that start with 0, and CloudFormation compares templates: whatever Karpenter does meanwhile,
    // the next deployment sends no other number.
    let app = with(|stack, network| {
        let cluster = HyperPodCluster::eks_continuous(&eks(), network)
            .group(NodeGroup::new("system", "ml.m5.2xlarge", 2))
            .karpenter(KarpenterGroup::new("burst", "ml.g5.8xlarge"))
            .karpenter(KarpenterGroup::spot("cheap", "ml.g5.8xlarge"));
        let cluster = stack.add("Cluster", cluster);
        // Such a group may have any number of nodes, so teams may be given any.
        let policy = ClusterPolicy::new();
        let team = ComputeAllocation::new("research").instances("ml.g5.8xlarge", 100);
        stack.add("Governance", TaskGovernance::new(&cluster, policy).team(team));
    });
    let groups = resources(&app)["Cluster"]["Properties"]["InstanceGroups"].clone();
    let counts: Vec<(&str, i64)> = groups
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            assert!(group["MinInstanceCount"].is_null(), "{group}");
            (group["InstanceGroupName"].as_str().unwrap(), group["InstanceCount"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(counts, [("burst", 0), ("cheap", 0), ("system", 2)]);
}

#[test]
fn a_network_is_closed() {
    let app = App::new("network");
    app.stack("Main").region("us-east-1").add("Network", Network::isolated("10.0.0.0/16", 2).lustre());
    let resources = resources(&app);
    for (name, resource) in resources.as_object().unwrap() {
        assert_ne!(resource["Type"], "AWS::EC2::InternetGateway", "{name}");
        assert_ne!(resource["Type"], "AWS::EC2::Route", "{name}");
    }
    let group = &resources["NetworkInstances"]["Properties"];
    assert!(group["SecurityGroupIngress"].is_null());
    assert_eq!(group["SecurityGroupEgress"].as_array().unwrap().len(), 1);
    assert_eq!(resources["NetworkLustre1In"]["Properties"]["FromPort"], 988);
}

/// Runs a step of the lifecycle scripts in a directory of its own, with programs in `bin` before those of the system.
fn step(directory: &Path, name: &str, variables: &[(&str, &str)]) -> std::process::Output {
    let steps = std::fs::read_dir(directory.join("steps")).unwrap();
    let script = steps
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains(&format!("{name}.sh")))
        .unwrap();
    let path = format!("{}:{}", directory.join("bin").display(), std::env::var("PATH").unwrap());
    Command::new("bash").arg(script).env("PATH", path).envs(variables.iter().copied()).output().unwrap()
}

/// Puts a program into the sandbox.
fn program(directory: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = directory.join("bin").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn scripted() -> App {
    with(|stack, network| {
        stack.add(
            "Cluster",
            HyperPodCluster::slurm_by_scripts(network, controller())
                .login(ServiceNodes::new("login", "ml.m5.2xlarge"))
                .workers(WorkerGroup::new("workers", "ml.p5.48xlarge", 2).partition("dev"))
                .mount_lustre("fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com", "abcdefgh")
                .mount_open_zfs("fs-0123456789abcdef1.fsx.us-east-1.amazonaws.com")
                .scripts(
                    LifecycleScripts::new()
                        .users([SharedUser::new("ada", 2001, "/fsx/ada")])
                        .check_efa()
                        .enroot(),
                ),
        );
    })
}

#[test]
fn provisioning_parameters_are_what_the_lifecycle_scripts_of_aws_take() {
    let app = scripted();
    let directory = tempfile::tempdir().unwrap();
    uploaded(&app, directory.path());
    let text = std::fs::read_to_string(directory.path().join("provisioning_parameters.json")).unwrap();
    let parameters: Json = serde_json::from_str(&text).unwrap();
    // What `lifecycle_script.py` of awsome-distributed-training reads. `clusters.py` does what `validate-config.py` does.
    for name in [
        "version",
        "workload_manager",
        "controller_group",
        "fsx_dns_name",
        "fsx_mountname",
        "fsx_openzfs_dns_name",
        "login_group",
    ] {
        assert!(parameters[name].is_string(), "{name} in {parameters}");
    }
    assert_eq!((&parameters["version"], &parameters["workload_manager"]), (&"1.0.0".into(), &"slurm".into()));
    let cluster = &resources(&app)["Cluster"]["Properties"];
    let names: Vec<&str> = cluster["InstanceGroups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            // The file and the API exclude each other.
            assert!(group["SlurmConfig"].is_null() && cluster["Orchestrator"].is_null());
            group["InstanceGroupName"].as_str().unwrap()
        })
        .collect();
    for group in parameters["worker_groups"].as_array().unwrap() {
        assert!(names.contains(&group["instance_group_name"].as_str().unwrap()), "{group} in {names:?}");
        assert!(group["partition_name"].is_string());
    }
    assert!(names.contains(&parameters["controller_group"].as_str().unwrap()));
}

#[test]
fn a_network_of_its_own_passes_the_validation_of_aws() {
    snapshots::needs!("python/bin/python");
    let app = App::new("validated");
    let stack = app.stack("Main").region("us-east-1");
    let network = stack.add("Network", Network::isolated("10.0.0.0/16", 1).zone_ids(["use1-az4"]).efa());
    stack.add(
        "Cluster",
        HyperPodCluster::slurm_by_scripts(&network, controller())
            .workers(WorkerGroup::new("workers", "ml.g5.8xlarge", 1).partition("dev")),
    );
    judged(&app, &["CreateCluster: 1", "validated networks: 1"]);
}

/// Returns what a step has printed.
fn printed(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a step that has to succeed.
fn succeeds(directory: &Path, name: &str, variables: &[(&str, &str)]) {
    let output = step(directory, name, variables);
    assert!(output.status.success(), "{name}: {}", printed(&output));
}

/// Runs a step that has to fail, and asserts what it prints.
fn fails(directory: &Path, name: &str, variables: &[(&str, &str)], reason: &str) {
    let output = step(directory, name, variables);
    assert!(!output.status.success() && printed(&output).contains(reason), "{name}: {}", printed(&output));
}

/// A directory with the scripts of a cluster.
fn sandbox() -> tempfile::TempDir {
    let sandbox = tempfile::tempdir().unwrap();
    uploaded(&scripted(), sandbox.path());
    sandbox
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).unwrap()
}

#[test]
fn a_script_creates_users_once() {
    let sandbox = sandbox();
    let directory = sandbox.path();
    program(directory, "useradd", &format!("echo \"$*\" >>{}/useradd", directory.display()));
    succeeds(directory, "users", &[]);
    assert!(read(directory, "useradd").contains("--uid 2001 --home-dir /fsx/ada --shell /bin/bash ada"));
    program(directory, "id", "exit 0");
    assert!(printed(&step(directory, "users", &[])).contains("user ada exists"));
}

#[test]
fn a_node_with_fewer_efa_devices_than_its_type_has_fails() {
    let sandbox = sandbox();
    let directory = sandbox.path();
    let metadata = "case \"$*\" in *token*latest/api*|*api/token) echo token;; *) echo p5.48xlarge;; esac";
    program(directory, "curl", metadata);
    let devices = directory.join("devices");
    std::fs::create_dir(&devices).unwrap();
    let variables = [("STACKWRIGHT_DEVICES", devices.to_str().unwrap())];
    fails(directory, "efa", &variables, "0 EFA devices, and 32");
    for number in 0..32 {
        std::fs::write(devices.join(format!("rdmap{number}")), "").unwrap();
    }
    succeeds(directory, "efa", &variables);
}

#[test]
fn a_script_mounts_file_systems_and_enters_them_once() {
    let sandbox = sandbox();
    let directory = sandbox.path();
    let table = directory.join("fstab");
    std::fs::write(&table, "").unwrap();
    program(directory, "mountpoint", "exit 1");
    program(directory, "mount", &format!("echo \"$*\" >>{}/mounted", directory.display()));
    let variables =
        [("STACKWRIGHT_FSTAB", table.to_str().unwrap()), ("STACKWRIGHT_ROOT", directory.to_str().unwrap())];
    for _ in 0..2 {
        succeeds(directory, "mount-file-systems", &variables);
    }
    for entry in [
        "fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com@tcp:/abcdefgh /fsx lustre ",
        "fs-0123456789abcdef1.fsx.us-east-1.amazonaws.com:/fsx /home nfs nfsvers=4.2,",
    ] {
        assert_eq!(read(directory, "fstab").matches(entry).count(), 1, "{entry}");
    }
    let mounted = read(directory, "mounted");
    assert!(mounted.contains("/fsx") && mounted.contains("/home"));
    // A file system that cannot be mounted fails the node.
    program(directory, "mount", "exit 32");
    let variables = [&variables[..], &[("STACKWRIGHT_PAUSE", "0")]].concat();
    fails(directory, "mount-file-systems", &variables, "TCP 988");
}

#[test]
fn a_script_starts_the_daemon_of_slurm_that_a_node_needs() {
    let sandbox = sandbox();
    let directory = sandbox.path();
    let resource_config = r#"{"ClusterConfig": {"ClusterArn": "arn"}, "InstanceGroups": [
        {"Name": "controller", "Instances": [{"InstanceName": "controller-1", "CustomerIpAddress": "10.0.0.1"}]},
        {"Name": "workers", "Instances": [{"InstanceName": "workers-1", "CustomerIpAddress": "10.0.0.2"}]},
        {"Name": "login", "Instances": null}]}"#;
    let configuration = directory.join("resource_config.json");
    std::fs::write(&configuration, resource_config).unwrap();
    let units = directory.join("units");
    std::fs::create_dir(&units).unwrap();
    std::fs::write(units.join("slurmd.service"), "ExecStart=slurmd $SLURMD_OPTIONS\n").unwrap();
    program(directory, "systemctl", &format!("echo \"$*\" >>{}/systemctl", directory.display()));
    program(directory, "envsubst", "sed \"s|\\$SLURMD_OPTIONS|$SLURMD_OPTIONS|\"");
    let variables = |address: &'static str| {
        [
            ("SAGEMAKER_RESOURCE_CONFIG_PATH", configuration.to_str().unwrap()),
            ("STACKWRIGHT_UNITS", units.to_str().unwrap()),
            ("STACKWRIGHT_ADDRESS", address),
        ]
    };
    // A worker has the address of the controller.
    succeeds(directory, "start-slurm", &variables("10.0.0.2"));
    assert!(read(directory, "systemctl").contains("enable --now slurmd"));
    assert_eq!(read(directory, "units/slurmd.service"), "ExecStart=slurmd --conf-server 10.0.0.1\n");
    succeeds(directory, "start-slurm", &variables("10.0.0.1"));
    assert!(read(directory, "systemctl").contains("enable --now slurmctld"));
    fails(directory, "start-slurm", &variables("10.0.0.9"), "in no instance group");
}

/// Shell scripts simulate the network, the package manager and the compiler.
#[test]
fn a_script_installs_enroot_and_pyxis_once() {
    let sandbox = sandbox();
    let directory = sandbox.path();
    let slurm = directory.join("slurm");
    let disk = directory.join("nvme");
    std::fs::create_dir_all(&slurm).unwrap();
    std::fs::create_dir_all(&disk).unwrap();
    let log = directory.join("installed");
    let logged = |name: &str| format!("echo \"{name} $*\" >>{}", log.display());
    program(directory, "dpkg", "echo amd64");
    program(directory, "curl", &logged("curl"));
    program(directory, "apt-get", &logged("apt-get"));
    program(directory, "git", &format!("{}; mkdir -p \"${{@: -1}}\"", logged("git")));
    program(directory, "make", "touch \"$2/spank_pyxis.so\"");
    program(directory, "mountpoint", "exit 0");
    program(directory, "systemctl", &format!("{}; [[ \"$*\" == *slurmd* ]]", logged("systemctl")));
    let variables = [
        ("STACKWRIGHT_SLURM", slurm.to_str().unwrap()),
        ("STACKWRIGHT_DISKS", disk.to_str().unwrap()),
        ("STACKWRIGHT_ENROOT", directory.join("enroot").to_str().unwrap()),
        ("STACKWRIGHT_PAUSE", "0"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let run = || {
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let output = step(directory, "enroot", &variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run();
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    let installed = text(&log);
    assert!(installed.contains("/enroot+caps_3.4.1-1_amd64.deb"), "{installed}");
    assert!(installed.contains("systemctl restart slurmd") && !installed.contains("restart slurmctld"));
    assert!(slurm.join("lib/slurm/spank_pyxis.so").exists());
    assert!(text(&directory.join("enroot/enroot.conf")).contains("nvme/enroot/cache-$(id -u)"));
    // A node whose software was updated runs it again.
    program(directory, "enroot", "exit 0");
    std::fs::write(&log, "").unwrap();
    run();
    let installed = text(&log);
    assert!(!installed.contains("apt-get") && !installed.contains("git"), "{installed}");
    assert_eq!(text(&slurm.join("etc/plugstack.conf")).matches("spank_pyxis.so").count(), 1);
}

#[test]
fn a_step_that_fails_fails_the_node_and_is_named() {
    let sandbox = tempfile::tempdir().unwrap();
    let directory = sandbox.path();
    let scripts = LifecycleScripts::new().step("good", "echo all is well").step("bad", "exit 3");
    let app = with(|stack, network| {
        stack.add("Cluster", HyperPodCluster::slurm(network, controller()).scripts(scripts));
    });
    uploaded(&app, directory);
    let script = std::fs::read_to_string(directory.join("on_create.sh")).unwrap();
    // Only root may write to the directory of the log.
    let log = directory.join("provisioning.log");
    let script = script.replace("/var/log/provision/provisioning.log", log.to_str().unwrap());
    std::fs::write(directory.join("on_create.sh"), script).unwrap();
    let output = Command::new("bash")
        .arg(directory.join("on_create.sh"))
        .env("STACKWRIGHT_LOG_DELAY", "0")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let reported = String::from_utf8_lossy(&output.stdout);
    assert!(reported.contains("step 02-bad.sh") && reported.contains("all is well"), "{reported}");
    assert!(reported.contains("failed in line"), "{reported}");
}

fn job() -> TrainingJob {
    let output = S3Location::new("runs", "models");
    TrainingJob::pytorch("2.6.0", Instances::of("ml.p5.48xlarge", 4), output)
        .source(Asset::archive().file("train.py", "print()"), "train.py")
        .hyperparameter("epochs", 3)
        .hyperparameter("dataset", "it's/here")
        .environment("NCCL_DEBUG", "INFO")
        .max_run(Duration::from_hours(10))
}

/// The documents of an app's only stack, by the end of their names.
fn document(app: &App, name: &str) -> String {
    let documents = app.synth().unwrap().stacks[0].documents.clone();
    documents.into_iter().find(|one| one.name.ends_with(name)).unwrap().text
}

/// Compares the members of a configuration with those of the launcher's own examples.
fn has_the_members_of_a_recipe(recipe: &Json, kind: &str) {
    let facts: Json = serde_json::from_str(include_str!("../../schemas/facts/hyperpod_recipe.json")).unwrap();
    let of_cluster = [("/cluster/cluster_config", &facts["cluster_config"][kind])];
    for (at, allowed) in
        facts["members"].as_object().unwrap().iter().map(|(at, names)| (at.as_str(), names)).chain(of_cluster)
    {
        let given = recipe.pointer(at).unwrap_or_else(|| panic!("{at}")).as_object().unwrap();
        for name in given.keys() {
            assert!(allowed.as_array().unwrap().contains(&name.as_str().into()), "{name} at {at}");
        }
    }
}

#[test]
fn one_description_is_a_manifest_a_slurm_script_and_a_recipe() {
    snapshots::needs!("python/bin/python", "python/bin/shellcheck");
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3";
    let app = with(|stack, _| {
        let on = |directory: &str| ClusterJob::new("llama", &job(), directory);
        stack.add(
            "Eks",
            on("/workspace")
                .on_eks(image)
                .team("vision")
                .priority("research")
                .restarts(3)
                .spares(1)
                .claim("fsx", "/fsx"),
        );
        stack.add("Slurm", on("/fsx/llama/").on_slurm().partition("train"));
        let claimed = on("/workspace").on_eks(image).team("vision").claim("fsx", "/fsx");
        stack.add("EksRecipe", claimed.as_recipe("/fsx/results"));
        stack.add("SlurmRecipe", on("/fsx/llama").on_slurm().partition("train").as_recipe("/fsx/results"));
    });
    let manifest: Json = serde_json::from_str(&document(&app, "job.yaml")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("job.json");
    std::fs::write(&path, manifest.to_string()).unwrap();
    let judged = snapshots::judged_by("manifests.py", &path);
    assert!(judged.contains("HyperPodPyTorchJob: 1") && judged.contains("Pod: 1"), "{judged}");
    let container = &manifest["spec"]["replicaSpecs"][0]["template"]["spec"]["containers"][0];
    assert_eq!(container["resources"]["limits"]["vpc.amazonaws.com/efa"], "32");
    assert_eq!(container["resources"]["limits"]["nvidia.com/gpu"], "8");
    assert_eq!(manifest["metadata"]["namespace"], "hyperpod-ns-vision");
    assert_eq!(manifest["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "hyperpod-ns-vision-localqueue");
    assert_eq!(manifest["spec"]["runPolicy"]["activeDeadlineSeconds"], 36_000);

    for (name, kind) in [("EksRecipe.recipe.yaml", "k8s"), ("SlurmRecipe.recipe.yaml", "slurm")] {
        let recipe: Json = serde_json::from_str(&document(&app, name)).unwrap();
        assert_eq!(recipe["cluster"]["cluster_type"], kind);
        assert_eq!(recipe["cluster"]["instance_type"], "p5.48xlarge");
        assert_eq!(recipe["training_cfg"]["run"]["ntasks_per_node"], 8);
        // The launcher writes it into a shell script as it is.
        let quoted = serde_json::json!({ "--dataset": r"'it'\''s/here'" });
        assert_eq!(recipe["training_cfg"]["script_args"][1], quoted);
        let (of_operator, partition) = (
            &recipe["cluster"]["use_hyperpod_pytorch_job"],
            &recipe["cluster"]["cluster_config"]["partition"],
        );
        match kind {
            "k8s" => assert_eq!((of_operator, partition), (&Json::from(true), &Json::Null)),
            _ => assert_eq!((of_operator, partition), (&Json::Null, &Json::from("train"))),
        }
        has_the_members_of_a_recipe(&recipe, kind);
    }

    let script = document(&app, "job.sbatch");
    let path = directory.path().join("job.sh");
    std::fs::write(&path, &script).unwrap();
    snapshots::run(Command::new(snapshots::tool("python/bin/shellcheck")).arg(&path));
    // What the shell makes of it: the words of torchrun on a node.
    program(directory.path(), "srun", "shift; exec \"$@\"");
    program(directory.path(), "scontrol", "echo node-1; echo node-2");
    program(directory.path(), "torchrun", "printf '%s\\n' \"$@\"");
    let path_variable =
        format!("{}:{}", directory.path().join("bin").display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .arg(&path)
        .env("PATH", path_variable)
        .envs([("SLURM_JOB_ID", "7"), ("SLURM_STEP_NODELIST", "node-[1-2]")])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    let expected = [
        "--nnodes=4",
        "--nproc-per-node=8",
        "--rdzv-endpoint=node-1:29500",
        "/fsx/llama/train.py",
        "--epochs=3",
        "--dataset=it's/here",
    ];
    for word in expected {
        assert!(
            words.lines().any(|line| line == word),
            "{word} in {words}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert!(script.contains("#SBATCH --time=600") && script.contains("srun --auto-resume=1"), "{script}");
}

#[test]
fn a_subnet_that_a_network_does_not_have_is_an_error_at_its_line() {
    let app = App::new("app");
    let stack = app.stack("Main").region("us-east-1");
    let network = stack.add("Network", Network::isolated("10.0.0.0/16", 2));
    let job = |network: &NetworkHandle| {
        TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), S3Location::new("runs", "models"))
            .vpc(network)
    };
    let mut pipeline = Pipeline::new();
    pipeline.step("Train", TrainingStep::new(job(&network.in_subnet(2))));
    stack.add("Pipeline", pipeline);
    let found = snapshots::findings(&app);
    assert!(found.contains("the network has 2 subnets, and the index is 2"), "{found}");
    assert!(found.contains("clusters.rs:"), "{found}");
}

#[test]
fn the_strategy_of_a_job_reaches_a_cluster_or_is_refused() {
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3";
    let app = |job: TrainingJob| {
        with(move |stack, _| {
            let on = ClusterJob::new("llama", &job, "/fsx/llama");
            stack.add("Eks", on.clone().on_eks(image));
            stack.add("Slurm", on.on_slurm());
        })
    };
    let sharded = app(job().distribution(Fsdp::new(ShardingStrategy::HybridShard).wrap("LlamaDecoderLayer")));
    let manifest: Json = serde_json::from_str(&document(&sharded, "job.yaml")).unwrap();
    let container = &manifest["spec"]["replicaSpecs"][0]["template"]["spec"]["containers"][0];
    let variable = serde_json::json!({ "name": "FSDP_SHARDING_STRATEGY", "value": "HYBRID_SHARD" });
    assert!(container["env"].as_array().unwrap().contains(&variable), "{container:#}");
    let script = document(&sharded, "job.sbatch");
    assert!(script.contains("export FSDP_TRANSFORMER_CLS_TO_WRAP=LlamaDecoderLayer"), "{script}");
    assert!(!script.contains("sagemaker_") && !manifest.to_string().contains("sagemaker_"), "{script}");

    let zero = app(job().distribution(DeepSpeed::zero_3(1)));
    let configuration: Json = serde_json::from_str(&document(&zero, "Slurm.ds_config.json")).unwrap();
    assert_eq!(configuration["zero_optimization"]["stage"], 3);
    let script = document(&zero, "job.sbatch");
    assert!(script.contains("--deepspeed_config=/fsx/llama/ds_config.json"), "{script}");

    let refused = app(job().distribution(ModelParallel::new()));
    assert!(snapshots::findings(&refused).contains("only the training toolkit of SageMaker starts"));
}

/// Arguments with a format are recognized, so that swapped ones are errors at the line that passes them.
#[test]
#[rustfmt::skip]
fn swapped_arguments_are_errors_at_their_line() {
    let dns_name = "fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com";
    let image = || ContainerImage::from_uri("123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3");
    let cluster_arn = "arn:aws:eks:us-east-1:123456789012:cluster/models";
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:slurm-abcdef";
    let workspace = "arn:aws:aps:us-east-1:123456789012:workspace/ws-0a1b2c3d";
    let group = || WorkerGroup::new("a", "ml.g5.8xlarge", 1);

    refused!("`abcdefgh` is not the DNS name of a file system", with(|stack, network| drop(stack.add("Cluster", HyperPodCluster::slurm(network, controller()).workers(group()).mount(SharedStorage::lustre("abcdefgh", dns_name))))));
    refused!("`abcdefgh` is not the DNS name of a file system", with(|stack, network| drop(stack.add("Cluster", HyperPodCluster::slurm_by_scripts(network, controller()).workers(WorkerGroup::new("a", "ml.g5.8xlarge", 1).partition("dev")).mount_lustre("abcdefgh", dns_name)))));
    refused!("is not the ID of a capacity reservation", with(|stack, network| drop(stack.add("Jobs", TrainingFleet::capacity_block(network, "p4d.24xlarge", 1, image(), "p5.48xlarge")))));
    refused!("is not the URI of an image in Amazon ECR", with(|stack, network| drop(stack.add("Jobs", TrainingFleet::new(network, "p4d.24xlarge", 1, ContainerImage::from_uri("p4d.24xlarge"))))));
    refused!("`models` is not a valid ARN", with(|stack, network| drop(stack.add("Cluster", HyperPodCluster::eks_continuous(&EksClusterHandle::existing(cluster_arn, "models"), network).group(NodeGroup::new("system", "ml.m5.2xlarge", 2))))));
    refused!("is not a valid ARN", with(|stack, network| drop(stack.add("Cluster", HyperPodCluster::slurm_continuous(network, controller()).accounting_database(AccountingDatabase::new(secret, "db.us-east-1.rds.amazonaws.com", "slurm")).workers(group())))));
    let observed = |settings: Observability| with(|stack, network| { let cluster = stack.add("Cluster", HyperPodCluster::eks_continuous(&eks(), network).group(NodeGroup::new("system", "ml.m5.2xlarge", 2))); stack.add("Addons", HyperPodAddons::new(&cluster).observability(settings)); });
    refused!("is not a valid ARN", observed(Observability::new().workspace(workspace, "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-0a1b2c3d")));
    refused!("is not a valid ARN", observed(Observability::new().grafana(workspace, "research")));
}
