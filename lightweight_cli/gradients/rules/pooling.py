"""Pooling: gradients go back to where the largest was, or to all that were averaged."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.rules.along import wide
from lightweight_cli.gradients.rules.windows import Window, back_through, window
from lightweight_cli.gradients.values import Value


def max_pool(op: Op) -> None:
    """dx = g at the places of the largest, which MaxPool tells; windows that overlap add up."""
    x, at = op.read(), _window(op)
    if op.attribute("storage_order", 0):
        raise Unfit("its storage_order is 1")
    if op.gs[0] is None:
        raise Unfit("only its first output can be differentiated")
    places = _places(op)
    apart = all(s >= at.length(k) for k, s in enumerate(at.strides))
    if apart and op.g.type == TensorProto.FLOAT:
        op.give(0, op.emit("MaxUnpool", op.g, places, op.into.sizes(x), kernel_shape=at.kernel, strides=at.strides))
        return
    g = wide(op.g)
    flat = op.into.zeros(x, g.type).reshaped([-1])
    filled = op.emit("ScatterElements", flat, places.reshaped([-1]), g.reshaped([-1]), axis=0, reduction="add")
    op.give(0, filled.reshaped(op.into.sizes(x)).cast(op.g.type))


def _places(op: Op) -> Value:
    places = op.made(1)
    return Value(op.into, places.name, TensorProto.INT64)


def average_pool(op: Op) -> None:
    """dx = g / n in each window, n what it averages over: with the padding or without."""
    at, gradient = _window(op), op.g
    plain = not any(at.pads) and not op.attribute("ceil_mode", 0)
    if plain or op.attribute("count_include_pad", 0) and not op.attribute("ceil_mode", 0):
        gradient = gradient * (1 / math.prod(at.kernel))
    else:
        gradient = gradient / op.constant_value(_counts(op, at).astype(helper.tensor_dtype_to_np_dtype(gradient.type)))
    op.give(0, _back(op, gradient, at))


def lp_pool(op: Op) -> None:
    """y = (sum |x|^p)^(1/p): dx = sign x |x|^(p-1) times the sum of g y^(1-p) over windows; 0 where y is 0."""
    p, x, y = op.attribute("p", 2), op.read(), op.made()
    if op.attribute("ceil_mode", 0):
        raise Unfit("its ceil_mode is 1")
    share = op.g if p == 1 else (y > 0.0).where(op.g * op.emit("Pow", y, 1.0 - p), 0.0)
    slope = op.emit("Sign", x) if p == 1 else x if p == 2 else op.emit("Sign", x) * op.emit("Pow", op.emit("Abs", x), p - 1.0)
    op.give(0, slope * _back(op, share, _window(op)))


def global_average_pool(op: Op) -> None:
    """dx = g / n, n the number of places."""
    x, y = op.read(), op.made()
    sizes = [op.fixed(x, k) for k in range(2, op.rank(x))]
    count = math.prod(s or 0 for s in sizes) if None not in sizes else op.emit("Size", x).cast(y.type) / op.emit("Size", y).cast(y.type)
    op.give(0, (op.g / count).expanded(op.into.sizes(x)))


def global_max_pool(op: Op) -> None:
    """dx = g at the largest; equal ones share it."""
    x = op.read()
    took = x.equals(op.made()).cast(op.g.type)
    op.give(0, took * (op.g / took.summed(list(range(2, op.rank(x))))))


def _window(op: Op) -> Window:
    return window(op, list(op.attribute("kernel_shape")), op.read(), op.made())


def _back(op: Op, gradient: Value, at: Window) -> Value:
    """Return the sum over the windows that an element is in, each channel by itself."""
    y = op.made()
    ones = np.ones((1, 1, *at.kernel), helper.tensor_dtype_to_np_dtype(gradient.type))
    alone = gradient.reshaped(op.into.shape([-1, 1, *(op.into.size(y, k) for k in at.space)]))
    return back_through(op, alone, op.constant_value(ones), 1, at, op.read(), y).reshaped(op.into.sizes(op.read()))


def _counts(op: Op, at: Window) -> np.ndarray:
    """Return how many elements each window averages over. Raises: Unfit where that depends on the inputs."""
    counts = np.ones((1, 1), np.float64)
    for k in range(len(at.kernel)):
        large, small = op.fixed(op.read(), 2 + k), op.fixed(op.made(), 2 + k)
        if large is None or small is None:
            raise Unfit("what it averages over depends on the inputs")
        first = np.arange(small) * at.strides[k] - at.before[k]
        places = first[:, None] + np.arange(at.kernel[k]) * at.dilations[k]
        padded = op.attribute("count_include_pad", 0)
        inside = (places >= -at.before[k] * padded) & (places < large + at.after[k] * padded)
        counts = counts[..., None] * inside.sum(1)
    return counts
