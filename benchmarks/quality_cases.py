"""Which models the quality table covers, their inputs, and how their task is measured."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fidelity import few_words

if TYPE_CHECKING:
    import numpy as np

ROWS, BATCHES = 128, 64  # real inputs compared: enough rows for a SQNR, or that many batches of one row
METRIC_LIMIT = 900  # seconds for one evaluation
_RUN_METRIC = (
    "import json, sys; sys.path.insert(0, sys.argv[1]); import eval as task; found = task.run(sys.argv[2]); "
    "print(json.dumps(found[0] if isinstance(found, tuple) else found))"
)


@dataclass(frozen=True)
class Case:
    """One model with the folders of its inputs, and the folder of its eval.py if it has one."""

    name: str
    model: Path
    feeds: list[Path]
    task: Path | None = None

    @property
    def bytes(self) -> int:
        """Size of the model with its external data."""
        return sum(file.stat().st_size for file in self.model.parent.glob(self.model.name + "*"))

    def metric(self, candidate: Path) -> dict[str, object]:
        """Run the task's evaluation on a candidate, in a process of its own.

        Returns: what eval.run returned, or {"error": a few words}.
        """
        command = [sys.executable, "-c", _RUN_METRIC, str(self.task), str(candidate)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=METRIC_LIMIT)
        except subprocess.TimeoutExpired:
            return {"error": f"over {METRIC_LIMIT} s"}
        if done.returncode:
            return {"error": few_words(done.stderr.strip() or "crash")}
        found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
        return found


def task_feeds(task: Path) -> Iterator[dict[str, np.ndarray]]:
    """The first evaluation batches of a task: its eval.py's feeds()."""
    spec = importlib.util.spec_from_file_location(f"task_{task.name}", task / "eval.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = 0
    for number, feed in enumerate(module.feeds()):
        if rows >= ROWS or number >= BATCHES:
            return
        rows += max((len(array) for array in feed.values() if array.ndim), default=1)
        yield feed


def _saved(feeds: Iterator[dict[str, np.ndarray]], folder: Path) -> list[Path]:
    from onnx import numpy_helper

    folders = []
    for number, feed in enumerate(feeds):
        target = folder / f"test_data_set_{number}"
        target.mkdir(parents=True, exist_ok=True)
        for index, (name, array) in enumerate(feed.items()):
            (target / f"input_{index}.pb").write_bytes(numpy_helper.from_array(array, name).SerializeToString())
        folders.append(target)
    return folders


def _numbered(folder: Path) -> list[Path]:
    return sorted(folder.glob("test_data_set_*"), key=lambda path: int(path.name.rsplit("_", 1)[1]))


def cases(models: Path, zoo: Path | None, work: Path) -> list[Case]:
    """Every MODELS/NAME/model.onnx and ZOO/NAME/model.onnx; a task in the zoo lends its data to both."""
    folders = {path.parent.name: path.parent for path in sorted(models.glob("*/model.onnx"))}
    tasks = {path.parent.name: path.parent for path in sorted(zoo.glob("*/eval.py"))} if zoo else {}
    found = []
    for name, folder in sorted({**tasks, **folders}.items()):
        task = tasks.get(name)
        kept = work / "feeds" / name
        feeds = _numbered(kept if task else folder)
        if task and not feeds:
            feeds = _saved(task_feeds(task), kept)
        if not feeds:
            raise FileNotFoundError(f"{folder}: no test_data_set_N folder; fetch_models.py writes them")
        found.append(Case(name, folder / "model.onnx", feeds, task))
    return found
