"""What plain nodes make of constants: each computes in numpy bit for bit what onnxruntime computes.

These are the operators that the decoding chains of encodings use, lwc's own and other tools'.

Source: the operator definitions of ai.onnx.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from lightweight_cli.numerics import fp, narrow_floats
from lightweight_cli.weights import constant_shapes


def _cast(a: dict[str, Any], x: np.ndarray) -> np.ndarray:
    dtype = helper.tensor_dtype_to_np_dtype(a["to"])
    if x.dtype == dtype:
        return x
    if constant_shapes.is_float8(dtype):
        return narrow_floats.to_float8(x.astype(np.float32), dtype)
    if x.dtype == np.float64 and dtype == np.float16:  # onnxruntime goes through float32
        x = x.astype(np.float32)
    if x.dtype.name == "bfloat16":  # as onnxruntime: signalling NaN stay
        x = fp.from_bfloat16(x.view(np.uint16))
    return x.astype(dtype)


def _reshape(a: dict[str, Any], x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    dims = [x.shape[i] if d == 0 and not a.get("allowzero") else int(d) for i, d in enumerate(shape)]
    return x.reshape(dims)


def _slice(a: dict[str, Any], x: np.ndarray, *given: np.ndarray | None) -> np.ndarray:
    return x[constant_shapes.slices(a, x.ndim, [None if g is None else g.reshape(-1).tolist() for g in given])]


def _split(a: dict[str, Any], x: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
    """Return one of the parts: `part` says which."""
    ends = np.cumsum(a["split"] if sizes is None else sizes)
    return x[ends[a["part"]] - (a["split"] if sizes is None else sizes)[a["part"]] : ends[a["part"]]]


def _gather(a: dict[str, Any], x: np.ndarray, i: np.ndarray) -> np.ndarray:
    return np.take(x, i, axis=a.get("axis", 0))


def _cumsum(a: dict[str, Any], x: np.ndarray, axis: np.ndarray) -> np.ndarray:
    return np.cumsum(x, axis=int(axis.reshape(())), dtype=x.dtype)


def _scatter(a: dict[str, Any], x: np.ndarray, i: np.ndarray, v: np.ndarray) -> np.ndarray:
    out = x.copy()
    out[i] = v
    return out


def _constant_of_shape(a: dict[str, Any], shape: np.ndarray) -> np.ndarray:
    fill = numpy_helper.to_array(a["value"]) if "value" in a else np.zeros(1, np.float32)
    return np.full(tuple(shape), fill[0])


def _transpose(a: dict[str, Any], x: np.ndarray) -> np.ndarray:
    return np.transpose(x, a.get("perm"))


def _squeeze(a: dict[str, Any], x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    which = a.get("axes", axes)
    return np.squeeze(x, tuple(int(i) for i in which) if which is not None else None)


def _unsqueeze(a: dict[str, Any], x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    return np.expand_dims(x, tuple(int(i) for i in (a["axes"] if axes is None else axes)))


def _dequantize(a: dict[str, Any], q: np.ndarray, scale: np.ndarray, zero: np.ndarray | None = None) -> np.ndarray:
    """Compute in float32, of differences in int32, whatever the scale's type; then round to the result's."""
    axis, block = a.get("axis", 1), a.get("block_size", 0)

    def spread(p: np.ndarray) -> np.ndarray:
        if block:
            return np.repeat(p, block, axis=axis)[tuple(slice(0, d) for d in q.shape)]
        return p.reshape([-1 if i == axis % q.ndim else 1 for i in range(q.ndim)]) if p.size > 1 else p.reshape(())

    if constant_shapes.is_float8(q.dtype):
        wide = q.astype(np.float32)
    else:
        whole = q.astype(np.int32)
        wide = (whole - spread(zero.astype(np.int32)) if zero is not None else whole).astype(np.float32)
    result = helper.tensor_dtype_to_np_dtype(a["output_dtype"]) if a.get("output_dtype") else scale.dtype
    return (wide * spread(scale.astype(np.float32))).astype(result)


def _div(a: dict[str, Any], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Divide integers as C does, towards zero."""
    return (np.abs(x) // np.abs(y) * np.sign(x) * np.sign(y)).astype(x.dtype)


def _range(a: dict[str, Any], start: np.ndarray, limit: np.ndarray, delta: np.ndarray) -> np.ndarray:
    return np.arange(int(start.reshape(())), int(limit.reshape(())), int(delta.reshape(()))).astype(start.dtype)


def _where(a: dict[str, Any], condition: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where(condition, x, y)


OPERATORS: dict[str, Callable[..., np.ndarray]] = {
    "Cast": _cast, "Reshape": _reshape, "Slice": _slice, "Split": _split, "Gather": _gather, "CumSum": _cumsum, "ScatterElements": _scatter,
    "ConstantOfShape": _constant_of_shape, "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze,
    "DequantizeLinear": _dequantize, "Identity": lambda a, x: x,
    "Mul": lambda a, x, y: x * y, "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y,
    "Div": _div, "Mod": lambda a, x, y: x % y, "Neg": lambda a, x: -x, "Range": _range,
    "Concat": lambda a, *xs: np.concatenate(xs, axis=a["axis"]), "Where": _where,
}
