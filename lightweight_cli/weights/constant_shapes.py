"""Shape and type of what plain nodes make of constants, before a byte is computed.

A weight is found by its shape alone, and a node that would fill the memory is refused before it runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from onnx import helper


class NotComputed(Exception):
    """Attributes with which an operator is not computed; says which."""


class Known(NamedTuple):
    """A constant of which shape and type are known; `value` computes it."""

    shape: tuple[int, ...]
    dtype: np.dtype
    value: Callable[[], np.ndarray]


Shape = tuple[int, ...]
Result = tuple[Shape, np.dtype]


def dims_of(known: Known) -> list[int]:
    """Return the numbers of a small int tensor. Raises: NotComputed."""
    if len(known.shape) > 1 or math.prod(known.shape) > 64:
        raise NotComputed("with a shape that is no short list")
    return [int(d) for d in known.value().reshape(-1)]


WIDE = {"float32", "float16", "float64", "bfloat16"}
"""Floats between which, and to which, every cast is computed."""
NARROW = {"int4", "uint4", "int2", "uint2"}
UNKNOWN = {"float4_e2m1fn", "float8_e8m0fnu"}
"""Types that onnxruntime's CPU casts and scales differently, or not at all."""


def is_float8(dtype: np.dtype) -> bool:
    """Whether this is one of the four float8 types that onnxruntime computes with."""
    return dtype.name.startswith("float8_") and dtype.name not in UNKNOWN


def _cast(a: dict[str, Any], x: Known) -> Result:
    dtype = helper.tensor_dtype_to_np_dtype(a["to"])
    if dtype.kind == "O":
        raise NotComputed("to text")
    was, to = x.dtype.name, dtype.name
    if was != to and (
            {was, to} & UNKNOWN or (is_float8(x.dtype) and to not in WIDE and not is_float8(dtype))
            or (to in NARROW and (was in WIDE or was in NARROW)) or (is_float8(dtype) and not a.get("saturate", 1))):
        raise NotComputed(f"from {was} to {to}" + (" without saturation" if is_float8(dtype) else ""))
    return x.shape, dtype


def _reshape(a: dict[str, Any], x: Known, shape: Known) -> Result:
    dims = [x.shape[i] if d == 0 and not a.get("allowzero") else d for i, d in enumerate(dims_of(shape))]
    if -1 in dims:
        rest = -math.prod(dims)
        dims[dims.index(-1)] = math.prod(x.shape) // rest if rest else 0
    if math.prod(dims) != math.prod(x.shape) or min(dims, default=0) < 0:
        raise NotComputed(f"from {math.prod(x.shape)} elements to {dims}")
    return tuple(dims), x.dtype


def slices(a: dict[str, Any], rank: int, given: list[list[int] | None]) -> tuple[slice, ...]:
    """Return what Slice takes of each axis."""
    starts, ends, axes, steps = (a["starts"], a["ends"], a.get("axes"), None) if "starts" in a else [*given, None, None][:4]
    cut = [slice(None)] * rank
    for i, (start, end) in enumerate(zip(starts or (), ends or (), strict=True)):
        step = steps[i] if steps else 1
        if step < 1:
            raise NotComputed("with a step below 1")
        cut[axes[i] if axes else i] = slice(start, end, step)
    return tuple(cut)


def _slice(a: dict[str, Any], x: Known, *given: Known | None) -> Result:
    cut = slices(a, len(x.shape), [None if g is None else dims_of(g) for g in given])
    return tuple(len(range(d)[c]) for d, c in zip(x.shape, cut, strict=True)), x.dtype


def _split(a: dict[str, Any], x: Known, sizes: Known | None = None) -> Result:
    whole = a.get("split") if sizes is None else [int(d) for d in sizes.value().reshape(-1)]
    if a.get("axis") or len(x.shape) != 1 or whole is None or min(whole) < 0 or sum(whole) != x.shape[0] or len(whole) != a["parts"]:
        raise NotComputed("into parts that are not its own")
    return (whole[a["part"]],), x.dtype


def _gather(a: dict[str, Any], x: Known, i: Known) -> Result:
    axis = range(len(x.shape))[a.get("axis", 0)]
    return x.shape[:axis] + i.shape + x.shape[axis + 1 :], x.dtype


