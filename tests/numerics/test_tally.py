"""Counts of bytes: the same however many are counted as one number."""

import numpy as np
import pytest

from lightweight_cli.numerics.tally import MANY, Tally


@pytest.mark.parametrize("levels", [1, 2, 3, 4, 15, 16, 17, 256])
@pytest.mark.parametrize("size", [0, 5, MANY, MANY + 3])
def test_every_byte_is_counted_once(levels: int, size: int) -> None:
    symbols = np.random.default_rng(size).integers(0, levels, size).astype(np.uint8)
    tally = Tally(levels)
    for part in (symbols, symbols[: size // 2]):
        tally.add(part)
    expected = np.bincount(symbols, minlength=256) + np.bincount(symbols[: size // 2], minlength=256)
    assert np.array_equal(tally.counts(), expected)
