"""Limits that a result must keep; one that cannot be evaluated has failed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.errors import UsageError, printable

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


@dataclass(frozen=True)
class Gates:
    """Limits asked for; None: no limit."""

    max_drop: float | None = None
    """Labelled metric, absolute, in the metric's unit."""
    min_sqnr: float | None = None
    """dB, of the worst output."""
    min_agreement: float | None = None
    """0..1, of the worst output."""
    max_size: int | None = None
    """Bytes, external data included."""
    max_slowdown: float | None = None
    """Latency ratio candidate / reference: 1.1 allows 10 % more."""


def parse_size(text: str) -> int:
    """Return the bytes meant by "5MB", "300 KB", "1.5GiB" or "1234".

    Raises: UsageError.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*", text)
    unit = UNITS.get(found[2].upper()) if found else None
    if not found or unit is None or not 1 <= (size := float(found[1]) * unit) < 2**63:
        raise UsageError(f'size "{printable(text)}" is not understood; write it like 300KB, 5MB or 1.5GiB')
    return math.floor(size)


def check(gates: Gates, accuracy: Accuracy | None, size: int) -> list[str]:
    """Return each gate that failed, in words; an empty list: all hold.

    `accuracy` is None when the check was skipped; `size` in bytes.
    """
    failed = []
    if gates.max_size is not None and size > gates.max_size:
        failed.append(f"max-size {gates.max_size:,} bytes: the result has {size:,}")
    drop = accuracy.metric.drop if accuracy and accuracy.metric else None
    ratio = accuracy.latency.ratio if accuracy and accuracy.latency else None
    sqnr, agreement = (accuracy.sqnr, accuracy.agreement) if accuracy else (None, None)
    failed += _limit("max-drop", gates.max_drop, drop, _no_metric(accuracy), most=True)
    failed += _limit("min-sqnr", gates.min_sqnr, sqnr, _no_values(accuracy, "float output"), most=False)
    failed += _limit("min-agreement", gates.min_agreement, agreement,
                     _no_values(accuracy, "output with classes"), most=False)
    return failed + _limit("max-slowdown", gates.max_slowdown, ratio, _no_latency(accuracy), most=True)


def _limit(name: str, limit: float | None, value: float | None, why: str, *, most: bool) -> list[str]:
    if limit is None:
        return []
    if value is None or math.isnan(value):
        return [f"{name} {limit:g} can't be evaluated: {why}"]
    kept = value <= limit if most else value >= limit
    return [] if kept else [f"{name} {limit:g}: the result has {value:.4g}"]


def _no_metric(accuracy: Accuracy | None) -> str:
    if accuracy is None:
        return "the check was skipped"
    return accuracy.unverified or ("no data" if accuracy.synthetic else "no labels")


def _no_values(accuracy: Accuracy | None, kind: str) -> str:
    if accuracy is None:
        return "the check was skipped"
    notes = [o.note for o in accuracy.outputs if o.note]
    return accuracy.unverified or (notes[0] if notes else f"the model has no {kind}")


def _no_latency(accuracy: Accuracy | None) -> str:
    if accuracy is None:
        return "the check was skipped"
    return accuracy.latency_skipped or accuracy.unverified or "latency was not measured"