def _cumsum(a: dict[str, Any], x: Known, axis: Known) -> Result:
    if a.get("exclusive") or a.get("reverse"):
        raise NotComputed("exclusive or reverse")
    return x.shape, x.dtype


def _scatter(a: dict[str, Any], x: Known, i: Known, v: Known) -> Result:
    if len(x.shape) != 1 or a.get("reduction", b"none") != b"none":
        raise NotComputed("over several axes")
    return x.shape, x.dtype


def _constant_of_shape(a: dict[str, Any], shape: Known) -> Result:
    kind = helper.tensor_dtype_to_np_dtype(a["value"].data_type) if "value" in a else np.dtype(np.float32)
    return tuple(dims_of(shape)), kind


def _transpose(a: dict[str, Any], x: Known) -> Result:
    order = a.get("perm") or range(len(x.shape))[::-1]
    return tuple(x.shape[i] for i in order), x.dtype


def _squeeze(a: dict[str, Any], x: Known, axes: Known | None = None) -> Result:
    which = a.get("axes") if axes is None else dims_of(axes)
    gone = {range(len(x.shape))[i] for i in which} if which is not None else {i for i, d in enumerate(x.shape) if d == 1}
    return tuple(d for i, d in enumerate(x.shape) if i not in gone), x.dtype


def _unsqueeze(a: dict[str, Any], x: Known, axes: Known | None = None) -> Result:
    which = a["axes"] if axes is None else dims_of(axes)
    rank = len(x.shape) + len(which)
    new, old = {range(rank)[i] for i in which}, iter(x.shape)
    return tuple(1 if i in new else next(old) for i in range(rank)), x.dtype


def _dequantize(a: dict[str, Any], q: Known, scale: Known, zero: Known | None = None) -> Result:
    axis, block = a.get("axis", 1), a.get("block_size", 0)
    if math.prod(scale.shape) > 1 and not -len(q.shape) <= axis < len(q.shape):
        raise NotComputed(f"along axis {axis} of {len(q.shape)}")
    if block and scale.shape[axis] != -(-q.shape[axis] // block):
        raise NotComputed(f"with blocks of {block} that do not fit its scale")
    result = helper.tensor_dtype_to_np_dtype(a["output_dtype"]) if a.get("output_dtype") else scale.dtype
    if {q.dtype.name, scale.dtype.name, result.name} & {"bfloat16", *UNKNOWN} or result.name not in WIDE:
        raise NotComputed(f"from {q.dtype.name} by {scale.dtype.name} to {result.name}")
    if is_float8(q.dtype) and zero is not None and zero.value().view(np.uint8).any():
        raise NotComputed("with a zero point of floats")
    return q.shape, result


def _concat(a: dict[str, Any], *xs: Known) -> Result:
    axis = range(len(xs[0].shape))[a["axis"]]
    return xs[0].shape[:axis] + (sum(x.shape[axis] for x in xs),) + xs[0].shape[axis + 1 :], xs[0].dtype


def _broadcast(a: dict[str, Any], *xs: Known) -> Result:
    return np.broadcast_shapes(*(x.shape for x in xs)), xs[-1].dtype


def _whole(a: dict[str, Any], *xs: Known) -> Result:
    """Integers only: what computes decoding tables, not what computes weights."""
    if any(x.dtype.name not in ("int32", "int64") for x in xs) or a.get("fmod"):
        raise NotComputed(f"of {xs[0].dtype.name}")
    return _broadcast(a, *xs)


def _range(a: dict[str, Any], start: Known, limit: Known, delta: Known) -> Result:
    _whole(a, start, limit, delta)
    (first,), (end,), (step,) = dims_of(start), dims_of(limit), dims_of(delta)
    return (len(range(first, end, step)),), start.dtype


def _same(a: dict[str, Any], x: Known) -> Result:
    return x.shape, x.dtype


AFTER: dict[str, Callable[..., Result]] = {
    "Cast": _cast, "Reshape": _reshape, "Slice": _slice, "Split": _split, "Gather": _gather, "CumSum": _cumsum, "ScatterElements": _scatter,
    "ConstantOfShape": _constant_of_shape, "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze,
    "DequantizeLinear": _dequantize, "Identity": _same, "Mul": _broadcast, "Add": _broadcast, "Sub": _broadcast,
    "Div": _whole, "Mod": _whole, "Neg": _whole, "Range": _range,
    "Concat": _concat, "Where": _broadcast,
}
