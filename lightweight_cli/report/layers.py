"""What calibration was for and what it came to: on which data, and which layers suffer most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightweight_cli.report import words

if TYPE_CHECKING:
    from lightweight_cli.pipeline.step_report import Changed, StepReport

MOST = 3
"""Layers named in a line."""
NAME = 28
FLOOR = 1e-5
"""Relative error, squared, from which a bar has a length: 50 dB."""


def data(step: StepReport) -> str:
    """Say on which data a step's values were chosen: "calibrated on 96 of 288 samples, judged on the other 192"; or nothing."""
    used = step.calibrated
    if used is None:
        return ""
    count = words.plural(used.of, "sample")
    said = f"calibrated on all {count}" if used.samples == used.of else f"calibrated on {used.samples:,} of {count}"
    return f"{said}, judged on the other {used.of - used.samples:,}" if used.shared and used.samples < used.of else said


def worst_first(weights: Sequence[Changed]) -> list[Changed]:
    """Return weights by how much they suffer: by the error of the layer, where that is not known by the weight's own noise."""
    return sorted(weights, key=lambda w: -badness(w))


def badness(weight: Changed) -> float:
    """Return the relative error of a layer's outputs, squared; where it is not known, of its weight."""
    if weight.error is not None:
        return weight.error
    return 10 ** (-weight.sqnr / 10) if weight.sqnr is not None and weight.sqnr > -300 else 0.0


def error(weight: Changed) -> str:
    """Return the relative error of a layer's outputs as a percentage, or nothing."""
    return "" if weight.error is None else percent(weight.error)


def percent(squared: float) -> str:
    """Return a squared relative error as a percentage of the amplitude: .0004 is 2 %."""
    share = 100 * math.sqrt(squared)
    return f"{share:.0f} %" if share >= 9.95 else f"{share:.2g} %"


def summary(step: StepReport) -> str:
    """Say how far layers are off on held-out rows: the median, and the worst by name; or nothing."""
    from lightweight_cli.report.layout import shorten

    known = [w for w in worst_first(step.weights) if w.error is not None]
    if not known:
        return ""
    named = ", ".join(f"{shorten(w.name, NAME)} {error(w)}" for w in known[:MOST])
    middle, rows = known[len(known) // 2], "calibration" if step.front else "held-out"
    return f"error of layers on {rows} rows: {named}; median {error(middle)}" if len(known) > MOST else (
        f"error of layers on {rows} rows: {named}")


def length(weight: Changed) -> float:
    """Return how long the bar of a weight is, 0 to 1, by the logarithm of what it suffers."""
    squared = badness(weight)
    return 0.0 if squared <= FLOOR else min(1.0, math.log(squared / FLOOR) / math.log(1 / FLOOR))


def about(step: StepReport) -> list[str]:
    """Return what is to be said of a step's calibration, in lines."""
    return [text for text in (data(step), summary(step)) if text]
