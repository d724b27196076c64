"""From what a weight's uses read to its statistics: which rows are taken, and their sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lightweight_cli.calibration.counts import count
from lightweight_cli.calibration.points import chosen
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.sums import Sums
from lightweight_cli.calibration.uses import Use, Watched

PER_INPUT, FEWEST, MOST = 4, 2048, 8192
"""Rows for each input of a layer, and their least and largest number: more rows changed no result, fewer did."""

Arrays = Iterator["list[np.ndarray | None]"]


class Taken(NamedTuple):
    """Rows of one batch, and of how many they were taken."""

    total: int
    rows: np.ndarray


Targets = Iterator[Taken]


@dataclass
class Sampling:
    """Which rows are taken of all batches, the same for both models."""

    samples: Sequence[int]
    """Samples in each batch."""
    rows: int | None = None
    """Rows of a layer over all batches; None: PER_INPUT times its inputs, from FEWEST to MOST."""
    seed: int = 0
    histogram: bool = False
    recent: tuple[tuple, Sums] | None = field(default=None, repr=False)
    """The last sums, and the rows they are of: the next weight may see the same."""

    def index(self, total: int, batch: int, watched: Watched) -> np.ndarray:
        """Return which of a batch's `total` rows one use of a weight takes: its share of the rows, by the samples."""
        rows = self.rows or min(max(PER_INPUT * watched.view.shape[2], FEWEST), MOST)
        share = -(-rows * self.samples[batch] // (max(1, sum(self.samples)) * len(watched.uses)))
        return chosen(total, share, (self.seed, batch))

    def taken(self, watched: Watched, use: Use, arrays: Arrays) -> Targets:
        """Yield the rows that are taken of each batch."""
        assert use.read is not None
        for number, seen in enumerate(arrays):
            points = use.read(seen)
            yield Taken(points.total, points.take(self.index(points.total, number, watched)))


class Gathered:
    """What is known of one weight so far."""

    def __init__(self, watched: Watched, sampling: Sampling, pairs: bool) -> None:
        self.watched, self.sampling, self.pairs = watched, sampling, pairs
        self.groups, self.outputs, self.inputs = watched.view.shape
        self.sums: Sums | None = None
        self.counts: np.ndarray | None = None
        self.why = ""

    def add(self, use: Use, arrays: Arrays, targets: Targets | None = None) -> None:
        """Go through what one use reads; `targets`: the original's rows, where these are the compressed model's arrays."""
        if use.read is None:
            self._count(arrays)
            return
        recent = self.sampling.recent
        if recent is not None and recent[0] == use.signature and (recent[1].yx is not None) == self.pairs and not self.watched.tied:
            self.sums = recent[1]
            return
        if self.sums is None:
            self.sampling.recent = recent = None  # before new sums take room
            self.sums = Sums(self.groups, self.inputs, self._matrix() if self.pairs else None, self.sampling.histogram)
        for number, seen in enumerate(arrays):
            self._batch(use, number, seen, next(targets) if targets is not None else None)
        if not self.watched.tied and not self.sums.few:
            self.sampling.recent = use.signature, self.sums

    def _batch(self, use: Use, number: int, arrays: list[np.ndarray | None], target: Taken | None) -> None:
        assert use.read is not None and self.sums is not None
        if any(a is not None and not a.size for a in arrays):  # a branch that was not taken
            return
        points = use.read(arrays)
        index = self.sampling.index(points.total, number, self.watched)
        if target is not None and points.total != target.total:
            self.why = "its inputs change their shape with the values of other weights"
            return
        for start in range(0, len(index), self.sums.step):
            part = slice(start, start + self.sums.step)
            self.sums.add(points.take(index[part]), target.rows[:, part] if target is not None else None)
        if self.sums.histogram is not None:
            for a in arrays:
                if a is not None:
                    self.sums.histogram.add(a)

    def _count(self, arrays: Arrays) -> None:
        if self.counts is None:
            self.counts = np.zeros(self.outputs, np.int64)
        for (indices,) in arrays:
            if indices is not None:
                self.counts += count(indices, self.outputs)

    def result(self) -> Statistics | str:
        """Return the statistics, or why there are none."""
        if self.why:
            return self.why
        if self.sums is None:
            return Statistics(counts=self.counts)
        if self.sums.empty:
            return "no activations reachable: its branch was never taken"
        return self.sums.result(self._matrix() if self.pairs else None)._replace(counts=self.counts)

    def _matrix(self) -> np.ndarray:
        weight = self.watched.weight
        values = weight.read(0, weight.size).reshape(weight.shape)
        weight.forget()
        return self.watched.view.of(values)
