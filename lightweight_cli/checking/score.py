"""Labelled metrics, gathered batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from lightweight_cli.checking.accuracy import MetricDrop
from lightweight_cli.checking.metrics.base import Metric
from lightweight_cli.checking.metrics.choose import choose
from lightweight_cli.checking.metrics.interval import drop, paired_interval
from lightweight_cli.checking.metrics.spec import MetricSpec
from lightweight_cli.data.arrays import arrays
from lightweight_cli.errors import DataError, printable
from lightweight_cli.runtime.sessions import Interface, Port


class Scores:
    """The evidence of one model for a labelled metric; the first batch decides which metric."""

    def __init__(self, model: Interface, labels: np.ndarray, spec: MetricSpec | None) -> None:
        self.model, self.labels, self.spec = model, labels, spec
        self.metric: Metric | None = None
        self.output = ""
        self.at = 0
        self.parts: list[np.ndarray] = []
        self.classes: int | None = None
        """How many classes the output has for the labels; 0: the metric is not one of classes."""
        if spec and spec.output is not None and spec.output not in [p.name for p in model.outputs]:
            names = ", ".join(printable(p.name) for p in model.outputs)
            raise DataError(f"metric {spec.name}: the model has no such output; it has {names}")

    def twin(self) -> Scores:
        """Return empty scores for the other model, with the same metric on the same output."""
        other = Scores(self.model, self.labels, self.spec)
        other.metric, other.output = self.metric, self.output
        return other

    def add(self, samples: int, outputs: list[Any]) -> None:
        """Score the outputs of one batch of so many samples against the next labels.

        Raises: DataError when no output has a score for each label.
        """
        by_name = by_sample(self.model, samples, outputs)
        if self.metric is None:
            self.metric, self.output, self.labels = choose(by_name, self.labels, self.spec)
        labels = self.labels[self.at : self.at + samples]
        self.at += samples
        value = by_name.get(self.output)
        if value is None or not self.metric.fits(value, labels):
            raise DataError(f'metric {self.metric.name}: output "{printable(self.output)}" has no score for each '
                             "label in each batch")
        if self.classes is None:
            self.classes = self.metric.classes(value, labels)
        self.parts.append(self.metric.rows(value, labels))

    def first(self, batches: int) -> Scores:
        """Return the scores of the first so many batches."""
        other = self.twin()
        other.classes, other.parts = self.classes, self.parts[:batches]
        other.at = sum(map(len, other.parts))
        return other

    def rows(self) -> np.ndarray:
        """Return the evidence of all samples, [samples, k].

        Raises: DataError when samples have different numbers of positions.
        """
        if len({p.shape[1] for p in self.parts}) > 1:
            raise DataError(f"metric {self.metric.name if self.metric else ''} needs as many positions in each batch")
        return np.concatenate(self.parts)


def by_sample(model: Interface, samples: int, outputs: list[Any]) -> dict[str, np.ndarray]:
    """Return the outputs of a batch that have one entry a sample, sample axis first."""
    given = [p.shape[0] for p in model.inputs if p.shape]
    symbols = {d for d in given if isinstance(d, str)}
    found = {}
    for port, value in zip(model.outputs, outputs, strict=True):
        parts = arrays(value)
        if len(parts) != 1 or parts[0].ndim == 0:
            continue
        array = parts[0]
        axis = sample_axis(array, port, samples, symbols, fixed=all(isinstance(d, int) for d in given))
        if axis is not None:
            found[port.name] = np.moveaxis(array, axis, 0)
        elif samples == 1:
            found[port.name] = array[None]
    return found


def sample_axis(array: np.ndarray, port: Port, samples: int, symbols: set[str], fixed: bool) -> int | None:
    """Return the axis of an output that counts the samples: the one with an input's symbol, else the first, else the second.

    The second of three is how time comes first, [steps, samples, classes]. Where the inputs leave the samples open, an axis
    that the model fixes does not count them.
    """
    named = [i for i, d in enumerate(port.shape[: array.ndim]) if d in symbols]
    if len(named) == 1:
        return named[0] if array.shape[named[0]] == samples else None
    axes = [a for a in ((0, 1) if array.ndim == 3 else (0,)) if array.shape[a] == samples]
    free = [a for a in axes if fixed or len(port.shape) != array.ndim or not isinstance(port.shape[a], int)]
    return next(iter(free or axes), None)


def metric_drop(reference: Scores, candidate: Scores, seed: int) -> MetricDrop:
    """Return the metric of both models, and the drop with its paired interval."""
    metric, old, new = reference.metric, reference.rows(), candidate.rows()
    if metric is None:
        raise DataError("no batch to score")
    before, after = metric.value(old), metric.value(new)
    low, high, method = paired_interval(metric, old, new, seed)
    return MetricDrop(metric.name, reference.output, metric.higher_is_better, before, after,
                      drop(metric, before, after), low, high, len(old), method, metric.chance(reference.labels[: reference.at]))
