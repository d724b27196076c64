"""Samples in the order in which they are drawn: shuffled anew each time all were seen, or batch by batch where they can't be cut.

Source: Beyer et al. 2022, arXiv:2106.05237 (mixtures, for which the teacher is asked as for any other input).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lightweight_cli.data.batches import Batch, Batches

HELD = 0.2
"""Share of the samples that tells which state is best, and is never trained on."""
MIXED = 0.5
"""Share of the samples that are mixed with another: the teacher answers for those too, and few samples become many."""
MOST_HELD = 256
"""Samples of it at most: each evaluation runs them all."""


class Drawn(NamedTuple):
    """One batch, with its labels where there are any."""

    feed: dict[str, Any]
    samples: int
    labels: np.ndarray | None = None


class Pool:
    """Samples that are drawn any number of times."""

    def __init__(self, batches: Sequence[Drawn], sliceable: tuple[str, ...], size: int, seed: int) -> None:
        """`sliceable`: inputs that are cut along samples, the same in all batches; none: batches are drawn as they are."""
        self.sliceable, self.size = sliceable, size
        self.random = np.random.default_rng(seed)
        self.order: list[int] = []
        self.samples = sum(b.samples for b in batches)
        self.batches = batches
        if sliceable:
            self.rows = {n: np.concatenate([b.feed[n] for b in batches]) if n in sliceable else batches[0].feed[n] for n in batches[0].feed}
            labels = [b.labels for b in batches if b.labels is not None]
            self.labels = np.concatenate(labels) if labels else None
            self.batches = ()

    def draw(self) -> Drawn:
        """Return the next batch."""
        count = self.samples if self.sliceable else len(self.batches)
        wanted = min(self.size, count) if self.sliceable else 1
        if len(self.order) < wanted:
            self.order = self.random.permutation(count).tolist()
        taken, self.order = self.order[:wanted], self.order[wanted:]
        return self._mixed(self._rows(np.array(taken))) if self.sliceable else self.batches[taken[0]]

    def _mixed(self, drawn: Drawn) -> Drawn:
        """Mix about half of the samples with others, in any proportion; nothing where labels tell what they are."""
        if drawn.labels is not None:
            return drawn
        share = self.random.random(drawn.samples, np.float32) * (self.random.random(drawn.samples) < MIXED)
        other = self.random.permutation(drawn.samples)
        for name in self.sliceable:
            value = drawn.feed[name]
            if value.dtype == np.float32:
                value += share.reshape(-1, *[1] * (value.ndim - 1)).astype(np.float32) * (value[other] - value)
        return drawn

    def __iter__(self) -> Iterator[Drawn]:
        """Go through all samples once, in their order."""
        if not self.sliceable:
            yield from self.batches
            return
        for start in range(0, self.samples, self.size):
            yield self._rows(np.arange(start, min(self.samples, start + self.size)))

    def _rows(self, rows: np.ndarray) -> Drawn:
        feed = {n: v[rows] if n in self.sliceable else v for n, v in self.rows.items()}
        return Drawn(feed, len(rows), None if self.labels is None else self.labels[rows])


def pools(batches: Batches, size: int, seed: int) -> tuple[Pool, Pool | None]:
    """Return what trains, and what tells which state is best: None where there is one sample or one batch alone."""
    found = list(_labelled(batches))
    sliceable = _sliceable([b for b, _ in found])
    units = sum(b.samples for b, _ in found) if sliceable else len(found)
    held = min(MOST_HELD, round(HELD * units)) if units > 4 else min(1, units - 1)
    order = np.random.default_rng(seed).permutation(units)
    parts = [np.sort(order[held:]), np.sort(order[:held])]
    if not sliceable:
        whole = [Drawn(b.feed, b.samples, labels) for b, labels in found]
        train, judge = ([whole[i] for i in part] for part in parts)
        return Pool(train, (), size, seed), Pool(judge, (), size, seed) if judge else None
    everything = Pool([Drawn(b.feed, b.samples, labels) for b, labels in found], sliceable, size, seed)
    train_pool, judge_pool = (Pool([everything._rows(part)], sliceable, size, seed) if len(part) else None for part in parts)
    assert train_pool is not None
    return train_pool, judge_pool


def _labelled(batches: Batches) -> Iterator[tuple[Batch, np.ndarray | None]]:
    at = 0
    for batch in batches:
        yield batch, None if batches.labels is None else batches.labels[at : at + batch.samples]
        at += batch.samples


def _sliceable(batches: Sequence[Batch]) -> tuple[str, ...]:
    """Return the inputs by which rows of all batches can be put together, none where that can't be."""
    first = batches[0]
    if not first.sliceable:
        return ()
    for batch in batches:
        same = batch.sliceable == first.sliceable and batch.feed.keys() == first.feed.keys()
        if not same or any(batch.feed[n].shape[1:] != first.feed[n].shape[1:] for n in first.sliceable):
            return ()
        if any(not np.array_equal(batch.feed[n], first.feed[n]) for n in first.feed if n not in first.sliceable):
            return ()
    return first.sliceable
