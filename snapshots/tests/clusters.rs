//! Networks, HyperPod clusters and GPU fleets: what other programs say of their templates (the project's own check, cfn-lint,
//! botocore's shapes of the requests, moto), what is refused at the user's line, and what an edit changes.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value as Json;
use snapshots::refused;
use stackwright::prelude::*;
use stackwright::stacks::cluster::{
    AccountingDatabase, ClusterJob, ClusterPolicy, ComputeAllocation, Continuous, DeepHealthCheck, Eks,
    EksClusterHandle, HyperPodCluster, HyperPodHandle, KarpenterGroup, LifecycleScripts, NodeGroup,
    NodeShare, PatchTime, RestrictedGroup, RollingBatches, ServiceNodes, SharedStorage, SharedUser,
    SlurmStrategy, TaintEffect, TaskGovernance, WorkerGroup,
};
use stackwright::stacks::fleet::{
    Ami, GpuFleet, InstanceRefresh, LifecycleHook, Os, Reservations, ScheduledSize, SpotAllocation, SpotMix,
    TrainingFleet, UserData,
};
use stackwright::stacks::iam::RoleOptions;
use stackwright::stacks::network::{InterfaceEndpoint, Network, NetworkHandle, NetworkSubnet};
use stackwright::stacks::training::{Instances, TrainingJob};

const PLAN: &str = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/pretraining";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:cluster";

/// Judges an app by every program, and checks that the programs evaluated the named files.
fn judged(app: &App, looked_at: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let assembly = directory.path().join("out");
    stackwright::testing::synth(app).write(&assembly).unwrap();
    let said = snapshots::judged_by("clusters.py", &assembly);
    for looked in looked_at {
        assert!(said.contains(looked), "no `{looked}` in\n{said}");
    }
}

#[test]
fn the_examples_are_what_others_take() {
    judged(
        &hyperpod_slurm::app(),
        &["templates: 2", "CreateCluster: 1", "instance groups: 4", "CreateFileSystem: 1"],
    );
    judged(
        &hyperpod_eks::app(),
        &["templates: 2", "CreateCluster: 2", "instance groups: 4", "CreateAddon: 8"],
    );
    judged(
        &gpu_fleet::app(),
        &["templates: 1", "CreateAutoScalingGroup: 2", "EFA interfaces: 32", "CreateBudget: 1"],
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
            .workers(WorkerGroup::planned("b", "ml.p5.48xlarge", 2, PLAN).network(&of_subnet()))
            .workers(WorkerGroup::new("c", "ml.g5.8xlarge", 1).patch(PatchTime::WhenIdle, None))
            .mount(shared())
            .mount(SharedStorage::open_zfs("fs-0123456789abcdef1.fsx.us-east-1.amazonaws.com"))
            .name("training")
            .node_recovery(false)
            .notify(TOPIC)
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
            .workers("dev", WorkerGroup::new("workers", "ml.p5.48xlarge", 2))
            .mount_lustre("fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com", "abcdefgh")
            .scripts(LifecycleScripts::new().check_efa()),
    );
    let groups = stack("Eks");
    let cluster = groups.add(
        "Cluster",
        HyperPodCluster::eks_continuous(&eks(), &of_subnet())
            .group(NodeGroup::new("system", "ml.m5.2xlarge", 2))
            .group(NodeGroup::spot("spot", "ml.g5.12xlarge", 2).taint("spot", None, TaintEffect::NoExecute))
            .group(NodeGroup::planned("planned", "ml.p5.48xlarge", 2, PLAN).label("workload", "training"))
            .karpenter(KarpenterGroup::new("burst", "ml.g5.8xlarge").volume_key(KEY))
            .tiered_storage(30),
    );
    groups.add("Governance", governance(&cluster, 2));
    stack("AllOrNothing").add(
        "Cluster",
        HyperPodCluster::eks(&eks(), &of_subnet()).group(NodeGroup::new("workers", "ml.g5.8xlarge", 1)),
    );
    stack("Restricted").add(
        "Cluster",
        HyperPodCluster::restricted(&eks(), &of_subnet())
            .group(RestrictedGroup::new("b", "ml.p5.48xlarge", 4).lustre(4_800, 250).volume_gb(500))
            .group(RestrictedGroup::planned("a", "ml.p5.48xlarge", 4, PLAN)),
    );
    fleets(&app);
    app
}

