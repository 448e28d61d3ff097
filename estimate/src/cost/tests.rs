//! Stacks whose costs were computed by hand, each formula written out.

use super::*;

fn estimate(text: &str) -> Estimate {
    with(text, &Options::default())
}

fn with(text: &str, options: &Options) -> Estimate {
    of_template(&Template::read(text).unwrap(), "Stack", "us-east-1", options)
}

fn amounts(estimate: &Estimate, item: &str) -> (String, String, String) {
    let line = estimate
        .lines
        .iter()
        .find(|line| line.item.contains(item))
        .unwrap_or_else(|| panic!("{item}: {estimate:#?}"));
    let shown = |amount: Option<Money>| amount.map_or("unknown".to_owned(), |amount| amount.to_string());
    (shown(line.floor), shown(line.typical), shown(line.ceiling))
}

fn same(floor: &str, typical: &str, ceiling: &str) -> (String, String, String) {
    (floor.to_owned(), typical.to_owned(), ceiling.to_owned())
}

const ENDPOINT: &str = r#"
Parameters:
  Type: {Type: String, Default: ml.g5.2xlarge}
Resources:
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties: {EndpointName: shop, EndpointConfigName: !GetAtt Config.EndpointConfigName}
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - {VariantName: main, ModelName: m, InstanceType: !Ref Type, InitialInstanceCount: 1}
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ResourceId: !Sub "endpoint/${Endpoint.EndpointName}/variant/main"
      ScalableDimension: sagemaker:variant:DesiredInstanceCount
      MinCapacity: 1
      MaxCapacity: 4
"#;

#[test]
fn an_endpoint_costs_its_least_and_most_instances() {
    // 1 x 730 h x 1.515 = 1105.95; 4 x 730 h x 1.515 = 4423.80; half of the way: 2764.875.
    let found = estimate(ENDPOINT);
    assert_eq!(amounts(&found, "variant main"), same("1105.95", "2764.88", "4423.80"));
    assert_eq!(found.monthly().ceiling.exact(), "4423.80");
}

#[test]
fn a_savings_plan_and_stated_utilization_are_applied() {
    // 1.515 x (1 - 0.30) = 1.0605; x 730 = 774.165; x 4 = 3096.66; a quarter of the way: 1354.78875.
    let mut options = Options { savings_plan: Rate::parse("0.30"), ..Options::default() };
    options
        .usage
        .insert("Endpoint", ResourceUsage { utilization_percent: Some(25), ..ResourceUsage::default() });
    assert_eq!(amounts(&with(ENDPOINT, &options), "variant main"), same("774.17", "1354.79", "3096.66"));
}

const SERVERLESS: &str = r#"
Resources:
  Endpoint: {Type: AWS::SageMaker::Endpoint, Properties: {EndpointConfigName: !Ref Config}}
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - {VariantName: small, ServerlessConfig: {MemorySizeInMB: 6144, MaxConcurrency: 5, ProvisionedConcurrency: 2}}
"#;

#[test]
fn serverless_requests_cost_by_memory_and_duration() {
    // 30,000 requests x 1.667 s x 6 GB x 0.00002 = 6.0012.
    let mut options = Options::default();
    let usage = ResourceUsage {
        requests_per_month: Some(30_000),
        duration_ms: Some(1667),
        ..ResourceUsage::default()
    };
    options.usage.insert("Stack.Endpoint", usage);
    let found = with(SERVERLESS, &options);
    assert_eq!(amounts(&found, "serverless requests"), same("6.00", "6.00", "6.00"));
    // The price of provisioned concurrency was found nowhere.
    let unknown = found.lines.iter().find(|line| line.item.contains("provisioned")).unwrap();
    assert!(unknown.unknown.is_some() && unknown.ceiling.is_none());
    assert_eq!(found.monthly().unknown, 1);
}

#[test]
fn without_usage_requests_are_unknown_and_not_zero() {
    assert_eq!(amounts(&estimate(SERVERLESS), "serverless requests"), same("unknown", "unknown", "unknown"));
}

#[test]
fn an_asynchronous_endpoint_may_scale_to_zero() {
    let text = ENDPOINT
        .replace("MinCapacity: 1", "MinCapacity: 0")
        .replace("      ProductionVariants:", "      AsyncInferenceConfig: {}\n      ProductionVariants:");
    let found = estimate(&text);
    assert_eq!(amounts(&found, "variant main").0, "0.00");
    assert!(found.lines[0].notes.contains(&"scales to zero".to_owned()));
}

