"""Sharded checkpoints of one run, in a directory that SageMaker copies to S3 while the job runs, and back when it resumes."""

import shutil

import torch.distributed as dist
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.fsdp import FullyShardedDataParallel, StateDictType

import library


class Checkpoints:
    def __init__(self, directory, model, optimizer):
        self.directory, self.model, self.optimizer = directory, model, optimizer
        # Activation offloading wraps the model once more.
        self.sharded = next(one for one in model.modules() if isinstance(one, FullyShardedDataParallel))
        self._save, self._load = library.checkpoint_functions(self.sharded.process_group)

    def _steps(self):
        found = (path.name.removeprefix("step-") for path in self.directory.glob("step-*"))
        return sorted(int(name) for name in found if name.isdigit())

    def _part(self, step):
        return self.directory / f"step-{step}" / library.part()

    def _is_complete(self, step):
        """Whether every file that the metadata names is there: instances upload their files at different times, so that an
        interrupted job leaves parts of a checkpoint in S3."""
        try:
            stored = FileSystemReader(self._part(step)).read_metadata().storage_data
        except (OSError, EOFError):
            return False
        return all((self._part(step) / info.relative_path).is_file() for info in stored.values())

    def _state(self):
        return {
            "model": self.sharded.state_dict(),
            "optimizer": FullyShardedDataParallel.optim_state_dict(self.sharded, self.optimizer),
        }

    def _in_shards(self):
        return FullyShardedDataParallel.state_dict_type(self.sharded, StateDictType.SHARDED_STATE_DICT)

    def save(self, step):
        with self._in_shards():
            state = self._state()
        if library.writes():
            self._part(step).mkdir(parents=True, exist_ok=True)
            self._save(state, str(self._part(step)))
        dist.barrier()
        # Every instance has a directory of its own; the last two checkpoints stay.
        for earlier in self._steps()[:-2]:
            shutil.rmtree(self.directory / f"step-{earlier}", ignore_errors=True)
        dist.barrier()

    def resume(self):
        """Loads the last checkpoint that is complete for all processes; returns its step, 0 in a new run."""
        of_all = [None] * dist.get_world_size()
        dist.all_gather_object(of_all, [step for step in self._steps() if self._is_complete(step)])
        common = set.intersection(*(set(steps) for steps in of_all))
        if not common:
            return 0
        step = max(common)
        with self._in_shards():
            state = self._state()
            self._load(state, str(self._part(step)))
            self.sharded.load_state_dict(state["model"])
            flat = FullyShardedDataParallel.optim_state_dict_to_load(self.sharded, self.optimizer, state["optimizer"])
        self.optimizer.load_state_dict(flat)
        return step
