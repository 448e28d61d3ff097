//! Generates the typed resources of every service whose feature is on. Of other services, the feature `constructs` generates
//! the types that the constructs use, so that a program does not compile, for example, the 124 types of EC2 for a subnet.

mod generator;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use stackwright_schemas::registry;

/// What the crate `stackwright-stacks` uses of services whose feature it does not enable.
const CONSTRUCT_TYPES: [&str; 41] = [
    "AWS::APS::Workspace",
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::AutoScaling::ScalingPolicy",
    "AWS::AutoScaling::ScheduledAction",
    "AWS::AutoScaling::WarmPool",
    "AWS::Batch::ComputeEnvironment",
    "AWS::Batch::JobDefinition",
    "AWS::Batch::JobQueue",
    "AWS::Budgets::Budget",
    "AWS::Budgets::BudgetsAction",
    "AWS::CloudFormation::StackSet",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::EC2::EIP",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::NatGateway",
    "AWS::EC2::PlacementGroup",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::ECR::Repository",
    "AWS::EKS::AccessEntry",
    "AWS::EKS::Addon",
    "AWS::EKS::Cluster",
    "AWS::Events::Rule",
    "AWS::FSx::FileSystem",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::SSM::Parameter",
    "AWS::Scheduler::Schedule",
    "AWS::StepFunctions::StateMachine",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=generator");
    let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in registry::type_names() {
        let mut parts = name.split("::");
        if let (Some("AWS"), Some(service)) = (parts.next(), parts.next()) {
            services.entry(service).or_default().push(name);
        }
    }
    let mut text = String::new();
    for (service, mut types) in services {
        let complete = feature(service);
        if !complete {
            types.retain(|name| feature("constructs") && CONSTRUCT_TYPES.contains(name));
        }
        if !types.is_empty() {
            let types = types.into_iter().filter_map(registry::resource_type);
            generator::service(service, complete, types, &mut text);
        }
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("resources.rs"), text).expect("OUT_DIR is writable");
}

fn feature(name: &str) -> bool {
    std::env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase())).is_some()
}
