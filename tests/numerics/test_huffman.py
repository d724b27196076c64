"""Huffman trees are optimal and their bit vectors give the codes back."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics.huffman import (
    Split,
    branch_sizes,
    code_lengths,
    encoded_bits,
    entropy,
    merge,
    symbols,
    tree,
    wavelet,
)

counts_lists = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)


def least_bits(counts: list[int]) -> int:
    """Huffman's sum of merged counts."""
    heap = [count for count in counts if count]
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both
        heapq.heappush(heap, both)
    return total


@given(counts_lists)
def test_code_is_optimal_and_complete(counts: list[int]) -> None:
    root = tree(np.array(counts))
    lengths = code_lengths(root, len(counts))
    used = [symbol for symbol, count in enumerate(counts) if count]
    assert sorted(symbols(root)) == used
    assert sum(2.0 ** -lengths[used]) == 1
    assert encoded_bits(np.array(counts)) == least_bits(counts) == sum(branch_sizes(root, np.array(counts)))
    bits = entropy(np.array(counts)) * sum(counts)
    assert bits - 1e-6 <= least_bits(counts) <= bits + sum(counts)


@given(hnp.arrays(np.uint8, st.integers(1, 300), elements=st.integers(0, 255) | st.integers(0, 3)))
def test_wavelet_gives_the_codes_back(codes: np.ndarray) -> None:
    counts = np.bincount(codes)
    root = tree(counts)
    branches = wavelet(codes, root)
    assert [branch.bits.size for branch in branches] == branch_sizes(root, counts)
    assert np.array_equal(merge(branches, codes.size, int(codes[0])), codes)
    for position, branch in enumerate(branches):
        assert max(branch.left, branch.right) < position


def test_ties_are_settled_by_age() -> None:
    assert tree(np.array([1, 1, 1, 1])) == Split(Split(3, 2), Split(1, 0))
    assert tree(np.array([5, 1])) == Split(0, 1)


def test_skewed_counts_make_a_deep_tree() -> None:
    counts = np.array([1 << i for i in range(40)], np.int64)
    assert code_lengths(tree(counts), 40).tolist() == [39, *range(39, 0, -1)]


def test_entropy() -> None:
    assert entropy(np.array([7])) == 0 and entropy(np.array([0, 0])) == 0
    assert entropy(np.array([1, 1, 2])) == 1.5


def test_no_symbols() -> None:
    with pytest.raises(ValueError, match="no symbol"):
        tree(np.zeros(4, np.int64))
