"""How far a layer's outputs are from the original's, on rows that chose nothing.

    error = sum |Q x - W x0|^2 / sum |W x0|^2

x is what the layer reads now, x0 what it read in the original.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import parts
from .moments import Moments, of_rows

BLOCK = 256  # rows whose outputs are in memory at once


class HeldOut(NamedTuple):
    """Rows kept out of the moments; float32."""

    rows: np.ndarray  # [G, n, d]
    original: np.ndarray | None = None  # [G, n, d] of the original; None: they are the same


def relative_errors(
    weight: np.ndarray, candidates: list[np.ndarray], held: HeldOut, shifts: list[np.ndarray | None] | None = None
) -> list[float]:
    """Errors of candidates Q for a weight W, all [G, out, d]; shifts [G, out] are added to their outputs: of the bias.

    Returns: one error each; NaN where rows or values are not finite, 0 where nothing differs, inf where only W x0 is 0.
    """
    power, errors = 0.0, [0.0] * len(candidates)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, held.rows.shape[1], BLOCK):
            part = slice(start, start + BLOCK)
            x = held.rows[:, part]
            wanted = (x if held.original is None else held.original[:, part]) @ weight.swapaxes(1, 2)
            power += float(np.square(wanted, dtype=np.float64).sum())
            for i, candidate in enumerate(candidates):
                off = x @ candidate.swapaxes(1, 2) - wanted
                if shifts is not None and (shift := shifts[i]) is not None:
                    off += shift[:, None].astype(off.dtype)
                errors[i] += float(np.square(off, dtype=np.float64).sum())
    return [error / power if power else np.inf if error else 0.0 for error in errors]


def joined(weight: np.ndarray, moments: Moments, held: HeldOut) -> Moments:
    """The moments with the rows that were kept out, for when they have judged; of a wide weight W [1, out, d], part by part.

    Returns: new moments of all rows.
    """
    x, w = (parts.split(a) if len(moments.S) > len(weight) else a for a in (held.rows, weight))
    original = None if held.original is None else parts.split(held.original) if len(moments.S) > len(weight) else held.original
    y = None if moments.C is None else (x if original is None else original).astype(np.float64) @ w.swapaxes(1, 2).astype(np.float64)
    other, n = of_rows(x, y), moments.n or 0
    share = x.shape[1] / (n + x.shape[1])

    def both(ours: np.ndarray | None, theirs: np.ndarray | None) -> np.ndarray | None:
        return None if ours is None or theirs is None else (1 - share) * ours + share * theirs

    S = both(moments.S, other.S)
    assert S is not None
    return Moments(S, n + x.shape[1], both(moments.C, other.C), both(moments.mx, other.mx), both(moments.my, other.my))
