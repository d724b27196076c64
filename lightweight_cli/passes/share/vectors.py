"""Product quantization: neighbouring weights of a channel are one vector of a shared codebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.gathered import gathered
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.numerics import product
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.weights import unfit
from lightweight_cli.weights.groups import channels_of
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context

CHUNK = 1 << 20
"""Weights encoded at a time."""


def share_vectors(context: Context, bits: int, vector: int, stages: int) -> int:
    """Share the vectors of every weight that gets smaller by it. Returns: weights stored anew."""
    rewriter = context.rewriter()

    def plan(weight: Weight) -> Plan:
        reason = unfit(weight, Form(bits, grid="codebook"))
        if reason:
            return Plan(weight, reason=reason)
        try:
            found = vector_shared(context.model, weight, 1 << bits, vector, stages)
        except ValueError as e:
            return Plan(weight, reason=str(e))
        options = choose.for_vectors(lambda label: rewriter.emission(weight, label), found, weight.name, context.limits)
        return Plan(weight, options, reason=choose.NO_LAYOUT)

    return rewriter.run(plan)


def vector_shared(model: Model, weight: Weight, levels: int, width: int, stages: int) -> Vectors:
    """Return a weight as vectors of `width`.

    Raises: ValueError if a weight is not finite, or a sum of stages might not be in the weight's type.
    """
    groups = channels_of(weight.shape, weight.axes)
    if groups[1] % width:  # vectors then go over the borders of channels, and the last is padded
        groups = (1, weight.size, 1)
    count = -(-weight.size // width)
    codebooks = product.train(vectors_of(weight, width, groups[2]), count, levels, stages)
    with np.errstate(over="ignore"):
        if not np.isfinite(np.abs(codebooks).max(axis=(1, 2)).sum(dtype=np.float32).astype(weight.numpy)):
            raise ValueError(f"weights are too near the end of {weight.numpy}")
    codes = np.concatenate([np.empty((stages, 0), np.uint8), *(
        product.encode(part, codebooks) for part in vectors_of(weight, width, groups[2]))], axis=1)
    blobs = [gathered(model, count, [stage]) for stage in codes]
    return Vectors(weight.shape, weight.dtype, groups, blobs, list(codebooks))


def vectors_of(weight: Weight, width: int, p: int) -> Iterator[np.ndarray]:
    """Yield the vectors [n, width] of a weight seen as [A, R / width, width, P], in the order [A, R / width, P]."""
    unit = width * p
    for part in rechunked(weight.chunks(), max(1, CHUNK // unit) * unit):
        if part.size % unit:
            part = np.concatenate([part, np.zeros(-part.size % unit, part.dtype)])
        with np.errstate(over="ignore"):  # infinities are refused where vectors are looked at
            yield np.ascontiguousarray(part.reshape(-1, width, p).transpose(0, 2, 1), np.float32).reshape(-1, width)


def rechunked(parts: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Yield the same elements `count` at a time, the last chunk with what is left."""
    rest = np.empty(0, np.float32)
    for part in parts:
        rest = np.concatenate([rest, part]) if rest.size else part
        cut = rest.size - rest.size % count
        for start in range(0, cut, count):
            yield rest[start : start + count]
        rest = rest[cut:]
    if rest.size:
        yield rest
