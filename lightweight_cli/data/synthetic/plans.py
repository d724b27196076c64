"""What is filled in where a model leaves it open, the most telling first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

BATCH = 4
SEQUENCE = (32, 16, 8, 64, 128, 4, 2, 1, 256, 512, 1024, 4096, 16000)
"""Lengths tried where the model leaves one open: text, time, features."""
PIXELS = (224, 64, 48, 32, 128, 256, 320, 640, 16, 8, 4, 2, 1)
"""Heights and widths tried, side by side with SEQUENCE."""
LINES = (48, 32)
"""Heights of one line of text, tried where an image of 224 is too high; most recognizers take one of the two."""
LINE_WIDTH = 320
SQUARE = (32, 16, 8, 2, 64)
Style = str
STYLES: tuple[Style, ...] = ("plausible", "ones", "zeros", "counting")
"""Integers without a known meaning: drawn from {0, 1}, all one, all zero, or 0, 1, 2, ..."""


class Plan(NamedTuple):
    """What to fill in where the model leaves it open."""

    batch: int
    length: int
    pixels: int
    style: Style
    width: int | None = None
    """Of images; None: as high as wide, but a line of text where the model fixes such a height."""


def plans() -> Iterator[Plan]:
    """Yield the plans, the most telling first."""
    for style in STYLES:
        for length, pixels in zip(SEQUENCE, PIXELS, strict=True):
            yield Plan(BATCH, length, pixels, style)
            yield Plan(1, length, pixels, style)
            if pixels == PIXELS[0]:
                yield from (Plan(BATCH, length, height, style, LINE_WIDTH) for height in LINES)
        for length in SQUARE:  # where the first axis is no batch, but as long as another
            yield Plan(length, length, length, style)
