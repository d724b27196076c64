"""Which item each layer gets, for a size: one multiplier for all.

    minimise  sum of bytes + nu * sum of gain * error      layer by layer, for one nu

Every nu gives a point of the lower convex hull of all assignments; bisection finds the one of a size.

Source: Shoham, Gersho 1988 (bit allocation for an arbitrary set of quantizers).
"""

from __future__ import annotations

from collections.abc import Sequence

from lightweight_cli.search.gains import Explored
from lightweight_cli.search.items import HALF
from lightweight_cli.search.table import Choice

LOW, HIGH, ROUNDS = 1e-6, 1e18, 90


def allocated(layers: Sequence[Explored], size: float) -> list[Choice]:
    """Return the choice of each layer that together take at most `size` bytes; the smallest where nothing does."""
    low, high = LOW, HIGH
    for _ in range(ROUNDS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if total(at(layers, middle)) > size else (middle, high)
    return at(layers, low)


def at(layers: Sequence[Explored], nu: float) -> list[Choice]:
    """Return the choices for one multiplier."""
    return [min(e.choices, key=lambda c: c.nbytes + nu * e.gain * c.error) for e in layers]


def total(chosen: Sequence[Choice]) -> float:
    """Return the bytes that choices take together."""
    return sum(c.nbytes for c in chosen)


def finest(layers: Sequence[Explored]) -> list[Choice]:
    """Return the choices that lose least."""
    return [e.choices[0] for e in layers]


def safe(layers: Sequence[Explored]) -> list[Choice]:
    """Return about 8 bits for all, which lose next to nothing."""
    return [next((c for c in e.choices if c.item != HALF), e.choices[0]) for e in layers]


def smallest(layers: Sequence[Explored]) -> list[Choice]:
    """Return the smallest choices."""
    return [min(e.choices, key=lambda c: c.nbytes) for e in layers]
