"""Other clients of CloudFormation deploy to the endpoint: SAM CLI, sceptre, formica and Ansible. Each creates a stack, changes it,
has nothing to do, fails and is rolled back, and deletes the stack. They work at the same time, each on a stack of its own.

None of them imports resources; the AWS CLI does, through a change set."""

import re
import subprocess
import tempfile
import threading
from pathlib import Path

from common import *

CLIENTS = os.environ.get("CLIENTS")


def topics(display, more=()):
    topic = lambda text: {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": text}}
    return template({"A": topic(display), **{id: topic(id) for id in more}})


# The first is deployed, the second changes it, the third fails: its new resource cannot be created.
ONE, TWO, FAILING = topics("one"), topics("two"), topics("three", ["Fails"])


class Client:
    """A client in a directory of its own."""

    def __init__(self, name, directory):
        self.name, self.directory = name, Path(directory)
        environment = {"AWS_ENDPOINT_URL": URL, "AWS_REGION": "us-east-1", "HOME": directory, "SAM_CLI_TELEMETRY": "0", "NO_COLOR": "1"}
        environment |= {"ANSIBLE_COLLECTIONS_PATH": f"{CLIENTS}/collections", "ANSIBLE_PYTHON_INTERPRETER": f"{CLIENTS}/bin/python", "ANSIBLE_LOCALHOST_WARNING": "False"}
        self.environment = {**os.environ, **environment}

    def write(self, path, text):
        (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
        (self.directory / path).write_text(text)

    def call(self, program, *arguments):
        """Runs a program to its end; returns the exit code and what was printed."""
        done = subprocess.run([f"{CLIENTS}/bin/{program}", *arguments], env=self.environment, capture_output=True, text=True, cwd=self.directory, timeout=120)
        return done.returncode, done.stdout + done.stderr

    def succeeds(self, *command):
        code, text = self.call(*command)
        check(code == 0, command, text)
        return text

    def is_now(self, status, display):
        [found] = cfn.describe_stacks(StackName=self.name)["Stacks"]
        body = cfn.get_template(StackName=self.name)["TemplateBody"]
        # A client may send YAML, which boto3 returns as it is.
        text = body if isinstance(body, str) else json.dumps(body)
        check(found["StackStatus"] == status and re.search(rf'DisplayName"?: "?{display}\b', text), self.name, found, body)

    def is_gone(self):
        refused("ValidationError", "does not exist", cfn.describe_stacks, StackName=self.name)


def sam(client):
    def deploy(body):
        client.write("template.json", body)
        return "sam", "deploy", "--template-file", "template.json", "--stack-name", client.name, "--region", "us-east-1", "--no-confirm-changeset", "--no-fail-on-empty-changeset"
    check("Successfully created/updated stack" in client.succeeds(*deploy(ONE)))
    client.is_now("CREATE_COMPLETE", "one")
    client.succeeds(*deploy(TWO))
    client.is_now("UPDATE_COMPLETE", "two")
    check("No changes to deploy" in client.succeeds(*deploy(TWO)))
    code, text = client.call(*deploy(FAILING))
    check(code != 0 and "no such capacity" in text.replace("\n", " ") or "UPDATE_ROLLBACK_COMPLETE" in text, text)
    client.is_now("UPDATE_ROLLBACK_COMPLETE", "two")
    client.succeeds("sam", "delete", "--stack-name", client.name, "--region", "us-east-1", "--no-prompts")
    client.is_gone()


def sceptre(client):
    client.write("config/config.yaml", "project_code: clients\nregion: us-east-1\n")
    client.write("config/stack.yaml", f"stack_name: {client.name}\ntemplate:\n  path: stack.json\n  type: file\n")
    def launch(body):
        client.write("templates/stack.json", body)
        return client.call("sceptre", "launch", "-y", "stack.yaml")
    check(launch(ONE)[0] == 0)
    client.is_now("CREATE_COMPLETE", "one")
    check(launch(TWO)[0] == 0)
    client.is_now("UPDATE_COMPLETE", "two")
    code, text = launch(TWO)
    check(code == 0 and "No updates to perform" in text, text)
    code, text = launch(FAILING)
    # It shows the events after the second of the answer's header `Date`; the endpoint may have had them a moment before it.
    check(code != 0, text)
    client.is_now("UPDATE_ROLLBACK_COMPLETE", "two")
    client.succeeds("sceptre", "delete", "-y", "stack.yaml")
    client.is_gone()


def formica(client):
    of = "--stack", client.name, "--region", "us-east-1"
    def change(action, body):
        client.write("stack.template.json", body)
        client.succeeds("formica", action, *of)
    change("new", ONE)
    client.succeeds("formica", "deploy", *of)
    client.is_now("CREATE_COMPLETE", "one")
    change("change", TWO)
    client.succeeds("formica", "deploy", *of)
    client.is_now("UPDATE_COMPLETE", "two")
    change("change", TWO)
    client.is_now("UPDATE_COMPLETE", "two")
    change("change", FAILING)
    code, text = client.call("formica", "deploy", *of)
    check(code != 0 and "no such capacity" in " ".join(text.split()), text)
    client.is_now("UPDATE_ROLLBACK_COMPLETE", "two")
    client.succeeds("formica", "remove", *of)
    client.is_gone()


def ansible(client):
    """One playbook, because a start takes long: its assertions check what each task did."""
    for name, body in (("one", ONE), ("two", TWO), ("failing", FAILING)):
        client.write(f"{name}.json", body)
    stack = lambda **more: {"stack_name": client.name, "region": "us-east-1", **more}
    body = lambda name: "{{ lookup('file', '%s.json') }}" % name
    task = lambda register, **more: {"amazon.aws.cloudformation": stack(**more), "register": register}
    tasks = [
        task("created", template_body=body("one")),
        task("updated", template_body=body("two")),
        task("same", template_body=body("two")),
        {**task("failed", template_body=body("failing")), "ignore_errors": True},
        task("planned", template_body=body("one"), create_changeset=True, changeset_name="planned"),
        task("deleted", state="absent"),
        {"ansible.builtin.assert": {"that": ["created.changed", "updated.changed", "not same.changed", "failed.failed", "planned.changed", "deleted.changed"]}},
        {"ansible.builtin.debug": {"var": "failed"}},
    ]
    client.write("play.yaml", json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]))
    text = client.succeeds("ansible-playbook", "play.yaml")
    check("no such capacity" in text, text)
    client.is_gone()


