"""What other clients rely on: networks whose addresses are known late, custom resources, imports, stack policies, signals,
dynamic references, and CDK's default templates."""

import time
import urllib.request

from common import *

ssm_parameter = lambda value, name=None: {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **({"Name": name} if name else {})}}


def functions_use_values_that_are_known_after_creation():
    block = {"Fn::GetAtt": ["Vpc", "CidrBlock"]}
    subnet = lambda number: {
        "Type": "AWS::EC2::Subnet",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "AvailabilityZone": {"Fn::Select": [number, {"Fn::GetAZs": ""}]},
            "CidrBlock": {"Fn::Select": [number, {"Fn::Cidr": [block, 6, 8]}]},
        },
    }
    first = {"Fn::Select": [0, {"Fn::Split": [".", block]}]}
    body = template(
        {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}}, "A": subnet(0), "B": subnet("1")},
        Outputs={"First": {"Value": {"Fn::Join": ["-", ["net", first]]}}, "B": {"Value": {"Fn::GetAtt": "B.CidrBlock"}}},
    )
    made = deploy("network", body, "CREATE")
    check(made["StackStatus"] == "CREATE_COMPLETE" and outputs(made) == {"First": "net-10", "B": "10.1.1.0/24"}, made, reasons("network", "CREATE_FAILED"))
    check(change_set("network", body, name="again")["Status"] == "FAILED", "nothing changes")
    wrong = body.replace("6, 8", "300, 8")
    refused_later = change_set("too-many", wrong, "CREATE")
    check(refused_later["Status"] == "CREATE_COMPLETE", "the block is not known yet")
    cfn.execute_change_set(StackName="too-many", ChangeSetName="changes")
    check(settled("too-many")["StackStatus"] == "ROLLBACK_COMPLETE")
    check(any("between 1 and 256" in one for one in reasons("too-many", "CREATE_FAILED")), reasons("too-many", "CREATE_FAILED"))


def custom_resources_have_attributes():
    custom = {"Type": "Custom::Lookup", "Properties": {"ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:f"}}
    user = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::GetAtt": ["Lookup", "Name"]}}}
    deployment = {"Type": "Custom::CDKBucketDeployment", "Properties": {"ServiceToken": "x", "DestinationBucketName": "b"}}
    known = {"Arn": {"Value": {"Fn::GetAtt": ["Site", "DestinationBucketArn"]}}, "Name": {"Value": {"Fn::GetAtt": "Lookup.Name"}}, "Id": {"Value": {"Ref": "Lookup"}}}
    body = template({"Lookup": custom, "User": user, "Site": deployment}, Outputs=known)
    made = deploy("customized", body, "CREATE")
    found = outputs(made)
    check(found["Arn"] == "arn:aws:s3:::b" and "placeholder" in found["Name"], found)
    assumed = json.loads(urllib.request.urlopen(f"{URL}/_local/assumptions").read())
    check([one for one in assumed if "Lookup.Name in customized" in one], assumed)
    check(change_set("customized", body, name="again")["Status"] == "FAILED", "a placeholder does not change")
    put("faults", {"custom_resources": [{"resource": "Lookup", "physical_id": "id-1", "attributes": {"Name": "given"}}]})
    made = deploy("given", body, "CREATE")
    check(outputs(made)["Name"] == "given" and outputs(made)["Id"] == "id-1", made)
    faults()


