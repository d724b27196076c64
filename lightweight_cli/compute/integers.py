"""Weights as the integers that onnxruntime's kernels multiply by: signed, symmetric, a scale for each output."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FULL, REDUCED = 127, 63
"""The largest code of 8 bits; and of 7, with which no pair of products overflows 16 bits: kernels for AVX2 without VNNI add pairs."""
CANDIDATES = np.linspace(1.0, 0.7, 13, dtype=np.float32)
"""Shares of the largest magnitude at which codes may end."""
TINY = np.float32(2.0**-126)


class Integers(NamedTuple):
    """w = codes * scale, codes [outputs, inputs] int8, scale [outputs] float32."""

    codes: np.ndarray
    scale: np.ndarray


def integers(matrix: np.ndarray, reduced: bool) -> Integers:
    """Return a matrix [outputs, inputs] as integers, with scales of least squared error of each output's weights.

    Raises: ValueError for weights that are not finite.
    """
    if not np.isfinite(matrix).all():
        raise ValueError("weights are not finite")
    top = REDUCED if reduced else FULL
    largest = np.abs(matrix).max(1, initial=0.0)
    best, least = np.ones(len(matrix), np.float32), np.full(len(matrix), np.inf)
    for share in CANDIDATES if reduced else CANDIDATES[:1]:  # at 8 bits clipping gains nothing
        scale = np.maximum(largest * share / top, TINY).astype(np.float32)
        error = ((np.clip(np.rint(matrix / scale[:, None]), -top, top) * scale[:, None] - matrix) ** 2).sum(1)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    scale = np.where(largest > 0, best, np.float32(1)).astype(np.float32)
    return Integers(np.clip(np.rint(matrix / scale[:, None]), -top, top).astype(np.int8), scale)
