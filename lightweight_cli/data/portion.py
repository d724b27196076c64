"""Which samples of the data a reader takes: all, the share that calibrates, or the rest, which judges; of these again one of two halves.

What chooses and what judges never overlap: where both come from the same files, a seeded share is drawn, and either side
computes it for itself from the seed alone. A search that tries many candidates takes the rows that judge apart once more: some
select a candidate, and fresh ones, which nothing was chosen by, confirm it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lightweight_cli.data.batches import Batch, Batches, open_batches
from lightweight_cli.data.kept import Kept, Unit
from lightweight_cli.data.spool import IN_MEMORY
from lightweight_cli.runtime.sessions import Interface

Role = Literal["all", "calibrate", "judge"]
Half = Literal["both", "select", "confirm"]
SHARE = 1 / 3
"""Of the samples calibrates, where the data must serve both."""
MOST = 256
"""Samples that calibrate at most, where the data must serve both: rows of one more bring less than a row more to judge by."""

SELECTING = 2 / 3
"""Of the samples that judge select a candidate, where fresh ones must confirm it: what can be resolved grows with those that select,
and the others answer one question only."""
FRESH = 6
"""Samples that confirm at least; where there are not so many, those that selected do it."""


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
    half: Half = "both"
    """Of a role's samples: those that select, or those that confirm."""
    share: float | None = None
    """Of the samples calibrates, where the data must serve both; None: SHARE."""
    selecting: float | None = None
    """Of a role's samples select; None: SELECTING."""


def received(fields: Mapping[str, Any]) -> Portion:
    """Return the portion whose fields came from another process, in plain words."""
    return Portion(**{**fields, "paths": tuple(fields["paths"])})


def open_portion(portion: Portion, model: Interface, *, labels: str | None = None, batch_size: int | None = None,
                 memory: int = IN_MEMORY, ignore_labels: bool = False) -> Batches:
    """Open the data and keep the samples that are meant, in their order, with their labels; `memory` as open_batches has it.

    Raises: InputError for what is missing, damaged, or does not fit the inputs.
    """
    batches = open_batches(portion.paths, model, labels=labels, batch_size=batch_size, memory=memory,
                           ignore_labels=ignore_labels)
    return chosen(batches, portion)


def chosen(batches: Batches, portion: Portion) -> Batches:
    """Return the samples that a portion means; `batches.of` counts what there was, to judge by without what calibrates."""
    units = [u for i, batch in enumerate(batches) for u in units_of(i, batch)]
    batches.of = sum(u.samples for u in units)
    order = np.random.default_rng(portion.seed).permutation(len(units))
    if portion.role != "all":
        count = calibrating(units, order, portion.share)
        order = order[:count] if portion.role == "calibrate" else order[count:]
        if portion.role == "judge":
            batches.of = sum(units[k].samples for k in order)
    if portion.samples is not None:
        order = order[: within(units, order, portion.samples)]
    if portion.half != "both":
        count = selecting(units, order, portion.selecting)
        batches.fresh = count < len(order)
        order = order[:count] if portion.half == "select" or not batches.fresh else order[count:]
        if portion.selecting is None:  # else there are those of both halves
            batches.of = sum(units[k].samples for k in order)
    batches.meant = sum(units[k].samples for k in order)
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


def calibrating(units: Sequence[Unit], order: np.ndarray, share: float | None = None) -> int:
    """Return how many units, in this order, calibrate: a share of the samples; one side always keeps something."""
    wanted = int((share or SHARE) * sum(u.samples for u in units))
    most = wanted if share else min(MOST, wanted)
    return min(within(units, order, most), len(units) - 1)


def selecting(units: Sequence[Unit], order: np.ndarray, share: float | None = None) -> int:
    """Return how many units, in this order, select: all of them where too few were left to confirm, or none for a given share."""
    total = sum(units[k].samples for k in order)
    count = within(units, order, int((share or SELECTING) * total))
    return count if sum(units[k].samples for k in order[count:]) >= (1 if share else FRESH) else len(order)


def within(units: Sequence[Unit], order: np.ndarray, most: int) -> int:
    """Return how many units, in this order, have at most `most` samples together; at least one where there is any."""
    total = np.cumsum([units[k].samples for k in order])
    return max(int(np.searchsorted(total, most, side="right")), min(1, len(order)))
