"""Resize in space: linear along each axis, so the way back is a product with what Resize makes of the unit matrix."""

from __future__ import annotations

import numpy as np

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.rules.along import through_matrices
from lightweight_cli.gradients.values import Value

CARRIED = ("antialias", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value", "mode", "nearest_mode")


def resize(op: Op) -> None:
    """dx = A g along each axis that changes, A = Resize of the unit matrix; blocks that repeat one element are summed."""
    x, y, rank = op.read(), op.made(), op.rank(op.read())
    if op.attribute("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        raise Unfit("it crops (tf_crop_and_resize)")
    if op.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Unfit("it keeps the aspect ratio")
    axes = [a % rank for a in op.attribute("axes") or range(rank)]
    factors = op.constant(2)
    changed = [a for at, a in enumerate(axes) if not _same(op, x, y, a, None if factors is None or not factors.size else factors[at])]
    if any(op.fixed(x, a) is not None and op.fixed(x, a) == op.fixed(y, a) for a in changed):
        raise Unfit("it has a scale by which a size stays what it is")  # onnxruntime leaves a matrix of that size as it is
    times = _whole(op, x, y, changed)
    if times is not None and changed and min(changed) >= 2:
        space = [times.get(k, 1) for k in range(2, rank)]
        op.give(0, op.emit("AveragePool", op.g, kernel_shape=space, strides=space) * float(np.prod(space)))
        return
    carried = {k: v for k, v in op.attributes.items() if k in CARRIED}

    def along(axis: int, unit: Value) -> Value:
        at = axes.index(axis)
        if factors is not None and factors.size:
            return op.emit("Resize", unit, None, np.array([1, factors[at]], np.float32), **carried)
        if op.input(3) is None:
            own = op.emit("Gather", op.read(2), np.array([at], np.int64))
            return op.emit("Resize", unit, None, op.emit("Concat", np.ones(1, np.float32), own, axis=0, type=own.type), **carried)
        sizes = op.into.shape([op.into.size(x, axis), op.into.size(y, axis)])
        return op.emit("Resize", unit, None, None, sizes, **carried)

    op.give(0, through_matrices(op, changed, along))


def _same(op: Op, x: Value, y: Value, axis: int, factor: float | None) -> bool:
    """Whether an axis surely stays as it is."""
    if factor is not None:
        return float(factor) == 1.0
    size = (op.shape(x) or ())[axis]
    return size is not None and size == (op.shape(y) or [None] * (axis + 1))[axis]


def _whole(op: Op, x: Value, y: Value, axes: list[int]) -> dict[int, int] | None:
    """Return how often each element is repeated along an axis, where "nearest" does just that."""
    how = op.attribute("coordinate_transformation_mode", "half_pixel"), op.attribute("nearest_mode", "round_prefer_floor")
    if op.attribute("mode", "nearest") != "nearest" or how not in (("asymmetric", "floor"), ("half_pixel", "round_prefer_floor")):
        return None
    times = {}
    for axis in axes:
        small, large = op.fixed(x, axis), op.fixed(y, axis)
        if not small or not large or large % small:
            return None
        times[axis] = large // small
    return times