#[test]
fn a_shadow_variant_and_an_update_cost_too() {
    let text = ENDPOINT
        .replace("EndpointConfigName: !GetAtt", "DeploymentConfig: {BlueGreenUpdatePolicy: {TrafficRoutingConfiguration: {Type: ALL_AT_ONCE}}}, EndpointConfigName: !GetAtt")
        .replace("  Target:", "      ShadowProductionVariants:\n        - {VariantName: next, InstanceType: ml.g4dn.xlarge, InitialInstanceCount: 2}\n  Target:");
    let found = estimate(&text);
    // 2 x 730 h x 0.7364.
    assert_eq!(amounts(&found, "shadow variant next").0, "1075.14");
    // Four instances of the variant that scales, for each hour of the update: 4 x 1.515.
    let surge = found.lines.iter().find(|line| line.per == Per::UpdateHour).unwrap();
    assert_eq!(surge.ceiling.unwrap().exact(), "6.06");
}

const PIPELINE: &str = r#"
Resources:
  Pipeline:
    Type: AWS::SageMaker::Pipeline
    Properties:
      PipelineName: train
      PipelineDefinition:
        PipelineDefinitionBody: !Sub >-
          {"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {
          "AlgorithmSpecification": {"TrainingImage": "${AWS::AccountId}.dkr"},
          "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2, "VolumeSizeInGB": 100, "KeepAlivePeriodInSeconds": 1800},
          "StoppingCondition": {"MaxRuntimeInSeconds": 28800}, "EnableManagedSpotTraining": true}},
          {"Name": "Prepare", "Type": "Processing", "Arguments": {"ProcessingResources": {"ClusterConfig":
          {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}}}}]}
"#;

#[test]
fn a_training_job_costs_at_most_its_longest_run() {
    // 2 x 8 h x 25.251 = 404.016.
    let found = estimate(PIPELINE);
    assert_eq!(amounts(&found, "training job Train"), same("0.00", "unknown", "404.02"));
    // Half an hour of two instances: 25.251.
    assert_eq!(amounts(&found, "warm pool of Train").2, "25.25");
    // No longest run time: a day of one instance, 24 x 0.23.
    assert_eq!(amounts(&found, "processing job Prepare").2, "5.52");
    assert_eq!(found.monthly(), Total::default());
    assert_eq!(found.most_expensive_run().unwrap().exact(), "404.016");
}

const TUNING: &str = r#"
Resources:
  Pipeline:
    Type: AWS::SageMaker::Pipeline
    Properties:
      PipelineDefinition:
        PipelineDefinitionBody: >-
          {"Steps": [{"Name": "Tune", "Type": "Tuning", "Arguments": {
          "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 4}},
          "TrainingJobDefinition": {"AlgorithmSpecification": {}, "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 50},
          "StoppingCondition": {"MaxRuntimeInSeconds": 3600}}}},
          {"Name": "Shrink", "Arguments": {"OptimizationConfigs": [], "DeploymentInstanceType": "ml.g5.xlarge"}}]}
"#;

#[test]
fn a_tuning_job_costs_as_often_as_it_starts_jobs_with_their_storage() {
    let found = estimate(TUNING);
    // 20 jobs x 2 x 1 h x 0.23 = 9.20.
    assert_eq!(amounts(&found, "training job Tune").2, "9.20");
    // 20 x 2 x 50 GB x 3600 s / (730 x 3600 s) x 0.14 = 0.38.
    assert_eq!(amounts(&found, "storage of training job Tune").2, "0.38");
    let line = found.lines.iter().find(|line| line.item.contains("training job Tune")).unwrap();
    // Four jobs of two instances run at the same time.
    assert_eq!(line.capacity.as_ref().unwrap().most, 8);
    let optimization = found.lines.iter().find(|line| line.item.contains("optimization job Shrink")).unwrap();
    assert!(
        optimization.unknown.as_ref().unwrap().contains("optimization jobs on ml.g5.xlarge"),
        "{optimization:?}"
    );
}

