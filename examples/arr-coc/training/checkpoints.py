"""Checkpoints that are complete or absent: written under another name first, then renamed."""

import json
import pathlib
import shutil


class Checkpoints:
    """The checkpoints of one run, in a directory that SageMaker copies to S3 while the job runs."""

    def __init__(self, directory, accelerator):
        self.directory, self.accelerator = pathlib.Path(directory), accelerator

    def _complete(self):
        found = [path for path in self.directory.glob("step-*") if (path / "progress.json").is_file()]
        return sorted(found, key=lambda path: int(path.name.partition("-")[2]))

    def resume(self):
        """Loads the last complete checkpoint; returns the number of steps that were taken, 0 in a new run."""
        complete = self._complete()
        if not complete:
            return 0
        self.accelerator.load_state(str(complete[-1]))
        return json.loads((complete[-1] / "progress.json").read_text())["steps"]

    def save(self, steps):
        """Every process saves its part; the main process gives the checkpoint its name when all parts are there."""
        partial = self.directory / f"partial-{steps}"
        if self.accelerator.is_main_process:
            shutil.rmtree(partial, ignore_errors=True)
            self.directory.mkdir(parents=True, exist_ok=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(partial))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            (partial / "progress.json").write_text(json.dumps({"steps": steps}))
            path = self.directory / f"step-{steps}"
            shutil.rmtree(path, ignore_errors=True)
            partial.rename(path)
            for earlier in self._complete()[:-2]:
                shutil.rmtree(earlier)
        self.accelerator.wait_for_everyone()
