"""Writes schemas/facts/image_uris.json: the images that sagemaker's `image_uris.retrieve` finds, by family.

Run it with the Python of `cargo xtask tools` after the version of sagemaker there has changed:

    .tools/python/bin/python xtask/tools/image_uris.py > schemas/facts/image_uris.json

A family is a framework of the SDK in one scope. Only names of repositories, tags, accounts and regions are written.
"""

import json
import logging
import re
import sys
from importlib.metadata import version as installed

logging.disable(logging.CRITICAL)
from sagemaker import image_uris  # noqa: E402

# family: framework of the SDK, scope, base framework of Hugging Face
FAMILIES = {
    "pytorch-training": ("pytorch", "training"),
    "pytorch-inference": ("pytorch", "inference"),
    "pytorch-inference-graviton": ("pytorch", "inference_graviton"),
    "tensorflow-training": ("tensorflow", "training"),
    "tensorflow-inference": ("tensorflow", "inference"),
    "tensorflow-inference-graviton": ("tensorflow", "inference_graviton"),
    "mxnet-training": ("mxnet", "training"),
    "mxnet-inference": ("mxnet", "inference"),
    "huggingface-pytorch-training": ("huggingface", "training", "pytorch"),
    "huggingface-pytorch-inference": ("huggingface", "inference", "pytorch"),
    "huggingface-tensorflow-training": ("huggingface", "training", "tensorflow"),
    "huggingface-tensorflow-inference": ("huggingface", "inference", "tensorflow"),
    "huggingface-pytorch-inference-neuronx": ("huggingface-neuronx", "inference", "pytorch"),
    "huggingface-tgi": ("huggingface-llm", "inference"),
    "huggingface-tgi-neuronx": ("huggingface-llm-neuronx", "inference"),
    "huggingface-tei": ("huggingface-tei", "inference"),
    "huggingface-tei-cpu": ("huggingface-tei-cpu", "inference"),
    "huggingface-vllm-neuronx": ("huggingface-vllm-neuronx", "inference"),
    "djl-lmi": ("djl-lmi", "inference"),
    "djl-tensorrtllm": ("djl-tensorrtllm", "inference"),
    "djl-neuronx": ("djl-neuronx", "inference"),
    "djl-deepspeed": ("djl-deepspeed", "inference"),
    "djl-fastertransformer": ("djl-fastertransformer", "inference"),
    "tritonserver": ("sagemaker-tritonserver", "inference"),
    "pytorch-training-neuron": ("pytorch-neuron", "training"),
    "xgboost-training": ("xgboost", "training"),
    "xgboost-inference": ("xgboost", "inference"),
    "xgboost-inference-graviton": ("xgboost", "inference_graviton"),
    "sklearn-training": ("sklearn", "training"),
    "sklearn-inference": ("sklearn", "inference"),
    "sklearn-inference-graviton": ("sklearn", "inference_graviton"),
    "spark": ("spark", "processing"),
    "sparkml-serving": ("sparkml-serving", "inference"),
    "autogluon-training": ("autogluon", "training"),
    "autogluon-inference": ("autogluon", "inference"),
    "clarify": ("clarify", "processing"),
    "data-wrangler": ("data-wrangler", "processing"),
    "model-monitor": ("model-monitor", "monitoring"),
    "debugger": ("debugger", "debugger"),
    "stabilityai": ("stabilityai", "inference"),
    "blazingtext": ("blazingtext", "training"),
    "factorization-machines": ("factorization-machines", "training"),
    "forecasting-deepar": ("forecasting-deepar", "training"),
    "image-classification": ("image-classification", "training"),
    "ipinsights": ("ipinsights", "training"),
    "kmeans": ("kmeans", "training"),
    "knn": ("knn", "training"),
    "lda": ("lda", "training"),
    "linear-learner": ("linear-learner", "training"),
    "ntm": ("ntm", "training"),
    "object-detection": ("object-detection", "training"),
    "object2vec": ("object2vec", "training"),
    "pca": ("pca", "training"),
    "randomcutforest": ("randomcutforest", "training"),
    "semantic-segmentation": ("semantic-segmentation", "training"),
    "seq2seq": ("seq2seq", "training"),
}

