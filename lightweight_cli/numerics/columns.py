"""Work on columns one after the other, each move spreading to the columns not yet visited.

    for j in 0..d:  move_j = step(j, state_j);  state_i -= coupling_ji move_j  for all i > j

Done by halves: the moves of the first half reach the second as one matrix product. This is GPTQ's lazy batch update with
blocks of all sizes from 16 up instead of 128 only; the order of the columns and the result are the same.

Source: Frantar et al. 2022, arXiv:2210.17323, section 3.3, step 2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FEW = 16  # columns visited one by one; their moves [16, outputs] stay in cache

TILE = 256  # rows and columns turned at once: twice as fast as a whole 4096 x 4096

Step = Callable[[int, np.ndarray], np.ndarray]  # number of a column and its state [G, out] -> its move [G, out]


def turned(array: np.ndarray) -> np.ndarray:
    """[G, out, d] <-> [G, d, out], where a column is contiguous.

    Returns: a contiguous copy.
    """
    groups, rows, columns = array.shape
    result = np.empty((groups, columns, rows), array.dtype)
    for row in range(0, rows, TILE):
        for column in range(0, columns, TILE):
            tile = array[:, row : row + TILE, column : column + TILE]
            result[:, column : column + TILE, row : row + TILE] = tile.transpose(0, 2, 1)
    return result


def visit(state: np.ndarray, coupling: np.ndarray, step: Step, moves: np.ndarray, start: int = 0) -> None:
    """Visit the columns of state [G, d, out], which is used up; coupling [G, d, d] is read above the diagonal.

    Writes every move to moves [G, d, out]. The first column has number start.
    """
    d = state.shape[1]
    if d <= FEW:
        for j in range(d):
            if j:
                state[:, j] -= (coupling[:, None, :j, j] @ moves[:, :j])[:, 0]
            moves[:, j] = step(start + j, state[:, j])
        return
    half = FEW * -(-d // (2 * FEW))
    visit(state[:, :half], coupling[:, :half, :half], step, moves[:, :half], start)
    state[:, half:] -= coupling[:, :half, half:].transpose(0, 2, 1) @ moves[:, :half]
    visit(state[:, half:], coupling[:, half:, half:], step, moves[:, half:], start + half)
