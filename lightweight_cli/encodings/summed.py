"""A weight as numbers of more than 256 kinds: a high part, in a layout of codes, and a low digit, packed; value = (high + low) * scale.

Low digits of fine codes are as good as random, so that they are packed as they are, 1, 2 or 4 bits each; what is frequent and what is
rare is told by the high parts. Add(numbers of the high parts, numbers of the digits), in float32. Opset 7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings.coded import LOAD_OPERATION, Coded, Groups
from lightweight_cli.encodings.tree import Tree
from lightweight_cli.encodings.values import Layout, Numbers
from lightweight_cli.model.blobs import Blob
from lightweight_cli.weights.emission import Emission

PACKED = Tree(0)
"""How the low digits are stored."""


@dataclass
class Summed:
    """Both parts of a weight, flat, a byte each, the numbers that they stand for, and the scales [A, 1, P] of `groups`, if any."""

    shape: tuple[int, ...]
    dtype: int
    groups: Groups
    codes: tuple[Blob, Blob]
    """Of high parts, and of digits."""
    numbers: tuple[np.ndarray, np.ndarray]
    """float32: what they stand for."""
    scale: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)

    @property
    def bits(self) -> int:
        """Bits that tell the sums apart."""
        return (self.numbers[0].size * self.numbers[1].size - 1).bit_length()

    def part(self, which: int) -> Coded:
        """Return the high parts, or the digits, without scale."""
        codes, numbers = self.codes[which], self.numbers[which]
        return Coded(self.shape, TensorProto.FLOAT, (1, self.size, 1), codes, 0, numbers.size, 0, None, codebook=numbers)

    @property
    def whole(self) -> Coded:
        """What turns the sums into the weight; its codes are not to be read."""
        return Coded(self.shape, self.dtype, self.groups, self.codes[0], 0, self.numbers[0].size, 0, None, self.scale,
                     codebook=self.numbers[0])

    def decode(self) -> np.ndarray:
        """Return the weight's values, bit for bit what the emitted nodes compute."""
        high, low = (n[c.array(np.dtype(np.uint8))] for n, c in zip(self.numbers, self.codes, strict=True))
        values = (high + low).reshape(self.groups)
        if self.scale is not None:
            values = values * self.scale.astype(np.float32)
        return values.astype(helper.tensor_dtype_to_np_dtype(self.dtype)).reshape(self.shape)

    def emit(self, e: Emission, layout: Layout) -> None:
        """Add the nodes to the weight, its high parts in a layout."""
        whole: Coded = self.whole
        dims: Sequence[int] = whole.number_dims()
        both = [way.emit(e, self.part(i), dims).name for i, way in enumerate((layout, PACKED))]
        e.costs(LOAD_OPERATION, self.size)
        whole.finish(e, dims, Numbers(e.op("Add", both), TensorProto.FLOAT))
