"""Rows of convolutions: what the kernel covers at some of its positions (im2col there, and nowhere else).

Source: Chellapilla et al. 2006, High performance convolutional neural networks for document processing (unfolding).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightweight_cli.calibration.points import Points
from lightweight_cli.weights.node_attributes import number, numbers, text

if TYPE_CHECKING:
    from onnx import NodeProto

Shape = tuple[int, ...]


class Window(NamedTuple):
    """How a kernel moves over the axes behind batch and channels."""

    groups: int
    kernel: Shape
    strides: list[int]
    dilations: list[int]
    pads: list[int]
    """Before each axis, then behind each."""
    auto_pad: str

    @property
    def spans(self) -> Shape:
        """Elements from the first to the last that the kernel covers."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def padding(self, shape: Shape) -> list[tuple[int, int]]:
        """Return what is padded before and behind each axis of `shape`."""
        rank = len(self.kernel)
        if self.auto_pad in ("NOTSET", ""):
            return list(zip(self.pads[:rank], self.pads[rank:], strict=True))
        if self.auto_pad == "VALID":
            return [(0, 0)] * rank
        both = [max(0, (-(-n // s) - 1) * s + span - n) for n, s, span in zip(shape, self.strides, self.spans, strict=True)]
        return [(b // 2, b - b // 2) if self.auto_pad == "SAME_UPPER" else (b - b // 2, b // 2) for b in both]


def window(node: NodeProto, arrived: Shape) -> Window:
    """Return how a Conv with a weight of shape `arrived` moves. Raises: NotConstant."""
    kernel, ones = arrived[2:], [1] * (len(arrived) - 2)
    return Window(max(1, number(node, "group", 1)), kernel, numbers(node, "strides", ones), numbers(node, "dilations", ones),
                  numbers(node, "pads", [0] * (2 * len(kernel))), text(node, "auto_pad", "NOTSET"))


def patches(arrays: Sequence[np.ndarray | None], moves: Window) -> Points:
    """Return the patches of x [batch, channels, ...]."""
    (x,) = arrays
    assert x is not None
    axes = tuple(range(2, x.ndim))
    padding = moves.padding(x.shape[2:])
    if any(before or behind for before, behind in padding):
        x = np.pad(x, [(0, 0), (0, 0), *padding])
    every = tuple(slice(None, None, s) for s in moves.strides)
    within = tuple(slice(None, None, d) for d in moves.dilations)
    seen = np.lib.stride_tricks.sliding_window_view(x, moves.spans, axis=axes)[(slice(None), slice(None), *every, *within)]
    places = (seen.shape[0], *seen.shape[2 : x.ndim])

    def take(index: np.ndarray) -> np.ndarray:
        batch, *at = np.unravel_index(index, places)
        found = seen[(batch, slice(None), *at)]  # type: ignore[arg-type]  # [n, channels, kernel...]
        return found.reshape(len(index), moves.groups, -1).swapaxes(0, 1)

    return Points(math.prod(places), take)


def pixels(arrays: Sequence[np.ndarray | None], groups: int) -> Points:
    """Return the channels of x [batch, channels, ...] at each of its places: what a ConvTranspose spreads out."""
    (x,) = arrays
    assert x is not None
    seen = np.moveaxis(x, 1, -1)
    places = seen.shape[:-1]

    def take(index: np.ndarray) -> np.ndarray:
        return seen[np.unravel_index(index, places)].reshape(len(index), groups, -1).swapaxes(0, 1)

    return Points(math.prod(places), take)
