"""A weight as small integers and what they stand for: value = (number - zero_point) * scale.

`number` is the code itself, or codebook[code - low]. Lossy passes make a Coded; layouts store
its codes; `emit` adds what turns numbers into the weight. All arithmetic is float32, as in the emitted nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from lightweight_cli.blobs import Blob
from lightweight_cli.encodings.builder import Emission

CHUNK = 1 << 20
"""Codes handled at a time; a multiple of every packing (2, 3, 4, 5 and 8 codes a byte need a multiple of 120)."""
CHUNK -= CHUNK % 120
Groups = tuple[int, int, int]


@dataclass
class Coded:
    """Codes of a weight, flat, one byte each, and their meaning.

    `groups` (A, R, P) views the weight as [A, R, P]; `scale` and `zero_point` have shape [A, 1, P] or are None.
    Codes are int8 where `low` < 0, else uint8; `low` <= code < low + count; `zeros` of them equal `zero`.
    """

    shape: tuple[int, ...]
    dtype: int
    groups: Groups
    codes: Blob
    low: int
    count: int
    zeros: int
    zero: int | None = 0
    scale: np.ndarray | None = None
    zero_point: np.ndarray | None = None
    codebook: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Number of codes."""
        return self.codes.length

    @property
    def code_dtype(self) -> np.dtype:
        """numpy dtype of the codes."""
        return np.dtype(np.int8 if self.low < 0 else np.uint8)

    @property
    def numbers(self) -> np.ndarray:
        """float32[count]: the number that each code from `low` on stands for."""
        return self.codebook if self.codebook is not None else np.arange(self.low, self.low + self.count, dtype=np.float32)

    def chunks(self, count: int = CHUNK) -> Iterator[np.ndarray]:
        """Yield the codes in flat order."""
        for start in range(0, self.size, count):
            yield self.codes.array(self.code_dtype, start, min(count, self.size - start))

    def symbols(self, count: int = CHUNK) -> Iterator[np.ndarray]:
        """Yield the codes as uint8 from 0 on."""
        for part in self.chunks(count):
            yield part.view(np.uint8) if self.low == 0 else (part.view(np.uint8) - np.uint8(self.low & 255))

    def decode(self) -> np.ndarray:
        """Return the weight's values, bit for bit what the emitted nodes compute."""
        from onnx import helper

        codes = self.codes.array(self.code_dtype)
        values = codes.astype(np.float32) if self.codebook is None else self.codebook[codes.astype(np.intp) - self.low]
        values = values.reshape(self.groups)
        if self.zero_point is not None:
            values = values - self.zero_point.astype(np.float32)
        if self.scale is not None:
            values = values * self.scale.astype(np.float32)
        return values.astype(helper.tensor_dtype_to_np_dtype(self.dtype)).reshape(self.shape)

    def broadcast(self) -> list[int] | None:
        """Return the shape in which the scale broadcasts against the weight itself, or None."""
        a, r, _ = self.groups
        for i in range(len(self.shape) + 1):
            if math.prod(self.shape[:i]) != a:
                continue
            for j in range(i, len(self.shape) + 1):
                if math.prod(self.shape[i:j]) == r:
                    return strip_leading([*self.shape[:i], *[1] * (j - i), *self.shape[j:]])
        return None


def strip_leading(dims: Sequence[int]) -> list[int]:
    """Drop leading ones, which broadcasting adds by itself."""
    first = next((i for i, d in enumerate(dims) if d != 1), len(dims))
    return list(dims[first:])


def emit_values(e: Emission, coded: Coded, number_dims: Sequence[int], numbers: str, output: str) -> None:
    """Add the nodes from the float tensor `numbers` (of `number_dims`) to the weight called `output`."""
    value = numbers
    direct = list(number_dims) == list(coded.shape)
    if coded.scale is not None:
        dims = (coded.broadcast() if direct else None) or [*coded.groups[:1], 1, *coded.groups[2:]]
        if coded.zero_point is not None:
            zero = e.array("z", coded.zero_point.reshape(dims))
            value = e.op("Sub", [value, e.cast(zero, TensorProto.FLOAT)])
        scale = e.array("s", coded.scale.reshape(dims))
        if coded.scale.dtype == np.float16:
            scale = e.cast(scale, TensorProto.FLOAT)
        value = e.op("Mul", [value, scale])
    if coded.dtype != TensorProto.FLOAT:
        value = e.cast(value, coded.dtype)
    if not direct:
        e.reshape(value, coded.shape)
    e.finish(output)


def number_dims(coded: Coded) -> list[int]:
    """Return the shape in which the scale can be applied: the weight's own, or [A, R, P]."""
    if coded.scale is None or coded.broadcast() is not None:
        return list(coded.shape)
    return list(coded.groups)
