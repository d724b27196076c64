"""What a search is to hold, and by which rows: the gates, or a point where none is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.checking.certify.budget import Budget
from lightweight_cli.checking.check import Check
from lightweight_cli.pipeline.wanted import Wanted, divided

if TYPE_CHECKING:
    from lightweight_cli.data.portion import Portion

MARGIN = 1.0
"""dB above a floor that the rows which select must show: others confirm it, and differ by up to .7."""
MAX_DROP = 0.01
"""The goal where nothing is asked for: a point."""


def aims(portion: Portion, wanted: Wanted | None) -> Wanted:
    """Return what is wanted; called from Python, by calibration data alone."""
    if wanted is not None:
        return wanted
    _, select, confirm = divided(portion.paths, Check(seed=portion.seed), portion.samples, portion.memory)
    return Wanted(select, confirm)


def budget_of(wanted: Wanted, default: bool) -> Budget:
    """Return the limits that candidates must keep; `default`: a point, where there are none."""
    nothing = default and wanted.max_drop is None and wanted.min_sqnr is None
    floor = None if wanted.min_sqnr is None else wanted.min_sqnr + MARGIN
    return Budget(MAX_DROP if nothing else wanted.max_drop, floor, wanted.confident)
