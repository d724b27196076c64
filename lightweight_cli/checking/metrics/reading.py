"""How the scores of classes are read: as probabilities, their logarithms, or logits before a softmax that the model leaves out."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lightweight_cli.checking.metrics.classes import SUM, is_distribution

Reading = Literal["probabilities", "logarithms", "independent", "logits"]
"""Independent: each class has a probability of its own, after a sigmoid."""


def reading(scores: np.ndarray) -> Reading:
    """Return how scores [..., classes] are to be read."""
    finite = scores[np.isfinite(scores).all(-1)]
    if not finite.size:
        return "logits"
    if is_distribution(finite, finite.ndim - 1):
        return "logarithms" if finite.max() <= SUM and finite.min() < -1 else "probabilities"
    return "independent" if finite.min() >= 0 and finite.max() <= 1 else "logits"


def probabilities(scores: np.ndarray, read: Reading) -> np.ndarray:
    """Return the probability of each class, float64 [..., classes]."""
    wide = scores.astype(np.float64)
    if read in ("probabilities", "independent"):
        return wide
    e = np.exp(wide - wide.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def logits(scores: np.ndarray, read: Reading, dtype: type | np.dtype = np.float64) -> np.ndarray:
    """Return what stands before the softmax, [..., classes], each row with mean 0: a softmax looks at differences only.

    A probability that the scores' type can't hold counts as the smallest it can. Independent probabilities stay as they are.
    """
    wide = scores.astype(dtype)
    if read == "independent":
        return wide
    if read == "probabilities":
        wide = np.log(np.maximum(wide, wide.dtype.type(np.finfo(scores.dtype).tiny)))
    elif read == "logarithms":
        wide = np.maximum(wide, wide.dtype.type(np.log(np.finfo(scores.dtype).tiny)))
    finite = np.isfinite(wide)
    if finite.all():
        return np.asarray(wide - wide.mean(-1, keepdims=True))
    return np.asarray(wide - wide.sum(-1, keepdims=True, where=finite) / np.maximum(finite.sum(-1, keepdims=True), 1))
