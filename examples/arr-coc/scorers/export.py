"""Writes the relevance scorers as ONNX: `python export.py FOLDER`. Triton has TensorRT compile them where they run.

The scores are those of ../model/code/inference.py, for a batch of images at a time: patches [images, 256, 64], query
[images, 64]; every score [images, 256].
"""

import pathlib
import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

PATCHES, FEATURES = 256, 64
WEIGHTS = {"information": 0.3, "salience": 0.3, "coupling": 0.4}
# Keeps logarithms and quotients of nothing at nothing.
TINY = 1e-9


def tensor(name, *dims):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["images", *dims])


def constant(name, values, kind=np.float32):
    return numpy_helper.from_array(np.array(values, dtype=kind), name)


PATCHES_IN, QUERY_IN = tensor("patches", PATCHES, FEATURES), tensor("query", FEATURES)


def model(name, inputs, outputs, nodes, constants):
    nodes = [helper.make_node(operator, into, [out], **more) for operator, into, out, more in nodes]
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(made, full_check=True)
    return made


def information():
    """The entropy of a patch's features, as a share of the most there can be."""
    return model(
        "information", [PATCHES_IN], [tensor("information", PATCHES)],
        [
            ("Abs", ["patches"], "sizes", {}),
            ("ReduceSum", ["sizes", "last"], "total", {"keepdims": 1}),
            ("Add", ["total", "tiny"], "some", {}),
            ("Div", ["sizes", "some"], "shares", {}),
            ("Add", ["shares", "tiny"], "positive", {}),
            ("Log", ["positive"], "logarithms", {}),
            ("Mul", ["shares", "logarithms"], "products", {}),
            ("ReduceSum", ["products", "last"], "sum", {"keepdims": 0}),
            ("Div", ["sum", "most"], "information", {}),
        ],
        [constant("last", [-1], np.int64), constant("tiny", TINY), constant("most", -np.log(FEATURES))],
    )


def salience():
    """The distance from the mean patch, as a share of the largest one."""
    return model(
        "salience", [PATCHES_IN], [tensor("salience", PATCHES)],
        [
            ("ReduceMean", ["patches"], "mean", {"axes": [1], "keepdims": 1}),
            ("Sub", ["patches", "mean"], "differences", {}),
            ("ReduceL2", ["differences"], "distances", {"axes": [2], "keepdims": 0}),
            ("ReduceMax", ["distances"], "largest", {"axes": [1], "keepdims": 1}),
            ("Add", ["largest", "tiny"], "some", {}),
            ("Div", ["distances", "some"], "salience", {}),
        ],
        [constant("tiny", TINY)],
    )


def coupling():
    """The cosine of a patch and the query, between 0 and 1."""
    return model(
        "coupling", [PATCHES_IN, QUERY_IN], [tensor("coupling", PATCHES)],
        [
            ("Unsqueeze", ["query", "last"], "column", {}),
            ("MatMul", ["patches", "column"], "products", {}),
            ("Squeeze", ["products", "last"], "flat", {}),
            ("ReduceL2", ["patches"], "lengths", {"axes": [2], "keepdims": 0}),
            ("ReduceL2", ["query"], "length", {"axes": [1], "keepdims": 1}),
            ("Mul", ["lengths", "length"], "both", {}),
            ("Add", ["both", "tiny"], "some", {}),
            ("Div", ["flat", "some"], "cosines", {}),
            ("Add", ["cosines", "one"], "raised", {}),
            ("Mul", ["raised", "half"], "scaled", {}),
            ("Clip", ["scaled", "zero", "one"], "coupling", {}),
        ],
        [
            constant("last", [-1], np.int64), constant("tiny", TINY), constant("half", 0.5),
            constant("zero", 0.0), constant("one", 1.0),
        ],
    )


def combine():
    """The three scores, weighted."""
    names = list(WEIGHTS)
    return model(
        "combine", [tensor(name, PATCHES) for name in names], [tensor("relevance", PATCHES)],
        [("Mul", [name, f"of_{name}"], f"weighted_{name}", {}) for name in names]
        + [("Sum", [f"weighted_{name}" for name in names], "relevance", {})],
        [constant(f"of_{name}", weight) for name, weight in WEIGHTS.items()],
    )


def main(folder):
    for make in (information, salience, coupling, combine):
        path = pathlib.Path(folder) / f"{make.__name__}.onnx"
        path.write_bytes(make().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(sys.argv[1])
