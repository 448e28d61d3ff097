"""Adds the inference code of input/inference to the model of input/model, as code/ in output/archive/model.tar.gz."""

import os
import pathlib
import shutil
import tarfile

root = pathlib.Path(os.environ.get("STACKWRIGHT_ROOT", "/opt/ml/processing"))
work = root / "work"


def unpack(directory, into):
    """The files of the one archive in a directory, or the files of the directory."""
    archives = sorted(directory.glob("*.tar.gz"))
    into.mkdir(parents=True, exist_ok=True)
    if not archives:
        shutil.copytree(directory, into, dirs_exist_ok=True)
        return
    with tarfile.open(archives[0]) as archive:
        for member in archive.getmembers():
            path = (into / member.name).resolve()
            if path != into.resolve() and into.resolve() not in path.parents:
                raise SystemExit(f"{member.name} in {archives[0].name} leads out of the archive")
        archive.extractall(into)


unpack(root / "input/model", work)
unpack(root / "input/inference", work / "code")
output = root / "output/archive"
output.mkdir(parents=True, exist_ok=True)
with tarfile.open(output / "model.tar.gz", "w:gz") as archive:
    for path in sorted(work.iterdir()):
        archive.add(path, path.name)
