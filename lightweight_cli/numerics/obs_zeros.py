"""Zeros by second order, column after column: what goes is made up for by the columns to come before the next are chosen.

With U upper, U'U = H^-1, a weight w_j that goes adds w_j^2 / U_jj^2 to the error, all columns before it fixed and those after it moving by
w_j U_ji / U_jj. Which weights of a few columns go is chosen when they are reached, on the values that they have by then: two inputs that
tell the same are never both dropped for each other's sake.

Source: Frantar, Alistarh 2023, arXiv:2301.00774, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .precision import working

BLOCK = 128  # columns whose moves reach the rest as one matrix product

Pick = Callable[[np.ndarray, int], np.ndarray]
"""From scores [G, out, few] of columns and the number of the first, the mask of those that go."""


def chosen(target: np.ndarray, U: np.ndarray, pick: Pick, few: int = BLOCK) -> np.ndarray:
    """Mask of what goes of a target [G, out, d], picked `few` columns at a time, with the factor U [G, d, d].

    Needs 2 copies of the target and one of U in the working type.

    Returns: [G, out, d] bool.
    """
    dtype = working(target.shape)
    state, U = target.astype(dtype), U.astype(dtype, copy=False)
    d = state.shape[2]
    mask = np.zeros(state.shape, bool)
    size = max(few, BLOCK // few * few)
    diagonal = np.einsum("gii->gi", U)[:, None]
    for start in range(0, d, size):
        stop = min(d, start + size)
        moves = np.zeros((*state.shape[:2], stop - start), dtype)
        for j in range(start, stop):
            if (j - start) % few == 0:
                part = slice(j, min(stop, j + few))
                mask[:, :, part] = pick(np.square(state[:, :, part] / diagonal[:, :, part]), j)
            move = np.where(mask[:, :, j], state[:, :, j], 0) / diagonal[:, :, j]
            moves[:, :, j - start] = move
            state[:, :, j:stop] -= move[:, :, None] * U[:, None, j, j:stop]
        state[:, :, stop:] -= moves @ U[:, start:stop, stop:]
    return mask
