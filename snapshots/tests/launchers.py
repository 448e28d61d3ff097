"""Judges an assembly of launchers: cfn-lint, botocore, the SageMaker SDK, DeepSpeed, moto."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import time

os.environ.update(
    AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="us-east-1",
    SAGEMAKER_SUPPRESS_V2_WARNING="1",
)
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from resolved import ACCOUNT, substituted

ASSEMBLY = pathlib.Path(sys.argv[1])
def documents(template):
    """Every definition and input in a template, with its references resolved."""
    for logical_id, resource in template["Resources"].items():
        properties = resource["Properties"]
        body = {
            "AWS::SageMaker::Pipeline": lambda: properties["PipelineDefinition"]["PipelineDefinitionBody"],
            "AWS::StepFunctions::StateMachine": lambda: properties["DefinitionString"],
            "AWS::Scheduler::Schedule": lambda: properties["Target"]["Input"],
        }.get(resource["Type"])
        if body:
            text = body()
            text = text["Fn::Sub"] if isinstance(text, dict) else text
            yield logical_id, resource, json.loads(substituted(text))


def lint(templates):
    run = subprocess.run(
        [pathlib.Path(sys.executable).parent / "cfn-lint", *templates], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    print("templates:", len(templates))


KINDS = {
    "CreateTrainingJob": "training requests", "CreateOptimizationJob": "optimization requests",
    "CreateProcessingJob": "processing requests", "CreateHyperParameterTuningJob": "tuning requests",
    "CreateModelPackage": "model packages", "CreateTransformJob": "transform requests", "CreateModel": "models",
    "CreateEndpointConfig": "endpoint configurations", "CreateEndpoint": "endpoints",
}
# What each kind of step asks for, and the names that the pipeline gives.
STEPS = {
    "Training": ("CreateTrainingJob", "TrainingJobName"),
    "Processing": ("CreateProcessingJob", "ProcessingJobName"),
    "Tuning": ("CreateHyperParameterTuningJob", "HyperParameterTuningJobName"),
    "RegisterModel": ("CreateModelPackage", None),
    "Transform": ("CreateTransformJob", "TransformJobName"),
    "Model": ("CreateModel", "ModelName"),
    "EndpointConfig": ("CreateEndpointConfig", "EndpointConfigName"),
    "Endpoint": ("CreateEndpoint", None),
    "QualityCheck": ("CreateProcessingJob", "ProcessingJobName"),
    "ClarifyCheck": ("CreateProcessingJob", "ProcessingJobName"),
}


class Requests:
    """Botocore's own validation, without a call."""

    def __init__(self):
        import boto3

        self.client = boto3.client("sagemaker")
        self.counts = dict.fromkeys(KINDS, 0)

    def validate(self, operation, arguments):
        from botocore.validate import ParamValidator

        shape = self.client.meta.service_model.operation_model(operation).input_shape
        report = ParamValidator().validate(arguments, shape)
        assert not report.has_errors(), f"{report.generate_report()}\n{json.dumps(arguments, indent=1)}"
        self.counts[operation] += 1


