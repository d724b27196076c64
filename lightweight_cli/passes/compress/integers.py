"""compress --for speed and --for memory: first layers that compute in integers, within half of the goal; the search has the rest."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lightweight_cli.checking.certify.budget import Budget
from lightweight_cli.compute.apply import apply
from lightweight_cli.compute.menu import Asked
from lightweight_cli.compute.trial import Trials
from lightweight_cli.data.portion import Portion
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.passes.compress.aims import aims, budget_of
from lightweight_cli.passes.quantize.computing import compute
from lightweight_cli.passes.quantize.deciding import Computing
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.remaining import Why, remaining
from lightweight_cli.passes.quantize.weights import quantize_weights
from lightweight_cli.search.examiner import Examiner
from lightweight_cli.weights.weight import Key

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.pipeline.wanted import Wanted

SHARE = 0.5
"""Of a drop, or of the power of an error, is for layers in integers; storing the others may take the rest."""
ROWS = Form(8, "block", None, True, "uniform", None)
"""How tables are stored of which rows are decoded as they are looked up."""
Search = Callable[["Context", Why, "set[str]", str | None], int]
"""Compresses what is left, beside what computes, within the goal against the model at a path."""


def in_integers(context: Context, purpose: str, arch: str | None, plan: str | None, search: Search) -> int:
    """Put layers into integers, and have the rest compressed. Returns: weights changed."""
    portion = context.portion
    with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
        original = None if portion is None else write_into(context.model, folder, "original")
        judge = None if portion is None else holding(context, portion, aims(portion, context.wanted))
        options = Computing(purpose, Asked(), False, arch, plan, holds=judge)
        made = compute(replace(context, wanted=None), options)

        def rest(left: Context, stays: Why) -> int:
            if purpose == "memory":
                return quantize_weights(left, ROWS, "nearest", None, None, stays)
            return search(left, stays, made, original if made else None)

        remaining(context, made, purpose, rest)
    if context.step.plan is not None:  # what a recipe needs to do it again
        context.step.plan = {"for": purpose, **({"plan": plan} if plan else {}), **context.step.plan}
    return context.step.changed


def holding(context: Context, portion: Portion, wanted: Wanted) -> Callable[[Trials, Mapping[Key, str]], bool]:
    """Return what tells whether a model with some layers in integers keeps their share of the goal, as the search's judge sees it."""
    whole = budget_of(wanted, True)
    louder = -10 * math.log10(SHARE)
    budget = Budget(None if whole.max_drop is None else SHARE * whole.max_drop,
                    None if whole.min_sqnr is None else whole.min_sqnr + louder, whole.confident)

    def holds(trials: Trials, decisions: Mapping[Key, str]) -> bool:
        candidate = load(trials.path)
        apply(candidate, decisions, trials.reduced, trials.seen)
        with Examiner(candidate, (), context.calibrated(portion), wanted.select, budget, original=trials.path,
                      exact=not trials.reduced) as judge:
            found = judge.examine({})
        return found.holds and (found.floor is None or (found.sqnr is not None and found.sqnr >= found.floor + louder))

    return holds
