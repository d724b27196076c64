"""The error of a layer's outputs: tr (Q - W) H (Q - W)', per output."""

from __future__ import annotations

import numpy as np

from .precision import working

BLOCK = 256  # columns; above the diagonal only, so half the multiplications of the full product


def objective(difference: np.ndarray, H: np.ndarray) -> np.ndarray:
    """Quadratic form of each row of a difference [G, out, d], with H [G, d, d] symmetric.

    Needs a copy of both in the working type if they are in another.

    Returns: [G, out] float64.
    """
    groups, outputs, d = difference.shape
    dtype = working(difference.shape)
    difference, H = difference.astype(dtype, copy=False), H.astype(dtype, copy=False)
    result = np.zeros((groups, outputs))
    for start in range(0, d, BLOCK):
        stop = min(d, start + BLOCK)
        block = difference[:, :, start:stop]
        product = difference[:, :, stop:] @ H[:, stop:, start:stop]
        product *= 2
        product += block @ H[:, start:stop, start:stop]
        product *= block
        result += product.sum(axis=2, dtype=np.float64)
    return result
