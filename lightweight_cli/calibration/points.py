"""Rows that may be taken by number, none made before."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Points(NamedTuple):
    """The places of one array where an operator applies its weight."""

    total: int
    take: Callable[[np.ndarray], np.ndarray]
    """The rows of these numbers, [groups, n, inputs]."""


def grouped(x: np.ndarray, groups: int, inputs: int) -> Points:
    """Return the rows of an array whose first axes are groups and whose last are inputs; each place of the others is a row."""
    places = x.shape[groups : x.ndim - inputs]

    def take(index: np.ndarray) -> np.ndarray:
        at = np.unravel_index(index, places) if places else (np.zeros_like(index),)
        seen = x if places else np.expand_dims(x, groups)
        found = seen[(slice(None),) * groups + at]
        return found.reshape(math.prod(x.shape[:groups]), len(index), -1)

    return Points(math.prod(places), take)


def chosen(total: int, most: int, seed: tuple[int, ...]) -> np.ndarray:
    """Return at most `most` of `total` numbers, drawn by the seed, in order."""
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, most, replace=False, shuffle=False))