# An instance type for each processor: what `retrieve` takes it from.
INSTANCES = {
    "cpu": ["ml.m5.xlarge"],
    "gpu": ["ml.g5.xlarge", "ml.p3.2xlarge"],
    "graviton": ["ml.c6g.xlarge"],
    "neuron": ["ml.trn1.2xlarge", "ml.inf2.xlarge", "ml.inf1.xlarge"],
}

# Families that only sagemaker-core 2.27.0 (PyPI) lists, as of 2026-10-01, with the account of us-east-1; those of other
# regions are not known.
NEWER = {
    "vllm": {
        "0.23.0": "vllm:0.23.0-gpu-py312-cu130-ubuntu22.04-sagemaker",
        "0.24.0": "vllm:0.24.0-gpu-py312-cu130-ubuntu22.04-sagemaker",
        "0.25.0": "vllm:0.25.0-gpu-py312-cu130-ubuntu22.04-sagemaker",
        "0.25.1": "vllm:0.25.1-gpu-py312-cu130-ubuntu22.04-sagemaker",
        "0.26.0": "vllm:0.26.0-gpu-py312-cu130-ubuntu22.04-sagemaker",
        "0.27.1": "vllm:0.27.1-gpu-py312-cu130-ubuntu22.04-sagemaker",
        "0.28.0": "vllm:0.28.0-gpu-py312-cu130-ubuntu24.04-sagemaker",
        "0.29.0": "vllm:0.29.0-gpu-py312-cu130-ubuntu24.04-sagemaker",
        "0.30.0": "vllm:0.30.0-gpu-py312-cu130-ubuntu24.04-sagemaker"
    },
    "sglang": {
        "0.5.13": "sglang:0.5.13-gpu-py312-cu130-ubuntu24.04-sagemaker",
        "0.5.14": "sglang:0.5.14-gpu-py312-cu130-ubuntu24.04-sagemaker",
        "0.5.15": "sglang:0.5.15-gpu-py312-cu130-ubuntu24.04-sagemaker",
        "0.5.16": "sglang:0.5.16-gpu-py312-cu130-ubuntu24.04-sagemaker",
        "0.5.17": "sglang:0.5.17-gpu-py312-cu130-ubuntu24.04-sagemaker",
        "0.5.18": "sglang:0.5.18-gpu-py312-cu130-ubuntu24.04-sagemaker",
        "0.5.19": "sglang:0.5.19-gpu-py312-cu130-ubuntu24.04-sagemaker",
        "0.5.20": "sglang:0.5.20-gpu-py312-cu130-ubuntu24.04-sagemaker"
    },
    "huggingface-vllm": {
        "0.14.0": "huggingface-vllm:0.14.0-transformers4.57.3-gpu-py312-cu129-ubuntu22.04",
        "0.17.0": "huggingface-vllm:0.17.0-transformers4.57.5-gpu-py312-cu129-ubuntu22.04",
        "0.21.0": "huggingface-vllm:0.21.0-transformers5.8.1-gpu-py312-cu130-ubuntu22.04",
        "0.22.1": "huggingface-vllm:0.22.1-transformers5.10.2-gpu-py312-cu130-ubuntu22.04",
        "0.25.1": "huggingface-vllm:0.25.1-transformers5.10.2-gpu-py312-cu130-ubuntu22.04",
        "0.26.0": "huggingface-vllm:0.26.0-transformers5.10.2-gpu-py312-cu130-ubuntu22.04",
        "0.27.1": "huggingface-vllm:0.27.1-transformers5.10.2-gpu-py312-cu130-ubuntu22.04",
        "0.28.0": "huggingface-vllm:0.28.0-transformers5.15.0-gpu-py312-cu130-ubuntu24.04-v1.0",
        "0.29.0": "huggingface-vllm:0.29.0-transformers5.15.0-gpu-py312-cu130-ubuntu24.04-v1.0"
    }
}


