"""Trains the decoder with DeepSpeed ZeRO-3 on tiny shapes, with two processes on CPUs: `python training.py DIRECTORY`.

It needs torch, transformers and deepspeed.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy

EXAMPLE = pathlib.Path(__file__).parent.parent
DIRECTORY = pathlib.Path(sys.argv[1])
CONFIG = {
    "train_micro_batch_size_per_gpu": 2,
    "gradient_accumulation_steps": 2,
    "gradient_clipping": 1.0,
    "optimizer": {"type": "AdamW", "params": {"lr": 1e-2, "torch_adam": True}},
    "zero_optimization": {"stage": 3, "stage3_gather_16bit_weights_on_model_save": True},
}


def train(*more):
    environment = {
        **os.environ, "SM_CHANNEL_TOKENS": str(DIRECTORY), "SM_MODEL_DIR": str(DIRECTORY / "model"), "OMP_NUM_THREADS": "1",
        "DS_ACCELERATOR": "cpu",
        # DeepSpeed compiles its operators with the ninja beside the interpreter.
        "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "train.py", "--layers", "2", "--hidden",
        "32", "--heads", "2", "--sequence", "16", "--vocabulary", "32", "--steps", "40", "--checkpoint_steps", "10",
        "--checkpoints", str(DIRECTORY / "checkpoints"), "--deepspeed_config", str(DIRECTORY / "ds_config.json"), *more,
    ]
    run = subprocess.run(command, cwd=EXAMPLE / "training", env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-6000:]
    lines = [line for line in run.stdout.splitlines() if "loss=" in line and line.startswith("step=")]
    return {int(line.split("step=")[1].split()[0]): float(line.split("loss=")[1]) for line in lines}


def main():
    (DIRECTORY / "model").mkdir(parents=True)
    (DIRECTORY / "ds_config.json").write_text(json.dumps(CONFIG))
    # A sequence that repeats: every token follows from the one before.
    numpy.tile(numpy.arange(32, dtype=numpy.uint16), 64).tofile(DIRECTORY / "tokens.bin")
    first = train("--stop_after", "25")
    assert sorted(first) == [10, 20], first
    resumed = train()
    assert sorted(resumed) == [30, 40], f"not resumed after step 20: {resumed}"
    assert resumed[40] < first[10] / 2, (first, resumed)
    names = {path.name for path in (DIRECTORY / "checkpoints").iterdir()}
    assert {"global_step30", "global_step40", "latest"} <= names and "global_step10" not in names, names
    assert {path.name for path in (DIRECTORY / "model").iterdir()} >= {"config.json", "pytorch_model.bin"}
    # Another run has a directory of its own, and starts from the beginning.
    fresh = train("--stop_after", "10", "--checkpoints", str(DIRECTORY / "checkpoints-of-another-run"))
    assert sorted(fresh) == [10], fresh


main()
print(json.dumps({"zero3": "trained"}))
