"""A processing job: puts the scorers of a training job into the Triton repository that production is written with.

Reads the repository's archive from input/repository and the model of the training job from input/model; writes
output/archive/model.tar.gz, the same repository with the trained weights in its graphs.
"""

import pathlib
import sys
import tarfile

import numpy as np

import export


def unpack(directory, into):
    for path in sorted(directory.glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            archive.extractall(into, filter="data")


def main(root="/opt/ml/processing"):
    root = pathlib.Path(root)
    work = root / "work"
    unpack(root / "input/repository", work / "repository")
    unpack(root / "input/model", work / "model")
    weights = dict(np.load(work / "model/scorers.npz"))
    for make in (export.information, export.salience, export.coupling, export.combine):
        path = work / "repository" / make.__name__ / "1/model.onnx"
        path.write_bytes(make(weights).SerializeToString(deterministic=True))
    output = root / "output/archive"
    output.mkdir(parents=True, exist_ok=True)
    partial = work / "model.tar.gz"
    with tarfile.open(partial, "w:gz") as archive:
        for path in sorted((work / "repository").iterdir()):
            archive.add(path, path.name)
    partial.rename(output / "model.tar.gz")


if __name__ == "__main__":
    main(*sys.argv[1:])
