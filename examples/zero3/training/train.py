"""Trains a decoder with DeepSpeed; everything about memory and precision is in ds_config.json."""

import argparse
import os
import pathlib

import deepspeed
import numpy
import torch
from transformers import GPT2Config, GPT2LMHeadModel

CHECKPOINTS = "/opt/ml/checkpoints"


class Tokens(torch.utils.data.Dataset):
    """One file of token ids of 16 bits, cut into sequences."""

    def __init__(self, folder, sequence):
        self.ids = numpy.memmap(pathlib.Path(folder) / "tokens.bin", dtype=numpy.uint16, mode="r")
        self.sequence = sequence

    def __len__(self):
        return len(self.ids) // self.sequence

    def __getitem__(self, index):
        start = index * self.sequence
        return torch.from_numpy(self.ids[start : start + self.sequence].astype(numpy.int64))


def main():
    parser = argparse.ArgumentParser()
    for name in ("layers", "hidden", "heads", "sequence"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser = deepspeed.add_config_arguments(parser)
    arguments, _ = parser.parse_known_args()
    deepspeed.init_distributed()
    config = GPT2Config(
        n_layer=arguments.layers,
        n_embd=arguments.hidden,
        n_head=arguments.heads,
        n_positions=arguments.sequence,
    )
    # Stage 3 makes the parameters where they will live: whole, they fit nowhere.
    with deepspeed.zero.Init(config_dict_or_path=arguments.deepspeed_config):
        model = GPT2LMHeadModel(config)
    model.gradient_checkpointing_enable()
    data = Tokens(os.environ["SM_CHANNEL_TOKENS"], arguments.sequence)
    engine, _, loader, _ = deepspeed.initialize(
        model=model, training_data=data, config=arguments.deepspeed_config
    )
    engine.load_checkpoint(CHECKPOINTS)
    for step, batch in enumerate(loader, start=engine.global_steps):
        batch = batch.to(engine.device)
        loss = engine(input_ids=batch, labels=batch).loss
        engine.backward(loss)
        engine.step()
        if step % 10 == 0 and engine.global_rank == 0:
            print(f"step={step} loss={loss.item():.4f}", flush=True)
        if step % 1000 == 999:
            engine.save_checkpoint(CHECKPOINTS)
    engine.save_16bit_model(os.environ["SM_MODEL_DIR"])


if __name__ == "__main__":
    main()
