"""Magnitude pruning: which weights go, and the smallest way to store what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from onnx import helper

from lightweight_cli.encodings import choose, mask, recognise
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.model.blobs import Blob
from lightweight_cli.numerics import magnitude
from lightweight_cli.runtime.opset import raise_opset, version
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.rewrite import Rewriter
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context

RAISE_SHARE = 0.1
"""Share of the file that bitmasks must save for an older model's opset to be raised."""


class Chunks:
    """A weight's values in flat order, those below a limit zeroed; can be iterated again."""

    def __init__(self, weights: list[Weight], limit: float | np.generic = 0.0, ties: int = 0) -> None:
        self.weights, self.limit, self.ties = weights, limit, ties

    def __iter__(self) -> Iterator[np.ndarray]:
        ties = self.ties
        for weight in self.weights:
            for part in weight.chunks():
                if self.limit or ties:
                    part, _, ties = magnitude.apply(part, self.limit, ties)
                yield part
            if len(self.weights) > 1:
                weight.forget()


def prune_magnitude(context: Context, threshold: float | None, relative: float | None, sparsity: float | None, scope: str) -> int:
    """Zero the smallest weights, in the memory of one chunk. Returns: weights newly set to zero."""
    model, rewriter = context.model, context.rewriter()
    limits = global_limits([w for w in rewriter.weights if not w.locked], sparsity) if scope == "global" and sparsity else {}

    def limit_of(weight: Weight) -> tuple[float | np.generic, int]:
        if threshold is not None:
            return threshold, 0
        if relative is not None:
            return relative * magnitude.largest(Chunks([weight])), 0
        if scope == "global":
            if id(weight) not in limits:
                raise ValueError("it has NaN")
            return limits[id(weight)]
        count = round((sparsity or 0) * weight.size)
        return magnitude.threshold(Chunks([weight]), count, helper.tensor_dtype_to_np_dtype(weight.dtype))

    def plan(weight: Weight) -> Plan:
        if weight.size == 0:
            return Plan(weight, reason="is empty")
        try:
            limit, ties = limit_of(weight)
        except ValueError as e:
            return Plan(weight, reason=f"can't be ordered by magnitude: {e}")
        return pruned(rewriter, weight, limit, ties, context.limits)

    old = version(model.proto) < mask.MINIMUM_OPSET
    if old and saved(rewriter, limit_of) > RAISE_SHARE * model.total_size and raise_opset(model, mask.MINIMUM_OPSET, context.step.note):
        return prune_magnitude(context, threshold, relative, sparsity, scope)
    rewriter.run(plan)
    return context.step.changed


def saved(rewriter: Rewriter, limit_of: Callable[[Weight], tuple[float | np.generic, int]]) -> int:
    """Return the bytes that bitmasks of the zeros to come would save."""
    total = 0
    for weight in rewriter.weights:
        if weight.size and not weight.locked:
            try:
                chunks = Chunks([weight], *limit_of(weight))
            except ValueError:
                continue
            zeros = sum(part.size - int(np.count_nonzero(part)) for part in chunks)
            total += max(0, zeros * weight.numpy.itemsize - weight.size // 8)
    return total


def pruned(rewriter: Rewriter, weight: Weight, limit: float | np.generic, ties: int, limits: Limits) -> Plan:
    """Plan a weight's pruning: count first, then the ways to store it."""
    zeroed, nonzero, left = 0, 0, ties
    for part in weight.chunks():
        out, new, left = magnitude.apply(part, limit, left)
        zeroed += new
        nonzero += int(np.count_nonzero(out.view(f"u{out.itemsize}")))
    chunks = Chunks([weight], limit, ties)
    dtype = helper.tensor_dtype_to_np_dtype(weight.dtype)

    def new_emission(label: str):  # type: ignore[no-untyped-def]
        return rewriter.emission(weight, label)

    options = choose.for_floats(new_emission, weight.name, weight.shape, weight.dtype, nonzero, chunks, dtype.itemsize, limits)
    if weight.encoded:
        coded = recognise.coded(weight)
        zeroed_ones = zeroed_codes(coded, chunks) if coded is not None else None
        if zeroed_ones is not None:
            options += choose.for_codes(new_emission, zeroed_ones, weight.name, limits)
    waits = not weight.encoded  # then its options read the weight again, and hold nothing
    if zeroed:
        return Plan(weight, options, zeroed, anew=True, waits=waits)
    plan = Plan(weight, options if not weight.encoded else (), 0, waits=waits)
    plan.reason = "has no weight below the limit"
    return plan


def zeroed_codes(coded: Coded, chunks: Iterable[np.ndarray]) -> Coded | None:
    """Return `coded` with the code of zero wherever `chunks` are zero; None where it has no such code.

    A level of a codebook of which all weights go becomes zero, where none was.
    """
    codes = coded.codes.array(coded.element_dtype)
    gone = np.concatenate([part == 0 for part in chunks])
    zero = coded.of_zero()
    if zero is None:
        if coded.codebook is None or coded.zero_point is not None:
            return None
        uses = np.bincount(codes[~gone].astype(np.int64) - coded.low, minlength=coded.count)
        idle = np.flatnonzero(uses == 0)
        if not idle.size:
            return None
        least = idle[np.argmin(np.abs(coded.codebook[idle]))]
        codebook = coded.codebook.copy()
        codebook[least] = 0
        zero = np.array([least + coded.low], coded.element_dtype)
        coded = replace(coded, codebook=codebook, zero=int(zero[0]))
    codes[gone] = zero if zero.size == 1 else zero[gone]
    return with_codes(coded, codes)


def with_codes(coded: Coded, codes: np.ndarray) -> Coded:
    """Return `coded` with other codes, flat."""
    zeros = 0 if coded.zero is None else int(np.count_nonzero(codes == coded.zero))
    return replace(coded, codes=Blob(codes.size, data=memoryview(codes.view(np.uint8))), zeros=zeros, _histogram=None)


def global_limits(weights: list[Weight], sparsity: float) -> dict[int, tuple[np.generic, int]]:
    """Return limit and ties for each weight, so that the share is exact over all together; weights with NaN have none."""
    weights = [w for w in weights if w.size]
    if not weights:
        return {}
    try:
        limit, ties = over_all(weights, sparsity)
    except ValueError:  # more are asked for than can be ordered
        weights = [w for w in weights if not any(np.isnan(part).any() for part in w.chunks())]
        if not weights:
            return {}
        limit, ties = over_all(weights, sparsity)
    found = {}
    for weight in weights:
        left = ties
        for part in weight.chunks():
            _, _, left = magnitude.apply(part, limit, left)
        weight.forget()
        found[id(weight)] = limit, ties - left
        ties = left
    return found


def over_all_counts(weights: Sequence[Weight], sparsity: float) -> dict[int, int]:
    """Return how many zeros each weight gets, by its id, so that the smallest of all together go; weights with NaN have none."""
    limits, counts = global_limits(list(weights), sparsity), {}
    for weight in weights:
        if id(weight) in limits:
            counts[id(weight)] = sum(part.size - int(np.count_nonzero(part)) for part in Chunks([weight], *limits[id(weight)]))
            weight.forget()
    return counts


def over_all(weights: list[Weight], sparsity: float) -> tuple[np.generic, int]:
    """Return the limit that parts a share of all weights from the rest, and ties. Raises: ValueError where too many are NaN."""
    dtype = max((helper.tensor_dtype_to_np_dtype(w.dtype) for w in weights), key=lambda d: d.itemsize)
    return magnitude.threshold(Chunks(weights), round(sparsity * sum(w.size for w in weights)), dtype)
