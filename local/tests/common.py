"""What the scenarios share: clients, and checks that are counted."""

import json
import os
import sys
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import model

URL = sys.argv[1]
os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local", AWS_DEFAULT_REGION="us-east-1")
CHECKS = 0


def client(name, region="us-east-1"):
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    made = boto3.client(name, endpoint_url=URL, region_name=region, config=config)
    # Whatever a scenario is about, every answer is one that the model allows.
    made.meta.events.register("after-call.cloudformation", model.check_response)
    return made


cfn, s3, sts, ssm, control = (client(name) for name in ("cloudformation", "s3", "sts", "ssm", "cloudcontrol"))


def check(condition, *what):
    global CHECKS
    CHECKS += 1
    assert condition, what


def put(path, value):
    request = urllib.request.Request(f"{URL}/_local/{path}", json.dumps(value).encode(), method="PUT")
    urllib.request.urlopen(request).read()


def faults(resources=(), requests=()):
    faults.resources = list(resources)
    put("faults", {"resources": list(resources), "requests": list(requests)})


faults.resources = []


def template(resources, **more):
    return json.dumps({"Resources": resources, **more})


def refused(code, words, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        error_document = error.response["Error"]
        check(error_document["Code"] == code and words in error_document["Message"], error_document, code, words)
        return
    raise AssertionError((call, arguments, "was not refused"))


def change_set(stack, body, kind="UPDATE", name="changes", **more):
    cfn.create_change_set(
        StackName=stack, ChangeSetName=name, ChangeSetType=kind, TemplateBody=body,
        Capabilities=["CAPABILITY_NAMED_IAM"], **more,
    )
    while True:
        described = cfn.describe_change_set(StackName=stack, ChangeSetName=name, IncludePropertyValues=True)
        if described["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            return described
        time.sleep(0.01)


def settled(stack):
    while True:
        found = cfn.describe_stacks(StackName=stack)["Stacks"][0]
        if not found["StackStatus"].endswith("_IN_PROGRESS") or found["StackStatus"] == "REVIEW_IN_PROGRESS":
            return found
        time.sleep(0.01)


def deploy(stack, body, kind="UPDATE", **more):
    execute = {key: more.pop(key) for key in ("DisableRollback", "RetainExceptOnCreate") if key in more}
    described = change_set(stack, body, kind, name=f"change-{time.monotonic_ns()}", **more)
    check(described["Status"] == "CREATE_COMPLETE", described.get("StatusReason"))
    cfn.execute_change_set(StackName=stack, ChangeSetName=described["ChangeSetName"], **execute)
    return settled(described["StackId"])


def statuses(stack, logical_id):
    pages = cfn.get_paginator("describe_stack_events").paginate(StackName=stack)
    events = [event for page in pages for event in page["StackEvents"]]
    return [event["ResourceStatus"] for event in reversed(events) if event["LogicalResourceId"] == logical_id]


def reasons(stack, status):
    events = cfn.describe_stack_events(StackName=stack)["StackEvents"]
    return [one.get("ResourceStatusReason", "") for one in events if one["ResourceStatus"] == status]


def outputs(stack):
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}


TOPIC = {"Type": "AWS::SNS::Topic"}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}


def run(*scenarios):
    """Runs scenarios, and prints how much was checked. Names after the URL choose some of them."""
    for scenario in scenarios:
        if len(sys.argv) <= 2 or scenario.__name__ in sys.argv[2:]:
            scenario()
    assert not model.PROBLEMS, model.PROBLEMS
    print("checks:", CHECKS)
