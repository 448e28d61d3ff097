"""Stack sets: operations in several accounts and regions, what fails in them, and stack sets as resources."""

from common import *

HERE, THERE = "000000000000", "111122223333"


def topics(display, **more):
    """A template with two topics. The one with a fixed name is created first."""
    return template({
        "Topic": {"Type": "AWS::SNS::Topic", "DependsOn": "Named", "Properties": {"DisplayName": display}},
        "Named": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "fixed"}},
    }, **more)


def ended(stack_set, operation):
    """The status of an operation once it has ended, and its results."""
    for _ in range(1000):
        found = cfn.describe_stack_set_operation(StackSetName=stack_set, OperationId=operation)["StackSetOperation"]
        if found["Status"] not in ("RUNNING", "QUEUED", "STOPPING"):
            results = cfn.list_stack_set_operation_results(StackSetName=stack_set, OperationId=operation)["Summaries"]
            return found["Status"], [(one["Region"], one["Account"], one["Status"]) for one in results]
        time.sleep(0.01)
    raise AssertionError((stack_set, operation, found, "has not ended"))


def perform(call, stack_set, **arguments):
    return ended(stack_set, call(StackSetName=stack_set, **arguments)["OperationId"])


def instances_of(stack_set):
    found = cfn.list_stack_instances(StackSetName=stack_set)["Summaries"]
    return {(one["Account"], one["Region"]): one for one in found}


def remove(stack_set):
    for account, region in instances_of(stack_set):
        perform(cfn.delete_stack_instances, stack_set, Accounts=[account], Regions=[region], RetainStacks=False)
    check(instances_of(stack_set) == {}, instances_of(stack_set))
    cfn.delete_stack_set(StackSetName=stack_set)


