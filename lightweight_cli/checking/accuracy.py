"""What a change cost: the figures of one check, as plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from lightweight_cli.checking.kinds import KindFidelity
from lightweight_cli.checking.shown import as_table, brief
from lightweight_cli.errors import printable
from lightweight_cli.runtime.latency import Latency, Pace
from lightweight_cli.runtime.load_cost import Load, LoadCost


@dataclass(frozen=True)
class OutputFidelity:
    """How far one output of the candidate is from the reference's.

    A figure is None where it makes no sense: an error of strings, an agreement of a regression.
    """

    name: str
    type: str
    """As onnxruntime reports it: tensor(float)."""
    max_error: float | None = None
    """Largest |reference - candidate|, in the output's own unit."""
    sqnr: float | None = None
    """dB, over all batches; inf when every value is equal, -inf when the reference is all zero."""
    cosine: float | None = None
    """Of the whole output as one vector, over all batches."""
    agreement: float | None = None
    """Float outputs with classes (see metrics.classes): share of equal argmax over them; others: share of equal elements.

    None for floats on synthetic inputs, which few answers belong to: that both agree says nothing there.
    """
    finite: float | None = None
    """Float outputs: share of the reference's values that are finite; the other figures are of these."""
    strayed: int = 0
    """Values that are not finite in the reference and something else in the candidate."""
    note: str | None = None
    """Why values were not compared, e.g. a data-dependent shape that differs."""


@dataclass(frozen=True)
class MetricDrop:
    """A labelled metric of both models, and the loss between them."""

    name: str
    output: str
    """The output it was computed on."""
    higher_is_better: bool
    reference: float
    candidate: float
    drop: float
    """Positive: the candidate is worse, in the metric's own unit, whatever its direction."""
    low: float | None
    high: float | None
    """Paired 95 % interval of the drop; None with fewer than two samples."""
    samples: int
    method: str
    """How the interval was computed: normal, matched proportions, or bootstrap."""
    chance: float = 0.0
    """What the best answer scores that is the same for all samples."""

    @property
    def learnt(self) -> bool:
        """Whether the reference does better than one answer for all samples."""
        return self.reference > self.chance if self.higher_is_better else self.reference < self.chance


@dataclass(frozen=True)
class Accuracy:
    """The outcome of a check that broke no promise."""

    synthetic: bool
    """True: generated inputs. The figures are fidelity to the original, not task accuracy."""
    batches: int
    samples: int
    outputs: tuple[OutputFidelity, ...]
    metric: MetricDrop | None = None
    latency: Latency | None = None
    latency_skipped: str | None = None
    """Why there is no latency, when it was asked for."""
    load: LoadCost | None = None
    """What loading both models takes."""
    load_skipped: str | None = None
    """Why that is not known, when it was asked for."""
    provenance: str | None = None
    """Set when the candidate does not say that it was made from the reference."""
    deterministic: bool = True
    """False: the original gives other values each time (random operators)."""
    of: int | None = None
    """Samples of the data that were meant, where time allowed fewer: these are spread over them."""
    remarks: tuple[str, ...] = ()
    """What else must be known before the figures are used."""
    unverified: str | None = None
    """Why values were not compared at all; both models load and have the same interface."""
    kinds: tuple[KindFidelity, ...] = ()
    """Of synthetic inputs: figures for each kind of them."""
    verdict: str | None = None
    """What may be said without data: see checking.kinds."""

    @property
    def sqnr(self) -> float | None:
        """The worst output's SQNR in dB."""
        return min((o.sqnr for o in self.outputs if o.sqnr is not None), default=None)

    @property
    def agreement(self) -> float | None:
        """The worst output's top-1 agreement."""
        return min((o.agreement for o in self.outputs if o.agreement is not None), default=None)

    @property
    def nothing_finite(self) -> str | None:
        """Say which output of the reference has no finite value: figures of it mean nothing. None: each has some."""
        empty = next((o.name for o in self.outputs if o.finite == 0), None)
        return None if empty is None else f'no value of output "{printable(empty)}" is finite in the original'

    def __repr__(self) -> str:
        return brief(self)

    def _repr_html_(self) -> str:
        return as_table(self)

    def to_json(self) -> dict[str, Any]:
        """Return nested dicts for strict JSON: a number that is not finite becomes its name."""
        result: dict[str, Any] = _plain(self)
        return result

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Accuracy:
        """Return the Accuracy that `to_json` wrote."""
        taken = data["latency"]
        return cls(**{
            **data,
            "outputs": tuple(OutputFidelity(**_numbers(o, OutputFidelity)) for o in data["outputs"]),
            "remarks": tuple(data["remarks"]),
            "kinds": tuple(KindFidelity(**_numbers(k, KindFidelity)) for k in data.get("kinds", ())),
            "metric": data["metric"] and MetricDrop(**_numbers(data["metric"], MetricDrop)),
            "latency": taken and Latency(**{**taken, "clock": Pace(**taken["clock"]), "processor": Pace(**taken["processor"])}),
            "load": data.get("load") and LoadCost(Load(**data["load"]["reference"]), Load(**data["load"]["candidate"]),
                                                  data["load"]["rounds"]),
        })


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _numbers(data: dict[str, Any], kind: type) -> dict[str, Any]:
    """Undo `_plain` on the float fields of one record."""
    floats = {f.name for f in fields(kind) if str(f.type).startswith("float")}
    return {k: float(v) if k in floats and v is not None else v for k, v in data.items()}
