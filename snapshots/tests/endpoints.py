"""Judges an assembly of endpoints: cfn-lint, botocore, moto, Triton's protobuf."""

import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
from collections import Counter

os.environ.update(
    AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="us-east-1",
)
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import boto3
from botocore.validate import ParamValidator
from google.protobuf import text_format
from moto import mock_aws
from resolved import defaults, known, resolved, resources, templates
from tritonclient.grpc import model_config_pb2

ASSEMBLY = pathlib.Path(sys.argv[1])
COUNTS = Counter()


def lint(paths):
    run = subprocess.run(
        [pathlib.Path(sys.executable).parent / "cfn-lint", *paths], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    print("templates:", len(paths))


class Service:
    """Makes requests: each is held against the shape that botocore has for it, and then moto answers it."""

    def __init__(self):
        self.clients = {}

    def __call__(self, service, operation, moto=True, **arguments):
        client = self.clients.setdefault(service, boto3.client(service))
        method = client.meta.method_to_api_mapping[operation]
        shape = client.meta.service_model.operation_model(method).input_shape
        report = ParamValidator().validate(arguments, shape)
        assert not report.has_errors(), f"{method}: {report.generate_report()}\n{json.dumps(arguments, indent=1)}"
        COUNTS[method] += 1
        return getattr(client, operation)(**arguments) if moto else None


def deployed(stack, call):
    """Every resource of a stack, made by the requests that CloudFormation makes of it."""
    everything, names = resources(stack), defaults(stack)

    def lookup(name):
        head, _, attribute = name.partition(".")
        if head not in names and head in everything:
            make(head)
        # What we call by an attribute is either an ARN or the name.
        return names.get(name) or (known(name) if attribute == "Arn" else names.get(head, known(name)))

    def make(logical_id):
        resource = everything[logical_id]
        names[logical_id] = logical_id
        for other in resource.get("DependsOn", []):
            lookup(other)
        given = resolved(resource.get("Properties", {}), lookup)
        maker = MAKERS.get(resource["Type"])
        if maker:
            names.update({logical_id: maker(call, logical_id, given, names)})
        else:
            assert resource["Type"].startswith(("AWS::IAM::", "AWS::S3::", "AWS::SNS::")), resource["Type"]

    for logical_id in everything:
        if logical_id not in names:
            make(logical_id)


def model(call, logical_id, given, names):
    # moto takes a model of one container only with its image.
    call("sagemaker", "create_model", ModelName=logical_id, **given)
    return logical_id


def endpoint_config(call, logical_id, given, names):
    # moto asks for what variants of inference components do not have, and knows no type after g4dn.
    moto = all(
        "ModelName" in variant and "InstancePools" not in variant
        and not variant.get("InstanceType", "").startswith(("ml.g5.", "ml.g6"))
        for variant in given["ProductionVariants"]
    )
    call("sagemaker", "create_endpoint_config", moto=moto, EndpointConfigName=logical_id, **given)
    names[f"{logical_id}/moto"] = moto
    return logical_id


def endpoint(call, logical_id, given, names):
    name, config = given["EndpointName"], given["EndpointConfigName"]
    rest = {key: value for key, value in given.items() if key in ("DeploymentConfig", "Tags")}
    call("sagemaker", "create_endpoint", moto=names[f"{config}/moto"], **{
        "EndpointName": name, "EndpointConfigName": config, **rest,
    })
    kept = {key: value for key, value in given.items() if key != "Tags"}
    call("sagemaker", "update_endpoint", moto=False, **kept)
    names[f"{logical_id}.EndpointName"] = name
    return name


def component(call, logical_id, given, names):
    name = given["InferenceComponentName"]
    update = {key: value for key, value in given.items() if key not in ("EndpointName", "VariantName", "Tags")}
    given.pop("DeploymentConfig", None)
    call("sagemaker", "create_inference_component", moto=False, **given)
    call("sagemaker", "update_inference_component", moto=False, **update)
    return name


def target(call, logical_id, given, names):
    actions = given.pop("ScheduledActions", [])
    # moto knows none of SageMaker's other dimensions.
    moto = given["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    call("application-autoscaling", "register_scalable_target", moto=moto, **given)
    of = {key: given[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    of["moto"] = moto
    for action in actions:
        call("application-autoscaling", "put_scheduled_action", **of, **action)
    names[f"{logical_id}/of"] = of
    return logical_id


def policy(call, logical_id, given, names):
    of = names[f"{given.pop('ScalingTargetId')}/of"]
    call("application-autoscaling", "put_scaling_policy", **of, **given)
    arn = f"arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:0:resource/{logical_id}"
    names[f"{logical_id}.Arn"] = arn
    return arn


def alarm(call, logical_id, given, names):
    call("cloudwatch", "put_metric_alarm", AlarmName=logical_id, **given)
    return logical_id


def dashboard(call, logical_id, given, names):
    for widget in json.loads(given["DashboardBody"])["widgets"]:
        properties = widget["properties"]
        assert widget["type"] == "metric" and properties["metrics"] and properties["title"], widget
        assert widget["x"] + widget["width"] <= 24, widget
        # A namespace, a name, pairs of dimensions, and the style of the line.
        assert all(len(line) % 2 == 1 and isinstance(line[-1], dict) for line in properties["metrics"]), widget
        COUNTS["widgets"] += 1
    call("cloudwatch", "put_dashboard", DashboardName=logical_id, **given)
    return logical_id


def log_group(call, logical_id, given, names):
    name = given["LogGroupName"]
    call("logs", "create_log_group", logGroupName=name)
    call("logs", "put_retention_policy", logGroupName=name, retentionInDays=given["RetentionInDays"])
    return name


MAKERS = {
    "AWS::SageMaker::Model": model,
    "AWS::SageMaker::EndpointConfig": endpoint_config,
    "AWS::SageMaker::Endpoint": endpoint,
    "AWS::SageMaker::InferenceComponent": component,
    "AWS::ApplicationAutoScaling::ScalableTarget": target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": policy,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::CloudWatch::Dashboard": dashboard,
    "AWS::Logs::LogGroup": log_group,
}


def archives():
    """Every archive of the assembly: name in it to content."""
    for path in sorted(ASSEMBLY.glob("**/*.tar.gz")):
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            yield {member.name: archive.extractfile(member).read() for member in archive.getmembers()}


def triton(files):
    """Each model of a repository is where Triton searches for it, and is described as Triton reads it."""
    for name, content in files.items():
        directory, _, file = name.partition("/")
        if file != "config.pbtxt":
            continue
        config = text_format.Parse(content.decode(), model_config_pb2.ModelConfig())
        assert config.name == directory, (config.name, directory)
        assert any(other.startswith(f"{directory}/1/") for other in files), directory
        # vLLM passes Triton its inputs and outputs when it is loaded.
        assert (config.input and config.output) or config.backend == "vllm", name
        for group in config.instance_group:
            assert group.kind in (1, 2, 3), group
        COUNTS["sequence controls"] += len(config.sequence_batching.control_input)
        COUNTS["warm-ups"] += sum(1 for request in config.model_warmup if request.inputs)
        COUNTS["decoupled"] += config.model_transaction_policy.decoupled
        COUNTS["config.pbtxt"] += 1
        COUNTS["tensorrt"] += sum(
            accelerator.name == "tensorrt"
            for accelerator in config.optimization.execution_accelerators.gpu_execution_accelerator
        )
        COUNTS["ensemble steps"] += len(config.ensemble_scheduling.step)
        COUNTS["preferred batches"] += len(config.dynamic_batching.preferred_batch_size)
    try:
        text_format.Parse("max_batch_sise: 4", model_config_pb2.ModelConfig())
    except text_format.ParseError:
        COUNTS["typos refused"] = 1


def main():
    paths = templates(ASSEMBLY)
    lint(paths)
    for path in paths:
        # Each stack in an account of its own: names are those of the stack.
        with mock_aws():
            deployed(path, Service())
    for files in archives():
        triton(files)
    for what, count in sorted(COUNTS.items()):
        print(f"{what}: {count}")


main()
