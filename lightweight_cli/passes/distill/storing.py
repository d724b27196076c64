"""Trained values where the old ones were, each in the encoding that it had."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.distillation.forms import codes_of, recoded
from lightweight_cli.encodings import choose
from lightweight_cli.encodings.gathered import gathered
from lightweight_cli.model import tensors
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.told import Told

if TYPE_CHECKING:
    from lightweight_cli.encodings.limits import Limits
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.emission import Emission
    from lightweight_cli.weights.rewrite import Rewriter
    from lightweight_cli.weights.weight import Weight

METHOD = "trained"
ROOM = 1.05
"""Times its bytes that an encoded weight may take when it is stored anew with the values that it has."""
UNKNOWN = "is stored in a form that trained values do not fit"


def fits(rewriter: Rewriter, weight: Weight, limits: Limits) -> str:
    """Return why trained values of a weight can't be stored as it is, or nothing."""
    if weight.locked or not weight.encoded:
        return ""
    values = weight.read(0, weight.size).copy()
    options = stored(rewriter, weight, values, limits)
    weight.forget()
    least = min((e.nbytes for e in options), default=math.inf)
    return "" if least <= ROOM * rewriter.limit(weight) else UNKNOWN


def stored(rewriter: Rewriter, weight: Weight, values: np.ndarray, limits: Limits) -> list[Emission]:
    """Return the ways to store trained values of an encoded weight, flat."""
    def new(label: str) -> Emission:
        return rewriter.emission(weight, label)

    coded = codes_of(weight)
    if coded is not None:
        codes, codebook = recoded(coded, values)
        zeros = 0 if coded.zero is None else int(np.count_nonzero(codes == coded.zero))
        anew = replace(coded, codes=gathered(weight.model, codes.size, [codes]), codebook=codebook, zeros=zeros, _histogram=None)
        return choose.for_codes(new, anew, weight.name, limits)
    nonzero = int(np.count_nonzero(values.view(np.uint32)))
    return choose.for_floats(new, weight.name, weight.shape, weight.dtype, nonzero, [values], values.itemsize, limits)


def store(context: Context, rewriter: Rewriter, vectors: Sequence[Weight], values: Mapping[str, np.ndarray]) -> int:
    """Put trained values into the model. Returns: the weights that changed."""
    def plan(weight: Weight) -> Plan:
        if not weight.encoded or weight.name not in values:
            return Plan(weight)
        return Plan(weight, stored(rewriter, weight, values[weight.name].reshape(-1), context.limits), must=True, told=Told(method=METHOD))

    plain = [w for w in rewriter.weights if not w.encoded and not w.locked]
    rewriter.weights = [w for w in rewriter.weights if not w.locked]  # why others stay has been told
    rewriter.run(plan, rest=False)
    for weight in (*plain, *vectors):
        _put(context, weight, np.ascontiguousarray(values[weight.name], np.float32))
    return context.step.changed


def _put(context: Context, weight: Weight, values: np.ndarray) -> None:
    """Give a tensor new values where it is stored."""
    assert weight.tensor is not None
    old = weight.read(0, weight.size).astype(np.float64)
    noise = float(np.square(old - values.reshape(-1)).sum())
    power = float(np.square(old).sum())
    sqnr = math.inf if noise == 0 else 10 * math.log10(power / noise) if power else -math.inf
    nbytes = weight.stored_bytes()
    context.model.attach(weight.tensor, context.model.spool.put(values))
    context.step.done(weight.name, weight.op, weight.shape, tensors.type_name(weight.dtype), nbytes, nbytes, 1, sqnr=sqnr,
                      told=Told(method=METHOD))
