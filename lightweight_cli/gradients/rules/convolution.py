"""Convolutions. Back to x goes a transposed one; the weight's gradient is itself one, of x with g as its weight."""

from __future__ import annotations

import numpy as np

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.rules.windows import Window, back_through, window
from lightweight_cli.gradients.values import Value


def conv(op: Op) -> None:
    """dx = the transposed convolution of g with W; dW[o, c, k] = sum over n, i of g[n, o, i] x[n, c, i s + k d - p]; db = sum g."""
    x, w, y = op.read(0), op.read(1), op.made()
    at, group = window(op, _kernel(op, w), x, y), op.attribute("group", 1)
    if op.wants(0):
        op.give(0, back_through(op, op.g, w, group, at, x, y))
    if op.wants(1):
        op.give(1, _of_weight(op, x, op.g, group, at, op.fixed(w, 1)))
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
        op.give(1, _of_weight(op, op.g, x, group, at, op.fixed(w, 1)))
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


def _of_weight(op: Op, large: Value, small: Value, group: int, at: Window, depth: int | None) -> Value:
    """Return dW [channels of small, channels of large in a group, kernel], strides and dilations having changed places.

    Examples become the channels that are summed over, channels the examples; groups stay groups.
    """
    if depth is None:
        raise Unfit("the number of its channels is not known")
    space = at.space
    swapped = [1, 0, *space]
    if group == 1:
        seen = large.transposed(swapped)
    else:
        apart = large.reshaped(op.into.shape([op.into.size(_shaped_like(op, large), 0), group, depth,
                                              *(op.into.size(_shaped_like(op, large), k) for k in space)]))
        seen = apart.transposed([2, 1, 0, *(k + 1 for k in space)])
        seen = seen.reshaped(op.into.shape([depth, -1, *(op.into.size(_shaped_like(op, large), k) for k in space)]))
    made = op.emit("Conv", seen, small.transposed(swapped), group=group, strides=at.dilations, dilations=at.strides, pads=at.pads)
    if any(s > 1 for s in at.strides):  # beyond the kernel there are products with what no window reached
        n = len(space)
        made = op.emit("Slice", made, np.zeros(n, np.int64), np.array(at.kernel, np.int64), np.array(space, np.int64))
    return made.transposed(swapped)


def _shaped_like(op: Op, value: Value) -> Value:
    """Return the value whose shape is known: that of a gradient is its output's."""
    return op.made() if value is op.g else value
