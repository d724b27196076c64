"""Steps between the menu's, so that a model takes just the size that is asked for: a step is a number like any other.

First all steps are multiplied by one factor; what is then left goes to single layers, to those first in which a byte saves most.
What a step takes is forecast: rounded to nearest, times what the codes of the layer took over that before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from lightweight_cli.search import pricing
from lightweight_cli.search.build import Built
from lightweight_cli.search.fitting import fits, laid
from lightweight_cli.search.items import WIDE, Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.rounding import Rounded, occurring

STRETCH = 1.5
"""The factor is between this and one over it: farther away other items are better."""
ROUNDS = 12
"""Of bisecting a step."""
SAMPLED, FEW = 1 << 18, 16
"""Weights of a layer that stand for all in a forecast, about, and outputs that they are of at least."""
LEFT = 0.003
"""Share of the size that may be left over."""


class Filler:
    """One layer of a candidate, and what it would take with another step."""

    def __init__(self, layer: Layer, new: Rounded, gain: float) -> None:
        self.layer, self.new, self.gain = layer, new, gain
        self.item, self.nbytes = new.item, new.nbytes
        self.free = not (new.item.bits or layer.fixed)

    @cached_property
    def matrix(self) -> np.ndarray:
        """Its values, of a large layer those of some outputs."""
        matrix = self.layer.matrix()
        every = -(-matrix.size // SAMPLED)
        return np.ascontiguousarray(matrix[:, ::every]) if matrix.shape[1] >= FEW * every else matrix

    @cached_property
    def ratio(self) -> float:
        """What its codes took over what the nearest ones take."""
        return self.new.nbytes / self._nearest(self.new.item)

    def _nearest(self, item: Item) -> float:
        matrix, whole = self.matrix, self.layer.weight.size
        grid = laid(matrix, item)
        counts = occurring(grid.nearest(matrix))
        return pricing.nbytes(counts * (whole / counts.sum()), self.new.scale.size)

    def takes(self, factor: float) -> float:
        """Return the bytes with so many times the step, infinite where that can't be stored."""
        item = self.stretched(factor)
        if item == self.new.item:
            return self.new.nbytes
        if item.clip == WIDE and not fits(self.matrix, item):
            return np.inf
        return self.ratio * self._nearest(item)

    def stretched(self, factor: float) -> Item:
        """Return the item with so many times the step that was built."""
        step = self.new.item.step
        return self.new.item if not self.free else self.new.item._replace(step=float(f"{step * factor:.4g}"))


def filled(layers: Sequence[Layer], built: Built, nbytes: int, aim: float, gains: Mapping[int, float], alone: bool = False) -> list[Item]:
    """Return items with which a candidate of `nbytes`, as it was built, takes about `aim` bytes.

    `alone`: only single layers change, what is left over goes to them.
    """
    all_of = [Filler(layer, new, gains.get(id(layer), 1.0)) for layer, new in zip(layers, built.rounded, strict=True)]
    free = [f for f in all_of if f.free]
    room = aim - nbytes + sum(f.nbytes for f in free)

    factor = 1.0 if alone or not free else least(lambda by: sum(f.takes(by) for f in free), room, 1 / STRETCH, STRETCH)
    for f in free:
        f.item, f.nbytes = f.stretched(factor), f.takes(factor)
    left = room - sum(f.nbytes for f in free)
    for f in sorted(free, key=lambda f: -f.gain * f.new.error / f.new.nbytes):
        if left < LEFT * aim:
            break
        by = least(f.takes, f.nbytes + left, factor / STRETCH, factor)
        taken = f.takes(by)
        if f.nbytes <= taken <= f.nbytes + left:
            left -= taken - f.nbytes
            f.item, f.nbytes = f.stretched(by), taken
    return [f.item for f in all_of]


def least(takes: Callable[[float], float], room: float, low: float, high: float) -> float:
    """Return the least factor between two with which what is taken has room; `high` where none has."""
    if takes(low) <= room:
        return low
    for _ in range(ROUNDS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if takes(middle) > room else (low, middle)
    return high
