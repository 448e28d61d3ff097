"""Fine-tunes a language model with FSDP, which SageMaker model parallel extends by tensor parallelism.

The weights are those of the input channel `model`, in the format of Hugging Face Transformers; the result is saved in the
same format. The degrees come from `mp_parameters` of the job. Every run starts from the weights of the channel; a run
that was interrupted resumes from its own checkpoints.

Where SageMaker model parallel is not installed, the script trains with FSDP alone, also on CPUs:

    SM_CHANNEL_MODEL=… SM_CHANNEL_TRAIN=… SM_MODEL_DIR=… torchrun --nproc_per_node 2 train.py --ddp_dist_backend gloo …
"""

import argparse
import functools
import itertools
import os
import pathlib

import numpy
import torch
import torch.distributed as dist
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    CheckpointImpl, apply_activation_checkpointing, checkpoint_wrapper,
)
from torch.distributed.fsdp import FullStateDictConfig, FullyShardedDataParallel, MixedPrecision, ShardingStrategy
from torch.distributed.fsdp import StateDictType
from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy
from transformers import AutoConfig, AutoModelForCausalLM

import library
from checkpoints import Checkpoints


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sequence", type=int, required=True)
    parser.add_argument("--batch_size", type=int, required=True, help="of each group of tensor parallel processes")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--learning_rate", type=float, default=1e-5)
    parser.add_argument("--checkpoint_steps", type=int, default=500)
    parser.add_argument("--checkpoints", default="/opt/ml/checkpoints")
    parser.add_argument("--delayed_param", type=int, default=0)
    parser.add_argument("--ddp_dist_backend", default="nccl")
    parser.add_argument("--stop_after", type=int, help="steps, as if the job were interrupted; for tests")
    return parser.parse_known_args()[0]


class Tokens:
    """Files of token IDs of 16 bits. Every group of tensor parallel processes reads its own sequences."""

    def __init__(self, directory, sequence, batch):
        self.files = [numpy.memmap(path, dtype=numpy.uint16, mode="r") for path in sorted(directory.glob("*.bin"))]
        self.ends = numpy.cumsum([len(ids) // sequence for ids in self.files])
        if not self.files or not self.ends[-1]:
            raise SystemExit(f"{directory} has no file *.bin with {sequence} token IDs")
        self.sequence, self.batch = sequence, batch

    def read(self, number):
        number %= self.ends[-1]
        file = int(numpy.searchsorted(self.ends, number, side="right"))
        start = (number - (self.ends[file - 1] if file else 0)) * self.sequence
        return self.files[file][start : start + self.sequence].astype(numpy.int64)

    def at(self, step, reader, readers):
        """The batch of one of the readers at a step: a resumed run continues with what it has not seen."""
        first = (step * readers + reader) * self.batch
        return torch.from_numpy(numpy.stack([self.read(first + index) for index in range(self.batch)]))


def load(directory, is_delayed):
    """The pretrained model. With delayed initialization, only process 0 reads the weights; the others get theirs from it
    when FSDP shards the model, and hold no whole copy."""
    # The master weights are in fp32: updates of 1e-5 vanish in bf16.
    config = AutoConfig.from_pretrained(directory)
    config.use_cache = False
    if not is_delayed or dist.get_rank() == 0:
        return AutoModelForCausalLM.from_pretrained(directory, config=config, torch_dtype=torch.float32), config
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, torch_dtype=torch.float32), config


def layer_class(model):
    """The class of the model's layers, the elements of its longest list of modules: also after tensor parallelism has
    replaced the classes of Transformers."""
    lists = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList)]
    return type(max(lists, key=len)[0])


def shard(model, device, is_delayed):
    """Wraps every layer by itself: only one layer at a time is whole on an accelerator."""
    layer = layer_class(model)
    initializer = None
    if is_delayed and device.type == "cpu":
        # FSDP sends weights between accelerators only.
        send_weights(model)
    elif is_delayed and dist.get_rank():
        initializer = library.initializer(model, device)
    model = FullyShardedDataParallel(
        model,
        auto_wrap_policy=functools.partial(transformer_auto_wrap_policy, transformer_layer_cls={layer}),
        # `hybrid_shard_degree` of the job decides over how many processes.
        sharding_strategy=ShardingStrategy.HYBRID_SHARD if library.is_installed() else ShardingStrategy.FULL_SHARD,
        mixed_precision=MixedPrecision(
            param_dtype=torch.bfloat16, reduce_dtype=torch.bfloat16, buffer_dtype=torch.float32
        ),
        device_id=device,
        param_init_fn=initializer,
        sync_module_states=bool(is_delayed) and device.type != "cpu",
        use_orig_params=True,
        limit_all_gathers=True,
    )
    dist.barrier()
    without_reentry = functools.partial(checkpoint_wrapper, checkpoint_impl=CheckpointImpl.NO_REENTRANT)
    apply_activation_checkpointing(
        model, checkpoint_wrapper_fn=without_reentry, check_fn=lambda module: isinstance(module, layer)
    )
    return library.offloaded(model)


def send_weights(model):
    """Gives every process the weights of process 0, on CPUs."""
    if dist.get_rank():
        model.to_empty(device="cpu")
    for tensor in itertools.chain(model.parameters(), model.buffers()):
        dist.broadcast(tensor.data, 0)


def save(model, config, directory):
    """The whole model on process 0, with the names of Transformers, which model parallel restores by itself."""
    whole = FullStateDictConfig(rank0_only=True, offload_to_cpu=True)
    with FullyShardedDataParallel.state_dict_type(model, StateDictType.FULL_STATE_DICT, whole):
        state = model.state_dict()
    if dist.get_rank() == 0:
        with torch.device("meta"):
            empty = AutoModelForCausalLM.from_config(config)
        names = {name.replace("_checkpoint_wrapped_module.", ""): value for name, value in state.items()}
        empty.save_pretrained(directory, state_dict={name: value.to(torch.bfloat16) for name, value in names.items()})
    dist.barrier()


def main():
    given = arguments()
    if given.ddp_dist_backend == "smddp":
        # Importing it registers the backend.
        import smdistributed.dataparallel.torch.torch_smddp  # noqa: F401
    dist.init_process_group(given.ddp_dist_backend)
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    library.init()
    pretrained = pathlib.Path(os.environ["SM_CHANNEL_MODEL"])
    model, config = load(pretrained, given.delayed_param)
    model = library.transformed(model, given.delayed_param)
    model = shard(model, device, given.delayed_param)
    optimizer = torch.optim.AdamW(model.parameters(), lr=given.learning_rate)
    checkpoints = Checkpoints(pathlib.Path(given.checkpoints), model, optimizer)
    done = checkpoints.resume()
    if done and dist.get_rank() == 0:
        print(f"resumed after step={done}", flush=True)
    tokens = Tokens(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]), given.sequence, given.batch_size)
    degree = library.tensor_parallel_degree()
    reader, readers = dist.get_rank() // degree, dist.get_world_size() // degree
    for step in range(done + 1, given.steps + 1):
        batch = tokens.at(step - 1, reader, readers).to(device)
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        model.clip_grad_norm_(1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 10 == 0 and dist.get_rank() == 0:
            print(f"step={step} loss={loss.item():.4f}", flush=True)
        if step % given.checkpoint_steps == 0:
            checkpoints.save(step)
        if step == given.stop_after:
            dist.destroy_process_group()
            return
    save(model, config, os.environ["SM_MODEL_DIR"])
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