#[track_caller]
fn governance(cluster: &HyperPodHandle<Eks<Continuous>>, instances: u64) -> TaskGovernance {
    TaskGovernance::new(cluster, ClusterPolicy::new().share_idle_resources(true).fair_share(false)).team(
        ComputeAllocation::new("research").instances("ml.p5.48xlarge", instances).keep().never_preempt(),
    )
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
        GpuFleet::new(&network, "g5.12xlarge", Ami::eks_gpu("1.33"))
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
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3";
    let command = ["torchrun", "train.py"];
    stack.add(
        "Jobs",
        TrainingFleet::new(&network, "p5.48xlarge", 4, image)
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
        TrainingFleet::capacity_block(&network, "p4d.24xlarge", 2, image, "cr-0123456789abcdef0"),
    );
    stack.add("Spot", TrainingFleet::spot(&network, ["g5.12xlarge", "g6.12xlarge"], image).max_nodes(4));
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
    judged(
        &everything(),
        &[
            "templates: 7",
            "CreateCluster: 6",
            "CreateComputeQuota: 1",
            "CreateAutoScalingGroup: 6",
            "PutWarmPool: 1",
        ],
    );
}

fn with(add: impl FnOnce(&Stack, &NetworkHandle)) -> App {
    let app = App::new("wrong");
    let stack = app.stack("Main").region("us-east-1");
    add(&stack, &of_subnet());
    app
}

