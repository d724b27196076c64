"""Names and options of the labelled metrics. Their code, which needs numpy, is loaded on use."""

from __future__ import annotations

from typing import NamedTuple

from lightweight_cli.errors import UsageError, printable

METRICS = {
    "top1": "share of samples whose highest score is the label",
    "top5": "share of samples whose label is among the five highest scores",
    "f1": "harmonic mean of precision and recall: macro over classes, or of scores above threshold",
    "rmse": "root of the mean squared error",
    "mae": "mean absolute error",
    "pearson": "linear correlation of output and label",
    "spearman": "rank correlation of output and label",
    "edit": "character accuracy: 1 - edit distance / label length",
    "ctc": "the same, after greedy CTC decoding",
}
OPTIONS: dict[str, dict[str, float]] = {"ctc": {"blank": 0}, "f1": {"threshold": 0.5}}
"""Options of a metric with their defaults; every metric also has output=NAME."""


class MetricSpec(NamedTuple):
    """A metric as it was asked for."""

    name: str
    options: dict[str, float]
    output: str | None


def parse_metric(text: str) -> MetricSpec:
    """Read a metric and its options: "top1", "ctc:blank=36,output=logits".

    Raises: UsageError.
    """
    name, _, rest = text.partition(":")
    if name not in METRICS:
        raise UsageError(f'metric "{printable(name)}" is unknown; it can be {", ".join(METRICS)}')
    options, output = dict(OPTIONS.get(name, {})), None
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if key == "output" and equals:
            output = value
            continue
        if key not in options or not equals:
            allowed = ", ".join([*options, "output"])
            raise UsageError(f'metric "{name}" has no option "{printable(item)}"; it takes {allowed}, as KEY=VALUE')
        try:
            options[key] = type(options[key])(value)
        except ValueError:
            raise UsageError(f'metric option "{printable(item)}" needs a number') from None
    return MetricSpec(name, options, output)
