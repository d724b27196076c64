"""The codes of a weight: what lwc or another tool stored, or at most 256 values, found again.

    value = (number - zero_point) * scale     Mul(Sub(number, zero_point), scale), or DequantizeLinear
    value = number                            everything else

A Reshape after it only changes the view, one Cast only the type. The numbers take at most 256 distinct values, which are
whole and fit a byte, or a codebook. Codebooks keep every bit: -0.0, infinities and NaN are values like others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from lightweight_cli.encodings.coded import Coded, Groups
from lightweight_cli.encodings.gathered import gathered
from lightweight_cli.numerics import fp, lookup, stats
from lightweight_cli.weights import constant_values, constants
from lightweight_cli.weights.weight import CHUNK, Weight

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model


def coded(weight: Weight) -> Coded | None:
    """Return the weight as codes, with +0 among the numbers where 256 suffice, or None where it has too many values."""
    found = None
    node = arithmetic(weight)
    if node is not None and node.op_type == "Mul":
        found = multiplied(weight, node)
    elif node is not None and node.op_type == "DequantizeLinear":
        found = dequantized(weight, node)
    return found if found is not None else listed(weight.model, weight.shape, weight.dtype, stats_of(weight), weight.chunks())


def arithmetic(weight: Weight) -> NodeProto | None:
    """Return the node that computes the values, behind Reshapes and one Cast."""
    home = weight.scope
    node, casts = home.producers.get(weight.name), 0
    while node is not None and node.op_type in ("Reshape", "Cast") and node.domain in ("", "ai.onnx"):
        casts += node.op_type == "Cast"
        node = home.producers.get(node.input[0])
    return node if casts < 2 and node is not None and node.domain in ("", "ai.onnx") else None


def multiplied(weight: Weight, node: NodeProto) -> Coded | None:
    """Return the codes of Mul(numbers, scale) or Mul(Sub(numbers, zero point), scale), or None."""
    model, home = weight.model, weight.scope
    shapes = [constant_values.shape_of(model, home, i) for i in node.input]
    if any(dtype != np.float32 for _, dtype in shapes):
        return None
    sizes = [int(np.prod(shape)) for shape, _ in shapes]
    which = 1 if sizes[1] > sizes[0] else 0
    numbers, factor = node.input[which], constant_values.evaluate(model, home, node.input[1 - which])
    offset = None
    inner = home.producers.get(numbers)
    if inner is not None and inner.op_type == "Sub" and inner.domain in ("", "ai.onnx"):
        numbers, offset = inner.input[0], constant_values.evaluate(model, home, inner.input[1])
    shape, dtype = constant_values.shape_of(model, home, numbers)
    groups, spread = grouping(shape, [p.shape for p in (factor, offset) if p is not None])
    if groups is None or dtype != np.float32 or int(np.prod(shape)) != weight.size:
        return None
    flat = constant_values.evaluate(model, home, numbers).reshape(-1)
    found = listed(model, (flat.size,), weight.dtype, stats.statistics([flat]), [flat])
    if found is None or (found.codebook is not None and not np.isfinite(found.codebook).all()):
        return None
    scale = np.ascontiguousarray(np.broadcast_to(factor, spread)).reshape(groups[0], 1, groups[2])
    zero_point = None
    if offset is not None:
        zero_point = narrow(np.ascontiguousarray(np.broadcast_to(offset, spread)).reshape(scale.shape))
    return replace(found, shape=weight.shape, groups=groups, zero_point=zero_point,
                   scale=scale.astype(np.float16) if fp.fits_half(scale) else scale)


def dequantized(weight: Weight, node: NodeProto) -> Coded | None:
    """Return the codes of a DequantizeLinear of integers with a float32 scale and result, or None."""
    a = constants.attributes(node)
    if a.get("output_dtype", TensorProto.FLOAT) not in (TensorProto.UNDEFINED, TensorProto.FLOAT):
        return None
    integers, factor, *more = (constant_values.evaluate(weight.model, weight.scope, i) for i in node.input if i)
    if factor.dtype != np.float32 or integers.dtype.itemsize > 1 or "int" not in integers.dtype.name or integers.size != weight.size:
        return None
    kind = np.dtype(np.uint8 if str(integers.dtype).startswith("u") else np.int8)
    axis, block, shape = a.get("axis", 1), a.get("block_size", 0), list(integers.shape)
    if factor.size == 1:
        wide = [1] * len(shape)
    elif block:
        axis = range(len(shape))[axis]
        if shape[axis] % block:
            return None
        shape[axis : axis + 1] = [shape[axis] // block, block]
        wide = [*factor.shape[: axis + 1], 1, *factor.shape[axis + 1 :]]
    else:
        wide = [1] * len(shape)
        wide[axis] = factor.size
    groups, spread = grouping(tuple(shape), [tuple(wide)])
    if groups is None:
        return None

    def placed(parameter: np.ndarray) -> np.ndarray:
        whole = np.broadcast_to(parameter.reshape(wide), spread)
        return np.ascontiguousarray(whole).reshape(groups[0], 1, groups[2])

    flat = integers.reshape(-1).astype(kind)
    low, high = min(0, int(flat.min(initial=0))), int(flat.max(initial=0))
    zero_point = placed(more[0].astype(kind)) if more and np.any(more[0].astype(kind)) else None
    codes = gathered(weight.model, flat.size, [flat if low < 0 else flat.astype(np.uint8)])
    return Coded(weight.shape, weight.dtype, groups, codes, low, high - low + 1, flat.size - int(np.count_nonzero(flat)), 0,
                 scale=placed(factor), zero_point=zero_point)


def stats_of(weight: Weight) -> stats.Statistics | None:
    """Return what values the weight takes, None if its first chunk already has too many."""
    first = next(iter(weight.chunks(min(CHUNK, 1 << 14))), None)
    if first is not None and stats.statistics([first]).values is None:
        return None
    return stats.statistics(weight.chunks())


def listed(
    model: Model, shape: tuple[int, ...], dtype: int, facts: stats.Statistics | None, parts: Iterable[np.ndarray]
) -> Coded | None:
    """Return values, of which `facts` are known, as codes of at most 256 numbers, or None."""
    if facts is None or facts.values is None or not facts.size:
        return None
    values, size = facts.values, facts.size
    whole = as_integers(values)
    if whole is not None:
        kind, low, high = whole
        codes = gathered(model, size, (part.reshape(-1).astype(kind) for part in parts))
        return Coded(shape, dtype, (1, size, 1), codes, low, high - low + 1, facts.zeros)
    patterns = values.view(f"u{values.itemsize}")
    if patterns.all() and values.size < stats.MOST_VALUES:  # make room for +0, after the negative numbers and -0.0
        at = int(np.count_nonzero(np.signbit(values)))
        values = np.concatenate([values[:at], np.zeros(1, values.dtype), values[at:]])
        patterns = values.view(patterns.dtype)
    zero = int(np.flatnonzero(patterns == 0)[0]) if not patterns.all() else None
    codes = gathered(model, size, (lookup.lookup(part, values) for part in parts))
    return Coded(shape, dtype, (1, size, 1), codes, 0, values.size, facts.zeros, zero, codebook=values)


def as_integers(values: np.ndarray) -> tuple[np.dtype, int, int] | None:
    """Return type, lowest and highest of float32 values that are whole numbers of one byte, 0 among them, or None."""
    if values.dtype != np.float32 or not np.isfinite(values).all() or (np.rint(values) != values).any():
        return None
    if (np.signbit(values) & (values == 0)).any():
        return None
    low, high = min(0, int(values.min())), max(0, int(values.max()))
    kind = np.dtype(np.int8 if low < 0 else np.uint8)
    fits = np.iinfo(kind).min <= low and high <= np.iinfo(kind).max
    return (kind, low, high) if fits else None


def narrow(zero_point: np.ndarray) -> np.ndarray:
    """Return float32 zero points as bytes where they are whole and fit."""
    kind = as_integers(zero_point.reshape(-1))
    return zero_point.astype(kind[0]) if kind is not None else zero_point


def grouping(shape: tuple[int, ...], parameters: list[tuple[int, ...]]) -> tuple[Groups, list[int]] | tuple[None, list[int]]:
    """Return [A, R, P] for parameters that broadcast against `shape`, and the shape to which they are spread for it.

    R is the last run of axes along which all parameters are constant. None where they would widen the shape.
    """
    rank = len(shape)
    if any(len(p) > rank for p in parameters):
        return None, []
    wide = [(1,) * (rank - len(p)) + tuple(p) for p in parameters]
    if any(w[i] not in (1, d) for w in wide for i, d in enumerate(shape)):
        return None, []
    constant = [all(w[i] == 1 for w in wide) for i in range(rank)]
    last = rank
    while last and not constant[last - 1]:
        last -= 1
    first = last
    while first and constant[first - 1]:
        first -= 1
    spread = [*shape[:first], *[1] * (last - first), *shape[last:]]
    count = [int(np.prod(part, dtype=np.int64)) for part in (shape[:first], shape[first:last], shape[last:])]
    return (count[0], count[1], count[2]), spread
