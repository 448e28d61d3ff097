"""Judges an assembly of clusters and fleets: cfn-lint, cloudformation-validate, botocore's shapes of the requests that
CloudFormation makes, and moto where it has the operation."""

import json
import os
import pathlib
import subprocess
import sys
from collections import Counter

os.environ.update(
    AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="us-east-1",
)
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import boto3
import cloudformation_validate
from botocore.validate import ParamValidator
from moto import mock_aws
from resolved import defaults, known, resolved, resources, templates

ASSEMBLY = pathlib.Path(sys.argv[1])
COUNTS = Counter()


def lint(paths):
    run = subprocess.run(
        [pathlib.Path(sys.executable).parent / "cfn-lint", *paths], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    engine = cloudformation_validate.RegoEngine()
    for path in paths:
        diagnostics = engine.validate_template(str(path)).diagnostics
        found = [f"{one.rule_id} {one.message}" for one in diagnostics if one.severity.name != "INFO"]
        assert diagnostics and not found, f"{path}: {found}"
    print("templates:", len(paths))


CLIENTS = {}


def call(service, operation, moto, **arguments):
    """Holds a request against its shape, and lets moto answer it."""
    client = CLIENTS.setdefault(service, boto3.client(service))
    method = client.meta.method_to_api_mapping[operation]
    shape = client.meta.service_model.operation_model(method).input_shape
    report = ParamValidator().validate(arguments, shape)
    assert not report.has_errors(), f"{method}: {report.generate_report()}\n{json.dumps(arguments, indent=1)}"
    COUNTS[method] += 1
    return getattr(client, operation)(**arguments) if moto else None


def camel(value):
    """Properties of EKS as its API names them."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: camel(inner) for key, inner in value.items()}
    return value


def tagged(kind, given):
    tags = given.pop("Tags", None)
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def vpc(given, names):
    for name in ("EnableDnsHostnames", "EnableDnsSupport"):
        assert given.pop(name) is True
    return call("ec2", "create_vpc", True, **tagged("vpc", given), **given)["Vpc"]["VpcId"]


def subnet(given, names):
    public = given.pop("MapPublicIpOnLaunch")
    assert public is False, given
    subnet_id = call("ec2", "create_subnet", True, **tagged("subnet", given), **given)["Subnet"]["SubnetId"]
    call("ec2", "modify_subnet_attribute", True, SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": public})
    return subnet_id


def route_table(given, names):
    answer = call("ec2", "create_route_table", True, **tagged("route-table", given), **given)
    return answer["RouteTable"]["RouteTableId"]


def association(given, names):
    return call("ec2", "associate_route_table", True, **given)["AssociationId"]


def internet_gateway(given, names):
    answer = call("ec2", "create_internet_gateway", True, **tagged("internet-gateway", given), **given)
    return answer["InternetGateway"]["InternetGatewayId"]


def attachment(given, names):
    call("ec2", "attach_internet_gateway", True, **given)
    return "attachment"


def route(given, names):
    call("ec2", "create_route", True, **given)
    return "route"


def address(given, names):
    return call("ec2", "allocate_address", True, **given)["AllocationId"]


def nat(given, names):
    answer = call("ec2", "create_nat_gateway", True, **tagged("natgateway", given), **given)
    return answer["NatGateway"]["NatGatewayId"]


def permission(rule):
    pairs = {}
    for name in ("SourceSecurityGroupId", "DestinationSecurityGroupId"):
        if name in rule:
            pairs["UserIdGroupPairs"] = [{"GroupId": rule[name]}]
    if "CidrIp" in rule:
        pairs["IpRanges"] = [{"CidrIp": rule["CidrIp"], "Description": rule.get("Description", "")}]
    ports = {name: rule[name] for name in ("FromPort", "ToPort") if name in rule}
    return {"IpProtocol": rule["IpProtocol"], **ports, **pairs}


def security_group(given, names):
    egress, ingress = given.pop("SecurityGroupEgress", []), given.pop("SecurityGroupIngress", [])
    group = call(
        "ec2", "create_security_group", True, GroupName=f"group{len(names)}",
        Description=given.pop("GroupDescription"), **tagged("security-group", given), **given,
    )["GroupId"]
    # CloudFormation takes the rule away that lets everything out.
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    call("ec2", "revoke_security_group_egress", True, GroupId=group, IpPermissions=[everything])
    for rule in egress:
        call("ec2", "authorize_security_group_egress", True, GroupId=group, IpPermissions=[permission(rule)])
    for rule in ingress:
        call("ec2", "authorize_security_group_ingress", True, GroupId=group, IpPermissions=[permission(rule)])
    return group


def ingress(given, names):
    call("ec2", "authorize_security_group_ingress", True, GroupId=given["GroupId"], IpPermissions=[permission(given)])
    return "rule"


def egress(given, names):
    call("ec2", "authorize_security_group_egress", True, GroupId=given["GroupId"], IpPermissions=[permission(given)])
    return "rule"


def endpoint(given, names):
    return call("ec2", "create_vpc_endpoint", True, **given)["VpcEndpoint"]["VpcEndpointId"]


def launch_template(given, names):
    data = given["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required", data
    assert all(mapping["Ebs"]["Encrypted"] is True for mapping in data["BlockDeviceMappings"]), data
    interfaces = data["NetworkInterfaces"]
    assert not any(one.get("AssociatePublicIpAddress") for one in interfaces), interfaces
    places = [(one["NetworkCardIndex"], one["DeviceIndex"]) for one in interfaces]
    assert len(places) == len(set(places)) and (0, 0) in places, places
    COUNTS["EFA interfaces"] += sum(one["InterfaceType"].startswith("efa") for one in interfaces)
    answer = call("ec2", "create_launch_template", True, LaunchTemplateName=f"template{len(names)}", **given)
    return answer["LaunchTemplate"]["LaunchTemplateId"]


def placement_group(given, names):
    name = f"placement{len(names)}"
    call("ec2", "create_placement_group", False, GroupName=name, **given)
    return name


def scaling_group(given, names):
    for name in ("MinSize", "MaxSize", "DesiredCapacity"):
        if name in given:
            given[name] = int(given[name])
    given["VPCZoneIdentifier"] = ",".join(given["VPCZoneIdentifier"])
    given["LifecycleHookSpecificationList"] = given.pop("LifecycleHookSpecificationList", [])
    name = f"group{len(names)}"
    for tag in given.get("Tags", []):
        tag.update(ResourceId=name, ResourceType="auto-scaling-group")
    given.pop("MetricsCollection", None)
    for configuration in given.pop("NotificationConfigurations", []):
        call("autoscaling", "put_notification_configuration", False, AutoScalingGroupName=name,
             TopicARN=configuration["TopicARN"], NotificationTypes=configuration["NotificationTypes"])
    # moto starts instances, and knows no type of reservation beside the open ones.
    call("autoscaling", "create_auto_scaling_group", False, AutoScalingGroupName=name, **given)
    return name


def validate_cluster(given):
    """What `validate-config.py` of awsome-distributed-training does before it creates a cluster, for a network of this stack: the
    first subnet is private, and every rule of the first security group for all protocols is one to itself."""
    vpc, client = given.get("VpcConfig"), boto3.client("ec2")
    if not vpc or vpc["Subnets"][0] not in [one["SubnetId"] for one in client.describe_subnets()["Subnets"]]:
        return
    subnet = client.describe_subnets(SubnetIds=vpc["Subnets"][:1])["Subnets"][0]
    assert not subnet["MapPublicIpOnLaunch"], subnet
    group = client.describe_security_groups(GroupIds=vpc["SecurityGroupIds"][:1])["SecurityGroups"][0]
    for rules in (group["IpPermissions"], group["IpPermissionsEgress"]):
        to_all = [one for one in rules if one["IpProtocol"] == "-1"]
        assert any(pair["GroupId"] == group["GroupId"] for one in to_all for pair in one["UserIdGroupPairs"]), rules
    COUNTS["validated networks"] += 1


def cluster(given, names):
    given.pop("CurrentCount", None)
    validate_cluster(given)
    call("sagemaker", "create_cluster", False, **given)
    COUNTS["instance groups"] += len(given.get("InstanceGroups", []))
    update = {key: value for key, value in given.items() if key not in ("VpcConfig", "Tags")}
    call("sagemaker", "update_cluster", False, **update)
    return given["ClusterName"]


def scheduler_config(given, names):
    call("sagemaker", "create_cluster_scheduler_config", False, **given)
    return given["Name"]


def compute_quota(given, names):
    call("sagemaker", "create_compute_quota", False, **given)
    return given["Name"]


def eks_cluster(given, names):
    request = camel(given)
    request["resourcesVpcConfig"]["subnetIds"] = request["resourcesVpcConfig"]["subnetIds"]
    logging = request.pop("logging", None)
    if logging:
        kinds = [one["type"] for one in logging["clusterLogging"]["enabledTypes"]]
        request["logging"] = {"clusterLogging": [{"types": kinds, "enabled": True}]}
    name = request.pop("name", "cluster")
    call("eks", "create_cluster", False, name=name, **request)
    return name


def addon(given, names):
    request = camel(given)
    for key in ("podIdentityAssociations",):
        if key in request:
            request[key] = [{"serviceAccount": one["serviceAccount"], "roleArn": one["roleArn"]} for one in request[key]]
    if "configurationValues" in request:
        json.loads(request["configurationValues"])
    if "tags" in request:
        request["tags"] = {one["key"]: one["value"] for one in request["tags"]}
    request.pop("preserveOnDelete", None)
    call("eks", "create_addon", False, **request)
    return request["addonName"]


def access_entry(given, names):
    policies = given.pop("AccessPolicies", [])
    call("eks", "create_access_entry", False, **camel(given))
    for policy in policies:
        call("eks", "associate_access_policy", False, clusterName=given["ClusterName"],
             principalArn=given["PrincipalArn"], **camel(policy))
    return "entry"


def alarm(given, names):
    call("cloudwatch", "put_metric_alarm", True, AlarmName=f"alarm{len(names)}", **given)
    return f"alarm{len(names)}"


def scheduled_action(given, names):
    call("autoscaling", "put_scheduled_update_group_action", False,
         ScheduledActionName=f"action{len(names)}", **given)
    return f"action{len(names)}"


def scaling_policy(given, names):
    given = dict(given)
    if "Cooldown" in given:
        given["Cooldown"] = int(given["Cooldown"])
    call("autoscaling", "put_scaling_policy", False, PolicyName=f"policy{len(names)}", **given)
    return f"arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:0:policy{len(names)}"


def warm_pool(given, names):
    call("autoscaling", "put_warm_pool", False, **given)
    return "pool"


def budget(given, names):
    data = given["Budget"]
    data.setdefault("BudgetName", f"budget{len(names)}")
    data["BudgetLimit"]["Amount"] = str(data["BudgetLimit"]["Amount"])
    call("budgets", "create_budget", True, AccountId="123456789012", Budget=data,
         NotificationsWithSubscribers=given["NotificationsWithSubscribers"])
    return data["BudgetName"]


def managed_policy(given, names):
    document = json.dumps(given["PolicyDocument"])
    answer = call("iam", "create_policy", True, PolicyName=f"policy{len(names)}", PolicyDocument=document,
                  Description=given["Description"])
    return answer["Policy"]["Arn"]


def budget_action(given, names):
    # CloudFormation writes the type of a subscriber differently from the API.
    subscribers = [{"SubscriptionType": one["Type"], "Address": one["Address"]} for one in given.pop("Subscribers")]
    threshold = given.pop("ActionThreshold")
    call("budgets", "create_budget_action", False, AccountId="123456789012", Subscribers=subscribers,
         ActionThreshold={"ActionThresholdValue": threshold["Value"], "ActionThresholdType": threshold["Type"]}, **given)
    return "action"


def schedule(given, names):
    json.loads(given["Target"]["Input"])
    name = f"schedule{len(names)}"
    call("scheduler", "create_schedule", True, Name=name, **given)
    return name


def workspace(given, names):
    call("amp", "create_workspace", True, **{"alias": given["Alias"]})
    return "workspace"


def topic(given, names):
    return call("sns", "create_topic", True, Name=f"topic{len(names)}")["TopicArn"]


def rule(given, names):
    name = f"rule{len(names)}"
    pattern = json.dumps(given["EventPattern"])
    call("events", "put_rule", True, Name=name, Description=given["Description"], EventPattern=pattern,
         State=given["State"])
    call("events", "put_targets", True, Rule=name, Targets=given["Targets"])
    return name


def compute_environment(given, names):
    request = camel(given)
    tags = request["computeResources"].pop("tags", None)
    if tags:
        request["computeResources"]["tags"] = given["ComputeResources"]["Tags"]
    request.pop("replaceComputeEnvironment", None)
    # CloudFormation sends it when it updates the environment.
    request["computeResources"].pop("updateToLatestImageVersion", None)
    request.pop("updatePolicy", None)
    name = f"environment{len(names)}"
    call("batch", "create_compute_environment", False, computeEnvironmentName=name, **request)
    return name


def job_queue(given, names):
    name = f"queue{len(names)}"
    call("batch", "create_job_queue", False, jobQueueName=name, **camel(given))
    return name


def job_definition(given, names):
    request = camel(given)
    nodes = request.get("nodeProperties", {}).get("nodeRangeProperties")
    for node in nodes or [{"container": request["containerProperties"]}]:
        container = node["container"]
        COUNTS["EFA devices of jobs"] += sum(
            "infiniband" in one["hostPath"] for one in container.get("linuxParameters", {}).get("devices", [])
        )
    call("batch", "register_job_definition", False, jobDefinitionName=f"definition{len(names)}", **request)
    return f"definition{len(names)}"


def file_system(given, names):
    given.pop("FileSystemTypeVersion", None)
    call("fsx", "create_file_system", False, FileSystemTypeVersion="2.15", **given)
    return "fs-0123456789abcdef0"


MAKERS = {
    "AWS::EC2::VPC": vpc,
    "AWS::EC2::Subnet": subnet,
    "AWS::EC2::RouteTable": route_table,
    "AWS::EC2::SubnetRouteTableAssociation": association,
    "AWS::EC2::InternetGateway": internet_gateway,
    "AWS::EC2::VPCGatewayAttachment": attachment,
    "AWS::EC2::Route": route,
    "AWS::EC2::EIP": address,
    "AWS::EC2::NatGateway": nat,
    "AWS::EC2::SecurityGroup": security_group,
    "AWS::EC2::SecurityGroupIngress": ingress,
    "AWS::EC2::SecurityGroupEgress": egress,
    "AWS::EC2::VPCEndpoint": endpoint,
    "AWS::EC2::LaunchTemplate": launch_template,
    "AWS::EC2::PlacementGroup": placement_group,
    "AWS::AutoScaling::AutoScalingGroup": scaling_group,
    "AWS::SageMaker::Cluster": cluster,
    "AWS::SageMaker::ClusterSchedulerConfig": scheduler_config,
    "AWS::SageMaker::ComputeQuota": compute_quota,
    "AWS::EKS::Cluster": eks_cluster,
    "AWS::EKS::Addon": addon,
    "AWS::EKS::AccessEntry": access_entry,
    "AWS::FSx::FileSystem": file_system,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::AutoScaling::ScheduledAction": scheduled_action,
    "AWS::AutoScaling::ScalingPolicy": scaling_policy,
    "AWS::AutoScaling::WarmPool": warm_pool,
    "AWS::Budgets::Budget": budget,
    "AWS::Budgets::BudgetsAction": budget_action,
    "AWS::IAM::ManagedPolicy": managed_policy,
    "AWS::Scheduler::Schedule": schedule,
    "AWS::APS::Workspace": workspace,
    "AWS::Events::Rule": rule,
    "AWS::SNS::Topic": topic,
    "AWS::Batch::ComputeEnvironment": compute_environment,
    "AWS::Batch::JobQueue": job_queue,
    "AWS::Batch::JobDefinition": job_definition,
}

# What is judged elsewhere, or has no request of its own here.
LEFT_OUT = ("AWS::IAM::", "AWS::S3::", "AWS::SNS::", "AWS::SSM::", "AWS::Logs::", "AWS::KMS::")


def deployed(stack):
    everything, names = resources(stack), defaults(stack)

    def lookup(name):
        head, _, attribute = name.partition(".")
        if head not in names and head in everything:
            make(head)
        return known(name) if attribute in ("Arn", "ClusterArn") else names.get(head, known(name))

    def make(logical_id):
        resource = everything[logical_id]
        names[logical_id] = logical_id
        for other in resource.get("DependsOn", []):
            lookup(other)
        given = resolved(resource.get("Properties", {}), lookup)
        maker = MAKERS.get(resource["Type"])
        if maker:
            names[logical_id] = maker(given, names)
        else:
            assert resource["Type"].startswith(LEFT_OUT), resource["Type"]

    for logical_id in everything:
        if logical_id not in names:
            make(logical_id)


def main():
    paths = templates(ASSEMBLY)
    lint(paths)
    for path in paths:
        CLIENTS.clear()
        with mock_aws():
            deployed(path)
    for what, count in sorted(COUNTS.items()):
        print(f"{what}: {count}")


main()
