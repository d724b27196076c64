"""Top-k accuracy."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.metrics.base import Metric, class_count, class_scores, is_class_numbers, positions
from lightweight_cli.errors import DataError


class TopK(Metric):
    """Share of labels among the k highest scores; equal scores rank by class number, as argmax does.

    Labels [n] or one a position, [n, ...]; negative ones are padding and left out. An output that is
    no score (class numbers, strings) is compared for equality, for k = 1.
    """

    ratio = share = True

    def __init__(self, k: int) -> None:
        self.k, self.name = k, f"top{k}"

    def fits(self, output: np.ndarray, labels: np.ndarray) -> bool:
        """Whether there is a score for each class, or a class for each label."""
        scores = class_scores(output, labels) if is_class_numbers(labels) else None
        if scores is not None:
            return scores.shape[-1] >= self.k
        return self.k == 1 and output.dtype.kind in "iubOUS" and positions(output.shape) == positions(labels.shape)

    def rows(self, output: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return [n, 2]: labels found, labels counted."""
        scores = class_scores(output, labels) if is_class_numbers(labels) else None
        if scores is None:
            right = output.reshape(labels.shape) == labels
            counted = labels >= 0 if labels.dtype.kind == "i" else np.ones(labels.shape, bool)
        else:
            classes = scores.shape[-1]
            labels = labels.astype(np.int64)
            if labels.size and labels.max() >= classes:
                raise DataError(f"labels hold class {labels.max()}, but the output has {classes} classes, 0 to "
                                 f"{classes - 1}")
            counted = labels >= 0
            label = np.maximum(labels, 0)[..., None]
            score = np.take_along_axis(scores, label, -1)
            ahead = (scores > score) | ((scores == score) & (np.arange(classes) < label))
            right = (np.count_nonzero(ahead, -1) < self.k) & ~np.isnan(score[..., 0])
        n = len(labels)
        return np.stack([(right & counted).reshape(n, -1).sum(1), counted.reshape(n, -1).sum(1)], 1).astype(np.float64)

    def value(self, rows: np.ndarray) -> float:
        """Return the share, 0..1."""
        found, counted = rows.sum(0)
        return float(found / counted) if counted else float("nan")

    def classes(self, output: np.ndarray, labels: np.ndarray) -> int:
        """Return how many classes the output scores."""
        return class_count(output, labels)

    def chance(self, labels: np.ndarray) -> float:
        """Return the share of the k most frequent labels."""
        counted = labels[labels >= 0] if labels.dtype.kind in "if" else labels.reshape(-1)
        counts = np.sort(np.unique(counted, return_counts=True)[1])[::-1]
        return float(counts[: self.k].sum() / counts.sum()) if counts.size else 0.0
