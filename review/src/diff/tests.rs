//! Tests of comparisons: single edits with what is expected of them, and generated templates.

use proptest::prelude::*;
use serde_json::{Map, Value as JsonValue, json};
use stackwright_synth::Assembly;

use super::apply::apply;
use super::edit::edits;
use super::node::Node;
use super::*;

fn assembly(template: &JsonValue) -> Assembly {
    Assembly::of_template("stack.json", template.to_string()).unwrap()
}

fn compared(old: &JsonValue, new: &JsonValue) -> Diff {
    compare(&assembly(old), &assembly(new))
}

fn resources(old: JsonValue, new: JsonValue) -> Vec<ResourceChange> {
    let found = compared(&json!({ "Resources": old }), &json!({ "Resources": new }));
    found.stacks.into_iter().flat_map(|stack| stack.resources).collect()
}

fn paths(change: &ResourceChange) -> Vec<&str> {
    change.properties.iter().map(|one| one.path.as_str()).collect()
}

/// An endpoint with its configuration and model.
fn endpoint(instance_type: &str, model_data: &str) -> JsonValue {
    json!({
        "Model": { "Type": "AWS::SageMaker::Model", "Properties": {
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/r",
            "PrimaryContainer": { "Image": "i", "ModelDataUrl": model_data },
        } },
        "Config": { "Type": "AWS::SageMaker::EndpointConfig", "Properties": { "ProductionVariants": [
            { "VariantName": "Shadow", "ModelName": { "Fn::GetAtt": ["Model", "ModelName"] }, "InstanceType": "ml.m5.large" },
            { "VariantName": "Main", "ModelName": { "Fn::GetAtt": ["Model", "ModelName"] }, "InstanceType": instance_type },
        ] } },
        "Endpoint": { "Type": "AWS::SageMaker::Endpoint", "Properties": {
            "EndpointName": "scorer",
            "EndpointConfigName": { "Fn::GetAtt": ["Config", "EndpointConfigName"] },
        } },
    })
}

#[test]
fn an_instance_type_has_a_path_and_the_endpoint_is_updated_in_place() {
    let found = resources(endpoint("ml.g5.2xlarge", "s3://b/1"), endpoint("ml.g6.2xlarge", "s3://b/1"));
    assert_eq!(found.len(), 2);
    let (config, endpoint) = (&found[0], &found[1]);
    assert_eq!(config.consequence, Consequence::Replaced);
    assert_eq!(paths(config), ["ProductionVariants[Main].InstanceType"]);
    assert_eq!(config.properties[0].before, Some(json!("ml.g5.2xlarge")));
    assert_eq!(endpoint.consequence, Consequence::Updated);
    assert_eq!(endpoint.properties[0].because, Some(Because::Replacement("Config".into(), true)));
}

#[test]
fn replacements_are_followed_through_references() {
    let found = resources(endpoint("ml.g5.2xlarge", "s3://b/1"), endpoint("ml.g5.2xlarge", "s3://b/2"));
    let of = |id: &str| found.iter().find(|one| one.logical_id == id).unwrap();
    assert_eq!(of("Model").consequence, Consequence::Replaced);
    assert_eq!(paths(of("Model")), ["PrimaryContainer.ModelDataUrl"]);
    assert_eq!(of("Config").consequence, Consequence::Replaced);
    assert_eq!(
        paths(of("Config")),
        ["ProductionVariants[Shadow].ModelName", "ProductionVariants[Main].ModelName"]
    );
    assert_eq!(of("Endpoint").consequence, Consequence::Updated);
}

#[test]
fn spelling_and_order_without_meaning_are_no_difference() {
    let old = json!({
        "Role": { "Type": "AWS::IAM::Role", "DependsOn": "Bucket", "Properties": {
            "AssumeRolePolicyDocument": { "Statement": { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "sagemaker.amazonaws.com" } } },
            "Path": { "Fn::Join": ["", ["/", { "Ref": "AWS::StackName" }, "/"]] },
            "MaxSessionDuration": 3600,
            "Tags": [{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "2" }],
        } },
        "Bucket": { "Type": "AWS::S3::Bucket" },
        "Machine": { "Type": "AWS::StepFunctions::StateMachine", "Properties": {
            "RoleArn": { "Fn::GetAtt": "Role.Arn" },
            "DefinitionString": { "Fn::Sub": "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\", \"Result\": \"${Bucket}\"}}}" },
        } },
    });
    let new = json!({
        "Bucket": { "Type": "AWS::S3::Bucket" },
        "Role": { "Type": "AWS::IAM::Role", "DependsOn": ["Bucket"], "Properties": {
            "Tags": [{ "Key": "b", "Value": "2" }, { "Key": "a", "Value": "1" }],
            "AssumeRolePolicyDocument": { "Statement": [{ "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": { "Service": ["sagemaker.amazonaws.com"] } }] },
            "Path": { "Fn::Sub": "/${AWS::StackName}/" },
            "MaxSessionDuration": "3600",
        } },
        "Machine": { "Type": "AWS::StepFunctions::StateMachine", "Properties": {
            "RoleArn": { "Fn::GetAtt": ["Role", "Arn"] },
            "DefinitionString": { "Fn::Join": ["", ["{\"States\":{\"A\":{\"Type\":\"Pass\",\"Result\":\"", { "Ref": "Bucket" }, "\"}},\"StartAt\":\"A\"}"]] },
        } },
    });
    assert_eq!(resources(old, new), []);
}

