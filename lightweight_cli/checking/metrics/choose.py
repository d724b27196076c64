"""The metric of a name, and which one fits given labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lightweight_cli.checking.metrics import correlation, edit_distance, f1, mae, rmse, top_k
from lightweight_cli.checking.metrics.base import Metric, class_count, one_hot
from lightweight_cli.checking.metrics.spec import MetricSpec, parse_metric
from lightweight_cli.errors import DataError, printable


def make(spec: MetricSpec) -> Metric:
    """Return the metric of that name and options."""
    return {
        "top1": lambda: top_k.TopK(1), "top5": lambda: top_k.TopK(5),
        "f1": lambda: f1.F1(spec.options["threshold"]),
        "rmse": rmse.Rmse, "mae": mae.Mae, "pearson": correlation.Pearson, "spearman": correlation.Spearman,
        "edit": lambda: edit_distance.EditDistance(None),
        "ctc": lambda: edit_distance.EditDistance(int(spec.options["blank"])),
    }[spec.name]()


class Choice(NamedTuple):
    """What is to be computed on which output, and from which labels."""

    metric: Metric
    output: str
    labels: np.ndarray
    """Of all samples: the ones given, or the class numbers of one-hot ones."""


def choose(outputs: Mapping[str, np.ndarray], labels: np.ndarray, spec: MetricSpec | None) -> Choice:
    """Choose the metric, the output for it and the labels' reading, from the outputs of the first batch.

    `labels`: of all samples; the batch's are the first of them. Without `spec`, class numbers and one-hot rows call for
    top1 (or ctc when the labels' count differs from the output's steps), values in {0, 1} beside a score for f1, and other
    numbers for rmse. With it, one-hot rows are class numbers where the metric fits nothing else.
    Raises: DataError when nothing fits.
    """
    floats = [n for n, v in outputs.items() if v.dtype.kind == "f"]
    hot = one_hot(labels)
    if spec:
        metric = make(spec)
        names = [n for n in outputs if spec.output in (None, n)]
        for given in (labels, *hot):
            found = next((n for n in names if metric.fits(outputs[n], given[: len(outputs[n])])), None)
            if found is not None:
                return Choice(metric, found, given)
        raise DataError(f"metric {spec.name} does not fit: labels are {describe(labels)}, and {_offered(outputs)}")
    for given in hot:
        for name in floats:
            metric = make(parse_metric("top1"))
            if class_count(outputs[name], given[: len(outputs[name])]) == labels.size // given.size:
                return Choice(metric, name, given)
    order = ("top1", "ctc", "f1", "rmse") if labels.dtype.kind in "iub" else ("rmse", "top1")
    for kind in order:
        metric = make(parse_metric(kind))
        # A float output first: scores say more than the class number some models also return.
        for name in [*floats, *(n for n in outputs if n not in floats)]:
            if metric.fits(outputs[name], labels[: len(outputs[name])]):
                return Choice(metric, name, labels)
    raise DataError(f"no metric fits labels that are {describe(labels)}, where {_offered(outputs)}")


def describe(array: np.ndarray) -> str:
    """Return dtype and shape: int64 [n, 20]."""
    return f"{array.dtype.name} [{', '.join(['n', *map(str, array.shape[1:])])}]"


def _offered(outputs: Mapping[str, np.ndarray]) -> str:
    if not outputs:
        return "no output has a sample axis"
    told = [f'"{printable(n)}" is {describe(v)}' for n, v in list(outputs.items())[:4]]
    return "output " + ", ".join(told)
