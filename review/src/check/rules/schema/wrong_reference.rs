//! `wrong-reference`

use serde_json::Value as JsonValue;
use stackwright_schemas::{formats, registry};

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::schema::{Kind, kind, matches_pattern};
use crate::check::text::{Piece, Text};
use crate::check::value::{children, function, is_container, is_set, string};
use crate::check::view::{Resource, View, referred};

rule! {
    /// A reference returns a value of another kind than the property takes: an ARN instead of a name, a name instead of
    /// an ARN, or the identifier of another type of resource.
    ///
    /// # Why it matters
    ///
    /// What `Ref` returns depends on the type: for a SageMaker model the ARN, for an IAM role the name, and for a
    /// security group without `VpcId` its name. The service refuses the value when the stack is deployed.
    ///
    /// # How to fix
    ///
    /// Use `Fn::GetAtt` of the attribute that the property takes, or refer to a resource of the right type.
    ///
    /// # Limitations
    ///
    /// Types for which the return value of `Ref` is not known are left out.
    Error "wrong-reference",
    source: "AWS CloudFormation Template Reference, return values of each type; registry schemas",
    applies_to: [],
    check: Each(check),
}

/// The kind of value that a reference returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Yields {
    Arn,
    /// A name or an identifier, and certainly no ARN.
    Name,
    Url,
    /// An IP address.
    Address,
    /// The identifier of a type of EC2.
    Id(&'static str),
}

/// Types for which `Ref` returns an ARN, in addition to those of SageMaker.
const ARNS: [&str; 21] = [
    "AWS::ACMPCA::CertificateAuthority",
    "AWS::Batch::ComputeEnvironment",
    "AWS::Batch::JobDefinition",
    "AWS::Batch::JobQueue",
    "AWS::CertificateManager::Certificate",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::IAM::ManagedPolicy",
    "AWS::Lambda::Alias",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::Activity",
    "AWS::StepFunctions::StateMachine",
    "AWS::AutoScaling::ScalingPolicy",
];

/// Types of which `Ref` returns a name.
const NAMES: [&str; 27] = [
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeBuild::Project",
    "AWS::CodePipeline::Pipeline",
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::ECS::Cluster",
    "AWS::EFS::FileSystem",
    "AWS::EKS::Cluster",
    "AWS::Events::EventBus",
    "AWS::Events::Rule",
    "AWS::FSx::FileSystem",
    "AWS::Glue::Database",
    "AWS::Glue::Job",
    "AWS::IAM::Group",
    "AWS::IAM::InstanceProfile",
    "AWS::IAM::Role",
    "AWS::IAM::User",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::Kinesis::Stream",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SSM::Parameter",
    "AWS::SageMaker::Domain",
];

/// Types of which `Ref` returns an identifier that only they have.
const IDENTIFIERS: [&str; 14] = [
    "AWS::EC2::DHCPOptions",
    "AWS::EC2::Instance",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::NatGateway",
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::NetworkInterface",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::TransitGateway",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::Volume",
];

/// Properties that take the identifier of one type, wherever they are.
const TAKES: [(&str, &str); 17] = [
    ("DhcpOptionsId", "AWS::EC2::DHCPOptions"),
    ("InternetGatewayId", "AWS::EC2::InternetGateway"),
    ("LaunchTemplateId", "AWS::EC2::LaunchTemplate"),
    ("NatGatewayId", "AWS::EC2::NatGateway"),
    ("NetworkAclId", "AWS::EC2::NetworkAcl"),
    ("NetworkInterfaceId", "AWS::EC2::NetworkInterface"),
    ("RouteTableId", "AWS::EC2::RouteTable"),
    ("RouteTableIds", "AWS::EC2::RouteTable"),
    ("SecurityGroupId", "AWS::EC2::SecurityGroup"),
    ("SecurityGroupIds", "AWS::EC2::SecurityGroup"),
    ("SourceSecurityGroupId", "AWS::EC2::SecurityGroup"),
    ("SubnetId", "AWS::EC2::Subnet"),
    ("SubnetIds", "AWS::EC2::Subnet"),
    ("Subnets", "AWS::EC2::Subnet"),
    ("TransitGatewayId", "AWS::EC2::TransitGateway"),
    ("VpcId", "AWS::EC2::VPC"),
    ("VolumeId", "AWS::EC2::Volume"),
];

