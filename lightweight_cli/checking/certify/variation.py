"""Embeddings, regressions, maps: the share of what an output varies by that is lost."""

from __future__ import annotations

import math

import numpy as np

from lightweight_cli.checking.certify.evidence import Drop, Evidence, standard_error
from lightweight_cli.checking.metrics.centred import Centred
from lightweight_cli.checking.metrics.interval import Z


class Variation(Evidence):
    """A row is a sample's squared error; all are held against the variance of the original, so that 1 - R^2 is what is lost."""

    proportion = False

    def __init__(self) -> None:
        super().__init__()
        self.centred = Centred()

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add values [n, ...]."""
        for running in (self.plain, self.error):
            self.compare(x, y, running)
        odd = ~np.isfinite(x)
        a, b = (np.where(odd, 0, v).astype(np.float64) for v in (x, y))
        with np.errstate(over="ignore", invalid="ignore"):
            self.centred.update(a, b)
            self.parts.append(np.square(a - b).reshape(len(a), -1).sum(1)[:, None])

    def drop(self) -> Drop | None:
        """Return the share of the variance lost with a standard error added, and the upper end of its normal interval."""
        errors, varying = self.rows[:, 0], self.centred.varying
        if not len(errors) or varying is None:
            return None
        variance = varying * self.centred.all.signal / len(errors)
        if not np.isfinite(errors).all() or not variance > 0:
            return Drop(*[math.inf if errors.any() else 0.0] * 4)
        mean, error = float(errors.mean()), standard_error(errors)
        return Drop(max(0.0, mean - Z * error) / variance, mean / variance, (mean + error) / variance, (mean + Z * error) / variance)
