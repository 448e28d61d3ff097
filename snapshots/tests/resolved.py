"""An assembly's templates with every reference resolved, as they reach a service."""

import base64
import json
import pathlib
import re

ACCOUNT = "123456789012"
KNOWN = {
    "AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": "stack",
}


def known(name):
    """What a reference yields once it is deployed."""
    if name in KNOWN:
        return KNOWN[name]
    if name.endswith(".ClusterArn"):
        return f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:cluster/ab12cd34ef56"
    if name.endswith("Role.Arn"):
        return f"arn:aws:iam::{ACCOUNT}:role/{name.partition('.')[0]}"
    if name.endswith(".Arn"):
        return f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{name.partition('.')[0]}"
    return name


def substituted(text, lookup=known):
    return re.sub(r"\$\{([^!}]+)\}", lambda match: lookup(match[1]), text)


def resolved(value, lookup=known):
    """The value with the functions that a template of ours has put in."""
    if isinstance(value, list):
        return [resolved(one, lookup) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return lookup(value["Ref"])
    if set(value) == {"Fn::GetAtt"}:
        return lookup(".".join(value["Fn::GetAtt"]))
    if set(value) == {"Fn::Sub"}:
        text, variables = value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})
        given = {name: resolved(one, lookup) for name, one in variables.items()}
        return substituted(text, lambda name: given[name] if name in given else lookup(name))
    if set(value) == {"Fn::Split"}:
        delimiter, text = value["Fn::Split"]
        return resolved(text, lookup).split(delimiter)
    if set(value) == {"Fn::Select"} and isinstance(value["Fn::Select"][1], dict):
        index, items = value["Fn::Select"]
        items = resolved(items, lookup)
        return items[int(index)] if isinstance(items, list) else {"Fn::Select": [index, items]}
    if set(value) == {"Fn::GetAZs"}:
        region = resolved(value["Fn::GetAZs"], lookup) or "us-east-1"
        return [f"{region}{zone}" for zone in "abc"]
    if set(value) == {"Fn::Base64"}:
        return base64.b64encode(resolved(value["Fn::Base64"], lookup).encode()).decode()
    if set(value) == {"Fn::Join"}:
        delimiter, parts = value["Fn::Join"]
        return delimiter.join(resolved(parts, lookup))
    return {key: resolved(inner, lookup) for key, inner in value.items()}


def templates(assembly):
    return sorted(pathlib.Path(assembly).glob("*.template.json"))


def resources(template):
    return json.loads(pathlib.Path(template).read_text())["Resources"]


def defaults(template):
    """The default values of parameters."""
    parameters = json.loads(pathlib.Path(template).read_text()).get("Parameters", {})
    return {name: one["Default"] for name, one in parameters.items() if "Default" in one}
