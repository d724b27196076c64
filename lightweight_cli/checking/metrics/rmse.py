"""Root mean squared error."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.metrics.base import Metric, paired, same_positions


class Rmse(Metric):
    """sqrt(mean (prediction - label)^2), in the label's unit."""

    name = "rmse"
    higher_is_better = False
    bounded = False

    def fits(self, output: np.ndarray, labels: np.ndarray) -> bool:
        """Whether there is one prediction a label."""
        return same_positions(output, labels)

    def rows(self, output: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return [n, 1]: the sample's mean squared error."""
        prediction, label = paired(output, labels)
        return np.square(prediction - label).mean(1, keepdims=True)

    def value(self, rows: np.ndarray) -> float:
        """Return the root of the mean; samples weigh the same."""
        return float(np.sqrt(rows.mean()))

    def chance(self, labels: np.ndarray) -> float:
        """Return the error of the labels' mean, at each position its own."""
        return float(np.sqrt(labels.astype(np.float64).var(0).mean()))
