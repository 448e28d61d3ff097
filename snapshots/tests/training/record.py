"""Records the CreateTrainingJob requests of the SageMaker Python SDK 2.257.7: `python record.py` writes NAME.json.

No request is sent: the session keeps what the SDK would have sent. The files beside this script are its output, except
ds, hetero, hf, sk, smp and xgb, which are requests of public samples that were recorded in the same way on 2026-11-26.
For `recipe`, the SDK clones the adapter of HyperPod recipes from GitHub (recorded on 2026-11-27 with its commit 0f91fdd).
"""

import json
import logging
import os
import pathlib
import tempfile
from unittest.mock import MagicMock

os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
logging.disable(logging.WARNING)

import boto3
import sagemaker
import sagemaker.telemetry.telemetry_logging as telemetry
from sagemaker.debugger import (
    CollectionConfig, DebuggerHookConfig, FrameworkProfile, ProfilerConfig, ProfilerRule, Rule, TensorBoardOutputConfig,
    rule_configs,
)
from sagemaker.estimator import Estimator
from sagemaker.huggingface import HuggingFace
from sagemaker.inputs import FileSystemInput, ShuffleConfig, TrainingInput
from sagemaker.pytorch import PyTorch
from sagemaker.tensorflow import TensorFlow
from sagemaker.transformer import Transformer
from sagemaker.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner, IntegerParameter
from sagemaker.xgboost import XGBoost

telemetry._send_telemetry_request = lambda *arguments, **more: None
REGION, ROLE, BUCKET = "us-east-1", "arn:aws:iam::111122223333:role/R", "s3://my-bucket"
DIRECTORY = pathlib.Path(__file__).parent


class Session(sagemaker.Session):
    requests = []

    def _intercept_create_request(self, request, create, func_name=None):
        self.requests.append(request)

    def upload_data(self, path, bucket, key_prefix, **more):
        return f"s3://{bucket}/{key_prefix}/{pathlib.Path(path).name}"

    def _get_account_id_if_default_bucket(self, bucket):
        return None


def session():
    made = Session(
        boto_session=MagicMock(region_name=REGION), sagemaker_client=MagicMock(), sagemaker_runtime_client=MagicMock(),
        default_bucket="my-bucket",
    )
    made.account_id = lambda: "111122223333"
    made._default_bucket = "my-bucket"
    made.wait_for_job = made.logs_for_job = lambda *arguments, **more: None
    return made


def record(name, kind, inputs=None, experiment=None, **settings):
    estimator = kind(role=ROLE, sagemaker_session=session(), **settings)
    estimator.fit(inputs, wait=False, experiment_config=experiment)
    request = Session.requests[-1]
    write(name, request)


def write(name, request):
    (DIRECTORY / f"{name}.json").write_text(json.dumps(request, indent=1, sort_keys=True, default=str) + "\n")


