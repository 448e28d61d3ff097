"""Records the requests of the SageMaker Python SDK 2.257.7 for endpoints: `python record.py` writes NAME.json.

No request is sent: the client of the session keeps what the SDK would have sent. Each file has the requests CreateModel,
CreateEndpointConfig, CreateEndpoint and CreateInferenceComponent of one deployment, by operation.
"""

import json
import logging
import os
import pathlib
from unittest.mock import MagicMock

os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
logging.disable(logging.WARNING)

import sagemaker
import sagemaker.telemetry.telemetry_logging as telemetry
from botocore.exceptions import ClientError
from sagemaker.async_inference import AsyncInferenceConfig
from sagemaker.compute_resource_requirements.resource_requirements import ResourceRequirements
from sagemaker.enums import EndpointType
from sagemaker.huggingface import HuggingFaceModel, get_huggingface_llm_image_uri
from sagemaker.model import Model
from sagemaker.model_monitor import DataCaptureConfig
from sagemaker.multidatamodel import MultiDataModel
from sagemaker.pipeline import PipelineModel
from sagemaker.serverless import ServerlessInferenceConfig
from sagemaker.tensorflow import TensorFlowModel

telemetry._send_telemetry_request = lambda *arguments, **more: None
REGION, ROLE, BUCKET = "us-east-1", "arn:aws:iam::111122223333:role/R", "s3://my-bucket"
DIRECTORY = pathlib.Path(__file__).parent
OPERATIONS = {
    "create_model": "CreateModel",
    "create_endpoint_config": "CreateEndpointConfig",
    "create_endpoint": "CreateEndpoint",
    "create_inference_component": "CreateInferenceComponent",
}


def session():
    made = sagemaker.Session(
        boto_session=MagicMock(region_name=REGION), sagemaker_client=MagicMock(), sagemaker_runtime_client=MagicMock(),
        default_bucket="my-bucket",
    )
    made.account_id = lambda: "111122223333"
    made._default_bucket = "my-bucket"
    return made


def record(file, kind, deploy, **settings):
    own = session()
    model = kind(role=ROLE, sagemaker_session=own, **settings)
    missing = ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find endpoint"}}, "DescribeEndpoint")
    own.sagemaker_client.describe_endpoint.side_effect = missing
    model.deploy(wait=False, endpoint_name="e", **deploy)
    requests = {
        OPERATIONS[call[0]]: call[2] for call in own.sagemaker_client.method_calls if call[0] in OPERATIONS
    }
    assert "CreateModel" in requests and len(requests) >= 2, (file, requests)
    (DIRECTORY / f"{file}.json").write_text(json.dumps(requests, indent=1, sort_keys=True) + "\n")


def image(framework, version, instance_type, **more):
    return sagemaker.image_uris.retrieve(
        framework, REGION, version=version, instance_type=instance_type, image_scope="inference", **more
    )


