"""How far a layer's outputs are from the original's, on rows that chose nothing.

    error = sum |Q x - W x0|^2 / sum |W x0|^2

x is what the layer reads now, x0 what it read in the original.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BLOCK = 256  # rows whose outputs are in memory at once


class HeldOut(NamedTuple):
    """Rows kept out of the moments; float32."""

    rows: np.ndarray  # [G, n, d]
    original: np.ndarray | None = None  # [G, n, d] of the original; None: they are the same


def relative_errors(weight: np.ndarray, candidates: list[np.ndarray], held: HeldOut) -> list[float]:
    """Errors of candidates Q for a weight W, all [G, out, d] or a matrix of that many columns.

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
                errors[i] += float(np.square(x @ candidate.swapaxes(1, 2) - wanted, dtype=np.float64).sum())
    return [error / power if power else np.inf if error else 0.0 for error in errors]