def main():
    directory = tempfile.mkdtemp()
    pathlib.Path(directory, "train.py").write_text("")
    script = {"entry_point": "train.py", "source_dir": directory}
    image = lambda *arguments, **more: sagemaker.image_uris.retrieve(*arguments, region=REGION, **more)
    data = lambda key, **more: TrainingInput(f"{BUCKET}/{key}", **more)
    tensorflow = {"framework_version": "2.13", "py_version": "py310", **script}

    record("tf-mirrored", TensorFlow, {"training": data("x")}, instance_type="ml.g5.12xlarge", instance_count=2,
           distribution={"multi_worker_mirrored_strategy": {"enabled": True}}, hyperparameters={"epochs": 2}, **tensorflow)
    record("tf-horovod", TensorFlow, {"training": data("x")}, instance_type="ml.p3.16xlarge", instance_count=2,
           distribution={"mpi": {"enabled": True, "processes_per_host": 8, "custom_mpi_options": "-verbose --NCCL_DEBUG=INFO"}},
           model_dir=False, checkpoint_s3_uri=f"{BUCKET}/ck", checkpoint_local_path="/opt/ml/model", **tensorflow)
    record("tf-servers", TensorFlow, instance_type="ml.c5.2xlarge", instance_count=2, disable_profiler=True,
           debugger_hook_config=False, distribution={"parameter_server": {"enabled": True}}, **tensorflow)
    record("pt-torchrun", PyTorch, {"train": data("train", input_mode="FastFile"), "test": data("test")},
           experiment={"ExperimentName": "e", "TrialName": "t", "TrialComponentDisplayName": "Training"},
           framework_version="2.6.0", py_version="py312", instance_type="ml.p4d.24xlarge", instance_count=2,
           distribution={"torch_distributed": {"enabled": True}}, hyperparameters={"lr": 0.001, "backend": "nccl", "amp": True},
           metric_definitions=[{"Name": "loss", "Regex": "loss=(.*?);"}], environment={"NCCL_DEBUG": "INFO"},
           checkpoint_s3_uri=f"{BUCKET}/ck", checkpoint_local_path="/opt/ml/local", max_retry_attempts=3,
           tags=[{"Key": "team", "Value": "vision"}], output_path=f"{BUCKET}/out", **script)
    record("pt-smddp", PyTorch, {"training": FileSystemInput("fs-0123456789abcdef0", "EFS", "/data", "ro")},
           framework_version="1.13.1", py_version="py39", instance_type="ml.p4d.24xlarge", instance_count=2,
           distribution={"smdistributed": {"dataparallel": {"enabled": True, "custom_mpi_options": "-verbose -x NCCL_DEBUG=VERSION"}}},
           subnets=["subnet-0123456789abcdef0"], security_group_ids=["sg-0123456789abcdef0"], **script)
    record("pt-trainium", PyTorch, {"train": data("x")}, framework_version="1.12.1", py_version="py38",
           instance_type="ml.trn1.32xlarge", instance_count=2, volume_size=512, hyperparameters={"batch_size": 8},
           distribution={"torch_distributed": {"enabled": True}}, disable_profiler=True, **script)
    record("pt-cpu", PyTorch, framework_version="2.6", py_version="py312", instance_type="ml.c5.xlarge", instance_count=1,
           input_mode="Pipe", **script)
    record("hf-spot", HuggingFace, {"train": data("x")}, transformers_version="4.49.0", pytorch_version="2.5.1",
           py_version="py311", instance_type="ml.p4d.24xlarge", instance_count=1, use_spot_instances=True, max_run=36000,
           max_wait=72000, checkpoint_s3_uri=f"{BUCKET}/ck", distribution={"torch_distributed": {"enabled": True}},
           hyperparameters={"model_id": "google/flan-t5-xxl", "deepspeed": "ds.json", "lr": 5e-05}, **script)
    record("xgb-script", XGBoost, {"train": data("train", content_type="text/csv")}, framework_version="1.7-1",
           instance_type="ml.m5.2xlarge", instance_count=2, hyperparameters={"objective": "reg:squarederror", "verbosity": 1},
           **script)
    record("autogluon", Estimator, {"config": data("config"), "train": data("train")},
           image_uri=image("autogluon", version="1.1.1", py_version="py311", image_scope="training", instance_type="ml.m5.2xlarge"),
           instance_type="ml.m5.2xlarge", instance_count=1, hyperparameters={"config": "config.yaml", "fit": True}, **script)
    record("image-classification", Estimator,
           {"train": data("train.manifest", s3_data_type="AugmentedManifestFile", attribute_names=["source-ref", "class"],
                          content_type="application/x-recordio", record_wrapping="RecordIO", input_mode="Pipe",
                          shuffle_config=ShuffleConfig(7)),
            "validation": data("validation.manifest", s3_data_type="ManifestFile", compression="Gzip",
                               distribution="ShardedByS3Key")},
           image_uri=image("image-classification"), instance_type="ml.p3.2xlarge", instance_count=1, volume_size=50,
           input_mode="Pipe", output_path=f"{BUCKET}/out", hyperparameters={"num_layers": 18, "learning_rate": 0.01, "optimizer": "sgd"},
           encrypt_inter_container_traffic=True, output_kms_key="arn:aws:kms:us-east-1:111122223333:key/k",
           volume_kms_key="arn:aws:kms:us-east-1:111122223333:key/k", enable_network_isolation=True)
    record("own-container", Estimator, {"train": FileSystemInput("fs-0123456789abcdef0", "FSxLustre", "/abc/data", "ro")},
           image_uri="111122223333.dkr.ecr.us-east-1.amazonaws.com/own:1", instance_type="ml.g5.2xlarge", instance_count=1,
           container_entry_point=["python3", "/app/main.py"], container_arguments=["--epochs", "3"],
           hyperparameters={"name": "value", "flag": "yes"}, subnets=["subnet-0123456789abcdef0"],
           security_group_ids=["sg-0123456789abcdef0"], keep_alive_period_in_seconds=1800, max_run=3600,
           enable_infra_check=True, enable_remote_debug=True, enable_session_tag_chaining=True, disable_profiler=True)
    record("debugged", PyTorch, {"train": data("x")}, framework_version="1.12", py_version="py38", instance_type="ml.g4dn.12xlarge",
           instance_count=1,
           rules=[Rule.sagemaker(rule_configs.vanishing_gradient(), rule_parameters={"threshold": "0.0000001"}),
                  ProfilerRule.sagemaker(rule_configs.ProfilerReport())],
           debugger_hook_config=DebuggerHookConfig(
               s3_output_path=f"{BUCKET}/tensors", hook_parameters={"save_interval": "100"},
               collection_configs=[CollectionConfig("gradients", {"save_interval": "500"})]),
           profiler_config=ProfilerConfig(system_monitor_interval_millis=500, s3_output_path=f"{BUCKET}/profiles"),
           tensorboard_output_config=TensorBoardOutputConfig(f"{BUCKET}/tensorboard", "/opt/ml/output/tensorboard"), **script)
    record("recipe", PyTorch, {"train": data("train"), "val": data("val")}, source_dir=directory,
           training_recipe=str(DIRECTORY / "recipe.yaml"), instance_type="ml.p5.48xlarge", output_path=f"{BUCKET}/out")
    record("recipe-channel", PyTorch, {"train": data("train")}, training_recipe=str(DIRECTORY / "recipe-channel.yaml"),
           image_uri="327873000638.dkr.ecr.us-east-1.amazonaws.com/hyperpod-recipes:llmft-v1.0.0",
           instance_type="ml.p5.48xlarge", output_path=f"{BUCKET}/out")
    public(image, data)