def numbers(version):
    return [int(part) for part in re.findall(r"\d+", version)]


def attempts(family, framework, scope, base, version, fields):
    """The arguments of `retrieve` for each processor."""
    python = fields.get("py_versions") or []
    if "graviton" in scope:
        kinds = ["graviton"]
    elif "neuron" in framework:
        kinds = ["neuron"]
    else:
        kinds = ["cpu", "gpu"]
    for kind in kinds:
        for instance in INSTANCES[kind]:
            arguments = {"framework": framework, "version": version, "image_scope": scope, "instance_type": instance}
            if framework.startswith("huggingface-neuronx"):
                # The SDK finds this table by the framework and the tool.
                if (scope == "training") != instance.startswith("ml.trn"):
                    continue
                arguments["framework"] = "huggingface"
                arguments["inference_tool"] = "neuronx"
            if framework == "pytorch-neuron":
                arguments["framework"] = "pytorch"
            if python:
                arguments["py_version"] = max(python, key=numbers)
            if base:
                arguments["base_framework_version"] = base
            if framework == "spark":
                arguments["container_version"] = fields["container_version"]
            if framework == "pytorch-smp":
                arguments["distribution"] = {"torch_distributed": {"enabled": True}, "smdistributed": {"modelparallel": {"enabled": True}}}
            yield kind, arguments


def retrieve(arguments, region):
    """The repository with the tag."""
    uri = image_uris.retrieve(region=region, **arguments)
    return uri.split("/", 1)[1]


def main():
    registries, families = [], {}
    for family, (framework, scope, *rest) in FAMILIES.items():
        config = image_uris.config_for_framework(framework)
        table = config.get(scope) if "versions" not in config else config
        versions = {}
        for version, fields in table["versions"].items():
            bases = [(None, fields)]
            if rest:
                bases = [(name, fields[name]) for name in fields if name.startswith(rest[0]) and isinstance(fields[name], dict)]
            for base, inner in bases:
                python = max(inner.get("py_versions") or [""], key=numbers)
                inner = {**inner, **(inner.get(python) if isinstance(inner.get(python), dict) else {})}
                containers = inner.get("container_version")
                container_versions = [None]
                if framework == "spark":
                    container_versions = inner.get("container_versions") or ["1"]
                images = {}
                if "registries" not in inner:
                    print("no registries", family, version, base, sorted(inner), file=sys.stderr)
                    continue
                region = "us-west-2" if "us-west-2" in inner["registries"] else sorted(inner["registries"])[0]
                for kind, arguments in attempts(family, framework, scope, base, version, {**inner, "container_version": container_versions[-1]}):
                    if kind in images:
                        continue
                    try:
                        images[kind] = retrieve(arguments, region)
                    except Exception as error:
                        if "--explain" in sys.argv:
                            print(family, version, base, kind, str(error)[:150], file=sys.stderr)
                if not images:
                    print("none", family, version, base, file=sys.stderr)
                    continue
                if inner["registries"] not in registries:
                    registries.append(inner["registries"])
                name = version if base is None else f"{version}/{base}"
                versions[name] = {"registry": registries.index(inner["registries"]), **images}
                if python:
                    versions[name]["python"] = python
        families[family] = {
            "framework": framework,
            "scope": scope,
            "aliases": table.get("version_aliases") or {},
            "versions": versions,
        }
    registries.append({"us-east-1": "763104351884"})
    for family, versions in NEWER.items():
        families[family] = {
            "framework": family,
            "scope": "inference",
            "not_in_sdk": True,
            "aliases": {},
            "versions": {version: {"registry": len(registries) - 1, "gpu": image} for version, image in versions.items()},
        }
    document = {
        "source": f"sagemaker {installed('sagemaker')} (PyPI): what image_uris.retrieve returns, for one region and one instance type of each processor; image_uri_config/*.json for the accounts of each region; vLLM and SGLang from sagemaker-core 2.27.0",
        "registries": registries,
        "families": families,
    }
    print(json.dumps(document, indent=1, sort_keys=True))


main()
