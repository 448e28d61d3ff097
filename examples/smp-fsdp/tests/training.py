"""Fine-tunes a tiny Llama with two processes, on CPUs or on two GPUs: `python training.py DIRECTORY`.

It needs torch and transformers. SageMaker model parallel is in AWS's image only: FSDP trains here without it.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy
import torch
from transformers import LlamaConfig, LlamaForCausalLM

EXAMPLE = pathlib.Path(__file__).parent.parent
DIRECTORY = pathlib.Path(sys.argv[1])
BACKEND = "nccl" if torch.cuda.device_count() > 1 else "gloo"


def train(*more, checkpoints="checkpoints", status=0):
    environment = {
        **os.environ, "SM_CHANNEL_TRAIN": str(DIRECTORY / "tokens"), "SM_CHANNEL_MODEL": str(DIRECTORY / "pretrained"),
        "SM_MODEL_DIR": str(DIRECTORY / "model"), "OMP_NUM_THREADS": "1",
    }
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "train.py", "--sequence", "16",
        "--batch_size", "2", "--steps", "40", "--learning_rate", "1e-2", "--checkpoint_steps", "10", "--checkpoints",
        str(DIRECTORY / checkpoints), "--delayed_param", "1", "--ddp_dist_backend", BACKEND, *more,
    ]
    run = subprocess.run(command, cwd=EXAMPLE / "training", env=environment, capture_output=True, text=True)
    assert run.returncode == status, run.stdout[-4000:] + run.stderr[-6000:]
    lines = [line for line in run.stdout.splitlines() if line.startswith("step=")]
    return {int(line.split("step=")[1].split()[0]): float(line.split("loss=")[1]) for line in lines}


def main():
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=32, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=32,
    )
    pretrained = LlamaForCausalLM(config)
    pretrained.save_pretrained(DIRECTORY / "pretrained")
    (DIRECTORY / "tokens").mkdir()
    # A sequence that repeats, in two files: every token follows from the one before.
    for name in ("first", "second"):
        numpy.tile(numpy.arange(32, dtype=numpy.uint16), 16).tofile(DIRECTORY / f"tokens/{name}.bin")

    # Without a step, the saved model is the pretrained one: no process trains weights of its own.
    train("--steps", "0", checkpoints="none")
    saved = LlamaForCausalLM.from_pretrained(DIRECTORY / "model").float().state_dict()
    for name, value in pretrained.state_dict().items():
        torch.testing.assert_close(saved[name], value, rtol=1e-2, atol=1e-3, msg=name)

    first = train("--stop_after", "25")
    assert sorted(first) == [10, 20], first
    # What an interruption leaves of a checkpoint is not resumed from.
    partial = DIRECTORY / "checkpoints/step-30/whole"
    partial.mkdir(parents=True)
    (partial / ".metadata").write_bytes((DIRECTORY / "checkpoints/step-20/whole/.metadata").read_bytes())
    resumed = train()
    assert sorted(resumed) == [30, 40], f"not resumed after step 20: {resumed}"
    assert resumed[40] < first[10] / 2, (first, resumed)
    names = {path.name for path in (DIRECTORY / "checkpoints").iterdir()}
    assert names == {"step-30", "step-40"}, names

    model = LlamaForCausalLM.from_pretrained(DIRECTORY / "model").float()
    ids = torch.arange(16).unsqueeze(0)
    with torch.no_grad():
        loss = model(input_ids=ids, labels=ids).loss.item()
        before = pretrained(input_ids=ids, labels=ids).loss.item()
    assert loss < before / 2, (before, loss)


main()
print(json.dumps({"smp-fsdp": "trained"}))
