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
from lightweight_cli.data.batches import Batch
from lightweight_cli.errors import InputError, printable
from lightweight_cli.runtime.sessions import Interface


class Scores:
    """The evidence of one model for a labelled metric; the first batch decides which metric."""

    def __init__(self, model: Interface, labels: np.ndarray, spec: MetricSpec | None) -> None:
        self.model, self.labels, self.spec = model, labels, spec
        self.metric: Metric | None = None
        self.output = ""
        self.at = 0
        self.parts: list[np.ndarray] = []
        if spec and spec.output is not None and spec.output not in [p.name for p in model.outputs]:
            names = ", ".join(printable(p.name) for p in model.outputs)
            raise InputError(f"metric {spec.name}: the model has no such output; it has {names}")

    def twin(self) -> Scores:
        """Return empty scores for the other model, with the same metric on the same output."""
        other = Scores(self.model, self.labels, self.spec)
        other.metric, other.output = self.metric, self.output
        return other

    def add(self, batch: Batch, outputs: list[Any]) -> None:
        """Score one batch against the next labels.

        Raises: InputError when no output has a score for each label.
        """
        labels = self.labels[self.at : self.at + batch.samples]
        self.at += batch.samples
        by_name = self._by_sample(batch, outputs)
        if self.metric is None:
            self.metric, self.output = choose(by_name, labels, self.spec)
        value = by_name.get(self.output)
        if value is None or not self.metric.fits(value, labels):
            raise InputError(f'metric {self.metric.name}: output "{printable(self.output)}" has no score for each '
                             "label in each batch")
        self.parts.append(self.metric.rows(value, labels))

    def rows(self) -> np.ndarray:
        """Return the evidence of all samples, [samples, k].

        Raises: InputError when samples have different numbers of positions.
        """
        if len({p.shape[1] for p in self.parts}) > 1:
            raise InputError(f"metric {self.metric.name if self.metric else ''} needs as many positions in each batch")
        return np.concatenate(self.parts)

    def _by_sample(self, batch: Batch, outputs: list[Any]) -> dict[str, np.ndarray]:
        """Return the outputs that have one entry a sample, sample axis first."""
        symbols = {p.shape[0] for p in self.model.inputs if p.shape and isinstance(p.shape[0], str)}
        found = {}
        for port, value in zip(self.model.outputs, outputs, strict=True):
            parts = arrays(value)
            if len(parts) != 1 or parts[0].ndim == 0:
                continue
            array = parts[0]
            named = [i for i, d in enumerate(port.shape[: array.ndim]) if d in symbols]
            axis = named[0] if len(named) == 1 else 0
            if array.shape[axis] == batch.samples:
                found[port.name] = np.moveaxis(array, axis, 0)
            elif batch.samples == 1:
                found[port.name] = array[None]
        return found


def metric_drop(reference: Scores, candidate: Scores, seed: int) -> MetricDrop:
    """Return the metric of both models, and the drop with its paired interval."""
    metric, old, new = reference.metric, reference.rows(), candidate.rows()
    if metric is None:
        raise InputError("no batch to score")
    before, after = metric.value(old), metric.value(new)
    low, high, method = paired_interval(metric, old, new, seed)
    return MetricDrop(metric.name, reference.output, metric.higher_is_better, before, after,
                      drop(metric, before, after), low, high, len(old), method)
