"""Huffman coding in tensor operators: a wavelet tree of bit vectors, decoded from the leaves to the root.

A branch with bits b merges its children S = Concat(left, right) by
index = b ? len(left) + CumSum(b) - 1 : CumSum(1 - b) - 1. A child that is a single symbol stands once, at index 0:
index = CumSum(b) * b, or CumSum(1 - b) * (1 - b). The padding of a branch's last byte decodes to anything: nothing
refers to it, and only the root is cut. Opset 11 (CumSum).

Source: Huffman 1952; Grossi, Gupta, Vitter 2003, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings.bitmask import axis0, unpacked
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.model.blobs import Writer
from lightweight_cli.numerics import huffman, packing
from lightweight_cli.numerics.huffman import Split
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "huffman"
MINIMUM_OPSET = 11
LOAD = LoadCost(80, 0)
"""Least for any codes worth it; `emit` notes what the branches really take."""
LOAD_BIT = LoadCost(30, 45)
"""For every bit of every code."""
Child = int | tuple[str, int]
"""A symbol, or a tensor of numbers and its length."""
LARGEST = 1 << 24
"""Codes of one weight: encoding takes 20 bytes of memory for each."""


def offers(values: Values, opset: int) -> bool:
    """Whether the codes are not all one and not too many."""
    if not isinstance(values, Coded) or opset < MINIMUM_OPSET or values.size > LARGEST:
        return False
    return int(np.count_nonzero(values.histogram)) > 1


def emit(e: Emission, values: Values, dims: Sequence[int]) -> Numbers:
    """Add the branches' bits; return the tensor of the codes' numbers, of shape `dims`."""
    assert isinstance(values, Coded)
    coded, counts = values, values.histogram
    tree = huffman.tree(counts)
    assert isinstance(tree, Split)
    packed = Bits(coded, tree)
    numbers = coded.numbers.astype(helper.tensor_dtype_to_np_dtype(coded.number_type))
    order = 0

    def branch(node: Split) -> tuple[str, int]:
        """Add a branch and all below it; return its symbols' numbers and their count, with padding."""
        nonlocal order
        left: Child = node.left if isinstance(node.left, int) else branch(node.left)
        right: Child = node.right if isinstance(node.right, int) else branch(node.right)
        count = int(sum(counts[s] for s in huffman.symbols(node)))
        rows = -(-count // 8)
        e.costs(LOAD_BIT, count)
        bits = unpacked(e, e.tensor(f"h{order}.", TensorProto.UINT8, [rows], rows, packed.writer(order)))
        order += 1
        return merge(e, numbers, bits, left, right), rows * 8

    root, length = branch(tree)
    return Numbers(e.fit(root, length, coded.size, dims), coded.number_type)


def merge(e: Emission, numbers: np.ndarray, bits: str, left: Child, right: Child) -> str:
    """Add the nodes that merge two children, each a symbol or (tensor, length); return the tensor."""
    if isinstance(left, int) and isinstance(right, int):
        return e.op("Gather", [e.array("l", numbers[[left, right]]), bits])
    if isinstance(left, int) and not isinstance(right, int):
        both = e.op("Concat", [e.array("l", numbers[[left]]), right[0]], axis=0)
        return e.op("Gather", [both, e.op("Mul", [e.op("CumSum", [bits, axis0(e)]), bits])])
    zeros = e.op("Sub", [e.shared("lwc.one", np.array(1, np.int32)), bits])
    ranks = e.op("CumSum", [zeros, axis0(e)])
    assert not isinstance(left, int)
    if isinstance(right, int):
        both = e.op("Concat", [e.array("l", numbers[[right]]), left[0]], axis=0)
        return e.op("Gather", [both, e.op("Mul", [ranks, zeros])])
    both = e.op("Concat", [left[0], right[0]], axis=0)
    beyond = e.op("Add", [e.op("CumSum", [bits, axis0(e)]), e.array("n", np.array(left[1] - 1, np.int32))])
    within = e.op("Sub", [ranks, e.shared("lwc.one", np.array(1, np.int32))])
    return e.op("Gather", [both, e.op("Where", [e.cast(bits, TensorProto.BOOL), beyond, within])])


class Bits:
    """The packed bits of every branch, made when the first is written."""

    def __init__(self, coded: Coded, tree: Split) -> None:
        self.coded, self.tree = coded, tree
        self.packed: list[np.ndarray] = []

    def writer(self, number: int) -> Callable[[Writer], None]:
        """Return what writes the bits of a branch, numbered as in `numerics.huffman.wavelet`."""

        def produce(writer: Writer) -> None:
            if not self.packed:
                symbols = np.concatenate(list(self.coded.symbols()))
                self.packed = [pack(b) for b in huffman.wavelet(symbols, self.tree)]
            writer.write(self.packed[number])

        return produce


def pack(branch: huffman.Branch) -> np.ndarray:
    """Pack a branch's bits. Padding goes where it can't lead beyond the children: to the side that is a symbol."""
    bits = branch.bits
    if branch.right < 0 <= branch.left:
        missing = -bits.size % 8
        bits = np.concatenate([bits, np.ones(missing, bool)])
    return packing.pack_mask(bits)
