"""A candidate's outputs held against a goal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from lightweight_cli.checking.accuracy import MetricDrop
from lightweight_cli.checking.certify.budget import Goal
from lightweight_cli.checking.certify.certificate import Certificate
from lightweight_cli.checking.certify.evidence import Drop, Evidence
from lightweight_cli.checking.certify.held import Held
from lightweight_cli.checking.certify.wording import amount, told
from lightweight_cli.checking.limits import at_most
from lightweight_cli.checking.score import metric_drop
from lightweight_cli.numerics.binomial import upper


def certify(held: Held, outputs: Iterable[list[Any]], goal: Goal, *, seed: int = 0) -> Certificate:
    """Hold what a candidate gives for every batch of the held-out rows, in their order, against a goal.

    A candidate without finite values, or with other shapes than the original, keeps no budget.
    Raises: DataError where the candidate's output fits the metric no more.
    """
    evidence = held.evidence()
    scores = held.scores.twin() if held.scores is not None else None
    for (samples, old), new in zip(held, outputs, strict=True):
        before, after = held.by_row(samples, old), held.by_row(samples, new)
        for name, one in evidence.items():
            x, y = before.get(name), after.get(name)
            if x is None or y is None or x.shape != y.shape or x.dtype != y.dtype:
                return _refused(goal, f'output "{name}" has another shape or type than the original\'s')
            one.add(x, y)
        if scores is not None:
            scores.add(samples, new)
    metric = metric_drop(held.scores, scores, seed) if held.scores is not None and scores is not None else None
    drop = _labelled(metric, held) if metric is not None else None if held.synthetic else _expected(evidence)
    return _verdict(goal, drop, metric, evidence, held.rows)


def _labelled(metric: MetricDrop, held: Held) -> Drop:
    """Return the drop as it was found, with the upper end of its paired interval; few rows that agree show little, whatever it says."""
    bound = math.inf if metric.high is None or math.isnan(metric.high) else metric.high
    if held.scores is not None and held.scores.metric is not None and held.scores.metric.bounded:
        bound = max(bound, upper(0, metric.samples))
    found = math.inf if math.isnan(metric.drop) else metric.drop
    least = -math.inf if metric.low is None or math.isnan(metric.low) else metric.low
    return Drop(least, found, found, bound)


def _expected(evidence: dict[str, Evidence]) -> Drop | None:
    """Return the largest of the outputs' drops, None where an output shows none."""
    drops = [e.drop() for e in evidence.values()]
    known = [d for d in drops if d is not None]
    return max(known, key=lambda d: d.estimate) if known and len(known) == len(drops) else None


def _verdict(goal: Goal, drop: Drop | None, metric: MetricDrop | None, evidence: dict[str, Evidence], rows: int) -> Certificate:
    """Hold the figures against the goal. A figure that is not known keeps no limit."""
    sqnr = min((v for e in evidence.values() if (v := e.sqnr) is not None), default=None)
    plain = min((v for e in evidence.values() if (v := e.plain_sqnr) is not None), default=None)
    budget, broken = goal.budget, []
    if goal.floor is not None and not (sqnr is not None and sqnr >= goal.floor):
        broken.append(f"below the floor of {goal.floor:g} dB")
    if budget.min_sqnr is not None and not (plain is not None and plain >= budget.min_sqnr):
        broken.append(f"{'no' if plain is None else f'{plain:.1f}'} dB as the model gives it, where {budget.min_sqnr:g} are asked for")
    if budget.max_drop is not None and not (goal.floor is not None and drop is None):
        instead = goal.floor is not None  # of an estimate that so few rows can't give; labels are no estimate
        figure = None if drop is None else drop.shown if instead and metric is None else drop.bound if (
            budget.confident and not instead) else drop.estimate
        if figure is None or not at_most(figure, budget.max_drop):
            broken.append(f"over the budget of {amount(budget.max_drop, metric)}")
    limits = budget.max_drop is not None or budget.min_sqnr is not None
    ending = f": {'; '.join(broken) or 'within the budget'}" if limits else ""
    figures = told(drop, metric, sqnr, rows)
    return Certificate(not broken, drop.estimate if drop else None, drop.bound if drop else None, goal.floor, figures + ending, figures,
                       sqnr, plain, drop.shown if drop else None, rows, metric)


def _refused(goal: Goal, why: str) -> Certificate:
    return Certificate(False, None, None, goal.floor, why, why)
