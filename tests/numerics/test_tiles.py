"""Tiles cover an array once, in order, in contiguous ranges."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lightweight_cli.numerics.tiles import pieces, tiles

sizes = st.integers(0, 9)


@given(st.tuples(sizes, sizes, sizes), st.integers(1, 40))
def test_tiles_walk_the_flat_array(shape: tuple[int, int, int], limit: int) -> None:
    flat = np.arange(np.prod(shape))
    parts = [flat.reshape(shape)[index] for index in tiles(shape, limit)]
    walked = np.concatenate([part.reshape(-1) for part in parts]) if parts else flat[:0]
    assert np.array_equal(walked, flat)
    assert all(part.size <= limit for part in parts)


@given(st.integers(0, 50), st.integers(1, 9))
def test_pieces_walk_the_flat_array(size: int, limit: int) -> None:
    parts = list(pieces(np.arange(size), limit))
    assert [int(x) for part in parts for x in part] == list(range(size))
    assert all(part.size <= limit for part in parts)