def names_of_executed_change_sets_can_be_used_again():
    """As the GitHub action aws-cloudformation-github-deploy does it: each deployment uses the same name."""
    for number in range(3):
        kind = "CREATE" if number == 0 else "UPDATE"
        body = template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": str(number)}}})
        described = change_set("action", body, kind, name="action-CS")
        check(described["Status"] == "CREATE_COMPLETE", described)
        cfn.execute_change_set(StackName="action", ChangeSetName="action-CS")
        cfn.get_waiter(f"stack_{kind.lower()}_complete").wait(StackName="action", WaiterConfig={"Delay": 0})
    nothing = change_set("action", body, name="action-CS")
    check(nothing["Status"] == "FAILED" and "didn't contain changes" in nothing["StatusReason"], nothing)
    cfn.delete_change_set(StackName="action", ChangeSetName="action-CS")
    waiting = change_set("action", template({"A": TOPIC}), name="waiting")
    refused("AlreadyExistsException", "waiting", cfn.create_change_set, StackName="action", ChangeSetName="waiting", TemplateBody=template({"B": TOPIC}))
    cfn.update_stack(StackName="action", TemplateBody=template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "else"}}}))
    settled("action")
    stale = cfn.describe_change_set(ChangeSetName=waiting["ChangeSetId"])
    check(stale["ExecutionStatus"] == "OBSOLETE", stale)
    refused("InvalidChangeSetStatus", "OBSOLETE", cfn.execute_change_set, ChangeSetName=waiting["ChangeSetId"])

    tags = [{"Key": "team", "Value": "ml"}]
    plain = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {"Statement": []}}}
    both = template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "else"}}, "P": plain})
    deploy("action", both)
    tagged = change_set("action", both, name="tags", Tags=tags)
    check([(one["ResourceChange"]["LogicalResourceId"], one["ResourceChange"]["Scope"], one["ResourceChange"]["Replacement"]) for one in tagged["Changes"]] == [("A", ["Tags"], "False")], tagged)
    cfn.execute_change_set(StackName="action", ChangeSetName="tags")
    check(settled("action")["Tags"] == tags and "UPDATE_COMPLETE" in statuses("action", "A"))


