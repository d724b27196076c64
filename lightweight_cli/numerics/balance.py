"""SmoothQuant: channels of activations divided by what the weights that read them are multiplied by, so that both round well.

    x W = (x / s) (s W)        s = r^a / w^(1-a), r and w the ranges of each channel

One outlier channel makes the steps of all others coarse. Of several a the one is taken for which the expected error of the products is
least: activations are rounded in steps of the whole tensor's range, weights in steps of each output's.

Source: Xiao et al. 2023, arXiv:2211.10438.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

STRENGTHS = np.linspace(0.2, 0.9, 15)
LEVELS = 255
"""Steps of an activation's range."""
TINY = 1e-9
DIGITS = 3
"""Of a factor: it is exact whatever it is, and a plan stores it."""


class Channels(NamedTuple):
    """What each channel of a value is like: its ends, and the mean of its squares."""

    low: np.ndarray
    high: np.ndarray
    power: np.ndarray


class Ends:
    """Adds up what the channels along the last axis of a value are like, until they differ in number."""

    def __init__(self) -> None:
        self.low: np.ndarray | None = None
        self.high = self.power = np.zeros(0)
        self.rows = 0

    def add(self, values: np.ndarray) -> None:
        """Take more rows."""
        rows = values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(-1, 1)
        if not rows.size:
            return
        low, high, power = rows.min(0), rows.max(0), (rows.astype(np.float64) ** 2).sum(0)
        if not self.rows:
            self.low, self.high, self.power = low, high, power
        elif self.low is not None and self.low.size == low.size:
            self.low, self.high, self.power = np.minimum(self.low, low), np.maximum(self.high, high), self.power + power
        else:
            self.low = None
        self.rows += len(rows)

    def channels(self) -> Channels:
        """Return what came of it; the rows had one length."""
        assert self.low is not None
        return Channels(self.low.astype(np.float64), self.high.astype(np.float64), self.power / self.rows)


def balanced(x: Channels, matrices: Sequence[np.ndarray], top: int) -> np.ndarray | None:
    """Return the factor of each channel, or None where none lessens the expected error.

    `matrices` [outputs, channels] of all that read it; `top`: the largest code of weights.
    """
    reach = np.maximum(np.maximum(-x.low, x.high), 0.0).astype(np.float64)
    weight = np.max([np.abs(m).max(0) for m in matrices], 0).astype(np.float64)
    live = (reach > TINY) & (weight > TINY)
    if not live.any():
        return None
    best, least = None, noise(x, matrices, np.ones(reach.size), top)
    for strength in STRENGTHS:
        scale = np.ones(reach.size)
        scale[live] = reach[live] ** strength / weight[live] ** (1 - strength)
        scale[live] /= np.exp(np.log(scale[live]).mean())
        scale = _rounded(scale)
        found = noise(x, matrices, scale, top)
        if found < least:
            best, least = scale, found
    return best


def noise(x: Channels, matrices: Sequence[np.ndarray], scale: np.ndarray, top: int) -> float:
    """Return the expected squared error of the products of one row."""
    step = max(float((x.high / scale).max()), 0.0) - min(float((x.low / scale).min()), 0.0)
    activations = (step / LEVELS) ** 2 / 12
    power = float((x.power / scale**2).sum())
    total = 0.0
    for matrix in matrices:
        scaled = matrix * scale
        total += activations * float((scaled**2).sum()) + power * float(((np.abs(scaled).max(1) / top) ** 2).sum()) / 12
    return total


def _rounded(scale: np.ndarray) -> np.ndarray:
    """Return factors of few digits."""
    unit = 10.0 ** (np.floor(np.log10(scale)) - DIGITS + 1)
    return np.asarray(np.rint(scale / unit) * unit)
