"""Candidates timed against the model as it is, paired, and compared with it, in a child process."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.checking.check import Check
from lightweight_cli.checking.judge import Bench
from lightweight_cli.compute.apply import Decisions, apply
from lightweight_cli.compute.seen import NOTHING
from lightweight_cli.errors import BrokenPromise
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.data.portion import Portion
    from lightweight_cli.model.model import Model

SAMPLES, FEW = 32, 8
"""Samples that a candidate is compared on; and a single layer."""
ATTEMPTS = 2
"""To time a candidate: on a busy machine it may take more than one."""


class Measured(NamedTuple):
    """What came of a candidate: its time relative to the model's, and the SQNR of the worst output in dB; None: not known."""

    ratio: float | None
    sqnr: float | None
    broken: str = ""
    """Why it does not run."""
    drop: float | None = None
    """Of the metric, on calibration data with labels, where a drop is to be held."""


class Trials:
    """A model beside which candidates run. Use it as a context, which ends the child process.

    Raises: InputError where the model itself does not run.
    """

    def __init__(self, model: Model, portion: Portion, reduced: bool, labelled: Check | None = None) -> None:
        """`labelled`: how labels are read, where they are to tell a drop and calibration has a share of the data that have them."""
        self.reduced, self.number = reduced, 0
        self.seen = NOTHING
        """What forms need to know of values."""
        self.end = contextlib.ExitStack()
        self.folder = self.end.enter_context(tempfile.TemporaryDirectory(prefix="lwc-"))
        self.path = write_into(model, self.folder, "model")
        check = Check(data=portion.paths, role=portion.role, share=portion.share, seed=portion.seed, ignore_labels=True, load=False,
                      samples=min(SAMPLES, portion.samples or SAMPLES), budget=None, exact=not reduced)
        if labelled is not None and portion.role == "calibrate":
            check = replace(check, labels=labelled.labels, metric=labelled.metric, ignore_labels=labelled.ignore_labels,
                            samples=portion.samples)
        self.bench = self.end.enter_context(Bench(self.path, check))
        few = replace(check, samples=min(FEW, check.samples or FEW), latency=False, labels=None, metric=None,
                      ignore_labels=True)
        self.short = self.end.enter_context(Bench(self.path, few))

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        self.end.close()

    def run(self, decisions: Decisions, latency: bool = True) -> Measured:
        """Build a candidate and measure it."""
        found = self._judged(self.bench, decisions, latency)
        for _ in range(ATTEMPTS - 1 if latency else 0):
            if found.ratio is None and not found.broken:
                found = self._judged(self.bench, decisions, latency)
        return found

    def alone(self, decisions: Decisions) -> float | None:
        """Return the dB of the worst output on few samples, with few layers in integers; None: not known."""
        return self._judged(self.short, decisions, False).sqnr

    def _judged(self, bench: Bench, decisions: Decisions, latency: bool) -> Measured:
        candidate = load(self.path)
        apply(candidate, decisions, self.reduced, self.seen)
        self.number += 1
        path = write_into(candidate, self.folder, f"candidate{self.number}")
        bench.check = replace(bench.check, latency=latency)
        try:
            found = bench.judge(path)
        except BrokenPromise as e:
            return Measured(None, None, str(e))
        finally:
            os.remove(path)
        return Measured(pace(found), found.sqnr, drop=found.metric.drop if found.metric is not None else None)


def pace(found: Accuracy) -> float | None:
    """Return candidate / reference: of processor time, which others on the machine disturb least, and else by the clock.

    Where rounds disagree it is the upper end of what it may be: a form that is slower must not be taken by chance.
    """
    latency = found.latency
    if latency is None:
        return None
    for kind in (latency.processor, latency.clock):
        if kind.ratio is not None:
            return kind.ratio
    return max(latency.processor.high, latency.processor.candidate_ms / max(latency.processor.reference_ms, 1e-9))
