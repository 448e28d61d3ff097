"""Trains ARR-COC on made-up questions with two processes on CPUs, and holds what is trained against what is served.

`python training.py DIRECTORY` needs torch, transformers, accelerate, onnx and onnxruntime in the versions of
training/requirements.txt and xtask/tools/requirements.txt.
"""

import json
import os
import pathlib
import subprocess
import sys
import tarfile

import numpy
import onnxruntime
import torch

EXAMPLE = pathlib.Path(__file__).parent.parent
DIRECTORY = pathlib.Path(sys.argv[1])
sys.path[:0] = [str(EXAMPLE / "training"), str(EXAMPLE / "scorers")]

import export
from data import IGNORED, Synthetic, masked, tiny_config
from model import ArrCoc
from scorers import Scorers, allocate


def train(*more):
    """A job with two processes; returns the losses by step, and everything that it printed."""
    environment = {
        **os.environ, "SM_MODEL_DIR": str(DIRECTORY / "model"), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1",
    }
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "train.py", "--model", "tiny",
        "--batch_size", "8", "--learning_rate", "0.01", "--epochs", "6", "--visual_tokens", "4",
        "--checkpoint_steps", "5", "--checkpoints", str(DIRECTORY / "checkpoints"), *more,
    ]
    run = subprocess.run(command, cwd=EXAMPLE / "training", env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    lines = [line for line in run.stdout.splitlines() if "loss=" in line]
    return {int(line.split("step=")[1].split()[0]): float(line.split("loss=")[1]) for line in lines}, run.stdout


def resumes_and_learns():
    (DIRECTORY / "model").mkdir(parents=True)
    first, _ = train("--stop_after", "13")
    # As if the job had been interrupted while it wrote a checkpoint.
    (DIRECTORY / "checkpoints/partial-15").mkdir()
    losses, printed = train()
    assert "resumed after step=10" in printed and 10 not in losses, printed
    assert sum(list(losses.values())[-2:]) / 2 < first[10] / 2, (first, losses)
    names = sorted(path.name for path in (DIRECTORY / "checkpoints").iterdir())
    assert names == ["step-40", "step-45"], names
    initial, trained = Scorers().arrays(), dict(numpy.load(DIRECTORY / "model/scorers.npz"))
    for name in initial:
        assert not numpy.allclose(initial[name], trained[name], atol=1e-4), f"{name} was not trained"


def only_the_answer_counts():
    ids = torch.arange(12).reshape(2, 6)
    attention = torch.ones_like(ids)
    attention[1, 5] = 0
    labels = masked(ids, attention, [4, 3])
    assert labels.tolist() == [[IGNORED] * 4 + [4, 5], [IGNORED] * 3 + [9, 10, IGNORED]], labels


def tokens_are_allocated():
    relevance = torch.tensor([[0.1, 0.9, 0.5, 0.2]], requires_grad=True)
    gates = allocate(relevance, 2)
    assert gates.round().tolist() == [[0, 1, 1, 0]], gates
    gates.sum().backward()
    assert relevance.grad.tolist() == [[1, 1, 1, 1]]
    from transformers import Qwen3VLForConditionalGeneration

    data = Synthetic(tiny_config(), 2)
    model = ArrCoc(Qwen3VLForConditionalGeneration(tiny_config()), 4)
    batch, labels = data.batch([data[0], data[1]])
    _, _, attention = model.gated(batch)
    assert (attention == 0).sum(1).tolist() == [12, 12], "16 patches, 4 of them with a token"
    model(batch, labels=labels).loss.backward()
    for name, weight in model.scorers.named_parameters():
        assert weight.grad is not None and weight.grad.abs().sum() > 0, f"no gradient of {name}"
    one, _ = data.batch([data[0]])
    assert len(model.answer({name: value[:, :-2] if value.shape[-1] == one["input_ids"].shape[1] else value
                             for name, value in one.items()}, 3, end=-1)) == 3


def served_is_what_was_trained():
    weights = DIRECTORY / "model/scorers.npz"
    numbers = dict(numpy.load(weights))
    scorers = Scorers()
    with torch.no_grad():
        scorers.information_gains.copy_(torch.from_numpy(numbers["information_gains"]))
        scorers.salience_gains.copy_(torch.from_numpy(numbers["salience_gains"]))
        scorers.projection.copy_(torch.from_numpy(numbers["projection"]))
        scorers.logits.copy_(torch.from_numpy(numbers["weights"]).log())
    random = numpy.random.default_rng(3)
    patches = random.normal(size=(2, export.PATCHES, export.FEATURES))
    # Features contain zeros: an empty patch, and an empty question.
    patches[0, :7] = 0
    query = random.normal(size=(2, export.FEATURES))
    query[1] = 0
    for kind, tolerance in ((numpy.float32, 1e-4), (numpy.float16, 2e-2)):
        export.KIND = kind
        made = {"patches": patches.astype(kind), "query": query.astype(kind)}
        for make in (export.information, export.salience, export.coupling, export.combine):
            session = onnxruntime.InferenceSession(
                make(numbers).SerializeToString(), providers=["CPUExecutionProvider"]
            )
            given = {one.name: made[one.name] for one in session.get_inputs()}
            made[session.get_outputs()[0].name] = session.run(None, given)[0]
        expected = scorers(torch.from_numpy(patches), torch.from_numpy(query)).detach().numpy()
        assert numpy.isfinite(made["relevance"]).all(), kind
        difference = numpy.abs(made["relevance"].astype(numpy.float32) - expected).max()
        assert difference < tolerance, (kind, difference)
    half = scorers(torch.from_numpy(patches).half(), torch.from_numpy(query).half())
    assert torch.isfinite(half).all()


def packed_is_a_repository():
    import pack

    root = DIRECTORY / "processing"
    for name in ("repository", "model"):
        (root / "input" / name).mkdir(parents=True)
    with tarfile.open(root / "input/repository/a.tar.gz", "w:gz") as archive:
        for name in ("information", "salience", "coupling", "combine"):
            archive.add(EXAMPLE / f"scorers/{name}.onnx", f"{name}/1/model.onnx")
    with tarfile.open(root / "input/model/model.tar.gz", "w:gz") as archive:
        archive.add(DIRECTORY / "model/scorers.npz", "scorers.npz")
    export.KIND = numpy.float32
    pack.main(root)
    with tarfile.open(root / "output/archive/model.tar.gz") as archive:
        content = archive.extractfile("coupling/1/model.onnx").read()
    expected = export.coupling(dict(numpy.load(DIRECTORY / "model/scorers.npz"))).SerializeToString(deterministic=True)
    assert content == expected and content != (EXAMPLE / "scorers/coupling.onnx").read_bytes()


resumes_and_learns()
only_the_answer_counts()
tokens_are_allocated()
served_is_what_was_trained()
packed_is_a_repository()
print(json.dumps({"arr-coc": "trained"}))
