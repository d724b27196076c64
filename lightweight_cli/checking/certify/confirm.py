"""Fresh rows see the winner once."""

from __future__ import annotations

from lightweight_cli.checking.certify.budget import Budget
from lightweight_cli.checking.certify.certificate import Certificate
from lightweight_cli.checking.limits import at_most


def together(selected: Certificate, fresh: Certificate) -> float | None:
    """Return the drop on the rows that selected and the fresh ones, each counting as a row; None where either does not know it."""
    if selected.estimate is None or fresh.estimate is None:
        return None
    return (selected.rows * selected.estimate + fresh.rows * fresh.estimate) / (selected.rows + fresh.rows)


def confirms(selected: Certificate, fresh: Certificate, budget: Budget) -> bool:
    """Whether fresh rows leave a drop within the budget: all rows together keep it, and the fresh ones alone do not rule it out.

    Fewer than those that selected, they miss a budget by chance: with 4 % of the answers changed, one candidate in four that loses
    a quarter of a point lost more than one on 334 fresh rows. Where a floor stands in for the drop, or it holds by its bound, the fresh
    rows hold the same.
    """
    if budget.max_drop is None or fresh.floor is not None or budget.confident:
        return fresh.holds
    drop = together(selected, fresh)
    return drop is not None and at_most(drop, budget.max_drop) and fresh.least is not None and at_most(fresh.least, budget.max_drop)
