"""F1: the harmonic mean of precision and recall."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.metrics.base import Metric, class_count, class_scores, is_class_numbers, same_positions
from lightweight_cli.errors import DataError

ABSENT = -1.0
"""Stands for padding in the rows of class numbers."""


class F1(Metric):
    """Macro F1 over the classes seen, or the F1 of scores against a threshold.

    Class scores, or class numbers that an output holds: the mean of each class's F1 over classes that
    occur among labels or predictions; negative labels are padding. One float score a label in {0, 1}
    (binary, or many labels): 2 TP / (2 TP + FP + FN), a score above the threshold being positive.
    """

    name = "f1"

    def __init__(self, threshold: float) -> None:
        self.threshold, self.binary = threshold, False

    def fits(self, output: np.ndarray, labels: np.ndarray) -> bool:
        """Whether labels are classes and the output has scores or classes for them."""
        if not is_class_numbers(labels):
            return False
        if class_scores(output, labels) is not None:
            return True
        if not same_positions(output, labels):
            return False
        return output.dtype.kind != "f" or bool(np.isin(labels, (0, 1)).all())

    def rows(self, output: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return [n, 3] counts of TP, FP, FN; or [n, 2 * positions] predicted classes, then labels."""
        n, scores = len(labels), class_scores(output, labels)
        if scores is None and output.dtype.kind == "f":
            self.binary = True
            if not np.isin(labels, (0, 1)).all():
                raise DataError("labels for the f1 of a score must be 0 or 1")
            said, true = output.reshape(n, -1) > self.threshold, labels.reshape(n, -1) > 0
            return np.stack([(said & true).sum(1), (said & ~true).sum(1), (~said & true).sum(1)], 1).astype(np.float64)
        said = (output if scores is None else scores.argmax(-1)).reshape(n, -1).astype(np.float64)
        true = labels.reshape(n, -1).astype(np.float64)
        return np.concatenate([np.where(true < 0, ABSENT, said), np.where(true < 0, ABSENT, true)], 1)

    def value(self, rows: np.ndarray) -> float:
        """Return 0..1; nan when nothing is positive."""
        if self.binary:
            hit, wrong, missed = rows.sum(0)
            return float(2 * hit / (2 * hit + wrong + missed)) if hit + wrong + missed else float("nan")
        said, true = (half.reshape(-1) for half in np.split(rows, 2, axis=1))
        said, true = said[true != ABSENT], true[true != ABSENT]
        if not true.size:
            return float("nan")
        classes, index = np.unique(np.concatenate([said, true]), return_inverse=True)
        said, true = np.split(index, 2)
        hit = np.bincount(true[said == true], minlength=len(classes))
        return float((2 * hit / np.bincount(index)).mean())

    def classes(self, output: np.ndarray, labels: np.ndarray) -> int:
        """Return how many classes the output scores."""
        return class_count(output, labels)

    def chance(self, labels: np.ndarray) -> float:
        """Return the F1 of "all are positive", or of the most frequent class for all."""
        if self.binary:
            share = float((labels > 0).mean())
            return 2 * share / (1 + share)
        counts = np.unique(labels[labels >= 0], return_counts=True)[1]
        share = counts.max() / counts.sum() if counts.size else 0.0
        return float(2 * share / (1 + share) / max(1, counts.size))
