"""Rounding to a half-width float, where the type's range and precision suffice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from onnx import TensorProto

from lightweight_cli.encodings import choose
from lightweight_cli.numerics import fp
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.emission import Emission

MOST_SUBNORMAL = 0.5
"""Share of a tensor's non-zero values that may be below the type's normal numbers, where the relative error grows."""


class Half(NamedTuple):
    """A half-width float type: its range, and rounding to it and back."""

    largest: float
    smallest_normal: float
    opset: int
    rounded: Callable[[np.ndarray], np.ndarray]


TYPES = {
    "float16": Half(65504.0, 2.0**-14, 7, lambda x: fp.to_half(x).astype(np.float32)),
    "bfloat16": Half((2 - 2.0**-7) * 2.0**127, 2.0**-126, 13, lambda x: fp.from_bfloat16(fp.to_bfloat16(x))),
}


class Rounded:
    """A weight's values, each the nearest of a type; can be iterated again."""

    def __init__(self, weight: Weight, half: Half) -> None:
        self.weight, self.half = weight, half

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.half.rounded(part) for part in self.weight.chunks())


def store_halves(context: Context, type_name: str) -> int:
    """Store every float32 tensor as halves that gets smaller by it. Returns: tensors halved."""
    half = TYPES[type_name]
    rewriter = context.rewriter(every=True)

    def plan(weight: Weight) -> Plan:
        reason = unfit(weight, type_name)
        if reason:
            return Plan(weight, reason=reason)

        def new(label: str) -> Emission:
            return rewriter.emission(weight, label)

        rounded = Rounded(weight, half)
        nonzero = sum(int(np.count_nonzero(part.view(np.uint32))) for part in rounded)
        return Plan(weight, choose.for_floats(new, weight.name, weight.shape, weight.dtype, nonzero, rounded, 4, context.limits))

    return rewriter.run(plan)


def unfit(weight: Weight, type_name: str) -> str:
    """Return why a tensor can't be stored in the type, or nothing."""
    half = TYPES[type_name]
    if weight.size == 0:
        return "is empty"
    if weight.dtype != TensorProto.FLOAT:
        return "is not float32"
    if weight.scope.opset < half.opset:
        return f"opset {weight.scope.opset}: widening {type_name} needs {half.opset}"
    largest, small, nonzero = 0.0, 0, 0
    for part in weight.chunks():
        magnitude = np.abs(part)
        if not np.isfinite(magnitude).all():
            return "weights are not finite"
        largest = max(largest, float(magnitude.max()))
        below = int(np.count_nonzero(magnitude < half.smallest_normal))
        zeros = part.size - int(np.count_nonzero(part))
        small, nonzero = small + below - zeros, nonzero + part.size - zeros
    if largest > half.largest:
        return f"has values up to {largest:.3g}: {type_name} ends at {half.largest:g}"
    if small > MOST_SUBNORMAL * nonzero:
        return f"{small:,} of {nonzero:,} values are below {type_name}'s normal numbers, {half.smallest_normal:.2g}"
    return ""