def the_options_of_a_stack_are_kept():
    trigger = {"Arn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:a", "Type": "AWS::CloudWatch::Alarm"}
    configuration = {"RollbackTriggers": [trigger], "MonitoringTimeInMinutes": 5}
    topic = "arn:aws:sns:us-east-1:000000000000:t"
    cfn.create_stack(StackName="configured", TemplateBody=template({"A": TOPIC}), RollbackConfiguration=configuration, NotificationARNs=[topic], TimeoutInMinutes=30)
    found = settled("configured")
    check(found["RollbackConfiguration"] == configuration and found["NotificationARNs"] == [topic] and found["TimeoutInMinutes"] == 30, found)
    changed = deploy("configured", template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x"}}}))
    check(changed["RollbackConfiguration"] == configuration and changed["NotificationARNs"] == [topic], changed)
    loop = {"Fn::ForEach::L": ["N", ["a"], {"T${N}": TOPIC}]}
    extended = template(loop, Transform="AWS::LanguageExtensions")
    refused("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]", cfn.create_stack, StackName="extended", TemplateBody=extended)
    check(deploy("extended", extended, "CREATE")["StackStatus"] == "CREATE_COMPLETE", "a change set needs no acknowledgement")
    refused("InsufficientCapabilitiesException", "AUTO_EXPAND", cfn.update_stack, StackName="extended", TemplateBody=extended.replace('["a"]', '["b"]'))
    cfn.update_stack(StackName="extended", TemplateBody=extended.replace('["a"]', '["b"]'), Capabilities=["CAPABILITY_AUTO_EXPAND"])
    check(settled("extended")["StackStatus"] == "UPDATE_COMPLETE")
    functions = template(
        {"A": {"Type": "AWS::SNS::Topic", "DeletionPolicy": {"Ref": "Policy"}}}, Transform="AWS::LanguageExtensions",
        Parameters={"Policy": {"Type": "String", "Default": "Retain"}, "What": {"Type": "String", "Default": "TopicName"}},
        Outputs={"O": {"Value": {"Fn::GetAtt": [{"Fn::Sub": "A"}, {"Ref": "What"}]}}},
    )
    made = deploy("functions", functions, "CREATE")
    check(outputs(made)["O"].startswith("functions-A-"), made)


def a_failed_rollback_is_forced():
    named = lambda value: template({name: {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": value}} for name in ("A", "B")})
    deploy("forced", named("1"), "CREATE")
    faults([{"resource": "B", "on": "update", "reason": "B fails"}, {"resource": "A", "on": "rollback", "reason": "A is gone"}])
    check(deploy("forced", named("2"))["StackStatus"] == "UPDATE_ROLLBACK_FAILED")
    refused("ValidationError", "mutually exclusive", cfn.continue_update_rollback, StackName="forced", ResourcesToSkip=["A"], ForceRollback=True)
    cfn.continue_update_rollback(StackName="forced", ForceRollback=True)
    check(settled("forced")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")
    faults()


def policies_protect_resources():
    named = lambda value: template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": value}}, "B": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": value}}})
    deploy("policed", named("1"), "CREATE")
    allow = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    deny = {"Effect": "Deny", "NotAction": "Update:Modify", "Principal": "*", "Resource": "*", "Condition": {"StringEquals": {"ResourceType": "AWS::SNS::Topic"}}}
    policy = json.dumps({"Statement": [allow, deny]})
    cfn.set_stack_policy(StackName="policed", StackPolicyBody=policy)
    refused("ValidationError", "Statement [#2] does not allow [Update:Replace] for resource [LogicalResourceId/B]", cfn.update_stack, StackName="policed", TemplateBody=named("2"))
    described = change_set("policed", named("2"))
    refused("ValidationError", "Statement [#2]", cfn.execute_change_set, StackName="policed", ChangeSetName=described["ChangeSetName"])
    cfn.update_stack(StackName="policed", TemplateBody=named("2"), StackPolicyDuringUpdateBody=json.dumps({"Statement": allow}))
    check(settled("policed")["StackStatus"] == "UPDATE_COMPLETE")
    check(cfn.get_stack_policy(StackName="policed")["StackPolicyBody"] == policy, "it stays")
    refused("ValidationError", "Error validating stack policy", cfn.set_stack_policy, StackName="policed", StackPolicyBody='{"Statement": [{"Effect": "Maybe"}]}')


def existing_resources_are_imported():
    s3.create_bucket(Bucket="made-by-hand")
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "made-by-hand"}}
    body = template({"Bucket": bucket})
    taken = change_set("taker", body, "CREATE")
    check(taken["Status"] == "FAILED" and "ResourceExistenceCheck" in taken["StatusReason"], taken)
    cfn.delete_stack(StackName="taker")
    settled(taken["StackId"])
    cfn.create_stack(StackName="taker", TemplateBody=body)
    check(settled("taker")["StackStatus"] == "ROLLBACK_COMPLETE" and any("already exists" in one for one in reasons("taker", "CREATE_FAILED")))
    cfn.delete_stack(StackName="taker")
    imported = change_set("adopter", body, "CREATE", ImportExistingResources=True)
    check([one["ResourceChange"]["Action"] for one in imported["Changes"]] == ["Import"], imported)
    cfn.execute_change_set(StackName="adopter", ChangeSetName="changes")
    check(settled("adopter")["StackStatus"] == "CREATE_COMPLETE" and "IMPORT_COMPLETE" in statuses("adopter", "Bucket"), statuses("adopter", "Bucket"))
    s3.create_bucket(Bucket="made-later")
    later = {**bucket, "Properties": {"BucketName": "made-later"}}
    more = deploy("adopter", template({"Bucket": bucket, "Later": later, "New": TOPIC}), ImportExistingResources=True)
    check(more["StackStatus"] == "UPDATE_COMPLETE" and statuses("adopter", "Later")[-1] == "IMPORT_COMPLETE", more)

    s3.create_bucket(Bucket="made-last")
    last = {**bucket, "Properties": {"BucketName": "made-last"}}
    resources = {"Bucket": bucket, "Later": later, "New": TOPIC}
    identifiers = [{"ResourceType": "AWS::S3::Bucket", "LogicalResourceId": "Last", "ResourceIdentifier": {"BucketName": "made-last"}}]
    def fails(words, body):
        made = change_set("adopter", body, "IMPORT", name=f"import-{time.monotonic_ns()}", ResourcesToImport=identifiers)
        check(made["Status"] == "FAILED" and words in made["StatusReason"], made)
    fails("must have DeletionPolicy attribute", template({**resources, "Last": {"Type": "AWS::S3::Bucket", "Properties": last["Properties"]}}))
    fails("You have modified resources [New]", template({**resources, "Last": last, "New": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x"}}}))
    fails("Resources [Other] are missing from ResourceToImport list", template({**resources, "Last": last, "Other": TOPIC}))
    fails("you cannot modify or add [Outputs]", template({**resources, "Last": last}, Outputs={"O": {"Value": "x"}}))
    check(deploy("adopter", template({**resources, "Last": last}), "IMPORT", ResourcesToImport=identifiers)["StackStatus"] == "IMPORT_COMPLETE")


def an_existing_parameter_is_imported():
    ssm.put_parameter(Name="/by/hand", Value="by hand", Type="String")
    body = template({"P": ssm_parameter("deployed", "/by/hand")})
    taken = change_set("parameter", body, "CREATE", name="taken")
    check(taken["Status"] == "FAILED" and "ResourceExistenceCheck" in taken["StatusReason"], taken)
    check(deploy("parameter", body, "CREATE", ImportExistingResources=True)["StackStatus"] == "CREATE_COMPLETE")
    check(statuses("parameter", "P")[-1] == "IMPORT_COMPLETE" and ssm.get_parameter(Name="/by/hand")["Parameter"]["Value"] == "by hand")
    cfn.detect_stack_drift(StackName="parameter")
    check(settled("parameter")["DriftInformation"]["StackDriftStatus"] == "DRIFTED", "an import changes nothing")


def a_bucket_with_content_is_not_deleted():
    deploy("full", template({"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "filled-bucket"}}}), "CREATE")
    s3.put_object(Bucket="filled-bucket", Key="k", Body=b"x")
    cfn.delete_stack(StackName="full")
    check(settled("full")["StackStatus"] == "DELETE_FAILED" and any("not empty" in one for one in reasons("full", "DELETE_FAILED")), reasons("full", "DELETE_FAILED"))
    s3.delete_object(Bucket="filled-bucket", Key="k")
    id = settled("full")["StackId"]
    cfn.delete_stack(StackName="full")
    check(settled(id)["StackStatus"] == "DELETE_COMPLETE")
    refused("404", "", s3.head_bucket, Bucket="filled-bucket")


def dynamic_references_are_resolved():
    refused("ParameterNotFound", "", ssm.get_parameter, Name="/outside")
    ssm.put_parameter(Name="/outside", Value="shown", Type="String")
    ssm.put_parameter(Name="/hidden", Value="never-shown", Type="SecureString")
    client("secretsmanager").create_secret(Name="database", SecretString='{"password": "never-shown"}')
    display = lambda value: template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": value}}})
    made = deploy("dynamic", display("is {{resolve:ssm:/outside:1}}"), "CREATE")
    id = cfn.describe_stack_resource(StackName="dynamic", LogicalResourceId="A")["StackResourceDetail"]["PhysicalResourceId"]
    [described] = [one for one in control.list_resources(TypeName="AWS::SNS::Topic")["ResourceDescriptions"] if one["Identifier"] == id]
    check("is shown" in described["Properties"], described)
    cfn.detect_stack_drift(StackName="dynamic")
    check(settled("dynamic")["DriftInformation"]["StackDriftStatus"] == "IN_SYNC")
    for value, words in (
        ("{{resolve:ssm:/nowhere}}", "Parameters: [ssm:/nowhere] cannot be found"),
        ("{{resolve:ssm:/hidden}}", "Non-secure ssm prefix was used for secure parameter"),
        ("{{resolve:ssm-secure:/hidden}}", "SSM Secure reference is not supported in: [AWS::SNS::Topic/Properties/DisplayName]"),
    ):
        failed = change_set("dynamic", display(value), name=f"dynamic-{time.monotonic_ns()}")
        check(failed["Status"] == "FAILED" and words in failed["StatusReason"], failed)
    kept = deploy("dynamic", display("{{resolve:secretsmanager:database:SecretString:password}}"))
    check(kept["StackStatus"] == "UPDATE_COMPLETE", kept)
    check(deploy("dynamic", display("{{resolve:secretsmanager:database:SecretString:user}}"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")
    check(any("JSONKey" in one for one in reasons("dynamic", "UPDATE_FAILED")), reasons("dynamic", "UPDATE_FAILED"))
    check("never-shown" not in json.dumps(cfn.describe_stack_events(StackName="dynamic"), default=str))

    declared = {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/outside"}}
    named = template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "P"}}}}, Parameters=declared)
    [parameter] = deploy("resolved", named, "CREATE")["Parameters"]
    check((parameter["ParameterValue"], parameter["ResolvedValue"]) == ("/outside", "shown"), parameter)
    ssm.put_parameter(Name="/outside", Value="other", Type="String", Overwrite=True)
    waiting = change_set("resolved", named, name="waiting")
    check(waiting["Parameters"][0]["ResolvedValue"] == "other", waiting)
    ssm.put_parameter(Name="/outside", Value="third", Type="String", Overwrite=True)
    cfn.execute_change_set(StackName="resolved", ChangeSetName="waiting")
    check(settled("resolved")["Parameters"][0]["ResolvedValue"] == "other", "what was planned is executed")


def resources_wait_for_signals():
    group = {"Type": "AWS::SNS::Topic", "CreationPolicy": {"ResourceSignal": {"Count": 2, "Timeout": "PT1M"}}}
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    wait = {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": "Group", "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "60"}}
    cfn.create_stack(StackName="signalled", TemplateBody=template({"Group": group, "Handle": handle, "Wait": wait}))
    signal = lambda id, unique, status="SUCCESS": cfn.signal_resource(StackName="signalled", LogicalResourceId=id, UniqueId=unique, Status=status)
    signal("Group", "one")
    refused("ValidationError", "already exists", signal, id="Group", unique="one")
    check(cfn.describe_stacks(StackName="signalled")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS")
    signal("Group", "two")
    check("Received SUCCESS signal with UniqueId two" in reasons("signalled", "CREATE_IN_PROGRESS"))
    signal("Wait", "three")
    check(settled("signalled")["StackStatus"] == "CREATE_COMPLETE")
    refused("ValidationError", "CREATE_COMPLETE state", signal, id="Wait", unique="four")
    cfn.create_stack(StackName="unsignalled", TemplateBody=template({"Group": {**group, "CreationPolicy": {"ResourceSignal": {"Timeout": "PT1S"}}}}))
    check(settled("unsignalled")["StackStatus"] == "ROLLBACK_COMPLETE")
    check(any("Failed to receive 1 resource signal(s)" in one for one in reasons("unsignalled", "CREATE_FAILED")))


def services_refuse_updates():
    def body(instance):
        variant = {"VariantName": "Main", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": instance}
        return template({
            "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
            "Endpoint": {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointName": "scaled", "EndpointConfigName": {"Fn::GetAtt": "Config.EndpointConfigName"}}},
            "Scaling": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "DependsOn": "Endpoint", "Properties": {
                "ResourceId": "endpoint/scaled/variant/Main", "MinCapacity": 1, "MaxCapacity": 2,
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount", "ServiceNamespace": "sagemaker"}},
        })
    check(deploy("scaled", body("ml.g5.xlarge"), "CREATE")["StackStatus"] == "CREATE_COMPLETE")
    check(deploy("scaled", body("ml.g5.2xlarge"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")
    check(any("must be deregistered as scalable targets" in one for one in reasons("scaled", "UPDATE_FAILED")), reasons("scaled", "UPDATE_FAILED"))


def the_handler_of_a_custom_resource_cannot_change():
    def body(token, size):
        return template({"Thing": {"Type": "Custom::Thing", "Properties": {"ServiceToken": token, "Size": size}}})

    one, other = (f"arn:aws:lambda:us-east-1:000000000000:function:{name}" for name in ("one", "other"))
    deploy("handler", body(one, 1), "CREATE")
    check(deploy("handler", body(one, 2))["StackStatus"] == "UPDATE_COMPLETE")
    check(deploy("handler", body(other, 2))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")
    check("Modifying service token is not allowed." in reasons("handler", "UPDATE_FAILED"), reasons("handler", "UPDATE_FAILED"))


def the_registry_can_be_read():
    limits = {one["Name"]: one["Value"] for one in cfn.describe_account_limits()["AccountLimits"]}
    check(limits["StackLimit"] == 2000, limits)
    names = [one["TypeName"] for page in cfn.get_paginator("list_types").paginate(Visibility="PUBLIC", Type="RESOURCE", Filters={"TypeNamePrefix": "AWS::SageMaker::"}) for one in page["TypeSummaries"]]
    check("AWS::SageMaker::Endpoint" in names and all(one.startswith("AWS::SageMaker::") for one in names), names)
    described = cfn.describe_type(Type="RESOURCE", TypeName="AWS::SNS::Topic")
    check(json.loads(described["Schema"])["typeName"] == "AWS::SNS::Topic" and described["ProvisioningType"] == "FULLY_MUTABLE")
    refused("TypeNotFoundException", "", cfn.describe_type, Type="RESOURCE", TypeName="AWS::Nothing::Here")
    check(cfn.estimate_template_cost(TemplateBody=template({"A": TOPIC}))["Url"].startswith("https://"))


def default_cdk_templates_are_deployed():
    version = {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}}
    body = template({"A": TOPIC, "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2"}}}, Parameters=version)
    check(deploy("cdk", body, "CREATE")["StackStatus"] == "CREATE_COMPLETE")
    check(int(ssm.get_parameter(Name="/cdk-bootstrap/hnb659fds/version")["Parameter"]["Value"]) >= 6)
    bucket = "cdk-hnb659fds-assets-000000000000-us-east-1"
    s3.put_object(Bucket=bucket, Key="asset.json", Body=body.encode())
    check(s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None)
    assumed = json.loads(urllib.request.urlopen(f"{URL}/_local/assumptions").read())
    check(any("/cdk-bootstrap/hnb659fds/version" in one for one in assumed) and any(bucket in one for one in assumed), assumed)
    refused("404", "", s3.head_bucket, Bucket="cdk-hnb659fds-assets-111111111111-us-east-1")
    serverless = template({"F": {"Type": "AWS::Serverless::Function"}}, Transform="AWS::Serverless-2016-10-31")
    refused("ValidationError", "aws-sam-translator", cfn.create_change_set, StackName="sam", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=serverless)


def forms_of_references_are_those_of_the_documentation():
    typed = {
        "F": ("AWS::Lambda::Function", {"FunctionName": "f", "Role": "arn:aws:iam::000000000000:role/r", "Code": {"ZipFile": "x"}}, "Arn", "arn:aws:lambda:us-east-1:000000000000:function:f"),
        "L": ("AWS::Logs::LogGroup", {"LogGroupName": "/l"}, "Arn", "arn:aws:logs:us-east-1:000000000000:log-group:/l:*"),
        "Q": ("AWS::SQS::Queue", {"QueueName": "q"}, None, "https://sqs.us-east-1.amazonaws.com/000000000000/q"),
        "R": ("AWS::IAM::Role", {"RoleName": "pathed", "Path": "/a/b/", "AssumeRolePolicyDocument": {}}, "Arn", "arn:aws:iam::000000000000:role/a/b/pathed"),
        "E": ("AWS::Events::Rule", {"Name": "rule", "ScheduleExpression": "rate(1 day)"}, None, "rule"),
    }
    resources = {id: {"Type": kind, "Properties": properties} for id, (kind, properties, _, _) in typed.items()}
    values = {id: {"Value": {"Fn::GetAtt": [id, attribute]} if attribute else {"Ref": id}} for id, (_, _, attribute, _) in typed.items()}
    found = outputs(deploy("forms", template(resources, Outputs=values), "CREATE"))
    check(found == {id: expected for id, (_, _, _, expected) in typed.items()}, found)


def templates_that_never_end_are_refused():
    started = time.monotonic()
    create = lambda body: cfn.create_change_set(StackName="endless", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=body)
    cycle = {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::Not": [{"Condition": "A"}]}}
    refused("ValidationError", "Circular dependency in conditions", create, body=template({"T": TOPIC}, Conditions=cycle))
    doubled = "x"
    for _ in range(40):
        doubled = {"Fn::Sub": ["${a}${a}", {"a": doubled}]}
    bomb = change_set("endless", template({"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": doubled}}}), "CREATE", name="bomb")
    check(bomb["Status"] == "FAILED" and "longer than" in bomb["StatusReason"], bomb)
    items = [f"i{number}" for number in range(60)]
    loops = {"T${A}${B}${C}": TOPIC}
    for name in "ABC":
        loops = {f"Fn::ForEach::{name}": [name, items, loops]}
    refused("ValidationError", "more than", create, body=template(loops, Transform="AWS::LanguageExtensions"))
    s3.create_bucket(Bucket="endless-templates")
    itself = template({"N": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"{URL}/endless-templates/t.json"}}})
    s3.put_object(Bucket="endless-templates", Key="t.json", Body=itself.encode())
    made = deploy("itself", itself, "CREATE")
    check(made["StackStatus"] == "ROLLBACK_COMPLETE", made)
    nested = change_set("itself-again", itself, "CREATE", IncludeNestedStacks=True)
    check(nested["Status"] == "FAILED" and "levels deep" in nested["StatusReason"], nested)
    # Ten thousand conditions, each of which names the one before, in both ways to name one.
    first = {"C0": {"Fn::Equals": ["a", "a"]}}
    names = range(10_000, 0, -1)
    for chain in (
        {f"C{number}": {"Fn::Not": [{"Condition": f"C{number - 1}"}]} for number in names},
        {f"C{number}": {"Fn::If": [f"C{number - 1}", {"Fn::Equals": [1, 1]}, {"Fn::Equals": [1, 2]}]} for number in names},
    ):
        body = template({"T": {**TOPIC, "Condition": "C10000"}}, Conditions={**chain, **first})
        s3.put_object(Bucket="endless-templates", Key="chain.json", Body=body.encode())
        made = cfn.create_stack(StackName="chain", TemplateURL=f"{URL}/endless-templates/chain.json")["StackId"]
        check(settled(made)["StackStatus"] == "CREATE_COMPLETE")
        cfn.delete_stack(StackName="chain")
        settled(made)
    check(time.monotonic() - started < 20, "it took too long")


def contradictory_requests_are_refused():
    body, other = template({"A": TOPIC}), template({"A": TOPIC, "B": TOPIC})
    made = deploy("contrary", body, "CREATE")["StackId"]
    update = lambda **more: cfn.update_stack(StackName="contrary", **more)
    create = lambda **more: cfn.create_stack(StackName="never", **more)
    url = f"{URL}/nowhere/t.json"
    kept = lambda **more: [{"ParameterKey": "P", "UsePreviousValue": True, **more}]
    declared = template({"A": TOPIC}, Parameters={"P": {"Type": "String", "Default": "x"}})
    for call, words, arguments in (
        (create, "both Template Body and Template URL", dict(TemplateBody=body, TemplateURL=url)),
        (update, "both usePreviousTemplate and Template Body", dict(TemplateBody=body, UsePreviousTemplate=True)),
        (update, "both usePreviousTemplate and Template Body", dict(TemplateURL=url, UsePreviousTemplate=True)),
        (update, "parameter key P. Cannot specify usePreviousValue as true and non empty value", dict(TemplateBody=declared, Parameters=kept(ParameterValue="1"))),
        (update, "parameter key P. Cannot specify usePreviousValue as true for a parameter key not in", dict(TemplateBody=declared, Parameters=kept())),
        (create, "not one of ResourceTypes [AWS::EC2::*, AWS::SNS::Subscription]", dict(TemplateBody=body, ResourceTypes=["AWS::EC2::*", "AWS::SNS::Subscription"])),
        (create, "'Description' length is greater than 1024", dict(TemplateBody=template({"A": TOPIC}, Description="x" * 1025))),
    ):
        refused("ValidationError", words, call, **arguments)
    check([one["StackName"] for one in cfn.describe_stacks()["Stacks"] if one["StackName"] == "never"] == [])
    wanted = dict(StackName="first", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=declared)
    refused("ValidationError", "when ChangeSetType is CREATE", cfn.create_change_set, **wanted, Parameters=kept())
    # A stack that waits for its first change set cannot get a change set for an update.
    change_set("first", body, "CREATE")
    refused("ValidationError", "Stack [first] does not exist", cfn.create_change_set, **{**wanted, "ChangeSetName": "y", "ChangeSetType": "UPDATE"})
    settled(cfn.create_stack(StackName="allowed", TemplateBody=body, ResourceTypes=["AWS::SNS::*"])["StackId"])
    # A stack is found in its own region only, also by its ID.
    west = client("cloudformation", "us-west-2")
    refused("ValidationError", "does not exist", west.describe_stacks, StackName=made)
    west.delete_stack(StackName=made)
    check(settled(made)["StackStatus"] == "CREATE_COMPLETE")
    # Nothing is compared while something happens.
    faults([{"resource": "B", "on": "create", "milliseconds": 200}])
    update(TemplateBody=other)
    refused("ValidationError", "while it is in UPDATE_IN_PROGRESS", cfn.detect_stack_resource_drift, StackName="contrary", LogicalResourceId="A")
    settled(made)
    # What the cleanup of an update cannot delete is reported, and the update has succeeded.
    faults([{"resource": "B", "on": "delete", "reason": "in use"}])
    update(TemplateBody=body)
    cleaned = settled(made)
    check((cleaned["StackStatus"], cleaned["StackStatusReason"]) == ("UPDATE_COMPLETE", "Update successful. One or more resources could not be deleted."), cleaned)
    faults([{"resource": "A", "on": "delete", "reason": "in use"}])
    cfn.delete_stack(StackName="contrary")
    check(settled(made)["StackStatus"] == "DELETE_FAILED")
    refused("ValidationError", "resources to retain must be in a valid state", cfn.delete_stack, StackName="contrary", RetainResources=["A", "Gone"])
    cfn.delete_stack(StackName="contrary", RetainResources=["A"])
    check(settled(made)["StackStatus"] == "DELETE_COMPLETE")
    faults()


def odd_characters_reach_no_parser():
    odd = "a\x00b\x1b[31m\r\n::error::x\ufffe"
    made = deploy("odd-characters", template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": odd}}}, Outputs={"O": {"Value": odd}}), "CREATE")
    check(outputs(made)["O"].startswith("a\ufffdb\ufffd[31m"), made)
    faults([{"resource": "A", "on": "update", "reason": odd}])
    check(deploy("odd-characters", template({"A": TOPIC}))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")
    faults()
    check(cfn.describe_stack_events(StackName="odd-characters")["StackEvents"] and cfn.describe_stacks()["Stacks"])


run(
    functions_use_values_that_are_known_after_creation, custom_resources_have_attributes, names_of_executed_change_sets_can_be_used_again,
    the_options_of_a_stack_are_kept, a_failed_rollback_is_forced, policies_protect_resources, existing_resources_are_imported,
    an_existing_parameter_is_imported, a_bucket_with_content_is_not_deleted, dynamic_references_are_resolved, resources_wait_for_signals, services_refuse_updates,
    the_handler_of_a_custom_resource_cannot_change,
    the_registry_can_be_read, default_cdk_templates_are_deployed, forms_of_references_are_those_of_the_documentation,
    templates_that_never_end_are_refused, contradictory_requests_are_refused, odd_characters_reach_no_parser,
)