/// Properties that take names although the schema does not state it.
const TAKES_NAMES: [(&str, &str); 13] = [
    ("AWS::Batch::JobDefinition", "awslogs-group"),
    ("AWS::ECS::TaskDefinition", "awslogs-group"),
    ("AWS::IAM::InstanceProfile", "Roles"),
    ("AWS::IAM::ManagedPolicy", "Groups"),
    ("AWS::IAM::ManagedPolicy", "Roles"),
    ("AWS::IAM::ManagedPolicy", "Users"),
    ("AWS::IAM::Policy", "Groups"),
    ("AWS::IAM::Policy", "Roles"),
    ("AWS::IAM::Policy", "Users"),
    ("AWS::CloudTrail::Trail", "S3BucketName"),
    ("AWS::Lambda::Function", "S3Bucket"),
    ("AWS::S3::AccessPoint", "Bucket"),
    ("AWS::S3::BucketPolicy", "Bucket"),
];

/// Properties with the actions of alarms, which are ARNs.
const ACTIONS: [&str; 3] = ["AlarmActions", "InsufficientDataActions", "OKActions"];

/// Properties of SageMaker that take the name of a resource of one type.
const NAMES_OF: [(&str, &str); 3] = [
    ("EndpointConfigName", "AWS::SageMaker::EndpointConfig"),
    ("EndpointName", "AWS::SageMaker::Endpoint"),
    ("ModelName", "AWS::SageMaker::Model"),
];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        let Some(schema) = resource.schema else { continue };
        let mut walk = Walk { view, resource, path: Vec::new(), found: Vec::new() };
        walk.value(&resource.properties, Some(schema.schema()), "");
        for (path, message, help) in walk.found {
            findings.add_at(resource, Some(&path), message, help);
        }
        if ["AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"]
            .contains(&resource.type_name)
        {
            scaled_endpoint(view, resource, findings);
        }
    }
}

struct Walk<'w, 'a> {
    view: &'w View<'a>,
    resource: &'w Resource<'a>,
    /// The steps to the value that is visited.
    path: Vec<String>,
    found: Vec<(Vec<String>, String, String)>,
}

impl Walk<'_, '_> {
    fn report(&mut self, message: String, help: String) {
        self.found.push((self.path.clone(), message, help));
    }

    fn value(&mut self, value: &JsonValue, schema: Option<registry::Schema<'_>>, property: &str) {
        if function(value).is_some() {
            return self.reference(value, schema, property);
        }
        for (step, inner) in children(value).filter(|(_, inner)| is_container(inner)) {
            let below = schema.map(registry::Schema::resolved).and_then(|at| match value {
                JsonValue::Array(_) => at.items(),
                _ => at.property(&step).or_else(|| at.map_values()),
            });
            let property = if value.is_array() { property } else { step.as_ref() };
            self.path.push(step.to_string());
            // Items of a list are those that the list's property takes.
            self.value(inner, below, property);
            self.path.pop();
        }
    }

