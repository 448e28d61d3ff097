"""Drives the endpoint with AWS's own client: change sets from their making to the end of their stack, failures and all."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

from common import *


def a_stack_is_created_updated_and_deleted():
    model = {
        "Type": "AWS::SageMaker::Model",
        "Properties": {
            "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            "PrimaryContainer": {"Image": {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/x:1"}},
        },
    }
    variant = {"VariantName": "Main", "ModelName": {"Fn::GetAtt": "Model.ModelName"}, "InitialInstanceCount": 1, "InstanceType": "ml.g5.xlarge"}
    parts = {
        "Role": ROLE, "Model": model,
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointConfigName": {"Fn::GetAtt": "Config.EndpointConfigName"}, "EndpointName": {"Ref": "Name"}},
        },
    }
    more = {
        "Parameters": {"Name": {"Type": "String", "Default": "scorers"}},
        "Outputs": {"Arn": {"Value": {"Ref": "Endpoint"}}, "Config": {"Value": {"Fn::GetAtt": "Config.EndpointConfigName"}}},
    }
    first = change_set("life", template(parts, **more), "CREATE")
    check([one["ResourceChange"]["Action"] for one in first["Changes"]] == ["Add"] * 4, first)
    check(first["ExecutionStatus"] == "AVAILABLE")
    check(cfn.describe_stacks(StackName="life")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS")
    cfn.execute_change_set(StackName="life", ChangeSetName="changes")
    made = settled("life")
    check(made["StackStatus"] == "CREATE_COMPLETE", made)
    check(outputs(made)["Arn"] == "arn:aws:sagemaker:us-east-1:000000000000:endpoint/scorers", made)
    check(statuses("life", "Model") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"])
    order = [event["LogicalResourceId"] for event in reversed(cfn.describe_stack_events(StackName="life")["StackEvents"]) if event["ResourceStatus"] == "CREATE_COMPLETE"]
    check(order == ["Role", "Model", "Config", "Endpoint", "life"], order)

    # Another image replaces the model, and through it the configuration; the endpoint is changed in place.
    model["Properties"]["PrimaryContainer"]["Image"] = "000000000000.dkr.ecr.us-east-1.amazonaws.com/x:2"
    second = change_set("life", template(parts, **more), name="second")
    found = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in second["Changes"]}
    check({name: one["Replacement"] for name, one in found.items()} == {"Model": "True", "Config": "True", "Endpoint": "False"}, found)
    detail = found["Config"]["Details"][0]
    check((detail["Evaluation"], detail["ChangeSource"], detail["CausingEntity"]) == ("Dynamic", "ResourceAttribute", "Model.ModelName"), detail)
    target = found["Model"]["Details"][0]["Target"]
    check(target["RequiresRecreation"] == "Always" and "x:1" in target["BeforeValue"] and "x:2" in target["AfterValue"], target)
    third = change_set("life", template(parts, **more), name="third")
    cfn.execute_change_set(StackName="life", ChangeSetName=second["ChangeSetId"])
    changed = settled("life")
    check(changed["StackStatus"] == "UPDATE_COMPLETE", changed)
    check(outputs(changed)["Arn"] == outputs(made)["Arn"] and outputs(changed)["Config"] != outputs(made)["Config"])
    check("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" in statuses("life", "life"))
    check(statuses("life", "Model")[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"])
    check(statuses("life", "Role").count("UPDATE_COMPLETE") == 0, "what stays has no events")
    refused("InvalidChangeSetStatus", "OBSOLETE", cfn.execute_change_set, StackName="life", ChangeSetName=third["ChangeSetId"])

    # Nothing to do, outputs only, a parameter.
    nothing = change_set("life", template(parts, **more), name="nothing")
    check(nothing["Status"] == "FAILED" and "didn't contain changes" in nothing["StatusReason"], nothing)
    more["Outputs"]["Name"] = {"Value": {"Ref": "Name"}}
    only = change_set("life", template(parts, **more), name="only")
    check(only["Status"] == "CREATE_COMPLETE" and only["Changes"] == [], only)
    cfn.execute_change_set(StackName="life", ChangeSetName="only")
    check(outputs(settled("life"))["Name"] == "scorers")
    renamed = change_set("life", template(parts, **more), name="renamed", Parameters=[{"ParameterKey": "Name", "ParameterValue": "other"}])
    detail = renamed["Changes"][0]["ResourceChange"]
    check(detail["Replacement"] == "True" and detail["Details"][0]["CausingEntity"] == "Name", detail)
    check(detail["Details"][0]["ChangeSource"] == "ParameterReference", detail)
    cfn.execute_change_set(StackName="life", ChangeSetName="renamed", ClientRequestToken="twice")
    cfn.execute_change_set(StackName="life", ChangeSetName="renamed", ClientRequestToken="twice")
    check(outputs(settled("life"))["Name"] == "other")

    # Every type can be described.
    [described] = control.list_resources(TypeName="AWS::SageMaker::Endpoint")["ResourceDescriptions"]
    check(json.loads(described["Properties"])["EndpointName"] == "other", described)
    same = control.get_resource(TypeName="AWS::SageMaker::Endpoint", Identifier=described["Identifier"])
    check(same["ResourceDescription"] == described)

    cfn.delete_stack(StackName="life")
    gone = settled(made["StackId"])
    check(gone["StackStatus"] == "DELETE_COMPLETE" and "DeletionTime" in gone, gone)
    refused("ValidationError", "does not exist", cfn.describe_stacks, StackName="life")
    check(control.list_resources(TypeName="AWS::SageMaker::Endpoint")["ResourceDescriptions"] == [])


def invalid_requests_are_refused_with_the_messages_of_cloudformation():
    create = lambda body, **more: cfn.create_change_set(StackName="wrong", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=body, **more)
    refused("ValidationError", "At least one Resources member must be defined", create, body="{}")
    refused("ValidationError", "Unrecognized resource types: [AWS::Nothing::Here]", create, body=template({"A": {"Type": "AWS::Nothing::Here"}}))
    refused("ValidationError", "Unresolved resource dependencies [B]", create, body=template({"A": {**TOPIC, "DependsOn": "B"}}))
    refused("ValidationError", "Unresolved resource dependencies [C] in the Outputs block", create, body=template({"A": TOPIC}, Outputs={"O": {"Value": {"Ref": "C"}}}))
    loop = {name: {"Type": "AWS::SNS::Topic", "DependsOn": other} for name, other in (("A", "B"), ("B", "A"))}
    refused("ValidationError", "Circular dependency between resources: [A, B]", create, body=template(loop))
    refused("ValidationError", "does not support attribute type Nothing", create, body=template({"A": TOPIC}, Outputs={"O": {"Value": {"Fn::GetAtt": "A.Nothing"}}}))
    refused("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]", create, body=template({"A": ROLE}))
    named = {"Type": "AWS::IAM::Role", "Properties": {**ROLE["Properties"], "RoleName": "r"}}
    refused("InsufficientCapabilitiesException", "[CAPABILITY_NAMED_IAM]", create, body=template({"A": named}), Capabilities=["CAPABILITY_IAM"])
    declared = {"P": {"Type": "Number", "AllowedValues": [1, 2]}}
    refused("ValidationError", "Parameters: [P] must have values", create, body=template({"A": TOPIC}, Parameters=declared))
    give = lambda key, value: [{"ParameterKey": key, "ParameterValue": value}]
    refused("ValidationError", "Parameters: [Q] do not exist in the template", create, body=template({"A": TOPIC}), Parameters=give("Q", "1"))
    refused("ValidationError", "Parameter 'P' must be one of AllowedValues", create, body=template({"A": TOPIC}, Parameters=declared), Parameters=give("P", "3"))
    refused("ValidationError", "does not exist", cfn.create_change_set, StackName="nowhere", ChangeSetName="x", TemplateBody=template({"A": TOPIC}))
    refused("ValidationError", "does not exist", cfn.describe_stacks, StackName="nowhere")

    patterned = {"P": {"Type": "String", "AllowedPattern": "[a-z]+", "Default": "x"}}
    refused("ValidationError", "Parameter P failed to satisfy constraint: must match pattern [a-z]+", create, body=template({"A": TOPIC}, Parameters=patterned), Parameters=give("P", "x1"))
    refused("ValidationError", "Number of resources, 501, is greater than maximum allowed, 500", create, body=template({f"T{number}": {"Type": "AWS::SNS::Topic"} for number in range(501)}))
    refused("ValidationError", "Number of outputs, 201, is greater than maximum allowed, 200", create, body=template({"A": TOPIC}, Outputs={f"O{number}": {"Value": "x"} for number in range(201)}))
    refused("ValidationError", "Resource name A-B is non alphanumeric", create, body=template({"A-B": TOPIC}))
    for stack in ("1st", "under_score", "a" * 129):
        refused("ValidationError", "at 'stackName' failed to satisfy constraint", cfn.create_stack, StackName=stack, TemplateBody=template({"A": TOPIC}))
    s3.create_bucket(Bucket="too-large")
    s3.put_object(Bucket="too-large", Key="t.json", Body=template({"A": {**TOPIC, "Metadata": {"x": "x" * 1_100_000}}}).encode())
    refused("ValidationError", "Template may not exceed", cfn.validate_template, TemplateURL=f"{URL}/too-large/t.json")

    # Properties are validated before anything is created.
    bad = change_set("invalid", template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"Nmae": "x"}}, "B": {"Type": "AWS::SageMaker::Endpoint"}}), "CREATE")
    check(bad["Status"] == "FAILED" and "EarlyValidation" in bad["StatusReason"], bad)
    events = cfn.describe_events(ChangeSetName=bad["ChangeSetId"])["OperationEvents"]
    found = {(one["LogicalResourceId"], one["ValidationStatusReason"]) for one in events if one["EventType"] == "VALIDATION_ERROR"}
    check(found == {("A", "#: extraneous key [Nmae] is not permitted"), ("B", "#: required key [EndpointConfigName] not found")}, found)
    check(any(one.get("ValidationPath", "").startswith("/Resources/A/Properties") for one in events), events)
    cfn.delete_change_set(StackName="invalid", ChangeSetName="changes")
    cfn.delete_change_set(StackName="invalid", ChangeSetName="changes")


def failures_lead_to_the_documented_statuses():
    two = template({"A": TOPIC, "B": {**TOPIC, "DependsOn": "A"}})
    fails = lambda resource, on, **more: {"resource": resource, "on": on, "reason": f"{resource} fails", **more}
    faults([fails("B", "create")])
    back = deploy("rolled-back", two, "CREATE")
    check(back["StackStatus"] == "ROLLBACK_COMPLETE", back)
    events = cfn.describe_stack_events(StackName="rolled-back")["StackEvents"]
    failed = [one for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
    check("B fails" in failed[0]["ResourceStatusReason"] and "HandlerErrorCode" in failed[0]["ResourceStatusReason"], failed)
    check(any("[B]. Rollback requested by user." in one.get("ResourceStatusReason", "") for one in events))
    refused("ValidationError", "is in ROLLBACK_COMPLETE state and can not be updated", cfn.create_change_set, StackName="rolled-back", ChangeSetName="x", TemplateBody=two)
    cfn.delete_stack(StackName="rolled-back")
    check(settled(back["StackId"])["StackStatus"] == "DELETE_COMPLETE")

    kept = deploy("kept", two, "CREATE", OnStackFailure="DO_NOTHING")
    check(kept["StackStatus"] == "CREATE_FAILED", kept)
    cfn.rollback_stack(StackName="kept")
    check(settled("kept")["StackStatus"] == "ROLLBACK_COMPLETE")
    gone = deploy("gone", two, "CREATE", OnStackFailure="DELETE")
    check(gone["StackStatus"] == "DELETE_COMPLETE", gone)
    faults([fails("B", "create"), fails("A", "delete")])
    check(deploy("stuck", two, "CREATE")["StackStatus"] == "ROLLBACK_FAILED")
    faults()

    # An update that fails, and cannot be taken back.
    check(deploy("updated", two, "CREATE")["StackStatus"] == "CREATE_COMPLETE")
    named = lambda a, b: template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": a}}, "B": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": b}, "DependsOn": "A"}})
    faults([fails("B", "update")])
    check(deploy("updated", named("1", "1"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")
    check("DisplayName" not in json.loads(topic("updated", "A")["Properties"]), "A is what it was")
    faults([fails("B", "update"), fails("A", "rollback")])
    check(deploy("updated", named("2", "2"))["StackStatus"] == "UPDATE_ROLLBACK_FAILED")
    refused("ValidationError", "UPDATE_ROLLBACK_FAILED state and can not be updated", cfn.create_change_set, StackName="updated", ChangeSetName="x", TemplateBody=two)
    refused("ValidationError", "cannot be skipped", cfn.continue_update_rollback, StackName="updated", ResourcesToSkip=["B2"])
    cfn.continue_update_rollback(StackName="updated")
    check(settled("updated")["StackStatus"] == "UPDATE_ROLLBACK_FAILED")
    cfn.continue_update_rollback(StackName="updated", ResourcesToSkip=["A"])
    check(settled("updated")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")
    faults([fails("B", "update")])
    check(deploy("updated", named("3", "3"), DisableRollback=True)["StackStatus"] == "UPDATE_FAILED")
    cfn.rollback_stack(StackName="updated")
    check(settled("updated")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")

    # A deletion that fails, and what is left behind.
    faults([fails("A", "delete")])
    cfn.delete_stack(StackName="updated")
    check(settled("updated")["StackStatus"] == "DELETE_FAILED")
    cfn.delete_stack(StackName="updated", RetainResources=["A"])
    while any(one["StackName"] == "updated" for one in cfn.describe_stacks()["Stacks"]):
        time.sleep(0.01)
    faults()

    # What is in progress is seen, and cancelled.
    faults([{"resource": "A", "on": "update", "milliseconds": 60_000}, {"resource": "A", "on": "rollback", "milliseconds": 0}])
    deploy("slow", two, "CREATE")
    change_set("slow", named("4", "4"))
    cfn.execute_change_set(StackName="slow", ChangeSetName="changes")
    check(cfn.describe_stacks(StackName="slow")["Stacks"][0]["StackStatus"] == "UPDATE_IN_PROGRESS")
    refused("ValidationError", "UPDATE_IN_PROGRESS", cfn.create_change_set, StackName="slow", ChangeSetName="x", TemplateBody=two)
    cfn.cancel_update_stack(StackName="slow")
    check(settled("slow")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")
    faults()


def what_was_not_rolled_back_continues():
    """CloudFormation accepts only an operation that is not rolled back either; it creates again what could not be created."""
    two = template({"A": TOPIC, "B": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "kept-b"}, "DependsOn": "A"}})
    fails = lambda on: [{"resource": "B", "on": on, "reason": "B fails"}]
    ids = lambda: {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in cfn.list_stack_resources(StackName="continuing")["StackResourceSummaries"]}
    faults(fails("create"))
    check(deploy("continuing", two, "CREATE", DisableRollback=True)["StackStatus"] == "CREATE_FAILED")
    kept = ids()["A"]
    refused("ValidationError", "non-terminal [CREATE_FAILED] state. To update the stack from this state, please use the disable-rollback", cfn.update_stack, StackName="continuing", TemplateBody=two)
    again = change_set("continuing", two, name="again")
    check([(one["ResourceChange"]["Action"], one["ResourceChange"]["LogicalResourceId"]) for one in again["Changes"]] == [("Add", "B")], again)
    refused("ValidationError", "rollback-stack API", cfn.execute_change_set, StackName="continuing", ChangeSetName="again")
    faults()
    cfn.execute_change_set(StackName="continuing", ChangeSetName="again", DisableRollback=True)
    check(settled("continuing")["StackStatus"] == "UPDATE_COMPLETE" and ids()["A"] == kept, statuses("continuing", "B"))
    check(statuses("continuing", "B")[-4:] == ["DELETE_COMPLETE", "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"], statuses("continuing", "B"))
    # A resource whose update failed returns to its last stable state, and is updated again.
    changed = two.replace('"TopicName"', '"DisplayName": "new", "TopicName"')
    faults(fails("update"))
    check(deploy("continuing", changed, DisableRollback=True)["StackStatus"] == "UPDATE_FAILED")
    refused("ValidationError", "non-terminal [UPDATE_FAILED] state", cfn.update_stack, StackName="continuing", TemplateBody=changed)
    faults()
    cfn.update_stack(StackName="continuing", TemplateBody=changed, DisableRollback=True)
    check(settled("continuing")["StackStatus"] == "UPDATE_COMPLETE" and json.loads(topic("continuing", "B")["Properties"])["DisplayName"] == "new")
    # After two failures, a rollback leads to the last stable state and not to the one between.
    faults(fails("update"))
    for display in ("newer", "newest"):
        check(deploy("continuing", changed.replace('"new"', f'"{display}"'), DisableRollback=True)["StackStatus"] == "UPDATE_FAILED")
    faults()
    cfn.rollback_stack(StackName="continuing")
    check(settled("continuing")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and json.loads(topic("continuing", "B")["Properties"])["DisplayName"] == "new")
    check('"new"' in json.dumps(cfn.get_template(StackName="continuing")["TemplateBody"]))
    # With OnFailure, a stack whose creation failed cannot be updated at all.
    faults(fails("create"))
    cfn.create_stack(StackName="stopped", TemplateBody=two.replace("kept-b", "stopped-b"), OnFailure="DO_NOTHING")
    check(settled("stopped")["StackStatus"] == "CREATE_FAILED")
    faults()
    refused("ValidationError", "contains [on-failure: DO_NOTHING]", cfn.update_stack, StackName="stopped", TemplateBody=two, DisableRollback=True)


def operations_have_ids():
    """Each change of a stack is an operation, and its rollback is another one."""
    two = template({"A": TOPIC, "B": {**TOPIC, "DependsOn": "A"}})
    operations = lambda stack: [(one["OperationType"], one["OperationId"]) for one in cfn.describe_stacks(StackName=stack)["Stacks"][0]["LastOperations"]]
    events_of = lambda **of: [event for page in cfn.get_paginator("describe_events").paginate(**of) for event in page["OperationEvents"]]
    faults([{"resource": "B", "on": "create", "reason": "B fails"}])
    begun = cfn.create_stack(StackName="counted", TemplateBody=two)
    check(settled(begun["StackId"])["StackStatus"] == "ROLLBACK_COMPLETE")
    [(rollback, second), (create, first)] = operations("counted")
    check((rollback, create, first) == ("ROLLBACK", "CREATE_STACK", begun["OperationId"]))
    [failure] = events_of(OperationId=first, Filters={"FailedEvents": True})
    check((failure["LogicalResourceId"], failure["EventType"]) == ("B", "PROVISIONING_ERROR"), failure)
    check(events_of(OperationId=second, Filters={"FailedEvents": True}) == [])
    ends = [event["OperationStatus"] for event in events_of(OperationId=second) if "OperationStatus" in event]
    check((ends[0], ends[-1]) == ("SUCCEEDED", "IN_PROGRESS"), ends)
    check({event["OperationId"] for event in events_of(StackName="counted")} == {first, second})
    old = cfn.describe_stack_events(StackName="counted")["StackEvents"]
    check([event["EventId"] for event in events_of(StackName=begun["StackId"])] == [event["EventId"] for event in old])
    check({event["OperationId"] for event in old} == {first, second})
    refused("ValidationError", "does not exist", cfn.describe_events, OperationId="00000000-0000-0000-0000-000000000000")
    refused("ValidationError", "does not exist", cfn.describe_events, StackName="nowhere")
    refused("ValidationError", "must be specified", cfn.describe_events)

    # A change set is an operation too, and so is going on to take back what could not be.
    faults()
    deploy("continued", two, "CREATE")
    check([kind for kind, _ in operations("continued")] == ["CREATE_STACK"])
    faults([{"resource": "B", "on": on, "reason": "B fails"} for on in ("update", "rollback")])
    both = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x"}}
    check(deploy("continued", template({"A": both, "B": {**both, "DependsOn": "A"}}))["StackStatus"] == "UPDATE_ROLLBACK_FAILED")
    faults()
    cfn.continue_update_rollback(StackName="continued")
    check(settled("continued")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE")
    check([kind for kind, _ in operations("continued")] == ["CONTINUE_ROLLBACK", "ROLLBACK", "UPDATE_STACK"], operations("continued"))
    kept = deploy("continued", template({"A": both}), OnStackFailure="ROLLBACK")
    check(kept["StackStatus"] == "UPDATE_COMPLETE", kept)


def topic(stack, logical_id):
    id = cfn.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)["StackResourceDetail"]["PhysicalResourceId"]
    return control.get_resource(TypeName="AWS::SNS::Topic", Identifier=id)["ResourceDescription"]


def stacks_protect_and_use_each_other():
    exporting = template({"A": TOPIC}, Outputs={"O": {"Value": {"Ref": "A"}, "Export": {"Name": "shared"}}})
    deploy("exporter", exporting, "CREATE")
    deploy("importer", template({"B": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": "shared"}}}}), "CREATE")
    check(cfn.list_exports()["Exports"][0]["Name"] == "shared")
    check(cfn.list_imports(ExportName="shared")["Imports"] == ["importer"])
    cfn.delete_stack(StackName="exporter")
    stays = settled("exporter")
    check(stays["StackStatus"] == "CREATE_COMPLETE" and "in use by importer" in stays["StackStatusReason"], stays)
    missing = change_set("dangling", template({"B": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": "nothing"}}}}), "CREATE")
    check(missing["Status"] == "FAILED" and "No export named nothing found" in missing["StatusReason"], missing)

    cfn.update_termination_protection(StackName="importer", EnableTerminationProtection=True)
    refused("ValidationError", "cannot be deleted while TerminationProtection is enabled", cfn.delete_stack, StackName="importer")
    policy = {"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/B"}, {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    cfn.set_stack_policy(StackName="importer", StackPolicyBody=json.dumps(policy))
    change_set("importer", template({"B": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "own"}}}))
    refused("ValidationError", "Action denied by stack policy", cfn.execute_change_set, StackName="importer", ChangeSetName="changes")


def drift_and_import():
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "kept-for-later"}}
    named = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "as deployed"}}
    deploy("owner", template({"Bucket": bucket, "Topic": named}), "CREATE")
    put("drift", {"stack": "owner", "resource": "Topic", "properties": {"DisplayName": "by hand"}})
    id = cfn.detect_stack_drift(StackName="owner")["StackDriftDetectionId"]
    status = cfn.describe_stack_drift_detection_status(StackDriftDetectionId=id)
    check((status["StackDriftStatus"], status["DriftedStackResourceCount"]) == ("DRIFTED", 1), status)
    [drift] = cfn.describe_stack_resource_drifts(StackName="owner", StackResourceDriftStatusFilters=["MODIFIED"])["StackResourceDrifts"]
    check(drift["PropertyDifferences"][0]["ActualValue"] == "by hand", drift)
    alone = cfn.detect_stack_resource_drift(StackName="owner", LogicalResourceId="Bucket")["StackResourceDrift"]
    check(alone["StackResourceDriftStatus"] == "IN_SYNC" and alone["PropertyDifferences"] == [], alone)
    reverting = change_set("owner", template({"Bucket": bucket, "Topic": named}), name="revert", DeploymentMode="REVERT_DRIFT")
    check(len(reverting["Changes"]) == 1, reverting)
    cfn.execute_change_set(StackName="owner", ChangeSetName="revert")
    settled("owner")
    check(json.loads(topic("owner", "Topic")["Properties"])["DisplayName"] == "as deployed")

    cfn.delete_stack(StackName="owner")
    while any(one["StackName"] == "owner" for one in cfn.describe_stacks()["Stacks"]):
        time.sleep(0.01)
    conflict = change_set("heir", template({"Bucket": bucket}), "CREATE")
    check(conflict["Status"] == "FAILED", conflict)
    cfn.delete_change_set(StackName="heir", ChangeSetName="changes")
    imported = deploy("heir", template({"Bucket": bucket}), "IMPORT", ResourcesToImport=[{"ResourceType": "AWS::S3::Bucket", "LogicalResourceId": "Bucket", "ResourceIdentifier": {"BucketName": "kept-for-later"}}])
    check(imported["StackStatus"] == "IMPORT_COMPLETE", imported)


def many_changes_come_in_pages():
    many = {f"Topic{number}": TOPIC for number in range(120)}
    first = change_set("many", template(many), "CREATE")
    check(len(first["Changes"]) == 50 and first["NextToken"], len(first["Changes"]))
    pages = cfn.get_paginator("describe_change_set").paginate(StackName="many", ChangeSetName="changes")
    check(sum(len(page["Changes"]) for page in pages) == 120)
    cfn.execute_change_set(StackName="many", ChangeSetName="changes")
    check(settled("many")["StackStatus"] == "CREATE_COMPLETE")
    check(len(cfn.describe_stack_events(StackName="many")["StackEvents"]) == 100)
    check(len(statuses("many", "Topic119")) == 3)


def nested_stacks_and_large_templates():
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="child.json", Body=template({"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}}}}, Parameters={"Name": {"Type": "String"}}, Outputs={"Topic": {"Value": {"Ref": "T"}}}).encode())
    check(s3.get_object(Bucket="templates", Key="child.json")["Body"].read().startswith(b"{"))
    parent = lambda name: template({"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"{URL}/templates/child.json", "Parameters": {"Name": name}}}}, Outputs={"Topic": {"Value": {"Fn::GetAtt": "Child.Outputs.Topic"}}})
    made = deploy("parent", parent("one"), "CREATE")
    check(made["StackStatus"] == "CREATE_COMPLETE" and ":sns:" in outputs(made)["Topic"], made)
    check(deploy("parent", parent("two"))["StackStatus"] == "UPDATE_COMPLETE")
    children = [one for one in cfn.list_stacks()["StackSummaries"] if one.get("ParentId") == made["StackId"]]
    check([one["StackStatus"] for one in children] == ["UPDATE_COMPLETE"], children)
    cfn.delete_stack(StackName="parent")
    check(settled(made["StackId"])["StackStatus"] == "DELETE_COMPLETE")
    check(settled(children[0]["StackId"])["StackStatus"] == "DELETE_COMPLETE")

    # What is large comes in parts.
    parts = [bytes([number]) * (5 * 1024 * 1024) for number in range(2)] + [b"end"]
    upload = dict(Bucket="templates", Key="large", UploadId=s3.create_multipart_upload(Bucket="templates", Key="large")["UploadId"])
    tags = [s3.upload_part(PartNumber=number, Body=part, **upload)["ETag"] for number, part in enumerate(parts, 1)]
    listed = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    refused("InvalidPart", "", s3.complete_multipart_upload, MultipartUpload={"Parts": listed + [{"PartNumber": 9, "ETag": "x"}]}, **upload)
    s3.complete_multipart_upload(MultipartUpload={"Parts": listed}, **upload)
    check(s3.get_object(Bucket="templates", Key="large")["Body"].read() == b"".join(parts))
    refused("NoSuchUpload", "does not exist", s3.abort_multipart_upload, **upload)
    given_up = s3.create_multipart_upload(Bucket="templates", Key="never")["UploadId"]
    s3.abort_multipart_upload(Bucket="templates", Key="never", UploadId=given_up)
    refused("NoSuchKey", "", s3.get_object, Bucket="templates", Key="never")

    # A change set includes those of nested stacks, at any depth.
    deep = lambda name: template({"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"{URL}/templates/parent.json"}}, "Other": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": name}}})
    put_parent = lambda name: s3.put_object(Bucket="templates", Key="parent.json", Body=parent(name).encode())
    put_parent("one")
    root = change_set("deep", deep("x"), "CREATE", name="root", IncludeNestedStacks=True)
    changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in root["Changes"]}
    check(set(changes) == {"Child", "Other"} and "ChangeSetId" not in changes["Other"], changes)
    middle = cfn.describe_change_set(ChangeSetName=changes["Child"]["ChangeSetId"])
    check((middle["ParentChangeSetId"], middle["RootChangeSetId"]) == (root["ChangeSetId"],) * 2, middle)
    inner = cfn.describe_change_set(ChangeSetName=middle["Changes"][0]["ResourceChange"]["ChangeSetId"])
    check((inner["ParentChangeSetId"], inner["RootChangeSetId"]) == (middle["ChangeSetId"], root["ChangeSetId"]), inner)
    check([one["ResourceChange"]["LogicalResourceId"] for one in inner["Changes"]] == ["T"], inner)
    nested = [one["StackStatus"] for one in cfn.list_stacks()["StackSummaries"] if one["StackName"].startswith("deep")]
    check(nested == ["REVIEW_IN_PROGRESS"] * 3, nested)
    refused("ValidationError", "is nested and cannot be executed", cfn.execute_change_set, ChangeSetName=inner["ChangeSetId"])
    cfn.delete_change_set(StackName="deep", ChangeSetName="root")
    nested = [one["StackStatus"] for one in cfn.list_stacks()["StackSummaries"] if one["StackName"].startswith("deep")]
    check(sorted(nested) == ["DELETE_COMPLETE"] * 2 + ["REVIEW_IN_PROGRESS"], nested)
    made = deploy("deep", deep("x"), "CREATE", IncludeNestedStacks=True)
    check(made["StackStatus"] == "CREATE_COMPLETE", made)
    there = {one["StackName"]: one for one in cfn.list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"] if one["StackName"].startswith("deep")}
    check(len(there) == 3, there)
    nothing = change_set("deep", deep("x"), name="nothing", IncludeNestedStacks=True)
    check(nothing["Status"] == "FAILED" and "didn't contain changes" in nothing["StatusReason"], nothing)
    put_parent("two")
    root = change_set("deep", deep("x"), name="inside", IncludeNestedStacks=True)
    [change] = [one["ResourceChange"] for one in root["Changes"]]
    check((change["LogicalResourceId"], change["Action"], change["Replacement"]) == ("Child", "Modify", "False"), change)
    cfn.execute_change_set(StackName="deep", ChangeSetName="inside")
    check(settled("deep")["StackStatus"] == "UPDATE_COMPLETE")
    s3.put_object(Bucket="templates", Key="parent.json", Body=template({"T": {"Type": "AWS::SNS::Topic", "Properties": {"Nmae": "x"}}}).encode())
    wrong = change_set("deep", deep("x"), name="wrong", IncludeNestedStacks=True)
    check(wrong["Status"] == "FAILED" and wrong["StatusReason"].startswith("Nested change set arn:") and "EarlyValidation" in wrong["StatusReason"], wrong)
    named = next(part for part in wrong["StatusReason"].split() if ":changeSet/" in part)
    [event] = cfn.describe_events(ChangeSetName=named, Filters={"FailedEvents": True})["OperationEvents"]
    check("[Nmae]" in event["ValidationStatusReason"], event)

    # What fails before a nested stack is begun leaves no empty one behind.
    put_parent("one")
    faults([{"resource": "Other", "on": "create", "reason": "Other fails"}])
    late = json.loads(deep("x"))
    late["Resources"]["Child"]["DependsOn"] = "Other"
    back = deploy("late", json.dumps(late), "CREATE", IncludeNestedStacks=True)
    check(back["StackStatus"] == "ROLLBACK_COMPLETE", back)
    left = {one["StackStatus"] for one in cfn.list_stacks()["StackSummaries"] if one["StackName"].startswith("late-")}
    check(left == {"DELETE_COMPLETE"}, left)
    faults()
    large = template({"T": {**TOPIC, "Metadata": {"Words": "x" * 60_000}}})
    refused("ValidationError", "51200", cfn.create_change_set, StackName="large", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=large)
    s3.put_object(Bucket="templates", Key="large.json", Body=large.encode())
    cfn.create_stack(StackName="large", TemplateURL=f"{URL}/templates/large.json")
    check(settled("large")["StackStatus"] == "CREATE_COMPLETE")
    refused("ValidationError", "No updates are to be performed", cfn.update_stack, StackName="large", UsePreviousTemplate=True)


def secrets_are_not_shown():
    secret = lambda value: [{"ParameterKey": "Token", "ParameterValue": value}]
    body = template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "by ${Token}"}, "TopicName": "shown"}}}, Parameters={"Token": {"Type": "String", "NoEcho": True}})
    made = deploy("secret", body, "CREATE", Parameters=secret("hunter1"))
    changed = change_set("secret", body, name="other", Parameters=secret("hunter2"))
    [detail] = changed["Changes"][0]["ResourceChange"]["Details"]
    check((detail["Target"]["BeforeValue"], detail["Target"]["AfterValue"], detail["CausingEntity"]) == ("****", "****", "Token"), detail)
    answers = (made, changed, cfn.describe_stack_events(StackName="secret"), cfn.describe_events(StackName="secret"), cfn.describe_change_set(ChangeSetName=changed["ChangeSetId"], IncludePropertyValues=True))
    found = json.dumps(answers, default=str)
    check("hunter" not in found and "shown" in found, found)
    check("by hunter1" in topic("secret", "A")["Properties"], "the service knows it")


def nested_stacks_follow_their_root():
    s3.create_bucket(Bucket="followers")
    inner = template({"T": TOPIC}, Outputs={"O": {"Value": "x", "Export": {"Name": "from-a-nested-stack"}}})
    s3.put_object(Bucket="followers", Key="inner.json", Body=inner.encode())
    outer = template({"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"{URL}/followers/inner.json"}}})
    root = deploy("followed", outer, "CREATE")["StackId"]
    child = cfn.describe_stack_resource(StackName="followed", LogicalResourceId="Child")["StackResourceDetail"]["PhysicalResourceId"]
    described = lambda stack: cfn.describe_stacks(StackName=stack)["Stacks"][0]
    check((described(child)["ParentId"], described(child)["RootId"], described(root).get("RootId")) == (root, root, None), described(child))
    [listed] = [one for one in cfn.list_stacks()["StackSummaries"] if one["StackId"] == child]
    check(listed["RootId"] == root, listed)
    # The root stack has the termination protection of all.
    refused("ValidationError", "root stack", cfn.update_termination_protection, StackName=child, EnableTerminationProtection=True)
    cfn.update_termination_protection(StackName=root, EnableTerminationProtection=True)
    check(described(child)["EnableTerminationProtection"] is True)
    refused("ValidationError", "TerminationProtection is enabled", cfn.delete_stack, StackName=child)
    cfn.update_termination_protection(StackName=root, EnableTerminationProtection=False)
    # An export that is in use keeps the nested stack, too.
    deploy("follower", template({"B": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": "from-a-nested-stack"}}}}), "CREATE")
    cfn.delete_stack(StackName=root)
    check(settled(root)["StackStatus"] == "DELETE_FAILED" and described(child)["StackStatus"] == "CREATE_COMPLETE", described(child))
    check("in use by follower" in described(child)["StackStatusReason"], described(child))
    cfn.delete_stack(StackName="follower")
    cfn.delete_stack(StackName=root)
    check(settled(root)["StackStatus"] == "DELETE_COMPLETE")


def nested_stacks_are_created_as_their_resources_state():
    s3.create_bucket(Bucket="inner-templates")

    def child(body, name="inner.json", **properties):
        s3.put_object(Bucket="inner-templates", Key=name, Body=body.encode())
        return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"{URL}/inner-templates/{name}", **properties}}

    # What a nested stack needs has to be acknowledged for the root stack.
    outer = template({"Child": child(template({"Role": ROLE}))})
    made = cfn.create_stack(StackName="incapable", TemplateBody=outer)["StackId"]
    check(settled(made)["StackStatus"] == "ROLLBACK_COMPLETE")
    check("Requires capabilities : [CAPABILITY_IAM]" in reasons(made, "CREATE_FAILED"), reasons(made, "CREATE_FAILED"))
    made = cfn.create_stack(StackName="capable", TemplateBody=outer, Capabilities=["CAPABILITY_IAM"])["StackId"]
    check(settled(made)["StackStatus"] == "CREATE_COMPLETE")
    # Tags of the resource are added to those of the root stack, and its topics replace those of the root stack.
    topic = "arn:aws:sns:us-east-1:000000000000:{}".format
    tags = lambda **values: [{"Key": key, "Value": value} for key, value in values.items()]
    outer = template({"Child": child(template({"T": TOPIC}), Tags=tags(own="1", both="child"), NotificationARNs=[topic("child")])})
    deploy("tagged-root", outer, "CREATE", Tags=tags(root="1", both="root"), NotificationARNs=[topic("root")])
    nested = cfn.describe_stack_resource(StackName="tagged-root", LogicalResourceId="Child")["StackResourceDetail"]["PhysicalResourceId"]
    found = cfn.describe_stacks(StackName=nested)["Stacks"][0]
    check({one["Key"]: one["Value"] for one in found["Tags"]} == {"root": "1", "own": "1", "both": "child"}, found["Tags"])
    check(found["NotificationARNs"] == [topic("child")], found["NotificationARNs"])
    # A nested stack that a user has deleted is not updated, and not created again.
    cfn.delete_stack(StackName=nested)
    check(settled(nested)["StackStatus"] == "DELETE_COMPLETE")
    changed = template({"Child": child(template({"T": TOPIC, "U": TOPIC}), "changed.json")})
    cfn.update_stack(StackName="tagged-root", TemplateBody=changed)
    check(settled("tagged-root")["StackStatus"] == "UPDATE_ROLLBACK_FAILED", settled("tagged-root"))
    check(any("is in DELETE_COMPLETE state and can not be updated" in one for one in reasons("tagged-root", "UPDATE_FAILED")), reasons("tagged-root", "UPDATE_FAILED"))
    check(cfn.describe_stacks(StackName=nested)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE")


def loops_are_written_out():
    loop = {"Fn::ForEach::Topics": ["Name", {"Ref": "Names"}, {"Topic&{Name}": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}, "TopicName": {"Fn::Sub": "${AWS::StackName}-${Name}"}}}}]}
    outputs_loop = {"Fn::ForEach::Outputs": ["Name", {"Fn::FindInMap": ["Sets", "some", "names"]}, {"Fn::ForEach::Attributes": ["Attribute", ["TopicName", "TopicArn"], {"${Name}${Attribute}": {"Value": {"Fn::GetAtt": ["Topic${Name}", {"Ref": "Attribute"}]}}}]}]}
    parameters = {"Names": {"Type": "CommaDelimitedList", "Default": "a,b-c"}}
    body = template(loop, Transform="AWS::LanguageExtensions", Parameters=parameters, Mappings={"Sets": {"some": {"names": ["a"]}}}, Outputs=outputs_loop)
    made = deploy("looped", body, "CREATE")
    topics = lambda: sorted(one["LogicalResourceId"] for one in cfn.describe_stack_resources(StackName="looped")["StackResources"])
    check(topics() == ["Topica", "Topicbc"], topics())
    check(outputs(made)["aTopicName"] == "looped-a" and outputs(made)["aTopicArn"].endswith(":looped-a"), outputs(made))
    check(cfn.get_template(StackName="looped", TemplateStage="Original")["TemplateBody"] == json.loads(body))
    processed = cfn.get_template(StackName="looped")["TemplateBody"]
    check(set(processed["Resources"]) == {"Topica", "Topicbc"} and "Transform" not in processed, processed)
    more = change_set("looped", body, name="more", Parameters=[{"ParameterKey": "Names", "ParameterValue": "a,d"}])
    check(sorted((one["ResourceChange"]["Action"], one["ResourceChange"]["LogicalResourceId"]) for one in more["Changes"]) == [("Add", "Topicd"), ("Remove", "Topicbc")], more)
    again = cfn.create_change_set(StackName="looped", ChangeSetName="again", UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Names", "ParameterValue": "a,e"}])
    [gone] = [one["ResourceChange"]["LogicalResourceId"] for one in cfn.describe_change_set(ChangeSetName=again["Id"])["Changes"] if one["ResourceChange"]["Action"] == "Add"]
    check(gone == "Topice", gone)
    check(cfn.get_template_summary(TemplateBody=body)["Parameters"][0]["ParameterKey"] == "Names")
    create = lambda body: cfn.create_change_set(StackName="unlooped", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=body)
    refused("ValidationError", "needs the transform", create, body=template(loop, Parameters=parameters))
    refused("ValidationError", "No transform named Other", create, body=template(loop, Transform="Other", Parameters=parameters))
    refused("ValidationError", "Fn::ForEach::Topics has to be a list", create, body=template({"Fn::ForEach::Topics": ["Name", ["a"]]}, Transform="AWS::LanguageExtensions"))
    refused("ValidationError", "cannot refer to A", create, body=template({"A": TOPIC, "Fn::ForEach::Topics": ["Name", [{"Ref": "A"}], {"T${Name}": TOPIC}]}, Transform="AWS::LanguageExtensions"))
    refused("ValidationError", "creates T twice", create, body=template({"Fn::ForEach::Topics": ["Name", ["a", "b"], {"T": TOPIC}]}, Transform="AWS::LanguageExtensions"))


def hooks_object():
    advice = {"AnnotationName": "TOPIC_KEY", "Status": "FAILED", "StatusMessage": "no key", "RemediationMessage": "name one", "SeverityLevel": "HIGH"}
    hook = lambda **more: put("faults", {"hooks": [{"hook": "Example::Guard::Topics", "resource": "A", "reason": "not allowed", "annotations": [advice], **more}]})
    body = template({"A": TOPIC, "B": {**TOPIC, "DependsOn": "A"}})
    hook(target="change-set")
    stopped = change_set("guarded", body, "CREATE")
    check(stopped["Status"] == "FAILED" and "hook(s)/validation failed: [Example::Guard::Topics]" in stopped["StatusReason"], stopped)
    [event] = cfn.describe_events(ChangeSetName=stopped["ChangeSetId"], Filters={"FailedEvents": True})["OperationEvents"]
    check((event["EventType"], event["HookType"], event["HookStatus"], event["HookFailureMode"]) == ("HOOK_INVOCATION_ERROR", "Example::Guard::Topics", "HOOK_COMPLETE_FAILED", "FAIL"), event)
    [result] = cfn.list_hook_results(TargetType="CHANGE_SET", TargetId=stopped["ChangeSetId"])["HookResults"]
    found = cfn.get_hook_result(HookResultId=result["HookResultId"])
    check(found["Annotations"] == [advice] and found["HookStatusReason"] == "not allowed", found)
    refused("HookResultNotFound", "", cfn.get_hook_result, HookResultId="00000000-0000-0000-0000-000000000000")
    cfn.delete_change_set(StackName="guarded", ChangeSetName="changes")

    hook(target="change-set", mode="WARN")
    warned = change_set("guarded", body, "CREATE")
    check(warned["ExecutionStatus"] == "AVAILABLE", warned)
    [event] = cfn.describe_events(ChangeSetName=warned["ChangeSetId"], Filters={"FailedEvents": True})["OperationEvents"]
    check(event["HookFailureMode"] == "WARN", event)
    hook(target="resource")
    planned = cfn.describe_change_set_hooks(ChangeSetName=warned["ChangeSetId"])["Hooks"]
    check([(one["TypeName"], one["TargetDetails"]["ResourceTargetDetails"]["LogicalResourceId"]) for one in planned] == [("Example::Guard::Topics", "A")], planned)
    cfn.execute_change_set(StackName="guarded", ChangeSetName="changes")
    check(settled(warned["StackId"])["StackStatus"] == "ROLLBACK_COMPLETE")
    events = cfn.describe_stack_events(StackName="guarded")["StackEvents"]
    [failure] = [one for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
    check(failure["ResourceStatusReason"] == "The following hook(s) failed: [Example::Guard::Topics]", failure)
    [found] = [one for one in events if "HookType" in one]
    target = cfn.get_hook_result(HookResultId=found["HookInvocationId"])["Target"]
    check(target == {"TargetType": "RESOURCE", "TargetTypeName": "AWS::SNS::Topic", "TargetId": "A", "Action": "CREATE"}, target)
    # Without a target, every result of the region is listed, and those of a hook.
    arn = "arn:aws:cloudformation:us-east-1:000000000000:type/hook/Example-Guard-Topics"
    listed = lambda **more: [(one["TargetType"], one["TargetId"], one["HookExecutionTarget"], one["TypeArn"]) for one in cfn.list_hook_results(**more)["HookResults"]]
    everything = listed()
    check(("RESOURCE", "A", warned["StackId"], arn) in everything and ("CHANGE_SET", warned["ChangeSetId"], warned["StackId"], arn) in everything, everything)
    check(listed(TypeArn=arn) == everything == listed(TypeArn=arn, Status="HOOK_COMPLETE_FAILED"), everything)
    check(listed(TypeArn=arn.replace("Guard", "Other")) == listed(TypeArn=arn, Status="HOOK_FAILED") == [])
    refused("HookResultNotFound", "", cfn.list_hook_results, TargetType="RESOURCE", TargetId="A")
    for filters in ({"Status": "HOOK_FAILED"}, {"TargetId": "A"}, {"TargetType": "CHANGE_SET"}):
        refused("ValidationError", "TargetType and TargetId", cfn.list_hook_results, **filters)
    other = client("cloudformation", "eu-west-1")
    check(other.list_hook_results()["HookResults"] == [], "each region has its own")
    refused("HookResultNotFound", "", other.get_hook_result, HookResultId=found["HookInvocationId"])
    hook(target="resource", mode="WARN")
    cfn.delete_stack(StackName="guarded")
    settled(warned["StackId"])
    check(deploy("guarded", body, "CREATE")["StackStatus"] == "CREATE_COMPLETE")
    # The action is that on the resource.
    updated = body.replace("AWS::SNS::Topic\"", "AWS::SNS::Topic\", \"Properties\": {\"DisplayName\": \"new\"}", 1)
    deploy("guarded", updated)
    [update, creation] = [one for one in cfn.describe_stack_events(StackName="guarded")["StackEvents"] if "HookType" in one]
    actions = [cfn.get_hook_result(HookResultId=one["HookInvocationId"])["Target"]["Action"] for one in (creation, update)]
    check(actions == ["CREATE", "UPDATE"], actions)
    faults()


def requests_fail_on_request():
    check(sts.get_caller_identity()["Account"] == "000000000000")
    for kind, code in (("throttle", "Throttling"), ("server-error", "InternalFailure"), ("expired-token", "ExpiredToken"), ("access-denied", "AccessDenied")):
        faults(requests=[{"action": "ListStacks", "kind": kind, "times": 1, "after": 1}])
        cfn.list_stacks()
        refused(code, "", cfn.list_stacks)
        cfn.list_stacks()
    faults(requests=[{"action": "ListStacks", "kind": "drop", "times": 1}])
    try:
        cfn.list_stacks()
        raise AssertionError("the connection was not cut")
    except Exception as error:
        check("Connection" in type(error).__name__ or "Closed" in type(error).__name__, error)
    faults()
    other = client("cloudformation", "eu-west-1")
    check(other.describe_stacks()["Stacks"] == [], "each region has its own")
    refused("NotImplemented", "does not implement the operation DescribePublisher", cfn.describe_publisher)


def malformed_requests_are_answered_with_errors():
    """Every operation, with values of every wrong form: an answer in CloudFormation's form, and no error of the server."""
    model = cfn.meta.service_model
    odd = {
        "text": lambda name: [(name, "x")],
        "number": lambda name: [(name, "18446744073709551615")],
        "known": lambda name: [(name, "life" if "Stack" in name else "true")],
        "list": lambda name: [(f"{name}.member.1", "x"), (f"{name}.member.2.Key", "y")],
        "deep": lambda name: [(f"{name}.member.1.{inner}", "x") for inner in ("StackName", "Source.StackName", "ParameterKey", "TemplateBody")],
        "map": lambda name: [(f"{name}.entry.1.key", "x"), (f"{name}.entry.1.value.z", "y"), (name, "")],
        "template": lambda name: [(name, template({"A": TOPIC}) if name == "TemplateBody" else "odd")],
    }
    deploy("odd", template({"A": TOPIC}), "CREATE")
    for operation in model.operation_names:
        members = model.operation_model(operation).input_shape.members
        for form, values in odd.items():
            fields = [("Action", operation), ("Version", "2010-05-15")] + [pair for name in members for pair in values(name)]
            request = urllib.request.Request(URL, urllib.parse.urlencode(fields).encode())
            try:
                status = urllib.request.urlopen(request).status
            except urllib.error.HTTPError as error:
                status, found = error.code, error.read().decode()
                check("<Code>" in found, operation, form, found)
            check(status < 500, operation, form, status)
    check(client("cloudformation").list_stacks()["StackSummaries"], "the endpoint still answers")