#[test]
fn documents_are_opened() {
    let machine = |seconds: u32| {
        let definition =
            json!({ "StartAt": "W", "States": { "W": { "Type": "Wait", "Seconds": seconds, "End": true } } });
        json!({ "Machine": { "Type": "AWS::StepFunctions::StateMachine", "Properties": {
            "RoleArn": "r", "DefinitionString": definition.to_string(),
        } } })
    };
    let found = resources(machine(1), machine(2));
    assert_eq!(paths(&found[0]), ["DefinitionString.States.W.Seconds"]);
    assert_eq!(
        (&found[0].properties[0].before, &found[0].properties[0].after),
        (&Some(json!(1)), &Some(json!(2)))
    );
    let pipeline = |image: &str| {
        let body = json!({ "Version": "2020-12-01", "Steps": [
            { "Name": "Train", "Type": "Training", "Arguments": { "AlgorithmSpecification": { "TrainingImage": image } } },
        ] });
        json!({ "P": { "Type": "AWS::SageMaker::Pipeline", "Properties": {
            "PipelineName": "p", "RoleArn": "r", "PipelineDefinition": { "PipelineDefinitionBody": body.to_string() },
        } } })
    };
    let found = resources(pipeline("a"), pipeline("b"));
    assert_eq!(
        paths(&found[0]),
        [
            "PipelineDefinition.PipelineDefinitionBody.Steps[Train].Arguments.AlgorithmSpecification.TrainingImage"
        ]
    );
    assert_eq!(found[0].consequence, Consequence::Updated);
}

#[test]
fn a_deleted_resource_is_retained_or_lost() {
    let bucket = |policy: Option<&str>| {
        let mut body = json!({ "Type": "AWS::S3::Bucket" });
        if let Some(policy) = policy {
            body["DeletionPolicy"] = policy.into();
        }
        json!({ "B": body, "T": { "Type": "AWS::SNS::Topic" } })
    };
    let rest = json!({ "T": { "Type": "AWS::SNS::Topic" } });
    let of = |policy| resources(bucket(policy), rest.clone()).remove(0);
    assert_eq!(of(None).consequence, Consequence::Deleted);
    assert!(of(None).endangers().is_some());
    assert_eq!(of(Some("Retain")).consequence, Consequence::Retained);
    assert_eq!(of(Some("RetainExceptOnCreate")).endangers(), None);
    let database = json!({ "D": { "Type": "AWS::RDS::DBInstance", "Properties": {} }, "T": { "Type": "AWS::SNS::Topic" } });
    assert_eq!(resources(database, rest).remove(0).consequence, Consequence::Snapshot);
}

#[test]
fn a_replacement_with_a_fixed_name_collides() {
    let topic = |name: &str, fifo: bool| json!({ "T": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": name, "FifoTopic": fifo } } });
    let found = resources(topic("n", true), topic("n", false));
    assert_eq!(found[0].consequence, Consequence::Replaced);
    assert!(
        found[0].failures.iter().any(|failure| failure.contains("fixed name `n`")),
        "{:?}",
        found[0].failures
    );
    let renamed = json!({ "U": topic("n", true)["T"] });
    let found = resources(topic("n", true), renamed);
    assert_eq!(found[0].action, ResourceAction::Renamed);
    assert_eq!(found[0].failures.len(), 1);
    let found = resources(topic("n", true), topic("m", false));
    assert!(found[0].failures.is_empty(), "{:?}", found[0].failures);
}

#[test]
fn the_type_of_a_resource_cannot_change() {
    let found = resources(
        json!({ "A": { "Type": "AWS::SNS::Topic" } }),
        json!({ "A": { "Type": "AWS::SQS::Queue" } }),
    );
    assert_eq!(found[0].consequence, Consequence::Refused);
}

#[test]
fn the_handler_of_a_custom_resource_cannot_change() {
    for kind in ["Custom::Thing", "AWS::CloudFormation::CustomResource"] {
        let custom = |token: JsonValue, size: u32| json!({ "Type": kind, "Properties": { "ServiceToken": token, "Size": size } });
        let found = resources(json!({ "C": custom(json!("a"), 1) }), json!({ "C": custom(json!("b"), 1) }));
        assert_eq!(found[0].consequence, Consequence::Refused, "{kind}");
        assert!(
            found[0].failures[0].contains("Modifying service token is not allowed."),
            "{:?}",
            found[0].failures
        );
        // Another property is an update.
        let found = resources(json!({ "C": custom(json!("a"), 1) }), json!({ "C": custom(json!("a"), 2) }));
        assert_eq!(found[0].consequence, Consequence::Updated, "{kind}");
        // A function that is replaced has another ARN.
        let with = |name: &str| {
            let handler = json!({ "Type": "AWS::Lambda::Function", "Properties": { "FunctionName": name, "Role": "r", "Code": {} } });
            json!({ "F": handler, "C": custom(json!({ "Fn::GetAtt": ["F", "Arn"] }), 1) })
        };
        let found = resources(with("one"), with("two"));
        let custom = found.iter().find(|one| one.logical_id == "C").unwrap();
        assert_eq!(custom.consequence, Consequence::Refused, "{kind}");
    }
}

#[test]
fn a_rename_is_recognized_through_references() {
    let stack = |model: &str, config: &str| {
        json!({
            model: { "Type": "AWS::SageMaker::Model", "Properties": { "ExecutionRoleArn": "r" } },
            config: { "Type": "AWS::SageMaker::EndpointConfig", "Properties": { "ProductionVariants": [
                { "VariantName": "A", "ModelName": { "Fn::GetAtt": [model, "ModelName"] }, "InstanceType": "ml.m5.large" },
            ] } },
        })
    };
    let found = resources(stack("M", "C"), stack("Model", "Config"));
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|one| one.action == ResourceAction::Renamed && one.consequence == Consequence::Deleted)
    );
    assert_eq!(found[0].renamed_from.as_deref(), Some("M"));
    // Two equal resources cannot be distinguished.
    let topics = |one: &str, other: &str| json!({ one: { "Type": "AWS::SNS::Topic" }, other: { "Type": "AWS::SNS::Topic" } });
    let found = resources(topics("A", "B"), topics("C", "D"));
    assert!(found.iter().all(|one| one.action != ResourceAction::Renamed));
}

