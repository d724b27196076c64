"""Windows that move over space, of Conv, ConvTranspose and pooling: where they stand, and the way back through them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.values import Value


class Window(NamedTuple):
    """How a window moves; each list has a number for each axis of space."""

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    before: list[int]
    after: list[int]

    @property
    def pads(self) -> list[int]:
        """The padding as operators state it."""
        return [*self.before, *self.after]

    @property
    def space(self) -> list[int]:
        """The axes of space."""
        return list(range(2, 2 + len(self.kernel)))

    def length(self, axis: int) -> int:
        """Return how far a window reaches."""
        return (self.kernel[axis] - 1) * self.dilations[axis] + 1

    def spread(self, axis: int, count: int) -> int:
        """Return how far so many windows reach, the padding left out."""
        return (count - 1) * self.strides[axis] + self.length(axis) - self.before[axis] - self.after[axis]


def window(op: Op, kernel: list[int], large: Value, small: Value) -> Window:
    """Return how the window of Conv or a pooling moves over `large` to make `small`.

    Raises: Unfit where the padding depends on sizes that are not known.
    """
    n = len(kernel)
    strides, dilations = list(op.attribute("strides") or [1] * n), list(op.attribute("dilations") or [1] * n)
    pads, how = list(op.attribute("pads") or [0] * 2 * n), op.attribute("auto_pad", "NOTSET")
    if how == "VALID":
        pads = [0] * 2 * n
    elif how != "NOTSET":
        for k in range(n):
            sizes = op.fixed(large, 2 + k), op.fixed(small, 2 + k)
            moved = Window(kernel, strides, dilations, [0] * n, [0] * n)
            if sizes[0] is not None and sizes[1] is not None:
                total = max(moved.spread(k, sizes[1]) - sizes[0], 0)
            elif strides[k] == 1:
                total = moved.length(k) - 1
            else:
                raise Unfit(f"its padding ({how}) depends on the inputs")
            pads[k] = total // 2 if how == "SAME_UPPER" else total - total // 2
            pads[n + k] = total - pads[k]
    return Window(kernel, strides, dilations, pads[:n], pads[n:])


def back_through(op: Op, gradient: Value, weight: Value, group: int, at: Window, large: Value, small: Value) -> Value:
    """Return the transposed convolution of a gradient of the shape of `small`, of the size of `large`."""
    n = len(at.kernel)
    sizes = [(op.fixed(large, 2 + k), op.fixed(small, 2 + k)) for k in range(n)]
    missing = [a - at.spread(k, b) if a is not None and b is not None else None if s > 1 else 0
               for k, ((a, b), s) in enumerate(zip(sizes, at.strides, strict=True))]
    how: dict[str, Any] = {"group": group, "strides": at.strides, "dilations": at.dilations}
    if all(m is not None and 0 <= m < s for m, s in zip(missing, at.strides, strict=True)):
        return op.emit("ConvTranspose", gradient, weight, pads=at.pads, output_padding=[m or 0 for m in missing], **how)
    whole = op.emit("ConvTranspose", gradient, weight, pads=[*at.before, *[0] * n], **how)
    space, there = np.array([2], np.int64), np.array([2 + n], np.int64)
    want = op.emit("Slice", op.into.sizes(large), space, there)
    have = op.emit("Slice", op.emit("Shape", whole), space, there)
    pads = op.emit("Concat", np.zeros(n, np.int64), want - have, axis=0, type=want.type)
    return op.emit("Pad", whole, pads, None, np.array(at.space, np.int64))
