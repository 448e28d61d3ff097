"""Compares answers with botocore's model of CloudFormation: no element that the model does not have, none missing that it requires,
and no value outside of an enumeration."""

from xml.etree import ElementTree

PROBLEMS = set()
STATUSES = set()
NAMESPACE = "{http://cloudformation.amazonaws.com/doc/2010-05-15/}"


def check_response(http_response, model, **_):
    """Checks the XML of an answer that is no error, and adds what is wrong to `PROBLEMS`."""
    if http_response.status_code >= 300 or model.service_model.service_name != "cloudformation":
        return
    root = ElementTree.fromstring(http_response.content)
    result = root.find(f"{NAMESPACE}{model.name}Result")
    if model.output_shape is not None:
        STATUSES.update(model.service_model.shape_for("StackStatus").enum)
        compare(result, model.output_shape, model.name, PROBLEMS)


def compare(element, shape, path, problems):
    children = [] if element is None else list(element)
    if shape.type_name == "structure":
        known = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        seen = set()
        for child in children:
            name = child.tag.removeprefix(NAMESPACE)
            if name not in known:
                problems.add(f"{path}.{name} is not in the model")
                continue
            seen.add(known[name][0])
            compare(child, known[name][1], f"{path}.{name}", problems)
        problems.update(f"{path}.{name} is missing" for name in set(shape.required_members) - seen)
    elif shape.type_name == "list":
        for child in children:
            if child.tag != f"{NAMESPACE}member":
                problems.add(f"{path} has the element {child.tag}")
            compare(child, shape.member, f"{path}[]", problems)
    elif shape.type_name == "map":
        for child in children:
            if child.tag != f"{NAMESPACE}entry" or [one.tag for one in child] != [f"{NAMESPACE}key", f"{NAMESPACE}value"]:
                problems.add(f"{path} is not a map of keys and values")
    else:
        text = "" if element is None else element.text or ""
        if children:
            problems.add(f"{path} has elements, and should have a text")
        # The events of a stack itself have statuses of stacks, such as `REVIEW_IN_PROGRESS`, which the model leaves out.
        known = set(shape.metadata.get("enum", ())) | (STATUSES if shape.name == "ResourceStatus" else set())
        if shape.type_name == "string" and shape.enum and text not in known:
            problems.add(f"{path} is {text!r}, and not one of {shape.enum}")
        if shape.type_name == "boolean" and text not in ("true", "false"):
            problems.add(f"{path} is {text!r}, and not a boolean")
        if shape.type_name in ("integer", "long") and not text.lstrip("-").isdigit():
            problems.add(f"{path} is {text!r}, and not a number")


def constraints(shape, seen=()):
    """What a shape requires, as `constraints.json` has it."""
    kind = {"long": "integer"}.get(shape.type_name, shape.type_name)
    found = {"kind": kind}
    for name in ("min", "max", "enum", "pattern"):
        if name in shape.metadata:
            found[name] = shape.metadata[name]
    if kind == "structure" and shape.name not in seen:
        if shape.required_members:
            found["required"] = sorted(shape.required_members)
        members = {name: constraints(member, (*seen, shape.name)) for name, member in shape.members.items()}
        members = {name: member for name, member in members.items() if member}
        if members:
            found["members"] = members
    if kind == "list":
        item = constraints(shape.member, seen)
        if item:
            found["item"] = item
    # What has no constraint needs no entry, and a type that no check knows has none.
    is_checked = kind in ("integer", "boolean") or len(found) > 1
    return found if is_checked and kind in ("structure", "list", "map", "integer", "boolean", "string") else {}


def violations(found):
    """A value that breaks each constraint of a shape, the path that the refusal names, and its words."""
    kind = found["kind"]
    for name in found.get("required", ()):
        # A member that the shape does not have makes an object that is there.
        yield {"Other": "x"}, f".{first_lower(name)}", "Member must not be null"
    for name, member in found.get("members", {}).items():
        for value, path, words in violations(member):
            yield {name: value}, f".{first_lower(name)}{path}", words
    if "item" in found:
        for value, path, words in violations(found["item"]):
            yield [value], f".1.member{path}", words
    if "enum" in found:
        yield "SOMETHING_ELSE", "", f"enum value set: [{', '.join(found['enum'])}]"
    elif "pattern" in found:
        yield "no match \u2028"[: found.get("max", 10)].ljust(found.get("min", 0), "!"), "", "regular expression pattern"
    if kind == "integer":
        yield "many", "", "be a number"
    if kind == "boolean":
        yield "perhaps", "", "be a boolean"
    # A map and an empty list have other forms in the query protocol.
    if "max" in found and kind in ("string", "integer"):
        yield ("x" * (found["max"] + 1) if kind == "string" else found["max"] + 1), "", f"less than or equal to {found['max']}"
    if "min" in found and kind == "integer":
        yield found["min"] - 1, "", f"greater than or equal to {found['min']}"


def first_lower(name):
    return name[0].lower() + name[1:]
