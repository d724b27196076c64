"""What a labelled metric is, how one is made by name, and which one fits given labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from lightweight_cli.errors import InputError, printable
from lightweight_cli.metrics import MetricSpec, parse_metric


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

    @abstractmethod
    def fits(self, output: np.ndarray, labels: np.ndarray) -> bool:
        """Whether an output [n, ...] and labels [n, ...] of one batch can be compared so."""

    @abstractmethod
    def rows(self, output: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the evidence of one batch, float64 [n, k]."""

    @abstractmethod
    def value(self, rows: np.ndarray) -> float:
        """Return the metric of the samples in `rows`, [n, k]."""


def make(spec: MetricSpec) -> Metric:
    """Return the metric of that name and options."""
    from lightweight_cli.metrics import correlation, edit_distance, f1, mae, rmse, top_k

    return {
        "top1": lambda: top_k.TopK(1), "top5": lambda: top_k.TopK(5),
        "f1": lambda: f1.F1(spec.options["threshold"]),
        "rmse": rmse.Rmse, "mae": mae.Mae, "pearson": correlation.Pearson, "spearman": correlation.Spearman,
        "edit": lambda: edit_distance.EditDistance(None),
        "ctc": lambda: edit_distance.EditDistance(int(spec.options["blank"])),
    }[spec.name]()


def choose(outputs: Mapping[str, np.ndarray], labels: np.ndarray, spec: MetricSpec | None) -> tuple[Metric, str]:
    """Return the metric and the name of the output for it, from the first batch.

    Without `spec`, class numbers call for top1 (or ctc when their count differs from the output's
    steps), values in {0, 1} beside a score for f1, and other numbers for rmse.
    Raises: InputError when nothing fits.
    """
    if spec:
        metric = make(spec)
        names = [n for n in outputs if spec.output in (None, n)]
        found = next((n for n in names if metric.fits(outputs[n], labels)), None)
        if found is not None:
            return metric, found
        raise InputError(f"metric {spec.name} does not fit: labels are {describe(labels)}, and {_offered(outputs)}")
    order = ("top1", "ctc", "f1", "rmse") if labels.dtype.kind in "iub" else ("rmse", "top1")
    for name in order:
        metric = make(parse_metric(name))
        # A float output first: scores say more than the class number some models also return.
        for kinds in ("f", "iubOUS"):
            for output, value in outputs.items():
                if value.dtype.kind in kinds and metric.fits(value, labels):
                    return metric, output
    raise InputError(f"no metric fits labels that are {describe(labels)}, where {_offered(outputs)}")


def describe(array: np.ndarray) -> str:
    """Return dtype and shape: int64 [n, 20]."""
    return f"{array.dtype.name} [{', '.join(['n', *map(str, array.shape[1:])])}]"


def _offered(outputs: Mapping[str, np.ndarray]) -> str:
    if not outputs:
        return "no output has a sample axis"
    told = [f'"{printable(n)}" is {describe(v)}' for n, v in list(outputs.items())[:4]]
    return "output " + ", ".join(told)


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
