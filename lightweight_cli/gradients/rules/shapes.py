"""Operators that move, join, cut, pad and repeat: gradients go back where the elements came from."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.rules.along import numbers, put_back
from lightweight_cli.gradients.values import Value


def reshape(op: Op) -> None:
    """dx = g in the shape of x: Reshape, Flatten, Squeeze, Unsqueeze."""
    op.give(0, op.g.reshaped(op.into.sizes(op.read())))


def transpose(op: Op) -> None:
    """dx = g with the axes put back."""
    order = op.attribute("perm")
    op.give(0, op.g.transposed([int(k) for k in np.argsort(order)]) if order else op.emit("Transpose", op.g))


def expand(op: Op) -> None:
    """dx = g summed over what was repeated."""
    op.give_summed(0, op.g)


def tile(op: Op) -> None:
    """dx = the sum of all copies: axes of [copies, size], the copies summed."""
    x, rank = op.read(), op.rank(op.read())
    copies = op.integers(1)
    counts = copies if copies is not None else [
        op.emit("Gather", op.read(1), np.array([k], np.int64)) for k in range(rank)]
    shape: list[int | Value] = []
    for k in range(rank):
        shape += [counts[k], op.into.size(x, k)]
    op.give(0, op.g.reshaped(op.into.shape(shape)).summed(list(range(0, 2 * rank, 2)), keep=False))


def concat(op: Op) -> None:
    """dx = the part of g that x became."""
    axis = op.attribute("axis", 1)
    sizes = [op.into.size(op.read(k), axis) for k in range(len(op.x))]
    parts = op.into.emit_all("Split", op.g, op.into.shape(sizes), outputs=len(sizes), axis=axis)
    for k, part in enumerate(parts):
        op.give(k, part)


def split(op: Op) -> None:
    """dx = the gradients of the parts joined, zeros for those that lead nowhere."""
    parts = []
    kind = next(g.type for g in op.gs if g is not None)
    for k, g in enumerate(op.gs):
        parts.append(g if g is not None else op.into.zeros(op.made(k), kind))
    op.give(0, op.emit("Concat", *parts, axis=op.attribute("axis", 0)))


def slice_(op: Op) -> None:
    """dx = g where x was cut out, zeros around it."""
    x, rank = op.read(), op.rank(op.read())
    starts, ends = op.integers(1), op.integers(2)
    axes = op.integers(3) if op.input(3) is not None else list(range(len(starts or ())))
    steps = op.integers(4) if op.input(4) is not None else [1] * len(axes or ())
    if axes is None:
        raise Unfit("its axes are not constants")
    gradient = op.g
    before: list[int | Value] = [0] * rank
    after: list[int | Value] = [0] * rank
    for at, axis in enumerate(a % rank for a in axes):
        size = op.fixed(x, axis)
        if starts is not None and ends is not None and size is not None and steps is not None and steps[at] == 1:
            first, last, _ = slice(starts[at], ends[at]).indices(size)
            before[axis], after[axis] = first, size - max(first, last)
            continue
        bounds = [_one(op.input(j), at) for j in (1, 2, 4)]
        cut = op.emit("Slice", numbers(op, x, axis), bounds[0], bounds[1], np.array([0], np.int64), bounds[2])
        gradient = put_back(op, gradient, axis, cut, x)
    if any(before) or any(after):
        gradient = op.emit("Pad", gradient, op.into.shape([*before, *after]))
    op.give(0, gradient)


def _one(numbers: Value | None, at: int) -> Value | None:
    return numbers and numbers.into.emit("Gather", numbers.cast(TensorProto.INT64), np.array([at]))


def pad(op: Op) -> None:
    """dx = g without what was put around it; what repeats elements of x adds up at them."""
    if op.attribute("mode", "constant") == "constant":
        op.give(0, op.emit("Pad", op.g, op.emit("Neg", op.read(1)), None, op.input(3)))
        return
    pads = op.integers(1)
    if pads is None or (op.input(3) is not None and op.integers(3) is None):
        raise Unfit("what is padded is not constant")
    x, rank, gradient = op.read(), op.rank(op.read()), op.g
    axes = [a % rank for a in (op.integers(3) or range(rank))]
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        if before or after:
            taken = op.emit("Pad", numbers(op, x, axis), np.array([before, after], np.int64), mode=op.attribute("mode"))
            gradient = put_back(op, gradient, axis, taken, x)
    op.give(0, gradient)


def depth_to_space(op: Op) -> None:
    """dx = g with the blocks put back into channels, in the order they came from."""
    block = op.attribute("blocksize")
    if op.attribute("mode", "DCR") == "DCR":
        op.give(0, op.emit("SpaceToDepth", op.g, blocksize=block))
        return
    x = op.read()
    depth, high, wide = (op.into.size(x, k) for k in (1, 2, 3))
    if not isinstance(depth, int):
        raise Unfit("its channels are not a fixed number")
    apart = op.g.reshaped(op.into.shape([op.into.size(x, 0), depth // block**2, high, block, wide, block]))
    op.give(0, apart.transposed([0, 1, 3, 5, 2, 4]).reshaped(op.into.sizes(x)))


def space_to_depth(op: Op) -> None:
    """dx = g with the blocks put back into space."""
    op.give(0, op.emit("DepthToSpace", op.g, blocksize=op.attribute("blocksize")))
