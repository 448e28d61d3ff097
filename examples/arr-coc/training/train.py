"""Fine-tunes a vision-language model together with the relevance scorers that choose its visual tokens.

Accelerate reads the sharding strategy from the environment. `--model tiny` trains a model of a few thousand weights on
made-up questions: python train.py --model tiny --batch_size 8 --learning_rate 1e-2 --epochs 2 --visual_tokens 4
"""

import argparse
import os
import pathlib

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

from checkpoints import Checkpoints
from data import Questions, Synthetic, collate, tiny_config
from model import ArrCoc


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="of the Hugging Face Hub, or `tiny`")
    parser.add_argument("--revision", help="the commit of the model")
    parser.add_argument("--batch_size", type=int, required=True, help="over all accelerators")
    parser.add_argument("--learning_rate", type=float, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--visual_tokens", type=int, default=128, help="that an image gets, of 256")
    parser.add_argument("--checkpoint_steps", type=int, default=500)
    parser.add_argument("--checkpoints", default="/opt/ml/checkpoints")
    parser.add_argument("--stop_after", type=int, help="steps, as if the job were interrupted; for tests")
    return parser.parse_known_args()[0]


def prepare(given):
    """The model, its data, the function that makes batches, and the processor to save with it."""
    if given.model == "tiny":
        from transformers import Qwen3VLForConditionalGeneration

        torch.manual_seed(0)
        config = tiny_config()
        data = Synthetic(config, 64)
        return Qwen3VLForConditionalGeneration(config), data, data.batch, None
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(given.model, revision=given.revision)
    base = AutoModelForImageTextToText.from_pretrained(given.model, revision=given.revision, dtype=torch.float32)
    data = Questions(os.environ["SM_CHANNEL_TRAIN"])
    return base, data, collate(processor, data.directory), processor


def save(accelerator, model, processor):
    """The model in Hugging Face's form, and the scorers as ../scorers/export.py reads them."""
    directory = pathlib.Path(os.environ["SM_MODEL_DIR"])
    state = accelerator.get_state_dict(model)
    if not accelerator.is_main_process:
        return
    whole = accelerator.unwrap_model(model)
    of_base = {name.removeprefix("base."): value for name, value in state.items() if name.startswith("base.")}
    whole.base.save_pretrained(directory, state_dict=of_base)
    rest = {name: value for name, value in state.items() if not name.startswith("base.")}
    torch.save(rest, directory / "arr_coc.pt")
    # Under FSDP the module itself holds shards: the whole weights are in the state.
    scorers = type(whole.scorers)()
    scorers.load_state_dict({n.removeprefix("scorers."): v for n, v in rest.items() if n.startswith("scorers.")})
    scorers.save(directory / "scorers.npz")
    if processor:
        processor.save_pretrained(directory)


def main():
    given = arguments()
    accelerator = Accelerator()
    base, data, batches, processor = prepare(given)
    model = ArrCoc(base, given.visual_tokens)
    optimizer = torch.optim.AdamW(model.parameters(), lr=given.learning_rate)
    each = max(1, given.batch_size // accelerator.num_processes)
    loader = DataLoader(data, batch_size=each, shuffle=True, collate_fn=batches, drop_last=True)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    checkpoints = Checkpoints(given.checkpoints, accelerator)
    done = checkpoints.resume()
    if done:
        accelerator.print(f"resumed after step={done}")
    for epoch in range(done // len(loader), given.epochs):
        skipped = max(0, done - epoch * len(loader))
        loader.set_epoch(epoch)
        rest = accelerator.skip_first_batches(loader, skipped) if skipped else loader
        for batch, labels in rest:
            loss = model(batch, labels=labels).loss
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            done += 1
            if done % 10 == 0:
                accelerator.print(f"epoch={epoch} step={done} loss={loss.item():.4f}")
            if done % given.checkpoint_steps == 0:
                checkpoints.save(done)
            if done == given.stop_after:
                accelerator.end_training()
                return
    save(accelerator, model, processor)
    accelerator.end_training()


if __name__ == "__main__":
    main()
