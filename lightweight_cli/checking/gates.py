"""Limits that a result must keep; one that cannot be evaluated has failed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lightweight_cli.checking.amounts import Limit
from lightweight_cli.checking.limits import at_most

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy, MetricDrop

NO_DATA = "no data: on synthetic inputs both agree, whatever they do on real ones"


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
    """Latency ratio candidate / reference, by the clock or where that is too noisy in processor time: 1.1 allows 10 % more."""
    max_load_time: Limit | None = None
    """CPU time of loading: a ratio to the original's, or seconds of its own."""
    max_load_memory: Limit | None = None
    """Peak memory while loading: a ratio to the original's, or bytes of its own."""
    confident: bool = False
    """The drop that counts is the upper end of its paired 95 % interval."""


class GateResult(NamedTuple):
    """What became of one gate that was asked for."""

    name: str
    """As the option is called, without dashes: max-drop."""
    limit: float
    value: float | None
    """The figure held against the limit; None: there is none."""
    passed: bool
    why: str | None = None
    """Why the gate could not be evaluated, and so failed; None: it was."""
    most: bool = True
    """True: the value may be at most the limit; False: at least."""
    unit: str = ""
    """Of limit and value: bytes, s, dB, x (a ratio), or nothing."""

    def __str__(self) -> str:
        """Say it in one line: "max-size 1,000 bytes: the result has 2,000"."""
        shown = [f"{n:,.0f}" if self.unit == "bytes" else f"{n:.4g}" for n in (self.limit, self.value) if n is not None]
        asked = f"{self.name} {shown[0]}" + (f" {self.unit}" if self.unit not in ("", "x") else "x" if self.unit else "")
        return f"{asked} can't be evaluated: {self.why}" if self.why is not None else f"{asked}: the result has {shown[-1]}"

    def to_json(self) -> dict[str, Any]:
        """Return plain data for strict JSON: a number that is not finite becomes its name."""
        return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in self._asdict().items()}


def check(gates: Gates, accuracy: Accuracy | None, size: int, *, same: bool = False) -> list[GateResult]:
    """Hold a result against every gate that was asked for.

    `accuracy` is None when the check was skipped; `size` in bytes; `same`: the result is the original, which takes as long.
    """
    drop = accuracy.metric if accuracy else None
    ratio = 1.0 if same else accuracy.latency.ratio if accuracy and accuracy.latency else None
    sqnr, agreement = (accuracy.sqnr, accuracy.agreement) if accuracy else (None, None)
    if accuracy is not None and accuracy.nothing_finite is not None:
        drop = sqnr = agreement = None
    if accuracy is not None and accuracy.synthetic:
        agreement = None
    held = (
        _held("max-drop", gates.max_drop, _drop(drop, gates.confident), _no_metric(accuracy)),
        _held("min-sqnr", gates.min_sqnr, sqnr, _no_values(accuracy, "float output"), most=False, unit="dB"),
        _held("min-agreement", gates.min_agreement, agreement, _no_values(accuracy, "output with classes", NO_DATA), most=False),
        _held("max-size", gates.max_size, size, "", unit="bytes"),
        _held("max-slowdown", gates.max_slowdown, ratio, _no_latency(accuracy), unit="x"),
        _load("max-load-time", gates.max_load_time, accuracy),
        _load("max-load-memory", gates.max_load_memory, accuracy),
    )
    return [result for result in held if result is not None]


def _held(name: str, limit: float | None, value: float | None, why: str, *, most: bool = True,
          unit: str = "") -> GateResult | None:
    """Hold one value against its limit, `why` being the reason if there is no value. Returns: None where no limit was asked for."""
    if limit is None:
        return None
    if value is None or math.isnan(value):
        return GateResult(name, limit, None, False, why if value is None else "the figure is not a number", most, unit)
    return GateResult(name, limit, value, at_most(value, limit) if most else value >= limit, None, most, unit)


def _load(name: str, limit: Limit | None, accuracy: Accuracy | None) -> GateResult | None:
    """Hold what loading took against its limit. Returns: None where no limit was asked for."""
    if limit is None:
        return None
    cost, value = accuracy.load if accuracy else None, None
    if cost is not None and name == "max-load-time":
        value = cost.time_ratio if limit.unit == "x" else cost.candidate.cpu_s
    elif cost is not None:
        value = cost.memory_ratio if limit.unit == "x" else cost.candidate.peak_bytes
    why = "the check was skipped" if accuracy is None else accuracy.load_skipped or "loading was not measured"
    return _held(name, limit.value, value, why, unit=limit.unit)


def _drop(metric: MetricDrop | None, confident: bool) -> float | None:
    """Return the drop to hold against a limit; None: the original has nothing to lose, or too few samples tell."""
    if metric is None or (metric.higher_is_better and not metric.reference > 0):
        return None
    return metric.high if confident else metric.drop


def _no_metric(accuracy: Accuracy | None) -> str:
    if accuracy is None:
        return "the check was skipped"
    metric, nothing = accuracy.metric, accuracy.nothing_finite
    if metric is not None and nothing is None:
        if metric.higher_is_better and not metric.reference > 0:
            return f"the original's own {metric.name} is {metric.reference:.4g}"
        return f"{metric.samples} sample has no interval"
    return nothing or accuracy.unverified or ("no data" if accuracy.synthetic else "no labels")


def _no_values(accuracy: Accuracy | None, kind: str, synthetic: str = "") -> str:
    if accuracy is None:
        return "the check was skipped"
    notes = [o.note for o in accuracy.outputs if o.note]
    why = accuracy.nothing_finite or accuracy.unverified or (synthetic if accuracy.synthetic else "")
    return why or (notes[0] if notes else f"the model has no {kind}")


def _no_latency(accuracy: Accuracy | None) -> str:
    if accuracy is None:
        return "the check was skipped"
    if accuracy.latency is not None:
        return "the machine is too busy: neither the time nor the processor time is steady"
    return accuracy.latency_skipped or accuracy.unverified or "latency was not measured"
