"""Run an original and a candidate model on the same batches, and say what the change cost."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.check import BUDGET
from lightweight_cli.checking.feeds import Feeds
from lightweight_cli.checking.original import Original
from lightweight_cli.checking.runs import Progress
from lightweight_cli.data.portion import Half, Role
from lightweight_cli.runtime.level import Level
from lightweight_cli.runtime.threads import THREADS


def verify(reference: str, candidate: str, batches: Sequence[str] | Feeds | None = None,
           labels: str | np.ndarray | None = None, metric: str | None = None, *, latency: bool = True, seed: int = 0,
           batch_size: int | None = None, threads: int = THREADS, budget: float | None = BUDGET, ignore_labels: bool = False,
           level: Level = "all", role: Role = "all", samples: int | None = None, half: Half = "both", share: float | None = None,
           frozen: Sequence[str] = (), progress: Progress | None = None) -> Accuracy:
    """Compare the model file `candidate` with the model file `reference`, in this process.

    `batches`: data paths as --data takes them, or feeds (dicts of arrays by input name); None: synthetic.
    `role`, `samples`, `half`, `share`: which samples of the data judge, and how many at most: see data.portion.
    `labels`: one a sample, or their file. `metric`: "top1", "ctc:blank=36", ...; None: chosen from the labels.
    `frozen`: inputs with a default that the candidate lacks on purpose: no data for them is used.
    `budget`: seconds by which as much of the data is run as fits; None: all of it.
    Raises: InputError for the reference, the data or the labels; BrokenPromise when the candidate does
        not load, run, keep its interface, or stay finite; UsageError for an unknown metric.
    """
    with Original(os.fspath(reference), batches, labels, metric, seed=seed, batch_size=batch_size, threads=threads, budget=budget,
                  ignore_labels=ignore_labels, level=level, role=role, samples=samples, half=half, share=share, frozen=frozen,
                  progress=progress) as original:
        return original.compare(os.fspath(candidate), latency=latency, progress=progress)