def every_client_deploys_changes_fails_and_deletes():
    if not CLIENTS:
        check(True)
        return print("skipped: the clients are not installed (`cargo xtask tools`)")
    faults([{"resource": "Fails", "on": "create", "reason": "no such capacity"}])
    errors = []

    def work(client, scenario):
        try:
            scenario(client)
        except BaseException as error:
            errors.append((client.name, error))

    with tempfile.TemporaryDirectory() as directory:
        threads = []
        for scenario in (ansible, sam, formica, sceptre):
            name = f"by-{scenario.__name__}"
            client = Client(name, f"{directory}/{name}")
            client.directory.mkdir()
            threads.append(threading.Thread(target=work, args=(client, scenario)))
            threads[-1].start()
        for thread in threads:
            thread.join()
    check(not errors, errors)
    faults()


def the_aws_cli_imports():
    if not os.environ.get("AWS_CLI"):
        check(True)
        return print("skipped: the AWS CLI is not installed (`cargo xtask tools`)")
    s3.create_bucket(Bucket="imported-by-cli")
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "imported-by-cli"}}
    identifiers = [{"ResourceType": "AWS::S3::Bucket", "LogicalResourceId": "Bucket", "ResourceIdentifier": {"BucketName": "imported-by-cli"}}]
    aws = lambda *arguments: subprocess.run([os.environ["AWS_CLI"], "--endpoint-url", URL, "cloudformation", *arguments], check=True, capture_output=True, text=True)
    aws("create-change-set", "--stack-name", "by-cli", "--change-set-name", "import", "--change-set-type", "IMPORT", "--template-body", template({"Bucket": bucket}), "--resources-to-import", json.dumps(identifiers))
    aws("execute-change-set", "--stack-name", "by-cli", "--change-set-name", "import")
    check(settled("by-cli")["StackStatus"] == "IMPORT_COMPLETE")


run(every_client_deploys_changes_fails_and_deletes, the_aws_cli_imports)
