"""Judges the scorers of an example: what production serves is what its script exports, the configuration of them that Triton reads, and what
the scorers of development compute."""

import importlib.util
import io
import json
import pathlib
import sys
import tarfile

import numpy as np
import onnx
import onnxruntime
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

ASSEMBLY = pathlib.Path(sys.argv[1])
EXAMPLE = pathlib.Path(__file__).parent.parent.parent / "examples/arr-coc"


def script(path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def repository():
    """The archive that has Triton's configurations in it."""
    for path in ASSEMBLY.glob("**/*.tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            files = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
            if "relevance/config.pbtxt" in files:
                return files
    raise AssertionError("no archive with the ensemble")


def config(files, name):
    return text_format.Parse(files[f"{name}/config.pbtxt"].decode(), model_config_pb2.ModelConfig())


def shapes(tensors):
    """Name to shape, without the batch, of a graph's tensors."""
    return {
        one.name: [dimension.dim_value for dimension in one.type.tensor_type.shape.dim][1:] for one in tensors
    }


def main():
    sys.dont_write_bytecode = True
    files, export = repository(), script(EXAMPLE / "scorers/export.py")
    sessions = {}
    for make in (export.information, export.salience, export.coupling, export.combine):
        name = make.__name__
        content = files[f"{name}/1/model.onnx"]
        assert content == make().SerializeToString(deterministic=True), f"{name}.onnx is not what export.py writes"
        graph, config_of = onnx.load_from_string(content).graph, config(files, name)
        assert shapes(graph.input) == {one.name: list(one.dims) for one in config_of.input}, name
        assert shapes(graph.output) == {one.name: list(one.dims) for one in config_of.output}, name
        sessions[name] = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    # The ensemble, step by step, as Triton runs it.
    random = np.random.default_rng(7)
    made = {
        "patches": random.normal(size=(2, export.PATCHES, export.FEATURES)).astype(np.float32),
        "query": random.normal(size=(2, export.FEATURES)).astype(np.float32),
    }
    ensemble = config(files, "relevance")
    for step in ensemble.ensemble_scheduling.step:
        given = {of_model: made[tensor] for of_model, tensor in step.input_map.items()}
        names = list(step.output_map)
        for name, value in zip(names, sessions[step.model_name].run(names, given)):
            made[step.output_map[name]] = value

    inference = script(EXAMPLE / "model/code/inference.py")
    for image in range(2):
        body = json.dumps({"patches": made["patches"][image].tolist(), "query": made["query"][image].tolist()})
        request = inference.input_fn(body, "application/json")
        expected = inference.predict_fn(request, inference.model_fn("/opt/ml/model"))
        for name, scores in {**expected["scores"], "relevance": expected["relevance"]}.items():
            difference = np.abs(made[name][image] - np.array(scores)).max()
            assert difference < 1e-4, (name, difference)
    print("scorers agree:", len(sessions))


main()
