"""Ranges of the values that static layers read and write: by the method that leaves the outputs nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lightweight_cli.compute.layer import Layer
from lightweight_cli.compute.seen import Ranges
from lightweight_cli.compute.trial import Trials
from lightweight_cli.numerics.spread import Spread

TRIED = ("mse", "minmax", "percentile")
"""Methods of which the best is taken; entropy lost 15 dB on the two models that it was tried on."""


class Chosen(NamedTuple):
    """Ranges, the method they are by, and the dB of the outputs by each that was tried."""

    ranges: Ranges
    method: str
    tried: dict[str, float]


def ranges_by(spreads: Mapping[str, Spread], method: str) -> dict[str, tuple[float, float]]:
    """Return the range of each value by a method."""
    return {name: spread.extent(method) for name, spread in spreads.items()}


def chosen(trials: Trials, spreads: Mapping[str, Spread], layers: Sequence[Layer], form: str, method: str | None) -> Chosen:
    """Return ranges by the method, or without one by that with which all layers in integers leave the outputs nearest.

    `form`: of static layers.
    """
    if method is not None:
        return Chosen(ranges_by(spreads, method), method, {})
    tried: dict[str, float] = {}
    for name in TRIED:
        trials.seen = trials.seen._replace(ranges=ranges_by(spreads, name))
        sqnr = trials.run({layer.key: form for layer in layers}, latency=False).sqnr
        tried[name] = float("-inf") if sqnr is None else sqnr
    best = max(tried, key=lambda name: tried[name])
    return Chosen(ranges_by(spreads, best), best, tried)
