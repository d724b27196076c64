"""Zeros among floats take one bit: a tree of one split, whose first leaf is zero and whose rest is floats in another layout.

Codes need no such layout: zero is a code like others, and `tree` splits it off where it is frequent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings import split
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.model.blobs import Writer
from lightweight_cli.numerics import packing
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "bitmask"
MINIMUM_OPSET = split.MINIMUM_OPSET
LOAD = split.LOAD_SINGLE
LOAD_NUMBERS = LoadCost(1, 1)
"""For every byte of a number that is put in its shape."""
LOAD_ENTRY = LoadCost(0, 5)


def offers(values: Values, opset: int) -> bool:
    """Whether the zeros save more than the mask takes, and operators take the values' type."""
    pays = isinstance(values, Floats) and values.size < values.zeros * values.bits and values.zeros < values.size
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

    rows, itemsize = -(-values.size // 8), helper.tensor_dtype_to_np_dtype(numbers.kind).itemsize
    e.costs(LOAD_ENTRY, entries)
    e.costs(LOAD_NUMBERS, itemsize * values.size)
    flat = split.with_first(e, e.tensor(TensorProto.UINT8, [rows], rows, produce), 8 * rows, numbers.name, itemsize)
    return Numbers(e.shaped(flat, rows * 8, values.size, dims), numbers.kind)
