"""Huffman codes, and code sequences as wavelet trees of bit vectors.

Every inner node of the Huffman tree holds one bit for each symbol that passes it, in order: 0 to the left, 1 to the
right. Decoding merges bottom-up, with operators that any tensor runtime has: where bit j of a node is 1, its j-th
symbol is the right child's entry number (ones up to j) - 1, else the left child's number (zeros up to j) - 1.

Source: Huffman 1952; Grossi, Gupta, Vitter 2003, "High-order entropy-compressed text indexes", section 4.2.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """An inner node: subtrees or symbols on the left (bit 0) and right (bit 1)."""

    left: Split | int
    right: Split | int


@dataclass(frozen=True)
class Branch:
    """An inner node with its bits; a child is an index of an earlier branch, or ~symbol."""

    left: int
    right: int
    bits: np.ndarray  # [symbols that pass] bool


def entropy(counts: np.ndarray) -> float:
    """Bits per symbol that no code of single symbols can beat; 0 for none."""
    used = np.asarray(counts, np.float64)
    used = used[used > 0]
    shares = used / used.sum() if used.size else used
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def tree(counts: np.ndarray) -> Split | int:
    """Huffman tree of the symbols 0, 1, ... that occur; a lone symbol is its own tree.

    Ties are settled by age, symbols before splits; the more frequent subtree goes left.

    Raises: ValueError if no symbol occurs.
    """
    heap: list[tuple[int, int, Split | int]] = [
        (int(count), symbol, symbol) for symbol, count in enumerate(counts) if count > 0
    ]
    if not heap:
        raise ValueError("no symbol occurs")
    heapq.heapify(heap)
    age = len(counts)
    while len(heap) > 1:
        rare_count, _, rare = heapq.heappop(heap)
        count, _, common = heapq.heappop(heap)
        heapq.heappush(heap, (count + rare_count, age, Split(common, rare)))
        age += 1
    return heap[0][2]


def symbols(node: Split | int) -> list[int]:
    """Symbols of a tree from left to right."""
    return [node] if isinstance(node, int) else symbols(node.left) + symbols(node.right)


def code_lengths(node: Split | int, size: int) -> np.ndarray:
    """Bits of each symbol's code: its depth in the tree, 0 if it does not occur or is alone.

    Returns: [size] int64.
    """
    lengths = np.zeros(size, np.int64)

    def descend(node: Split | int, depth: int) -> None:
        if isinstance(node, int):
            lengths[node] = depth
        else:
            descend(node.left, depth + 1)
            descend(node.right, depth + 1)

    descend(node, 0)
    return lengths


def encoded_bits(counts: np.ndarray) -> int:
    """Bits of all codes together, before padding."""
    return int(code_lengths(tree(counts), len(counts)) @ np.asarray(counts, np.int64))


def branch_sizes(node: Split | int, counts: np.ndarray) -> list[int]:
    """Bits of each branch, in the order of `wavelet`: what its packed form takes."""
    if isinstance(node, int):
        return []
    passing = int(sum(counts[symbol] for symbol in symbols(node)))
    return branch_sizes(node.left, counts) + branch_sizes(node.right, counts) + [passing]


def wavelet(codes: np.ndarray, node: Split | int) -> list[Branch]:
    """Bit vectors of a code sequence [n] uint8, children before parents; the last is the root's.

    Returns: one branch for each inner node; none for a lone symbol.
    """
    branches: list[Branch] = []

    def descend(codes: np.ndarray, node: Split | int) -> int:
        if isinstance(node, int):
            return ~node
        goes_right = np.zeros(256, bool)
        goes_right[symbols(node.right)] = True
        right = goes_right.take(codes)
        # compress takes 0.7 ns an element, codes[right] 5
        children = descend(codes.compress(~right), node.left), descend(codes.compress(right), node.right)
        branches.append(Branch(*children, right))
        return len(branches) - 1

    descend(codes, node)
    return branches


def merge(branches: list[Branch], size: int, alone: int = 0) -> np.ndarray:
    """Code sequence of a wavelet tree, as the decoding operators build it.

    Without branches, all codes are the symbol `alone`.

    Returns: [size] uint8.
    """
    if not branches:
        return np.full(size, alone, np.uint8)
    decoded: list[np.ndarray] = []
    for branch in branches:
        ones = int(np.count_nonzero(branch.bits))
        left = _child(branch.left, decoded, branch.bits.size - ones)
        right = _child(branch.right, decoded, ones)
        rank = np.cumsum(branch.bits, dtype=np.int64)  # ones up to and with j
        position = np.arange(1, branch.bits.size + 1)
        decoded.append(np.concatenate([left, right])[np.where(branch.bits, rank + left.size, position - rank) - 1])
    return decoded[-1]


def _child(child: int, decoded: list[np.ndarray], size: int) -> np.ndarray:
    """Symbols of a child: an earlier branch's, or one symbol repeated."""
    return decoded[child] if child >= 0 else np.full(size, ~child, np.uint8)
