"""Groups: which weights share a scale, as [A, R, P]."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightweight_cli.weights.groups import blocks_of, channels_of


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((64, 32), (1,), (1, 64, 32)),
        ((64, 32), (0,), (64, 32, 1)),
        ((8, 4, 3, 3), (0,), (8, 36, 1)),
        ((8, 4, 3, 3), (1,), (32, 9, 1)),
        ((3, 64, 32), (0, 2), (3, 64, 32)),
        ((2, 16, 8), (0, 1), (32, 8, 1)),
        ((5, 6, 7), (1,), (30, 7, 1)),
        ((10,), (), (1, 10, 1)),
        ((10,), (0,), (1, 10, 1)),
        ((4, 0), (0,), (4, 0, 1)),
    ],
)
def test_channels(shape, axes, expected):
    assert channels_of(shape, axes) == expected and math.prod(expected) == math.prod(shape)


@given(st.integers(1, 50), st.integers(1, 5000), st.integers(1, 50), st.integers(8, 512))
def test_blocks_divide_the_axis_near_the_size_asked(a, r, p, size):
    blocks, block, columns = blocks_of((a, r, p), size)
    assert blocks * block == a * r and columns == p
    if r % size == 0 and r > size:
        assert block == size
    if block != r:
        assert size / 2 - 1 < block <= 2 * size


def test_a_prime_axis_keeps_its_group():
    assert blocks_of((3, 997, 2), 32) == (3, 997, 2)


def test_the_nearest_divisor():
    assert blocks_of((1, 144, 1), 32) == (4, 36, 1) and blocks_of((1, 96, 1), 64) == (2, 48, 1)


def test_multiples_of_four_come_first() -> None:
    assert blocks_of((400, 100, 1), 32) == (2000, 20, 1) and blocks_of((2, 200, 3), 32) == (10, 40, 3)
    assert blocks_of((1, 100, 1), 25) == (4, 25, 1) and blocks_of((1, 75, 1), 32) == (3, 25, 1)
