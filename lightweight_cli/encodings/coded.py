"""A weight as small integers and what they stand for: value = (number - zero_point) * scale.

`number` is the code itself, or codebook[code - low]. Lossy passes make a Coded; layouts store
its codes; `finish` adds what turns numbers into the weight. All arithmetic is float32, as in the emitted nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings import counting
from lightweight_cli.encodings.values import Deferred, Numbers, Part, Parts
from lightweight_cli.model.blobs import Blob
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

Groups = tuple[int, int, int]
HALF_SCALES = 32
"""Scales from which float16 ones are worth a Cast node."""
BLOCK = (1 << 18) - (1 << 18) % 120
"""Codes handled at a time: what is made of them stays in the cache, and in memory that malloc keeps."""
LOAD_OPERATION = LoadCost(4, 3)
"""Each of Sub, Mul, Reshape and Cast to a float, over all values."""


@dataclass
class Coded:
    """Codes of a weight, flat, one byte each, and their meaning.

    `groups` (A, R, P) views the weight as [A, R, P]; `scale` and `zero_point` have shape [A, 1, P] or are None.
    Codes are int8 where `low` < 0, else uint8; `low` <= code < low + count; `zeros` of them equal `zero`, the code of the number 0.
    A codebook [count] with a scale is float32; without one it may be of the weight's own type.
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
    indices: bool = False
    """The numbers are the codes, as int32."""
    _histogram: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Number of codes."""
        return self.codes.length

    @property
    def element_dtype(self) -> np.dtype:
        """numpy dtype of the codes."""
        return np.dtype(np.int8 if self.low < 0 else np.uint8)

    @property
    def number_type(self) -> int:
        """TensorProto type of the numbers: that of the codes, unless they are looked up in the codebook, or indices."""
        if self.codebook is None:
            return TensorProto.INT32 if self.indices else TensorProto.INT8 if self.low < 0 else TensorProto.UINT8
        return helper.np_dtype_to_tensor_dtype(self.codebook.dtype)

    @property
    def numbers(self) -> np.ndarray:
        """[count]: the number that each code from `low` on stands for, float."""
        if self.codebook is not None:
            return self.codebook
        return np.arange(self.low, self.low + self.count, dtype=np.float32)

    def chunks(self, count: int = BLOCK) -> Iterator[np.ndarray]:
        """Yield the codes in flat order."""
        for start in range(0, self.size, count):
            yield self.codes.array(self.element_dtype, start, min(count, self.size - start))

    def symbols(self, count: int = BLOCK) -> Iterator[np.ndarray]:
        """Yield the codes as uint8 from 0 on."""
        for part in self.chunks(count):
            yield part.view(np.uint8) if self.low == 0 else (part.view(np.uint8) - np.uint8(self.low & 255))

    @property
    def bits(self) -> int:
        """Bits that tell the codes apart."""
        return (self.count - 1).bit_length()

    def nonzero(self, part: np.ndarray) -> np.ndarray:
        """Return where codes are not that of zero."""
        return part != part.dtype.type(self.zero)

    def instead(self, count: int, parts: Parts) -> Coded:
        """Return the numbers of `count` other codes, without scale."""
        return Coded((count,), self.dtype, (1, count, 1), Deferred(count, parts), self.low, self.count, 0, None,
                     codebook=self.codebook, indices=self.indices)

    def of_zero(self) -> np.ndarray | None:
        """Return the code of the value 0 of each code, flat, which broadcasts: a zero point's; None where that is no code."""
        if self.zero_point is None:
            return None if self.zero is None else np.array([self.zero], self.element_dtype)
        codes = self.zero_point.astype(self.element_dtype)
        whole = np.array_equal(codes, self.zero_point) and self.codebook is None
        if not whole or codes.min(initial=self.low) < self.low or codes.max(initial=self.low) >= self.low + self.count:
            return None
        return codes.reshape(-1) if codes.size == 1 else np.broadcast_to(codes, self.groups).reshape(-1)

    @property
    def histogram(self) -> np.ndarray:
        """int64[256]: how often each symbol occurs."""
        if self._histogram is None:
            self._histogram = counting.every(self.symbols(), self.count)
        return self._histogram

    @property
    def counted(self) -> bool:
        """Whether all codes are counted, or will be without a look at some of them first."""
        return self._histogram is not None or self.size < counting.MANY or self.count <= counting.FEW

    @cached_property
    def sampled(self) -> np.ndarray:
        """int64[256]: how often each symbol occurs among some of many codes; of fewer, or where that is known, among all."""
        known = self._histogram is not None or self.size < counting.MANY
        return self.histogram if known else counting.some(self.codes, self.low)

    @cached_property
    def used(self) -> np.ndarray:
        """The symbols that occur, by falling frequency, equally frequent ones by number."""
        counts = self.histogram
        return np.argsort(-counts, kind="stable")[: int(np.count_nonzero(counts))]

    def folded(self) -> Coded | None:
        """Return the same weight with its one scale in the codebook; None where it has none, or more."""
        if self.scale is None or self.scale.size > 1:
            return None
        values = self.numbers.astype(np.float32)
        if self.zero_point is not None:
            values = values - self.zero_point.reshape(()).astype(np.float32)
        with np.errstate(over="ignore"):
            values = (values * self.scale.reshape(()).astype(np.float32)).astype(helper.tensor_dtype_to_np_dtype(self.dtype))
        zeros = np.flatnonzero(values.view(f"u{values.itemsize}") == 0)
        same = self.zero is not None and self.zero - self.low in zeros
        kept = self.zero if same else int(zeros[0]) + self.low if zeros.size else None
        count = self.zeros if same or kept is None else int(self.histogram[kept - self.low])
        return replace(self, groups=(1, self.size, 1), scale=None, zero_point=None, codebook=values, zero=kept, zeros=count)

    def decode(self) -> np.ndarray:
        """Return the weight's values, bit for bit what the emitted nodes compute."""
        codes = self.codes.array(self.element_dtype)
        values = codes.astype(np.float32) if self.codebook is None else self.codebook[codes.astype(np.intp) - self.low]
        values = values.reshape(self.groups)
        if self.zero_point is not None:
            values = values - self.zero_point.astype(np.float32)
        if self.scale is not None:
            values = values * self.scale.astype(np.float32)
        return values.astype(helper.tensor_dtype_to_np_dtype(self.dtype)).reshape(self.shape)

    def rows(self, start: int, stop: int) -> Coded:
        """Return the part of indices [start, stop) along the first axis; see `step` for which can be."""
        inner = math.prod(self.shape[1:])
        a, r, p = self.groups
        first, last = start * inner, stop * inner
        if a > 1:
            cut = slice(first // (r * p), last // (r * p))
            groups = (cut.stop - cut.start, r, p)
        else:
            cut, groups = slice(0, 1), (1, (last - first) // p, p)
        part = replace(self, shape=(stop - start, *self.shape[1:]), groups=groups,
                       codes=Part(self.codes, first, last - first), _histogram=None,
                       scale=None if self.scale is None else self.scale[cut],
                       zero_point=None if self.zero_point is None else self.zero_point[cut])
        part.zeros = 0 if self.zero is None else int(sum(np.count_nonzero(~self.nonzero(c)) for c in part.chunks()))
        return part

    @property
    def step(self) -> int:
        """Indices along the first axis of which a part must be a multiple, to keep whole groups."""
        a, r, p = self.groups
        unit, inner = (r * p if a > 1 else p), max(1, math.prod(self.shape[1:]))
        return unit // math.gcd(unit, inner)

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

    def number_dims(self, run: int = 1) -> list[int]:
        """Return the shape in which the scale can be applied: the weight's own, or [A, R, P].

        Of the latter, the last axis is split where that gives a run of `run` numbers, which one lookup can then yield in place. Blocks
        within rows are [rows, blocks, R]: of [A, R, 1], OpenVINO takes R for the columns of a Gemm, and does not load it.
        """
        a, r, p = self.groups
        if self.scale is None or self.broadcast() is not None:
            return list(self.shape)
        if run > 1 and (r if p == 1 else p) % run == 0:
            return [a, r // run, run] if p == 1 else [a, r, p // run, run]
        rows = self.shape[0]
        return [rows, a // rows, r] if p == 1 and a % rows == 0 else [a, r, p]

    def finish(self, e: Emission, number_dims: Sequence[int], numbers: Numbers) -> str:
        """Add the nodes from `numbers`, of `number_dims`, to the weight; return it."""
        value, kind = numbers
        direct = list(number_dims) == list(self.shape)
        if self.scale is not None:
            if kind != TensorProto.FLOAT:
                value, kind = self._operation(e, e.cast(value, TensorProto.FLOAT)), TensorProto.FLOAT
            spread = self.broadcast() if direct else None
            a, _, p = self.groups
            rows = number_dims[0] if number_dims else 1
            blocks = [rows, a // rows, 1] if p == 1 and rows != a else [a, 1, *(number_dims[2:] if p > 1 else [1])]
            dims = spread if spread is not None else blocks
            if self.zero_point is not None:
                zero_point = e.cast(e.array(self.zero_point.reshape(dims)), TensorProto.FLOAT)
                value = self._operation(e, e.op("Sub", [value, zero_point]))
            scale = e.array(self.scale.reshape(dims))
            scale = e.cast(scale, TensorProto.FLOAT) if self.scale.dtype == np.float16 else scale
            value = self._operation(e, e.op("Mul", [value, scale]))
        if self.dtype != kind:
            value = self._operation(e, e.cast(value, self.dtype))
        return value if direct else self._operation(e, e.reshape(value, self.shape))

    def _operation(self, e: Emission, value: str) -> str:
        """Note what a node over all values takes; return its output."""
        e.costs(LOAD_OPERATION, self.size)
        e.left_to_rows += LOAD_OPERATION.bytes * self.size
        return value


def strip_leading(dims: Sequence[int]) -> list[int]:
    """Drop leading ones, which broadcasting adds by itself."""
    first = next((i for i, d in enumerate(dims) if d != 1), len(dims))
    return list(dims[first:])
