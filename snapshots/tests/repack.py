"""Runs the program of the repack step over an archive, a directory and a hostile archive: `python repack.py DIRECTORY`."""

import io
import os
import pathlib
import subprocess
import sys
import tarfile

DIRECTORY = pathlib.Path(sys.argv[1])
SCRIPT = pathlib.Path(__file__).parents[2] / "stacks/src/launch/pipeline/repack.py"


def packed(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def run(root):
    command = [sys.executable, str(SCRIPT)]
    environment = {**os.environ, "STACKWRIGHT_ROOT": str(root)}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def names(root):
    with tarfile.open(root / "output/archive/model.tar.gz") as archive:
        return sorted((member.name for member in archive if member.isfile()), reverse=True)


for kind in ("archive", "directory"):
    root = DIRECTORY / kind
    if kind == "archive":
        packed(root / "input/model/model.tar.gz", {"model.pt": b"weights"})
    else:
        (root / "input/model").mkdir(parents=True)
        (root / "input/model/model.pt").write_bytes(b"weights")
    packed(root / "input/inference/0123.tar.gz", {"inference.py": b"def model_fn(directory): ..."})
    done = run(root)
    assert done.returncode == 0, done.stderr
    print(", ".join(names(root)))

root = DIRECTORY / "hostile"
packed(root / "input/model/model.tar.gz", {"../outside.pt": b"weights"})
packed(root / "input/inference/0123.tar.gz", {"inference.py": b""})
done = run(root)
assert done.returncode != 0 and "leads out of the archive" in done.stderr, done.stderr
assert not (root / "outside.pt").exists()
