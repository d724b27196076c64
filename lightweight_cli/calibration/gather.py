"""From what a weight's uses read to its statistics: which rows are taken, and their sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
HELD = 1024
"""Rows of a layer that are held out at most: 8 bytes for each of their values. They tell its error to some percent."""
FIFTH = 5
"""One batch of so many is held out; where there are fewer, one row of so many."""

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
    held_out: bool = False
    """Whether some rows judge, and are in no sums."""
    masks: Sequence[np.ndarray | None] = ()
    """Of each batch, which [sample, place] is no padding; None: not said."""
    recent: tuple[tuple, Sums] | None = field(default=None, repr=False)
    """The last sums, and the rows they are of: the next weight may see the same."""

    def index(self, total: int, batch: int, watched: Watched, arrays: Sequence[np.ndarray | None] = ()) -> np.ndarray:
        """Return which of a batch's `total` rows one use of a weight takes: its share of the rows, by the samples, without padding."""
        rows = self.rows or min(max(PER_INPUT * watched.view.shape[2], FEWEST), MOST)
        of = list(self.samples)
        if self.held_out and self._whole:
            held = batch % FIFTH == FIFTH - 1
            rows = min(HELD, rows // (FIFTH - 1)) if held else rows
            of = [n for i, n in enumerate(of) if (i % FIFTH == FIFTH - 1) == held]
        elif self.held_out:
            rows += min(HELD, rows // (FIFTH - 1))
        share = -(-rows * self.samples[batch] // (max(1, sum(of)) * len(watched.uses)))
        mask = self.masks[batch] if self.masks else None
        if mask is None or mask.size != total or not arrays or arrays[0] is None or arrays[0].shape[:2] != mask.shape or not mask.any():
            return chosen(total, share, (self.seed, batch))
        real = np.flatnonzero(mask)
        return real[chosen(len(real), share, (self.seed, batch))]

    def aside(self, count: int, batch: int, watched: Watched) -> np.ndarray:
        """Return which of the `count` rows that a batch gives are held out, as [count] bool."""
        if not self.held_out:
            return np.zeros(count, bool)
        if self._whole:
            return np.full(count, batch % FIFTH == FIFTH - 1)
        most = -(-HELD * self.samples[batch] // (max(1, sum(self.samples)) * len(watched.uses)))
        held = np.zeros(count, bool)
        held[chosen(count, min(most, max(1, count // FIFTH)) if count > 1 else 0, (self.seed, batch, 1))] = True
        return held

    def held_bytes(self, watched: Watched) -> int:
        """Return the bytes that a weight's rows held out take at most."""
        return 8 * HELD * watched.view.shape[0] * watched.view.shape[2] if self.held_out else 0

    @property
    def _whole(self) -> bool:
        """Whether whole batches are held out."""
        return len(self.samples) >= FIFTH

    def taken(self, watched: Watched, use: Use, arrays: Arrays) -> Targets:
        """Yield the rows that are taken of each batch."""
        assert use.read is not None
        for number, seen in enumerate(arrays):
            points = use.read(seen)
            yield Taken(points.total, points.take(self.index(points.total, number, watched, seen)))


class Gathered:
    """What is known of one weight so far."""

    def __init__(self, watched: Watched, sampling: Sampling, pairs: bool) -> None:
        self.watched, self.sampling, self.pairs = watched, sampling, pairs
        self.groups, self.outputs, self.inputs = watched.view.shape
        self.sums: Sums | None = None
        self.counts: np.ndarray | None = None
        self.why = ""

    def add(self, use: Use, arrays: Arrays, targets: Targets | None = None, keep: Callable[[Taken], None] | None = None) -> None:
        """Go through what one use reads; `targets`: the original's rows, where these are the compressed model's arrays.

        `keep`: called with the rows of each batch.
        """
        if use.read is None:
            self._count(arrays)
            return
        recent = self.sampling.recent
        same = keep is None and recent is not None and recent[0] == use.signature and (recent[1].yx is not None) == self.pairs
        if same and recent is not None and not self.watched.tied:
            self.sums = recent[1]
            return
        if self.sums is None:
            self.sampling.recent = recent = None  # before new sums take room
            self.sums = Sums(self.groups, self.inputs, self._matrix() if self.pairs else None, self.sampling.histogram)
        for number, seen in enumerate(arrays):
            self._batch(use, number, seen, next(targets) if targets is not None else None, keep)
        if not self.watched.tied and not self.sums.few:
            self.sampling.recent = use.signature, self.sums

    def _batch(self, use: Use, number: int, arrays: list[np.ndarray | None], target: Taken | None,
               keep: Callable[[Taken], None] | None = None) -> None:
        assert use.read is not None and self.sums is not None
        if any(a is not None and not a.size for a in arrays):  # a branch that was not taken
            return
        points = use.read(arrays)
        index = self.sampling.index(points.total, number, self.watched, arrays)
        if target is not None and points.total != target.total:
            self.why = "its inputs change their shape with the values of other weights"
            return
        if keep is not None:
            keep(Taken(points.total, points.take(index)))
        aside = self.sampling.aside(len(index), number, self.watched)
        for take, places in ((self.sums.add, np.flatnonzero(~aside)), (self.sums.hold, np.flatnonzero(aside))):
            for start in range(0, len(places), self.sums.step):
                part = places[start : start + self.sums.step]
                take(points.take(index[part]), target.rows[:, part] if target is not None else None)
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
