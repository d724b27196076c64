"""The gradient of what was broadcast: the sum over the axes along which it was repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

if TYPE_CHECKING:
    from lightweight_cli.gradients.emitter import Emitter
    from lightweight_cli.gradients.values import Value


def unbroadcast(into: Emitter, gradient: Value, of: Value, to: Value) -> Value:
    """Sum a gradient of the shape of `of` to that of `to`, which was broadcast to it."""
    have, want = into.facts.shape(of.name), into.facts.shape(to.name)
    if have is None or want is None:
        return at_run_time(into, gradient, to)
    ahead = len(have) - len(want)
    axes = list(range(ahead))
    for k, size in enumerate(want):
        there = have[ahead + k]
        if size == 1 and there != 1:
            axes.append(ahead + k)
        elif not (isinstance(size, int) or size is not None and size == there):
            return at_run_time(into, gradient, to)
    summed = gradient.summed(axes)
    return summed.reshaped(into.sizes(to)) if ahead else summed


def at_run_time(into: Emitter, gradient: Value, to: Value) -> Value:
    """Sum over the axes whose sizes turn out to differ."""
    have, want = into.emit("Shape", gradient), into.sizes(to)
    ahead = into.emit("Sub", into.emit("Shape", have), into.emit("Shape", want))
    ones = into.emit("Expand", into.constant(np.array([1], np.int64)), ahead)
    level = into.emit("Concat", ones, want, axis=0)
    differ = into.emit("Not", into.emit("Equal", have, level))
    axes = into.emit("Reshape", into.emit("NonZero", differ, type=TensorProto.INT64), np.array([-1], np.int64))
    return gradient.summed(axes).reshaped(want)
