//! The costs of each resource type.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use stackwright_schemas::prices::free_type;
use stackwright_synth::Template;

use super::money::Money;
use super::prices::{Price, Use};
use super::resolve::{Resolver, boolean, number, text};
use super::usage::ResourceUsage;
use super::{HOURS_A_MONTH, Line, Options, Per, endpoint, jobs, target_fleet};

/// The data that the lines of one template share.
pub(super) struct Scope<'a> {
    pub stack: &'a str,
    pub region: &'a str,
    pub options: &'a Options,
    pub resources: Vec<(&'a str, &'a str, Json)>,
    /// The usage that resources state in their `Metadata`.
    stated: BTreeMap<&'a str, ResourceUsage>,
    /// The `Metadata` of the resources that have one.
    metadata: BTreeMap<&'a str, &'a Json>,
}

impl Scope<'_> {
    /// Returns the usage that the options state for a resource or a job; values that they do not state come from the
    /// resource itself.
    pub fn usage(&self, resource: &str) -> ResourceUsage {
        let given = self.options.usage.of(self.stack, resource);
        match self.stated.get(resource) {
            Some(stated) => given.or(stated.clone()),
            None => given,
        }
    }

    /// Returns the `Metadata` of a resource.
    pub fn metadata(&self, id: &str) -> Option<&Json> {
        self.metadata.get(id).copied()
    }

    pub fn find(&self, id: &str) -> Option<&Json> {
        self.resources.iter().find(|(name, ..)| *name == id).map(|(_, _, properties)| properties)
    }

    pub fn of_type<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = (&'s str, &'s Json)> {
        self.resources
            .iter()
            .filter(move |(_, name, _)| *name == kind)
            .map(|(id, _, properties)| (*id, properties))
    }

    /// Returns a line without amounts.
    pub fn line(&self, resource: &str, kind: &str, item: impl Into<String>, per: Per) -> Line {
        Line {
            stack: self.stack.to_owned(),
            resource: resource.to_owned(),
            resource_type: kind.to_owned(),
            item: item.into(),
            per,
            floor: None,
            typical: None,
            ceiling: None,
            formula: String::new(),
            price: None,
            unknown: None,
            notes: Vec::new(),
            capacity: None,
        }
    }

    /// Returns the price of an instance hour, reduced by a stated savings plan if SageMaker's savings plans apply.
    pub fn instance(&self, usage: Use, instance_type: &str) -> Option<(Price, Money)> {
        let price = self.options.prices.instance(usage, instance_type, self.region)?;
        let hourly = match self.options.savings_plan {
            Some(saving) if usage != Use::Ec2 => price.usd.less(saving),
            _ => price.usd,
        };
        Some((price, hourly))
    }

    pub fn unit(&self, item: &str) -> Option<Price> {
        self.options.prices.unit(item, self.region)
    }
}

impl Line {
    pub(super) fn unknown(mut self, why: impl Into<String>) -> Self {
        self.unknown = Some(why.into());
        self
    }

    /// Sets the same amount as minimum, typical and maximum.
    pub(super) fn fixed(mut self, amount: Money, price: Price, formula: impl Into<String>) -> Self {
        self.floor = Some(amount);
        self.typical = Some(amount);
        self.ceiling = Some(amount);
        self.price = Some(price);
        self.formula = formula.into();
        self
    }

