"""Stack refactors: resources that move to other stacks, and what is refused."""

from common import *


def resources_move_from_stack_to_stack():
    named = lambda name, **more: {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name, **more}}
    both = {"Moving": named("moving"), "Staying": named("staying", DisplayName={"Fn::GetAtt": "Moving.TopicName"})}
    deploy("from", template(both, Outputs={"Name": {"Value": {"Ref": "Moving"}}}), "CREATE")
    ids = lambda stack: {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in cfn.describe_stack_resources(StackName=stack)["StackResources"]}
    before = ids("from")
    export = {"Shared": {"Value": {"Fn::GetAtt": "Moved.TopicName"}, "Export": {"Name": "moved"}}}
    source = template({"Staying": named("staying", DisplayName={"Fn::ImportValue": "moved"})})
    target = template({"Moved": named("moving")}, Outputs=export)
    mapping = [{"Source": {"StackName": "from", "LogicalResourceId": "Moving"}, "Destination": {"StackName": "to", "LogicalResourceId": "Moved"}}]

    def create(source, target, mappings=mapping, **more):
        both = (("from", source), ("to", target))
        stacks = [{"StackName": name, "TemplateBody": body} for name, body in both if body]
        id = cfn.create_stack_refactor(StackDefinitions=stacks, ResourceMappings=mappings, EnableStackCreation=True, **more)["StackRefactorId"]
        return cfn.describe_stack_refactor(StackRefactorId=id)

    def fails(words, *arguments, **more):
        made = create(*arguments, **more)
        check((made["Status"], made["ExecutionStatus"]) == ("CREATE_FAILED", "UNAVAILABLE") and words in made["StatusReason"], made)
        refused("ValidationError", "UNAVAILABLE", cfn.execute_stack_refactor, StackRefactorId=made["StackRefactorId"])

    fails("action type that is not permitted during refactor operations: Modify", source, template({"Moved": named("moving", DisplayName="x")}, Outputs=export))
    fails("not permitted during refactor operations: Remove", template({"Staying": named("staying", DisplayName="moving")}), None, [])
    fails("Could not find any source stacks for Logical ID and Stack ID pairs: Another -> arn:", source, template({"Moved": named("moving"), "Another": TOPIC}, Outputs=export))
    fails("sections are not allowed when creating a stack while refactoring: Conditions", source, template({"Moved": named("moving")}, Outputs=export, Conditions={"C": {"Fn::Equals": [1, 1]}}))
    fails("The resource Nothing defined in the resources mapping did no move", source, target, [{**mapping[0], "Source": {"StackName": "from", "LogicalResourceId": "Nothing"}}])
    fails("No export named nothing found", template({"Staying": named("staying", DisplayName={"Fn::ImportValue": "nothing"})}), target)
    refused("StackRefactorNotFoundException", "", cfn.describe_stack_refactor, StackRefactorId="0")

    # Without a mapping, the service determines which resource moves to which stack.
    guessed = create(source, target, [])
    [made, move] = cfn.list_stack_refactor_actions(StackRefactorId=guessed["StackRefactorId"])["StackRefactorActions"]
    check((made["Action"], made["Entity"], move["Action"], move["Detection"]) == ("CREATE", "STACK", "MOVE", "AUTO"), made, move)
    check(move["ResourceMapping"] == mapping[0] and move["PhysicalResourceId"] == before["Moving"], move)

    # What changes meanwhile makes it obsolete; what fails is taken back.
    late = create(source, target)
    check(late["ExecutionStatus"] == "AVAILABLE" and len(late["StackIds"]) == 2, late)
    deploy("from", template({**both, "Staying": named("staying", DisplayName={"Fn::GetAtt": "Moving.TopicName"})}, Outputs={"Other": {"Value": {"Ref": "Moving"}}}))
    late = cfn.describe_stack_refactor(StackRefactorId=late["StackRefactorId"])
    check(late["ExecutionStatus"] == "OBSOLETE" and "Stack was updated" in late["ExecutionStatusReason"], late)
    faults([{"resource": "Moved", "on": "update", "reason": "the resource type defines an unsupported tag schema"}])
    failed = create(source, target)["StackRefactorId"]
    cfn.execute_stack_refactor(StackRefactorId=failed)
    check(settled("from")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and ids("from") == before)
    check(cfn.describe_stack_refactor(StackRefactorId=failed)["ExecutionStatus"] == "ROLLBACK_COMPLETE")
    faults([{"resource": "Moved", "on": "update", "milliseconds": 100}])
    cfn.delete_stack(StackName="to")

    refactor = create(source, target, Description="apart")
    cfn.execute_stack_refactor(StackRefactorId=refactor["StackRefactorId"])
    check(settled("from")["StackStatus"] == "UPDATE_COMPLETE")
    cfn.get_waiter("stack_refactor_execute_complete").wait(StackRefactorId=refactor["StackRefactorId"], WaiterConfig={"Delay": 0})
    check(ids("to") == {"Moved": before["Moving"]} and ids("from") == {"Staying": before["Staying"]}, ids("to"), ids("from"))
    check(statuses("from", "Moving")[-2:] == ["EXPORT_IN_PROGRESS", "EXPORT_COMPLETE"])
    check(statuses("to", "Moved")[-2:] == ["IMPORT_IN_PROGRESS", "IMPORT_COMPLETE"])
    check(cfn.list_imports(ExportName="moved")["Imports"] == ["from"])
    [done] = cfn.list_stack_refactors(ExecutionStatusFilter=["EXECUTE_COMPLETE"])["StackRefactorSummaries"]
    check(done["Description"] == "apart", done)
    nothing = change_set("from", source, name="nothing")
    check(nothing["Status"] == "FAILED" and "didn't contain changes" in nothing["StatusReason"], nothing)
    faults()