def a_stack_set_deploys_to_several_accounts():
    here, there = HERE, THERE
    body = lambda name: template({"Role": {**ROLE, "Properties": {**ROLE["Properties"], "RoleName": {"Ref": "Name"}}}, "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}}, Parameters={"Name": {"Type": "String", "Default": "trainer"}})
    named = {"StackSetName": "baseline", "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    refused("InsufficientCapabilitiesException", "CAPABILITY_NAMED_IAM", cfn.create_stack_set, StackSetName="baseline", TemplateBody=body("one"))
    id = cfn.create_stack_set(TemplateBody=body("one"), Description="alike", **named)["StackSetId"]
    refused("NameAlreadyExistsException", "baseline", cfn.create_stack_set, TemplateBody=body("one"), **named)

    instances = lambda: {(one["Account"], one["Region"]): one for one in cfn.list_stack_instances(StackSetName=id)["Summaries"]}
    create = lambda accounts, regions, **more: cfn.create_stack_instances(StackSetName="baseline", Accounts=accounts, Regions=regions, **more)["OperationId"]
    first = ended("baseline", create([here, there], ["us-west-2", "us-east-1"], OperationPreferences={"RegionOrder": ["us-east-1", "us-west-2"]}, ParameterOverrides=[{"ParameterKey": "Name", "ParameterValue": "first"}]))
    # A role has its name in its account: the second region of each finds it taken. Nothing else is tried then.
    check(first == ("FAILED", [("us-east-1", here, "SUCCEEDED"), ("us-east-1", there, "SUCCEEDED"), ("us-west-2", here, "FAILED"), ("us-west-2", there, "CANCELLED")]), first)
    failed = instances()[here, "us-west-2"]
    check((failed["Status"], failed["StackInstanceStatus"]["DetailedStatus"]) == ("OUTDATED", "FAILED"), failed)
    check("ResourceLogicalId:Role, ResourceType:AWS::IAM::Role, ResourceStatusReason:" in failed["StatusReason"] and "already exists" in failed["StatusReason"], failed)
    made = instances()[there, "us-east-1"]
    check(f":{there}:stack/StackSet-baseline-" in made["StackId"] and made["Status"] == "CURRENT", made)
    check(cfn.describe_stacks(StackName=made["StackId"])["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
    check(not any(one["StackId"] == made["StackId"] for one in cfn.list_stacks()["StackSummaries"]), "it is another account's")
    check(json.loads(control.list_resources(TypeName="AWS::IAM::Role")["ResourceDescriptions"][0]["Properties"])["RoleName"] == "first")
    overridden = cfn.describe_stack_instance(StackSetName="baseline", StackInstanceAccount=here, StackInstanceRegion="us-east-1")["StackInstance"]
    check(overridden["ParameterOverrides"] == [{"ParameterKey": "Name", "ParameterValue": "first"}], overridden)

    # With names of their own they come to be; a change comes to all of them.
    update = lambda name, region: ended("baseline", cfn.update_stack_instances(StackSetName="baseline", Accounts=[here, there], Regions=[region], ParameterOverrides=[{"ParameterKey": "Name", "ParameterValue": name}], OperationPreferences={"MaxConcurrentCount": 2})["OperationId"])
    check(update("second", "us-west-2")[0] == "SUCCEEDED", instances())
    check({one["Status"] for one in instances().values()} == {"CURRENT"}, instances())
    changed = ended("baseline", cfn.update_stack_set(TemplateBody=body("two"), OperationPreferences={"RegionConcurrencyType": "PARALLEL", "MaxConcurrentPercentage": 100}, **named)["OperationId"])
    check(changed[0] == "SUCCEEDED" and len(changed[1]) == 4, changed)
    stack = instances()[there, "us-west-2"]["StackId"]
    west = client("cloudformation", "us-west-2")
    check(west.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE")
    check(":two" in west.describe_stack_resource(StackName=stack, LogicalResourceId="Topic")["StackResourceDetail"]["PhysicalResourceId"])

    # One operation at a time, one account at a time; what has not begun can be stopped.
    faults([{"resource": "Topic", "on": "create", "milliseconds": 200}])
    slow = cfn.update_stack_set(TemplateBody=body("three"), OperationId="slow", **named)["OperationId"]
    refused("OperationInProgressException", "slow", cfn.update_stack_set, TemplateBody=body("four"), **named)
    cfn.stop_stack_set_operation(StackSetName="baseline", OperationId=slow)
    stopped = ended("baseline", slow)
    check(stopped[0] == "STOPPED" and [status for *_, status in stopped[1]] == ["SUCCEEDED"] + ["CANCELLED"] * 3, stopped)
    faults()
    refused("StackSetNotEmptyException", "not empty", cfn.delete_stack_set, StackSetName="baseline")
    kept = instances()[here, "us-east-1"]["StackId"]
    delete = lambda accounts, region, retain: ended("baseline", cfn.delete_stack_instances(StackSetName="baseline", Accounts=accounts, Regions=[region], RetainStacks=retain)["OperationId"])
    check(delete([here], "us-east-1", True)[0] == "SUCCEEDED" and (here, "us-east-1") not in instances())
    check(settled(kept)["StackStatus"] == "UPDATE_COMPLETE")
    check(delete([here, there], "us-west-2", False)[0] == "SUCCEEDED" and west.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE")
    check(delete([there], "us-east-1", False)[0] == "SUCCEEDED" and instances() == {})
    check([one["Action"] for one in cfn.list_stack_set_operations(StackSetName="baseline")["Summaries"]][:2] == ["DELETE", "DELETE"])
    cfn.delete_stack_set(StackSetName="baseline")
    refused("StackSetNotFoundException", "baseline", cfn.describe_stack_set, StackSetName="baseline")
    check([(one["StackSetName"], one["Status"]) for one in cfn.list_stack_sets()["Summaries"]] == [("baseline", "DELETED")])
    cfn.delete_stack(StackName=kept)
    settled(kept)


def a_stack_set_is_a_resource_too():
    inner = template({"Topic": TOPIC}, Parameters={"Name": {"Type": "String", "Default": "x"}})
    def outer(accounts, regions=("us-east-1",), inner=inner):
        group = {"DeploymentTargets": {"Accounts": accounts}, "Regions": list(regions)}
        return template({"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": {"StackSetName": "inside", "PermissionModel": "SELF_MANAGED", "TemplateBody": inner, "StackInstancesGroup": [group]}}})
    made = deploy("outer", outer(["111122223333", "444455556666"]), "CREATE")
    check(made["StackStatus"] == "CREATE_COMPLETE", made)
    instances = lambda: [(one["Account"], one["Region"], one["Status"]) for one in cfn.list_stack_instances(StackSetName="inside")["Summaries"]]
    check(instances() == [("111122223333", "us-east-1", "CURRENT"), ("444455556666", "us-east-1", "CURRENT")], instances())
    check(cfn.describe_stack_set(StackSetName="inside")["StackSet"]["TemplateBody"] == inner)
    deploy("outer", outer(["444455556666"], ["us-east-1", "eu-west-1"]))
    check(sorted(instances()) == [("444455556666", "eu-west-1", "CURRENT"), ("444455556666", "us-east-1", "CURRENT")], instances())
    # What fails in an account fails the resource, and everything is taken back.
    faults([{"resource": "Another", "on": "create", "reason": "quota exceeded"}])
    back = deploy("outer", outer(["444455556666"], ["us-east-1", "eu-west-1"], template({"Topic": TOPIC, "Another": TOPIC})))
    check(back["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", back)
    events = cfn.describe_stack_events(StackName="outer")["StackEvents"]
    [failure] = [one for one in events if one["ResourceStatus"] == "UPDATE_FAILED"]
    check("Account [444455556666], Region [us-east-1]: ResourceLogicalId:Another" in failure["ResourceStatusReason"], failure)
    check({status for *_, status in instances()} == {"CURRENT"}, instances())
    check(cfn.describe_stack_set(StackSetName="inside")["StackSet"]["TemplateBody"] == inner)
    faults()
    cfn.delete_stack(StackName="outer")
    check(settled(made["StackId"])["StackStatus"] == "DELETE_COMPLETE")
    refused("StackSetNotFoundException", "inside", cfn.describe_stack_set, StackSetName="inside")


def a_failed_instance_is_created_again_once_its_stack_is_deleted():
    cfn.create_stack_set(StackSetName="again", TemplateBody=topics("one"))
    create = lambda: perform(cfn.create_stack_instances, "again", Accounts=[HERE], Regions=["us-east-1"])
    stack_of = lambda: cfn.describe_stacks(StackName=instances_of("again")[HERE, "us-east-1"]["StackId"])["Stacks"][0]
    faults([{"resource": "Topic", "on": "create", "reason": "no"}])
    check(create()[0] == "FAILED")
    # A stack that could not be created is deleted (the guide's page on troubleshooting).
    check(stack_of()["StackStatus"] == "DELETE_COMPLETE", stack_of())
    faults()
    check(create()[0] == "SUCCEEDED" and stack_of()["StackStatus"] == "CREATE_COMPLETE")

    # What is left of a stack that could not be deleted is deleted before the stack is created again: not at the same time.
    remove("again")
    cfn.create_stack_set(StackSetName="again", TemplateBody=topics("one"))
    faults([{"resource": "Topic", "on": "create", "reason": "no"}, {"resource": "Named", "on": "delete", "reason": "stuck"}])
    check(create()[0] == "FAILED" and stack_of()["StackStatus"] == "DELETE_FAILED", stack_of())
    stuck = stack_of()["StackId"]
    faults([{"resource": "Named", "on": "delete", "reason": "stuck"}])
    check(create()[0] == "FAILED" and stack_of()["StackId"] == stuck, stack_of())
    check(instances_of("again")[HERE, "us-east-1"]["Status"] == "OUTDATED")
    faults([{"resource": "Named", "on": "delete", "milliseconds": 100}])
    check(create()[0] == "SUCCEEDED" and stack_of()["StackStatus"] == "CREATE_COMPLETE", stack_of())
    faults()
    gone, made = (cfn.describe_stack_events(StackName=one)["StackEvents"] for one in (stuck, stack_of()["StackId"]))
    check(gone[0]["ResourceStatus"] == "DELETE_COMPLETE" and gone[0]["Timestamp"] <= made[-1]["Timestamp"], gone[0], made[-1])
    remove("again")


def operations_change_only_instances_of_the_set():
    cfn.create_stack_set(StackSetName="members", TemplateBody=topics("one"))
    perform(cfn.create_stack_instances, "members", Accounts=[HERE], Regions=["us-east-1"])
    before = cfn.describe_stack_set(StackSetName="members")["StackSet"]
    for call in (cfn.update_stack_instances, lambda **more: cfn.update_stack_set(TemplateBody=topics("two"), **more)):
        refused("StackInstanceNotFoundException", THERE, call, StackSetName="members", Accounts=[THERE], Regions=["us-east-1"])
    check(cfn.describe_stack_set(StackSetName="members")["StackSet"] == before, "a refused update changes nothing")
    check(perform(cfn.delete_stack_instances, "members", Accounts=[THERE], Regions=["us-east-1"], RetainStacks=False) == ("SUCCEEDED", []))
    # Each account and region once, whatever the request repeats.
    twice = perform(cfn.update_stack_set, "members", TemplateBody=topics("two"), Accounts=[HERE, HERE], Regions=["us-east-1", "us-east-1"])
    check(twice == ("SUCCEEDED", [("us-east-1", HERE, "SUCCEEDED")]), twice)
    remove("members")


def a_stack_that_cannot_be_changed_fails_its_instance():
    cfn.create_stack_set(StackSetName="busy", TemplateBody=topics("one"))
    perform(cfn.create_stack_instances, "busy", Accounts=[HERE], Regions=["us-east-1"])
    stack = instances_of("busy")[HERE, "us-east-1"]["StackId"]
    reason = lambda: instances_of("busy")[HERE, "us-east-1"]["StatusReason"]
    update = lambda display: perform(cfn.update_stack_set, "busy", TemplateBody=topics(display))[0]
    # Somebody else updates the stack.
    faults([{"resource": "Topic", "on": "update", "milliseconds": 300}])
    cfn.update_stack(StackName=stack, TemplateBody=topics("theirs"))
    check(update("ours") == "FAILED" and "is in UPDATE_IN_PROGRESS state and can not be updated" in reason(), reason())
    check(settled(stack)["StackStatus"] == "UPDATE_COMPLETE")
    faults()
    check(update("ours") == "SUCCEEDED")
    check("ours" in cfn.get_template(StackName=stack)["TemplateBody"]["Resources"]["Topic"]["Properties"]["DisplayName"])
    # Termination protection protects against the stack set too; what could not be deleted is not updated any more.
    cfn.update_termination_protection(StackName=stack, EnableTerminationProtection=True)
    delete = lambda: perform(cfn.delete_stack_instances, "busy", Accounts=[HERE], Regions=["us-east-1"], RetainStacks=False)[0]
    check(delete() == "FAILED" and "TerminationProtection" in reason(), reason())
    inoperable = instances_of("busy")[HERE, "us-east-1"]
    check((inoperable["Status"], inoperable["StackInstanceStatus"]["DetailedStatus"]) == ("INOPERABLE", "INOPERABLE"), inoperable)
    check(perform(cfn.update_stack_set, "busy", TemplateBody=topics("later")) == ("SUCCEEDED", []))
    check(instances_of("busy")[HERE, "us-east-1"]["Status"] == "INOPERABLE")
    cfn.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    check(delete() == "SUCCEEDED" and settled(stack)["StackStatus"] == "DELETE_COMPLETE")
    cfn.delete_stack_set(StackSetName="busy")


def parameter_overrides_are_replaced():
    parameters = {name: {"Type": "String", "Default": "of the set"} for name in ("A", "B")}
    body = template({"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "${A}/${B}"}}}}, Parameters=parameters)
    cfn.create_stack_set(StackSetName="overridden", TemplateBody=body)
    given = lambda **values: [{"ParameterKey": key, **({"UsePreviousValue": True} if value is None else {"ParameterValue": value})} for key, value in values.items()]
    place = dict(Accounts=[HERE], Regions=["us-east-1"])

    def values():
        stack = instances_of("overridden")[HERE, "us-east-1"]["StackId"]
        return [one["ParameterValue"] for one in cfn.describe_stacks(StackName=stack)["Stacks"][0]["Parameters"]]

    perform(cfn.create_stack_instances, "overridden", ParameterOverrides=given(A="a", B="b"), **place)
    check(values() == ["a", "b"], values())
    # What is not in the list has the value of the stack set again; without a list every value stays.
    perform(cfn.update_stack_instances, "overridden", ParameterOverrides=given(A=None), **place)
    check(values() == ["a", "of the set"], values())
    perform(cfn.update_stack_instances, "overridden", **place)
    check(values() == ["a", "of the set"], values())
    perform(cfn.update_stack_instances, "overridden", ParameterOverrides=given(B="c"), **place)
    check(values() == ["of the set", "c"], values())
    # An update of the set keeps overridden values.
    perform(cfn.update_stack_set, "overridden", UsePreviousTemplate=True, Parameters=given(A="new", B="new"))
    check(values() == ["new", "c"], values())
    remove("overridden")


def an_update_without_changes_leaves_the_status_of_other_instances():
    cfn.create_stack_set(StackSetName="partly", TemplateBody=topics("one"))
    perform(cfn.create_stack_instances, "partly", Accounts=[HERE], Regions=["us-east-1", "eu-west-1"])
    some = dict(Accounts=[HERE], Regions=["us-east-1"])
    status = lambda: {region: one["Status"] for (_, region), one in instances_of("partly").items()}
    perform(cfn.update_stack_set, "partly", UsePreviousTemplate=True, **some)
    check(status() == {"us-east-1": "CURRENT", "eu-west-1": "CURRENT"}, status())
    perform(cfn.update_stack_set, "partly", TemplateBody=topics("two"), **some)
    check(status() == {"us-east-1": "CURRENT", "eu-west-1": "OUTDATED"}, status())
    # Lists can be filtered.
    outdated = cfn.list_stack_instances(StackSetName="partly", StackInstanceRegion="eu-west-1")["Summaries"]
    check(len(outdated) == 1, outdated)
    last = instances_of("partly")[HERE, "us-east-1"]["LastOperationId"]
    found = cfn.list_stack_instances(StackSetName="partly", Filters=[{"Name": "LAST_OPERATION_ID", "Values": last}])["Summaries"]
    check([one["Region"] for one in found] == ["us-east-1"], found)
    found = cfn.list_stack_instances(StackSetName="partly", Filters=[{"Name": "DETAILED_STATUS", "Values": "FAILED"}])["Summaries"]
    check(found == [], found)
    results = lambda wanted: cfn.list_stack_set_operation_results(StackSetName="partly", OperationId=last, Filters=[{"Name": "OPERATION_RESULT_STATUS", "Values": wanted}])["Summaries"]
    check(len(results("SUCCEEDED")) == 1 and results("FAILED") == [], results("SUCCEEDED"))
    remove("partly")


def no_more_accounts_fail_at_a_time_than_are_tolerated():
    accounts = [f"{number}" * 12 for number in range(1, 6)]
    faults([{"resource": "Topic", "on": "create", "reason": "no"}])
    counts = lambda mode: {"MaxConcurrentCount": 4, "FailureToleranceCount": 1, **({"ConcurrencyMode": mode} if mode else {})}
    for mode, failures in ((None, 2), ("STRICT_FAILURE_TOLERANCE", 2), ("SOFT_FAILURE_TOLERANCE", 4)):
        cfn.create_stack_set(StackSetName="many-accounts", TemplateBody=topics("one"))
        status, results = perform(cfn.create_stack_instances, "many-accounts", Accounts=accounts, Regions=["us-east-1"], OperationPreferences=counts(mode))
        failed = [status for *_, status in results].count("FAILED")
        check((status, failed) == ("FAILED", failures), mode, results)
        remove("many-accounts")
    faults()


def contradictory_requests_are_refused():
    cfn.create_stack_set(StackSetName="strict", TemplateBody=topics("one"))
    create = lambda **more: cfn.create_stack_instances(StackSetName="strict", **more)
    update = lambda **more: cfn.update_stack_set(StackSetName="strict", UsePreviousTemplate=True, **more)
    targets = {"Accounts": [HERE]}
    place = dict(Accounts=[HERE], Regions=["us-east-1"])
    for call, words, arguments in (
        (create, "Regions", dict(Accounts=[HERE], Regions=[])),
        (create, "Accounts or DeploymentTargets", dict(Regions=["us-east-1"])),
        (create, "either Accounts or DeploymentTargets", dict(DeploymentTargets=targets, **place)),
        (update, "Regions", dict(Accounts=[HERE])),
        (update, "Accounts", dict(Regions=["us-east-1"])),
        (create, "either MaxConcurrentCount or MaxConcurrentPercentage", dict(OperationPreferences={"MaxConcurrentCount": 1, "MaxConcurrentPercentage": 1}, **place)),
        (update, "either FailureToleranceCount or FailureTolerancePercentage", dict(OperationPreferences={"FailureToleranceCount": 1, "FailureTolerancePercentage": 1})),
    ):
        refused("ValidationError", words, call, **arguments)
    check(cfn.list_stack_set_operations(StackSetName="strict")["Summaries"] == [] and instances_of("strict") == {})
    # A stack set belongs to its region, and nothing can be done with one that is deleted.
    id = cfn.describe_stack_set(StackSetName="strict")["StackSet"]["StackSetId"]
    refused("StackSetNotFoundException", id, client("cloudformation", "eu-west-1").describe_stack_set, StackSetName=id)
    cfn.delete_stack_set(StackSetName=id)
    refused("StackSetNotFoundException", id, cfn.create_stack_instances, StackSetName=id, **place)
    refused("StackSetNotFoundException", id, cfn.update_stack_set, StackSetName=id, UsePreviousTemplate=True)


def a_repeated_creation_is_one_creation():
    create = lambda body, **more: cfn.create_stack_set(StackSetName="repeated", TemplateBody=body, **more)["StackSetId"]
    first = create(topics("one"), ClientRequestToken="token-1")
    check(create(topics("one"), ClientRequestToken="token-1") == first, "the answer was lost")
    refused("NameAlreadyExistsException", "repeated", create, body=topics("one"), ClientRequestToken="token-2")
    cfn.delete_stack_set(StackSetName="repeated")
    check(create(topics("one"), ClientRequestToken="token-1") != first, "the first is deleted")
    cfn.delete_stack_set(StackSetName="repeated")


def a_refused_resource_leaves_no_stack_set():
    properties = lambda **more: {"StackSetName": "refused", "PermissionModel": "SELF_MANAGED", **more}
    outer = lambda **more: template({"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": properties(**more)}})
    active = lambda: [one["StackSetName"] for one in cfn.list_stack_sets(Status="ACTIVE")["Summaries"]]
    made = deploy("refused-outer", outer(TemplateBody=template({"Role": ROLE})), "CREATE")
    check(made["StackStatus"] == "ROLLBACK_COMPLETE" and active() == [], active())
    check(any("CAPABILITY" in reason for reason in reasons("refused-outer", "CREATE_FAILED")), reasons("refused-outer", "CREATE_FAILED"))
    cfn.delete_stack(StackName="refused-outer")
    settled(made["StackId"])
    # The name of a stack set is unique in its region.
    cfn.create_stack_set(StackSetName="refused", TemplateBody=topics("one"))
    made = deploy("refused-outer", outer(TemplateBody=topics("one")), "CREATE")
    check(made["StackStatus"] == "ROLLBACK_COMPLETE" and active() == ["refused"], made, active())
    cfn.delete_stack(StackName="refused-outer")
    settled(made["StackId"])
    cfn.delete_stack_set(StackSetName="refused")


run(
    a_stack_set_deploys_to_several_accounts, a_stack_set_is_a_resource_too,
    a_failed_instance_is_created_again_once_its_stack_is_deleted, operations_change_only_instances_of_the_set,
    a_stack_that_cannot_be_changed_fails_its_instance, parameter_overrides_are_replaced,
    an_update_without_changes_leaves_the_status_of_other_instances, no_more_accounts_fail_at_a_time_than_are_tolerated,
    contradictory_requests_are_refused, a_repeated_creation_is_one_creation, a_refused_resource_leaves_no_stack_set,
)
