#!/usr/bin/env python3
"""Measures the peak memory of one training step on one GPU and prints a JSON object per run.

Usage: measure_training_memory.py RUNS.jsonl [--trace] > MEASURED.jsonl

Each line of RUNS.jsonl describes a run: `config` (a Hugging Face configuration with its `kind`, or `plain` for the
decoder of this file), `strategy`, `world`, `seq`, `batch`, `checkpoint`, `attention`, `lora`, and if they are used `tp`
(tensor parallel ranks), `qlora` (4-bit base), `offload` (FSDP2 to the host), `zero` (members of `zero_optimization`), `ddp`
(arguments of DistributedDataParallel). The run is rank 0 of `world` ranks; collectives are answered at once by PyTorch's
fake process group, so one GPU is enough. With `"collectives": "nccl"`, `world` GPUs run `world` real ranks.
With `--trace`, each object also lists what is allocated at the moment of the peak.

Needs: torch 2.11, transformers 5.17, peft, deepspeed 0.19.8 (for zero1, zero2, zero3), bitsandbytes (for qlora).
"""

import collections
import gc
import json
import os
import signal
import sys
import time
import traceback

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard
from torch.utils.checkpoint import checkpoint


class Attention(nn.Module):
    """Causal self-attention with grouped key and value heads."""

    def __init__(self, c):
        super().__init__()
        h, self.heads, self.kv = c["hidden"], c["heads"], c["kv_heads"]
        self.dim = c.get("head_dim", h // self.heads)
        self.q = nn.Linear(h, self.heads * self.dim, bias=False)
        self.k = nn.Linear(h, self.kv * self.dim, bias=False)
        self.v = nn.Linear(h, self.kv * self.dim, bias=False)
        self.o = nn.Linear(self.heads * self.dim, h, bias=False)
        self.rope, self.repeat = c.get("rope", False), c.get("repeat", False)

    def forward(self, x):
        b, s, _ = x.shape
        q = self.q(x).view(b, s, self.heads, self.dim).transpose(1, 2)
        k = self.k(x).view(b, s, self.kv, self.dim).transpose(1, 2)
        v = self.v(x).view(b, s, self.kv, self.dim).transpose(1, 2)
        if self.rope:
            cos = torch.ones(s, self.dim, device=x.device, dtype=x.dtype)
            sin = torch.zeros_like(cos)
            turn = lambda y: torch.cat((-y[..., self.dim // 2 :], y[..., : self.dim // 2]), -1)
            q, k = q * cos + turn(q) * sin, k * cos + turn(k) * sin
        if self.repeat and self.kv != self.heads:
            n = self.heads // self.kv
            k, v = k.repeat_interleave(n, 1), v.repeat_interleave(n, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.kv != self.heads and not self.repeat)
        return self.o(y.transpose(1, 2).reshape(b, s, -1))


class Norm(nn.Module):
    """RMSNorm, by PyTorch's own operator or written out in fp32."""

    def __init__(self, c):
        super().__init__()
        self.weight, self.manual = nn.Parameter(torch.ones(c["hidden"])), c.get("manual_norm", False)

    def forward(self, x):
        if not self.manual:
            return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-5)
        y = x.float()
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-5)
        return self.weight * y.to(x.dtype)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n1, self.attention, self.n2 = Norm(c), Attention(c), Norm(c)
        self.gate = nn.Linear(c["hidden"], c["ffn"], bias=False)
        self.up = nn.Linear(c["hidden"], c["ffn"], bias=False)
        self.down = nn.Linear(c["ffn"], c["hidden"], bias=False)

    def forward(self, x):
        x = x + self.attention(self.n1(x))
        y = self.n2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Decoder(nn.Module):
    """A Llama-style decoder whose loss is computed on fp32 logits."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embedding = nn.Embedding(c["vocab"], c["hidden"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["layers"]))
        self.norm = Norm(c)
        self.head = nn.Linear(c["hidden"], c["vocab"], bias=False)

    def forward(self, ids):
        x = self.embedding(ids)
        for layer in self.layers:
            x = checkpoint(layer, x, use_reentrant=False) if self.c["checkpoint"] else layer(x)
        logits = self.head(self.norm(x))
        form = self.c.get("loss", "inside")
        if form == "outside":
            return logits
        return F.cross_entropy(logits.float().view(-1, logits.shape[-1]), ids.view(-1))


def build(run):
    """The model on the meta device, its layers, and a function from inputs to the loss."""
    c = dict(run["config"])
    kind = c.pop("kind")
    if kind == "plain":
        model = Decoder({**c, "checkpoint": run["checkpoint"]})
        ids = lambda: torch.randint(0, c["vocab"], (run["batch"], run["seq"]), device="cuda")
        if c.get("loss", "inside") == "outside":
            step = lambda m, x: F.cross_entropy(m(x).float().view(-1, c["vocab"]), x.view(-1))
        else:
            step = lambda m, x: m(x)
        return model, list(model.layers), ids, step
    import transformers as t

    attn = run.get("attention", "sdpa")
    dtype = torch.bfloat16 if run.get("lora") else torch.float32
    vision = c.pop("vision", None)
    if kind == "vit":
        config = t.ViTConfig(**c, attn_implementation=attn)
        model = t.ViTForImageClassification(config)
        size = config.image_size
        ids = lambda: (
            torch.randn(run["batch"], 3, size, size, device="cuda"),
            torch.randint(0, config.num_labels, (run["batch"],), device="cuda"),
        )
        layers = list(model.vit.encoder.layer) if hasattr(model.vit, "encoder") else list(model.vit.layers)
        return finish(run, model, layers), layers, ids, lambda m, x: m(pixel_values=x[0], labels=x[1]).loss
    if kind == "qwen3_vl":
        vision = {k: v for k, v in vision.items() if k != "image"}
        merge = 2
        config = t.Qwen3VLConfig(
            text_config=c,
            vision_config={**vision, "out_hidden_size": c["hidden_size"], "spatial_merge_size": merge},
            tie_word_embeddings=c.get("tie_word_embeddings", True),
        )
        config._attn_implementation = attn
        model = t.Qwen3VLForConditionalGeneration(config)
        patches = run.get("patches", 784)
        side = int(patches**0.5)

        def ids():
            x = torch.randint(0, 1000, (run["batch"], run["seq"]), device="cuda")
            x[:, 1 : 1 + patches // merge**2] = config.image_token_id
            pixels = torch.randn(run["batch"] * patches, 3 * 2 * vision["patch_size"] ** 2, device="cuda")
            grid = torch.tensor([[1, side, side]] * run["batch"], device="cuda")
            types = (x == config.image_token_id).int()
            return {"input_ids": x, "labels": x, "pixel_values": pixels, "image_grid_thw": grid, "mm_token_type_ids": types}

        layers = list(model.model.visual.blocks) + list(model.model.language_model.layers)
        model.config.use_cache = model.config.text_config.use_cache = False
        return finish(run, model, layers), layers, ids, lambda m, x: m(**x).loss
    if kind == "t5":
        config = t.T5Config(**{"decoder_start_token_id": 0, **c}, attn_implementation=attn)
        model = t.T5ForConditionalGeneration(config)
        layers = list(model.encoder.block) + list(model.decoder.block)
    else:
        config = t.AutoConfig.for_model(kind, **c)
        config._attn_implementation = attn
        model = t.AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attn)
        inner = model.base_model
        layers = next(list(getattr(inner, n)) for n in ("layers", "h", "decoder_layers") if hasattr(inner, n))
    model.config.use_cache = False
    ids = lambda: torch.randint(0, 1000, (run["batch"], run["seq"]), device="cuda")
    return finish(run, model, layers), layers, ids, lambda m, x: m(input_ids=x, labels=x).loss


def finish(run, model, layers):
    model.train()
    if run["checkpoint"]:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": run.get("reentrant", False)})
    return model


def prepare(run):
    """The wrapped model, its optimizer, and functions for inputs and for one step."""
    strategy, world = run["strategy"], run["world"]
    from torch.testing._internal.distributed.fake_pg import FakeStore

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(29511 + run.get("number", 0)))
    os.environ.update(RANK=str(RANK), WORLD_SIZE=str(world), LOCAL_RANK=str(RANK))
    if run.get("collectives") == "nccl":
        dist.init_process_group("nccl")
    elif strategy == "DDP":
        # The fake group has no future for DistributedDataParallel to wait for; one real rank allocates the same.
        os.environ["WORLD_SIZE"] = "1"
        dist.init_process_group("nccl")
    else:
        dist.init_process_group("fake", rank=0, world_size=world, store=FakeStore())
    if strategy in ("FULL_SHARD", "SHARD_GRAD_OP", "HYBRID_SHARD"):
        with torch.device("meta"):
            model, layers, ids, loss = build(run)
        if run.get("lora"):
            model = lora(run, model)
        if strategy == "HYBRID_SHARD":
            mesh = dist.init_device_mesh("cuda", (world // run["shard"], run["shard"]), mesh_dim_names=("r", "s"))
        elif run.get("tp"):
            both = dist.init_device_mesh("cuda", (world // run["tp"], run["tp"]), mesh_dim_names=("dp", "tp"))
            split(layers, both["tp"])
            mesh = both["dp"]
        else:
            mesh = dist.init_device_mesh("cuda", (world,))
        options = {
            "mesh": mesh,
            "reshard_after_forward": strategy != "SHARD_GRAD_OP",
            "mp_policy": MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32),
        }
        if run.get("offload"):
            options["offload_policy"] = CPUOffloadPolicy()
        for layer in layers:
            fully_shard(layer, **options)
        fully_shard(model, **options)
        model.to_empty(device="cpu" if run.get("offload") else "cuda")
        if run.get("offload"):
            # Buffers, which are not sharded, belong on the GPU.
            for module in model.modules():
                for name, buffer in module.named_buffers(recurse=False):
                    module.register_buffer(name, buffer.cuda(), persistent=False)
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.normal_(0, 0.02)
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, fused=True)
        inputs = [ids()]

        def step():
            loss(model, inputs[0]).backward()
            mark("backward")
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return model, step
    with torch.device("cuda"):
        model, layers, ids, loss = build(run)
    if strategy == "DDP":
        if run.get("qlora"):
            model = quantized(model)
        if run.get("lora"):
            model = lora(run, model)
        model = model.cuda()
        wrapped = nn.parallel.DistributedDataParallel(model, device_ids=[RANK], **run.get("ddp", {}))
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, fused=True)
        inputs = [ids()]

        def step():
            with torch.autocast("cuda", torch.bfloat16):
                value = loss(wrapped, inputs[0])
            mark("forward")
            value.backward()
            mark("backward")
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return model, step
    import deepspeed

    if run.get("lora"):
        model = lora(run, model)
    config = {
        "train_micro_batch_size_per_gpu": run["batch"],
        "bf16": {"enabled": True},
        "zero_optimization": {"stage": int(strategy[-1]), **run.get("zero", {})},
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
    }
    on_host = "offload_optimizer" in run.get("zero", {})
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, fused=not on_host)
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config, dist_init_required=False)
    inputs = [ids()]

    def step():
        value = loss(engine, inputs[0])
        mark("forward")
        engine.backward(value)
        mark("backward")
        engine.step()

    return engine, step


def split(layers, mesh):
    """Splits the projections of Llama's layers over the ranks of tensor parallelism."""
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    columns = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj"]
    plan = {name: ColwiseParallel() for name in columns}
    plan.update({name: RowwiseParallel() for name in ["self_attn.o_proj", "mlp.down_proj"]})
    for layer in layers:
        parallelize_module(layer, mesh, plan)


def quantized(model):
    """The linear layers but the output layer in 4 bits (NF4), as QLoRA keeps them."""
    import bitsandbytes as bnb

    for name, module in list(model.named_modules()):
        for child, linear in list(module.named_children()):
            if isinstance(linear, nn.Linear) and child not in ("lm_head", "embed_out"):
                new = bnb.nn.Linear4bit(
                    linear.in_features, linear.out_features, linear.bias is not None, torch.bfloat16, False, "nf4"
                )
                new.weight = bnb.nn.Params4bit(linear.weight.data.cpu(), requires_grad=False, quant_type="nf4")
                new.weight.compress_statistics = False
                setattr(module, child, new.cuda())
    return model


def lora(run, model):
    from peft import LoraConfig, get_peft_model

    targets = run.get("targets", ["q_proj", "k_proj", "v_proj", "o_proj"])
    if run["checkpoint"]:
        model.enable_input_require_grads()
    return get_peft_model(model, LoraConfig(r=run["lora"], lora_alpha=2 * run["lora"], target_modules=targets))


RANK = 0
MARKS = {}


def mark(name):
    torch.cuda.synchronize()
    MARKS[name] = {"peak": torch.cuda.max_memory_allocated(), "after": torch.cuda.memory_allocated()}
    torch.cuda.reset_peak_memory_stats()


def label(frames):
    """The innermost frames outside of torch.nn's plumbing, innermost first."""
    kept = []
    for frame in frames:
        name = frame["filename"]
        if any(part in name for part in ("nn/modules/module.py", "utils/checkpoint.py", "_contextlib", "training_memory.py")):
            if kept:
                continue
            if "training_memory.py" not in name:
                continue
        kept.append(f"{os.path.basename(name)}:{frame['line']}:{frame['name']}")
        if len(kept) == 3:
            break
    return " < ".join(kept)


def measure_trace(step):
    """What the step allocated that is still allocated at its peak, by size and place."""
    before = torch.cuda.memory_allocated()
    torch.cuda.memory._record_memory_history(enabled="all", context="alloc", stacks="python", max_entries=3_000_000)
    step()
    torch.cuda.synchronize()
    events = torch.cuda.memory._snapshot()["device_traces"][0]
    torch.cuda.memory._record_memory_history(enabled=None)
    live, now, peak, at = {}, before, before, -1
    for i, e in enumerate(events):
        if e["action"] == "alloc":
            live[e["addr"]] = e["size"]
            now += e["size"]
            if now > peak:
                peak, at = now, i
        elif e["action"] == "free_requested":
            now -= e["size"]
            live.pop(e["addr"], None)
    live, freed = {}, 0
    for e in events[: at + 1]:
        if e["action"] == "alloc":
            live[e["addr"]] = (e["size"], label(e.get("frames", [])))
        elif e["action"] == "free_requested":
            if live.pop(e["addr"], None) is None:
                freed += e["size"]
    groups = collections.Counter()
    for size, place in live.values():
        groups[(size, place)] += 1
    rows = sorted(((s * n, n, s, p) for (s, p), n in groups.items()), reverse=True)
    last = events[at]
    tail = [[e["action"][:6], e["size"], label(e.get("frames", []))] for e in events[max(0, at - 12) : at + 4] if e["action"] in ("alloc", "free_requested")]
    return {
        "base": before,
        "freed_from_base": freed,
        "peak": peak,
        "last": [last["size"], label(last.get("frames", []))],
        "live": [[n, s, p] for _, n, s, p in rows[:45]],
        "rest": sum(r[0] for r in rows[45:]),
        "tail": tail,
    }


def measure(run, traced):
    torch.cuda.set_device(RANK)
    torch.manual_seed(0)
    model, step = prepare(run)
    # The peak of the first steps, as far as they differ from later ones.
    first = []
    for _ in range(1 + run.get("warm", 2)):
        torch.cuda.reset_peak_memory_stats()
        MARKS.clear()
        step()
        mark("step")
        first.append(max(m["peak"] for m in MARKS.values()))
    gc.collect()
    torch.cuda.synchronize()
    result = dict(run)
    inner = getattr(model, "module", model)
    count = lambda p: getattr(p, "ds_numel", None) or p.numel()
    result["params"] = sum(count(p) for p in inner.parameters())
    torch.cuda.empty_cache()
    torch.cuda.synchronize()
    result["first_peaks"] = first
    result["states"] = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    MARKS.clear()
    start = time.time()
    step()
    mark("step")
    result["step_s"] = round(time.time() - start, 4)
    result["peak_allocated"] = max(m["peak"] for m in MARKS.values())
    result["peak_reserved"] = torch.cuda.max_memory_reserved()
    result["marks"] = {k: dict(v) for k, v in MARKS.items()}
    result.update(torch=torch.__version__, gpu=torch.cuda.get_device_name(0))
    result["collectives"] = run.get("collectives", "nccl, one rank" if run["strategy"] == "DDP" else "fake")
    if traced:
        result["trace"] = measure_trace(step)
    return result


def main():
    import transformers  # noqa: F401 (loaded once, before the runs are forked)
    import transformers.modeling_utils  # noqa: F401

    with open(sys.argv[1]) as file:
        runs = [json.loads(line) for line in file if line.strip()]
    for number, run in enumerate(runs):
        run["number"] = number
        traced = "--trace" in sys.argv or run.pop("traced", False)
        reader, writer = os.pipe()
        children = []
        for rank in range(run["world"] if run.get("collectives") == "nccl" else 1):
            children.append(os.fork())
            if children[-1] == 0:
                one(run, rank, traced, writer)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            print(pipe.read(), flush=True)
        for child in children:
            os.waitpid(child, 0)


def one(run, rank, traced, writer):
    """Measures a rank in its own process, which rank 0 reports of, and ends the process."""
    global RANK
    RANK = rank
    signal.alarm(150)
    try:
        answer = measure(run, traced and rank == 0)
    except torch.OutOfMemoryError as error:
        answer = {**run, "out_of_memory": str(error)[:200]}
    except BaseException:
        answer = {**run, "error": traceback.format_exc()[-1500:]}
    answer.pop("number", None)
    if rank == 0:
        with os.fdopen(writer, "w") as pipe:
            pipe.write(json.dumps(answer))
    os._exit(0)


if __name__ == "__main__":
    main()
