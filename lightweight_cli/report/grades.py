"""Which figures of a check are poor: the limits of yellow and red, in one place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import OutputFidelity

SQNR = (20.0, 10.0)
"""dB below which an output is poor, and bad: the error has a hundredth, and a tenth, of the output's power. At 24 dB the sample classifiers
keep their accuracy at 4 bits; PP-OCRv4 det at 14.8 dB loses boxes."""
AGREEMENT = (0.98, 0.9)
"""Share of equal choices below which an output is poor, and bad: a metric may drop by as much as choices change."""
NEAR = 6.0
"""dB by which a weight must be below the median of all to be called the worst: four times the error's power."""


def sqnr(value: float | None) -> str:
    """Return the style of an SQNR in dB: "", warn or bad."""
    return _graded(value, SQNR)


def agreement(value: float | None) -> str:
    """Return the style of an agreement from 0 to 1: "", warn or bad."""
    return _graded(value, AGREEMENT)


def figures(output: OutputFidelity) -> list[str]:
    """Return the style of each figure of an output, in the order of words.FIGURES."""
    return [sqnr(output.sqnr), "", "", agreement(output.agreement)]


def _graded(value: float | None, limits: tuple[float, float]) -> str:
    if value is None:
        return ""
    if math.isnan(value) or value < limits[1]:
        return "bad"
    return "warn" if value < limits[0] else ""
