"""Fake documents: lines of strokes in words, dark on light or the other way round."""

from __future__ import annotations

import numpy as np

from lightweight_cli.data.synthetic.kinds.smooth import smooth

ONE_LINE = 100
"""Pixels of height below which an image is one line of text."""
NEGATIVE = 0.25
GAP = 0.15
PICTURE = 0.1


def documents(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return images [count, channels, height, width] in [0, 1]."""
    count, channels, height, width = shape
    images = np.empty(shape, np.float32)
    for image in images:
        paper, ink = rng.uniform(0.75, 1), rng.uniform(0, 0.35)
        if rng.random() < NEGATIVE:
            paper, ink = ink, paper
        image[:] = np.where(_page(rng, height, width), ink, paper) + 0.03 * rng.standard_normal((channels, 1, 1))
    noise = 0.02 * rng.standard_normal(shape, np.float32)
    return np.asarray(np.clip(smooth(images, 0.6) + noise, 0, 1), np.float32)


def _page(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return where there is ink."""
    page = np.zeros((height, width), bool)
    if height < ONE_LINE:
        size = max(1, int(rng.uniform(0.25, 0.7) * height))
        _line(rng, page, int(rng.uniform(0, max(1, (height - size) * 0.8))), size)
        return page
    size, y = int(rng.uniform(8, 30)), int(rng.uniform(0, 20))
    while y + size // 2 < height:
        _line(rng, page, y, size)
        y += int(size * rng.uniform(1.2, 2))
        if rng.random() < PICTURE:
            picture = page[y : y + int(rng.uniform(0.1, 0.3) * height), width // 8 : width - width // 8]
            picture ^= rng.random(picture.shape) < 0.3
            y += len(picture) + 5
    return page


def _line(rng: np.random.Generator, page: np.ndarray, y: int, size: int) -> None:
    """Write a line of glyphs, each of a few bars, diagonals and rings."""
    x = int(rng.uniform(2, size + 2))
    while x < page.shape[1] - size // 2:
        if rng.random() < GAP:
            x += size // 2 + 1
            continue
        width = int(size * rng.uniform(0.4, 1)) + 1
        glyph = page[y : y + size, x : x + width]
        rows, columns = np.arange(glyph.shape[0])[:, None], np.arange(glyph.shape[1])[None]
        for _ in range(rng.integers(2, 6)):
            thick = max(1, int(size * rng.uniform(0.06, 0.16)))
            at, form = (rng.integers(0, size), rng.integers(0, width)), rng.integers(5)
            if form == 0:
                glyph[max(0, at[0] - thick // 2) : at[0] + thick // 2 + 1] = True
            elif form == 1:
                glyph[:, max(0, at[1] - thick // 2) : at[1] + thick // 2 + 1] = True
            elif form < 4:
                slope = size / width if form == 2 else -size / width
                glyph |= np.abs(rows - at[0] - slope * (columns - at[1])) < thick
            else:
                glyph |= np.abs(np.hypot(rows - at[0], columns - at[1]) - 0.3 * size) < 0.7 * thick
        x += width + max(1, size // 8)