    fn reference(&mut self, value: &JsonValue, schema: Option<registry::Schema<'_>>, property: &str) {
        let text = Text::of(value);
        if text.0.len() > 1 {
            return self.text(&text);
        }
        let is_object = schema.is_some_and(|schema| schema.types() == ["object"]);
        if is_object && matches!(kind(value, self.view), Kind::Text | Kind::List) {
            let name = function(value).map_or("", |(name, _)| name);
            let message = format!("`{name}` does not return an object, and `{property}` takes an object");
            return self.report(message, String::new());
        }
        let Some((target, yields)) = yields(self.view, value) else { return };
        let shown = function(value).map_or("", |(name, _)| name);
        let takes = TAKES.iter().find(|(name, _)| *name == property).map(|(_, type_name)| *type_name);
        let is_of_ec2 = schema.is_some();
        if let (Yields::Id(given), Some(wanted)) = (yields, takes)
            && given != wanted
            && is_of_ec2
        {
            let message = format!(
                "`{property}` takes the identifier of `{wanted}`, and `{}` is a `{given}`",
                target.id
            );
            return self.report(message, format!("refer to a resource of the type `{wanted}`"));
        }
        let format =
            schema.map_or("", |schema| schema.resolved().node()["format"].as_str().unwrap_or_default());
        let takes_id = takes.is_some() || format.starts_with("AWS::EC2::") && format.ends_with(".Id");
        if takes_id && is_of_ec2 && matches!(yields, Yields::Name | Yields::Url | Yields::Arn) {
            let wanted = takes.unwrap_or_else(|| format.trim_end_matches(".Id"));
            let what = match yields {
                Yields::Arn => "an ARN",
                Yields::Url => "a URL",
                _ => "a name",
            };
            let message = format!(
                "`{property}` takes the identifier of `{wanted}`, and `{shown}` of `{}` returns {what}",
                target.id
            );
            return self
                .report(message, format!("refer to the identifier of a resource of the type `{wanted}`"));
        }
        if yields == Yields::Address && property == "AllocationId" {
            let message = format!(
                "`Ref` of `{}` returns its IP address, and `AllocationId` takes the ID of the allocation",
                target.id
            );
            return self.report(message, format!("use `!GetAtt {}.AllocationId`", target.id));
        }
        let named = NAMES_OF.iter().find(|(name, _)| *name == property).map(|(_, type_name)| *type_name);
        let is_of_others = NAMES_OF.iter().any(|(_, type_name)| *type_name == target.type_name);
        if let Some(wanted) = named.filter(|wanted| is_of_others && *wanted != target.type_name) {
            let message = format!(
                "`{property}` takes the name of a `{wanted}`, and `{}` is a `{}`",
                target.id, target.type_name
            );
            return self.report(message, format!("refer to a resource of the type `{wanted}`"));
        }
        if shown == "Ref" && self.returns_another_name(schema, property, takes, target) {
            return;
        }
        let schema = schema.map(registry::Schema::resolved);
        let takes_name = TAKES_NAMES.contains(&(self.resource.type_name, property));
        match (yields, schema) {
            (Yields::Arn, schema)
                if takes_name || schema.is_some_and(|schema| refuses_arns(schema, target)) =>
            {
                let message =
                    format!("`{shown}` of `{}` returns an ARN, and `{property}` takes a name", target.id);
                self.report(message, name_of(target));
            }
            (Yields::Name | Yields::Url | Yields::Id(_), Some(schema))
                if needs_arn(schema, property, target) && !self.takes_role_names(property) =>
            {
                let what = if yields == Yields::Url { "a URL" } else { "a name" };
                let message =
                    format!("`{shown}` of `{}` returns {what}, and `{property}` takes an ARN", target.id);
                self.report(message, format!("use `!GetAtt {}.Arn`", target.id));
            }
            _ => {}
        }
    }