def refused_definitions_add_no_stack():
    deploy("kept", template({"A": TOPIC, "B": TOPIC}), "CREATE")
    kept = {"StackName": "kept", "TemplateBody": template({"A": TOPIC})}
    names = lambda: {one["StackName"] for one in cfn.describe_stacks()["Stacks"]}
    before = names()
    for words, definition in (
        ("regular expression pattern", {"StackName": "not a name", "TemplateBody": template({"B": TOPIC})}),
        ("regular expression pattern", {"StackName": "arn:aws:cloudformation:us-east-1:000000000000:stack/gone/1", "TemplateBody": template({"B": TOPIC})}),
        ("Template Body must be specified", {"StackName": "untemplated"}),
        ("format", {"StackName": "unreadable", "TemplateBody": "{"}),
        ("kept", {"StackName": "kept", "TemplateBody": template({"B": TOPIC})}),
    ):
        id = cfn.create_stack_refactor(StackDefinitions=[kept, definition], EnableStackCreation=True)["StackRefactorId"]
        made = cfn.describe_stack_refactor(StackRefactorId=id)
        check(made["Status"] == "CREATE_FAILED" and words in made["StatusReason"], words, made)
        check(names() == before, names())
    many = [{"StackName": f"part-{number}", "TemplateBody": template({"B": TOPIC})} for number in range(5)]
    refused("ValidationError", "at most 5", cfn.create_stack_refactor, StackDefinitions=[kept, *many], EnableStackCreation=True)
    check(names() == before, names())


def a_refactor_that_runs_cannot_be_cancelled_as_an_update():
    deploy("running", template({"A": TOPIC}), "CREATE")
    definition = {"StackName": "running", "TemplateBody": template({"B": TOPIC})}
    id = cfn.create_stack_refactor(StackDefinitions=[definition])["StackRefactorId"]
    faults([{"resource": "B", "on": "update", "milliseconds": 200}])
    cfn.execute_stack_refactor(StackRefactorId=id)
    refused("ValidationError", "CancelUpdateStack cannot be called", cfn.cancel_update_stack, StackName="running")
    refused("ValidationError", "EXECUTE_IN_PROGRESS", cfn.execute_stack_refactor, StackRefactorId=id)
    check(settled("running")["StackStatus"] == "UPDATE_COMPLETE")
    faults()
    # What happened can be described when later refactors exist.
    cfn.create_stack_refactor(StackDefinitions=[definition])
    [move] = cfn.list_stack_refactor_actions(StackRefactorId=id)["StackRefactorActions"]
    check(move["ResourceMapping"]["Destination"]["LogicalResourceId"] == "B" and move["PhysicalResourceId"], move)
    check(len(cfn.describe_stack_refactor(StackRefactorId=id)["StackIds"]) == 1)


run(
    resources_move_from_stack_to_stack, refused_definitions_add_no_stack,
    a_refactor_that_runs_cannot_be_cancelled_as_an_update,
)