#[test]
fn a_monitoring_schedule_costs_its_job_and_what_a_workspace_costs_is_unknown() {
    let found = estimate(
        r#"
Resources:
  Monitor:
    Type: AWS::SageMaker::MonitoringSchedule
    Properties:
      MonitoringScheduleConfig:
        MonitoringJobDefinition:
          MonitoringResources: {ClusterConfig: {InstanceType: ml.m5.xlarge, InstanceCount: 2, VolumeSizeInGB: 20}}
          StoppingCondition: {MaxRuntimeInSeconds: 1800}
  Quality:
    Type: AWS::SageMaker::DataQualityJobDefinition
    Properties: {JobResources: {ClusterConfig: {InstanceType: ml.m5.xlarge, InstanceCount: 1, VolumeSizeInGB: 20}}}
  Metrics: {Type: AWS::APS::Workspace}
"#,
    );
    let of = |id: &str| found.lines.iter().find(|line| line.resource == id).unwrap();
    // 2 x 1/2 h x 0.23; a day of 0.23.
    assert_eq!(of("Monitor").ceiling.unwrap().exact(), "0.23");
    assert_eq!(of("Quality").ceiling.unwrap().exact(), "5.52");
    assert!(of("Metrics").unknown.is_some());
}

#[test]
fn a_multi_model_endpoint_is_compared_with_an_endpoint_for_each_model() {
    let text = ENDPOINT.replace("ModelName: m,", "ModelName: !GetAtt Models.ModelName,")
        + "  Models:\n    Type: AWS::SageMaker::Model\n    Properties: {PrimaryContainer: {Mode: MultiModel, Image: i}}\n";
    let notes = |options: &Options| with(&text, options).lines[0].notes.join(" ");
    assert!(notes(&Options::default()).contains("set `models`"));
    let mut options = Options::default();
    options.usage.insert("Endpoint", ResourceUsage { models: Some(50), ..ResourceUsage::default() });
    // 4 x 1105.95 against 50 x 1105.95: 1 - 4 / 50 = 92 %.
    let found = notes(&options);
    assert!(
        found.contains("$4423.80") && found.contains("$55297.50") && found.contains("92.0 % saved"),
        "{found}"
    );
}

#[test]
fn inference_components_share_the_instances_of_their_endpoint() {
    let component = |id: &str| {
        format!(
            "  {id}: {{Type: AWS::SageMaker::InferenceComponent, Properties: {{EndpointName: !Ref Endpoint, VariantName: main,
    RuntimeConfig: {{CopyCount: 3}}, Specification: {{ComputeResourceRequirements: {{NumberOfAcceleratorDevicesRequired: 1, MinMemoryRequiredInMb: 1024}}}}}}}}\n"
        )
    };
    let found = estimate(&(ENDPOINT.to_owned() + &component("One") + &component("Two")));
    // Six copies of one GPU each, and an instance has one GPU.
    let note = "2 inference components with 6 copies share these instances; by their accelerators, memory and cores they need at \
                least 6 instances, more than the maximum of 4";
    assert!(found.lines[0].notes.contains(&note.to_owned()), "{:?}", found.lines[0].notes);
    assert_eq!(found.monthly().ceiling.exact(), "4423.80");
}

#[test]
fn expected_runs_and_the_saving_of_spot_are_stated() {
    let mut options = Options { spot_saving: Rate::parse("0.65"), ..Options::default() };
    options.usage.insert("Train", ResourceUsage { minutes_per_run: Some(240), ..ResourceUsage::default() });
    // 2 x 4 h x 25.251 x 0.35 = 70.7028; the most stays on demand.
    assert_eq!(amounts(&with(PIPELINE, &options), "training job Train"), same("70.70", "70.70", "404.02"));
}

