"""Mean absolute error."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.metrics.base import Metric, paired, same_positions


class Mae(Metric):
    """mean |prediction - label|, in the label's unit."""

    name = "mae"
    higher_is_better = False
    bounded = False
    ratio = True

    def fits(self, output: np.ndarray, labels: np.ndarray) -> bool:
        """Whether there is one prediction a label."""
        return same_positions(output, labels)

    def rows(self, output: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return [n, 2]: the sample's mean absolute error, and 1."""
        prediction, label = paired(output, labels)
        return np.stack([np.abs(prediction - label).mean(1), np.ones(len(label))], 1)

    def value(self, rows: np.ndarray) -> float:
        """Return the mean; samples weigh the same."""
        return float(rows[:, 0].mean())

    def chance(self, labels: np.ndarray) -> float:
        """Return the error of the labels' median, at each position its own."""
        values = labels.astype(np.float64)
        return float(np.abs(values - np.median(values, 0)).mean())
