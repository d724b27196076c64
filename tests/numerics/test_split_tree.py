"""Split trees: against all chains by force, known trees, the lengths that rounding uses."""

import heapq
import itertools

import numpy as np
import pytest

from lightweight_cli.numerics import split_tree
from lightweight_cli.numerics.split_tree import Overhead

FREE = Overhead(0, 0, 0, 0, 0)


def by_force(counts: list[int], depth: int, overhead: Overhead) -> float:
    """The bytes of the smallest of all chains of at most `depth` splits."""
    sizes = [sum(counts)]
    best = float("inf")
    for splits in range(depth + 1):
        for cuts in itertools.combinations(range(1, len(counts)), splits):
            leaves = np.diff([0, *cuts, len(counts)])
            bits = (overhead.leaf + overhead.first * (splits > 0)) * 8.0
            at, rest = 0, sizes[0]
            for i, leaf in enumerate(leaves):
                here = sum(counts[at : at + leaf])
                bits += here * split_tree.width(leaf)
                if i < splits:
                    bits += rest + 8 * (overhead.single if leaf == 1 else overhead.split)
                at, rest = at + leaf, rest - here
            best = min(best, bits / 8)
    return best + overhead.value * len(counts)


@pytest.mark.parametrize("overhead", [FREE, Overhead(20, 10, 40, 25, 4)], ids=["free", "nodes"])
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_no_chain_is_smaller(depth: int, overhead: Overhead) -> None:
    rng = np.random.default_rng(depth)
    for size in (1, 2, 3, 5, 9, 18):
        counts = np.sort(rng.geometric(0.003, size) ** rng.integers(1, 3, size))[::-1]
        tree = split_tree.best(counts, depth, overhead)
        assert tree.nbytes == pytest.approx(by_force(counts.tolist(), depth, overhead), abs=1e-6)
        assert sum(tree.leaves) == size and tree.splits <= depth


def huffman_bits(counts: list[int]) -> int:
    """Bits of all codes in a Huffman code: each merge is a bit for whatever lies below it."""
    total, heap = 0, [c for c in counts if c]
    heapq.heapify(heap)
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        heapq.heappush(heap, merged)
        total += merged
    return total


def test_bits_are_those_of_the_lengths_and_never_below_huffman() -> None:
    rng = np.random.default_rng(1)
    codes = np.rint(rng.standard_normal(200_000) / 0.35).astype(int)
    counts = np.bincount(codes - codes.min())
    bits = [split_tree.best(counts, depth).bits for depth in range(5)]
    assert bits == sorted(bits, reverse=True)
    tree = split_tree.best(counts, 3)
    assert tree.bits == pytest.approx(counts @ tree.lengths)
    assert huffman_bits(counts.tolist()) < tree.bits < huffman_bits(counts.tolist()) + 0.2 * codes.size
    assert tree.bits / codes.size == pytest.approx(3.71, abs=0.01)


def test_known_trees() -> None:
    assert split_tree.best(np.full(16, 10_000)).leaves == (16,)
    assert split_tree.best(np.array([100, 90_000, 90, 80, 70, 100])).leaves == (1, 5)
    assert split_tree.best(np.array([64_000, 32_000, 16_000, 8_000, 8_000]), 3).leaves == (1, 1, 1, 2)
    assert split_tree.best(np.array([0, 7, 0])).leaves == (1,)


def test_codes_are_placed_by_frequency_and_ties_by_code() -> None:
    tree = split_tree.best(np.array([5, 0, 900_000, 5, 6]), 1)
    assert tree.order.tolist() == [2, 4, 0, 3]
    assert tree.leaves == (1, 3)
    assert tree.lengths.tolist() == [2.6, 4.6, 1.0, 2.6, 2.6]  # the code that does not occur: two bits more than the last leaf


def test_an_expensive_split_is_not_taken() -> None:
    counts = np.array([900, 30, 30, 30, 10])
    assert split_tree.best(counts, 3, Overhead(split=1e6, single=1e6)).leaves == (5,)
    assert split_tree.best(counts, 3, FREE).leaves == (1, 4)


def test_nothing_has_no_tree() -> None:
    with pytest.raises(ValueError, match="no code occurs"):
        split_tree.best(np.zeros(4, int))
