"""What is gathered of one output of both models, batch by batch, to estimate a drop without labels."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from lightweight_cli.checking.metrics.interval import Z
from lightweight_cli.checking.metrics.sqnr import Sqnr
from lightweight_cli.numerics.binomial import upper


class Drop(NamedTuple):
    """A drop that is not known, only estimated."""

    shown: float
    """What the rows leave no doubt of: the lower end of a 95 % interval."""
    found: float
    estimate: float
    """With a standard error added, for what they do not."""
    bound: float
    """It is at most this, with 95 % confidence."""


class Evidence(ABC):
    """Both models' values of one output; rows of evidence are kept, one a sample, never the values."""

    proportion = True
    """Whether the drop is a share of the samples, so that few samples can't show a small one."""

    def __init__(self) -> None:
        self.error, self.plain = Sqnr(), Sqnr()
        self.parts: list[np.ndarray] = []

    @abstractmethod
    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add values [n, ...] of the original and of the candidate, of equal shape."""

    @abstractmethod
    def drop(self) -> Drop | None:
        """Return the expected drop; None where nothing was compared."""

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Return new values of which errors are counted: float32, or as many bits as the values have."""
        return values.astype(wide(values))

    @property
    def rows(self) -> np.ndarray:
        """The evidence of all samples, [samples, k]."""
        return np.concatenate(self.parts) if self.parts else np.empty((0, 1))

    @property
    def sqnr(self) -> float | None:
        """DB of the output, of scores before the softmax; None where there are no values, -inf where they mean nothing."""
        return _decibels(self.error)

    @property
    def plain_sqnr(self) -> float | None:
        """DB of the output as the model gives it."""
        return _decibels(self.plain)

    @staticmethod
    def compare(x: np.ndarray, y: np.ndarray, running: Sqnr) -> None:
        """Add to a ratio what is finite in the original; what is not in the candidate spoils it."""
        a, b = x.astype(np.float64).reshape(-1), y.astype(np.float64).reshape(-1)
        finite = np.isfinite(a)
        with np.errstate(over="ignore", invalid="ignore"):
            running.update(a[finite], b[finite])


def wide(values: np.ndarray) -> np.dtype:
    """Return the type in which errors of values are told well enough to rank them."""
    return np.result_type(values, np.float32)


def _decibels(running: Sqnr) -> float | None:
    value = running.value()
    return -math.inf if value is not None and math.isnan(value) else value


def standard_error(rows: np.ndarray) -> float:
    """Return the standard error of the mean of rows [n]; inf for fewer than two."""
    return float(np.std(rows, ddof=1) / math.sqrt(len(rows))) if len(rows) > 1 else math.inf


def of_shares(rows: np.ndarray, changed: np.ndarray, factor: float = 1.0) -> Drop:
    """Return the drop by what each row loses, [n] in 0..1, times a factor; it is at most what changed, [n] in 0..1."""
    found, error, bound = factor * float(rows.mean()), factor * standard_error(rows), share_bound(changed)
    return Drop(max(0.0, found - Z * error), min(found, bound), min(found + error, bound), bound)


def share_bound(shares: np.ndarray) -> float:
    """Return the 95 % bound of the mean of shares [n] in 0..1.

    They count as so many whole events, rounded up: of all variables in 0..1 with that mean, events spread most.
    """
    return upper(math.ceil(float(shares.sum()) - 1e-9), len(shares))
