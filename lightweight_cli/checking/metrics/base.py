"""What a labelled metric is, and how outputs and labels are laid side by side."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class Metric(ABC):
    """A figure of outputs and labels that is computed from one row of evidence a sample.

    Rows, not outputs, are kept: memory grows by a few numbers a sample, and any subset of the rows
    gives the metric of those samples, as a paired interval needs.
    """

    name: str
    higher_is_better = True
    ratio = False
    """Rows are (numerator, denominator), and the value is linear in the ratio of their sums."""
    share = False
    """A ratio that counts right answers: with one question a sample, a proportion."""

    bounded = True
    """From 0 to 1, and lost sample by sample: so many samples can't show a drop below 3 / n."""

    @abstractmethod
    def fits(self, output: np.ndarray, labels: np.ndarray) -> bool:
        """Whether an output [n, ...] and labels [n, ...] of one batch can be compared so."""

    @abstractmethod
    def rows(self, output: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the evidence of one batch, float64 [n, k]."""

    @abstractmethod
    def value(self, rows: np.ndarray) -> float:
        """Return the metric of the samples in `rows`, [n, k]."""

    def classes(self, output: np.ndarray, labels: np.ndarray) -> int:
        """Return how many classes the output scores for the labels; 0: this is no metric of classes."""
        return 0

    def chance(self, labels: np.ndarray) -> float:
        """Return what the best answer scores that is the same for all samples: a model at most as good has learnt nothing."""
        return 0.0


def positions(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape [n, ...] without axes of length 1 behind the samples."""
    return shape[:1] + tuple(d for d in shape[1:] if d != 1)


def class_scores(output: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Return float scores as [*labels.shape, classes]; the class axis is the last, or else the second."""
    if output.dtype.kind != "f" or output.ndim < 2:
        return None
    for axis in (-1, 1):
        scores = np.moveaxis(output, axis, -1)
        if scores.shape[-1] > 1 and positions(scores.shape[:-1]) == positions(labels.shape):
            return scores.reshape(*labels.shape, scores.shape[-1])
    return None


def class_count(output: np.ndarray, labels: np.ndarray) -> int:
    """Return how many classes an output scores for labels that are class numbers; 0: it has no scores for them."""
    scores = class_scores(output, labels) if is_class_numbers(labels) else None
    return 0 if scores is None else scores.shape[-1]


def one_hot(labels: np.ndarray) -> list[np.ndarray]:
    """Return the class numbers that one-hot labels stand for, by each axis that can count the classes: the last, the second.

    One-hot are rows of zeros with exactly one 1, all of them; probabilities and labels of which several hold are not.
    """
    if labels.ndim < 2 or labels.dtype.kind not in "biuf" or not labels.size or not np.isin(labels, (0, 1)).all():
        return []
    return [labels.argmax(a) for a in dict.fromkeys((labels.ndim - 1, 1)) if labels.shape[a] > 1 and (labels.sum(a) == 1).all()]


def is_class_numbers(labels: np.ndarray) -> bool:
    """Whether labels are integers, whatever their dtype."""
    return labels.dtype.kind in "iub" or (labels.dtype.kind == "f" and bool(np.all(labels == np.floor(labels))))


def paired(output: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and labels, both float64 [n, positions]."""
    n = len(labels)
    return output.reshape(n, -1).astype(np.float64), labels.reshape(n, -1).astype(np.float64)


def same_positions(output: np.ndarray, labels: np.ndarray) -> bool:
    """Whether numbers of output and labels stand side by side."""
    return (output.dtype.kind in "fiub" and labels.dtype.kind in "fiub"
            and positions(output.shape) == positions(labels.shape))
