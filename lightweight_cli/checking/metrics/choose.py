"""The metric of a name, and which one fits given labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lightweight_cli.checking.metrics import correlation, edit_distance, f1, mae, rmse, top_k
from lightweight_cli.checking.metrics.base import Metric
from lightweight_cli.checking.metrics.spec import MetricSpec, parse_metric
from lightweight_cli.errors import InputError, printable


def make(spec: MetricSpec) -> Metric:
    """Return the metric of that name and options."""
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