#[test]
fn networks_storage_and_what_has_no_price() {
    let found = estimate(
        r#"
Resources:
  Gateway: {Type: AWS::EC2::NatGateway, Properties: {SubnetId: s}}
  Endpoint: {Type: AWS::EC2::VPCEndpoint, Properties: {VpcEndpointType: Interface, SubnetIds: [a, b], ServiceName: x, VpcId: v}}
  Files: {Type: AWS::FSx::FileSystem, Properties: {FileSystemType: LUSTRE, StorageCapacity: 1200, LustreConfiguration: {DeploymentType: PERSISTENT_2}}}
  Cluster:
    Type: AWS::SageMaker::Cluster
    Properties:
      InstanceGroups:
        - {InstanceGroupName: workers, InstanceType: ml.g5.8xlarge, InstanceCount: 2, ExecutionRole: r}
        - {InstanceGroupName: odd, InstanceType: ml.nothing.large, InstanceCount: 1, ExecutionRole: r}
  Bucket: {Type: AWS::S3::Bucket}
  Role: {Type: AWS::IAM::Role}
"#,
    );
    // 730 x 0.045; 2 x 730 x 0.01; 1200 x 0.145; 2 x 730 x 3.06.
    assert_eq!(amounts(&found, "NAT gateway").0, "32.85");
    assert_eq!(amounts(&found, "Interface endpoint").0, "14.60");
    assert_eq!(
        found.lines.iter().find(|line| line.resource == "Files").unwrap().floor.unwrap().exact(),
        "174.00"
    );
    let workers = found.lines.iter().find(|line| line.item.contains("group workers")).unwrap();
    assert_eq!(amounts(&found, "group workers").0, "4467.60");
    assert_eq!(workers.notes, ["$6.12 an hour"]);
    let unknown: Vec<_> =
        found.lines.iter().filter(|line| line.unknown.is_some()).map(|line| line.resource.as_str()).collect();
    assert_eq!(unknown, ["Gateway", "Endpoint", "Cluster", "Bucket"]);
    assert!(!found.lines.iter().any(|line| line.resource == "Role"));
}

#[test]
fn volumes_of_instances_and_fleets_are_counted() {
    let found = estimate(
        r#"
Resources:
  Node:
    Type: AWS::EC2::Instance
    Properties:
      InstanceType: m5.large
      BlockDeviceMappings:
        - {DeviceName: /dev/xvda, Ebs: {VolumeSize: 100, VolumeType: gp3, Iops: 5000, Throughput: 225}}
        - {DeviceName: /dev/xvdb, VirtualName: ephemeral0}
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        InstanceType: m5.large
        BlockDeviceMappings: [{DeviceName: /dev/sda1, Ebs: {VolumeSize: 50, VolumeType: gp3}}]
  Fleet:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {MinSize: "1", MaxSize: "5", LaunchTemplate: {LaunchTemplateId: !Ref Launch, Version: "1"}}
  Disk: {Type: AWS::EC2::Volume, Properties: {Size: 10, VolumeType: io1, Iops: 400, AvailabilityZone: us-east-1a}}
  Address: {Type: AWS::EC2::EIP}
"#,
    );
    // 100 x 0.08; 2,000 IOPS above 3,000 x 0.005; 100 MB/s above 125 x 0.04.
    assert_eq!(amounts(&found, "/dev/xvda, storage").0, "8.00");
    assert_eq!(amounts(&found, "/dev/xvda, provisioned IOPS").0, "10.00");
    assert_eq!(amounts(&found, "/dev/xvda, provisioned throughput").0, "4.00");
    assert!(!found.lines.iter().any(|line| line.item.contains("/dev/xvdb")));
    // 50 x 0.08 for each of 1 to 5 instances.
    assert_eq!(amounts(&found, "/dev/sda1, storage"), same("4.00", "12.00", "20.00"));
    // 10 x 0.125; 400 x 0.065.
    assert_eq!(amounts(&found, "volume, storage").0, "1.25");
    assert_eq!(amounts(&found, "volume, provisioned IOPS").0, "26.00");
    assert_eq!(amounts(&found, "use").0, "unknown");
}

#[test]
fn lustre_with_a_throughput_whose_price_is_not_known_is_unknown() {
    let lustre = |more: &str| {
        format!(
            "Resources: {{Files: {{Type: AWS::FSx::FileSystem, Properties: {{FileSystemType: LUSTRE, StorageCapacity: 1200, {more}}}}}}}"
        )
    };
    // 1,200 x 0.145; 1,200 x 0.14.
    let of = |more: &str| amounts(&estimate(&lustre(more)), "storage").0;
    assert_eq!(
        of("LustreConfiguration: {DeploymentType: PERSISTENT_2, PerUnitStorageThroughput: 125}"),
        "174.00"
    );
    assert_eq!(of("LustreConfiguration: {DeploymentType: SCRATCH_2}"), "168.00");
    assert_eq!(
        of("LustreConfiguration: {DeploymentType: PERSISTENT_2, PerUnitStorageThroughput: 1000}"),
        "unknown"
    );
    assert_eq!(
        of(
            "StorageType: HDD, LustreConfiguration: {DeploymentType: PERSISTENT_1, PerUnitStorageThroughput: 12}"
        ),
        "unknown"
    );
}

