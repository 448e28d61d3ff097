"""What the script asks of SageMaker model parallel, and what FSDP does alone where the library is not installed.

The library is in the image of SageMaker model parallel only. Its functions are those of the "SageMaker model parallel
library v2 reference" and "Checkpointing using SMP" in the SageMaker Developer Guide.
"""

try:
    import torch.sagemaker as tsm
except ImportError:
    tsm = None


def is_installed():
    return tsm is not None


def init():
    if tsm:
        tsm.init()


def tensor_parallel_degree():
    return tsm.state.tensor_parallel_degree if tsm else 1


def transformed(model, is_delayed):
    """Splits the layers over the tensor parallel processes, which get their parts of the weights from process 0."""
    return tsm.transform(model, load_state_dict_from_rank0=bool(is_delayed)) if tsm else model


def initializer(model, device):
    """A function that allocates the parameters of a module that has none yet. Their values come from process 0."""
    if tsm:
        from torch.sagemaker.delayed_param import DelayedParamIniter

        return DelayedParamIniter(model).get_param_init_fn()
    return lambda module: module.to_empty(device=device, recurse=False)


def offloaded(model):
    """Keeps activations in the host's memory until the backward pass, if the job asks for it."""
    if tsm and tsm.state.sm_activation_offloading:
        from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import offload_wrapper

        return offload_wrapper(model)
    return model


def part():
    """The name of the part of a checkpoint that the processes of one sharding group write together."""
    return f"tp{tsm.state.tp_rank}" if tsm else "whole"


def writes():
    """Whether the process writes checkpoints: the first of its replicas does."""
    import torch.distributed as dist

    return not tsm or tsm.state.ranker.get_rep_rank(dist.get_rank()) == 0


def checkpoint_functions(group):
    """The functions `save(state, directory)` and `load(state, directory)` for the processes of a sharding group."""
    if not tsm:
        from torch.distributed import checkpoint

        return (
            lambda state, directory: checkpoint.save(state, checkpoint_id=directory),
            lambda state, directory: checkpoint.load(state, checkpoint_id=directory),
        )
    from torch.sagemaker.distributed.checkpoint import state_dict_loader, state_dict_saver
    from torch.sagemaker.distributed.checkpoint.filesystem import DistributedFileSystemReader
    from torch.sagemaker.utils.process_group_utils import get_global_ranks

    within = {"process_group": group, "coordinator_rank": min(get_global_ranks(group))}
    return (
        lambda state, directory: state_dict_saver.save(state, checkpoint_id=directory, **within),
        lambda state, directory: state_dict_loader.load(
            state, storage_reader=DistributedFileSystemReader(directory), **within
        ),
    )