def the_role_of_the_last_operation_is_used_for_later_ones():
    role = "arn:aws:iam::000000000000:role/{}".format
    of = lambda stack: cfn.describe_stacks(StackName=stack)["Stacks"][0].get("RoleARN")
    body = lambda display: template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display}}})
    stack = cfn.create_stack(StackName="roles", TemplateBody=body("one"), RoleARN=role("creator"))["StackId"]
    settled(stack)
    check(of(stack) == role("creator"))
    faults([{"resource": "A", "on": "update", "reason": "no"}])
    cfn.update_stack(StackName="roles", TemplateBody=body("two"), RoleARN=role("updater"))
    check(settled(stack)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and of(stack) == role("updater"), of(stack))
    faults([{"resource": "A", "on": on, "reason": "no"} for on in ("update", "rollback")])
    cfn.update_stack(StackName="roles", TemplateBody=body("three"))
    check(settled(stack)["StackStatus"] == "UPDATE_ROLLBACK_FAILED")
    faults()
    cfn.continue_update_rollback(StackName="roles", RoleARN=role("recovery"))
    check(settled(stack)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and of(stack) == role("recovery"), of(stack))
    faults([{"resource": "A", "on": "delete", "reason": "no"}])
    cfn.delete_stack(StackName="roles", RoleARN=role("deleter"))
    check(settled(stack)["StackStatus"] == "DELETE_FAILED" and of(stack) == role("deleter"), of(stack))
    faults()
    cfn.delete_stack(StackName="roles")
    check(settled(stack)["StackStatus"] == "DELETE_COMPLETE" and of(stack) == role("deleter"), of(stack))


