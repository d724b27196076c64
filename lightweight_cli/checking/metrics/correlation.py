"""Correlation of predictions and labels: Pearson's of the values, Spearman's of their ranks."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.metrics.base import Metric, paired, same_positions


class Pearson(Metric):
    """Covariance over the product of the standard deviations, over all samples and positions."""

    name = "pearson"
    bounded = False

    def fits(self, output: np.ndarray, labels: np.ndarray) -> bool:
        """Whether there is one prediction a label."""
        return same_positions(output, labels)

    def rows(self, output: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return [n, 2 * positions]: predictions, then labels."""
        return np.concatenate(paired(output, labels), 1)

    def value(self, rows: np.ndarray) -> float:
        """Return -1..1; nan when either side is constant."""
        x, y = self.scale(rows[:, : rows.shape[1] // 2]), self.scale(rows[:, rows.shape[1] // 2 :])
        x, y = x - x.mean(), y - y.mean()
        norm = np.sqrt(x @ x) * np.sqrt(y @ y)
        return float(np.clip(x @ y / norm, -1, 1)) if norm > 0 else float("nan")

    @staticmethod
    def scale(values: np.ndarray) -> np.ndarray:
        """Return what is correlated, as one vector."""
        return values.reshape(-1)


class Spearman(Pearson):
    """Pearson's correlation of ranks; equal values share their mean rank."""

    name = "spearman"

    @staticmethod
    def scale(values: np.ndarray) -> np.ndarray:
        """Return mean ranks, as one vector."""
        _, inverse, counts = np.unique(values.reshape(-1), return_inverse=True, return_counts=True)
        return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
