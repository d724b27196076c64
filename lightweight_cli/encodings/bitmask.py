"""Zeros take one bit: a mask of the non-zero places and their values in order.

bits = Reshape(Gather(B[256, 8], mask)); Gather([0, values...], CumSum(bits) * bits). The values are floats, or codes
in another layout. Opset 11 (CumSum).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from onnx import TensorProto

from lightweight_cli.blobs import Blob, Writer
from lightweight_cli.encodings import dense, table
from lightweight_cli.encodings.builder import Emission
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.numerics import packing

NAME = "bitmask"
MINIMUM_OPSET = 11
BITS = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(np.uint8)


def offers(coded: Coded, opset: int) -> bool:
    """Whether the layout can hold these codes at this opset."""
    return opset >= MINIMUM_OPSET and coded.zero is not None and coded.zero_point is None and 0 < coded.zeros < coded.size


def opset_for(dtype: int) -> int:
    """Return the first opset whose Gather takes values of `dtype`."""
    return 13 if dtype == TensorProto.BFLOAT16 else MINIMUM_OPSET


def emit(e: Emission, coded: Coded, dims: Sequence[int]) -> str:
    """Add mask and codes of the non-zeros; return the float tensor of all numbers, of shape `dims`."""
    zero = np.array([coded.zero]).astype(coded.code_dtype)

    def kept() -> np.ndarray:
        parts = [zero, *(part[part != zero[0]] for part in coded.chunks())]
        return np.concatenate(parts)

    count = coded.size - coded.zeros + 1
    inner_layout = table if table.offers(coded, e.opset) else dense
    inner = replace(coded, shape=(count,), groups=(1, count, 1), codes=Deferred(count, kept), zeros=0)
    numbers = inner_layout.emit(e, inner, [count])
    index = emit_index(e, coded.size, lambda: (part != zero[0] for part in coded.chunks()))
    flat = e.op("Gather", [numbers, index])
    return fit(e, flat, coded.size, dims)


def emit_floats(e: Emission, size: int, nonzero: int, dtype: int, itemsize: int, chunks: Iterable[np.ndarray], dims: Sequence[int]) -> str:
    """Add mask and values of a float weight; `chunks` can be iterated again. Returns: the weight, of shape `dims`."""

    def unsigned(part: np.ndarray) -> np.ndarray:
        return part.view(f"u{itemsize}")  # -0.0 counts as a value: it keeps its sign

    def values(writer: Writer) -> None:
        writer.write(bytes(itemsize))
        for part in chunks:
            bits = unsigned(part)
            writer.write(bits[bits != 0])

    stored = e.tensor("v", dtype, [nonzero + 1], (nonzero + 1) * itemsize, values)
    index = emit_index(e, size, lambda: (unsigned(part) != 0 for part in chunks))
    return fit(e, e.op("Gather", [stored, index]), size, dims)


def emit_index(e: Emission, size: int, masks: Callable[[], Iterator[np.ndarray]]) -> str:
    """Add the mask; return int32[size padded to 8]: 0 where zero, else 1 + rank among the non-zeros."""

    def produce(writer: Writer) -> None:
        for mask in masks():
            writer.write(packing.pack_mask(mask))

    rows = -(-size // 8)
    packed = e.tensor("m", TensorProto.UINT8, [rows], rows, produce)
    table_of_bits = e.cast(e.shared("lwc.bits", BITS), TensorProto.INT32)
    rows_of_bits = e.op("Gather", [table_of_bits, e.cast(packed, TensorProto.INT32)])
    bits = e.reshape(rows_of_bits, [-1])
    ranks = e.op("CumSum", [bits, e.shared("lwc.axis0", np.array(0, np.int32))])
    return e.op("Mul", [ranks, bits])


def fit(e: Emission, flat: str, size: int, dims: Sequence[int]) -> str:
    """Cut the padding of a flat tensor and give it its shape."""
    if size % 8:
        flat = e.head(flat, size)
    return e.reshape(flat, dims)


class Deferred(Blob):
    """Codes that are gathered when they are first read: only the layout that is taken needs them."""

    def __init__(self, length: int, make: Callable[[], np.ndarray]) -> None:
        self.length, self.source, self.offset, self.make = length, None, 0, make

    @cached_property
    def data(self) -> memoryview:  # type: ignore[override]
        """The bytes, in memory."""
        return memoryview(self.make().view(np.uint8))
