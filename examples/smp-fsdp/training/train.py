"""Trains a model that SageMaker model parallel shards; the degrees come from `mp_parameters` of the job."""

import argparse
import os
import pathlib

import numpy
import torch
import torch.distributed as dist
import torch.sagemaker as tsm
from torch.distributed.fsdp import FullyShardedDataParallel, MixedPrecision, ShardingStrategy
from transformers import AutoConfig, AutoModelForCausalLM


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--sequence", type=int, required=True)
    parser.add_argument("--batch_size", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--delayed_param", type=int, default=0)
    parser.add_argument("--ddp_dist_backend", default="nccl")
    arguments, _ = parser.parse_known_args()

    if arguments.ddp_dist_backend == "smddp":
        # Importing it registers the backend.
        import smdistributed.dataparallel.torch.torch_smddp  # noqa: F401
    dist.init_process_group(arguments.ddp_dist_backend)
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    tsm.init()

    config = AutoConfig.from_pretrained(arguments.model)
    device = "meta" if arguments.delayed_param and dist.get_rank() else "cpu"
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, torch_dtype=torch.bfloat16)
    model = tsm.transform(model)
    model = FullyShardedDataParallel(
        model,
        sharding_strategy=ShardingStrategy.HYBRID_SHARD,
        mixed_precision=MixedPrecision(param_dtype=torch.bfloat16, reduce_dtype=torch.bfloat16),
        device_id=torch.cuda.current_device(),
        sync_module_states=True,
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    files = sorted(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).glob("*.bin"))
    ids = numpy.memmap(files[dist.get_rank() % len(files)], dtype=numpy.uint16, mode="r")
    size = arguments.sequence * arguments.batch_size
    for step in range(arguments.steps):
        start = step * size % (len(ids) - size)
        batch = torch.from_numpy(ids[start : start + size].astype(numpy.int64)).cuda()
        batch = batch.view(arguments.batch_size, arguments.sequence)
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 10 == 0 and dist.get_rank() == 0:
            print(f"step={step} loss={loss.item():.4f}", flush=True)


if __name__ == "__main__":
    main()
