"""Few values among zeros: 8-bit gaps between their places, and the values in another layout.

places = CumSum(gaps) - 1; ScatterElements(zeros, places, values). A gap over 255 takes filler entries of value 0.
Smaller than a bitmask where less than one value in eight is not zero. Opset 11 (CumSum, ScatterElements).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.model.blobs import Writer
from lightweight_cli.numerics.stats import LARGEST_GAP, Gaps
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "delta"
MINIMUM_OPSET = 11
LOAD = LoadCost(3, 3)
"""The least for every value, zeros included."""
LOAD_NUMBERS = LoadCost(1, 0.75)
"""For every byte of a number, three times: a zero, in its place, in its shape."""
LOAD_ENTRY = LoadCost(13, 20)
"""For every entry; those of the layout of the entries' values come on top."""
WORTH = 8
"""Values for each that is not zero from which gaps can be smaller than a mask."""


def offers(values: Values, opset: int) -> bool:
    """Whether few enough are not zero, and operators take the values' type."""
    few = values.zero is not None and 0 < (values.size - values.zeros) * WORTH <= values.size
    return few and opset >= opset_for(values.number_type)


def opset_for(number_type: int) -> int:
    """Return the first opset whose operators take numbers of this type; ConstantOfShape needs 20 for bfloat16."""
    return 20 if number_type == TensorProto.BFLOAT16 else MINIMUM_OPSET


def kept(values: Values) -> Values:
    """Return the non-zeros in order, with zeros as fillers: what the other layout stores."""
    counted = Gaps()
    for part in values.chunks():
        mask = values.nonzero(part)
        counted.add(mask, part.size - int(np.count_nonzero(mask)))

    def parts() -> Iterator[np.ndarray]:
        for part, mask, gaps, ends in steps(values):
            out = np.full(gaps.size, values.zero, values.element_dtype)
            out[ends] = part.compress(mask)
            yield out

    return values.instead(counted.entries, parts)


def steps(values: Values) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield for each chunk: itself, where it is not zero, its gaps with fillers, which of them end at a non-zero."""
    last = -1  # the place of the last non-zero, counted from the chunk's first element
    for part in values.chunks():
        mask = values.nonzero(part)
        places = np.flatnonzero(mask)
        if places.size:
            distances = np.diff(places, prepend=last)
            fillers = (distances - 1) // LARGEST_GAP
            ends = np.cumsum(fillers + 1) - 1
            gaps = np.full(ends[-1] + 1, LARGEST_GAP, np.uint8)
            gaps[ends] = distances - fillers * LARGEST_GAP
            yield part, mask, gaps, ends
            last = int(places[-1])
        last -= part.size


def emit(e: Emission, values: Values, dims: Sequence[int], numbers: Numbers, entries: int) -> Numbers:
    """Add the gaps; return the tensor of shape `dims` of `numbers`, the numbers of the `entries` of `kept`."""

    def produce(writer: Writer) -> None:
        for _, _, gaps, _ in steps(values):
            writer.write(gaps)

    e.costs(LOAD, values.size)
    e.costs(LOAD_ENTRY, entries)
    packed = e.tensor(TensorProto.UINT8, [entries], entries, produce)
    ends = e.op("CumSum", [e.cast(packed, TensorProto.INT32), e.number(0)])
    places = e.op("Sub", [ends, e.number(1)])
    itemsize = helper.tensor_dtype_to_np_dtype(numbers.kind).itemsize
    nothing = TensorProto(data_type=numbers.kind, dims=[1], raw_data=bytes(itemsize))
    e.costs(LOAD_NUMBERS, 3 * itemsize * values.size)
    zeros = e.op("ConstantOfShape", [e.shape([values.size])], value=nothing)
    flat = e.op("ScatterElements", [zeros, places, numbers.name], axis=0)
    return Numbers(e.fit(flat, values.size, values.size, dims), numbers.kind)
