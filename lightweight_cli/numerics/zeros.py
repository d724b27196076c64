"""Which weights become zero, given how much each matters: exactly as many as asked, in any order, in N:M or in blocks.

Scores are [G, out, d]; results are masks of that shape, True where a weight goes. Among equal scores the first go.

Source: N:M sparsity, Zhou et al. 2021, arXiv:2102.04010; blocks, Gray et al. 2017, "GPU kernels for block-sparse weights".
"""

from __future__ import annotations

import numpy as np


def least(scores: np.ndarray, count: int) -> np.ndarray:
    """Mask of the `count` least scores of an array of any shape.

    Raises: ValueError if there are fewer, or one is NaN.
    """
    flat = scores.reshape(-1)
    if not 0 <= count <= flat.size:
        raise ValueError(f"count {count}: there are {flat.size} weights")
    if np.isnan(flat).any():
        raise ValueError("a score is NaN")
    chosen = np.zeros(flat.size, bool)
    if count:
        limit = np.partition(flat, count - 1)[count - 1]
        np.less(flat, limit, out=chosen)
        chosen[np.flatnonzero(flat == limit)[: count - np.count_nonzero(chosen)]] = True
    return chosen.reshape(scores.shape)


def n_of_m(scores: np.ndarray, n: int, m: int) -> np.ndarray:
    """Mask that leaves n of every m inputs in a row, of the last that are fewer as many as n of m of them, rounded up."""
    groups, outputs, d = scores.shape
    whole = d // m * m
    chosen = np.zeros(scores.shape, bool)
    for start, size in ((0, m), (whole, d - whole)):
        part = scores[:, :, start : whole if size == m else d]
        if not part.size:
            continue
        rows = part.reshape(groups, outputs, -1, size)
        order = np.argsort(rows, axis=3, kind="stable")[..., : size - -(-n * size // m)]
        mask = np.zeros(rows.shape, bool)
        np.put_along_axis(mask, order, True, axis=3)
        chosen[:, :, start : whole if size == m else d] = mask.reshape(part.shape)
    return chosen


def blocks(scores: np.ndarray, rows: int, columns: int, count: int) -> np.ndarray:
    """Mask of whole blocks of outputs and inputs, those of the least mean score, as many as `count` weights allow.

    Blocks at the ends may be smaller.
    """
    groups, outputs, d = scores.shape
    height, width = -(-outputs // rows), -(-d // columns)
    row, column = np.arange(outputs) // rows, np.arange(d) // columns
    sums = np.add.reduceat(np.add.reduceat(scores, np.arange(0, outputs, rows), axis=1), np.arange(0, d, columns), axis=2)
    sizes = np.broadcast_to(np.outer(np.bincount(row, minlength=height), np.bincount(column, minlength=width)), sums.shape)
    order = np.argsort((sums / sizes).reshape(-1), kind="stable")
    taken = int(np.searchsorted(np.cumsum(sizes.reshape(-1)[order]), count, side="right"))
    chosen = np.zeros(groups * height * width, bool)
    chosen[order[:taken]] = True
    return chosen.reshape(groups, height, width)[:, row][:, :, column]