#[test]
#[rustfmt::skip]
fn what_cannot_work_is_refused_at_the_users_line() {
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
    // Fleets
    refused!("is not offered in capacity blocks", with(|stack, network| drop(stack.add("Fleet", GpuFleet::capacity_block(network, "g5.12xlarge", ami(), "cr-0123456789abcdef0")))));
    refused!("has no Elastic Fabric Adapter", with(|stack, network| drop(stack.add("Fleet", GpuFleet::new(network, "g5.2xlarge", ami()).efa()))));
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
                .workers("dev", WorkerGroup::new("workers", "ml.p5.48xlarge", 2))
                .mount_lustre("fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com", "abcdefgh")
                .scripts(
                    LifecycleScripts::new().users([SharedUser::new("ada", 2001, "/fsx/ada")]).check_efa(),
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
    // What `validate-config.py` of awsome-distributed-training requires, and what `lifecycle_script.py` reads.
    for name in
        ["version", "workload_manager", "controller_group", "fsx_dns_name", "fsx_mountname", "login_group"]
    {
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
fn the_scripts_do_what_they_say_in_a_sandbox() {
    let sandbox = tempfile::tempdir().unwrap();
    let directory = sandbox.path();
    uploaded(&scripted(), directory);
    let text = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    let said = |output: &std::process::Output| {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };

    // Users are created once.
    program(directory, "useradd", &format!("echo \"$*\" >>{}/useradd", directory.display()));
    let output = step(directory, "users", &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(text("useradd").contains("--uid 2001 --home-dir /fsx/ada --shell /bin/bash ada"));
    program(directory, "id", "exit 0");
    assert!(said(&step(directory, "users", &[])).contains("user ada exists"));

    // A node with fewer EFA devices than its type has fails.
    program(
        directory,
        "curl",
        "case \"$*\" in *token*latest/api*|*api/token) echo token;; *) echo p5.48xlarge;; esac",
    );
    let devices = directory.join("devices");
    std::fs::create_dir(&devices).unwrap();
    let devices_variable = [("STACKWRIGHT_DEVICES", devices.to_str().unwrap())];
    let output = step(directory, "efa", &devices_variable);
    assert!(!output.status.success() && said(&output).contains("0 EFA devices, and 32"), "{}", said(&output));
    for number in 0..32 {
        std::fs::write(devices.join(format!("rdmap{number}")), "").unwrap();
    }
    let output = step(directory, "efa", &devices_variable);
    assert!(output.status.success(), "{}", said(&output));

    // The file system is mounted, and stands in fstab once.
    std::fs::write(directory.join("fstab"), "").unwrap();
    program(directory, "mountpoint", "exit 1");
    program(directory, "mount", &format!("echo \"$*\" >>{}/mounted", directory.display()));
    let table = directory.join("fstab");
    let at = directory.join("fsx");
    let variables =
        [("STACKWRIGHT_FSTAB", table.to_str().unwrap()), ("STACKWRIGHT_FSX", at.to_str().unwrap())];
    for _ in 0..2 {
        let output = step(directory, "mount-lustre", &variables);
        assert!(output.status.success(), "{}", said(&output));
    }
    assert_eq!(
        text("fstab").matches("fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com@tcp:/abcdefgh /fsx").count(),
        1
    );

    // Slurm: the daemon of a controller, and of a worker, which knows the controller.
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
    let node = |address: &str| {
        step(
            directory,
            "start-slurm",
            &[
                ("SAGEMAKER_RESOURCE_CONFIG_PATH", configuration.to_str().unwrap()),
                ("STACKWRIGHT_UNITS", units.to_str().unwrap()),
                ("STACKWRIGHT_ADDRESS", address),
            ],
        )
    };
    let output = node("10.0.0.2");
    assert!(output.status.success(), "{}", said(&output));
    assert!(text("systemctl").contains("enable --now slurmd"));
    assert_eq!(text("units/slurmd.service"), "ExecStart=slurmd --conf-server 10.0.0.1\n");
    let output = node("10.0.0.1");
    assert!(output.status.success(), "{}", said(&output));
    assert!(text("systemctl").contains("enable --now slurmctld"));
    let output = node("10.0.0.9");
    assert!(!output.status.success() && said(&output).contains("in no instance group"), "{}", said(&output));
}

#[test]
fn a_step_that_fails_fails_the_node_and_says_so() {
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
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("step 02-bad.sh") && said.contains("all is well"), "{said}");
    assert!(said.contains("failed in line"), "{said}");
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
    documents.into_iter().find(|(file, _)| file.ends_with(name)).unwrap().1
}

#[test]
fn one_description_is_a_manifest_and_a_slurm_script() {
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
    });
    let manifest: Json = serde_json::from_str(&document(&app, "job.yaml")).unwrap();
    let keys: Json = serde_json::from_str(include_str!("../../schemas/facts/hyperpod_job.json")).unwrap();
    // What the operator's own classes have at each place.
    for (at, allowed) in keys["members"].as_object().unwrap() {
        let given = manifest.pointer(at).unwrap_or_else(|| panic!("{at}")).as_object().unwrap();
        for name in given.keys() {
            assert!(allowed.as_array().unwrap().contains(&name.as_str().into()), "{name} at {at}");
        }
    }
    let container = &manifest["spec"]["replicaSpecs"][0]["template"]["spec"]["containers"][0];
    assert_eq!(container["resources"]["limits"]["vpc.amazonaws.com/efa"], "32");
    assert_eq!(container["resources"]["limits"]["nvidia.com/gpu"], "8");
    assert_eq!(manifest["metadata"]["namespace"], "hyperpod-ns-vision");
    assert_eq!(manifest["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "hyperpod-ns-vision-localqueue");
    assert_eq!(manifest["spec"]["runPolicy"]["activeDeadlineSeconds"], 36_000);

    let script = document(&app, "job.sbatch");
    let directory = tempfile::tempdir().unwrap();
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
