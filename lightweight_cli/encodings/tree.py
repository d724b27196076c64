"""Codes in a split tree of some depth: from packed digits over a bitmask to within a few percent of entropy coding.

    places   of each code among those that occur, by falling frequency: leaves (leaf.py), joined by splits (split.py), as bytes, which
             take their shape before they are wider
    numbers  Gather(numbers by place, Cast(places)), once at the end

A tree without a split is leaf.py's. Which leaves are best is numerics.split_tree's to say. Opset 11 from one split on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings import digit_tables, leaf, split
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.streams import Streams, base_of
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.numerics import packing, split_tree
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

LARGEST = 1 << 27
"""Codes of a weight that are split: packing them takes some 4 bytes of memory for each."""
LOAD_PLACES = LoadCost(4, 4)
"""For every code, looked up at the end."""
HOPELESS = 1.02
"""Bits of the best tree with splits, for each bit of one leaf, from which some codes tell that all need not be counted: 8 bits of
Gaussian weights in blocks of 64 have 1.06, and the share of a leaf is known to .2 %."""
LOAD_NUMBERS = LoadCost(1, 0.9)
"""For every byte of a place in its shape, and of a number."""


@dataclass(frozen=True)
class Tree:
    """The layout of trees of exactly `splits` splits."""

    splits: int

    @property
    def NAME(self) -> str:
        """The layout in words."""
        return f"tree of {self.splits}" if self.splits else "packed"

    @property
    def MINIMUM_OPSET(self) -> int:
        """The first opset that has its operators."""
        return split.MINIMUM_OPSET if self.splits else 7

    @property
    def LOAD(self) -> LoadCost:
        """The least that it takes at load."""
        return LoadCost(18, 20) if self.splits else LoadCost(1, 1)

    def offers(self, values: Values, opset: int) -> bool:
        """Whether the layout can hold these codes at this opset, and a tree of fewer splits would be larger."""
        if not isinstance(values, Coded) or opset < self.MINIMUM_OPSET or not values.size:
            return False
        if self.splits == 0:
            return True
        if self.splits > split_tree.DEPTH and values.size < split_tree.LARGE or values.size > LARGEST:
            return False
        return (values.counted or not hopeless(values)) and len(self.leaves(values)) == self.splits + 1

    def leaves(self, coded: Coded) -> tuple[int, ...]:
        """Return the leaves of the best tree of at most so many splits."""
        return split_tree.chain(coded.histogram[coded.used], self.splits)

    def emit(self, e: Emission, values: Values, dims: Sequence[int]) -> Numbers:
        """Add the packed codes; return the tensor of their numbers, of shape `dims`."""
        assert isinstance(values, Coded)
        coded = values
        if self.splits == 0:
            return leaf.emit(e, coded, dims)
        order, leaves = coded.used, self.leaves(coded)
        places, length = decoded(e, coded, order, leaves)
        width = helper.tensor_dtype_to_np_dtype(coded.number_type).itemsize
        e.costs(LOAD_PLACES, coded.size)
        e.costs(LOAD_NUMBERS, (1 + width) * coded.size)
        e.left_to_rows += (LOAD_PLACES.bytes + width) * coded.size
        if length == coded.size:
            places = e.reshape(places, dims)
        else:
            e.costs(LOAD_NUMBERS, 2 * coded.size)
            places = e.head(e.reshape(places, [-1]), coded.size)
            places = places if list(dims) == [coded.size] else e.reshape(places, dims)
        if dims and coded.size % (8 * dims[0]) == 0:
            e.left_to_rows += split.LEFT_TO_ROWS * coded.size
        return Numbers(e.op("Gather", [e.array(leaf.book(coded, order)), e.cast(places, TensorProto.INT32)]), coded.number_type)

    def run(self, values: Coded) -> int:
        """Return how many numbers the last lookup yields where they need not be reshaped."""
        return leaf.run(values) if self.splits == 0 else 1


def hopeless(coded: Coded) -> bool:
    """Whether no tree with splits takes fewer bits than one leaf, by far, as all codes or some of many tell."""
    counts = coded.sampled
    return split_tree.advantage(-np.sort(-counts[counts > 0])) > HOPELESS


def decoded(e: Emission, coded: Coded, order: np.ndarray, leaves: Sequence[int]) -> tuple[str, int]:
    """Add the streams of a tree and its splits; return the places uint8 [n / 8, 8] and n, padding included."""
    counts, streams = coded.histogram[order], Streams(coded, leaves, order)

    def stored(i: int, start: int, length: int) -> str:
        """Add leaf `i`; return its places, flat."""
        if leaves[i] == 1:
            return e.shared(f".u{start}", np.array([start], np.uint8), True)
        base = base_of(leaves[i])
        if base is None:
            e.costs(leaf.LOAD_BYTE, length)
            return e.tensor(TensorProto.UINT8, [length], length, streams.writer("codes", i))
        rows = -(-length // packing.DIGITS[base])
        e.costs(leaf.LOAD_PACKED, rows)
        e.costs(LoadCost(2, leaf.LOAD_LOOKUP), length)
        packed = e.tensor(TensorProto.UINT8, [rows], rows, streams.writer("codes", i))
        table = digit_tables.numbers(e, base, start, TensorProto.UINT8)
        return e.reshape(e.op("Gather", [table, e.cast(packed, TensorProto.INT32)]), [-1])

    def branch(i: int, start: int, length: int) -> tuple[str, int]:
        """Add the tree from leaf `i` on, of so many elements."""
        rows, ones = -(-length // 8), int(counts[start + leaves[i] :].sum())
        bits = e.tensor(TensorProto.UINT8, [rows], rows, streams.writer("bits", i))
        first = stored(i, start, 8 * rows - ones)
        after = start + leaves[i]
        if i + 2 == len(leaves):
            rest = stored(i + 1, after, ones)
        else:
            rest = e.reshape(branch(i + 1, after, ones)[0], [-1])
            e.costs(split.LOAD_ELEMENT, ones)
        if leaves[i] > 1 and (i + 2 < len(leaves) or leaves[i + 1] > 1):
            return split.merged(e, bits, 8 * rows, first, rest), 8 * rows
        both = e.op("Concat", [first, rest], axis=0)
        e.costs(split.LOAD_ELEMENT, ones)
        join = split.with_first if leaves[i] == 1 else split.with_last
        return join(e, bits, 8 * rows, both), 8 * rows

    return branch(0, 0, coded.size)
