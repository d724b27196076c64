"""Samples in the order in which they are drawn: shuffled anew each time all were seen, or batch by batch where they can't be cut."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lightweight_cli.data.batches import Batch, Batches
from lightweight_cli.distillation.variations import is_mixed, mixed, moved, share_of

IN_MEMORY = 256 << 20
"""Bytes of one input's samples that are kept in memory."""
MOST = 256
"""Samples at most that tell which state is best: each look runs them all."""


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
        self.batches, self.share = batches, share_of(max(1, self.samples))
        if sliceable:
            self.rows = {n: _joined([b.feed[n] for b in batches]) if n in sliceable else v for n, v in batches[0].feed.items()}
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
        return self._varied(self._rows(np.array(taken))) if self.sliceable else self.batches[taken[0]]

    def judging(self) -> Iterator[Drawn]:
        """Give the first samples, MOST of them, and as many mixtures of them: a student may have been made with the very samples."""
        if not self.sliceable:
            yield from self.batches[:MOST]
            return
        for start in range(0, min(MOST, self.samples), self.size):
            rows = self._rows(np.arange(start, min(MOST, self.samples, start + self.size)))
            yield rows
            if rows.labels is None and any(is_mixed(rows.feed[n]) for n in self.sliceable):
                yield rows._replace(feed={**rows.feed, **mixed({n: rows.feed[n] for n in self.sliceable}, self.random, 1.0)})

    def parts(self, drawn: Drawn, most: int) -> Iterator[Drawn]:
        """Give a batch in parts of like size, of `most` samples or less; whole where it can't be cut."""
        count = -(-drawn.samples // most) if self.sliceable else 1
        if count == 1:
            yield drawn
            return
        for rows in np.array_split(np.arange(drawn.samples), count):
            cut = slice(rows[0], rows[-1] + 1)
            feed = {n: v[cut] if n in self.sliceable else v for n, v in drawn.feed.items()}
            yield Drawn(feed, len(rows), None if drawn.labels is None else drawn.labels[cut])

    def _varied(self, drawn: Drawn) -> Drawn:
        """Move images, and mix samples where no labels tell what they are."""
        feed = {n: moved(drawn.feed[n], self.random, self.share) for n in self.sliceable}
        return drawn._replace(feed={**drawn.feed, **(mixed(feed, self.random, self.share) if drawn.labels is None else feed)})

    def _rows(self, rows: np.ndarray) -> Drawn:
        feed = {n: np.asarray(v[rows]) if n in self.sliceable else v for n, v in self.rows.items()}
        return Drawn(feed, len(rows), None if self.labels is None else self.labels[rows])


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return arrays behind each other: in memory, beyond IN_MEMORY in a file without a name."""
    if sum(p.nbytes for p in parts) <= IN_MEMORY or parts[0].dtype == object:
        return np.concatenate(parts)
    with tempfile.TemporaryFile(prefix="lwc-") as file:
        whole = np.memmap(file, parts[0].dtype, "w+", shape=(sum(map(len, parts)), *parts[0].shape[1:]))  # it keeps the file
    at = 0
    for part in parts:
        whole[at : at + len(part)] = part
        at += len(part)
    return whole


def pool_of(batches: Batches, size: int, seed: int) -> Pool:
    """Return a pool of the samples of some batches."""
    found = list(_labelled(batches))
    return Pool([Drawn(b.feed, b.samples, labels) for b, labels in found], _sliceable([b for b, _ in found]), size, seed)


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
