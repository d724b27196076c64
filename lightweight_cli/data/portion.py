"""Which samples of the data a reader takes: all, the share that calibrates, or the rest, which judges.

What chooses and what judges never overlap: where both come from the same files, a seeded share is drawn, and either side
computes it for itself from the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from lightweight_cli.data.batches import Batch, Batches, open_batches
from lightweight_cli.data.spool import IN_MEMORY
from lightweight_cli.runtime.sessions import Interface

Role = Literal["all", "calibrate", "judge"]
SHARE = 1 / 3
"""Of the samples calibrates, where the data must serve both."""
MOST = 256
"""Samples that calibrate at most, where the data must serve both: rows of one more bring less than a row more to judge by."""


@dataclass(frozen=True)
class Portion:
    """Data files as --data takes them, and which of their samples are meant."""

    paths: tuple[str, ...]
    """None: synthetic inputs."""
    role: Role = "all"
    samples: int | None = None
    """At most so many of them, drawn by the seed; None: all."""
    seed: int = 0
    memory: int | None = None
    """Bytes for what grows with the samples where a model is calibrated on them; beyond, it goes to the disk. None: the default."""


class Unit(NamedTuple):
    """What can't be divided: a sample, or a whole batch where its samples can't be cut."""

    batch: int
    row: int | None
    samples: int


def open_portion(portion: Portion, model: Interface, *, labels: str | None = None, batch_size: int | None = None,
                 memory: int = IN_MEMORY, ignore_labels: bool = False) -> Batches:
    """Open the data and keep the samples that are meant, in their order, with their labels; `memory` as open_batches has it.

    Raises: InputError for what is missing, damaged, or does not fit the inputs.
    """
    batches = open_batches(portion.paths, model, labels=labels, batch_size=batch_size, memory=memory,
                           ignore_labels=ignore_labels)
    return chosen(batches, portion.role, portion.samples, portion.seed)


def chosen(batches: Batches, role: Role, most: int | None, seed: int) -> Batches:
    """Return the samples of a role, at most `most` of them; `batches.of` counts what there was, to judge by without what calibrates."""
    units = [u for i, batch in enumerate(batches) for u in units_of(i, batch)]
    batches.of = sum(u.samples for u in units)
    order = np.random.default_rng(seed).permutation(len(units))
    if role != "all":
        count = calibrating(units, order)
        order = order[:count] if role == "calibrate" else order[count:]
        if role == "judge":
            batches.of = sum(units[k].samples for k in order)
    if most is not None:
        order = order[: within(units, order, most)]
    if len(order) == len(units):
        return batches
    kept = sorted(order.tolist())
    if batches.labels is not None:
        mine = np.zeros(len(units), bool)
        mine[kept] = True
        batches.labels = batches.labels[np.repeat(mine, [u.samples for u in units])]
    part = Kept(batches.parts, [units[k] for k in kept])
    batches.parts, batches.count = [part], len(part)
    return batches


def units_of(number: int, batch: Batch) -> list[Unit]:
    """Return the units of a batch."""
    varying = all(n in batch.sliceable or getattr(v, "ndim", 0) == 0 or len(v) != batch.samples for n, v in batch.feed.items())
    if batch.samples > 1 and batch.sliceable and varying:
        return [Unit(number, row, 1) for row in range(batch.samples)]
    return [Unit(number, None, batch.samples)]


def calibrating(units: Sequence[Unit], order: np.ndarray) -> int:
    """Return how many units, in this order, calibrate: a share of the samples; one side always keeps something."""
    most = min(MOST, int(SHARE * sum(u.samples for u in units)))
    return min(within(units, order, most), len(units) - 1)


def within(units: Sequence[Unit], order: np.ndarray, most: int) -> int:
    """Return how many units, in this order, have at most `most` samples together; at least one where there is any."""
    total = np.cumsum([units[k].samples for k in order])
    return max(int(np.searchsorted(total, most, side="right")), min(1, len(order)))


class Kept(Iterable[Batch]):
    """Some units of batches; can be gone through more than once."""

    def __init__(self, parts: Sequence[Iterable[Batch]], units: Sequence[Unit]) -> None:
        self.parts = parts
        self.rows: dict[int, list[int] | None] = {}
        for unit in units:
            rows = self.rows.setdefault(unit.batch, None if unit.row is None else [])
            if rows is not None and unit.row is not None:
                rows.append(unit.row)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Batch]:
        number = 0
        for part in self.parts:
            for batch in part:
                if number in self.rows:
                    yield cut(batch, self.rows[number])
                number += 1


def cut(batch: Batch, rows: list[int] | None) -> Batch:
    """Return the rows of a batch; None: all of it."""
    if rows is None or len(rows) == batch.samples:
        return batch
    return Batch({n: v[rows] if n in batch.sliceable else v for n, v in batch.feed.items()}, len(rows), batch.sliceable, batch.kind)
