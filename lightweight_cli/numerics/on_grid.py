"""Values with zeros, brought to the levels that a weight may take, so that its outputs change least.

    start    the nearest levels, or those of second-order rounding: of each output the better one
    descent  two sweeps, which never raise the objective tr (Q - T) H (Q - T)'

Zeros stay: the errors of what can't move are passed on to what can.
"""

from __future__ import annotations

import numpy as np

from . import second_order
from .descent import descend
from .grid import Grid
from .held import Held
from .objective import objective

SWEEPS = 2


def brought(target: np.ndarray, H: np.ndarray, U: np.ndarray, values: np.ndarray, zeros: np.ndarray, grid: Grid) -> np.ndarray:
    """Levels for values [G, out, d], zero under a mask of that shape, with moments H [G, d, d] and the factor U of their inverse.

    Returns: [G, out, d] in the type of the values.
    """
    bound, d = Held(grid, zeros), target.shape[2]
    spread = grid.spread(d)
    codes, ahead = bound.spread(d).nearest(values).astype(np.int16), second_order.quantize(values, U, bound)[0]
    near, far = (objective(spread.decode(c.astype(values.dtype)) - target, H) for c in (codes, ahead))
    codes = np.where((far < near)[:, :, None], ahead, codes)
    codes = descend(target, H, codes, bound, sweeps=SWEEPS)
    return np.where(zeros, 0, spread.decode(codes.astype(values.dtype))).astype(values.dtype, copy=False)
