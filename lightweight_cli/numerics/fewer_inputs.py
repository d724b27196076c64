"""What a weight should be when some of its inputs are gone: those that stay make up for them.

    W* = (C_K + t W_K)(S_KK + t I)^-1,   b* = my - W* mx_K

K are the inputs that stay, t a fraction of their mean diagonal. Source: ridge regression, as in `target`.
"""

from __future__ import annotations

import numpy as np

from . import damping
from .moments import Moments


def refitted(weight: np.ndarray, stays: np.ndarray, moments: Moments, fraction: float) -> np.ndarray:
    """W* of a weight [G, out, d] where of the inputs `stays` [G, d] bool; the others are 0. Moments centred if the bias may change.

    Returns: [G, out, d] float64.
    Raises: ValueError if moments are not finite or have no outputs.
    """
    if moments.C is None or not np.isfinite(moments.S).all() or not np.isfinite(moments.C).all():
        raise ValueError("second moments are missing or not finite")
    found = np.zeros(weight.shape)
    if len(weight) == 1:
        K = np.flatnonzero(stays[0])
        S, C = moments.S[:, K[:, None], K], moments.C[:, :, K]
        found[:, :, K] = _solved(weight[:, :, K].astype(np.float64), S, C, np.full(1, len(K)), moments.n, fraction)
        return found
    S = moments.S * (stays[:, :, None] & stays[:, None])
    C, wide = moments.C * stays[:, None], weight * stays[:, None]
    diagonal = np.arange(S.shape[1])
    gone = np.where(stays, 0.0, damping.mean_diagonal(S)[:, None])
    S[:, diagonal, diagonal] += gone  # alone with itself, and without a target: 0
    return _solved(wide.astype(np.float64), S, C, stays.sum(1), moments.n, fraction) * stays[:, None]


def _solved(weight: np.ndarray, S: np.ndarray, C: np.ndarray, inputs: np.ndarray, n: int | None, fraction: float) -> np.ndarray:
    few = np.array([damping.few_rows(int(d), n) for d in inputs])
    t = (fraction * damping.mean_diagonal(S) * few)[:, None, None]
    return np.linalg.solve(S + t * np.eye(S.shape[1]), (C + t * weight).transpose(0, 2, 1)).transpose(0, 2, 1)