def the_deployment_config_is_obeyed():
    body = lambda display, name="a": template({"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display, "TopicName": name}}})
    express, standard = {"Mode": "EXPRESS"}, {"Mode": "STANDARD", "DisableRollback": True}
    config = lambda stack: cfn.describe_stacks(StackName=stack)["Stacks"][0]["DeploymentConfig"]
    named = dict(StackName="config", TemplateBody=body("one"))
    refused("ValidationError", "enum value set: [STANDARD, EXPRESS]", cfn.create_stack, **named, DeploymentConfig={"Mode": "FAST"})
    refused("ValidationError", "either OnFailure or DeploymentConfig.DisableRollback", cfn.create_stack, **named, OnFailure="DELETE", DeploymentConfig=standard)
    refused("ValidationError", "either DisableRollback or OnFailure", cfn.create_stack, **named, OnFailure="DELETE", DisableRollback=True)
    # A failure is not rolled back, with and without express mode.
    faults([{"resource": "A", "on": "create", "reason": "no"}])
    cfn.create_stack(**named, DeploymentConfig=standard)
    check(settled("config")["StackStatus"] == "CREATE_FAILED" and config("config") == standard, config("config"))
    cfn.delete_stack(StackName="config")
    settled(cfn.create_stack(**{**named, "StackName": "rolled"}, DeploymentConfig={**express, "DisableRollback": False})["StackId"])
    check(settled("rolled")["StackStatus"] == "ROLLBACK_COMPLETE")
    faults()
    cfn.create_stack(**{**named, "StackName": "quick"}, DeploymentConfig=express)
    check(settled("quick")["StackStatus"] == "CREATE_COMPLETE" and config("quick") == {**express, "DisableRollback": True})
    check(any("Express Mode" in reason for reason in reasons("quick", "CREATE_COMPLETE")), reasons("quick", "CREATE_COMPLETE"))
    # Without a rollback nothing is replaced, and then only an operation in express mode is accepted.
    update = dict(StackName="quick", TemplateBody=body("two", "b"))
    cfn.update_stack(**update, DeploymentConfig=express)
    check(settled("quick")["StackStatus"] == "UPDATE_FAILED", reasons("quick", "UPDATE_FAILED"))
    check("Replacement type updates not supported on stack with disable-rollback." in reasons("quick", "UPDATE_FAILED"))
    refused("ValidationError", "must use the same DeploymentConfig", cfn.update_stack, **update)
    refused("ValidationError", "must use the same DeploymentConfig", change_set, stack="quick", body=body("two"))
    refused("ValidationError", "RollbackStack is not supported", cfn.rollback_stack, StackName="quick")
    cfn.update_stack(**{**update, "TemplateBody": body("two")}, DeploymentConfig=express)
    check(settled("quick")["StackStatus"] == "UPDATE_COMPLETE")
    both = dict(OnStackFailure="DO_NOTHING", DeploymentConfig=standard)
    refused("ValidationError", "either OnStackFailure or", change_set, stack="quick", body=body("three"), **both)
    planned = change_set("quick", body("three"), DeploymentConfig=standard)
    check(planned["DeploymentConfig"] == standard, planned)
    cfn.delete_stack(StackName="quick", DeploymentConfig=express)
    check(settled(planned["StackId"])["StackStatus"] == "DELETE_COMPLETE")
    check(any("Express Mode" in reason for reason in reasons(planned["StackId"], "DELETE_COMPLETE")))


run(
    the_role_of_the_last_operation_is_used_for_later_ones, the_deployment_config_is_obeyed,
    a_stack_is_created_updated_and_deleted, invalid_requests_are_refused_with_the_messages_of_cloudformation, failures_lead_to_the_documented_statuses, what_was_not_rolled_back_continues, operations_have_ids,
    stacks_protect_and_use_each_other, drift_and_import,
    many_changes_come_in_pages, nested_stacks_and_large_templates, nested_stacks_follow_their_root, nested_stacks_are_created_as_their_resources_state, loops_are_written_out, secrets_are_not_shown,
    hooks_object,
    requests_fail_on_request, malformed_requests_are_answered_with_errors,
)
