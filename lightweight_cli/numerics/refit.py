"""Least-squares scales for given codes.

With q = s v, v the codes as values without scale, tr (Q - W) H (Q - W)' is least at s = (v H W') / (v H v'). Blocks of
columns with scales of their own are refitted one after the other, each against what the others leave: q_b += m v_b with

    m = -(Q - W) H_b v_b' / (v_b H_bb v_b')

Source: normal equations; for blocks, coordinate descent.
"""

from __future__ import annotations

import numpy as np

from .grid import Codebook, Grid
from .objective import objective
from .precision import working
from .scales import narrowed, reduced


def refit(target: np.ndarray, H: np.ndarray, codes: np.ndarray, grid: Grid) -> tuple[Grid, float]:
    """The grid with better scales of the same granularity and type; a scale that would not lower the objective stays.

    target and codes [G, out, d], H [G, d, d] symmetric. Rounding to the scale's type is part of what is judged.

    Returns: the grid, and the objective after it.
    """
    dtype = working(target.shape)
    groups, outputs, d = target.shape
    H, blocks = H.astype(dtype, copy=False), grid.scale.shape[2]
    unit = _unscaled(codes.astype(dtype), grid)  # v
    left = grid.spread(d).decode(codes.astype(dtype)) - target.astype(dtype)
    scale, total, width = grid.scale.copy(), 0.0, d // blocks
    share = (*grid.scale.shape[:2], 1)  # outputs that have a scale in common
    for block in range(blocks):
        part = slice(block * width, (block + 1) * width)
        v, old = unit[:, :, part], scale[:, :, block : block + 1].astype(np.float64)
        gradient = left @ H[:, :, part]
        if blocks == 1:
            total = float(np.einsum("god,god->", gradient, left, dtype=np.float64))
        slope = reduced(np.add, np.einsum("god,god->go", gradient, v, dtype=np.float64)[:, :, None], share)
        bend = reduced(np.add, objective(v, H[:, part, part])[:, :, None], share)
        new = narrowed(old - np.divide(slope, bend, out=np.zeros_like(slope), where=bend > 0), grid.scale.dtype)
        move = new.astype(np.float64) - old
        change = move * (2 * slope + bend * move)
        better = (change < 0) & (new > 0) & np.isfinite(new)
        scale[:, :, block : block + 1] = np.where(better, new, scale[:, :, block : block + 1])
        total += float(change[better].sum())
        if blocks > 1:
            left[:, :, part] += np.where(better, move, 0).astype(dtype) * v
    if blocks > 1:
        total = float(objective(left, H).sum())
    return grid._replace(scale=scale), total


def _unscaled(codes: np.ndarray, grid: Grid) -> np.ndarray:
    """Values of codes [G, out, d] on the grid before its scale."""
    if isinstance(grid, Codebook):
        return grid.unscaled(codes)
    return codes if grid.zero_point is None else codes - grid.spread(codes.shape[2]).zero_point