def filled(value, defaults):
    """What a run of a pipeline puts in place of its own functions."""
    if isinstance(value, list):
        return [filled(one, defaults) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Get"}:
        scope, _, name = value["Get"].partition(".")
        return defaults[name] if scope == "Parameters" else "s3://bucket/what-a-step-made"
    if set(value) == {"Std:Join"}:
        parts = filled(value["Std:Join"]["Values"], defaults)
        return value["Std:Join"]["On"].join(
            part if isinstance(part, str) else json.dumps(part) for part in parts
        )
    return {key: filled(inner, defaults) for key, inner in value.items()}


def formatted(value):
    """The parameters of a state with the strings that Step Functions formats when it runs."""
    if isinstance(value, list):
        return [formatted(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for name, inner in value.items():
        if not name.endswith(".$"):
            made[name] = formatted(inner)
        elif inner.startswith("States.Format('s3://"):
            made[name[:-2]] = "s3://bucket/of-the-run"
        else:
            made[name[:-2]] = "named-when-it-runs"
    return made


def steps_of(steps, defaults):
    for step in steps:
        if step["Type"] in STEPS:
            operation, name = STEPS[step["Type"]]
            named = {name: "named-by-the-pipeline"} if name else {}
            arguments = {**named, **filled(step["Arguments"], defaults)}
            if step["Type"] == "Tuning":
                kinds = arguments["HyperParameterTuningJobConfig"]["ParameterRanges"].values()
                tried = {one["Name"] for kind in kinds for one in kind}
                fixed = set(arguments["TrainingJobDefinition"]["StaticHyperParameters"])
                assert tried and not tried & fixed, (tried, fixed)
            yield operation, arguments
        elif step["Type"] == "Condition":
            yield from steps_of(step["Arguments"]["IfSteps"], defaults)
            yield from steps_of(step["Arguments"]["ElseSteps"], defaults)


def requests_of(resource, document):
    """The requests that a document makes, as SageMaker gets them."""
    if resource["Type"] == "AWS::SageMaker::Pipeline":
        yield from steps_of(document["Steps"], {p["Name"]: p["DefaultValue"] for p in document["Parameters"]})
    elif resource["Type"] == "AWS::StepFunctions::StateMachine":
        for state in document["States"].values():
            called = re.search(r"sagemaker:(create\w+)", state.get("Resource", ""))
            if called:
                yield called[1][0].upper() + called[1][1:], formatted(state["Parameters"])
    elif resource["Properties"]["Target"]["Arn"] and "TrainingJobName" in document:
        name = document["TrainingJobName"].replace("<aws.scheduler.execution-id>", "0" * 36)
        yield "CreateTrainingJob", {**document, "TrainingJobName": name}


def like_the_sdk(name, arguments):
    """The SageMaker SDK makes the same request of the same settings, as far as the launch is concerned."""
    import boto3
    import sagemaker
    from sagemaker.pytorch import PyTorch
    from sagemaker.instance_group import InstanceGroup

    given = arguments["HyperParameters"]
    image = arguments["AlgorithmSpecification"]["TrainingImage"]
    version, python = re.search(r":([\d.]+)-gpu-(py\d+)", image).groups()
    if "mp_parameters" in given:
        distribution = {
            "torch_distributed": {"enabled": True},
            "smdistributed": {
                "modelparallel": {"enabled": True, "parameters": json.loads(given["mp_parameters"])}
            },
        }
    elif given.get("sagemaker_distributed_dataparallel_enabled") == "true":
        distribution = {"smdistributed": {"dataparallel": {"enabled": True}}}
    else:
        distribution = {"torch_distributed": {"enabled": True}}
    resources = arguments["ResourceConfig"]
    where = {}
    if "InstanceGroups" in resources:
        groups = [
            InstanceGroup(one["InstanceGroupName"], one["InstanceType"], one["InstanceCount"])
            for one in resources["InstanceGroups"]
        ]
        where = {"instance_groups": groups}
        distribution["instance_groups"] = groups[:1]
    else:
        where = {"instance_type": resources["InstanceType"], "instance_count": resources["InstanceCount"]}
    session = sagemaker.Session(boto3.Session(region_name="us-east-1"), default_bucket="b")
    settings = {key: json.loads(given[key]) for key in ("learning_rate", "epochs", "schedule")}
    estimator = PyTorch(
        entry_point="train.py", source_dir="s3://code/source.tar.gz", role="arn:aws:iam::123456789012:role/R",
        framework_version=version, py_version=python, distribution=distribution, hyperparameters=settings,
        sagemaker_session=session, **where,
    )
    theirs = estimator.hyperparameters()
    ours_alone = {"ddp_dist_backend", "deepspeed_config", "delayed_param"}
    unset = {"sagemaker_job_name", "sagemaker_program", "sagemaker_submit_directory", "sagemaker_region",
             "sagemaker_container_log_level"}
    decoded = lambda parameters: {key: json.loads(value) for key, value in parameters.items()}
    ours = {key: value for key, value in decoded(given).items() if key not in ours_alone | unset}
    if "InstanceGroups" in resources:
        # The SDK writes null here; the launcher wants to know the type that trains.
        assert ours["sagemaker_instance_type"] == resources["InstanceGroups"][0]["InstanceType"]
        theirs["sagemaker_instance_type"] = given["sagemaker_instance_type"]
    wanted = {key: value for key, value in decoded(theirs).items() if key not in unset}
    # For the types that it knows, the toolkit in the container sets the network's variables by itself.
    fabric = "efa" if resources.get("InstanceType") in ("ml.g5.12xlarge", "ml.p5en.48xlarge") else None
    assert arguments.get("Environment", {}).get("FI_PROVIDER") == fabric, name
    assert ours == wanted, f"{name}: ours {ours}\nthe SDK's {wanted}"
    assert estimator.training_image_uri() == image, f"{name}: {image}, the SDK's {estimator.training_image_uri()}"


def deepspeed_reads(text):
    import deepspeed_configuration

    deepspeed_configuration.load(json.loads(text))
    broken = json.loads(text)
    broken["zero_optimization"]["stage3_max_live_parametres"] = 1
    try:
        deepspeed_configuration.load(broken)
    except ValueError:
        return
    raise AssertionError("DeepSpeed takes a misspelt key")


def lint_definitions(machines):
    """cfn-lint knows the states language where a definition has no references in it."""
    resources = {
        re.sub("[^A-Za-z0-9]", "", name): {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/R", "DefinitionString": json.dumps(definition),
            },
        }
        for name, definition in machines
    }
    path = ASSEMBLY / "definitions.json"
    path.write_text(json.dumps({"Resources": resources}))
    lint([path])


def run_machines(machines):
    """Runs every state in moto's interpreter. It knows no `.sync`, so there a request is made and not waited for."""
    from moto import mock_aws

    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        import boto3

        states, sagemaker = boto3.client("stepfunctions"), boto3.client("sagemaker")
        for name, definition in machines:
            definition = json.loads(json.dumps(definition).replace("createTrainingJob.sync", "createTrainingJob"))
            machine = states.create_state_machine(
                name=name, definition=json.dumps(definition), roleArn=f"arn:aws:iam::{ACCOUNT}:role/R"
            )
            run = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
            for _ in range(600):
                described = states.describe_execution(executionArn=run)
                if described["status"] != "RUNNING":
                    break
                time.sleep(0.05)
            events = states.get_execution_history(executionArn=run, maxResults=1000)["events"]
            entered = [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]
            if "Optimize" in definition["States"]:
                # Moto has no optimization jobs: the refused request is caught, and the run fails as it should.
                assert described["status"] == "FAILED" and "Optimize starts" in entered, (described, entered)
                assert entered[-1] == "Job failed", entered
            else:
                assert described["status"] == "SUCCEEDED", described
        jobs = sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
        names = {job["TrainingJobName"] for job in jobs}
        assert len(names) == len(machines), names
        assert all(re.fullmatch(r"launchers-[A-Za-z0-9-]+-[0-9a-f-]{36}-0", name) for name in names), names
    print("state machines run:", len(machines))


def run_pipelines(pipelines):
    from moto import mock_aws

    with mock_aws():
        import boto3

        sagemaker = boto3.client("sagemaker")
        for name, definition in pipelines:
            sagemaker.create_pipeline(
                PipelineName=name, PipelineDefinition=json.dumps(definition),
                RoleArn=f"arn:aws:iam::{ACCOUNT}:role/R", ClientRequestToken="0" * 32,
            )
            run = sagemaker.start_pipeline_execution(PipelineName=name, ClientRequestToken="1" * 32)
            described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=run["PipelineExecutionArn"])
            assert described["PipelineExecutionStatus"] in ("Executing", "Succeeded"), described
            kept = sagemaker.describe_pipeline_definition_for_execution(
                PipelineExecutionArn=run["PipelineExecutionArn"]
            )
            assert json.loads(kept["PipelineDefinition"]) == definition
    print("pipelines run:", len(pipelines))


def main():
    templates = sorted(ASSEMBLY.glob("*.template.json"))
    lint(templates)
    requests, machines, pipelines, compared = Requests(), [], [], 0
    for path in templates:
        name = path.name.partition(".")[0]
        for logical_id, resource, document in documents(json.loads(path.read_text())):
            for operation, arguments in requests_of(resource, document):
                requests.validate(operation, arguments)
            if resource["Type"] == "AWS::SageMaker::Pipeline":
                first = document["Steps"][0]
                # The SDK has no serverless jobs.
                if first["Type"] == "Training" and "ServerlessJobConfig" not in first["Arguments"]:
                    like_the_sdk(name, document["Steps"][0]["Arguments"])
                    compared += 1
                pipelines.append((f"{name}-{logical_id}", document))
            elif resource["Type"] == "AWS::StepFunctions::StateMachine":
                machines.append((f"{name}-{logical_id}", document))
    for operation, kind in KINDS.items():
        print(f"{kind}:", requests.counts[operation])
    print("like the SDK's:", compared)
    lint_definitions(machines)
    files = 0
    for path in ASSEMBLY.glob("asset.*.tar.gz"):
        with tarfile.open(path) as archive:
            if "ds_config.json" in archive.getnames():
                deepspeed_reads(archive.extractfile("ds_config.json").read())
                files += 1
    print("DeepSpeed files:", files)
    run_machines(machines)
    run_pipelines(pipelines)


main()
