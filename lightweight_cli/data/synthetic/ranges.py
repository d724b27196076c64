"""In which range a model takes its images: inferred from its first layer, and from whether its outputs move.

A model that normalizes its images itself says it. Else the first layer was trained on inputs of one range:
BatchNormalization behind it knows the spread of its outputs, |gamma|; without one, a bias is about as large as what it is
added to. On four of four models with known preprocessing this finds the family of the range (within a factor of 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lightweight_cli.data.synthetic.normalizing import Normalizing


class FirstLayer(NamedTuple):
    """A Conv that reads an input."""

    weight: np.ndarray  # [outputs, channels, height, width]
    bias: np.ndarray | None  # [outputs]
    gamma: np.ndarray | None  # [outputs], of a BatchNormalization behind it
    before: Normalizing | None = None  # what the model does to its images itself


class Range(NamedTuple):
    """How images in [0, 1] become what the model takes: x * scale + shift, of each channel."""

    name: str
    scale: tuple[float, ...]
    shift: tuple[float, ...]


UNIT = Range("0 to 1", (1.0,), (0.0,))
SIGNED = Range("-1 to 1", (2.0,), (-1.0,))
IMAGENET = Range("normalized as for ImageNet", (1 / 0.229, 1 / 0.224, 1 / 0.225), (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225))
BYTES = Range("0 to 255", (255.0,), (0.0,))
CAFFE = Range("0 to 255, less the mean", (255.0,), (-104.0, -117.0, -123.0))
RANGES = (UNIT, SIGNED, IMAGENET, BYTES, CAFFE)
USUAL = 0.5
"""Spread of normalized images: .25 to 1.1 in the ranges above."""
PROBES = 2048
"""Places of the images at which the first layer is computed."""
DEAD = 0.05
"""Share of an output's power that must be variation between images: below, inputs of this range do not reach it."""


def ranged(image: np.ndarray, which: Range) -> np.ndarray:
    """Return images [count, channels, height, width] in another range."""
    channels = image.shape[1]
    scale, shift = (np.asarray(v if len(v) == channels else [float(np.mean(v))] * channels, np.float32)[:, None, None]
                    for v in (which.scale, which.shift))
    return np.asarray(image * scale + shift, np.float32)


def likely(layer: FirstLayer | None, sample: np.ndarray) -> list[Range]:
    """Return the ranges, the likeliest first, for images [count, channels, height, width] in [0, 1]."""
    found = list(RANGES)
    before = layer.before if layer is not None else None
    if before is not None:
        return sorted(found, key=lambda r: _far(before, ranged(sample, r)))
    if layer is None or layer.weight.ndim != 4 or layer.weight.shape[1] != sample.shape[1]:
        return found
    if any(have < want for have, want in zip(sample.shape[2:], layer.weight.shape[2:], strict=True)):
        return found
    rms = 0.0 if layer.bias is None else float(np.sqrt(np.mean(np.square(layer.bias, dtype=np.float64))))
    if layer.gamma is None and not rms > 0:
        return found
    distance = {}
    for which in found:
        spread = _spread(layer.weight, ranged(sample, which))
        wanted = np.abs(layer.gamma) if layer.gamma is not None else np.full(1, rms)
        have = spread if layer.gamma is not None else np.median(spread, keepdims=True)
        distance[which.name] = round(float(np.median(np.abs(np.log((have + 1e-9) / (wanted + 1e-9))))), 3)  # a shift changes nothing
    return sorted(found, key=lambda r: distance[r.name])


def _far(before: Normalizing, images: np.ndarray) -> float:
    """Return how far images are from a mean of 0 and a usual spread, once a model has normalized them."""
    channels = images.shape[1]
    scale, shift = (np.resize(v if v.size in (1, channels) else v.mean(), channels)[:, None, None] for v in before)
    done = images * scale + shift
    spread = float(done.std()) + 1e-12
    return round(abs(float(np.log(spread / USUAL))) + abs(float(done.mean())) / (2 * spread), 3)


def _spread(weight: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each of a Conv's outputs, at some places of the images."""
    windows = np.lib.stride_tricks.sliding_window_view(images, weight.shape[2:], axis=(2, 3))  # [n, c, y, x, kh, kw]
    n, _, height, width = windows.shape[:4]
    rng = np.random.default_rng(0)
    at = (rng.integers(0, n, PROBES), slice(None), rng.integers(0, height, PROBES), rng.integers(0, width, PROBES))
    rows = windows[at].reshape(PROBES, -1)
    spread: np.ndarray = (rows @ weight.reshape(len(weight), -1).T).std(0)
    return spread


def moves(outputs: Sequence[np.ndarray]) -> bool:
    """Whether any of a model's outputs [images, ...] varies between images."""
    for output in outputs:
        if output.dtype.kind != "f" or len(output) < 2:
            continue
        values = output.reshape(len(output), -1).astype(np.float64)
        power = float(np.square(values).sum())
        if power > 0 and np.isfinite(power) and float(np.square(values - values.mean(0)).sum()) >= DEAD * power:
            return True
    return False
