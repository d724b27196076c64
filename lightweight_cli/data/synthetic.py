"""Seeded synthetic inputs for any model, for when there is no data."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lightweight_cli.data.arrays import arrays
from lightweight_cli.data.batches import Batch, Batches, sample_count
from lightweight_cli.data.conform import element, is_sequence
from lightweight_cli.data.hints import Hint, read_hints
from lightweight_cli.errors import printable
from lightweight_cli.runtime.sessions import Dim, Interface, Port, reason

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession

MOST_SILENT = 6
"""Plans tried that run but give one output for all inputs, before the first of them is taken."""
MOST_ELEMENTS = 64 << 20
"""Elements of all inputs of a batch; a model that fixes more is not run."""
SAMPLES = 16
BATCH = 4
SEQUENCE = (32, 16, 8, 64, 128, 4, 2, 1, 256, 512, 1024, 4096, 16000)
"""Lengths tried where the model leaves one open: text, time, features."""
PIXELS = (224, 64, 48, 32, 128, 256, 320, 640, 16, 8, 4, 2, 1)
"""Heights and widths tried, side by side with SEQUENCE."""
SQUARE = (32, 16, 8, 2, 64)
PAST = 4
WORDS = ["a", "model", "of few words"]
GREY = 8
"""Pixels to a side of the patches that make up a synthetic image."""
Style = str
STYLES: tuple[Style, ...] = ("plausible", "ones", "zeros", "counting")
"""Integers without a known meaning: drawn from {0, 1}, all one, all zero, or 0, 1, 2, ..."""


class Plan(NamedTuple):
    """What to fill in where the model leaves it open."""

    batch: int
    length: int
    pixels: int
    style: Style


def synthetic_batches(session: InferenceSession, model: Interface, skeleton: onnx.ModelProto | None, seed: int,
                      attempt: Callable[[], None], late: Callable[[], bool] = lambda: False) -> Batches | str:
    """Find inputs that the model runs on, trying one plan after the other, until it is `late`.

    `attempt` is called before each trial run. A plan with finite outputs is preferred.
    Returns: the batches, or why there are none.
    """
    odd = next((p for p in model.inputs if element(p) is None), None)
    if odd is not None:
        return f'no synthetic inputs: "{printable(odd.name)}" is {odd}'
    hints = read_hints(skeleton)
    second: Plan | None = None
    failure = "no synthetic inputs were found"
    tried: set[tuple[Any, ...]] = set()
    silent = 0
    for plan in plans():
        shapes = _shapes(model.inputs, hints, plan)
        key = (tuple(sorted(shapes.items())), plan.style)
        if key in tried:
            continue
        if len(tried) and late():
            break
        tried.add(key)
        elements = sum(float(np.prod(s, dtype=float)) for s in shapes.values())
        if elements > MOST_ELEMENTS:
            failure = f"no synthetic inputs: they would have {elements:.3g} elements; {MOST_ELEMENTS:,} are the most"
            continue
        attempt()
        try:
            outputs, others = (session.run(None, make_feed(model, hints, plan, seed, number)) for number in (0, 1))
        except Exception as error:  # onnxruntime's exceptions have no common base
            failure = f"the original does not run on synthetic inputs ({reason(error)}); give --data"
            continue
        telling = not model.inputs or any(_differ(o, p) for o, p in zip(outputs, others, strict=True))
        finite = all(np.isfinite(a).all() for o in outputs for a in arrays(o) if a.dtype.kind == "f")
        if finite and telling:
            return _batches(model, hints, plan, seed)
        if second is None or (finite and not silent):
            second = plan
        if finite:  # too short for the model, or a model whose output is always the same
            silent += 1
            if silent == MOST_SILENT:
                break
    return _batches(model, hints, second, seed) if second else failure


def _differ(a: Any, b: Any) -> bool:
    """Whether two runs gave different values for an output."""
    first, second = arrays(a), arrays(b)
    return len(first) != len(second) or not all(map(np.array_equal, first, second))


def plans() -> Iterator[Plan]:
    """Yield the plans, the most telling first."""
    for style in STYLES:
        for length, pixels in zip(SEQUENCE, PIXELS, strict=True):
            yield Plan(BATCH, length, pixels, style)
            yield Plan(1, length, pixels, style)
        for length in SQUARE:  # where the first axis is no batch, but as long as another
            yield Plan(length, length, length, style)


class Generated:
    """Batches made on demand, the same each time."""

    def __init__(self, model: Interface, hints: dict[str, Hint], plan: Plan, seed: int, count: int) -> None:
        self.model, self.hints, self.plan, self.seed, self.count = model, hints, plan, seed, count

    def __iter__(self) -> Iterator[Batch]:
        for number in range(self.count):
            feed = make_feed(self.model, self.hints, self.plan, self.seed, number)
            yield Batch(feed, sample_count(feed), tuple(p.name for p in self.model.inputs if p.shape
                                                        and not isinstance(p.shape[0], int) and not is_sequence(p)))


def _batches(model: Interface, hints: dict[str, Hint], plan: Plan, seed: int) -> Batches:
    samples = sample_count(make_feed(model, hints, plan, seed, 0))
    count = max(1, SAMPLES // max(1, samples)) if model.inputs else 1
    return Batches([Generated(model, hints, plan, seed, count)], count=count, synthetic=True)


def make_feed(model: Interface, hints: dict[str, Hint], plan: Plan, seed: int, number: int) -> dict[str, Any]:
    """Return batch `number` of a plan."""
    shapes = _shapes(model.inputs, hints, plan)
    feed: dict[str, Any] = {}
    for port in model.inputs:
        rng = np.random.default_rng([seed, number, zlib.crc32(port.name.encode("utf-8", "surrogateescape"))])
        hint = hints.get(port.name) or Hint()
        if is_sequence(port):
            feed[port.name] = [_values(port, shapes[port.name], hint, plan, shapes, rng) for _ in range(3)]
        else:
            feed[port.name] = _values(port, shapes[port.name], hint, plan, shapes, rng)
    return feed


def _shapes(ports: tuple[Port, ...], hints: dict[str, Hint], plan: Plan) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input; equal symbols are equal lengths."""
    symbols: dict[str, int] = {}
    for port in ports:
        for axis, dim in enumerate(port.shape):
            if isinstance(dim, str) and dim.isidentifier() and dim not in symbols:
                symbols[dim] = _length(port, axis, dim, hints.get(port.name), plan)
    shapes: dict[str, tuple[int, ...]] = {}
    for port in ports:
        hint = hints.get(port.name)
        if not port.shape and (is_sequence(port) or (hint is not None and hint.rank is None)):
            shapes[port.name] = (plan.batch, plan.length)
            continue
        shapes[port.name] = tuple(
            dim if isinstance(dim, int) and dim >= 0 else _symbol(dim, symbols) or _length(port, axis, dim, hint, plan)
            for axis, dim in enumerate(port.shape))
    return shapes


