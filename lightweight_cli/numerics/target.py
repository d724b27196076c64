"""What a weight should be once the layers before it are compressed.

The layer now gets inputs x and should still give the original's outputs y. Least squares, pulled to the weight it had:

    min |y - x W*'|^2 / n + |W* - W|^2_R      W* = (C + W R)(S + R)^-1

with R = t I, t = .1 mean(diag S) max(1, 4 d / n), or R = b k H0 where a prior is at hand.

Source: ridge regression, Hoerl, Kennard 1970; the idea of moving the target, Li et al. 2025, arXiv:2504.02692 (GPTAQ).
"""

from __future__ import annotations

import numpy as np

from . import damping
from .moments import Moments
from .prior import scaled, share


def ridge(moments: Moments, fraction: float = damping.TARGET) -> np.ndarray:
    """t I, as a factor of each group.

    Returns: [G, 1, 1] float64.
    """
    return damping.strength(moments.S, moments.n, fraction)[:, None, None]


def moved(weight: np.ndarray, moments: Moments, fraction: float = damping.TARGET) -> np.ndarray:
    """W* with the ridge t I; the weight itself if there are no outputs to match. Moments centred if the bias may change.

    weight [G, out, d]. Needs 2 d^2 doubles and 3 copies of the weight in float64.

    Returns: [G, out, d] float64.
    """
    wide = weight.astype(np.float64)
    if moments.C is None:
        return wide
    t = ridge(moments, fraction)
    return _solved(moments.S + t * np.eye(weight.shape[2]), moments.C + t * wide)


def moved_with_prior(weight: np.ndarray, moments: Moments, prior: np.ndarray) -> np.ndarray:
    """W* with the ridge b k H0, prior H0 [d, d], k = tr S / tr H0.

    Returns: [G, out, d] float64.
    """
    wide = weight.astype(np.float64)
    if moments.C is None:
        return wide
    R = share(weight.shape[2], moments.n) * scaled(prior, moments.S)
    R += np.eye(len(prior)) * np.finfo(np.float64).eps * damping.mean_diagonal(moments.S)[:, None, None]
    return _solved(moments.S + R, moments.C + wide @ R)


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """right matrix^-1 with a symmetric positive matrix."""
    return np.linalg.solve(matrix, right.transpose(0, 2, 1)).transpose(0, 2, 1)
