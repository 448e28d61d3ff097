"""Writes the relevance scorers as ONNX: `python export.py DIRECTORY`. Triton has TensorRT compile them where they run.

The scores are those of ../training/scorers.py, for a batch of images at a time: patches [images, 256, 64], query
[images, 64]; every score [images, 256]. `python export.py DIRECTORY WEIGHTS.npz` writes them with the weights of a training
job; without them they are the fixed scores of ../model/code/inference.py.
"""

import pathlib
import sys

import numpy as np
from onnx import checker, helper, numpy_helper

PATCHES, FEATURES = 256, 64
WEIGHTS = {"information": 0.3, "salience": 0.3, "coupling": 0.4}
# The least sum, length and share: keeps logarithms and quotients finite. It has to be representable in fp16, in which TensorRT computes: 1e-9 is 0 there.
TINY = 1e-4
FIXED = {
    "information_gains": np.ones(FEATURES),
    "salience_gains": np.ones(FEATURES),
    "projection": np.eye(FEATURES),
    "weights": np.array(list(WEIGHTS.values())),
}
# What the graphs compute in: a test also writes them in fp16.
KIND = np.float32


def tensor(name, *dims):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(KIND)), ["images", *dims])


def constant(name, values, kind=None):
    return numpy_helper.from_array(np.array(values, dtype=kind or KIND), name)


def patches_in():
    return tensor("patches", PATCHES, FEATURES)


def query_in():
    return tensor("query", FEATURES)


def model(name, inputs, outputs, nodes, constants):
    nodes = [helper.make_node(operator, into, [out], **more) for operator, into, out, more in nodes]
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(made, full_check=True)
    return made


def information(weights=FIXED):
    """The entropy of a patch's features, as a share of the most there can be."""
    return model(
        "information", [patches_in()], [tensor("information", PATCHES)],
        [
            ("Abs", ["patches"], "absolute", {}),
            ("Mul", ["absolute", "gains"], "sizes", {}),
            ("ReduceSum", ["sizes", "last"], "total", {"keepdims": 1}),
            ("Max", ["total", "tiny"], "some", {}),
            ("Div", ["sizes", "some"], "shares", {}),
            ("Max", ["shares", "tiny"], "positive", {}),
            ("Log", ["positive"], "logarithms", {}),
            ("Mul", ["shares", "logarithms"], "products", {}),
            ("ReduceSum", ["products", "last"], "sum", {"keepdims": 0}),
            ("Div", ["sum", "most"], "information", {}),
        ],
        [
            constant("last", [-1], np.int64), constant("tiny", TINY), constant("most", -np.log(FEATURES)),
            constant("gains", weights["information_gains"]),
        ],
    )


def salience(weights=FIXED):
    """The distance from the mean patch, as a share of the largest one."""
    return model(
        "salience", [patches_in()], [tensor("salience", PATCHES)],
        [
            ("ReduceMean", ["patches"], "mean", {"axes": [1], "keepdims": 1}),
            ("Sub", ["patches", "mean"], "differences", {}),
            ("Mul", ["differences", "gains"], "gained", {}),
            ("ReduceL2", ["gained"], "distances", {"axes": [2], "keepdims": 0}),
            ("ReduceMax", ["distances"], "largest", {"axes": [1], "keepdims": 1}),
            ("Max", ["largest", "tiny"], "some", {}),
            ("Div", ["distances", "some"], "salience", {}),
        ],
        [constant("tiny", TINY), constant("gains", weights["salience_gains"])],
    )


def coupling(weights=FIXED):
    """The cosine of a patch and the query, between 0 and 1."""
    return model(
        "coupling", [patches_in(), query_in()], [tensor("coupling", PATCHES)],
        [
            ("Unsqueeze", ["query", "last"], "column", {}),
            ("MatMul", ["patches", "projection"], "projected", {}),
            ("MatMul", ["projected", "column"], "products", {}),
            ("Squeeze", ["products", "last"], "flat", {}),
            ("ReduceL2", ["projected"], "lengths", {"axes": [2], "keepdims": 0}),
            ("ReduceL2", ["query"], "length", {"axes": [1], "keepdims": 1}),
            ("Mul", ["lengths", "length"], "both", {}),
            ("Max", ["both", "tiny"], "some", {}),
            ("Div", ["flat", "some"], "cosines", {}),
            ("Add", ["cosines", "one"], "raised", {}),
            ("Mul", ["raised", "half"], "scaled", {}),
            ("Clip", ["scaled", "zero", "one"], "coupling", {}),
        ],
        [
            constant("last", [-1], np.int64), constant("tiny", TINY), constant("half", 0.5),
            constant("zero", 0.0), constant("one", 1.0), constant("projection", weights["projection"]),
        ],
    )


def combine(weights=FIXED):
    """The three scores, weighted."""
    names = list(WEIGHTS)
    return model(
        "combine", [tensor(name, PATCHES) for name in names], [tensor("relevance", PATCHES)],
        [("Mul", [name, f"of_{name}"], f"weighted_{name}", {}) for name in names]
        + [("Sum", [f"weighted_{name}" for name in names], "relevance", {})],
        [constant(f"of_{name}", weight) for name, weight in zip(WEIGHTS, weights["weights"])],
    )


def main(directory, weights=None):
    weights = dict(np.load(weights)) if weights else FIXED
    for make in (information, salience, coupling, combine):
        path = pathlib.Path(directory) / f"{make.__name__}.onnx"
        path.write_bytes(make(weights).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
