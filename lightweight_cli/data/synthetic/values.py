"""The values of one input, as plausible as its use and name tell."""

from __future__ import annotations

import re

import numpy as np

from lightweight_cli.data.conform import element
from lightweight_cli.data.hints import Hint
from lightweight_cli.data.synthetic.kinds.choices import CHOICES, choices
from lightweight_cli.data.synthetic.kinds.images import ALL, IMAGES, MIX, images
from lightweight_cli.data.synthetic.kinds.tokens import tokens
from lightweight_cli.data.synthetic.plans import Plan
from lightweight_cli.data.synthetic.ranges import UNIT, Range, ranged
from lightweight_cli.data.synthetic.shapes import is_channels_last, is_image
from lightweight_cli.runtime.sessions import Port

WORDS = ["a", "model", "of few words"]
MANY = 8
"""Values compared with from which they are taken for all that the input may be, such as bytes."""
TEXTS = ("tokens", "padded")
"""Token ids: whole rows, or the end of every second one masked."""


def kinds_of(port: Port, hint: Hint) -> tuple[str, ...]:
    """Return the kinds of values that an input may be fed with; none where there is one way only."""
    kind = np.dtype(element(port) or "float32")
    if hint.below:
        return TEXTS if len(port.shape) > 1 or hint.rank is None else ()
    if "mask" in port.name.lower():
        return ()
    if kind.kind in "iu" and len(_compared(hint, kind)) >= MANY:
        return CHOICES
    if is_image(port) and (kind.kind == "f" or kind == np.uint8):
        return tuple(IMAGES)
    return ()


def values(port: Port, shape: tuple[int, ...], hint: Hint, plan: Plan, shapes: dict[str, tuple[int, ...]],
           rng: np.random.Generator, kind: str, ranges: tuple[Range, ...] = (UNIT,), at: int = 0) -> np.ndarray:
    """Return an array for an input; `kind` is what kinds_of has, `at` the number of its first sample."""
    dtype = np.dtype(element(port) or "float32")
    name, size = port.name.lower(), int(np.prod(shape))
    if dtype.kind == "O":
        return rng.choice(np.asarray(hint.words or WORDS, object), shape)
    if hint.below:
        if "position" in name and shape:
            return np.broadcast_to(np.arange(shape[-1]) % hint.below, shape).astype(dtype)
        if re.search(r"segment|token_type|type_id", name):
            return np.zeros(shape, dtype) if kind == TEXTS[0] else rng.integers(0, hint.below, shape).astype(dtype)
        return tokens(rng, shape, hint.below, kind == TEXTS[0]).astype(dtype)
    if "mask" in name:
        return _mask(shape, kind != TEXTS[0]).astype(dtype)
    if hint.length or re.search(r"len(gth)?s?$", name):
        ahead = [d for n, s in shapes.items() if n != port.name and len(s) > 1 for d in s[:2] if d > 1]
        return np.full(shape, hint.longest or min(ahead, default=1)).astype(dtype)
    if hint.exact is not None and len(shape) == 1 and dtype.kind in "iu" and shape[0] == len(hint.exact):
        return np.asarray(hint.exact, dtype)
    if is_image(port) and (dtype.kind == "f" or dtype == np.uint8) and len(shape) == 4:
        return _image(shape, is_channels_last(port), rng, kind, ranges, at, dtype)
    return _numbers(shape, size, hint, plan, rng, kind, dtype, "scale" in name)


def _numbers(shape: tuple[int, ...], size: int, hint: Hint, plan: Plan, rng: np.random.Generator, kind: str, dtype: np.dtype,
             scale: bool) -> np.ndarray:
    """Return numbers whose meaning is not known, or no more than what they are compared with."""
    if dtype.kind == "f":
        if scale and size <= 8:
            return np.ones(shape, dtype)
        if size == 1 and len(shape) < 2:
            return rng.random(shape).astype(dtype) if shape else np.asarray(rng.random(), dtype)
        return rng.standard_normal(shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape) > 0 if plan.style == "plausible" else np.full(shape, plan.style == "ones")
    if plan.style == "counting":
        return np.arange(size).reshape(shape).astype(dtype)
    if plan.style != "plausible":
        return np.full(shape, int(plan.style == "ones"), dtype)
    wanted = _compared(hint, dtype)
    if len(wanted) >= MANY or (len(wanted) and size == 1):
        return choices(kind, rng, shape, wanted).astype(dtype)
    if dtype == np.uint8 or hint.convolved:
        return rng.integers(0, min(256, np.iinfo(dtype).max + 1), shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)


def _compared(hint: Hint, dtype: np.dtype) -> np.ndarray:
    """Return the values of this type that the input is compared with."""
    if dtype.kind not in "iu":
        return np.empty(0)
    return np.asarray(sorted({v for v in hint.compared if v == int(v) and np.iinfo(dtype).min <= v <= np.iinfo(dtype).max}))


def _mask(shape: tuple[int, ...], padded: bool) -> np.ndarray:
    """Return ones; if `padded`, with padding at the end of every second row."""
    mask = np.ones(shape)
    if padded and len(shape) > 1:
        mask[1::2, ..., shape[-1] - shape[-1] // 4 :] = 0
    return mask


def _image(shape: tuple[int, ...], channels_last: bool, rng: np.random.Generator, kind: str, ranges: tuple[Range, ...], at: int,
           dtype: np.dtype) -> np.ndarray:
    """Return images in their ranges, which take turns; integers as bytes."""
    count, channels, height, width = (shape[0], shape[3], *shape[1:3]) if channels_last else shape
    image = images(kind if kind in ALL else MIX, rng, (count, channels, height, width))
    if dtype.kind != "f":
        image = 255 * image
    else:
        for number, each in enumerate(ranges):
            rows = slice((number - at) % len(ranges), None, len(ranges))
            image[rows] = ranged(image[rows], each)
    return (np.moveaxis(image, 1, 3) if channels_last else image).astype(dtype)
