"""A layer with zeros, so that its outputs change least: which weights go, and what the others become.

    target      W* = (C + t W)(S + t I)^-1                  what the weights should be now
    saliency    of W (magnitude, share, wanda) or W* (obs, column after column)
    mask        exactly the share that was asked for
    recovery    least squares on what is left
    rounds      a growing share, s (1 - (1 - k / rounds)^3) in round k, each from the values that the one before left

Source: Frantar, Alistarh 2023, arXiv:2301.00774; the schedule, Zhu, Gupta 2017, arXiv:1710.01878, equation 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import damping, masked_fit, saliency
from . import target as targets
from .moments import Moments, checked

Choose = Callable[[np.ndarray, float], np.ndarray]
"""From scores [G, out, d] and the share of the whole that this round takes, a mask."""
CRITERIA = ("magnitude", "share", "wanda", "obs")


def scores(criterion: str, weight: np.ndarray, S: np.ndarray | None = None, U: np.ndarray | None = None) -> np.ndarray:
    """How much each weight [G, out, d] matters, with moments S and the factor U of their inverse where the criterion has use for them."""
    if criterion == "wanda" and S is not None:
        return saliency.wanda(weight, S)
    if criterion == "obs" and U is not None:
        return saliency.obs(weight, U)
    return saliency.share(weight) if criterion == "share" else saliency.magnitude(weight)


def sparsified(weight: np.ndarray, moments: Moments, criterion: str, choose: Choose, rounds: int = 1, ridge: float = damping.TARGET
               ) -> tuple[np.ndarray, np.ndarray]:
    """Values of a weight [G, out, d] for the moments of its inputs; zeros that are there stay and count.

    Needs 6 copies of the weight and 5 d^2 doubles a group.

    Returns: values float64, and the mask of those that went.
    Raises: ValueError if weight or moments are not finite, or their shapes don't fit.
    """
    checked(weight, moments)
    target = targets.moved(weight, moments, ridge)
    S = moments.S / float(damping.mean_diagonal(moments.S).mean())
    H, U = damping.factored(S, damping.strength(S, moments.n, damping.ROUNDING))
    values = target if criterion == "obs" else weight
    gone = weight == 0
    for k in range(1, rounds + 1):
        found = np.where(gone, -1.0, scores(criterion, values, S, U))
        gone = choose(found, 1 - (1 - k / rounds) ** 3) | (weight == 0)
        values = masked_fit.fit(target, H, gone)
    return values.astype(np.float64, copy=False), gone