#[test]
fn studio_costs_what_its_users_start() {
    let found = estimate(
        r#"
Resources:
  Domain: {Type: AWS::SageMaker::Domain, Properties: {DomainName: d}}
  Space:
    Type: AWS::SageMaker::Space
    Properties: {SpaceSettings: {JupyterLabAppSettings: {DefaultResourceSpec: {InstanceType: ml.g5.2xlarge}}}}
  App: {Type: AWS::SageMaker::App, Properties: {AppType: JupyterLab}}
"#,
    );
    // Not started, or 730 h x 1.515.
    assert_eq!(amounts(&found, "ml.g5.2xlarge application"), same("0.00", "1105.95", "1105.95"));
    let unknown: Vec<_> =
        found.lines.iter().filter(|line| line.unknown.is_some()).map(|line| line.resource.as_str()).collect();
    assert_eq!(unknown, ["Domain", "App"]);
}

#[test]
fn an_update_without_a_deployment_configuration_runs_a_second_fleet() {
    let found = estimate(ENDPOINT);
    let surge = found.lines.iter().find(|line| line.per == Per::UpdateHour).unwrap();
    // Four instances: 4 x 1.515.
    assert_eq!(surge.ceiling.unwrap().exact(), "6.06");
    let rolling = ENDPOINT.replace(
        "EndpointConfigName: !GetAtt",
        "DeploymentConfig: {RollingUpdatePolicy: {MaximumBatchSize: {Type: INSTANCE_COUNT, Value: 1}}}, EndpointConfigName: !GetAtt",
    );
    let found = estimate(&rolling);
    let surge = found.lines.iter().find(|line| line.per == Per::UpdateHour).unwrap();
    assert_eq!(surge.ceiling.unwrap().exact(), "1.515");
}

#[test]
fn a_condition_that_does_not_hold_leaves_its_resource_out() {
    let text = r#"
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources:
  Gateway: {Type: AWS::EC2::NatGateway, Condition: IsProd, Properties: {SubnetId: s}}
  Key: {Type: AWS::KMS::Key, Properties: {Enabled: !If [IsProd, true, false]}}
"#;
    let found = estimate(text);
    assert_eq!(found.lines.iter().map(|line| line.resource.as_str()).collect::<Vec<_>>(), ["Key"]);
    assert_eq!(found.monthly().floor.exact(), "1.00");
}

#[test]
fn the_difference_names_resources_and_totals() {
    let old = estimate(ENDPOINT);
    let new = estimate(&ENDPOINT.replace("MaxCapacity: 4", "MaxCapacity: 8"));
    let found = difference(&old, &new);
    let changed: Vec<_> =
        found.resources.iter().map(|one| (one.resource.as_str(), one.change().most.exact())).collect();
    // An hour of an update runs four instances more: 4 x 1.515.
    assert_eq!(changed, [("Endpoint", "4423.80".to_owned()), ("Endpoint", "6.06".to_owned())]);
    assert_eq!((found.before.floor, found.after.floor), (old.monthly().floor, old.monthly().floor));
    assert!(difference(&old, &old).resources.is_empty());
}

#[test]
fn every_format_shows_region_date_source_and_what_is_unknown() {
    let found = estimate(SERVERLESS);
    for shown in [text(&found), markdown(&found), json(&found), csv(&found)] {
        assert!(shown.contains("provisioned concurrency") && shown.contains("nknown"), "{shown}");
    }
    let found = estimate(ENDPOINT);
    for shown in [text(&found), markdown(&found), csv(&found)] {
        assert!(shown.contains("us-east-1") && shown.contains("1.515") && shown.contains("2026-"), "{shown}");
    }
    let document: serde_json::Value = serde_json::from_str(&json(&found)).unwrap();
    assert_eq!(document["monthly"]["ceiling"], "4423.80");
}

