"""Figures against limits."""

from __future__ import annotations

ROUNDING = 1e-12
"""Of a difference of two shares: 1 - 0.99 is above 0.01 in float64."""


def at_most(value: float, limit: float) -> bool:
    """Whether a value keeps a limit, up to the rounding of a difference; NaN keeps none."""
    return value <= limit + ROUNDING
