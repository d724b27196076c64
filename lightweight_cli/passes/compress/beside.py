"""What is no weight: biases, norms, tables go to float16, a relative error of 2^-11."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings import choose, float16
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.limits import DEFAULT
from lightweight_cli.passes.half.rounding import TYPES, Rounded, unfit
from lightweight_cli.search.overridable import key_of
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.remainder import remainder
from lightweight_cli.weights.weight import Key, Weight

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.emission import Emission
    from lightweight_cli.weights.rewrite import Rewriter

TYPE = "float16"
LEAST = 64
"""Bytes from which a constant is tried: halves of fewer take more, with what widens them."""
ROOM = "there is room for it as it is"


def gains(context: Context, known: Collection[Key]) -> dict[str, int]:
    """Return the bytes that `narrow` saves of each tensor, by what tells it apart in a recipe; the largest first."""
    rewriter = _others(context, known)
    found = {}
    for weight in rewriter.weights:
        if not weight.locked and not unfit(weight, TYPE):
            found[key_of(weight)] = max((weight.stored_bytes() - e.nbytes for e in stored(rewriter, weight)), default=0)
        weight.forget()
    return {name: gain for name, gain in sorted(found.items(), key=lambda f: (-f[1], f[0])) if gain > 0}


def spared(gains: Mapping[str, int], room: float) -> list[str]:
    """Return the tensors that there is room for as they are."""
    kept = []
    for name, gain in gains.items():
        if gain <= room:
            room -= gain
            kept.append(name)
    return kept


def narrow(context: Context, known: Collection[Key], names: Collection[str]) -> None:
    """Store these of the other floats, of which the keys are not `known`, as float16."""
    rewriter = _others(context, known)
    rewriter.weights = [w for w in rewriter.weights if key_of(w) in names]
    rewriter.run(lambda weight: Plan(weight, stored(rewriter, weight), changed=0), rest=False)


def leave(context: Context, known: Collection[Key], gains: Collection[str]) -> None:
    """Tell which other floats stay, those for which float16 would have gained because there is room."""
    for weight in _others(context, known).weights:
        if not weight.encoded:
            reason = weight.locked or unfit(weight, TYPE) or (ROOM if key_of(weight) in gains else "would not be smaller as float16")
            context.step.leave(weight.name, weight.op, weight.shape, weight.stored_bytes(), reason)


def remaining(context: Context) -> list[tuple[str, str, tuple[int, ...], int, str]]:
    """Return what is neither a weight nor float, as it is told to be left alone."""
    rewriter = context.rewriter(every=True)
    return list(remainder(rewriter.model, rewriter.scopes, rewriter.weights, True))


def _others(context: Context, known: Collection[Key]) -> Rewriter:
    rewriter = context.rewriter(every=True, least=LEAST)
    rewriter.weights = [w for w in rewriter.weights if w.key not in known]
    return rewriter


def stored(rewriter: Rewriter, weight: Weight) -> list[Emission]:
    """Return the way to store a weight as float16, where there is one."""
    rounded = Rounded(weight, TYPES[TYPE])
    nonzero = sum(int(np.count_nonzero(part.view(np.uint32))) for part in rounded)
    new: Callable[[str], Emission] = lambda label: rewriter.emission(weight, label)  # noqa: E731
    floats = Floats(weight.shape, weight.dtype, rounded, weight.size - nonzero)
    return list(choose.emissions(new, floats, weight.name, DEFAULT, [float16]))
