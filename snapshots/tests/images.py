"""Compares a list of images with what sagemaker's `image_uris.retrieve` gives: one line an image and region."""

import functools
import json
import logging
import pathlib
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from sagemaker import image_uris  # noqa: E402

# The SDK reads its tables and botocore's for every image.
image_uris.utils._botocore_resolver = functools.cache(image_uris.utils._botocore_resolver)
image_uris.config_for_framework = functools.cache(image_uris.config_for_framework)

ROOT = pathlib.Path(__file__).parent.parent.parent
FAMILIES = json.loads((ROOT / "schemas/facts/image_uris.json").read_text())["families"]
INSTANCES = {
    "Cpu": ["ml.m5.xlarge"],
    "Gpu": ["ml.g5.xlarge", "ml.p3.2xlarge"],
    "Graviton": ["ml.c6g.xlarge"],
    "Neuron": ["ml.trn1.2xlarge", "ml.inf2.xlarge", "ml.inf1.xlarge"],
}


def candidates(family, version, processor, region):
    facts = FAMILIES[family]
    version, _, base = version.partition("/")
    arguments = {"framework": facts["framework"], "version": version, "image_scope": facts["scope"], "region": region}
    python = facts["versions"][f"{version}/{base}" if base else version].get("python")
    if python:
        arguments["py_version"] = python
    if base:
        arguments["base_framework_version"] = base
    if facts["framework"] == "huggingface-neuronx":
        arguments.update(framework="huggingface", inference_tool="neuronx")
    if facts["framework"] == "pytorch-neuron":
        arguments["framework"] = "pytorch"
    if facts["framework"] == "spark":
        config = image_uris.config_for_framework("spark")["processing"]["versions"][version]
        arguments["container_version"] = (config.get("container_versions") or ["1"])[-1]
    for instance in INSTANCES[processor]:
        try:
            yield image_uris.retrieve(instance_type=instance, **arguments)
        except (ValueError, KeyError):
            continue


compared, seen, wrong = 0, set(), []
for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
    family, version, processor, region, account, image = line.split("\t")
    if FAMILIES[family].get("not_in_sdk"):
        continue
    found = list(candidates(family, version, processor, region))
    host = {uri.split("/")[0].split(".", 4)[4] for uri in found}
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    if not region.startswith(("us-iso", "eu-iso", "eusc")):
        assert host <= {suffix}, (region, host)
    expected = [uri.split("/", 1)[1] for uri in found if uri.startswith(account + ".dkr.ecr." + region + ".")]
    compared += 1
    seen.add(family)
    # An image without a tag is the one with the tag `latest`.
    if image not in expected and image.removesuffix(":latest") not in expected:
        wrong.append((line, found))
assert not wrong, wrong[:5]
print("images:", compared, "families:", len(seen))
