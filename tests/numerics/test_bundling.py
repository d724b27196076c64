"""Which weights share a tree: never what saves nothing, and what is alike."""

from __future__ import annotations

import numpy as np

from lightweight_cli.numerics.bundling import MEMBERS, bits, grouped
from lightweight_cli.numerics.split_tree import best


def tree(counts: np.ndarray) -> float:
    return best(counts).nbytes


def cost(counts: np.ndarray, member: float) -> float:
    return tree(counts.sum(0)) + member * len(counts)


def test_entropy_is_of_all_codes_together() -> None:
    assert np.allclose(bits(np.array([[4, 4, 0], [2, 2, 4], [0, 7, 0]])), [8, 12, 0])


def test_groups_save_bytes_and_hold_what_is_alike() -> None:
    random = np.random.default_rng(2)
    left, right = random.integers(1, 60, (6, 12)), random.integers(1, 60, (6, 12))
    counts = np.zeros((12, 24), np.int64)
    counts[:6, :12], counts[6:, 12:] = np.sort(left)[:, ::-1] * 40, np.sort(right)[:, ::-1] * 40
    alone = np.array([cost(c[None], 0) for c in counts])
    found = grouped(counts, alone, np.full(12, 40.0), tree)
    assert sorted(found) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    for which in found:
        assert cost(counts[which], 40.0) < alone[which].sum()
    assert grouped(counts, alone, np.full(12, 1e4), tree) == []
    assert grouped(counts[:1], alone[:1], np.full(1, 4.0), tree) == grouped(counts[:0], alone[:0], np.empty(0), tree) == []


def test_several_are_worth_a_tree_of_which_no_two_are() -> None:
    counts = np.tile(np.array([30, 30, 30, 30]), (8, 1))
    alone = np.full(8, 130.0)  # less than a tree's table and nodes for two
    assert cost(counts[:2], 20) > 2 * 130 and cost(counts, 20) < 8 * 130
    assert grouped(counts, alone, np.full(8, 20.0), tree) == [list(range(8))]


def test_a_bundle_has_a_largest_number_of_members_and_of_codes() -> None:
    counts = np.full((MEMBERS + 20, 3), 50)
    found = grouped(counts, np.full(len(counts), 400.0), np.full(len(counts), 20.0), tree)
    assert max(map(len, found)) <= MEMBERS and sum(map(len, found)) == len(counts)
    apart = np.kron(np.eye(2, dtype=np.int64), np.full(200, 5))[None][0]
    assert grouped(apart, np.full(2, 9e4), np.zeros(2), tree) == []
