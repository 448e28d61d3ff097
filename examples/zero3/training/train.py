"""Trains a decoder with DeepSpeed; everything about memory and precision is in the configuration file of the job.

Every run starts from the beginning; a run that was interrupted resumes from its own checkpoints.
"""

import argparse
import os
import pathlib
import shutil

import deepspeed
import numpy
import torch
from transformers import GPT2Config, GPT2LMHeadModel


class Tokens(torch.utils.data.Dataset):
    """One file of token IDs of 16 bits, cut into sequences."""

    def __init__(self, directory, sequence):
        self.ids = numpy.memmap(pathlib.Path(directory) / "tokens.bin", dtype=numpy.uint16, mode="r")
        self.sequence = sequence

    def __len__(self):
        return len(self.ids) // self.sequence

    def __getitem__(self, index):
        start = index * self.sequence
        return torch.from_numpy(self.ids[start : start + self.sequence].astype(numpy.int64))


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("layers", "hidden", "heads", "sequence"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--vocabulary", type=int, default=50_257)
    parser.add_argument("--steps", type=int, required=True, help="of the optimizer")
    parser.add_argument("--checkpoint_steps", type=int, default=500)
    parser.add_argument("--checkpoints", default="/opt/ml/checkpoints")
    parser.add_argument("--stop_after", type=int, help="steps, as if the job were interrupted; for tests")
    parser = deepspeed.add_config_arguments(parser)
    return parser.parse_known_args()[0]


def batches(engine, loader, taken):
    """Batches without end, from where an interrupted run stopped: `taken` are the micro batches that it has seen."""
    epoch = taken // len(loader)
    skipped = taken % len(loader)
    while True:
        # DeepSpeed's loader has a sampler with an order of its own for every epoch.
        loader.data_sampler.set_epoch(epoch)
        for index, batch in enumerate(loader):
            if index >= skipped:
                yield batch.to(engine.device)
        epoch, skipped = epoch + 1, 0


def main():
    given = arguments()
    deepspeed.init_distributed()
    torch.manual_seed(1)
    config = GPT2Config(
        n_layer=given.layers, n_embd=given.hidden, n_head=given.heads, n_positions=given.sequence,
        vocab_size=given.vocabulary,
    )
    # Stage 3 creates the parameters where they will be kept: as a whole they do not fit anywhere.
    with deepspeed.zero.Init(config_dict_or_path=given.deepspeed_config):
        model = GPT2LMHeadModel(config)
    model.gradient_checkpointing_enable()
    data = Tokens(os.environ["SM_CHANNEL_TOKENS"], given.sequence)
    engine, _, loader, _ = deepspeed.initialize(
        model=model, model_parameters=model.parameters(), training_data=data, config=given.deepspeed_config
    )
    # DeepSpeed writes the file `latest` when a checkpoint is complete, and loads the one that it names.
    engine.load_checkpoint(given.checkpoints)
    steps = engine.gradient_accumulation_steps()
    print_steps = engine.global_rank == 0
    source = batches(engine, loader, engine.global_steps * steps)
    while engine.global_steps < given.steps:
        for _ in range(steps):
            batch = next(source)
            loss = engine(input_ids=batch, labels=batch).loss
            engine.backward(loss)
            engine.step()
        if print_steps and engine.global_steps % 10 == 0:
            print(f"step={engine.global_steps} loss={loss.item():.4f}", flush=True)
        if engine.global_steps % given.checkpoint_steps == 0:
            engine.save_checkpoint(given.checkpoints)
            remove_old(pathlib.Path(given.checkpoints), engine)
        if engine.global_steps == given.stop_after:
            return
    engine.save_16bit_model(os.environ["SM_MODEL_DIR"])
    if engine.global_rank == 0:
        config.save_pretrained(os.environ["SM_MODEL_DIR"])


def remove_old(directory, engine):
    """Keeps the last two checkpoints, which have hundreds of gigabytes each."""
    torch.distributed.barrier()
    if engine.global_rank == 0:
        found = sorted(directory.glob("global_step*"), key=lambda path: int(path.name.removeprefix("global_step")))
        for path in found[:-2]:
            shutil.rmtree(path)


if __name__ == "__main__":
    main()
