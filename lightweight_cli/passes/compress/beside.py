"""What is no weight: biases, norms, tables of 1 KB and more go to float16, a relative error of 2^-11."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings import choose, float16
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.limits import DEFAULT
from lightweight_cli.passes.half.rounding import TYPES, Rounded, unfit
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.remainder import remainder
from lightweight_cli.weights.weight import Key, Weight

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.emission import Emission
    from lightweight_cli.weights.rewrite import Rewriter

TYPE = "float16"


def saved(context: Context, known: Collection[Key]) -> int:
    """Return the bytes that `narrow` will save."""
    rewriter = _others(context, known)
    gains = [0]
    for weight in rewriter.weights:
        if not weight.locked and not unfit(weight, TYPE):
            gains += [weight.stored_bytes() - e.nbytes for e in stored(rewriter, weight)]
        weight.forget()
    return sum(gain for gain in gains if gain > 0)


def narrow(context: Context, known: Collection[Key]) -> None:
    """Store all other floats, of which the keys are not `known`, as float16 where that is smaller."""
    rewriter = _others(context, known)

    def plan(weight: Weight) -> Plan:
        reason = unfit(weight, TYPE)
        return Plan(weight, reason=reason) if reason else Plan(weight, stored(rewriter, weight), changed=0)

    rewriter.run(plan, rest=False)


def remaining(context: Context) -> list[tuple[str, str, tuple[int, ...], int, str]]:
    """Return what is neither a weight nor float, as it is told to be left alone."""
    rewriter = context.rewriter(every=True)
    return list(remainder(rewriter.model, rewriter.scopes, rewriter.weights, True))


def _others(context: Context, known: Collection[Key]) -> Rewriter:
    rewriter = context.rewriter(every=True)
    rewriter.weights = [w for w in rewriter.weights if w.key not in known]
    return rewriter


def stored(rewriter: Rewriter, weight: Weight) -> list[Emission]:
    """Return the way to store a weight as float16, where there is one."""
    rounded = Rounded(weight, TYPES[TYPE])
    nonzero = sum(int(np.count_nonzero(part.view(np.uint32))) for part in rounded)
    new: Callable[[str], Emission] = lambda label: rewriter.emission(weight, label)  # noqa: E731
    floats = Floats(weight.shape, weight.dtype, rounded, weight.size - nonzero)
    return list(choose.emissions(new, floats, weight.name, DEFAULT, [float16]))
