"""White noise around a middle grey: no picture at all, for judging what was made with pictures."""

from __future__ import annotations

import numpy as np


def noise(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return images [count, channels, height, width] in [0, 1]."""
    return np.clip(0.5 + 0.25 * rng.standard_normal(shape, np.float32), 0, 1)
