"""Creates a stack of each old template, and a change set of each new one; prints what the change set does.

Reads a JSON list of {name, old, new} from stdin. The argument is the endpoint.
"""

import json
import sys

import boto3

client = boto3.client(
    "cloudformation", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s"
)
VALUES = {
    "Subnets": "subnet-0123456789abcdef0",
    "SecurityGroups": "sg-0123456789abcdef0",
    "TokensFileSystem": "fs-0123456789abcdef0",
}


def parameters(template):
    known = json.loads(template).get("Parameters", {})
    return [{"ParameterKey": name, "ParameterValue": VALUES[name]} for name in known if name in VALUES]


def change_set(name, template, kind):
    client.create_change_set(
        StackName=name,
        ChangeSetName=kind.lower(),
        ChangeSetType=kind,
        TemplateBody=template,
        Parameters=parameters(template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        IncludeNestedStacks=False,
    )
    while True:
        found = client.describe_change_set(StackName=name, ChangeSetName=kind.lower(), IncludePropertyValues=True)
        if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            return found


def result(pair):
    name = "pair-" + pair["name"]
    made = change_set(name, pair["old"], "CREATE")
    if made["Status"] != "CREATE_COMPLETE":
        return {"failed": made.get("StatusReason", made["Status"])}
    client.execute_change_set(StackName=name, ChangeSetName="create")
    while client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"].endswith("_IN_PROGRESS"):
        pass
    status = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    if status != "CREATE_COMPLETE":
        return {"failed": status}
    found = change_set(name, pair["new"], "UPDATE")
    # The next pair may use the same names.
    client.delete_stack(StackName=name)
    while client.list_stacks(StackStatusFilter=["DELETE_IN_PROGRESS"])["StackSummaries"]:
        pass
    if "didn't contain changes" in found.get("StatusReason", ""):
        return {"changes": []}
    if found["Status"] != "CREATE_COMPLETE":
        return {"failed": found.get("StatusReason", found["Status"])}
    return {"changes": [one["ResourceChange"] for one in found["Changes"]]}


print(json.dumps({pair["name"]: result(pair) for pair in json.load(sys.stdin)}))