def main():
    one = {"initial_instance_count": 1, "instance_type": "ml.g5.2xlarge"}
    pytorch = image("pytorch", "2.6.0", "ml.g5.2xlarge", py_version="py312")
    cpu = image("pytorch", "2.6.0", "ml.m5.large", py_version="py312")
    archive = f"{BUCKET}/scorers/model.tar.gz"
    record("archive", Model, one, image_uri=pytorch, model_data=archive, env={"SAGEMAKER_PROGRAM": "inference.py"})
    prefix = {"S3DataSource": {"S3Uri": f"{BUCKET}/llama/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
    record("prefix", Model, one, image_uri=pytorch, model_data=prefix)
    record(
        "closed", Model,
        {
            **one,
            "kms_key": "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "data_capture_config": DataCaptureConfig(
                enable_capture=True, sampling_percentage=20, destination_s3_uri=f"{BUCKET}/captured", sagemaker_session=session(),
            ),
            "container_startup_health_check_timeout": 600,
            "model_data_download_timeout": 1200,
            "volume_size": 100,
            "instance_type": "ml.m5.xlarge",
        },
        image_uri=cpu, model_data=archive, enable_network_isolation=True,
        vpc_config={"Subnets": ["subnet-0123456789abcdef0"], "SecurityGroupIds": ["sg-0123456789abcdef0"]},
    )
    record(
        "serverless", Model, {"serverless_inference_config": ServerlessInferenceConfig(6144, 5)},
        image_uri=cpu, model_data=archive,
    )
    topic = "arn:aws:sns:us-east-1:111122223333:answers"
    record(
        "asynchronous", Model,
        {
            **one,
            "async_inference_config": AsyncInferenceConfig(
                output_path=f"{BUCKET}/answers/", failure_path=f"{BUCKET}/failures/",
                max_concurrent_invocations_per_instance=4,
                notification_config={"SuccessTopic": topic, "ErrorTopic": topic},
            ),
        },
        image_uri=pytorch, model_data=archive,
    )
    record(
        "multi-model", MultiDataModel, {"initial_instance_count": 2, "instance_type": "ml.m5.large"},
        name="many", model_data_prefix=f"{BUCKET}/many/", image_uri=cpu,
    )
    generation = get_huggingface_llm_image_uri("huggingface", version="3.2.3", region=REGION, session=session())
    record(
        "text-generation", HuggingFaceModel, {**one, "container_startup_health_check_timeout": 900},
        image_uri=generation,
        env={"HF_MODEL_ID": "HuggingFaceH4/zephyr-7b-beta", "SM_NUM_GPUS": "1", "MAX_INPUT_LENGTH": "2048", "MAX_TOTAL_TOKENS": "4096"},
    )
    large = sagemaker.image_uris.retrieve("djl-lmi", REGION, version="0.32.0")
    record(
        "large-model", Model, {"initial_instance_count": 1, "instance_type": "ml.g5.12xlarge", "container_startup_health_check_timeout": 3600},
        image_uri=large,
        env={"HF_MODEL_ID": "meta-llama/Llama-3.1-8B-Instruct", "OPTION_ROLLING_BATCH": "vllm", "TENSOR_PARALLEL_DEGREE": "4"},
    )
    record(
        "component", Model,
        {
            **one, "endpoint_type": EndpointType.INFERENCE_COMPONENT_BASED, "inference_component_name": "scorer",
            "resources": ResourceRequirements(requests={"num_accelerators": 1, "memory": 8192, "num_cpus": 2, "copies": 2}),
        },
        image_uri=pytorch, model_data=archive,
    )
    parts = [
        Model(image_uri=cpu, model_data=f"{BUCKET}/{part}/model.tar.gz", role=ROLE, sagemaker_session=session(), env={"PART": part})
        for part in ("prepare", "score")
    ]
    record("serial", PipelineModel, {"initial_instance_count": 2, "instance_type": "ml.m5.large"}, models=parts)
    public(image, archive, one, cpu)


def public(image, archive, one, cpu):
    """Samples of aws/amazon-sagemaker-examples and of Hugging Face."""
    # sagemaker-triton/resnet50
    triton = sagemaker.image_uris.retrieve("sagemaker-tritonserver", REGION, version="25.04", instance_type="ml.g4dn.xlarge")
    record(
        "triton", Model, {"initial_instance_count": 1, "instance_type": "ml.g4dn.xlarge"}, image_uri=triton,
        model_data=f"{BUCKET}/triton/resnet_pt_v0.tar.gz", env={"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "resnet"},
    )
    # notebooks/sagemaker/30_text_embedding_inference of huggingface/notebooks
    embedding = get_huggingface_llm_image_uri("huggingface-tei", version="1.8.2", region=REGION, session=session())
    record("embedding", HuggingFaceModel, one, image_uri=embedding, env={"HF_MODEL_ID": "BAAI/bge-m3"})
    # sagemaker/19_serverless_inference of huggingface/notebooks
    record(
        "hub-serverless", HuggingFaceModel,
        {"serverless_inference_config": ServerlessInferenceConfig(4096, 10)},
        transformers_version="4.26.0", pytorch_version="1.13.1", py_version="py39",
        env={"HF_MODEL_ID": "distilbert-base-uncased-finetuned-sst-2-english", "HF_TASK": "text-classification"},
    )
    # frameworks/tensorflow/get_started_mnist_deploy
    record(
        "tensorflow", TensorFlowModel, {"initial_instance_count": 1, "instance_type": "ml.c5.xlarge"},
        model_data=archive, framework_version="2.16.1",
    )
    # introduction_to_amazon_algorithms/linear_learner_mnist, as a serverless endpoint
    linear = sagemaker.image_uris.retrieve("linear-learner", REGION)
    record(
        "linear", Model, {"initial_instance_count": 1, "instance_type": "ml.m4.xlarge"}, image_uri=linear, model_data=archive,
    )
    # sagemaker_neuronx: generative AI on Inferentia with the large model container
    neuron = sagemaker.image_uris.retrieve("djl-neuronx", REGION, version="0.29.0")
    record(
        "neuron", Model, {"initial_instance_count": 1, "instance_type": "ml.inf2.24xlarge", "container_startup_health_check_timeout": 2700,
                          "volume_size": 256},
        image_uri=neuron, model_data={"S3DataSource": {"S3Uri": f"{BUCKET}/llama/", "S3DataType": "S3Prefix", "CompressionType": "None"}},
        env={"OPTION_TENSOR_PARALLEL_DEGREE": "12", "OPTION_N_POSITIONS": "4096", "OPTION_ROLLING_BATCH": "auto"},
    )


if __name__ == "__main__":
    main()