    /// Reports a `Ref` that returns a name because of other properties of its resource, and returns whether it does.
    fn returns_another_name(
        &mut self,
        schema: Option<registry::Schema<'_>>,
        property: &str,
        takes: Option<&str>,
        target: &Resource<'_>,
    ) -> bool {
        let takes_group = takes == Some("AWS::EC2::SecurityGroup")
            || schema
                .is_some_and(|schema| schema.resolved().node()["format"] == "AWS::EC2::SecurityGroup.Id");
        if takes_group
            && target.type_name == "AWS::EC2::SecurityGroup"
            && !is_set(&target.properties["VpcId"])
        {
            let message = format!(
                "`Ref` of `{}` returns its name, because the security group has no `VpcId`",
                target.id
            );
            let help = format!("use `!GetAtt {}.GroupId`, or set `VpcId`", target.id);
            self.report(message, help);
            return true;
        }
        if self.resource.type_name == "AWS::CodeBuild::Project"
            && property == "ServiceRole"
            && string(&target.properties["Path"]).is_some_and(|path| path != "/")
        {
            let message = format!(
                "`Ref` of `{}` returns the name of the role without its path, and the service does not find the role by it",
                target.id
            );
            self.report(message, format!("use `!GetAtt {}.Arn`", target.id));
            return true;
        }
        false
    }

    /// ECS takes the short name of a role too.
    fn takes_role_names(&self, property: &str) -> bool {
        self.resource.type_name == "AWS::ECS::TaskDefinition"
            && ["TaskRoleArn", "ExecutionRoleArn"].contains(&property)
    }

    /// Reports a string that inserts an ARN after the start of an ARN.
    fn text(&mut self, text: &Text<'_>) {
        let start = text.start();
        // API Gateway and Step Functions name an integration by an ARN that ends in another one.
        let ends_in_arn = start.contains(":apigateway:") || start.contains(":states:");
        if !start.starts_with("arn:") && !start.starts_with("s3://") || ends_in_arn {
            return;
        }
        let mut is_behind_path = false;
        for piece in &text.0 {
            let hole = match piece {
                Piece::Known(known) => {
                    is_behind_path = known.ends_with(['/', ':']) && !known.contains("path/");
                    continue;
                }
                Piece::Hole(hole) => hole,
            };
            if !is_behind_path {
                continue;
            }
            if let Some((target, Yields::Arn)) = yields(self.view, hole) {
                let message = format!("`{}` is referred to by its ARN inside of `{start}…`", target.id);
                return self.report(message, name_of(target));
            }
        }
    }
}

fn name_of(target: &Resource<'_>) -> String {
    let attributes = target.schema.map_or(&[][..], |schema| schema.attributes());
    let name = attributes.iter().find(|name| name.ends_with("Name"));
    name.map_or_else(
        || "use the name of the resource".to_owned(),
        |name| format!("use `!GetAtt {}.{name}`", target.id),
    )
}

/// Returns the resource of which a `Ref` returns a name, an identifier or a URL, where an ARN is needed.
pub(in crate::check) fn named_resource<'w, 'a>(
    view: &'w View<'a>,
    value: &JsonValue,
) -> Option<&'w Resource<'a>> {
    let (target, yields) = yields(view, value)?;
    (yields != Yields::Arn).then_some(target)
}

/// Returns the resource that a value refers to, and what it returns.
fn yields<'w, 'a>(view: &'w View<'a>, value: &JsonValue) -> Option<(&'w Resource<'a>, Yields)> {
    let (name, argument) = function(value)?;
    let target = view.resource(&referred(value)?)?;
    match name {
        "Ref" => Some((target, of_ref(target)?)),
        "Fn::GetAtt" => {
            let attribute = match argument {
                JsonValue::Array(arguments) => arguments.get(1)?.as_str()?,
                other => other.as_str()?.split_once('.')?.1,
            };
            let is_of_registry = registry::resource_type(target.type_name).is_some();
            if attribute.ends_with("Arn") || attribute.ends_with("ARN") {
                Some((target, Yields::Arn))
            } else {
                // Stacks and custom resources name their outputs as they like.
                let is_nested = target.type_name.starts_with("AWS::CloudFormation::");
                (attribute.ends_with("Name") && is_of_registry && !is_nested)
                    .then_some((target, Yields::Name))
            }
        }
        _ => None,
    }
}

