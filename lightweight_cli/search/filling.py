"""Steps between the menu's, so that a model takes just the size that is asked for: a step is a number like any other.

First all steps are multiplied by one factor, bisected on candidates; what is then left goes to single layers, to those first in which a
byte saves most.
What a step takes is forecast: rounded by what weights and bits cost, times what the codes of the layer took over that before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from lightweight_cli.numerics import rate
from lightweight_cli.search import pricing
from lightweight_cli.search.build import Built
from lightweight_cli.search.fitting import fits, halved, laid
from lightweight_cli.search.gains import Explored
from lightweight_cli.search.items import UNCODED, WIDE, Item
from lightweight_cli.search.pieces import Piece, Store, taken
from lightweight_cli.search.rounding import Rounded, histogram, occurring, rounded

STRETCH = 1.5
"""The factor is between this and one over it: farther away other items are better."""
ROUNDS = 12
"""Of bisecting a step."""
SMALL = 400_000
"""Weights of a model up to which a forecast asks for all forms that a layer may have: shared tables are some percent of such a file."""
SAMPLED, FEW = 1 << 18, 16
"""Weights of a layer that stand for all in a forecast, about, and outputs that they are of at least."""
MANY = 100
"""Kinds of codes from which on their number tells what they take."""
LEFT = 0.003
"""Share of the size that may be left over."""


class Filler:
    """One layer of a candidate, and what it would take with another step."""

    def __init__(self, known: Explored, new: Rounded, store: Store | None) -> None:
        self.layer, self.new, self.store = known.layer, new, store
        self.gain, self.choices = known.gain, known.choices
        self.item = new.item
        self.error = next((c.error for c in known.choices if c.item == new.item), new.error)
        self.free = not (new.item.bits or self.layer.fixed)
        self.piece = self.takes(1.0)

    @cached_property
    def matrix(self) -> np.ndarray:
        """Its values, of a large layer those of some outputs."""
        matrix = self.layer.matrix()
        every = 1 if self.store else -(-matrix.size // SAMPLED)
        return np.ascontiguousarray(matrix[:, ::every]) if matrix.shape[1] >= FEW * every else matrix

    @cached_property
    def reach(self) -> float:
        """How much farther its codes reached than the nearest ones, weights having moved: that tells how many kinds there are."""
        kinds = int(np.ptp(self.new.codes)) if self.free and self.new.item.clip == WIDE else 0
        return max(1.0, kinds / float(np.ptp(laid(self.matrix, self.new.item).nearest(self.matrix)))) if kinds > MANY else 1.0

    @cached_property
    def ratio(self) -> float:
        """What its codes took over what the nearest ones take."""
        if self.new.item in UNCODED:
            return 1.0
        made = self.store(self.layer, self.new).own if self.store else self.new.nbytes
        return made / self._nearest(self.new.item).own

    def _nearest(self, item: Item) -> Piece:
        matrix = self.matrix
        grid = laid(matrix, item)
        matrix = matrix * self.reach
        codes = grid.nearest(matrix)
        if not item.fine:  # as they are rounded, though not by what they see
            cost = pricing.lengths(histogram(codes, grid.low, grid.high), self.layer.weight.size) * rate.KAPPA
            codes = grid.cheapest(matrix, np.ones(1, np.float32), (cost * float(np.mean(grid.scale**2))).astype(np.float32))
        if self.store is None:
            counts = occurring(codes)
            return Piece(pricing.nbytes(counts * (self.layer.weight.size / counts.sum()), self.new.scale.size))
        back = np.ascontiguousarray(self.layer.view.back(codes.astype(np.int16)))
        return self.store(self.layer, self.new._replace(item=item, codes=back, scale=halved(grid).scale.reshape(-1)))

    def takes(self, factor: float) -> Piece:
        """Return what it takes with so many times the step, infinite where that can't be stored."""
        item = self.stretched(factor)
        if item == self.new.item:
            return self.store(self.layer, self.new) if self.store else Piece(self.new.nbytes)
        if item.clip == WIDE and not fits(self.matrix, item):
            return Piece(np.inf)
        found = self._nearest(item)
        return found._replace(own=self.ratio * found.own)

    def stretched(self, factor: float) -> Item:
        """Return the item with so many times the step that was built."""
        step = self.new.item.step
        return self.new.item if not self.free else self.new.item._replace(step=float(f"{step * factor:.4g}"))

    def chosen(self, room: Callable[[Piece], bool]) -> None:
        """Take the best of its choices for which there is room."""
        for choice in sorted((c for c in self.choices if c.error < self.error), key=lambda c: c.error):
            piece = self.store(self.layer, rounded(self.layer, choice.item, None)) if self.store else Piece(choice.nbytes)
            if room(piece):
                self.item, self.piece, self.error = choice.item, piece, choice.error
                return


class Filling:
    """A candidate of so many bytes, as it was built, and what others would take."""

    def __init__(self, known: Sequence[Explored], built: Built, nbytes: int, store: Store) -> None:
        small = sum(e.layer.weight.size for e in known) <= SMALL
        self.all = [Filler(e, new, store if small else None) for e, new in zip(known, built.rounded, strict=True)]
        self.free = [f for f in self.all if f.free]
        self.rest = nbytes - taken(f.piece for f in self.all)

    def whole(self, instead: Mapping[Filler, Piece]) -> float:
        """Return the bytes with other pieces of some layers."""
        return self.rest + taken(instead.get(f, f.piece) for f in self.all)

    def factor(self, aim: float, low: float, high: float) -> float:
        """Return by what all steps are to be multiplied for a size, between two factors."""
        return least(lambda by: self.whole({f: f.takes(by) for f in self.free}) <= aim, low, high)

    def stretched(self, factor: float) -> list[Item]:
        """Return the items with so many times all steps."""
        return [f.stretched(factor) for f in self.all]

    def alone(self, aim: float) -> list[Item]:
        """Return items of which those of single layers are finer, with what is left over of a size."""
        for f in sorted(self.all, key=lambda f: -f.gain * f.error / f.new.nbytes):
            if f.free:
                by = least(lambda by, f=f: self.whole({f: f.takes(by)}) <= aim, 1 / STRETCH, 1.0)  # type: ignore[misc]
                if by < 1 and self.whole({f: f.takes(by)}) <= aim:
                    f.item, f.piece, f.error = f.stretched(by), f.takes(by), f.error * by**2
            if aim - self.whole({}) < LEFT * aim:
                break
            f.chosen(lambda piece, f=f: self.whole({f: piece}) <= aim)  # type: ignore[misc]
        return [f.item for f in self.all]


def least(has_room: Callable[[float], bool], low: float, high: float) -> float:
    """Return the least factor between two for which there is room; `high` where there is none."""
    if has_room(low):
        return low
    for _ in range(ROUNDS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if has_room(middle) else (middle, high)
    return high
