"""The packed bytes of a split tree: the bits of each split, and the digits of each leaf; their sizes are known from counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.model.blobs import Writer
from lightweight_cli.numerics import packing


def base_of(codes: int) -> int | None:
    """Return the base of the digits in which a leaf of so many codes is packed; None where each takes a byte."""
    return next((levels for levels in sorted(packing.DIGITS) if codes <= levels), None)


def padded(places: np.ndarray, unit: int, front: bool, fill: int) -> np.ndarray:
    """Return places with more of one of them before or after, up to a multiple."""
    more = np.full(-places.size % unit, fill, places.dtype)
    if not more.size:
        return places
    return np.concatenate([more, places] if front else [places, more])


class Streams:
    """The streams of a weight's codes, made when the first is written."""

    def __init__(self, coded: Coded, leaves: Sequence[int], order: np.ndarray) -> None:
        self.coded, self.leaves, self.order = coded, leaves, order
        self.packed: dict[tuple[str, int], np.ndarray] = {}

    def write(self, writer: Writer) -> None:
        """Write the codes of a tree of one leaf, part by part."""
        for places in self._places():
            writer.write(self._leaf(places, 0, self.leaves[0], False))

    def writer(self, kind: str, leaf: int) -> Callable[[Writer], None]:
        """Return what writes the "bits" that split a leaf off, or its "codes"."""

        def produce(writer: Writer) -> None:
            if not self.packed:
                self._make()
            writer.write(self.packed.pop((kind, leaf)))

        return produce

    def _make(self) -> None:
        rest = np.concatenate([*self._places()])
        start, front = 0, False
        for i, leaf in enumerate(self.leaves):
            last = i == len(self.leaves) - 1
            here = rest
            if not last:
                rest = padded(rest, 8, front, start)
                ones = rest >= start + leaf
                self.packed["bits", i] = packing.pack_mask(ones)
                here, rest = rest.compress(~ones), rest.compress(ones)
            if leaf > 1:
                self.packed["codes", i] = self._leaf(here, start, leaf, front and last)
            if leaf > 1:
                rest = rest[::-1]
            front = leaf > 1
            start += leaf

    def _places(self) -> Iterator[np.ndarray]:
        """Yield the places of the codes among those that occur."""
        first = int(self.order[0])
        if np.array_equal(self.order, np.arange(first, first + self.order.size)):
            for part in self.coded.symbols():
                yield np.subtract(part, np.uint8(first), out=part) if first else part
            return
        table = np.zeros(256, np.uint8)
        table[self.order] = np.arange(self.order.size)
        for part in self.coded.symbols():  # numpy's take makes each an index of 8 bytes first: 2.1 ns a code for .8
            yield np.frombuffer(part.tobytes().translate(table.tobytes()), np.uint8)

    @staticmethod
    def _leaf(places: np.ndarray, start: int, leaf: int, front: bool) -> np.ndarray:
        base = base_of(leaf)
        if base is None:
            return places
        digits = padded(places, packing.DIGITS[base], front, start)
        return packing.pack(digits - np.uint8(start) if start else digits, base, packing.DIGITS[base])
