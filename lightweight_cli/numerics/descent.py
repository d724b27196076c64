"""Coordinate descent on codes: each column in turn takes its best code, all others fixed.

With g = (Q - W) H, moving q_j by m changes tr (Q - W) H (Q - W)' by m (2 g_j + H_jj m), least at m = -g_j / H_jj; so the
code is that of q_j - g_j / H_jj with curvature H_jj. A move is made only if the objective, cost of bits included, falls.

Source: Behdin et al. 2023, arXiv:2309.01885 (QuantEase); Nair, Suggala 2024, arXiv:2406.17542 (CDQuant).
"""

from __future__ import annotations

import numpy as np

from .columns import turned, visit
from .grid import Grid
from .held import Held
from .precision import working

BLOCK = 256  # columns whose gradient is computed at once, by one product with all of H


def descend(
    target: np.ndarray, H: np.ndarray, codes: np.ndarray, grid: Grid | Held, cost: np.ndarray | None = None, sweeps: int = 1
) -> np.ndarray:
    """Better codes [G, out, d] for a target of that shape, H [G, d, d] symmetric, cost [codes] in units of the objective.

    Never raises the objective; stops early when nothing moves. Needs 3 copies of the target, and one of H if H is not in
    the working type.

    Returns: [G, out, d] int16.
    """
    dtype = working(target.shape)
    H = H.astype(dtype, copy=False)
    d = target.shape[2]
    cost = None if cost is None else cost.astype(dtype)
    diagonal = np.einsum("gii->ig", H)[:, :, None]  # [d, G, 1]
    left = turned(grid.spread(d).decode(codes.astype(dtype)) - target.astype(dtype, copy=False))
    now = turned(codes).astype(dtype)

    def step(j: int, gradient: np.ndarray) -> np.ndarray:
        column, curvature = grid.at(j, d), diagonal[j]
        before = column.decode(now[:, j])
        best = before - gradient / curvature
        chosen = column.nearest(best) if cost is None else column.cheapest(best, curvature, cost)
        move = column.decode(chosen) - before
        change = move * (2 * gradient + curvature * move)
        if cost is not None:
            change += column.priced(chosen, cost) - column.priced(now[:, j], cost)
        now[:, j] = np.where(change < 0, chosen, now[:, j])
        return before - column.decode(now[:, j])

    for _ in range(sweeps):
        moved = False
        for start in range(0, d, BLOCK):
            block = slice(start, min(d, start + BLOCK))
            gradients = H[:, block] @ left
            moves = np.empty_like(gradients)
            visit(gradients, H[:, block, block], step, moves, start)
            left[:, block] -= moves
            moved = moved or bool(moves.any())
        if not moved:
            break
    return turned(now).astype(np.int16)
