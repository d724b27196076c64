"""Patches of grey levels with some noise: hard edges, no structure beyond."""

from __future__ import annotations

import numpy as np

SIDE = 8
"""Pixels to a side of a patch."""


def patches(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return images [count, channels, height, width] in [0, 1]."""
    count, channels, height, width = shape
    coarse = rng.random((count, channels, -(-height // SIDE), -(-width // SIDE)), np.float32)
    image = coarse.repeat(SIDE, 2).repeat(SIDE, 3)[:, :, :height, :width]
    return np.asarray(0.9 * image + 0.1 * rng.random(image.shape, np.float32))
