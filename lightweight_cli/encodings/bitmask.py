"""Zeros take one bit: a mask of the non-zero places, and their values in another layout.

bits = Reshape(Gather(B[256, 8], mask)); Gather([0, values...], CumSum(bits) * bits). Opset 11 (CumSum).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.model.blobs import Writer
from lightweight_cli.numerics import packing
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "bitmask"
MINIMUM_OPSET = 11
LOAD = LoadCost(15, 22)
"""For every value, zeros included: its bit and its rank; those of the layout of the non-zeros come on top."""
LOAD_NUMBERS = LoadCost(1, 1)
"""For every byte of a number that is put in its place and then in its shape."""
LOAD_ENTRY = LoadCost(0, 5)
BITS = packing.digit_table(2, 8)


def offers(values: Values, opset: int) -> bool:
    """Whether the zeros save more than the mask takes, and operators take the values' type."""
    pays = values.zero is not None and values.size < values.zeros * values.bits and values.zeros < values.size
    return pays and opset >= opset_for(values.number_type)


def opset_for(number_type: int) -> int:
    """Return the first opset whose operators take numbers of this type."""
    return 13 if number_type == TensorProto.BFLOAT16 else MINIMUM_OPSET


def kept(values: Values) -> Values:
    """Return zero and the non-zeros in order: what the other layout stores."""

    def parts() -> Iterator[np.ndarray]:
        yield np.full(1, values.zero, values.element_dtype)
        for part in values.chunks():
            yield part.compress(values.nonzero(part))

    return values.instead(values.size - values.zeros + 1, parts)


def emit(e: Emission, values: Values, dims: Sequence[int], numbers: Numbers, entries: int) -> Numbers:
    """Add the mask; return the tensor of shape `dims` of `numbers`, the numbers of the `entries` of `kept`."""

    def produce(writer: Writer) -> None:
        for part in values.chunks():
            writer.write(packing.pack_mask(values.nonzero(part)))

    rows = -(-values.size // 8)
    e.costs(LOAD, values.size)
    e.costs(LOAD_ENTRY, entries)
    packed = e.tensor("m", TensorProto.UINT8, [rows], rows, produce)
    bits = unpacked(e, packed)
    ranks = e.op("CumSum", [bits, axis0(e)])
    flat = e.op("Gather", [numbers.name, e.op("Mul", [ranks, bits])])
    e.costs(LOAD_NUMBERS, 2 * helper.tensor_dtype_to_np_dtype(numbers.kind).itemsize * values.size)
    return Numbers(e.fit(flat, rows * 8, values.size, dims), numbers.kind)


def unpacked(e: Emission, packed: str) -> str:
    """Return the bits of packed bytes, int32[bytes * 8]."""
    rows = e.op("Gather", [e.shared("lwc.bits", BITS), e.cast(packed, TensorProto.INT32)])
    return e.cast(e.reshape(rows, [-1]), TensorProto.INT32)


def axis0(e: Emission) -> str:
    """Return the number 0, as CumSum's axis."""
    return e.shared("lwc.axis0", np.array(0, np.int32))
