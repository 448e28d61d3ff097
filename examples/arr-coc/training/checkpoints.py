"""Checkpoints that are complete or absent: written beside their place, then renamed."""

import json
import pathlib
import shutil


class Checkpoints:
    """The checkpoints of one run, in a folder that SageMaker copies to S3 while the job runs."""

    def __init__(self, folder, accelerator):
        self.folder, self.accelerator = pathlib.Path(folder), accelerator

    def _complete(self):
        found = [path for path in self.folder.glob("step-*") if (path / "progress.json").is_file()]
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
        partial = self.folder / f"partial-{steps}"
        if self.accelerator.is_main_process:
            shutil.rmtree(partial, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(partial))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            (partial / "progress.json").write_text(json.dumps({"steps": steps}))
            place = self.folder / f"step-{steps}"
            shutil.rmtree(place, ignore_errors=True)
            partial.rename(place)
            for earlier in self._complete()[:-2]:
                shutil.rmtree(earlier)
        self.accelerator.wait_for_everyone()