#[test]
fn a_resource_states_its_usage_and_the_options_come_before_it() {
    let metadata = "Metadata: {stackwright-usage: {requests_per_month: 30000, duration_ms: 1667}}, ";
    let text =
        SERVERLESS.replace("AWS::SageMaker::Endpoint, ", &format!("AWS::SageMaker::Endpoint, {metadata}"));
    // 30,000 requests x 1.667 s x 6 GB x 0.00002 = 6.0012.
    assert_eq!(amounts(&estimate(&text), "serverless requests"), same("6.00", "6.00", "6.00"));
    let mut options = Options::default();
    options.usage.insert("Endpoint", ResourceUsage::new().requests_per_month(60_000));
    // Twice the requests; the duration is still that of the resource.
    assert_eq!(amounts(&with(&text, &options), "serverless requests"), same("12.00", "12.00", "12.00"));
}

#[test]
fn runs_a_month_add_up_to_a_cost_a_month() {
    let mut options = Options::default();
    options.usage.insert(
        "Train",
        ResourceUsage { minutes_per_run: Some(240), ..ResourceUsage::new().runs_per_month(3) },
    );
    let found = with(PIPELINE, &options);
    let line = found.lines.iter().find(|line| line.item.ends_with("3 runs a month")).unwrap();
    // 3 x 2 x 4 h x 25.251 = 606.024; at the most 3 x 2 x 8 h x 25.251 = 1,212.048.
    let exact = |amount: Option<Money>| amount.unwrap().exact();
    assert_eq!((exact(line.typical), exact(line.ceiling)), ("606.024".to_owned(), "1212.048".to_owned()));
    assert_eq!(found.monthly().ceiling.exact(), "1212.048");
    assert_eq!(found.most_expensive_run().unwrap().exact(), "404.016");
}

#[test]
fn usage_that_is_ignored_is_reported() {
    let mut options = Options::default();
    for name in ["Endpoint", "s.Endpoint", "Endpiont", "other.Endpoint"] {
        options.usage.insert(name, ResourceUsage::new().requests_per_month(1));
    }
    let text = SERVERLESS.replace(
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::EndpointConfig\n    Metadata: {stackwright-usage: {requests: 1}}",
    );
    let assembly = Assembly::of_template("s.yaml", text).unwrap();
    let warnings = of_assembly(&assembly, &options).warnings;
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(
        warnings[0].contains("names `Endpiont`") && warnings[1].contains("names `other.Endpoint`"),
        "{warnings:?}"
    );
    assert!(
        warnings[2].contains("Metadata of s.Config is ignored")
            && warnings[2].contains("unknown field `requests`")
    );
    let jobs = Assembly::of_template("s.yaml", PIPELINE.into()).unwrap();
    options.usage = Usage::default();
    options.usage.insert("Train", ResourceUsage::new());
    assert!(of_assembly(&jobs, &options).warnings.is_empty());
}

