"""Judges a Kubernetes manifest: a HyperPodPyTorchJob by the classes that AWS generates from the definition of the operator, and
its pods by the schemas of Kubernetes."""

import importlib.util
import json
import pathlib
import sys

import kubernetes_validate

# Versions of Kubernetes that HyperPod supports.
VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34")


def operator_classes():
    """The module alone: its package needs a Kubernetes client."""
    path = pathlib.Path(sys.executable).parent.parent.joinpath(
        "hyperpod/sagemaker/hyperpod/training/config/hyperpod_pytorch_job_unified_config.py"
    )
    assert path.exists(), f"{path} is not installed: run `cargo xtask tools`"
    spec = importlib.util.spec_from_file_location("operator_classes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hyperpod_job(manifest, counts):
    assert manifest["apiVersion"] == "sagemaker.amazonaws.com/v1", manifest["apiVersion"]
    assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}, set(manifest)
    kind = operator_classes()._HyperPodPytorchJob
    unknown = set(manifest["spec"]) - set(kind.model_fields)
    assert not unknown, unknown
    kind.model_validate(manifest["spec"], by_name=True, by_alias=False)
    counts["HyperPodPyTorchJob"] = counts.get("HyperPodPyTorchJob", 0) + 1
    for replica in manifest["spec"]["replicaSpecs"]:
        pod = {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": manifest["metadata"]["name"]},
            **replica["template"],
        }
        for version in VERSIONS:
            kubernetes_validate.validate(pod, version, strict=True)
        counts["Pod"] = counts.get("Pod", 0) + 1


def refuses(manifest, change):
    """Whether a change of the manifest is found, so that the judge judges."""
    changed = json.loads(json.dumps(manifest))
    change(changed["spec"])
    try:
        hyperpod_job(changed, {})
    except Exception:
        return True
    return False


def main():
    manifest, counts = json.loads(pathlib.Path(sys.argv[1]).read_text()), {}
    assert manifest["kind"] == "HyperPodPyTorchJob", manifest["kind"]
    hyperpod_job(manifest, counts)
    wrong = (
        lambda spec: spec["runPolicy"].update(maxRetries=3),
        lambda spec: spec["runPolicy"]["restartPolicy"].pop("evalPeriodSeconds"),
        lambda spec: spec["replicaSpecs"][0]["template"]["spec"]["containers"][0].update(ports="8080"),
        lambda spec: spec["replicaSpecs"][0]["template"]["spec"].update(nodeSelectors={}),
    )
    for change in wrong:
        assert refuses(manifest, change), change
    for what, count in counts.items():
        print(f"{what}: {count}")


main()
