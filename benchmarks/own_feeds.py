"""Inputs of a model's own for calibration: the file beside it, or what its eval.py feeds it, in a file of the same form."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import numpy as np

FILES = ("calib_feeds.npz", "calib.npz")
"""Lists of inputs, keyed by the model's input names."""
EVERY, MOST = 16, 12
"""Of the batches that eval.py feeds, one of so many, and at most so many."""


def calibration(folder: Path, work: Path) -> Path | None:
    """Return a file of inputs; None: there are none. What eval.py feeds is kept in `work`: one batch an entry."""
    found = next((folder / name for name in FILES if (folder / name).exists()), None)
    made = work / f"{folder.name}.feeds.npz"
    if found is not None or made.exists():
        return found or made
    spec = importlib.util.spec_from_file_location("evaluation", folder / "eval.py") if (folder / "eval.py").exists() else None
    if spec is None or spec.loader is None:
        return None
    evaluation = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(evaluation)
    batches = list(itertools.islice(evaluation.feeds(), 0, EVERY * MOST, EVERY))
    np.savez(made, **{name: np.stack([batch[name] for batch in batches]) for name in batches[0]})
    return made
