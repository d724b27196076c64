"""Which item each layer gets, for a size and for what decoding may take at load: two multipliers for all.

    minimise  sum of bytes + nu * sum of gain * error + price * sum of bytes at load      layer by layer, for one nu and one price

Every nu gives a point of the lower convex hull of all assignments; bisection finds the one of a size. Where its smallest forms take too
much at load, a price on that is bisected too: items are then as large as the forms that they may have, and splits go to those layers in
which they save most for what they take.

Source: Shoham, Gersho 1988 (bit allocation for an arbitrary set of quantizers).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightweight_cli.search.gains import Explored
from lightweight_cli.search.items import HALF
from lightweight_cli.search.loading import Room
from lightweight_cli.search.table import Choice

LOW, HIGH, ROUNDS = 1e-6, 1e18, 90
CHEAPEST, PRICES = 1e-6, 24
"""The least price of a byte at load, in bytes of the file, and the rounds in which it is found."""


class Options:
    """All that each layer may become, in each form: arrays [layers, options]."""

    def __init__(self, layers: Sequence[Explored]) -> None:
        self.choices = [[c._replace(nbytes=n, load=load) for c in e.choices for n, load in c.priced()] for e in layers]
        most = max(map(len, self.choices), default=0)
        self.nbytes, self.error, self.load = np.full((3, len(layers), most), np.inf)
        for i, (e, row) in enumerate(zip(layers, self.choices, strict=True)):
            self.nbytes[i, : len(row)] = [c.nbytes for c in row]
            self.error[i, : len(row)] = [e.gain * c.error for c in row]
            self.load[i, : len(row)] = [c.load for c in row]

    def at(self, nu: float, price: float) -> np.ndarray:
        """Return which option of each layer two multipliers give."""
        if not self.nbytes.size:
            return np.zeros(0, np.intp)
        cost = self.nbytes + nu * self.error
        return (cost + price * self.load if price else cost).argmin(1)

    def of_size(self, size: float, price: float) -> list[Choice]:
        """Return the choices that together take at most `size` bytes; the smallest where nothing does."""
        low, high, rows = LOW, HIGH, np.arange(len(self.choices))
        for _ in range(ROUNDS):
            middle = (low * high) ** 0.5
            low, high = (low, middle) if self.nbytes[rows, self.at(middle, price)].sum() > size else (middle, high)
        return [row[i] for row, i in zip(self.choices, self.at(low, price), strict=True)]


def allocated(layers: Sequence[Explored], size: float, room: Room | None = None) -> list[Choice]:
    """Return the choice of each layer that together take at most `size` bytes; the smallest where nothing does.

    What they take at load is within `room`, if no byte at load costs more than that allows.
    """
    options = Options(layers)
    chosen = options.of_size(size, 0.0)
    if room is None or loaded(chosen) <= room.nbytes:
        return chosen
    low, high = CHEAPEST, room.dearest
    for _ in range(PRICES):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if loaded(options.of_size(size, middle)) <= room.nbytes else (middle, high)
    return options.of_size(size, high)


def total(chosen: Sequence[Choice]) -> float:
    """Return the bytes that choices take together."""
    return sum(c.nbytes for c in chosen)


def loaded(chosen: Sequence[Choice]) -> float:
    """Return the bytes that decoding them takes at load."""
    return sum(c.load for c in chosen)


def finest(layers: Sequence[Explored]) -> list[Choice]:
    """Return the choices that lose least."""
    return [e.choices[0] for e in layers]


def safe(layers: Sequence[Explored]) -> list[Choice]:
    """Return about 8 bits for all, which lose next to nothing."""
    return [next((c for c in e.choices if c.item != HALF), e.choices[0]) for e in layers]


def smallest(layers: Sequence[Explored], room: Room | None = None) -> list[Choice]:
    """Return the smallest choices."""
    return allocated(layers, 0.0, room)
