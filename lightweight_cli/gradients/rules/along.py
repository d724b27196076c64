"""Ways back along an axis: elements that were picked by their numbers, and what is linear in each axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.values import Value

LARGEST = 1 << 22
"""Elements of a matrix that stands for an operator along an axis: 2048 by 2048."""


def numbers(op: Op, value: Value, axis: int) -> Value:
    """Return 0, 1, ... for the elements along an axis: what an operator takes of them says what it takes of the value."""
    size = op.into.size(value, axis)
    if isinstance(size, int):
        return op.constant_value(np.arange(size))
    return op.emit("Range", np.array(0), op.emit("Squeeze", size), np.array(1))


def put_back(op: Op, gradient: Value, axis: int, taken: Value, like: Value, zeros: Value | None = None) -> Value:
    """Add each part of a gradient along an axis to the element it was picked from, by the list of their numbers.

    `like` has the size that the axis had before; `zeros` to add to, with that axis first, where their shape is known.
    """
    rank = op.rank(like)
    order = [axis, *(k for k in range(rank) if k != axis)]
    front = wide(gradient).transposed(order)
    if zeros is None:
        rest = op.emit("Slice", op.emit("Shape", front), np.array([1]), np.array([rank]))
        size = op.into.size(like, axis)
        shape = op.emit("Concat", np.array([size]) if isinstance(size, int) else size, rest, axis=0, type=rest.type)
        zeros = op.emit("ConstantOfShape", shape, type=front.type, value=numpy_helper.from_array(np.zeros(1, _dtype(front))))
    column = op.emit("Unsqueeze", taken, np.array([1]))
    filled = op.emit("ScatterND", zeros, column, front, reduction="add")
    return filled.transposed([int(k) for k in np.argsort(order)]).cast(gradient.type)


def wide(gradient: Value) -> Value:
    """Return a gradient of 16 bits in float32: onnxruntime adds up in places in no less."""
    return gradient.cast(TensorProto.FLOAT) if gradient.type in (TensorProto.FLOAT16, TensorProto.BFLOAT16) else gradient


def _dtype(value: Value) -> np.dtype:
    return helper.tensor_dtype_to_np_dtype(value.type)


def through_matrices(op: Op, axes: list[int], along: Callable[[int, Value], Value]) -> Value:
    """Return dx where y is linear in x along each axis: dx = A g along it, A what the operator makes of the unit matrix.

    `along` applies the operator to the second axis of a matrix as it does to that axis of x.
    """
    x, gradient = op.read(), op.g
    rank = op.rank(x)
    for axis in axes:
        size, made = op.into.size(x, axis), op.fixed(op.made(), axis)
        if isinstance(size, int) and size * (made or size) > LARGEST:
            raise Unfit(f"it has {size} elements along an axis, of which a matrix would be too large")
        if isinstance(size, int):
            unit = op.constant_value(np.eye(size, dtype=_dtype(gradient)))
        else:
            square = op.emit("Concat", size, size, axis=0, type=size.type)
            unit = op.emit("EyeLike", op.constant_value(np.zeros(1, _dtype(gradient))).expanded(square))
        matrix = along(axis, unit)
        if axis == rank - 1:
            gradient = gradient @ matrix.transposed([1, 0])
        elif axis == rank - 2:
            gradient = matrix @ gradient
        else:
            order = [k for k in range(rank) if k != axis] + [axis]
            last = gradient.transposed(order) @ matrix.transposed([1, 0])
            gradient = last.transposed([int(k) for k in np.argsort(order)])
    return gradient
