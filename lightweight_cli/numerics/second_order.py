"""Second-order rounding: the error of each rounded column is passed on to the columns not yet rounded.

With U upper, U'U = H^-1, one pass over the columns j of W:

    q_j = the code of w_j      e_j = (w_j - q_j) / U_jj      w_i -= U_ji e_j  for all i > j

and tr (Q - W) H (Q - W)' = sum of e^2: rounding greedily is what keeps each term small. With a price on bits, q_j is the
code of least e_j^2 + cost.

Source: OBS, Hassibi, Stork 1993; GPTQ, Frantar et al. 2022, arXiv:2210.17323, algorithm 1.
"""

from __future__ import annotations

import numpy as np

from .columns import turned, visit
from .grid import Grid
from .held import Held
from .precision import working


def quantize(target: np.ndarray, U: np.ndarray, grid: Grid | Held, cost: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a target [G, out, d] on a grid, with the factor U [G, d, d]; cost [codes] is in units of the objective.

    Vectorised over groups and outputs. Needs 3 copies of the target and one of U in the working type.

    Returns: codes [G, out, d] int16, and the objective of each output [G, out] float64.
    """
    dtype = working(target.shape)
    state, coupling = turned(target.astype(dtype, copy=False)), U.astype(dtype, copy=False)
    d = state.shape[1]
    cost = None if cost is None else cost.astype(dtype)
    diagonal = np.einsum("gii->ig", coupling)[:, :, None]  # [d, G, 1]
    codes, moves = np.empty(state.shape, np.int16), np.empty_like(state)

    def step(j: int, values: np.ndarray) -> np.ndarray:
        column, error = grid.at(j, d), diagonal[j]
        chosen = column.nearest(values) if cost is None else column.cheapest(values, 1 / error**2, cost)
        codes[:, j] = chosen
        return (values - column.decode(chosen)) / error

    visit(state, coupling, step, moves)
    return turned(codes), np.einsum("gdo,gdo->go", moves, moves, dtype=np.float64)
