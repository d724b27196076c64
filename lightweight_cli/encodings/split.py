"""One split of a tree: a vector of bits says which elements are of the first run, zeros, and which of the rest, ones.

    a zero's element   CumSum(zeros of the bytes) + local, from the start of Concat(first, rest)
    a one's element    CumSum(-ones of the bytes) + local, from its end: the rest is stored backwards, its padding first

so that nothing need be stored of where the rest begins. Where one run is a single element, it stands once, and a one's element is
CumSum(ones) - local in Concat(first, rest), the rest in order. 10 to 12 nodes. Opset 11 (CumSum, negative indices).
"""

from __future__ import annotations

from onnx import TensorProto

from lightweight_cli.encodings import digit_tables
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

MINIMUM_OPSET = 11
LOAD = LoadCost(15.5, 20)
"""For every bit."""
LOAD_SINGLE = LoadCost(14.5, 18)
"""For every bit where a run is a single element."""
LEFT_TO_ROWS = 13.0
"""Bytes for every bit that the first split of a table decoded by rows does not take at load: its indices and what they take, and
places in their shape; but bits and counts are there once more, in rows."""
LOAD_ELEMENT = LoadCost(1, 1)
"""For every byte of an element, where runs are joined and where elements are taken."""


def merged(e: Emission, packed: str, bits: int, first: str, rest: str) -> str:
    """Return uint8 [bits / 8, 8]: elements of two runs of many, the second backwards."""
    e.costs(LOAD, bits)
    e.costs(LOAD_ELEMENT, 2 * bits)
    ranks, p, axis = digit_tables.ranks(e), e.cast(packed, TensorProto.INT32), e.number(0)
    ones = e.op("CumSum", [e.op("Gather", [ranks.minus, p]), axis])
    zeros = e.op("CumSum", [e.op("Gather", [ranks.zeros, p]), axis])
    start = e.op("Where", [e.op("Gather", [ranks.one, p]), ones, zeros])
    index = e.op("Add", [start, e.op("Gather", [ranks.local, p])])
    return e.op("Gather", [e.op("Concat", [first, rest], axis=0), index])


def with_first(e: Emission, packed: str, bits: int, elements: str, itemsize: int = 1) -> str:
    """Return [bits / 8, 8]: the first of `elements` for zeros, those after it, in order, for ones."""
    e.costs(LOAD_SINGLE, bits)
    e.costs(LOAD_ELEMENT, itemsize * bits)
    ranks, p = digit_tables.ranks(e), e.cast(packed, TensorProto.INT32)
    ones = e.op("CumSum", [e.op("Gather", [ranks.ones, p]), e.number(0)])
    place = e.op("Sub", [ones, e.op("Gather", [ranks.local, p])])
    return e.op("Gather", [elements, e.op("Where", [e.op("Gather", [ranks.one, p]), place, e.number(0)])])


def with_last(e: Emission, packed: str, bits: int, elements: str) -> str:
    """Return uint8 [bits / 8, 8]: the last of `elements` for ones, those before it, in order, for zeros."""
    e.costs(LOAD_SINGLE, bits)
    e.costs(LOAD_ELEMENT, bits)
    ranks, p = digit_tables.ranks(e), e.cast(packed, TensorProto.INT32)
    zeros = e.op("CumSum", [e.op("Gather", [ranks.zeros, p]), e.number(0)])
    place = e.op("Add", [zeros, e.op("Gather", [ranks.local, p])])
    return e.op("Gather", [elements, e.op("Where", [e.op("Gather", [ranks.one, p]), e.number(-1), place])])