fn of_ref(target: &Resource<'_>) -> Option<Yields> {
    let type_name = target.type_name;
    if let Some(known) = IDENTIFIERS.iter().find(|known| **known == type_name) {
        return Some(Yields::Id(known));
    }
    if NAMES.contains(&type_name) {
        return Some(Yields::Name);
    }
    match type_name {
        "AWS::SQS::Queue" => return Some(Yields::Url),
        "AWS::EC2::EIP" => return Some(Yields::Address),
        _ => {}
    }
    let of_sage_maker = || {
        let schema = target.schema.filter(|_| type_name.starts_with("AWS::SageMaker::"))?;
        let identifier: Vec<&str> = schema.primary_identifier().collect();
        match identifier.as_slice() {
            [one] if one.ends_with("Arn") && schema.is_read_only(one) => Some(Yields::Arn),
            _ => None,
        }
    };
    if ARNS.contains(&type_name) { Some(Yields::Arn) } else { of_sage_maker() }
}

/// Returns whether a schema lets no ARN of a resource in.
fn refuses_arns(schema: registry::Schema<'_>, target: &Resource<'_>) -> bool {
    let format = schema.node()["format"].as_str().unwrap_or_default();
    let of_format = ["SecurityGroup.Id", "Subnet.Id", "VPC.Id", "Image.Id", "LogGroup.Name", "Bucket.Name"];
    if of_format.iter().any(|end| format.ends_with(end)) {
        return true;
    }
    let Some(pattern) = schema.pattern().filter(|pattern| !pattern.contains("arn")) else { return false };
    let service = target.type_name.split("::").nth(1).unwrap_or_default().to_ascii_lowercase();
    let samples = ["thing/name", "name", "thing/path/name", "thing:name", "function:name:1"];
    samples.iter().all(|end| {
        let arn = format!("arn:aws:{service}:us-east-1:123456789012:{end}");
        matches_pattern(pattern, &arn) == Some(false)
    })
}

/// Returns whether a schema lets nothing but ARNs in.
fn needs_arn(schema: registry::Schema<'_>, property: &str, target: &Resource<'_>) -> bool {
    let format = schema.node()["format"].as_str().unwrap_or_default();
    let samples = [
        "Stack-Name-1ABCDEFGHIJKL",
        "stack-name-1abcdefghijkl",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "fs-0123456789abcdef0",
        "name",
        "12",
    ];
    let refuses = |pattern: &str| {
        let start = pattern.trim_start_matches(['^', '(', '?', ':']);
        start.starts_with("arn") && samples.iter().all(|name| matches_pattern(pattern, name) == Some(false))
    };
    let by_format = format.ends_with(".Arn") && formats::pattern(format).is_some_and(refuses);
    let by_pattern = schema.pattern().is_some_and(refuses);
    // Without a pattern the name of the property determines it. Properties for KMS keys often accept each form of a key's
    // identifier.
    let is_open = schema.pattern().is_none() && format.is_empty();
    let takes_arns = property.ends_with("Arn") || property.ends_with("ARN") || ACTIONS.contains(&property);
    let is_named = takes_arns && !property.contains("Kms") && !property.contains("KMS");
    let is_string = schema.types() == ["string"];
    by_format || by_pattern || is_open && is_named && is_string && target.type_name != "AWS::KMS::Key"
}

/// Checks the endpoint in the identifier of a scalable target: it is the name, which `Ref` does not return.
fn scaled_endpoint(view: &View<'_>, resource: &Resource<'_>, findings: &mut Findings<'_, '_, '_>) {
    let value = &resource.properties["ResourceId"];
    for piece in &Text::of(value).0 {
        let Piece::Hole(hole) = piece else { continue };
        if let Some((target, Yields::Arn)) = yields(view, hole)
            && target.type_name.starts_with("AWS::SageMaker::")
        {
            let message =
                format!("`ResourceId` takes the name of `{}`, and the reference returns its ARN", target.id);
            findings.add(resource, value, message, name_of(target));
        }
    }
}
