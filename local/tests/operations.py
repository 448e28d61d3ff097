"""Every operation of CloudFormation that the endpoint has: called as it should be, with nothing to do, with names and ARNs, with
names that do not exist, throttled, and in pages. And what `Ref` and `Fn::GetAtt` return for the types that programs use most,
split as programs do it."""

import html
import re
import urllib.error
import urllib.parse

from common import *
import model

ACCOUNT = "000000000000"
UNKNOWN = "nothing-has-this-name"


def named(display):
    return template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display}}})


def waiting(stack, name, display):
    """A change set that can be executed; returns its ARN."""
    return change_set(stack, named(display), name=name)["ChangeSetId"]


def failed_update(stack):
    faults([{"resource": "A", "on": on, "reason": "no"} for on in ("update", "rollback")])
    deploy(stack, template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": f"{time.monotonic_ns()}"}}, "B": TOPIC}))
    faults()


def operations():
    """Each operation with arguments that work, in an order in which each finds what it needs, and what of the answer to expect."""
    body = named("one")
    yield "ValidateTemplate", dict(TemplateBody=body), "Parameters"
    yield "EstimateTemplateCost", dict(TemplateBody=body), "Url"
    yield "GetTemplateSummary", dict(TemplateBody=body), "ResourceTypes"
    yield "DescribeAccountLimits", {}, "AccountLimits"
    yield "ListTypes", dict(Visibility="PUBLIC"), "TypeSummaries"
    yield "DescribeType", dict(Type="RESOURCE", TypeName="AWS::SNS::Topic"), "Schema"
    yield "CreateStack", dict(StackName="op", TemplateBody=body), "StackId"
    settled("op")
    for action in ("DescribeStacks", "DescribeStackEvents", "DescribeEvents", "DescribeStackResources", "ListStackResources"):
        yield action, dict(StackName="op"), None
    yield "DescribeStackResource", dict(StackName="op", LogicalResourceId="A"), "StackResourceDetail"
    yield "ListStacks", {}, "StackSummaries"
    yield "GetTemplate", dict(StackName="op"), "TemplateBody"
    yield "SetStackPolicy", dict(StackName="op", StackPolicyBody='{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}'), None
    yield "GetStackPolicy", dict(StackName="op"), "StackPolicyBody"
    yield "UpdateTerminationProtection", dict(StackName="op", EnableTerminationProtection=False), "StackId"
    yield "UpdateStack", dict(StackName="op", TemplateBody=named("two")), "StackId"
    settled("op")
    yield "CreateChangeSet", dict(StackName="op", ChangeSetName="set", TemplateBody=named("three")), "Id"
    yield "DescribeChangeSet", dict(StackName="op", ChangeSetName="set"), "Changes"
    yield "DescribeChangeSetHooks", dict(StackName="op", ChangeSetName="set"), "Hooks"
    yield "ListChangeSets", dict(StackName="op"), "Summaries"
    yield "ExecuteChangeSet", dict(StackName="op", ChangeSetName="set"), None
    settled("op")
    waiting("op", "unwanted", "four")
    yield "DeleteChangeSet", dict(StackName="op", ChangeSetName="unwanted"), None
    yield "ListHookResults", {}, "HookResults"
    yield "DetectStackDrift", dict(StackName="op"), "StackDriftDetectionId"
    yield "DetectStackResourceDrift", dict(StackName="op", LogicalResourceId="A"), "StackResourceDrift"
    yield "DescribeStackResourceDrifts", dict(StackName="op"), "StackResourceDrifts"
    yield "DescribeStackDriftDetectionStatus", dict(StackDriftDetectionId=cfn.detect_stack_drift(StackName="op")["StackDriftDetectionId"]), "DetectionStatus"
    exporting = template({"A": TOPIC}, Outputs={"O": {"Value": "x", "Export": {"Name": "op-export"}}})
    deploy("op-exporter", exporting, "CREATE")
    deploy("op-importer", template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": "op-export"}}}}), "CREATE")
    yield "ListExports", {}, "Exports"
    yield "ListImports", dict(ExportName="op-export"), "Imports"
    failed_update("op")
    yield "ContinueUpdateRollback", dict(StackName="op"), None
    settled("op")
    faults([{"resource": "A", "on": "update", "milliseconds": 60_000}])
    cfn.update_stack(StackName="op", TemplateBody=named("slow"))
    yield "CancelUpdateStack", dict(StackName="op"), None
    settled("op")
    faults([{"resource": "A", "on": "update", "reason": "no"}])
    deploy("op", named("kept"), DisableRollback=True)
    faults()
    yield "RollbackStack", dict(StackName="op"), "StackId"
    settled("op")
    handle = template({"A": TOPIC, "H": {"Type": "AWS::CloudFormation::WaitConditionHandle"}, "W": {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": {"Ref": "H"}, "Timeout": "300"}}})
    cfn.create_stack(StackName="op-signalled", TemplateBody=handle)
    cfn.describe_stacks(StackName="op-signalled")
    yield "SignalResource", dict(StackName="op-signalled", LogicalResourceId="W", UniqueId="1", Status="SUCCESS"), None
    settled("op-signalled")
    moved = [{"StackName": "op-signalled", "TemplateBody": handle.replace('"A"', '"A2"')}]
    mapping = [{"Source": {"StackName": "op-signalled", "LogicalResourceId": "A"}, "Destination": {"StackName": "op-signalled", "LogicalResourceId": "A2"}}]
    refactor = cfn.create_stack_refactor(StackDefinitions=moved, ResourceMappings=mapping)["StackRefactorId"]
    yield "CreateStackRefactor", dict(StackDefinitions=moved, ResourceMappings=mapping), "StackRefactorId"
    yield "DescribeStackRefactor", dict(StackRefactorId=refactor), "Status"
    yield "ListStackRefactors", {}, "StackRefactorSummaries"
    yield "ListStackRefactorActions", dict(StackRefactorId=refactor), "StackRefactorActions"
    yield "ExecuteStackRefactor", dict(StackRefactorId=refactor), None
    settled("op-signalled")
    of_set = dict(StackSetName="op-set")
    yield "CreateStackSet", dict(TemplateBody=named("set"), **of_set), "StackSetId"
    yield "DescribeStackSet", of_set, "StackSet"
    yield "ListStackSets", {}, "Summaries"
    places = dict(Accounts=[ACCOUNT], Regions=["eu-west-1"])
    yield "CreateStackInstances", dict(**of_set, **places, OperationId="op-1"), "OperationId"
    while cfn.describe_stack_set_operation(OperationId="op-1", **of_set)["StackSetOperation"]["Status"] in ("QUEUED", "RUNNING"):
        time.sleep(0.01)
    yield "DescribeStackSetOperation", dict(OperationId="op-1", **of_set), "StackSetOperation"
    yield "ListStackSetOperations", of_set, "Summaries"
    yield "ListStackSetOperationResults", dict(OperationId="op-1", **of_set), "Summaries"
    yield "ListStackInstances", of_set, "Summaries"
    yield "DescribeStackInstance", dict(StackInstanceAccount=ACCOUNT, StackInstanceRegion="eu-west-1", **of_set), "StackInstance"
    for action, more in (("UpdateStackInstances", places), ("UpdateStackSet", dict(TemplateBody=named("set-2"))), ("DeleteStackInstances", dict(RetainStacks=False, **places))):
        yield action, dict(OperationId=f"op-{action}", **of_set, **more), "OperationId"
        while cfn.describe_stack_set_operation(OperationId=f"op-{action}", **of_set)["StackSetOperation"]["Status"] in ("QUEUED", "RUNNING"):
            time.sleep(0.01)
    yield "DeleteStackSet", of_set, None
    cfn.create_stack_set(StackSetName="op-slow", TemplateBody=named("slow"))
    faults([{"resource": "A", "on": "create", "milliseconds": 300}])
    cfn.create_stack_instances(StackSetName="op-slow", OperationId="op-slow", **places)
    yield "StopStackSetOperation", dict(StackSetName="op-slow", OperationId="op-slow"), None
    faults()
    yield "DeleteStack", dict(StackName="op"), None


def call(action, arguments):
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
    return getattr(cfn, name)(**arguments)


# What an operation answers if what it names does not exist.
NAMES = {"StackName": ("ValidationError", "does not exist"), "StackSetName": ("StackSetNotFoundException", "not found"), "StackRefactorId": ("StackRefactorNotFoundException", ""), "ExportName": ("ValidationError", "not imported by any stack"), "StackDriftDetectionId": ("ValidationError", "does not exist"), "TypeName": ("TypeNotFoundException", "")}
CREATES = {"CreateStack", "CreateStackSet"}


def every_operation_is_throttled_named_and_answered():
    seen = []
    for action, arguments, member in operations():
        seen.append(action)
        # A client that is throttled sends the request again; what was throttled has done nothing.
        faults(faults.resources, [{"action": action, "kind": "throttle", "times": 1}])
        refused("Throttling", "", lambda **arguments: call(action, arguments), **arguments)
        key = next((name for name in NAMES if name in arguments), None)
        if key and action not in CREATES:
            unknown = {**arguments, key: "Nothing::Has::ThisName" if key == "TypeName" else UNKNOWN}
            if action == "DeleteStack":
                check(call(action, unknown)["ResponseMetadata"]["HTTPStatusCode"] == 200, "a stack that does not exist is deleted")
            elif "StackDefinitions" not in arguments:
                code, words = NAMES[key]
                refused(code, words, lambda **arguments: call(action, arguments), **unknown)
        answer = call(action, arguments)
        check(member is None or member in answer, action, answer)
    # The endpoint has these operations and no other one, so that a new one comes into this list.
    known = supported()
    check(known - set(seen) == {"GetHookResult"} and set(seen) <= known, known ^ set(seen))


SOURCES = os.path.join(os.path.dirname(__file__), "../src/api/cloudformation")


def supported():
    return set(re.findall(r'^        "([A-Z]\w+)" =>', open(f"{SOURCES}/mod.rs").read(), re.M))


def posted(action, **arguments):
    """Sends a request that the client would refuse; returns the status, the code and the message of the answer."""
    fields = {"Action": action, "Version": "2010-05-15"}

    def add(name, value):
        if isinstance(value, dict):
            for member, inner in value.items():
                add(f"{name}.{member}" if name else member, inner)
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                add(f"{name}.member.{number + 1}", inner)
        else:
            fields[name] = value

    add("", arguments)
    try:
        return urllib.request.urlopen(URL, urllib.parse.urlencode(fields).encode()).status, "", ""
    except urllib.error.HTTPError as error:
        body = error.read().decode()
        return error.code, *(html.unescape(re.search(f"<{name}>(.*?)</{name}>", body, re.S).group(1)) for name in ("Code", "Message"))


def operations_are_those_of_the_model():
    """Each operation of the model is answered or refused by its name, and one that CloudFormation does not have is unknown."""
    every = set(cfn.meta.service_model.operation_names)
    check(supported() <= every)
    for action in every - supported():
        status, code, message = posted(action)
        check((status, code) == (400, "NotImplemented") and f"does not implement the operation {action}" in message, action, message)
    status, code, _ = posted("CreateCastle")
    check((status, code) == (400, "InvalidAction"), code)


def requests_are_validated_against_the_service_model():
    """A request that violates a constraint is refused, with the member and the constraint in the message: every constraint of every operation."""
    shapes = {action: cfn.meta.service_model.operation_model(action).input_shape for action in sorted(supported())}
    found = {action: model.constraints(shape) for action, shape in shapes.items() if shape is not None}
    lines = [f"{json.dumps(action)}: {json.dumps(one, separators=(',', ':'), sort_keys=True)}" for action, one in found.items() if one]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    path = f"{SOURCES}/constraints.json"
    if os.environ.get("UPDATE_CONSTRAINTS"):
        open(path, "w").write(text)
    check(open(path).read() == text, "constraints.json differs from the model; UPDATE_CONSTRAINTS=1 writes it")
    for action, one in found.items():
        for arguments, path, words in model.violations(one) if one else ():
            status, code, message = posted(action, **arguments)
            is_named = f"at '{path[1:]}'" in message and words in message
            check((status, code) == (400, "ValidationError") and is_named, action, arguments, path, words, message)


def names_and_arns_identify_the_same_stack():
    id = deploy("by-arn", named("one"), "CREATE")["StackId"]
    for action in ("describe_stacks", "describe_stack_events", "describe_events", "describe_stack_resources", "list_stack_resources", "get_template", "list_change_sets", "get_template_summary"):
        one, other = (getattr(cfn, action)(StackName=name) for name in ("by-arn", id))
        del one["ResponseMetadata"], other["ResponseMetadata"]
        check(one == other, action)
    topic = cfn.describe_stack_resource(StackName=id, LogicalResourceId="A")["StackResourceDetail"]["PhysicalResourceId"]
    check(cfn.describe_stack_resources(PhysicalResourceId=topic)["StackResources"][0]["StackName"] == "by-arn")
    refused("ValidationError", "cannot be specified", cfn.describe_stack_resources, PhysicalResourceId=topic, StackName="by-arn")
    # Two stacks may have change sets of the same name.
    deploy("by-arn-too", named("two"), "CREATE")
    mine, theirs = waiting("by-arn", "same-name", "mine"), waiting("by-arn-too", "same-name", "theirs")
    display = lambda **of: cfn.get_template(**of)["TemplateBody"]["Resources"]["A"]["Properties"]["DisplayName"]
    check((display(StackName="by-arn", ChangeSetName="same-name"), display(StackName="by-arn-too", ChangeSetName="same-name")) == ("mine", "theirs"))
    check((display(ChangeSetName=mine), display(ChangeSetName=theirs)) == ("mine", "theirs"))
    refused("ValidationError", "StackName must be specified if ChangeSetName is not specified as an ARN", cfn.describe_change_set, ChangeSetName="same-name")
    refused("ChangeSetNotFound", "does not exist", cfn.describe_change_set, StackName="by-arn", ChangeSetName="other")
    check(cfn.describe_events(StackName="by-arn-too", ChangeSetName="same-name")["OperationEvents"] == [])
    # A deleted stack is known by its ARN only, and its name is free.
    cfn.delete_stack(StackName=id)
    check(settled(id)["StackStatus"] == "DELETE_COMPLETE")
    refused("ValidationError", "does not exist", cfn.describe_stacks, StackName="by-arn")
    check(deploy("by-arn", named("new"), "CREATE")["StackId"] != id)


def updates_without_changes_are_refused():
    deploy("idle", named("one"), "CREATE")
    refused("AlreadyExistsException", "already exists", cfn.create_stack, StackName="idle", TemplateBody=named("one"))
    refused("ValidationError", "No updates are to be performed", cfn.update_stack, StackName="idle", TemplateBody=named("one"))
    refused("ValidationError", "No updates are to be performed", cfn.update_stack, StackName="idle", UsePreviousTemplate=True)
    nothing = change_set("idle", named("one"), name="nothing")
    check((nothing["Status"], nothing["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE") and "didn't contain changes" in nothing["StatusReason"], nothing)
    refused("InvalidChangeSetStatus", "FAILED", cfn.execute_change_set, StackName="idle", ChangeSetName="nothing")
    refused("ValidationError", "CancelUpdateStack cannot be called from current stack status CREATE_COMPLETE", cfn.cancel_update_stack, StackName="idle")
    refused("ValidationError", "can not continue rollback", cfn.continue_update_rollback, StackName="idle")
    refused("ValidationError", "cannot be called from current stack status", cfn.rollback_stack, StackName="idle")
    refused("ValidationError", "only valid for stacks in DELETE_FAILED", cfn.delete_stack, StackName="idle", RetainResources=["A"])
    protect = lambda: cfn.update_termination_protection(StackName="idle", EnableTerminationProtection=True)
    check(protect()["StackId"] == protect()["StackId"])
    cfn.update_termination_protection(StackName="idle", EnableTerminationProtection=False)
    check(cfn.get_stack_policy(StackName="idle").get("StackPolicyBody") is None)
    check(cfn.delete_change_set(StackName="idle", ChangeSetName="never-created")["ResponseMetadata"]["HTTPStatusCode"] == 200)
    id = settled("idle")["StackId"]
    for _ in range(2):
        cfn.delete_stack(StackName=id)
    check(settled(id)["StackStatus"] == "DELETE_COMPLETE")


def lists_come_in_pages():
    """Each list with more items than a page has: all of them, each once."""
    exports = {f"O{number}": {"Value": "x", "Export": {"Name": f"paged-{number:03}"}} for number in range(130)}
    many = {f"T{number:03}": TOPIC for number in range(130)}
    deploy("paged", template(many, Outputs=exports), "CREATE")
    for number in range(105):
        cfn.create_stack(StackName=f"paged-{number}", TemplateBody=template({"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": "paged-000"}}}}))
        cfn.create_change_set(StackName="paged", ChangeSetName=f"set-{number}", TemplateBody=template(many, Outputs={**exports, "N": {"Value": str(number)}}))
    for action, member, key, expected, of in (
        ("list_exports", "Exports", "Name", 130, {}),
        ("list_imports", "Imports", None, 105, {"ExportName": "paged-000"}),
        ("list_stack_resources", "StackResourceSummaries", "LogicalResourceId", 130, {"StackName": "paged"}),
        ("describe_stack_events", "StackEvents", "EventId", 392, {"StackName": "paged"}),
        ("describe_events", "OperationEvents", "EventId", 392, {"StackName": "paged"}),
        ("list_change_sets", "Summaries", "ChangeSetId", 106, {"StackName": "paged"}),
        ("describe_stacks", "Stacks", "StackId", 106, {}),
        ("list_stacks", "StackSummaries", "StackId", 106, {}),
        ("list_types", "TypeSummaries", "TypeName", 1000, {"Visibility": "PUBLIC"}),
    ):
        pages = [page[member] for page in cfn.get_paginator(action).paginate(**of)]
        items = [one if key is None else one[key] for page in pages for one in page]
        check(len(pages) > 1 and len(items) == len(set(items)) and len(items) >= expected, action, len(pages), len(items))
        refused("ValidationError", "NextToken is not valid", getattr(cfn, action), NextToken="another", **of)
    check(len(cfn.describe_stack_resources(StackName="paged")["StackResources"]) == 100, "this operation has no pages")
    cfn.detect_stack_drift(StackName="paged")
    drifts = lambda **of: cfn.describe_stack_resource_drifts(StackName="paged", **of)
    check(len(drifts()["StackResourceDrifts"]) == 100 and len(drifts(MaxResults=60)["StackResourceDrifts"]) == 60)
    check(len(drifts(MaxResults=60, NextToken=drifts(MaxResults=90)["NextToken"])["StackResourceDrifts"]) == 40)
    # New events come before those of the first page, and move no event to the next one.
    first = cfn.describe_stack_events(StackName="paged")
    cfn.update_stack(StackName="paged", TemplateBody=template({**many, "New": TOPIC}, Outputs=exports))
    settled("paged")
    second = cfn.describe_stack_events(StackName="paged", NextToken=first["NextToken"])
    ids = [one["EventId"] for page in (first, second) for one in page["StackEvents"]]
    check(len(ids) == len(set(ids)) == 200, "no event comes twice")


def arn(service, resource, region="us-east-1", account=ACCOUNT):
    return re.escape(f"arn:aws:{service}:{region}:{account}:") + resource


ASSUMED = {"AssumeRolePolicyDocument": {"Statement": []}}
LAMBDA = {"FunctionName": "fn", "Role": f"arn:aws:iam::{ACCOUNT}:role/r", "Code": {"ZipFile": "x"}, "Runtime": "python3.13", "Handler": "index.handler"}
VARIANT = {"VariantName": "Main", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.g5.xlarge"}

# Each type with its properties, the form of `Ref`, and the forms of attributes.
TYPES = {
    "AWS::S3::Bucket": ({"BucketName": "typed-bucket"}, "typed-bucket", {"Arn": "arn:aws:s3:::typed-bucket", "DomainName": r"typed-bucket\.s3\.amazonaws\.com"}),
    "AWS::SNS::Topic": ({"TopicName": "typed"}, arn("sns", "typed"), {"TopicArn": arn("sns", "typed"), "TopicName": "typed"}),
    "AWS::SQS::Queue": ({"QueueName": "typed"}, f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/typed", {"Arn": arn("sqs", "typed"), "QueueName": "typed"}),
    "AWS::IAM::Role": ({"RoleName": "typed", "Path": "/team/", **ASSUMED}, "typed", {"Arn": arn("iam", "role/team/typed", ""), "RoleId": r"\w+"}),
    "AWS::IAM::ManagedPolicy": ({"ManagedPolicyName": "typed", "PolicyDocument": {"Statement": []}}, arn("iam", "policy/typed", ""), {}),
    "AWS::IAM::User": ({"UserName": "typed"}, "typed", {"Arn": arn("iam", "user/typed", "")}),
    "AWS::IAM::InstanceProfile": ({"InstanceProfileName": "typed", "Roles": ["r"]}, "typed", {"Arn": arn("iam", "instance-profile/typed", "")}),
    "AWS::KMS::Key": ({"KeyPolicy": {}}, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", {"Arn": arn("kms", r"key/[0-9a-f-]{36}"), "KeyId": r"[0-9a-f-]{36}"}),
    "AWS::KMS::Alias": ({"AliasName": "alias/typed", "TargetKeyId": "k"}, "alias/typed", {}),
    "AWS::Lambda::Function": (LAMBDA, "fn", {"Arn": arn("lambda", "function:fn")}),
    "AWS::Logs::LogGroup": ({"LogGroupName": "/typed/logs"}, "/typed/logs", {"Arn": arn("logs", r"log-group:/typed/logs:\*")}),
    "AWS::CloudWatch::Alarm": ({"AlarmName": "typed", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1}, "typed", {"Arn": arn("cloudwatch", "alarm:typed")}),
    "AWS::CloudWatch::Dashboard": ({"DashboardName": "typed", "DashboardBody": "{}"}, "typed", {}),
    "AWS::Events::Rule": ({"Name": "typed", "ScheduleExpression": "rate(1 day)"}, "typed", {"Arn": arn("events", "rule/typed")}),
    "AWS::Scheduler::Schedule": ({"Name": "typed", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": "a", "RoleArn": "r"}}, "typed", {"Arn": arn("scheduler", "schedule/default/typed")}),
    "AWS::StepFunctions::StateMachine": ({"StateMachineName": "typed", "RoleArn": "r", "DefinitionString": "{}"}, arn("states", "stateMachine:typed"), {"Arn": arn("states", "stateMachine:typed"), "Name": "typed"}),
    "AWS::SecretsManager::Secret": ({"Name": "typed"}, arn("secretsmanager", r"secret:typed-\w{6}"), {"Id": arn("secretsmanager", r"secret:typed-\w{6}")}),
    "AWS::SSM::Parameter": ({"Name": "/typed/p", "Type": "String", "Value": "v"}, "/typed/p", {"Type": "String", "Value": "v"}),
    "AWS::DynamoDB::Table": ({"TableName": "typed", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}, "typed", {"Arn": arn("dynamodb", "table/typed")}),
    "AWS::ECR::Repository": ({"RepositoryName": "typed/images"}, "typed/images", {"Arn": arn("ecr", "repository/typed/images"), "RepositoryUri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/typed/images"}),
    "AWS::EC2::VPC": ({"CidrBlock": "10.0.0.0/16"}, r"vpc-[0-9a-f]{17}", {"CidrBlock": "10.0.0.0/16", "VpcId": r"vpc-[0-9a-f]{17}"}),
    "AWS::EC2::Subnet": ({"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}, r"subnet-[0-9a-f]{17}", {"SubnetId": r"subnet-[0-9a-f]{17}"}),
    "AWS::EC2::SecurityGroup": ({"GroupDescription": "typed", "VpcId": "vpc-1"}, r"sg-[0-9a-f]{17}", {"GroupId": r"sg-[0-9a-f]{17}"}),
    "AWS::EC2::InternetGateway": ({}, r"igw-[0-9a-f]{17}", {}),
    "AWS::EC2::RouteTable": ({"VpcId": "vpc-1"}, r"rtb-[0-9a-f]{17}", {"RouteTableId": r"rtb-[0-9a-f]{17}"}),
    "AWS::EC2::EIP": ({}, r"\d+\.\d+\.\d+\.\d+", {"AllocationId": r"eipalloc-[0-9a-f]{17}"}),
    "AWS::EC2::LaunchTemplate": ({"LaunchTemplateName": "typed", "LaunchTemplateData": {}}, r"lt-[0-9a-f]{17}", {"LatestVersionNumber": r"\d+"}),
    "AWS::EFS::FileSystem": ({}, r"fs-[0-9a-f]{17}", {"Arn": arn("elasticfilesystem", r"file-system/fs-[0-9a-f]{17}")}),
    "AWS::ECS::Cluster": ({"ClusterName": "typed"}, "typed", {"Arn": arn("ecs", "cluster/typed")}),
    "AWS::AutoScaling::AutoScalingGroup": ({"AutoScalingGroupName": "typed", "MinSize": "0", "MaxSize": "1"}, "typed", {}),
    "AWS::ApplicationAutoScaling::ScalableTarget": ({"ResourceId": "endpoint/e/variant/Main", "MinCapacity": 1, "MaxCapacity": 2, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount", "ServiceNamespace": "sagemaker"}, r"endpoint/e/variant/Main\|sagemaker:variant:DesiredInstanceCount\|sagemaker", {}),
    "AWS::SageMaker::Model": ({"ModelName": "typed", "ExecutionRoleArn": "r"}, arn("sagemaker", "model/typed"), {"ModelName": "typed"}),
    "AWS::SageMaker::EndpointConfig": ({"EndpointConfigName": "typed", "ProductionVariants": [VARIANT]}, arn("sagemaker", "endpoint-config/typed"), {"EndpointConfigName": "typed"}),
    "AWS::SageMaker::Endpoint": ({"EndpointName": "typed", "EndpointConfigName": "typed"}, arn("sagemaker", "endpoint/typed"), {"EndpointName": "typed"}),
    "AWS::SageMaker::Pipeline": ({"PipelineName": "typed", "PipelineDefinition": {"PipelineDefinitionBody": "{}"}, "RoleArn": "r"}, "typed", {}),
    "AWS::SageMaker::ModelPackageGroup": ({"ModelPackageGroupName": "typed"}, arn("sagemaker", "model-package-group/typed"), {"ModelPackageGroupArn": arn("sagemaker", "model-package-group/typed")}),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ({"Name": "typed"}, arn("elasticloadbalancing", r"targetgroup/typed/[0-9a-f]{16}"), {"TargetGroupName": "typed", "TargetGroupFullName": r"targetgroup/typed/[0-9a-f]{16}"}),
    "AWS::CloudFormation::WaitConditionHandle": ({}, r"https://\S+", {}),
}


def references_have_the_forms_that_programs_split():
    resources, values = {}, {}
    for number, (kind, (properties, _, attributes)) in enumerate(TYPES.items()):
        resources[f"R{number}"] = {"Type": kind, "Properties": properties}
        values[f"R{number}Ref"] = {"Value": {"Ref": f"R{number}"}}
        for index, attribute in enumerate(attributes):
            values[f"R{number}A{index}"] = {"Value": {"Fn::GetAtt": [f"R{number}", attribute]}}
    check(len(TYPES) == 38, len(TYPES))
    s3.create_bucket(Bucket="typed-templates")
    s3.put_object(Bucket="typed-templates", Key="t.json", Body=template(resources, Outputs=values).encode())
    cfn.create_stack(StackName="typed", TemplateURL=f"{URL}/typed-templates/t.json", Capabilities=["CAPABILITY_NAMED_IAM"])
    made = settled("typed")
    check(made["StackStatus"] == "CREATE_COMPLETE", made, reasons("typed", "CREATE_FAILED"))
    found = outputs(made)
    wrong = []
    for number, (kind, (_, reference, attributes)) in enumerate(TYPES.items()):
        forms = [(f"R{number}Ref", "Ref", reference)] + [(f"R{number}A{index}", attribute, form) for index, (attribute, form) in enumerate(attributes.items())]
        for key, what, form in forms:
            check(True)
            if not re.fullmatch(form, found[key]):
                wrong.append((kind, what, found[key], form))
    check(not wrong, wrong)
    # The physical ID is what `Ref` returns, and tags of an update keep it.
    ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in cfn.list_stack_resources(StackName="typed")["StackResourceSummaries"]}
    check(all(found[f"{id}Ref"] == physical for id, physical in ids.items()), ids)


run(
    operations_are_those_of_the_model, requests_are_validated_against_the_service_model, every_operation_is_throttled_named_and_answered, names_and_arns_identify_the_same_stack, updates_without_changes_are_refused, lists_come_in_pages,
    references_have_the_forms_that_programs_split,
)
