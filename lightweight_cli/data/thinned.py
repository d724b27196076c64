"""Fewer batches, or smaller ones: what a check makes of its data when time, or the model, wants it so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from lightweight_cli.data.batches import Batch, Batches
from lightweight_cli.data.kept import Kept, Unit


def can_be_cut(batch: Batch) -> bool:
    """Whether the samples of a batch can be fed one by one."""
    return batch.samples > 1 and bool(batch.sliceable)


def one_sample(batch: Batch, row: int = 0) -> Batch:
    """Return one sample of a batch that can be cut."""
    feed = {n: v[row : row + 1] if n in batch.sliceable else v for n, v in batch.feed.items()}
    return Batch(feed, 1, batch.sliceable, batch.kind)


class Singles(Iterable[Batch]):
    """The samples of batches, one by one; can be gone through more than once."""

    def __init__(self, parts: Sequence[Iterable[Batch]]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[Batch]:
        for part in self.parts:
            for batch in part:
                if can_be_cut(batch):
                    yield from (one_sample(batch, row) for row in range(batch.samples))
                else:
                    yield batch


def singles(batches: Batches) -> Batches:
    """Return the same samples, each a batch of its own where it can be."""
    count = sum(b.samples if can_be_cut(b) else 1 for b in batches)
    return replace(batches, parts=[Singles(batches.parts)], count=count)


def thinned(batches: Batches, most: int) -> Batches:
    """Return at most so many batches, spread evenly from the first on, with their labels; `of` counts all samples.

    Spread, since data is often sorted by class: its beginning says little of the rest.
    """
    samples = [b.samples for b in batches]
    if most >= len(samples):
        return batches
    kept = [i * len(samples) // most for i in range(most)]
    labels = batches.labels
    if labels is not None:
        mine = np.zeros(len(samples), bool)
        mine[kept] = True
        labels = labels[np.repeat(mine, samples)]
    part = Kept(batches.parts, [Unit(i, None, samples[i]) for i in kept])
    return replace(batches, parts=[part], labels=labels, count=most, of=batches.of or sum(samples))