def _symbol(dim: Dim, symbols: dict[str, int]) -> int | None:
    """Return the length of a symbol, or of a sum of symbols like "past + sequence"."""
    if not isinstance(dim, str):
        return None
    terms = [symbols.get(t, int(t) if t.isdigit() else None) for t in re.split(r"\s*\+\s*", dim)]
    return sum(t for t in terms if t is not None) if None not in terms else None


def _length(port: Port, axis: int, dim: Dim, hint: Hint | None, plan: Plan) -> int:
    """Return a length for an open dimension, from its name and place."""
    name, rank = str(dim or "").lower(), len(port.shape)
    if "total" in name:
        return plan.length + PAST
    if "past" in name:
        return PAST
    if re.search(r"batch|^n$|^b$", name):
        return plan.batch
    if re.search(r"seq|len|time|token|frame", name):
        return plan.length
    if axis == 0 or (rank == 3 and axis == 1 and isinstance(port.shape[0], int) and isinstance(port.shape[2], int)):
        return plan.batch  # the second: a recurrent state [layers, batch, size]
    if rank == 4 and _is_image(port):
        channels = 3 if port.shape[3] in (1, 3, 4) and port.shape[1] not in (1, 3, 4) else 1
        return plan.pixels if axis != channels else 3
    if rank == 5 and axis > 1:
        return min(plan.length, 16)
    return plan.length