#[test]
fn a_logical_id_with_a_hash_of_the_content_is_not_a_rename() {
    let stack = |hash: &str, analytics: &str| {
        let version = format!("HandlerCurrentVersion1B2C3D4E{}", hash.repeat(32));
        json!({
            version.clone(): { "Type": "AWS::Lambda::Version", "Properties": { "FunctionName": "f" } },
            "Live": { "Type": "AWS::Lambda::Alias", "Properties": {
                "FunctionName": "f", "Name": "live", "FunctionVersion": { "Fn::GetAtt": [version, "Version"] },
            } },
            "CDKMetadata": { "Type": "AWS::CDK::Metadata", "Properties": { "Analytics": analytics } },
        })
    };
    let found = compared(
        &json!({ "Resources": stack("a", "v2:deflate64:AAAA") }),
        &json!({ "Resources": stack("b", "v2:deflate64:BBBB") }),
    );
    assert!(found.moves.is_empty(), "{:?}", found.moves);
    let resources = &found.stacks[0].resources;
    let of = |kind: &str| resources.iter().find(|one| one.resource_type == kind).unwrap();
    let version = of("AWS::Lambda::Version");
    assert_eq!(version.action, ResourceAction::Renamed);
    assert!(version.notes[0].contains("a hash of its content") && !version.notes[0].contains("formerly"));
    // CloudFormation keeps it without doing anything.
    assert_eq!(of("AWS::CDK::Metadata").consequence, Consequence::AttributesOnly);
}

#[test]
fn a_parameter_takes_effect_where_it_is_used() {
    let template = |default: &str| {
        json!({
            "Parameters": { "Size": { "Type": "String", "Default": default } },
            "Conditions": { "Large": { "Fn::Equals": [{ "Ref": "Size" }, "large"] } },
            "Resources": {
                "Q": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": { "Ref": "Size" } } },
                "T": { "Type": "AWS::SNS::Topic", "Condition": "Large" },
            },
        })
    };
    let found = compared(&template("small"), &template("large"));
    let stack = &found.stacks[0];
    assert_eq!(stack.sections[0].path, "Parameters.Size.Default");
    assert_eq!(stack.resources[0].consequence, Consequence::Replaced);
    let change = &stack.resources[0].properties[0];
    assert_eq!(change.because, Some(Because::Input(ValueInput::Parameter, "Size".into())));
    assert_eq!((&change.before, &change.after), (&Some(json!("small")), &Some(json!("large"))));
    assert_eq!(
        (stack.resources[1].logical_id.as_str(), stack.resources[1].action),
        ("T", ResourceAction::Added)
    );
    assert!(stack.notes[0].contains("`Size`"));
}