def public(image, data):
    """Samples of aws/amazon-sagemaker-examples with built-in algorithms, a tuning job and a batch transform."""
    # introduction_to_amazon_algorithms/blazingtext_text_classification_dbpedia
    record("blazingtext", Estimator,
           {"train": data("train", distribution="FullyReplicated", content_type="text/plain", s3_data_type="S3Prefix"),
            "validation": data("validation", distribution="FullyReplicated", content_type="text/plain", s3_data_type="S3Prefix")},
           image_uri=image("blazingtext"), instance_type="ml.c4.4xlarge", instance_count=1, volume_size=30, max_run=360000,
           input_mode="File", output_path=f"{BUCKET}/output",
           hyperparameters={"mode": "supervised", "epochs": 1, "min_count": 2, "learning_rate": 0.05, "vector_dim": 10,
                            "early_stopping": True, "patience": 4, "min_epochs": 5, "word_ngrams": 2})
    # introduction_to_applying_machine_learning/deepar_electricity
    record("deepar", Estimator, {"train": data("train/"), "test": data("test/")},
           image_uri=image("forecasting-deepar"), instance_type="ml.c4.2xlarge", instance_count=1, base_job_name="deepar",
           output_path=f"{BUCKET}/output",
           hyperparameters={"time_freq": "2H", "epochs": "400", "early_stopping_patience": "40", "mini_batch_size": "64",
                            "learning_rate": "5E-4", "context_length": "84", "prediction_length": "84"})
    # introduction_to_amazon_algorithms/object_detection_pascalvoc_coco, on two GPUs with incremental training
    record("object-detection", Estimator,
           {"train": data("train", distribution="FullyReplicated", content_type="application/x-recordio", s3_data_type="S3Prefix"),
            "validation": data("validation", distribution="FullyReplicated", content_type="application/x-recordio", s3_data_type="S3Prefix"),
            "model": data("model.tar.gz", content_type="application/x-sagemaker-model", input_mode="File")},
           image_uri=image("object-detection"), instance_type="ml.p3.2xlarge", instance_count=2, volume_size=50, max_run=360000,
           input_mode="Pipe", output_path=f"{BUCKET}/output", disable_profiler=True,
           hyperparameters={"base_network": "resnet-50", "use_pretrained_model": 1, "num_classes": 20, "mini_batch_size": 32,
                            "learning_rate": 0.001, "lr_scheduler_step": "3,6", "nms_threshold": 0.45})
    # hyperparameter_tuning/xgboost_direct_marketing
    tuned = Estimator(
        role=ROLE, sagemaker_session=session(), image_uri=image("xgboost", version="1.7-1"), instance_type="ml.m4.xlarge",
        instance_count=1, output_path=f"{BUCKET}/output",
        hyperparameters={"eval_metric": "auc", "objective": "binary:logistic", "num_round": 10, "rate_drop": 0.3, "tweedie_variance_power": 1.4})
    tuner = HyperparameterTuner(
        tuned, "validation:auc",
        {"eta": ContinuousParameter(0, 1), "min_child_weight": ContinuousParameter(1, 10),
         "alpha": ContinuousParameter(0, 2, scaling_type="Linear"), "max_depth": IntegerParameter(1, 10),
         "booster": CategoricalParameter(["gbtree", "dart"])},
        max_jobs=20, max_parallel_jobs=3, early_stopping_type="Auto")
    calls = []
    tuned.sagemaker_session.sagemaker_client.create_hyper_parameter_tuning_job.side_effect = lambda **request: calls.append(request)
    tuner.fit({"train": data("train", content_type="csv"), "validation": data("validation", content_type="csv")}, wait=False)
    write("tuning", calls[0] if calls else Session.requests[-1])
    # sagemaker_batch_transform/batch_transform_associate_predictions_with_input
    own = session()
    own.sagemaker_client.describe_model.return_value = {"PrimaryContainer": {"Image": image("xgboost", version="1.7-1")}}
    transformer = Transformer(
        "model", 2, "ml.c4.xlarge", strategy="MultiRecord", assemble_with="Line", output_path=f"{BUCKET}/answers/",
        accept="text/csv", max_payload=6, max_concurrent_transforms=4, env={"MODEL_SERVER_TIMEOUT": "600"},
        volume_kms_key="arn:aws:kms:us-east-1:111122223333:key/k", output_kms_key="arn:aws:kms:us-east-1:111122223333:key/k",
        sagemaker_session=own)
    transformer.transform(
        f"{BUCKET}/batch/", content_type="text/csv", split_type="Line", compression_type="Gzip", input_filter="$[1:]",
        output_filter="$[0,-1]", join_source="Input", wait=False, logs=False)
    write("transform", Session.requests[-1])


main()
