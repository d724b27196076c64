"""Fresh rows see the winner once."""

from __future__ import annotations

from typing import Protocol

from lightweight_cli.checking.certify.budget import Budget
from lightweight_cli.checking.limits import at_most

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
    a quarter of a point lost more than one on 334 fresh rows. Where a floor stands in for the drop, the fresh rows hold the floor.
    """
    if budget.max_drop is None or fresh.floor is not None:
        return fresh.holds
    drop = together(selected, fresh)
    return drop is not None and at_most(drop, budget.max_drop) and fresh.least is not None and at_most(fresh.least, budget.max_drop)