#[test]
fn a_value_that_becomes_a_parameter_with_that_default_is_the_same() {
    let old =
        json!({ "Resources": { "Q": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": "a" } } } });
    let new = json!({
        "Parameters": { "Name": { "Type": "String", "Default": "a" } },
        "Resources": { "Q": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": { "Ref": "Name" } } } },
    });
    let found = compared(&old, &new);
    let change = &found.stacks[0].resources[0];
    assert_eq!(change.consequence, Consequence::Unchanged);
    assert_eq!(change.written[0].path, "QueueName");
}

/// An expression that depends on the region, on SSM or on a parameter without a default is written as before, but its value
/// changes with the mapping or the parameter.
#[test]
fn a_value_that_is_not_known_changes_with_its_inputs() {
    let instance =
        |image: JsonValue| json!({ "Type": "AWS::EC2::Instance", "Properties": { "ImageId": image } });
    let by_region = |one: &str, other: &str| {
        json!({
            "Mappings": { "Images": { "us-east-1": { "Linux": one }, "us-west-2": { "Linux": other } } },
            "Resources": { "I": instance(json!({ "Fn::FindInMap": ["Images", { "Ref": "AWS::Region" }, "Linux"] })) },
        })
    };
    let of = |old: &JsonValue, new: &JsonValue| {
        let found = compared(old, new);
        found.resources().map(|change| (change.consequence, change.properties.clone())).next()
    };
    let (consequence, properties) = of(&by_region("a", "b"), &by_region("c", "d")).unwrap();
    assert_eq!((consequence, properties[0].path.as_str()), (Consequence::Replaced, "ImageId"));
    assert_eq!(properties[0].because, Some(Because::Input(ValueInput::Mapping, "Images".into())));
    let (consequence, _) = of(&by_region("a", "b"), &by_region("a", "d")).unwrap();
    assert_eq!(consequence, Consequence::MayBeReplaced);
    // Another key of the mapping has no effect.
    let mut other_key = by_region("a", "b");
    other_key["Mappings"]["Images"]["us-east-1"]["Windows"] = "w".into();
    assert_eq!(of(&by_region("a", "b"), &other_key), None);

    let by_ssm = |name: &str| {
        json!({
            "Parameters": { "Image": { "Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": name } },
            "Resources": { "I": instance(json!({ "Ref": "Image" })) },
        })
    };
    let (consequence, properties) = of(&by_ssm("/al2"), &by_ssm("/al2023")).unwrap();
    assert_eq!(consequence, Consequence::MayBeReplaced);
    assert_eq!(properties[0].because, Some(Because::Input(ValueInput::Parameter, "Image".into())));
    assert_eq!(of(&by_ssm("/al2"), &by_ssm("/al2")), None);
}

/// `Globals` of SAM are defaults of every resource of a type, and SAM passes names on to what it creates.
#[test]
fn globals_of_sam_and_names_that_it_passes_on_have_their_consequences() {
    let of = |runtime: &str, name: &str| {
        json!({
            "Transform": "AWS::Serverless-2016-10-31",
            "Globals": { "Function": { "Runtime": runtime, "Environment": { "Variables": { "A": "1" } } } },
            "Resources": {
                "Own": { "Type": "AWS::Serverless::Function", "Properties": { "Runtime": "python3.13", "CodeUri": "s3://b/k" } },
                "Default": { "Type": "AWS::Serverless::Function", "Properties": {
                    "FunctionName": name, "CodeUri": "s3://b/k", "Environment": { "Variables": { "B": "2" } },
                } },
            },
        })
    };
    let found = compared(&of("nodejs20.x", "a"), &of("nodejs22.x", "a"));
    let [change] = found.stacks[0].resources.as_slice() else { panic!("{found:?}") };
    assert_eq!((change.logical_id.as_str(), change.consequence), ("Default", Consequence::Updated));
    assert_eq!(change.properties[0].path, "Runtime");
    assert_eq!(
        change.properties[0].because,
        Some(Because::Input(ValueInput::Globals, "Function.Runtime".into()))
    );
    let found = compared(&of("nodejs20.x", "a"), &of("nodejs20.x", "b"));
    let change = &found.stacks[0].resources[0];
    assert_eq!(
        (change.consequence, change.properties[0].path.as_str()),
        (Consequence::Replaced, "FunctionName")
    );
    assert!(change.endangers().is_some(), "a function runs workloads");
}

#[test]
fn a_change_of_globals_that_a_resource_ignores_changes_nothing() {
    let of = |memory: u32, ignored: &str| {
        json!({
            "Transform": "AWS::Serverless-2016-10-31",
            "Globals": { "Function": { "Timeout": 3, "MemorySize": memory } },
            "Resources": { "F": {
                "Type": "AWS::Serverless::Function",
                "IgnoreGlobals": [ignored],
                "Properties": { "CodeUri": "s3://b/k" },
            } },
        })
    };
    let found = compared(&of(128, "MemorySize"), &of(256, "MemorySize"));
    assert!(found.stacks.iter().all(|stack| stack.resources.is_empty()), "{found:?}");
    let found = compared(&of(128, "Timeout"), &of(256, "Timeout"));
    assert_eq!(found.stacks[0].resources[0].properties[0].path, "MemorySize");
    // What a resource ignores of the same defaults may change as well.
    let found = compared(&of(128, "Timeout"), &of(128, "MemorySize"));
    let mut paths: Vec<_> =
        found.stacks[0].resources[0].properties.iter().map(|change| change.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["MemorySize", "Timeout"]);
}

/// The ID of an account and the ARN of its root are the same principal.
#[test]
fn the_root_of_an_account_is_the_account() {
    let policy = |principal: JsonValue| {
        json!({ "Resources": { "P": { "Type": "AWS::S3::BucketPolicy", "Properties": { "Bucket": "b", "PolicyDocument": {
            "Statement": [{ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "s3:GetObject", "Resource": "*" }],
        } } } } })
    };
    let security = |one: JsonValue, other: JsonValue| {
        compared(&policy(one), &policy(other)).stacks.into_iter().flat_map(|stack| stack.security).count()
    };
    let root = |account: &str| json!({ "Fn::Sub": format!("arn:${{AWS::Partition}}:iam::{account}:root") });
    assert_eq!(security(json!({ "Ref": "AWS::AccountId" }), root("${AWS::AccountId}")), 0);
    assert_eq!(security(json!("111122223333"), json!("arn:aws:iam::111122223333:root")), 0);
    assert_eq!(security(json!("111122223333"), json!("arn:aws:iam::444455556666:root")), 2);
}

/// The flag for programs is about what policies allow: neither what they no longer allow nor the network sets it.
#[test]
fn the_flag_of_broadened_permissions_is_in_the_json() {
    let policy = |statement: JsonValue| {
        json!({ "Resources": { "P": { "Type": "AWS::IAM::ManagedPolicy", "Properties": {
            "PolicyDocument": { "Version": "2012-10-17", "Statement": [statement] },
        } } } })
    };
    let statement =
        |effect: &str, action: &str| policy(json!({ "Effect": effect, "Action": action, "Resource": "*" }));
    let flag = |old: &JsonValue, new: &JsonValue| {
        let document: JsonValue = serde_json::from_str(&json(&compared(old, new))).unwrap();
        document["permissionsBroadened"].clone()
    };
    let (narrow, wide) = (statement("Allow", "s3:GetObject"), statement("Allow", "s3:*"));
    assert_eq!(flag(&narrow, &wide), true);
    assert_eq!(flag(&wide, &narrow), false);
    assert_eq!(flag(&narrow, &narrow), false);
    // Less is denied.
    assert_eq!(flag(&statement("Deny", "s3:*"), &statement("Deny", "s3:PutObject")), true);
    let except = |action: &str| policy(json!({ "Effect": "Allow", "NotAction": [action], "Resource": "*" }));
    assert_eq!(flag(&narrow, &except("iam:*")), true);
    let group = |address: &str| {
        json!({ "Resources": { "G": { "Type": "AWS::EC2::SecurityGroup", "Properties": {
            "GroupDescription": "g",
            "SecurityGroupIngress": [{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": address }],
        } } } })
    };
    assert_eq!(flag(&group("10.0.0.0/8"), &group("0.0.0.0/0")), false);
}

#[test]
fn security_is_broadened_and_narrowed() {
    let role = |actions: JsonValue, resource: &str| {
        json!({ "R": { "Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": { "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "s" } }] },
            "Policies": [{ "PolicyName": "p", "PolicyDocument": { "Statement": [
                { "Effect": "Allow", "Action": actions, "Resource": resource },
            ] } }],
        } } })
    };
    let of = |old: JsonValue, new: JsonValue| {
        compared(&json!({ "Resources": old }), &json!({ "Resources": new })).stacks.remove(0).security
    };
    let found = of(role(json!("s3:GetObject"), "a"), role(json!(["s3:GetObject", "s3:PutObject"]), "a"));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].effect, found[0].what.as_str()), (Effect::Broadened, "allows s3:PutObject on a"));
    let found = of(role(json!("s3:*"), "*"), role(json!("s3:GetObject"), "*"));
    assert_eq!((found[0].effect, found[0].what.as_str()), (Effect::Narrowed, "no longer allows s3:* on *"));
    let group = |cidr: &str| {
        json!({ "G": { "Type": "AWS::EC2::SecurityGroup", "Properties": {
            "GroupDescription": "g",
            "SecurityGroupIngress": [{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": cidr }],
        } } })
    };
    let found = of(group("10.0.0.0/8"), group("0.0.0.0/0"));
    assert_eq!(found[0].what, "opens tcp 22 from 0.0.0.0/0 (everybody)");
    assert_eq!(
        (found[1].effect, found[1].what.as_str()),
        (Effect::Narrowed, "closes tcp 22 from 10.0.0.0/8")
    );
    let volume = |key: JsonValue| {
        json!({ "N": { "Type": "AWS::SageMaker::NotebookInstance", "Properties": {
        "InstanceType": "ml.t3.medium", "RoleArn": "r", "KmsKeyId": key,
    } } })
    };
    let mut without = volume(json!("k"));
    without["N"]["Properties"].as_object_mut().unwrap().remove("KmsKeyId");
    let found = of(volume(json!("k")), without);
    assert_eq!((found[0].subject, found[0].effect), (Subject::Encryption, Effect::Broadened));
}

#[test]
fn values_that_sagemaker_keeps_or_refuses_have_a_note() {
    let stack = |count: u32, instance_type: &str| {
        let mut stack = endpoint(instance_type, "s3://b/1");
        stack["Config"]["Properties"]["ProductionVariants"][1]["InitialInstanceCount"] = count.into();
        stack["Endpoint"]["Properties"]["RetainAllVariantProperties"] = true.into();
        stack["Target"] = json!({ "Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": {
            "ResourceId": { "Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/Main" },
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount", "ServiceNamespace": "sagemaker",
            "MinCapacity": 1, "MaxCapacity": 4,
        } });
        stack
    };
    let notes = |old: JsonValue, new: JsonValue| -> String { resources(old, new)[0].notes.join("\n") };
    let found = notes(stack(1, "ml.g5.xlarge"), stack(2, "ml.g5.xlarge"));
    assert!(found.contains("keeps their values"), "{found}");
    // An endpoint that keeps nothing is reset.
    let reset = |mut old: JsonValue, mut new: JsonValue| -> String {
        for stack in [&mut old, &mut new] {
            stack["Endpoint"]["Properties"]["RetainAllVariantProperties"] = false.into();
        }
        let found = resources(old, new);
        found.iter().find(|one| one.logical_id == "Endpoint").unwrap().notes.join("\n")
    };
    let found = reset(stack(1, "ml.g5.xlarge"), stack(2, "ml.g5.xlarge"));
    assert!(found.contains("sets the variant `Main` to its `InitialInstanceCount` of 2"), "{found}");
    let found = resources(stack(1, "ml.g5.xlarge"), stack(1, "ml.g6.xlarge"))[0].failures.join("\n");
    assert!(found.contains("SageMaker refuses to change the instance type of the variant `Main`"), "{found}");
}

/// A HyperPod cluster with instance groups by name and number of instances.
fn cluster(groups: &[(&str, u32)]) -> JsonValue {
    let groups: Vec<JsonValue> = groups
        .iter()
        .map(|(name, count)| json!({ "InstanceGroupName": name, "InstanceCount": count, "InstanceType": "ml.g5.8xlarge" }))
        .collect();
    json!({ "Training": { "Type": "AWS::SageMaker::Cluster", "Properties": { "InstanceGroups": groups } } })
}

#[test]
fn an_instance_group_that_leaves_the_list_is_deleted() {
    let found = resources(cluster(&[("a", 1), ("b", 2)]), cluster(&[("b", 2), ("a", 1)]));
    assert_eq!(found, []);
    let found = resources(cluster(&[("a", 1), ("b", 2)]), cluster(&[("c", 1), ("b", 2)]));
    let deleted: Vec<&str> = found[0].deleted_elements.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(deleted, ["InstanceGroups.a"]);
    assert_eq!(found[0].consequence, Consequence::Updated);
    assert_eq!(found[0].notes, ["The update deletes `InstanceGroups.a` with everything that runs on it."]);
}

#[test]
fn every_view_shows_both_values() {
    let found = compared(
        &json!({ "Resources": endpoint("ml.g5.2xlarge", "s3://b/1") }),
        &json!({ "Resources": endpoint("ml.g6.2xlarge", "s3://b/1") }),
    );
    let line = "ProductionVariants[Main].InstanceType: ml.g5.2xlarge → ml.g6.2xlarge";
    assert!(text(&found, false).contains(line), "{}", text(&found, false));
    assert!(text(&found, true).contains("\u{1b}["));
    assert!(markdown(&found).contains(line));
    let schema: JsonValue = serde_json::from_str(include_str!("../../../docs/diff.schema.json")).unwrap();
    let document: JsonValue = serde_json::from_str(&json(&found)).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn a_resource_with_a_former_id_is_compared_with_the_one_that_a_stack_refactor_keeps() {
    let old = json!({
        "Tasks": { "Type": "AWS::SQS::Queue", "Properties": { "VisibilityTimeout": 30 } },
        "Role": { "Type": "AWS::IAM::Role", "Properties": { "RoleName": { "Fn::Sub": "${Tasks.QueueName}-reader" } } },
        "Late": { "Type": "AWS::SNS::Topic" },
    });
    let new = json!({
        "Jobs": { "Type": "AWS::SQS::Queue", "Properties": { "VisibilityTimeout": 60 } },
        "Role": { "Type": "AWS::IAM::Role", "Properties": { "RoleName": { "Fn::Sub": "${Jobs.QueueName}-reader" } } },
        "Alarms": { "Type": "AWS::SNS::Topic" },
    });
    let (old, mut new) = (assembly(&json!({ "Resources": old })), assembly(&json!({ "Resources": new })));
    let without = compare(&old, &new);
    assert!(without.resources().any(|change| change.consequence == Consequence::Deleted));
    assert_eq!(without.moves.len(), 1, "only the topic has the same properties");
    for (id, former) in [("Jobs", "Tasks"), ("Alarms", "Late")] {
        new.stacks[0].former_ids.insert(id.into(), vec![former.into()]);
    }
    let found = compare(&old, &new);
    let changes = &found.stacks[0].resources;
    let shown = text(&found, false);
    assert_eq!(changes.len(), 2, "{shown}");
    assert_eq!((changes[0].action, changes[0].consequence), (ResourceAction::Moved, Consequence::Updated));
    assert_eq!(paths(&changes[0]), ["VisibilityTimeout"]);
    assert_eq!((changes[1].action, changes[1].consequence), (ResourceAction::Moved, Consequence::Moved));
    assert!(shown.contains("~ Tasks → Jobs AWS::SQS::Queue is kept by a stack refactor"), "{shown}");
    assert!(shown.contains("→ Late → Alarms AWS::SNS::Topic is kept: a stack refactor"), "{shown}");
    assert_eq!(found.moves, []);
    let card = crate::card::card(&old, &new, crate::card::Options::default());
    assert_eq!(card.approvals.len(), 1, "{:?}", card.approvals);
    assert_eq!(card.approvals[0].words(), "--approve rename");
    assert_eq!(card.approvals[0].reason, "a stack refactor renames Tasks → Jobs, Late → Alarms");
    assert!(!card.approvals[0].is_dangerous);
}

/// A producing and a consuming stack, connected by an SSM parameter, as synthesis connects them.
fn two_stacks(queue: &str, is_export: bool) -> Assembly {
    let mut producer = json!({
        "Resources": {
            "Jobs": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": queue } },
            "ExportJobs": { "Type": "AWS::SSM::Parameter", "Properties": {
                "Type": "String", "Name": "/app/jobs", "Value": { "Ref": "Jobs" },
            } },
        },
    });
    let mut consumer = json!({
        "Parameters": { "Jobs": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/app/jobs" } },
        "Resources": {
            "Policy": { "Type": "AWS::SQS::QueuePolicy", "Properties": { "Queues": [{ "Ref": "Jobs" }], "PolicyDocument": {} } },
            "Mapping": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": { "FunctionName": "f", "EventSourceArn": { "Fn::Sub": "arn:${Jobs}" } } },
            "User": { "Type": "AWS::SSM::Parameter", "Properties": { "Type": "String", "Value": { "Ref": "Mapping" } } },
        },
    });
    if is_export {
        producer["Outputs"] = json!({ "Jobs": { "Value": { "Ref": "Jobs" }, "Export": { "Name": "jobs" } } });
        consumer["Parameters"] = json!({});
        consumer["Resources"] = json!({ "User": { "Type": "AWS::SSM::Parameter", "Properties": {
            "Type": "String", "Value": { "Fn::ImportValue": "jobs" },
        } } });
    }
    let stack = |name: &str, template: &JsonValue| {
        Assembly::of_template(name, template.to_string()).unwrap().stacks.remove(0)
    };
    Assembly::new(vec![stack("Consumer.json", &consumer), stack("Producer.json", &producer)])
}

#[test]
fn a_replacement_is_followed_into_other_stacks_through_ssm_parameters() {
    let found = compare(&two_stacks("one", false), &two_stacks("two", false));
    let of = |stack: &str, id: &str| {
        let stacks = found.stacks.iter().filter(|one| one.id == stack);
        let mut changes = stacks.flat_map(|stack| &stack.resources);
        changes.find(|change| change.logical_id == id).cloned().unwrap()
    };
    assert_eq!(of("Producer", "Jobs").consequence, Consequence::Replaced);
    let mapping = of("Consumer", "Mapping");
    assert_eq!(mapping.consequence, Consequence::Replaced);
    assert_eq!(mapping.properties[0].because, Some(Because::Replacement("Producer/Jobs".into(), true)));
    assert_eq!(of("Consumer", "Policy").consequence, Consequence::Updated);
    // And on from there.
    assert_eq!(of("Consumer", "User").consequence, Consequence::Updated);
    assert!(
        text(&found, false).contains("EventSourceArn: known after deployment (Producer/Jobs is replaced")
    );
    // Without a replacement nothing of the consumer changes.
    assert_eq!(compare(&two_stacks("one", false), &two_stacks("one", false)).unchanged, 2);
}

#[test]
fn an_export_that_changes_while_it_is_imported_will_fail() {
    let found = compare(&two_stacks("one", true), &two_stacks("two", true));
    assert_eq!(found.stacks.len(), 1);
    let jobs = &found.stacks[0].resources[0];
    assert!(
        jobs.failures.iter().any(|text| text.contains("`jobs`") && text.contains("`Consumer`")),
        "{jobs:?}"
    );
}

#[test]
fn a_resource_that_moves_to_another_stack_names_the_command_that_keeps_it() {
    let stacks = |first: JsonValue, second: JsonValue| {
        let stack = |name: &str, resources: JsonValue| {
            let text = json!({ "Resources": resources }).to_string();
            Assembly::of_template(name, text).unwrap().stacks.remove(0)
        };
        Assembly::new(vec![stack("One.json", first), stack("Two.json", second)])
    };
    let topic = json!({ "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": "late" } });
    let kept = json!({ "Type": "AWS::SQS::Queue" });
    let old = stacks(json!({ "Late": topic, "Kept": kept }), json!({ "Kept": kept }));
    let new = stacks(json!({ "Kept": kept }), json!({ "Kept": kept, "Alarms": topic }));
    let found = compare(&old, &new);
    let one = &found.moves[0];
    assert_eq!(
        (&*one.from_stack, &*one.from_id, &*one.to_stack, &*one.to_id),
        ("One", "Late", "Two", "Alarms")
    );
    let shown = text(&found, false);
    assert_eq!(shown.matches("stackwright refactor --move One/Late=Two/Alarms").count(), 2, "{shown}");
}

#[test]
fn a_deployed_stack_has_its_own_parameters_and_its_policy_refuses_updates() {
    let template = |size: u32| {
        json!({
            "Parameters": { "Size": { "Type": "Number", "Default": 1 }, "Token": { "Type": "String", "NoEcho": true } },
            "Resources": {
                "Volume": { "Type": "AWS::EC2::Volume", "Properties": { "AvailabilityZone": "a", "Size": { "Ref": "Size" } } },
                "Data": { "Type": "AWS::DynamoDB::Table", "Properties": { "TableName": format!("t{size}"), "KeySchema": [] } },
                "Topic": { "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": format!("d{size}") } },
            },
        })
    };
    let (old, new) = (assembly(&template(1)), assembly(&template(2)));
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*" },
        { "Sid": "KeepData", "Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*", "Resource": "*",
          "Condition": { "StringLike": { "ResourceType": ["AWS::DynamoDB::*"] } } },
    ] });
    let values = |size: &str| -> Parameters {
        [("Size".to_owned(), Some(size.to_owned())), ("Token".to_owned(), None)].into()
    };
    let deployed = |size: &str, next: &str| {
        DeployedVersion::new(old.stacks[0].clone())
            .parameters(values(size))
            .next_parameters(values(next))
            .policy(Some(policy.to_string()))
    };
    let found = compare_deployed(&[ComparedStack::new(Some(deployed("8", "9")), &new.stacks[0])]);
    let of = |id: &str| found.stacks[0].resources.iter().find(|change| change.logical_id == id).unwrap();
    assert_eq!(of("Volume").properties[0].before, Some(json!("8")));
    assert_eq!(of("Volume").properties[0].after, Some(json!("9")));
    assert!(
        of("Data").failures.iter().any(|text| text.contains("by the statement `KeepData`")),
        "{:?}",
        of("Data")
    );
    assert_eq!(of("Topic").failures, Vec::<String>::new());
    // A parameter that keeps its value changes nothing.
    let found = compare_deployed(&[ComparedStack::new(Some(deployed("8", "8")), &new.stacks[0])]);
    assert!(found.stacks[0].resources.iter().all(|change| change.logical_id != "Volume"));
    let found = compare_deployed(&[ComparedStack::new(None, &new.stacks[0])]);
    assert_eq!(found.stacks[0].action, StackAction::Added);
    let same = assembly(&template(1));
    let found = compare_deployed(&[ComparedStack::new(Some(deployed("8", "8")), &same.stacks[0])]);
    assert!(found.is_empty());
}

#[test]
fn values_cannot_change_how_other_text_is_displayed() {
    let named =
        |name: &str| json!({ "Q": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": name } } });
    let found =
        compared(&json!({ "Resources": named("a") }), &json!({ "Resources": named("b\u{1b}[8m\u{202e}") }));
    for shown in [text(&found, false), markdown(&found)] {
        assert!(shown.contains("b\\u{1b}[8m\\u{202e}"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
    }
}

#[test]
fn a_resource_that_is_not_deployed_by_default_is_not_silent() {
    let template = |name: &str, more: JsonValue| {
        let mut template = json!({
            "Parameters": { "Stage": { "Type": "String", "Default": "test" } },
            "Conditions": { "IsProduction": { "Fn::Equals": [{ "Ref": "Stage" }, "prod"] } },
            "Resources": { "Table": { "Type": "AWS::DynamoDB::Table", "Condition": "IsProduction", "Properties": { "TableName": name } } },
        });
        template["Resources"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        template
    };
    let role = json!({ "Role": { "Type": "AWS::IAM::Role", "Condition": "IsProduction", "Properties": {
        "AssumeRolePolicyDocument": { "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*" }] },
    } } });
    let found = compared(&template("a", json!({})), &template("b", role));
    let stack = &found.stacks[0];
    assert!(stack.resources.iter().all(|change| change.consequence == Consequence::Unchanged));
    assert_eq!(stack.resources[0].written[0].path, "TableName");
    assert!(stack.resources.iter().all(|change| change.notes[0].contains("`IsProduction` is false")));
    assert_eq!(stack.resources.len(), 2);
    assert_eq!(stack.security, []);
    assert!(compared(&template("a", json!({})), &template("a", json!({}))).is_empty());
}

/// Values as templates have them: named lists, sets, documents and intrinsic functions among them.
fn value() -> impl Strategy<Value = JsonValue> {
    let scalar = prop_oneof![
        Just(json!(1)),
        Just(json!("1")),
        Just(json!(true)),
        Just(json!("a")),
        Just(json!("b")),
        Just(json!("")),
        Just(json!("line\nline")),
        Just(json!({ "Ref": "A" })),
        Just(json!({ "Fn::GetAtt": "A.Arn" })),
        Just(json!({ "Fn::Sub": "x-${A}-${!B}-${A.Arn}" })),
        Just(json!({ "Fn::Join": ["-", ["x", { "Ref": "A" }, { "Fn::ImportValue": "y" }]] })),
        Just(json!("{\"k\": [1, {\"Name\": \"a\"}], \"t\": \"1\"}")),
        Just(json!({ "Fn::Sub": "{\"k\": \"${A}\", \"n\": ${B}}" })),
    ];
    let name = prop_oneof![
        Just("Tags"),
        Just("Statement"),
        Just("Action"),
        Just("Steps"),
        Just("Containers"),
        Just("Name"),
        Just("Value"),
        Just("Fn::If"),
        Just("Condition"),
        Just("Principal"),
        Just("SubnetIds"),
        Just("x/y~z"),
    ];
    scalar.prop_recursive(5, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(JsonValue::from),
            prop::collection::vec((name.clone(), inner.clone()), 0..5).prop_map(|members| {
                JsonValue::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
            prop::collection::vec((prop_oneof![Just("a"), Just("b"), Just("c")], inner.clone()), 0..4)
                .prop_map(|items| {
                    items.into_iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
                }),
            prop::collection::vec((prop_oneof![Just("a"), Just("b"), Just("c")], inner), 0..4).prop_map(
                |items| {
                    let items: JsonValue = items
                        .into_iter()
                        .map(|(name, value)| json!({ "Key": name, "Value": value }))
                        .collect();
                    json!({ "Tags": items })
                }
            ),
        ]
    })
}

/// A template of resources of a few types.
fn template() -> impl Strategy<Value = JsonValue> {
    let kind = prop_oneof![
        Just("AWS::S3::Bucket"),
        Just("AWS::SageMaker::EndpointConfig"),
        Just("AWS::IAM::Role"),
        Just("AWS::EC2::SecurityGroup"),
        Just("Custom::Thing"),
    ];
    let id = prop_oneof![Just("A"), Just("B"), Just("C"), Just("D")];
    let properties = prop::collection::vec(
        (
            prop_oneof![
                Just("BucketName"),
                Just("Tags"),
                Just("ProductionVariants"),
                Just("SecurityGroupIngress"),
                Just("Policies")
            ],
            value(),
        ),
        0..4,
    );
    prop::collection::vec((id, kind, properties), 0..4).prop_map(|resources| {
        let resources: Map<String, JsonValue> = resources
            .into_iter()
            .map(|(id, kind, properties)| {
                let properties: Map<String, JsonValue> =
                    properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                (id.to_owned(), json!({ "Type": kind, "Properties": properties }))
            })
            .collect();
        json!({ "Parameters": { "B": { "Type": "String", "Default": "x" } }, "Resources": resources })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_old_value_with_its_edits_is_the_new_value(old in value(), new in value()) {
        let (old, new) = (Node::of(&old, "", None), Node::of(&new, "", None));
        let found = edits(&old, &new);
        prop_assert_eq!(found.is_empty(), old == new);
        prop_assert_eq!(apply(&old, &found), Some(new));
    }

    #[test]
    fn templates_are_compared_without_panic_and_views_differ(old in template(), new in template()) {
        let (before, after) = (assembly(&old), assembly(&new));
        let (one, other) = (Node::of(&old, "", None), Node::of(&new, "", None));
        let found = compare(&before, &after);
        prop_assert_eq!(apply(&one, &edits(&one, &other)), Some(other.clone()));
        prop_assert!(compare(&before, &before).is_empty());
        // Nothing that differs is silent, and nothing else is reported.
        let of = |template: &JsonValue| -> Map<String, JsonValue> {
            template["Resources"].as_object().unwrap().clone()
        };
        let (old_resources, new_resources) = (of(&old), of(&new));
        let differs = old_resources.keys().chain(new_resources.keys()).any(|id| {
            let (Some(a), Some(b)) = (old_resources.get(id), new_resources.get(id)) else { return true };
            let node = |body: &JsonValue| {
                resource::properties(body["Type"].as_str().unwrap(), &body["Properties"])
            };
            a["Type"] != b["Type"] || node(a) != node(b)
        });
        prop_assert_eq!(!found.is_empty(), differs, "{}", text(&found, false));
        for change in found.resources().flat_map(|change| &change.properties) {
            if let (Some(before), Some(after)) = (&change.before, &change.after) {
                let (before, after) = view::pair(before, after);
                prop_assert_ne!(before, after);
            }
        }
        for shown in [text(&found, true), markdown(&found), json(&found)] {
            prop_assert!(!shown.is_empty());
        }
    }
}
