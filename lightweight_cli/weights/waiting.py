"""Weights whose further forms are not asked for yet: whether they need be, and what becomes of the weights if they are not.

Where all weights at the forms that take least are over the limit, each ends at that, whatever others it has: load_budget.relieved.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightweight_cli.weights.plan import Plan


def stays(plan: Plan, by_rows: bool, worth: float) -> bool:
    """Whether it is known what a plan comes to if it has to take less at load, whatever further forms it has.

    From every other form there must be a step to the one that takes least that is worth its bytes: load_budget.best_step.
    """
    if plan.taken is None or plan.further is None:
        return False
    last = min(plan.menu, key=lambda form: form.load_bytes)
    further = plan.further.nbytes, plan.further.row_bytes if by_rows else plan.further.load_bytes
    others = [*((form.nbytes, form.load_bytes) for form in plan.menu if form is not last), further]
    below = all(load > last.load_bytes and (last.nbytes - nbytes) * worth <= load - last.load_bytes for nbytes, load in others)
    return below and (plan.alone or plan.further.smaller() is not None)


def least(plans: Sequence[Plan]) -> float:
    """Return the least that some plans take at load together."""
    return sum(min(form.load_bytes for form in p.menu) for p in plans)


def done_without(plans: Sequence[Plan]) -> None:
    """Leave plans as if their further forms had been taken where they are smaller, and been left again."""
    for plan in plans:
        if plan.further is not None and not plan.alone and plan.further.smaller():
            plan.leave_others()
