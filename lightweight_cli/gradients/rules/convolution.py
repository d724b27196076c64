"""Convolutions. Back to x goes a transposed one; the weight's gradient is a product for each place in the kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.rules.windows import Window, back_through, window
from lightweight_cli.gradients.values import Value

TAPS = 64
"""Places in a kernel up to which the weight's gradient is that many products. Measured with 3x3 kernels of 16 to 128 channels,
they take 1.0-1.7 times as long as the forward convolution; as one convolution with exchanged axes it takes 2.5-5 times as long."""


def conv(op: Op) -> None:
    """dx = the transposed convolution of g with W; dW[o, c, k] = sum over n, i of g[n, o, i] x[n, c, i s + k d - p]; db = sum g."""
    x, w, y = op.read(0), op.read(1), op.made()
    at, group = window(op, _kernel(op, w), x, y), op.attribute("group", 1)
    if op.wants(0):
        op.give(0, back_through(op, op.g, w, group, at, x, y))
    if op.wants(1):
        op.give(1, _of_weight(op, x, op.g, group, at))
    if op.wants(2):
        op.give(2, op.g.summed([0, *at.space], keep=False))


def conv_transpose(op: Op) -> None:
    """The transposed convolution goes from the small to the large: dx = Conv(g, W), and in dW x and g change places."""
    x, w, y = op.read(0), op.read(1), op.made()
    group = op.attribute("group", 1)
    at = _transposed(op, _kernel(op, w), x, y)
    if op.wants(0):
        op.give(0, op.emit("Conv", op.g, w, group=group, strides=at.strides, dilations=at.dilations, pads=at.pads))
    if op.wants(1):
        op.give(1, _of_weight(op, op.g, x, group, at))
    if op.wants(2):
        op.give(2, op.g.summed([0, *at.space], keep=False))


def _kernel(op: Op, w: Value) -> list[int]:
    kernel = list(op.attribute("kernel_shape") or [op.fixed(w, k) for k in range(2, op.rank(w))])
    if None in kernel:
        raise Unfit("the size of its kernel is not known")
    return kernel


def _transposed(op: Op, kernel: list[int], x: Value, y: Value) -> Window:
    """Return the window of a ConvTranspose; where a size is stated instead of the padding, it follows from both sizes."""
    n, how = len(kernel), op.attribute("auto_pad", "NOTSET")
    strides, dilations = list(op.attribute("strides") or [1] * n), list(op.attribute("dilations") or [1] * n)
    pads = list(op.attribute("pads") or [0] * 2 * n)
    at = Window(kernel, strides, dilations, pads[:n], pads[n:])
    if how == "NOTSET" and not op.attribute("output_shape"):
        return at
    beyond = op.attribute("output_padding") or [0] * n
    bare = Window(kernel, strides, dilations, [0] * n, [0] * n)
    for k in range(n):
        small, large = op.fixed(x, 2 + k), op.fixed(y, 2 + k)
        if small is None or large is None:
            raise Unfit("its padding depends on the inputs")
        total = max(bare.spread(k, small) + beyond[k] - large, 0)
        at.before[k] = total // 2 if how == "SAME_UPPER" else total - total // 2
        at.after[k] = total - at.before[k]
    return at


def _of_weight(op: Op, large: Value, small: Value, group: int, at: Window) -> Value:
    """Return dW [channels of small, channels of large in a group, kernel]: for each place in the kernel one product over all windows.

    Examples go between the axes of space: what is cut along the last axis serves all places that share it, and what is then cut
    along the others lies together.
    """
    n = len(at.kernel)
    outer, depth = op.fixed(op.read(1), 0), op.fixed(op.read(1), 1)
    if outer is None or depth is None:
        raise Unfit("the number of its channels is not known")
    if math.prod(at.kernel) > TAPS:
        return _as_convolution(op, large, small, group, at, depth)
    order = [1, *at.space[:-1], 0, at.space[-1]]
    seen = large.transposed(order)
    if any(at.pads):
        both = np.array([[0, *at.before[:-1], 0, at.before[-1]], [0, *at.after[:-1], 0, at.after[-1]]])
        seen = op.emit("Pad", seen, both.reshape(-1))
    rows, columns = ([outer, -1], [depth, -1]) if group == 1 else ([group, outer // group, -1], [group, depth, -1])
    gradient = small.transposed(order).reshaped(rows)
    ends = [_reach(op, small, k, at.strides[k]) for k in range(n)]
    parts: dict[tuple[int, ...], Value] = {}
    for last in range(at.kernel[-1]):
        row = _cut(op, seen, [last * at.dilations[-1]], [ends[-1]], [n + 1], at.strides[-1:])
        for rest in np.ndindex(*at.kernel[:-1]):
            firsts = [place * step for place, step in zip(rest, at.dilations[:-1], strict=True)]
            there = _cut(op, row, firsts, ends[:-1], list(range(1, n)), at.strides[:-1]).reshaped(columns)
            parts[(*rest, last)] = op.emit("Gemm", gradient, there, transB=1) if group == 1 else gradient @ there.transposed([0, 2, 1])
    whole = op.emit("Concat", *(parts[k] for k in sorted(parts)), axis=0).reshaped([*at.kernel, outer, depth])
    return whole.transposed([n, n + 1, *range(n)])


def _reach(op: Op, small: Value, axis: int, stride: int) -> int | Value:
    """Return how far the first elements of all windows reach along an axis: (count - 1) stride + 1."""
    count = op.into.size(op.made() if small is op.g else small, 2 + axis)
    return (count - 1) * stride + 1 if isinstance(count, int) else (count * np.array(stride)) - np.array(stride - 1)


def _cut(op: Op, value: Value, firsts: list[int], ends: Sequence[int | Value], axes: list[int], strides: list[int]) -> Value:
    """Return every so many elements along axes, each axis from its first on."""
    if not axes:
        return value
    lasts = [end + first if isinstance(end, int) else end + np.array(first) for end, first in zip(ends, firsts, strict=True)]
    return op.emit("Slice", value, np.array(firsts), op.into.shape(lasts), np.array(axes), np.array(strides))


def _as_convolution(op: Op, large: Value, small: Value, group: int, at: Window, depth: int) -> Value:
    """Return dW as one convolution with strides and dilations exchanged, where examples are channels and channels examples."""
    n, space = len(at.kernel), at.space
    seen, gradient = (value.transposed([1, 0, *space]) for value in (large, small))
    if group > 1:
        sizes = op.emit("Slice", op.emit("Shape", seen), np.array([1]), np.array([2 + n]))
        apart = op.emit("Reshape", seen, op.emit("Concat", np.array([group, depth]), sizes, axis=0, type=sizes.type))
        seen = apart.transposed([1, 0, *(k + 1 for k in (1, *space))])
        rest = op.emit("Slice", sizes, np.array([1]), np.array([1 + n]))
        seen = op.emit("Reshape", seen, op.emit("Concat", np.array([depth, -1]), rest, axis=0, type=rest.type))
    made = op.emit("Conv", seen, gradient, group=group, strides=at.dilations, dilations=at.strides, pads=at.pads)
    if any(s > 1 for s in at.strides):  # beyond the kernel there are products with what no window reached
        made = op.emit("Slice", made, np.zeros(n, np.int64), np.array(at.kernel), np.array(space))
    return made.transposed([1, 0, *space])
