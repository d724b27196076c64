"""Dead leaves: shapes of all sizes that lie over each other, as things do in a photograph.

Of all kinds measured, what a model does on these tells best what it does on real images.
Source: Lee, Mumford, Huang 2001, "Occlusion models for natural images"; Baradad et al. 2021, arXiv:2106.05963.
"""

from __future__ import annotations

import numpy as np

from lightweight_cli.data.synthetic.kinds.smooth import smooth

LEAVES = 60


def leaves(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return images [count, channels, height, width] in [0, 1]."""
    count, channels, height, width = shape
    images = np.empty(shape, np.float32)
    side = min(height, width)
    for image in images:
        image[:] = rng.random((channels, 1, 1))
        for radius in np.sort(np.clip(side * 0.06 * rng.pareto(1.5, LEAVES) + 2, 2, max(2.0, side * 0.6)))[::-1]:
            _lay(rng, image, float(radius))
    noise = 0.01 * rng.standard_normal(shape, np.float32)
    return np.asarray(np.clip(smooth(images, 0.5) + noise, 0, 1), np.float32)


def _lay(rng: np.random.Generator, image: np.ndarray, radius: float) -> None:
    """Lay an ellipse, a rectangle or a triangle over an image, with a gradient and a texture of its own."""
    channels, height, width = image.shape
    y, x, turn = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0, np.pi)
    flat, form = rng.uniform(0.3, 1), rng.integers(3)
    reach = radius if form == 0 else 1.5 * radius
    rows, columns = slice(max(0, int(y - reach)), int(y + reach) + 1), slice(max(0, int(x - reach)), int(x + reach) + 1)
    under = image[:, rows, columns]
    dy, dx = np.arange(under.shape[1])[:, None] + rows.start - y, np.arange(under.shape[2])[None] + columns.start - x
    u, v = (dx * np.cos(turn) + dy * np.sin(turn)) / radius, (dy * np.cos(turn) - dx * np.sin(turn)) / (radius * flat)
    inside = (u * u + v * v < 1) if form == 0 else (np.abs(u) < 1) & (np.abs(v) < 1) if form == 1 else (v > -1) & (v < 1 - 2 * np.abs(u))
    colour = np.clip(rng.random() + 0.15 * rng.standard_normal((channels, 1)), 0, 1)
    texture = 0.3 * rng.standard_normal() * u + rng.choice([0, 0.05, 0.15]) * rng.standard_normal(u.shape, np.float32)
    under[:, inside] = np.clip(colour + texture[inside], 0, 1)
