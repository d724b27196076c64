"""Many samples of few: images are moved a little, and samples of floats are mixed. The teacher answers for those as for any other.

Source: Beyer et al. 2022, arXiv:2106.05237 (a teacher that sees what the student sees, and mixtures).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

SHARE, FEW = 0.5, 128
"""Share of the images that are moved, and of the samples that are mixed with another, in any proportion, where there are so few samples: a
quarter stays as it is. More samples need variations less, and students of few weights have no room for them (share_of): the teacher's
choice on other images was met, with a share of .5, of .25 and of less, on

    102 samples, half the channels or 98.5 % zeros   .936  .930        .666  .638
    400 samples, 95 % zeros                          .819  .833  0: .839
    10,000 samples, half the channels                .949  .952  .06: .953
"""
TURN, STRETCH, SHIFT = 0.25, 0.12, 0.08
"""The most that an image is moved: turned in radians (square ones), stretched each way by a share, shifted by a share of its size."""
LEAST, CHANNELS = 8, 4
"""Pixels of a side from which a float input of four axes is taken for an image; and channels at most where they stand last."""


def share_of(samples: int) -> float:
    """Return the share of samples that are varied, by how many there are to learn from."""
    return SHARE * min(1.0, math.sqrt(FEW / samples))


def mixed(feed: Mapping[str, np.ndarray], random: np.random.Generator, share: float) -> dict[str, np.ndarray]:
    """Return inputs [n, ...], a share of the samples of floats mixed with others, the same in all inputs."""
    count = len(next(iter(feed.values())))
    some = random.random(count, np.float32) * (random.random(count) < share)
    other = random.permutation(count)
    return {n: v + _beside(some, v) * (v[other] - v) if is_mixed(v) else v for n, v in feed.items()}


def is_mixed(value: np.ndarray) -> bool:
    """Whether samples of an input can be mixed."""
    return bool(value.dtype == np.float32)


def moved(value: np.ndarray, random: np.random.Generator, share: float) -> np.ndarray:
    """Return images [n, c, h, w] or [n, h, w, c], a share of them turned, stretched and shifted a little; any other input as it is."""
    if value.ndim != 4 or value.dtype != np.float32:
        return value
    if min(value.shape[2:]) >= LEAST:
        return _moved(value, random, share)
    if value.shape[3] <= CHANNELS and min(value.shape[1:3]) >= LEAST:
        return np.ascontiguousarray(_moved(value.transpose(0, 3, 1, 2), random, share).transpose(0, 2, 3, 1))
    return value


def _moved(images: np.ndarray, random: np.random.Generator, share: float) -> np.ndarray:
    """Return images whose pixels come from a turned, stretched, shifted place each, those at the border from the border."""
    count, _, height, width = images.shape
    some = (random.random((count, 1, 1)) < share).astype(np.float64)
    most = some * TURN * min(height, width) / max(height, width)  # or the ends of a line of text would leave the image
    angle = most * random.uniform(-1, 1, (count, 1, 1))
    stretch = np.exp(some * random.uniform(-STRETCH, STRETCH, (2, count, 1, 1)))
    shift = some * random.uniform(-SHIFT, SHIFT, (2, count, 1, 1))
    y, x = np.mgrid[:height, :width]
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    rows = np.cos(angle) * y * stretch[0] - np.sin(angle) * x + shift[0] * height + (height - 1) / 2
    columns = np.sin(angle) * y + np.cos(angle) * x * stretch[1] + shift[1] * width + (width - 1) / 2
    places = np.clip(np.rint(rows), 0, height - 1) * width + np.clip(np.rint(columns), 0, width - 1)
    flat = images.reshape(count, -1, height * width)
    found = np.take_along_axis(flat, places.reshape(count, 1, -1).astype(np.intp), 2)
    return found.reshape(images.shape)


def _beside(some: np.ndarray, value: np.ndarray) -> np.ndarray:
    return some.reshape(-1, *[1] * (value.ndim - 1)).astype(np.float32)
