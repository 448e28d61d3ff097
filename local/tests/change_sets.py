"""Creates a stack of each old template, and a change set of each new one; prints what the change set does.

Reads a JSON list of {name, old, new} from stdin. The argument is the endpoint.
"""

import hashlib
import json
import sys
import time

import boto3

client = boto3.client(
    "cloudformation", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s"
)
VALUES = {
    "Subnets": "subnet-0123456789abcdef0",
    "SecurityGroups": "sg-0123456789abcdef0",
    "TokensFileSystem": "fs-0123456789abcdef0",
}


def value(name, parameter):
    """A value for a parameter without a default, another one for each parameter."""
    kind, digits = parameter["Type"], hashlib.md5(name.encode()).hexdigest()[:17]
    if name in VALUES:
        return VALUES[name]
    if parameter.get("AllowedValues"):
        return str(parameter["AllowedValues"][0])
    for part, text in {
        "Subnet::Id": f"subnet-{digits}",
        "VPC::Id": f"vpc-{digits}",
        "SecurityGroup::Id": f"sg-{digits}",
        "Image::Id": "ami-0123456789abcdef0",
        "KeyName": "key",
        "HostedZone::Id": "Z0123456789ABC",
        "AvailabilityZone": "us-east-1a",
        "Number": str(parameter.get("MinValue", 1)),
    }.items():
        if part in kind:
            return text
    return name.lower().ljust(int(parameter.get("MinLength", 0)), "x")


def values(template):
    known = template.get("Parameters", {})
    return {name: value(name, one) for name, one in known.items() if "Default" not in one or name in VALUES}


def parameters(template):
    given = values(json.loads(template))
    return [{"ParameterKey": name, "ParameterValue": text} for name, text in given.items()]


def imports(template):
    """The names of the exports that a template imports, with the values of parameters put in."""
    known = {name: str(one.get("Default", "")) for name, one in template.get("Parameters", {}).items()}
    known.update(values(template))
    found = set()

    def walk(part):
        if isinstance(part, dict):
            for name, inner in part.items():
                if name == "Fn::ImportValue":
                    text = inner.get("Fn::Sub") if isinstance(inner, dict) else inner
                    if isinstance(text, str):
                        for parameter, given in known.items():
                            text = text.replace("${" + parameter + "}", given)
                        found.add(text)
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(template)
    return found


def export(names):
    """A stack that exports what others import."""
    outputs = {f"Export{number}": {"Value": f"{name},{name}", "Export": {"Name": name}} for number, name in enumerate(sorted(names))}
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    client.create_stack(StackName="exports", TemplateBody=json.dumps(template))
    while client.describe_stacks(StackName="exports")["Stacks"][0]["StackStatus"].endswith("_IN_PROGRESS"):
        pass


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
    name = "pair-" + "".join(one if one.isalnum() else "-" for one in pair["name"])
    made = change_set(name, pair["old"], "CREATE")
    if made["Status"] != "CREATE_COMPLETE":
        return {"failed": made.get("StatusReason", made["Status"])}
    client.execute_change_set(StackName=name, ChangeSetName="create")
    start = time.monotonic()
    while (status := client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]).endswith("_IN_PROGRESS"):
        if time.monotonic() - start > 20:
            return {"failed": "it waits for signals that nobody sends"}
        time.sleep(0.01)
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


def safely(pair):
    try:
        return result(pair)
    except client.exceptions.ClientError as error:
        return {"failed": str(error)}


pairs = json.load(sys.stdin)
export({name for pair in pairs for text in (pair["old"], pair["new"]) for name in imports(json.loads(text))})
print(json.dumps({pair["name"]: safely(pair) for pair in pairs}))