def _is_image(port: Port) -> bool:
    """Whether a shape of four axes has colour channels, first or last, in front of open or large sides."""
    return len(port.shape) == 4 and (port.shape[1] in (1, 3, 4) or port.shape[3] in (1, 3, 4))


def _values(port: Port, shape: tuple[int, ...], hint: Hint, plan: Plan, shapes: dict[str, tuple[int, ...]],
            rng: np.random.Generator) -> np.ndarray:
    """Return an array for an input, as plausible as its use and name tell."""
    kind = np.dtype(element(port) or "float32")
    name = port.name.lower()
    size = int(np.prod(shape))
    if kind.kind == "O":
        return rng.choice(np.asarray(hint.words or WORDS, object), shape)
    if hint.below:
        if "position" in name and shape:
            return np.broadcast_to(np.arange(shape[-1]) % hint.below, shape).astype(kind)
        return rng.integers(0, hint.below, shape).astype(kind)
    if "mask" in name:
        return _mask(shape).astype(kind)
    if hint.length or re.search(r"len(gth)?s?$", name):
        ahead = [d for n, s in shapes.items() if n != port.name and len(s) > 1 for d in s[:2] if d > 1]
        return np.full(shape, hint.longest or min(ahead, default=1)).astype(kind)
    if hint.exact is not None and len(shape) == 1 and kind.kind in "iu" and shape[0] == len(hint.exact):
        return np.asarray(hint.exact, kind)
    if kind.kind == "f":
        if "scale" in name and size <= 8:
            return np.ones(shape, kind)
        if size == 1 and len(shape) < 2:
            return rng.random(shape).astype(kind) if shape else np.asarray(rng.random(), kind)
        return (_image(shape, _is_image(port) and port.shape[3] in (1, 3, 4) and port.shape[1] not in (1, 3, 4), rng)
                if _is_image(port) else rng.standard_normal(shape)).astype(kind)
    if kind.kind == "b":
        return rng.integers(0, 2, shape) > 0 if plan.style == "plausible" else np.full(shape, plan.style == "ones")
    if plan.style == "counting":
        return np.arange(size).reshape(shape).astype(kind)
    if plan.style != "plausible":
        return np.full(shape, int(plan.style == "ones"), kind)
    wanted = [v for v in hint.compared if v == int(v) and np.iinfo(kind).min <= v <= np.iinfo(kind).max]
    if len(wanted) >= 8 or (wanted and size == 1):
        return rng.choice(np.asarray(sorted(set(wanted))), shape).astype(kind)
    if kind == np.uint8 or hint.convolved:
        return rng.integers(0, min(256, np.iinfo(kind).max + 1), shape).astype(kind)
    return rng.integers(0, 2, shape).astype(kind)


def _mask(shape: tuple[int, ...]) -> np.ndarray:
    """Return ones, with padding at the end of every second row."""
    mask = np.ones(shape)
    if len(shape) > 1:
        mask[1::2, ..., shape[-1] - shape[-1] // 4 :] = 0
    return mask


def _image(shape: tuple[int, ...], channels_last: bool, rng: np.random.Generator) -> np.ndarray:
    """Return images in [0, 1]: patches of grey levels with some noise."""
    count, (height, width) = shape[0], (shape[1:3] if channels_last else shape[2:])
    channels = shape[3] if channels_last else shape[1]
    coarse = rng.random((count, channels, -(-height // GREY), -(-width // GREY)))
    image = coarse.repeat(GREY, 2).repeat(GREY, 3)[:, :, :height, :width]
    image = 0.9 * image + 0.1 * rng.random(image.shape)
    return np.moveaxis(image, 1, 3) if channels_last else image