    /// Sets the instances of the line.
    pub(super) fn with_capacity(
        mut self,
        usage: Use,
        instance_type: &str,
        least: u64,
        most: u64,
        is_spot: bool,
    ) -> Self {
        self.capacity =
            Some(super::Capacity { usage, instance_type: instance_type.to_owned(), least, most, is_spot });
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// Returns all costs of a template.
pub(super) fn lines(template: &Template, stack: &str, region: &str, options: &Options) -> Vec<Line> {
    let resolver = Resolver::new(template, region);
    let usage = |(id, resource)| {
        let resource: &Json = resource;
        Some((id, ResourceUsage::of_metadata(resource.get("Metadata")?)?.ok()?))
    };
    let stated = template.resources().filter_map(usage).collect();
    let metadata = template.resources().filter_map(|(id, resource)| Some((id, resource.get("Metadata")?)));
    let metadata = metadata.collect();
    let scope = Scope { stack, region, options, resources: resolver.resources(), stated, metadata };
    let all = scope.resources.iter();
    all.flat_map(|(id, kind, properties)| of(&scope, id, kind, properties)).collect()
}

fn of(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Vec<Line> {
    let kind_name = kind.strip_prefix("AWS::").unwrap_or(kind);
    match kind_name {
        "SageMaker::Endpoint" => endpoint::lines(scope, id, kind, properties),
        "SageMaker::Pipeline"
        | "StepFunctions::StateMachine"
        | "Scheduler::Schedule"
        | "SageMaker::TrainingJob"
        | "SageMaker::ProcessingJob"
        | "SageMaker::MonitoringSchedule"
        | "SageMaker::DataQualityJobDefinition"
        | "SageMaker::ModelBiasJobDefinition"
        | "SageMaker::ModelExplainabilityJobDefinition"
        | "SageMaker::ModelQualityJobDefinition" => jobs::lines(scope, id, kind, properties),
        "SageMaker::NotebookInstance" => notebook(scope, id, kind, properties),
        "SageMaker::Cluster" => cluster(scope, id, kind, properties),
        "SageMaker::App" | "SageMaker::Space" => vec![app(scope, id, kind, properties)],
        "EC2::Instance" => instance(scope, id, kind, properties),
        "AutoScaling::AutoScalingGroup" => fleet(scope, id, kind, properties),
        "EC2::EC2Fleet" | "EC2::SpotFleet" => vec![target_fleet::line(scope, id, kind, properties)],
        "EC2::NatGateway" => gateway(scope, id, kind),
        "EC2::VPCEndpoint" => interface_endpoint(scope, id, kind, properties),
        "EC2::Volume" => volume(scope, id, kind, properties),
        "FSx::FileSystem" => vec![fsx(scope, id, kind, properties)],
        "EFS::FileSystem" => vec![stored(scope, id, kind, "EFS standard storage")],
        "S3::Bucket" => vec![stored(scope, id, kind, "S3 Standard storage")],
        "ECR::Repository" => vec![stored(scope, id, kind, "ECR private storage")],
        "Logs::LogGroup" => vec![logs(scope, id, kind)],
        "EKS::Cluster" => vec![hourly(scope, id, kind, "EKS cluster standard support", 1)],
        "KMS::Key" => vec![monthly(scope, id, kind, "KMS key", 1)],
        "SecretsManager::Secret" => vec![monthly(scope, id, kind, "Secrets Manager secret", 1)],
        "CloudWatch::Alarm" => {
            let metrics = properties["Metrics"].as_array().map_or(1, Vec::len) as u64;
            vec![monthly(scope, id, kind, "CloudWatch alarm standard resolution", metrics.max(1))]
        }
        "CloudWatch::Dashboard" => vec![monthly(scope, id, kind, "CloudWatch dashboard", 1)],
        "Lambda::Alias" | "Lambda::Version" if !properties["ProvisionedConcurrencyConfig"].is_null() => {
            let line = scope.line(id, kind, "provisioned concurrency", Per::Month);
            vec![line.unknown("no price of provisioned concurrency is known here")]
        }
        "SecretsManager::RotationSchedule" if !properties["HostedRotationLambda"].is_null() => {
            let line = scope.line(id, kind, "rotation function", Per::Month);
            vec![line.unknown("the function is in a nested stack, whose resources are not counted here")]
        }
        _ => unpriced(scope, id, kind),
    }
}

/// Returns the lines of a type without a price: none if the type is known to be free of charge, otherwise an unknown cost.
fn unpriced(scope: &Scope<'_>, id: &str, kind: &str) -> Vec<Line> {
    if kind == "AWS::CloudFormation::Stack" {
        let line = scope.line(id, kind, "nested stack", Per::Month);
        return vec![line.unknown("the resources of its template are not counted here")];
    }
    // Custom resources are free of charge; their functions are separate resources.
    if free_type(kind).is_some() || kind.starts_with("Custom::") {
        return Vec::new();
    }
    vec![scope.line(id, kind, "use", Per::Month).unknown("no price of this type is known here")]
}

fn unknown_price(scope: &Scope<'_>, line: Line, what: &str) -> Line {
    line.unknown(format!("no price of {what} is known for {}", scope.region))
}

/// Instances that run all the time, between a minimum and a maximum number.
pub(super) fn always_on(
    scope: &Scope<'_>,
    line: Line,
    usage: Use,
    instance_type: &str,
    least: u64,
    most: u64,
) -> Line {
    let line = line.with_capacity(usage, instance_type, least, most, false);
    let Some((price, hourly)) = scope.instance(usage, instance_type) else {
        return unknown_price(scope, line, instance_type);
    };
    let utilization = scope.usage(&line.resource).utilization().unwrap_or(scope.options.utilization);
    let month = |count: u64| hourly.times(count).times(HOURS_A_MONTH);
    let (floor, ceiling) = (month(least), month(most));
    let count = if least == most { least.to_string() } else { format!("{least} to {most}") };
    let line = match usage {
        Use::Cluster | Use::Ec2 if least == most => line.note(format!("${} an hour", hourly.times(most))),
        Use::Cluster | Use::Ec2 => {
            line.note(format!("${} to ${} an hour", hourly.times(least), hourly.times(most)))
        }
        _ => line,
    };
    Line {
        floor: Some(floor),
        typical: Some(floor + (ceiling - floor).share(utilization)),
        ceiling: Some(ceiling),
        formula: format!("{count} x {instance_type} x {HOURS_A_MONTH} h x ${}", hourly.exact()),
        price: Some(price),
        ..line
    }
}

fn notebook(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Vec<Line> {
    let instance_type = text(&properties["InstanceType"]);
    let line = scope.line(id, kind, format!("{instance_type} instance"), Per::Month);
    let mut lines = vec![part_time(scope, line, Use::Notebook, &instance_type)];
    let gigabytes = number(&properties["VolumeSizeInGB"]).unwrap_or(5);
    lines.push(storage(scope, id, kind, "SageMaker notebook ML storage", gigabytes));
    lines
}

/// Returns an instance that people start and stop: at least 0 hours, typically the stated hours, at most the whole month.
fn part_time(scope: &Scope<'_>, line: Line, usage: Use, instance_type: &str) -> Line {
    let line = line.with_capacity(usage, instance_type, 0, 1, false);
    let Some((price, hourly)) = scope.instance(usage, instance_type) else {
        return unknown_price(scope, line, instance_type);
    };
    let stated = scope.usage(&line.resource).hours_per_month;
    let hours = stated.unwrap_or(HOURS_A_MONTH).min(HOURS_A_MONTH);
    let line = Line {
        floor: Some(Money::ZERO),
        typical: Some(hourly.times(hours)),
        ceiling: Some(hourly.times(HOURS_A_MONTH)),
        formula: format!("{hours} h x ${}", hourly.exact()),
        price: Some(price),
        ..line
    };
    if stated.is_some() {
        line
    } else {
        line.note("runs all month, because the usage states no `hours_per_month`")
    }
}

fn app(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Line {
    let paths = [
        "/ResourceSpec/InstanceType",
        "/SpaceSettings/JupyterLabAppSettings/DefaultResourceSpec/InstanceType",
        "/SpaceSettings/CodeEditorAppSettings/DefaultResourceSpec/InstanceType",
        "/SpaceSettings/JupyterServerAppSettings/DefaultResourceSpec/InstanceType",
    ];
    let found = paths.iter().find_map(|path| properties.pointer(path)).map(text);
    match found {
        Some(instance_type) => {
            let line = scope.line(id, kind, format!("{instance_type} application"), Per::Month);
            part_time(scope, line, Use::Studio, &instance_type)
        }
        None => scope
            .line(id, kind, "application", Per::Month)
            .unknown("the instance type is chosen when it is started"),
    }
}

fn cluster(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Vec<Line> {
    let groups = ["InstanceGroups", "RestrictedInstanceGroups"]
        .into_iter()
        .flat_map(|name| properties[name].as_array().into_iter().flatten());
    let mut lines = Vec::new();
    for group in groups {
        let (name, instance_type) = (text(&group["InstanceGroupName"]), text(&group["InstanceType"]));
        let line = scope.line(id, kind, format!("instance group {name}, {instance_type}"), Per::Month);
        let Some(count) = number(&group["InstanceCount"]) else {
            lines.push(line.unknown("the number of instances is not known"));
            continue;
        };
        let mut line = always_on(scope, line, Use::Cluster, &instance_type, count, count);
        if !group["CapacityRequirements"]["Spot"].is_null() {
            if let Some(capacity) = &mut line.capacity {
                capacity.is_spot = true;
            }
            line = line.note("counted at the price on demand; Spot Instances cost less");
        }
        let is_planned = group.get("TrainingPlanArn").is_some();
        lines.push(if is_planned {
            line.note("the group uses a training plan, whose price is fixed when it is bought")
        } else {
            line
        });
        for volume in group["InstanceStorageConfigs"].as_array().into_iter().flatten() {
            if let Some(gigabytes) = number(&volume["EbsVolumeConfig"]["VolumeSizeInGB"]) {
                let item = format!("storage of instance group {name}");
                lines.push(sized(
                    scope,
                    scope.line(id, kind, item, Per::Month),
                    "EBS gp3 storage",
                    gigabytes * count,
                ));
            }
        }
    }
    lines
}

fn ec2(scope: &Scope<'_>, id: &str, kind: &str, instance_type: &Json, least: u64, most: u64) -> Line {
    match instance_type.as_str() {
        Some(name) => {
            let line = scope.line(id, kind, format!("{name} instances"), Per::Month);
            always_on(scope, line, Use::Ec2, name, least, most)
        }
        None => scope.line(id, kind, "instances", Per::Month).unknown("the instance type is not known"),
    }
}

/// Returns an instance with the volumes that it states.
fn instance(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Vec<Line> {
    let template = launch_template(scope, &properties["LaunchTemplate"]).unwrap_or(&Json::Null);
    let member = |name: &str| if properties[name].is_null() { &template[name] } else { &properties[name] };
    let line = ec2(scope, id, kind, member("InstanceType"), 1, 1);
    with_volumes(scope, line, member("BlockDeviceMappings"), 1, 1)
}

/// Returns the data of a launch template that is part of the same template.
pub(super) fn launch_template<'s>(scope: &'s Scope<'_>, specification: &Json) -> Option<&'s Json> {
    let id = super::resolve::reference(&specification["LaunchTemplateId"])?;
    scope.find(id)?.get("LaunchTemplateData")
}

/// Instances, and the EBS volumes of each.
fn with_volumes(scope: &Scope<'_>, line: Line, mappings: &Json, least: u64, most: u64) -> Vec<Line> {
    let (id, kind) = (line.resource.clone(), line.resource_type.clone());
    let mappings = mappings.as_array().map_or(&[][..], Vec::as_slice);
    let mut lines = match mappings {
        [] => vec![line.note("the volumes of the image are not counted")],
        _ => vec![line],
    };
    for mapping in mappings {
        let Some(ebs) = mapping.get("Ebs") else { continue };
        let device = text(&mapping["DeviceName"]);
        let volumes =
            VolumeItem { resource: &id, kind: &kind, item: format!("volume {device}"), least, most };
        lines.extend(ebs_volume(scope, &volumes, ebs, &ebs["VolumeSize"]));
    }
    lines
}

/// Returns the instance type of a group comes from a launch template of the same template.
fn fleet(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Vec<Line> {
    let (least, most) =
        (number(&properties["MinSize"]).unwrap_or(0), number(&properties["MaxSize"]).unwrap_or(0));
    let mixed = &properties["MixedInstancesPolicy"];
    let template = launch_template(scope, &properties["LaunchTemplate"])
        .or_else(|| launch_template(scope, &mixed["LaunchTemplate"]["LaunchTemplateSpecification"]))
        .unwrap_or(&Json::Null);
    let overridden = mixed.pointer("/LaunchTemplate/Overrides/0/InstanceType");
    let mut line = ec2(scope, id, kind, overridden.unwrap_or(&template["InstanceType"]), least, most);
    let spot = number(&mixed["InstancesDistribution"]["OnDemandPercentageAboveBaseCapacity"]);
    let base = number(&mixed["InstancesDistribution"]["OnDemandBaseCapacity"]).unwrap_or(0);
    let is_spot = template["InstanceMarketOptions"]["MarketType"].as_str() == Some("spot")
        || spot == Some(0) && base == 0;
    if let Some(capacity) = line.capacity.as_mut().filter(|_| is_spot) {
        capacity.is_spot = true;
    }
    if is_spot || spot.is_some_and(|percent| percent < 100) {
        line = line.note("counted at the price on demand; Spot Instances cost less");
    }
    with_volumes(scope, line, &template["BlockDeviceMappings"], least, most)
}

fn hourly(scope: &Scope<'_>, id: &str, kind: &str, item: &str, count: u64) -> Line {
    let line = scope.line(id, kind, item, Per::Month);
    match scope.unit(item) {
        Some(price) => {
            let formula = format!("{count} x {HOURS_A_MONTH} h x ${}", price.usd.exact());
            line.fixed(price.usd.times(count).times(HOURS_A_MONTH), price, formula)
        }
        None => unknown_price(scope, line, item),
    }
}

fn monthly(scope: &Scope<'_>, id: &str, kind: &str, item: &str, count: u64) -> Line {
    let line = scope.line(id, kind, item, Per::Month);
    match scope.unit(item) {
        Some(price) => {
            let formula = format!("{count} x ${}", price.usd.exact());
            line.fixed(price.usd.times(count), price, formula)
        }
        None => unknown_price(scope, line, item),
    }
}

fn sized(scope: &Scope<'_>, line: Line, item: &str, gigabytes: u64) -> Line {
    match scope.unit(item) {
        Some(price) => {
            let formula = format!("{gigabytes} GB x ${}", price.usd.exact());
            line.fixed(price.usd.times(gigabytes), price, formula)
        }
        None => unknown_price(scope, line, item),
    }
}

pub(super) fn storage(scope: &Scope<'_>, id: &str, kind: &str, item: &str, gigabytes: u64) -> Line {
    sized(scope, scope.line(id, kind, "storage", Per::Month), item, gigabytes)
}

fn gateway(scope: &Scope<'_>, id: &str, kind: &str) -> Vec<Line> {
    let mut lines = vec![hourly(scope, id, kind, "NAT gateway", 1)];
    let line = scope.line(id, kind, "data processed", Per::Month);
    lines.push(match scope.usage(id).gigabytes_per_month {
        Some(gigabytes) => sized(scope, line, "NAT gateway data processed", gigabytes),
        None => line.unknown("the usage states no `gigabytes_per_month`"),
    });
    lines
}

fn interface_endpoint(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Vec<Line> {
    let endpoint_type = &properties["VpcEndpointType"];
    // Gateway endpoints, which are the default, have no charge:
    // https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    if endpoint_type.is_null() || endpoint_type.as_str() == Some("Gateway") {
        return Vec::new();
    }
    if endpoint_type.as_str() != Some("Interface") {
        let line = scope.line(id, kind, "endpoint", Per::Month);
        return vec![line.unknown("only prices of interface endpoints are known here")];
    }
    let subnets = properties["SubnetIds"].as_array().map_or(1, Vec::len) as u64;
    let line = scope.line(id, kind, "data processed", Per::Month);
    let data = match scope.usage(id).gigabytes_per_month {
        Some(gigabytes) => sized(scope, line, "Interface endpoint data first 1 PB", gigabytes),
        None => line.unknown("the usage states no `gigabytes_per_month`"),
    };
    vec![hourly(scope, id, kind, "Interface endpoint per AZ", subnets.max(1)), data]
}

/// The location of volumes, and their minimum and maximum number.
struct VolumeItem<'p> {
    resource: &'p str,
    kind: &'p str,
    item: String,
    least: u64,
    most: u64,
}

/// The IOPS that the price of a gp3 volume includes.
const GP3_IOPS: u64 = 3000;
const GP3_THROUGHPUT: u64 = 125;

/// Returns an EBS volume: storage, and what is provisioned in addition.
fn ebs_volume(scope: &Scope<'_>, volumes: &VolumeItem<'_>, volume: &Json, size: &Json) -> Vec<Line> {
    let class = volume["VolumeType"].as_str().unwrap_or("gp2");
    let line = |item: &str| {
        scope.line(volumes.resource, volumes.kind, format!("{}{item}", volumes.item), Per::Month)
    };
    let Some(gigabytes) = number(size) else {
        return vec![line(", storage").unknown("the size is that of the snapshot")];
    };
    let mut lines =
        vec![times(scope, line(", storage"), &format!("EBS {class} storage"), gigabytes, "GB", volumes)];
    let above = |name: &str, included: u64| number(&volume[name]).unwrap_or(0).saturating_sub(included);
    let (iops, throughput) = match class {
        "gp3" => (above("Iops", GP3_IOPS), above("Throughput", GP3_THROUGHPUT)),
        "io1" | "io2" => (above("Iops", 0), 0),
        _ => (0, 0),
    };
    if iops > 0 {
        let item =
            if class == "gp3" { "EBS gp3 provisioned IOPS above 3000" } else { &format!("EBS {class} IOPS") };
        lines.push(times(scope, line(", provisioned IOPS"), item, iops, "IOPS", volumes));
    }
    if throughput > 0 {
        let item = "EBS gp3 provisioned throughput above 125 MB/s";
        lines.push(times(scope, line(", provisioned throughput"), item, throughput, "MB/s", volumes));
    }
    lines
}

/// Returns the amounts of an item for the minimum and the maximum number of volumes.
fn times(
    scope: &Scope<'_>,
    line: Line,
    item: &str,
    amount: u64,
    unit: &str,
    volumes: &VolumeItem<'_>,
) -> Line {
    let Some(price) = scope.unit(item) else { return unknown_price(scope, line, item) };
    let month = |count: u64| price.usd.times(amount).times(count);
    let (floor, ceiling) = (month(volumes.least), month(volumes.most));
    let utilization = scope.usage(volumes.resource).utilization().unwrap_or(scope.options.utilization);
    let count = match (volumes.least, volumes.most) {
        (1, 1) => String::new(),
        (least, most) if least == most => format!("{least} x "),
        (least, most) => format!("{least} to {most} x "),
    };
    Line {
        floor: Some(floor),
        typical: Some(floor + (ceiling - floor).share(utilization)),
        ceiling: Some(ceiling),
        formula: format!("{count}{amount} {unit} x ${}", price.usd.exact()),
        price: Some(price),
        ..line
    }
}

fn volume(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Vec<Line> {
    let volumes = VolumeItem { resource: id, kind, item: "volume".to_owned(), least: 1, most: 1 };
    ebs_volume(scope, &volumes, properties, &properties["Size"])
}

fn fsx(scope: &Scope<'_>, id: &str, kind: &str, properties: &Json) -> Line {
    let line = scope.line(id, kind, "storage", Per::Month);
    if properties["FileSystemType"].as_str() != Some("LUSTRE") {
        return line.unknown("only prices of FSx for Lustre are known here");
    }
    let lustre = &properties["LustreConfiguration"];
    let deployment = lustre["DeploymentType"].as_str().unwrap_or("SCRATCH_1");
    let Some(gigabytes) = number(&properties["StorageCapacity"]) else {
        return line.unknown("the storage capacity is not known");
    };
    if deployment.starts_with("SCRATCH") {
        return sized(scope, line, "FSx for Lustre (type not named)", gigabytes);
    }
    if properties["StorageType"].as_str().is_some_and(|kind| kind != "SSD") {
        return line.unknown("only the price of SSD storage is known here");
    }
    match number(&lustre["PerUnitStorageThroughput"]) {
        Some(125) => sized(scope, line, "FSx for Lustre persistent SSD", gigabytes),
        None => sized(scope, line, "FSx for Lustre persistent SSD", gigabytes)
            .note("the price is that of 125 MB/s/TiB; higher throughput costs more"),
        Some(throughput) => line.unknown(format!(
            "only the price of a throughput of 125 MB/s/TiB is known here, and {throughput} is provisioned"
        )),
    }
}

/// Storage whose cost depends on the stored data.
fn stored(scope: &Scope<'_>, id: &str, kind: &str, item: &str) -> Line {
    match scope.usage(id).gigabytes {
        Some(gigabytes) => storage(scope, id, kind, item, gigabytes),
        None => scope.line(id, kind, "storage", Per::Month).unknown("the usage states no `gigabytes`"),
    }
}

fn logs(scope: &Scope<'_>, id: &str, kind: &str) -> Line {
    let line = scope.line(id, kind, "ingested logs", Per::Month);
    match scope.usage(id).gigabytes_per_month {
        Some(gigabytes) => sized(scope, line, "CloudWatch Logs ingested", gigabytes),
        None => line.unknown("the usage states no `gigabytes_per_month`"),
    }
}

/// Returns whether a member is set to true.
pub(super) fn is_true(value: &Json) -> bool {
    boolean(value) == Some(true)
}
