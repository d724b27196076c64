"""Recovery without data: least squares on synthetic inputs and a prior, kept only where inputs of other kinds show no harm.

50 % by magnitude, zeroed -> recovered: fashion-resnet .717 -> .8905, a depthwise net .531 -> .984; 70 %: fashion-resnet .132 -> .7285.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lightweight_cli.calibration import prior
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.errors import InputError
from lightweight_cli.passes.prune.layer import Sparse, Way, view_of
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.calibration.calibration import Calibration
    from lightweight_cli.calibration.study import Study
    from lightweight_cli.calibration.trial import Score
    from lightweight_cli.pipeline.context import Context

FELT = 0.2
"""Share of the weights from which on it is worth a run of the model: below, those that go are so small that outputs hardly change."""
MOST = 512 << 20
"""Bytes of weights up to which the model is run for it; larger ones go through in the memory of one chunk."""

Found = dict[int, "Sparse | str"]
"""Of weights by their id: new values, or why there are none."""
Prune = Callable[[Weight, "Statistics | None"], "Sparse | str"]
"""New values of a weight for what it sees."""


def inputs(context: Context, way: Way, weights: Sequence[Weight]) -> Calibration | None:
    """Return synthetic inputs to recover on; None: there are data, the model is not to be run, or it would not pay.

    What a soft threshold leaves is what was asked for.
    """
    synthetic = context.synthetic() if way.recover else None
    size = sum(w.size * w.numpy.itemsize for w in weights)
    if synthetic is None or way.goal.l1 is not None or not 0 < size <= MOST or gone(way, weights) < FELT:
        return None
    return synthetic


def gone(way: Way, weights: Sequence[Weight]) -> float:
    """Return the share of all weights that become zero; those with NaN stay."""
    if way.goal.sparsity is not None:
        return way.goal.sparsity
    count = 0
    for weight in weights:
        with contextlib.suppress(ValueError):  # NaN: it is left alone, and the report says so
            count += way.goal.count(weight.read(0, weight.size))
        weight.forget()
    return count / max(1, sum(w.size for w in weights))


def recovered(context: Context, synthetic: Calibration, weights: Sequence[Weight], prune: Prune) -> Found:
    """Return the values of every weight: recovered where that is better than zeroed on inputs of other kinds."""
    try:
        with synthetic.study(context.model, weights) as study:
            plain: Found = {id(w): prune(w, None) for w in weights}
            limit = _score(study, weights, plain)
            context.step.expect(sum(w.size for w in weights), "calibrating on synthetic inputs")
            found: Found = {}
            for layer in study.walk():
                found[id(layer.weight)] = new = prune(layer.weight, _mixed(layer.weight, layer.statistics))
                if isinstance(new, Sparse):
                    layer.replace(new.values)
            score = _score(study, weights, found)
    except InputError as e:
        context.step.note(f"not recovered, for the model does not run on synthetic inputs: {e}")
        return {}
    if not score.beats(limit):
        context.step.note(f"not recovered: on synthetic inputs of another kind that has {score.sqnr:.1f} dB, zeroed {limit.sqnr:.1f}")
        return plain
    context.step.note(f"recovered without data: {score.sqnr:.1f} dB on synthetic inputs of another kind, zeroed {limit.sqnr:.1f}")
    return found


def _mixed(weight: Weight, seen: Statistics | None) -> Statistics | None:
    view = view_of(weight)
    if seen is None or seen.moments is None or view is None:
        return None
    return seen._replace(moments=prior.moved_with(seen.moments, weight, view))


def _score(study: Study, weights: Sequence[Weight], found: Found) -> Score:
    for number, weight in enumerate(weights):
        new = found.get(id(weight))
        if isinstance(new, Sparse):
            study.put(number, new.values)
    return study.score()
