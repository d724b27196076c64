"""A weight cut along its channels, each piece stored by itself and put together by a Concat at load."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.weight import CHUNK, Weight


@dataclass(frozen=True)
class Piece:
    """Indices [start, stop) of a weight along one axis."""

    weight: Weight
    axis: int
    start: int
    stop: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the piece; of the whole weight if it has no axes."""
        whole = self.weight.shape
        return (*whole[: self.axis], self.stop - self.start, *whole[self.axis + 1 :]) if whole else ()

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield the elements in the piece's flat order, about CHUNK at a time."""
        whole = self.weight.shape
        if self.size == self.weight.size:
            yield from self.weight.chunks()
            return
        inner = math.prod(whole[self.axis + 1 :])
        row, first, count = whole[self.axis] * inner, self.start * inner, (self.stop - self.start) * inner
        if row > CHUNK:  # long rows: only the piece's own elements are read
            for i in range(0, self.weight.size, row):
                for at in range(i + first, i + first + count, CHUNK):
                    yield self.weight.read(at, min(CHUNK, i + first + count - at))
            return
        for part in self.weight.chunks(CHUNK // row * row):
            yield np.ascontiguousarray(part.reshape(-1, row)[:, first : first + count]).reshape(-1)


def along(weight: Weight, channels: int | None) -> list[Piece]:
    """Cut a weight into pieces of so many output channels; None: the whole weight."""
    axis = weight.axes[-1] if weight.axes else 0
    total = weight.shape[axis] if weight.shape else 1
    step = min(channels or total, total)
    return [Piece(weight, axis, i, min(total, i + step)) for i in range(0, total, step)]


def forms(new: Callable[[str], Emission], stored: Coded | Vectors, name: str, limits: Limits) -> list[Emission]:
    """Return the ways to store codes or vectors."""
    if isinstance(stored, Vectors):
        return choose.for_vectors(new, stored, name, limits)
    return choose.for_codes(new, stored, name, limits)


def joined(
    new: Callable[[str], Emission], pieces: Sequence[Coded | Vectors], axis: int, name: str, limits: Limits
) -> Emission:
    """Return the smallest emission of each piece, one after the other, and the Concat that makes the weight `name`."""
    whole = new("")
    home, names, labels, words = whole.prefix, [], [], []
    for i, stored in enumerate(pieces):
        def part(label: str, i: int = i) -> Emission:
            e = new(label)
            e.prefix = f"{home}{i}."
            return e

        names.append(f"{home}{i}")
        best = min(forms(part, stored, names[-1], limits), key=lambda e: e.nbytes)
        whole.nodes += best.nodes
        known = {s.proto.name for s in whole.stored}
        whole.stored += [s for s in best.stored if s.proto.name not in known]
        whole.load_bytes, whole.load_ns = whole.load_bytes + best.load_bytes, whole.load_ns + best.load_ns
        labels.append(best.label)
        words.append(best.stored_as)
    whole.label, whole.stored_as = " + ".join(dict.fromkeys(labels)), "; ".join(dict.fromkeys(words))
    whole.op("Concat", names, name, axis=axis)
    return whole