#[test]
fn usage_with_a_wrong_member_is_refused() {
    assert!(Usage::from_json(r#"{"resources": {"A": {"requests_per_month": 5}}}"#).is_ok());
    assert!(Usage::from_json(r#"{"resources": {"A": {"requests": 5}}}"#).is_err());
}

#[test]
fn a_hundred_stacks_are_estimated_in_little_time() {
    let template = Template::read(ENDPOINT).unwrap();
    let start = std::time::Instant::now();
    for _ in 0..100 {
        of_template(&template, "Stack", "us-east-1", &Options::default());
    }
    // The limit is 50 ms in a release build; unoptimized code on a busy machine takes longer.
    assert!(start.elapsed().as_millis() < 5000);
}

#[test]
fn a_type_that_is_not_known_as_free_is_listed_as_unknown() {
    let found = estimate(
        r#"
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {}}
  Own: {Type: Custom::Thing, Properties: {}}
  Queue: {Type: AWS::SQS::Queue, Properties: {}}
  New: {Type: AWS::NewService::Thing, Properties: {}}
  Nested: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: https://example.com/t}}
"#,
    );
    let unknown: Vec<_> =
        found.lines.iter().map(|line| (line.resource.as_str(), line.unknown.is_some())).collect();
    assert_eq!(unknown, [("Queue", true), ("New", true), ("Nested", true)]);
    assert_eq!(found.monthly().unknown, 3);
    assert_eq!(found.monthly().ceiling, Money::ZERO);
}

#[test]
fn a_resource_of_a_free_type_with_a_setting_that_costs_is_listed_as_unknown() {
    let found = estimate(
        r#"
Resources:
  Plain: {Type: AWS::Lambda::Alias, Properties: {FunctionName: f, FunctionVersion: "1", Name: plain}}
  Warm:
    Type: AWS::Lambda::Alias
    Properties:
      FunctionName: f
      FunctionVersion: "1"
      Name: warm
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}
  Own: {Type: AWS::SecretsManager::RotationSchedule, Properties: {SecretId: s, RotationLambdaARN: a}}
  Hosted:
    Type: AWS::SecretsManager::RotationSchedule
    Properties: {SecretId: s, HostedRotationLambda: {RotationType: PostgreSQLSingleUser}}
  Gateway: {Type: AWS::EC2::VPCEndpoint, Properties: {ServiceName: x, VpcId: v}}
  Appliance: {Type: AWS::EC2::VPCEndpoint, Properties: {VpcEndpointType: GatewayLoadBalancer, ServiceName: x, VpcId: v}}
"#,
    );
    let unknown: Vec<_> =
        found.lines.iter().map(|line| (line.resource.as_str(), line.unknown.is_some())).collect();
    assert_eq!(unknown, [("Warm", true), ("Hosted", true), ("Appliance", true)]);
}

#[test]
fn the_second_fleet_of_each_variant_has_its_name_and_an_unknown_price_is_listed() {
    let text = ENDPOINT.replace(
        "- {VariantName: main",
        "- {VariantName: other, ModelName: m, InstanceType: ml.nosuch.large, InitialInstanceCount: 2}\n        - {VariantName: main",
    );
    let found = estimate(&text);
    let surges: Vec<_> = found.lines.iter().filter(|line| line.per == Per::UpdateHour).collect();
    let names: Vec<_> = surges.iter().map(|line| line.item.as_str()).collect();
    assert_eq!(
        names,
        ["variant other, second fleet during an update", "variant main, second fleet during an update"]
    );
    assert_eq!(surges[0].unknown.as_deref(), Some("no price of ml.nosuch.large is known for us-east-1"));
    // 4 x 1.515.
    assert_eq!(surges[1].ceiling.unwrap().exact(), "6.06");
}

#[test]
fn the_fleets_of_ec2_cost_between_the_cheapest_and_the_most_expensive_type() {
    // 4 units: 2 x g5.xlarge with a weight of 2, or 4 x g5.2xlarge.
    // 2 x 730 h x 1.006 = 1468.76; 4 x 730 h x 1.212 = 3539.04; half of the way: 2503.90.
    let configs = r#"LaunchTemplateConfigs: [{LaunchTemplateSpecification: {LaunchTemplateId: lt-1, Version: "1"}, Overrides: [
        {InstanceType: g5.xlarge, WeightedCapacity: 2}, {InstanceType: g5.2xlarge}]}]"#;
    let fleet = |capacity: &str| {
        estimate(&format!(
            "Resources:\n  Fleet:\n    Type: AWS::EC2::EC2Fleet\n    Properties:\n      TargetCapacitySpecification: {capacity}\n      {configs}\n"
        ))
    };
    let expected = same("1468.76", "2503.90", "3539.04");
    assert_eq!(amounts(&fleet("{TotalTargetCapacity: 4}"), "fleet"), expected);
    let spot = estimate(&format!(
        "Resources:\n  Fleet:\n    Type: AWS::EC2::SpotFleet\n    Properties:\n      SpotFleetRequestConfigData:\n        TargetCapacity: 4\n        {configs}\n"
    ));
    assert_eq!(amounts(&spot, "fleet"), expected);
    let by_vcpu = fleet("{TotalTargetCapacity: 4, TargetCapacityUnitType: vcpu}");
    assert!(by_vcpu.lines[0].unknown.is_some());
}

const TRAINING: &str = r#"
Resources:
  Pipeline:
    Type: AWS::SageMaker::Pipeline
    Metadata:
      stackwright-memory:
        Train:
          model: {model_type: llama, rms_norm_eps: 0.00001, hidden_size: 4096, num_hidden_layers: 32, num_attention_heads: 32,
            num_key_value_heads: 8, intermediate_size: 14336, vocab_size: 128256, tie_word_embeddings: false}
          strategy: full-shard
          batch: 4
          sequence: 4096
          activation_checkpointing: true
      stackwright-usage: {tokens_per_run: 1000000000, mfu_percent: 40}
    Properties:
      PipelineDefinition:
        PipelineDefinitionBody: '{"Steps": [{"Name": "Train", "Type": "Training", "Arguments": {"AlgorithmSpecification": {},
          "OutputDataConfig": {}, "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2},
          "StoppingCondition": {"MaxRuntimeInSeconds": 86400}}}]}'
