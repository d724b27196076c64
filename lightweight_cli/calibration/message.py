"""Statistics as plain data and arrays, for the way from the child."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lightweight_cli.calibration.histogram import Histogram
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.numerics.held_out import HeldOut
from lightweight_cli.numerics.moments import Moments

BESIDE = "beside:"
"""How the names of constants begin that are sent with a weight."""
MOMENTS = ("S", "C", "mx", "my")


def to_arrays(found: Statistics) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the numbers and the arrays of statistics."""
    arrays: dict[str, np.ndarray | None] = {"largest": found.largest, "counts": found.counts}
    plain: dict[str, Any] = {}
    if found.moments is not None:
        plain["n"] = found.moments.n
        arrays.update({name: getattr(found.moments, name) for name in MOMENTS})
    if found.held is not None:
        arrays.update({f"held.{name}": array for name, array in found.held._asdict().items()})
    if found.histogram is not None:
        plain["range"] = found.histogram.range
        arrays["histogram"] = found.histogram.counts
    return plain, {name: a for name, a in arrays.items() if a is not None}


def from_arrays(plain: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Statistics:
    """Undo `to_arrays`."""
    moments = Moments(n=plain["n"], **{m: arrays[m] for m in MOMENTS if m in arrays}) if "S" in arrays else None
    histogram = Histogram(plain["range"], arrays["histogram"]) if "histogram" in arrays else None
    held = HeldOut(arrays["held.rows"], arrays.get("held.original")) if "held.rows" in arrays else None
    return Statistics(moments, arrays.get("largest"), arrays.get("counts"), histogram, held)
