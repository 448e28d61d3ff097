"""`cdk deploy` of a default application: bootstrap version, deploy and publishing roles, and a template that is an asset."""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from common import *

CDK = os.environ.get("CDK_CLI")
ENVIRONMENT = "aws://000000000000/us-east-1"
BUCKET = "cdk-hnb659fds-assets-000000000000-us-east-1"
ROLE_ARN = "arn:aws:iam::000000000000:role/cdk-hnb659fds-{}-role-000000000000-us-east-1"


def assembly(directory, display):
    """An assembly as CDK's default synthesizer writes it."""
    version = "/cdk-bootstrap/hnb659fds/version"
    body = template(
        {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display}},
            "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:H4sIAAAAAAAA"}},
        },
        Parameters={"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": version}},
        Rules={"CheckBootstrapVersion": {"Assertions": [{"Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]}, "AssertDescription": "CDK bootstrap stack version 6 required."}]}},
        Outputs={"Name": {"Value": {"Fn::GetAtt": ["Topic", "TopicName"]}}},
    )
    key = hashlib.sha256(body.encode()).hexdigest()
    Path(directory, "App.template.json").write_text(body)
    destination = {"bucketName": BUCKET, "objectKey": f"{key}.json", "region": "us-east-1", "assumeRoleArn": ROLE_ARN.format("file-publishing")}
    source = {"path": "App.template.json", "packaging": "file"}
    assets = {"version": "36.0.0", "files": {key: {"source": source, "destinations": {"current": destination}}}, "dockerImages": {}}
    Path(directory, "App.assets.json").write_text(json.dumps(assets))
    bootstrap = {"requiresBootstrapStackVersion": 6, "bootstrapStackVersionSsmParameter": version}
    stack = {
        "type": "aws:cloudformation:stack", "environment": ENVIRONMENT, "dependencies": ["App.assets"],
        "properties": {
            "templateFile": "App.template.json", "terminationProtection": False, "validateOnSynth": False,
            "assumeRoleArn": ROLE_ARN.format("deploy"), "cloudFormationExecutionRoleArn": ROLE_ARN.format("cfn-exec"),
            "stackTemplateAssetObjectUrl": f"s3://{BUCKET}/{key}.json", **bootstrap,
            "lookupRole": {"arn": ROLE_ARN.format("lookup"), **bootstrap},
        },
    }
    manifest = {"version": "36.0.0", "artifacts": {"App.assets": {"type": "cdk:asset-manifest", "properties": {"file": "App.assets.json", **bootstrap}}, "App": stack}}
    Path(directory, "manifest.json").write_text(json.dumps(manifest))


def cdk(directory, *arguments):
    own = {"AWS_ENDPOINT_URL": URL, "AWS_REGION": "us-east-1", "HOME": directory, "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"}
    command = ["node", CDK, *arguments, "--app", directory, "--no-notices"]
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, cwd=directory)
    check(done.returncode == 0, done.stdout, done.stderr)
    return done.stdout + done.stderr


def a_default_application_is_deployed_changed_and_destroyed():
    if not CDK:
        return print("skipped: the CDK CLI is not installed (`cargo xtask tools`)")
    with tempfile.TemporaryDirectory() as directory:
        deploy = lambda display: (assembly(directory, display), cdk(directory, "deploy", "App", "--require-approval", "never"))[1]
        deploy("one")
        made = settled("App")
        check(made["StackStatus"] == "CREATE_COMPLETE" and made["RoleARN"] == ROLE_ARN.format("cfn-exec"), made)
        check("no changes" in deploy("one"))
        deploy("two")
        check(settled("App")["StackStatus"] == "UPDATE_COMPLETE" and "UPDATE_COMPLETE" in statuses("App", "Topic"))
        faults([{"resource": "Topic", "on": "update", "reason": "no"}])
        assembly(directory, "three")
        command = ["node", CDK, "deploy", "App", "--require-approval", "never", "--app", directory, "--no-notices"]
        own = {"AWS_ENDPOINT_URL": URL, "AWS_REGION": "us-east-1", "HOME": directory, "CDK_DISABLE_CLI_TELEMETRY": "true"}
        failed = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, cwd=directory)
        check(failed.returncode != 0 and settled("App")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", failed.stderr)
        faults()
        cdk(directory, "destroy", "App", "--force")
        check(settled(made["StackId"])["StackStatus"] == "DELETE_COMPLETE")


run(a_default_application_is_deployed_changed_and_destroyed)
