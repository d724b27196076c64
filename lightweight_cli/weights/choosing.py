"""Which of its options a weight takes, and what it takes instead where others decide differently: the tables, or the memory at load."""

from __future__ import annotations

from collections.abc import Mapping

from lightweight_cli.weights.at_load import at_load
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_budget import Form
from lightweight_cli.weights.plan import Plan

TABLES = 1 << 14
"""Bytes that all shared tables of a model stay below: a weight that gains more by them needs no spare option."""
SPLITS = ".w"
"""A table that every split of a tree reads."""


def take(plan: Plan, by_rows: bool, known: Mapping[str, bytes | None], before: int, bundles: bool = False) -> None:
    """Take the smallest option of a plan if it takes fewer bytes than `before`, or note why not.

    `known`: the shared tables that the model has. `bundles`: its codes may be stored with those of other weights.
    """
    sizes = [e.nbytes for e in plan.options]
    least = min(sizes)
    best = plan.options[sizes.index(least)]
    allowed = [i for i, size in enumerate(sizes) if plan.must or size < before + plan.anew]
    if not allowed:
        plan.reason = f"would not be smaller: {least:,} bytes as {best.label}, {before:,} now"
        plan.options = ()
        return
    plan.taken = best
    if best.shared_bytes():
        free = [i for i in allowed if not plan.options[i].shared_bytes() or (plan.anew and has(plan.options[i], known))]
        plan.spare = instead(plan, free, sizes)
        if SPLITS in best.shared_bytes():
            plan.unsplit = instead(plan, [i for i in allowed if SPLITS not in plan.options[i].shared_bytes()], sizes)
    codes = next((e.codes for e in plan.options if e.codes is not None), None) if bundles else None
    for form in (plan.taken, plan.spare, plan.unsplit):
        if form is not None:
            form.codes = codes  # of whichever form: all store the same values
    forms = [Form(i, sizes[i], at_load(plan.weight, by_rows, plan.options[i])) for i in allowed]
    first = next(f for f in forms if plan.options[f.option] is best)
    plan.menu = [first, *(f for f in forms if f.load_bytes < first.load_bytes)]


def instead(plan: Plan, among: list[int], sizes: list[int]) -> Emission | None:
    """Return the smallest of some options, where it is not so much larger that tables could not matter."""
    found = min(among, key=sizes.__getitem__, default=None)
    return plan.options[found] if found is not None and sizes[found] - min(sizes) <= TABLES else None


def has(emission: Emission, known: Mapping[str, bytes | None]) -> bool:
    """Whether the model has all tables of an emission: new values that gain nothing by others are stored as the old ones were."""
    return all(known.get(name) is not None for name in emission.shared_bytes())