"#;

#[test]
fn the_expected_cost_of_a_run_follows_from_the_estimated_duration() {
    use crate::duration::{Job, training_duration};
    use crate::memory::{ModelShape, Strategy};

    let found = estimate(TRAINING);
    let line = found.lines.iter().find(|line| line.per == Per::Run).unwrap();
    // 2 x 24 h x 25.251 at most.
    assert_eq!(line.ceiling.unwrap().exact(), "1212.048");
    // A stated utilization of 40 %: the same duration at the least and as expected.
    let shape = ModelShape::from_config(&serde_json::json!({
        "model_type": "llama", "rms_norm_eps": 1e-5, "hidden_size": 4096, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
        "tie_word_embeddings": false
    }))
    .unwrap();
    let mut job = Job::new("ml.p4d.24xlarge", 16, Strategy::FullShard, 1_000_000_000);
    (job.batch, job.sequence, job.activation_checkpointing, job.mfu) = (4, 4096, true, Some(0.40));
    let duration = training_duration(&shape, &job, &PriceBook::shipped()).unwrap();
    let cost = duration.cost.unwrap();
    assert_eq!((line.floor, line.typical), (Some(cost.low), Some(cost.expected)));
    assert!(line.typical.unwrap() > Money::ZERO);
    let note = line.notes.iter().find(|note| note.starts_with("expected duration")).unwrap();
    assert!(note.contains("1000000000 tokens in 3815 steps on 16 GPUs"), "{note}");
    // Minutes that are stated take precedence over the estimate.
    let stated = estimate(&TRAINING.replace("mfu_percent: 40", "minutes_per_run: 60"));
    // 2 x 1 h x 25.251.
    let line = stated.lines.iter().find(|line| line.per == Per::Run).unwrap();
    assert_eq!(line.typical.unwrap().exact(), "50.502");
    // Without the model, the duration is not known, and the note states it.
    let without = estimate(&TRAINING.replace("        Train:\n", "        Other:\n"));
    let line = without.lines.iter().find(|line| line.per == Per::Run).unwrap();
    assert!(line.typical.is_none() && line.notes.iter().any(|note| note.contains("is not estimated")));
}

#[test]
fn the_volumes_of_an_endpoint_cost_for_each_instance() {
    // 100 GB x 0.112 = 11.20; x 4 = 44.80; half of the way: 28.00.
    let found = estimate(
        &ENDPOINT.replace("InitialInstanceCount: 1", "InitialInstanceCount: 1, VolumeSizeInGB: 100"),
    );
    assert_eq!(amounts(&found, "variant main, storage"), same("11.20", "28.00", "44.80"));
}

#[test]
fn transform_jobs_and_notebooks_cost_by_their_instances() {
    let prices = "stackwright_use,item,region,usd,date,source\n\
        transform,ml.m5.large,us-east-1,0.115,2026-11-01,test\n\
        notebook,ml.t3.medium,us-east-1,0.05,2026-11-01,test\n";
    let mut options = Options::default();
    read_offer(&mut options.prices, prices.as_bytes(), None).unwrap();
    let found = with(
        r#"
Resources:
  Notebook: {Type: AWS::SageMaker::NotebookInstance, Metadata: {stackwright-usage: {hours_per_month: 100}},
    Properties: {InstanceType: ml.t3.medium, VolumeSizeInGB: 20}}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      Definition: {States: {Score: {Type: Task, Parameters: {TransformJobName: a, TransformResources:
        {InstanceType: ml.m5.large, InstanceCount: 2}, StoppingCondition: {MaxRuntimeInSeconds: 7200}}}}}
"#,
        &options,
    );
    // 100 h x 0.05 = 5.00 as stated; 730 h x 0.05 = 36.50 at most.
    assert_eq!(amounts(&found, "ml.t3.medium instance"), same("0.00", "5.00", "36.50"));
    // 2 x 2 h x 0.115 = 0.46 at most.
    let line = found.lines.iter().find(|line| line.item.starts_with("transform job Score")).unwrap();
    assert_eq!((line.ceiling.unwrap().exact().as_str(), line.typical), ("0.46", None));
}
