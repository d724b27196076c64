"""Rows that may be taken by number, none made before."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Points(NamedTuple):
    """The places of one array where an operator applies its weight."""

    total: int
    take: Callable[[np.ndarray], np.ndarray]
    """The rows of these numbers, [groups, n, inputs]."""


def chosen(total: int, most: int, seed: tuple[int, ...]) -> np.ndarray:
    """Return at most `most` of `total` numbers, drawn by the seed, in order."""
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, most, replace=False, shuffle=False))
