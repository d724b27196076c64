"""Which weights a step prunes and in what way, and all of them handed to the rewriter."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings import choose, mask, recognise
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.passes.prune.ground import Ground
from lightweight_cli.passes.prune.layer import Sparse, Way
from lightweight_cli.passes.prune.layers import Layers
from lightweight_cli.passes.prune.magnitude import RAISE_SHARE, prune_magnitude, zeroed_codes
from lightweight_cli.runtime.opset import raise_opset, version
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.rewrite import Rewriter
from lightweight_cli.weights.smallest import smallest
from lightweight_cli.weights.told import Told
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


def prune_weights(context: Context, way: Way, keep: float) -> int:
    """Prune every weight but the smallest that together are `keep` of all. Returns: weights newly set to zero."""
    goal, rewriter = way.goal, context.rewriter()
    ground = Ground(context, way, [w for w in rewriter.weights if not w.locked])
    if streams(way, keep) and ground.calibration is ground.synthetic is None:
        return prune_magnitude(context, goal.threshold, goal.relative, goal.sparsity, way.scope)
    if pays(rewriter, ground) and raise_opset(context.model, mask.MINIMUM_OPSET, context.step.note):
        rewriter = context.rewriter()
    small = smallest(rewriter.weights, keep)
    reasons = {id(w): "is empty" if not w.size else f"is among the smallest (--keep {keep:g})" if id(w) in small else ""
               for w in rewriter.weights}
    found = Layers(context, way, ground).sparse([w for w in rewriter.weights if not w.locked and not reasons[id(w)]])

    def plan(weight: Weight) -> Plan:
        new = reasons[id(weight)] or found[id(weight)]
        return Plan(weight, reason=new) if isinstance(new, str) else stored(rewriter, weight, new, context.limits)

    rewriter.run(plan)
    for method, count in sorted(Counter(w.method for w in context.step.weights if w.method).items()):
        context.step.note(f"{method}: {count:,}")
    return context.step.changed


def streams(way: Way, keep: float) -> bool:
    """Whether a limit on |w| is all there is to it: then weights are never in memory whole, unless they are recovered."""
    plain = way.criterion == "magnitude" and not way.pattern.kind and not keep and way.rounds == 1
    return plain and way.scope in ("tensor", "global") and way.goal.keep_top is way.goal.l1 is None


def pays(rewriter: Rewriter, ground: Ground) -> bool:
    """Whether bitmasks of so many zeros, which an older model's opset has no operators for, save enough to raise it."""
    if version(rewriter.model.proto) >= mask.MINIMUM_OPSET:
        return False
    saved = sum(max(0.0, (ground.gone * w.numpy.itemsize - 1 / 8) * w.size) for w in ground.weights)
    return saved > RAISE_SHARE * rewriter.model.total_size


def stored(rewriter: Rewriter, weight: Weight, new: Sparse, limits: Limits) -> Plan:
    """Plan the ways to store a weight's new values."""
    values = np.ascontiguousarray(new.values).reshape(-1)
    before = weight.read(0, weight.size)
    zeroed = int(np.count_nonzero(before) - np.count_nonzero(values))
    same = np.array_equal(values, before)
    told = Told(method=new.method, error=new.error)

    def new_emission(label: str):  # type: ignore[no-untyped-def]
        return rewriter.emission(weight, label)

    nonzero = int(np.count_nonzero(values.view(f"u{values.itemsize}")))
    options = choose.for_floats(new_emission, weight.name, weight.shape, weight.dtype, nonzero, [values], values.itemsize, limits)
    coded = new.coded if new.coded is not None else zeros_in(weight, values, before)
    if coded is not None:
        options += choose.for_codes(new_emission, coded, weight.name, limits)
    if same:
        return Plan(weight, options if not weight.encoded else (), 0, reason="" if not weight.encoded else "has no weight to zero")
    return Plan(weight, options, zeroed, anew=True, told=told, shift=new.shift)


def zeros_in(weight: Weight, values: np.ndarray, before: np.ndarray) -> Coded | None:
    """Return the codes of a weight, with zeros, where nothing else changed; None: it has none."""
    coded = recognise.coded(weight) if weight.encoded else None
    same = coded is not None and np.array_equal(values[values != 0], before[values != 0])
    return zeroed_codes(coded, [values]) if coded is not None and same else None
